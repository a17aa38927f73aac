"""What a drawing explains below itself: only what occurs in it."""

from __future__ import annotations

from headgate.render.graph_style import GROUP_TEXTS, KIND_GROUPS, STATUS_COLOURS
from headgate.render.picture import Picture

_LINES = {
    "completed": "after it completed",
    "case": "a case of a switch",
    "failed": "after it failed",
    "denied": "after it was denied",
    "finished": "after it ended, however",
    "read": "reads its result",
}


def legend_entries(picture: Picture) -> list[tuple[str, str, str]]:
    """`(shape, style name, text)` of each entry; shape is `stripe`, `line`, `badge` or `lamp`."""
    nodes = list(picture.all_nodes())
    groups = {KIND_GROUPS.get(node.kind, "other") for node in nodes if not node.kind.startswith("$")}
    lines = {"case" if link.on == "else" else link.on for link in picture.all_links()}
    statuses = {node.status for node in nodes}
    entries = [("stripe", group, text) for group, text in GROUP_TEXTS.items() if group in groups]
    entries += [("line", name, text) for name, text in _LINES.items() if name in lines]
    if any(node.gates for node in nodes):
        entries.append(("badge", "gate", "a person decides"))
    if any(node.reversibility == "irreversible" for node in nodes):
        entries.append(("badge", "irreversible", "cannot be undone"))
    entries += [("lamp", status, status) for status in STATUS_COLOURS if status in statuses]
    return entries
