"""A plan's picture as indented text: every step in order, below it what leads to it. For terminals and for diffs."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.plan import ENTRY
from headgate.render.picture import TRIGGER, Link, Node, Picture


def graph_text(picture: Picture, title: str) -> str:
    """One line a step, with the edges that lead to it; what a loop repeats is indented."""
    return "\n".join([title, *_scope(picture, "  ")]) + "\n"


def _scope(picture: Picture, indent: str) -> Iterator[str]:
    incoming: dict[str, list[Link]] = {}
    for link in picture.links:
        incoming.setdefault(link.target, []).append(link)
    shown = [node for node in picture.nodes if node.key != ENTRY and not node.key.endswith("*")]
    width = max((len(node.name) for node in shown), default=0)
    for node in shown:
        edges = ", ".join(_edge(link) for link in incoming.get(node.key, []) if link.source != ENTRY)
        marks = "".join(f"  [{mark}]" for mark in _marks(node))
        arrow = f"  <- {edges}" if edges else ""
        yield f"{indent}{node.name.ljust(width)}  {node.detail}{marks}{arrow}".rstrip()
        if node.body:
            yield from _scope(node.body, indent + "    ")


def _marks(node: Node) -> list[str]:
    marks = [f"gate: {gate}" for gate in node.gates]
    if node.reversibility == "irreversible":
        marks.append("irreversible")
    return [*marks, node.status] if node.status else marks


def _edge(link: Link) -> str:
    name = link.source.rpartition(".")[2]
    if link.on == "start":
        return name.removeprefix(f"{TRIGGER} ") + " (trigger)"
    if name == "*":
        return "any step (failed)"
    return f"{name} ({link.label})" if link.label else name
