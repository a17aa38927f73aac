"""A plan's picture as JSON: boxes and lines, for tools that draw their own."""

from __future__ import annotations

import json

from headgate.plan import JsonObject
from headgate.render.picture import Node, Picture


def graph_json(picture: Picture) -> str:
    """`{"nodes": [...], "links": [...]}`; a loop's node holds the same under `body`."""
    return json.dumps(_scope(picture), indent=2, ensure_ascii=False) + "\n"


def _scope(picture: Picture) -> JsonObject:
    return {
        "nodes": [_node(node) for node in picture.nodes],
        "links": [
            {"source": link.source, "target": link.target, "on": link.on, "label": link.label} for link in picture.links
        ],
    }


def _node(node: Node) -> JsonObject:
    return {
        "key": node.key,
        "name": node.name,
        "kind": node.kind,
        "detail": node.detail,
        "title": node.title,
        "gates": list(node.gates),
        "reversibility": node.reversibility,
        "status": node.status,
        "body": _scope(node.body) if node.body else None,
    }
