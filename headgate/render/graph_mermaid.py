"""A plan's picture as a Mermaid flowchart, for the Markdown that renders it."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.plan import ENTRY
from headgate.render.graph_style import KIND_GROUPS, LIGHT, STATUS_COLOURS
from headgate.render.picture import ANY_STEP, TRIGGER, Node, Picture

_RESERVED = {
    "end", "graph", "flowchart", "subgraph", "style", "class", "classdef", "click", "linkstyle", "default", "direction",
    "call", "href", "interpolate",
}  # fmt: skip
_SHAPES: dict[str, tuple[str, str]] = {
    TRIGGER: ("([", "])"),
    ANY_STEP: ("([", "])"),
    "switch": ("{{", "}}"),
    "human": ("(", ")"),
    "delay": ("([", "])"),
    "fail": ("[[", "]]"),
    "finish": ("[[", "]]"),
}
_DASHED = {"read", "finished"}


def graph_mermaid(picture: Picture) -> str:
    """The text of a `flowchart TD`."""
    ids = _ids(picture)
    lines = ["flowchart TD", *_scope(picture, ids, "  ")]
    for link in picture.all_links():
        arrow = "-.->" if link.on in _DASHED else "-->"
        label = f"|{_quoted(link.label)}|" if link.label else ""
        lines.append(f"  {ids[link.source]} {arrow}{label} {ids[link.target]}")
    lines += _classes(picture, ids)
    return "\n".join(lines) + "\n"


def _ids(picture: Picture) -> dict[str, str]:
    """A name that Mermaid takes for each box: its own where that is possible."""
    ids: dict[str, str] = {}
    taken: set[str] = set()
    for node in picture.all_nodes():
        name = "start" if node.key == ENTRY else node.key.replace(ANY_STEP, "any_step")
        name = "".join(letter if letter.isalnum() else "_" for letter in name)
        while name.lower() in _RESERVED or name in taken:
            name += "_"
        taken.add(name)
        ids[node.key] = name
    return ids


def _scope(picture: Picture, ids: dict[str, str], indent: str) -> Iterator[str]:
    for node in picture.nodes:
        name = ids[node.key]
        if node.body:
            yield f"{indent}subgraph {name}[{_quoted(f'{node.name}: {node.detail}')}]"
            yield f"{indent}  direction TB"
            yield from _scope(node.body, ids, indent + "  ")
            yield f"{indent}end"
        elif node.key == ENTRY:
            yield f'{indent}{name}((" "))'
        else:
            left, right = _SHAPES.get(node.kind, ("[", "]"))
            yield f"{indent}{name}{left}{_quoted(_text(node))}{right}"


def _text(node: Node) -> str:
    parts = [node.name, node.detail, node.title, *node.gates]
    if node.reversibility == "irreversible":
        parts.append("irreversible")
    return "\n".join(part for part in parts if part)


def _quoted(text: str) -> str:
    """Between double quotes, with the characters that Mermaid or its HTML would read as their own written as codes."""
    codes = {"&": "#amp;", '"': "#quot;", "<": "#lt;", ">": "#gt;", "#": "#35;", "`": "#96;", "\n": "<br/>"}
    return '"' + "".join(codes.get(letter, letter) for letter in text) + '"'


def _classes(picture: Picture, ids: dict[str, str]) -> Iterator[str]:
    """Colours: of the statuses when the picture shows a run, else of the groups of kinds."""
    classes: dict[str, list[str]] = {}
    colours: dict[str, str] = {}
    for node in picture.all_nodes():
        group = node.status or KIND_GROUPS.get(node.kind, "other")
        colour = STATUS_COLOURS.get(node.status, group)
        if colour in LIGHT:
            classes.setdefault(group, []).append(ids[node.key])
            colours[group] = LIGHT[colour]
    for group, names in classes.items():
        yield f"  classDef {group}_ stroke:{colours[group]},stroke-width:2px"
        yield f"  class {','.join(names)} {group}_"
