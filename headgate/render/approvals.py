"""The inbox, as a table and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from headgate.plan import Json, JsonObject
from headgate.render.tables import Cell, table
from headgate.render.words import approval_look, moment, timestamp

_KEYS = (
    "id", "run", "step", "status", "title", "assignees", "reversibility", "expires_at", "on_expiry", "decided_by",
    "decided_at", "comment",
)  # fmt: skip
_TIMES = {"expires_at", "decided_at"}


def approval_object(approval: Mapping[str, object]) -> JsonObject:
    """One approval, given by its fields, as JSON."""
    return {key: _plain(key, approval[key]) for key in _KEYS}


def approvals_text(approvals: Sequence[Mapping[str, object]], *, width: int | None, colour: bool) -> str:
    """A line an approval; a sentence when there is none."""
    if not approvals:
        return "no approvals\n"
    rows = []
    for approval in approvals:
        mark, shade = approval_look(str(approval["status"]))
        decided = approval["decided_by"]
        rows.append(
            (
                str(approval["id"]),
                str(approval["step"]),
                Cell(f"{mark} {approval['status']}", shade),
                str(approval["reversibility"] or "-"),
                f"by {decided}" if decided else moment(_milliseconds(approval["expires_at"])),
                ", ".join(map(str, _list(approval["assignees"]))) or "anybody",
                str(approval["title"] or ""),
            )
        )
    heads = ("approval", "step", "status", "reversibility", "expires (UTC)", "asks", "question")
    return table(heads, rows, width=width, colour=colour)


def _plain(key: str, value: object) -> Json:
    if key in _TIMES:
        return timestamp(_milliseconds(value))
    if key == "assignees":
        return [str(each) for each in _list(value)]
    return None if value is None else str(value)


def _milliseconds(value: object) -> int | None:
    return value if isinstance(value, int) else None


def _list(value: object) -> list[object]:
    return list(value) if isinstance(value, list | tuple) else []
