"""Acts of people and counts of runs, as tables and as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from headgate.plan import Json, JsonObject
from headgate.render.tables import table
from headgate.render.words import moment, timestamp

_SAID = frozenset({"comment", "decision", "task", "expires_at"})
_COUNTS = ("runs", "completed", "failed", "cancelled", "skipped", "open")


def audit_list(acts: Sequence[Mapping[str, object]]) -> list[Json]:
    """Each act as an object; `at` is UTC to the millisecond."""
    return [{name: _plain(name, value) for name, value in act.items()} for act in acts]


def audit_text(acts: Sequence[Mapping[str, object]], *, width: int | None, colour: bool) -> str:
    """A line an act; a sentence when there is none."""
    if not acts:
        return "nobody has done anything\n"
    rows = [
        (
            moment(_whole(act["at"])),
            str(act["actor"]),
            str(act["act"]),
            str(act["object"]),
            str(act["step"] or ""),
            _said(act),
        )
        for act in acts
    ]
    return table(("at (UTC)", "who", "did", "to", "step", "with"), rows, width=width, colour=colour, whole=(3,))


def report_list(rows: Sequence[Mapping[str, object]]) -> list[Json]:
    """Each row as an object."""
    return [{name: _plain(name, value) for name, value in row.items()} for row in rows]


def report_text(rows: Sequence[Mapping[str, object]], *, width: int | None, colour: bool) -> str:
    """A line a workflow and period; a sentence when there is none."""
    if not rows:
        return "no runs\n"
    made = [
        (
            str(row["workflow"]),
            str(row["period"]),
            *(str(row[name] or "") for name in _COUNTS),
            _outcomes(row["outcomes"]),
        )
        for row in rows
    ]
    return table(("workflow", "period", *_COUNTS, "outcomes"), made, width=width, colour=colour)


def _said(act: Mapping[str, object]) -> str:
    data = act["data"] if isinstance(act["data"], dict) else {}
    reason = [f'"{act["reason"]}"'] if act["reason"] else []
    comment = [f'"{data["comment"]}"'] if data.get("comment") and data["comment"] != act["reason"] else []
    until = data.get("expires_at")
    more = [f"until {moment(until)}"] if isinstance(until, int) else []
    rest = more + [f"{name}={_short(value)}" for name, value in data.items() if name not in _SAID]
    return " ".join([*reason, *comment, *rest])


def _outcomes(value: object) -> str:
    found = value if isinstance(value, dict) else {}
    return ", ".join(f"{count} {name}" for name, count in found.items())


def _short(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _plain(name: str, value: object) -> Json:
    if name == "at":
        return timestamp(_whole(value))
    if isinstance(value, dict):
        made: JsonObject = value
        return made
    return value if isinstance(value, int) else None if value is None else str(value)


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) else None
