"""A plan's picture as Graphviz DOT."""

from __future__ import annotations

from collections.abc import Iterator
from json import dumps

from headgate.plan import ENTRY
from headgate.render.graph_style import KIND_GROUPS, LIGHT, STATUS_COLOURS
from headgate.render.picture import ANY_STEP, TRIGGER, Link, Node, Picture

_ROUND = {TRIGGER, ANY_STEP}
_STYLES = {"read": "dotted", "finished": "dashed"}


def graph_dot(picture: Picture, name: str) -> str:
    """The text of a `digraph`; loops are clusters, and a line to a loop ends at its cluster's edge."""
    bodies = {node.key: node.body for node in picture.all_nodes() if node.body}
    lines = [f"digraph {_quoted(name)} {{", '  compound=true; node [shape=box, style=rounded, fontname="Helvetica"];']
    lines += _scope(picture, "  ")
    lines += [_link(link, bodies) for link in picture.all_links()]
    return "\n".join([*lines, "}"]) + "\n"


def _scope(picture: Picture, indent: str) -> Iterator[str]:
    for node in picture.nodes:
        if node.body:
            yield f"{indent}subgraph {_quoted('cluster ' + node.key)} {{"
            yield f"{indent}  label={_quoted(_text(node))}; style=dashed;"
            yield from _scope(node.body, indent + "  ")
            yield f"{indent}}}"
        elif node.key == ENTRY:
            yield f'{indent}{_quoted(ENTRY)} [shape=point, width=0.15, label=""];'
        else:
            shape = ", shape=oval" if node.kind in _ROUND else ""
            yield f"{indent}{_quoted(node.key)} [label={_quoted(_text(node))}, color={_quoted(_colour(node))}{shape}];"


def _link(link: Link, bodies: dict[str, Picture]) -> str:
    source, target, marks = link.source, link.target, []
    if source in bodies:
        marks.append(f"ltail={_quoted('cluster ' + source)}")
        source = _inside(source, bodies)
    if target in bodies:
        marks.append(f"lhead={_quoted('cluster ' + target)}")
        target = _inside(target, bodies)
    if link.label:
        marks.append(f"label={_quoted(link.label)}")
    if link.on in _STYLES:
        marks.append(f"style={_STYLES[link.on]}")
    return f"  {_quoted(source)} -> {_quoted(target)}" + (f" [{', '.join(marks)}]" if marks else "") + ";"


def _inside(key: str, bodies: dict[str, Picture]) -> str:
    """Some box inside a cluster that is no cluster itself: DOT draws lines between boxes only."""
    while key in bodies:
        key = bodies[key].nodes[0].key
    return key


def _text(node: Node) -> str:
    return "\n".join(part for part in (node.name, node.detail, node.title, *node.gates) if part)


def _colour(node: Node) -> str:
    return LIGHT.get(STATUS_COLOURS.get(node.status, KIND_GROUPS.get(node.kind, "other")), LIGHT["line"])


def _quoted(text: str) -> str:
    return dumps(text, ensure_ascii=False)
