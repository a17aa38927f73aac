"""The inbox, as a table and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from headgate.plan import Json, JsonObject
from headgate.render.columns import printable
from headgate.render.picture import shorten
from headgate.render.tables import Cell, table
from headgate.render.words import approval_look, moment, timestamp
from headgate.runtime.fields import fields_of

_KEYS = (
    "id", "run", "step", "status", "title", "assignees", "reversibility", "expires_at", "on_expiry", "decided_by",
    "decided_at", "comment",
)  # fmt: skip
_DETAILS = ("kind", "channel", "body", "fields", "escalated_from", "via", "link")
_TIMES = {"expires_at", "decided_at"}


def approval_object(approval: Mapping[str, object], *, details: bool = False) -> JsonObject:
    """One approval, given by its fields, as JSON; with `details` also what it asks for and where, and the link."""
    found = {key: _plain(key, approval[key]) for key in _KEYS}
    if details:
        found |= {key: _plain(key, approval[key]) for key in _DETAILS}
    return found


def approvals_text(
    approvals: Sequence[Mapping[str, object]], *, width: int | None, colour: bool, details: bool = False
) -> str:
    """Some lines an approval, its question below the facts; a sentence when there is none."""
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
                f"by {decided}" if decided else moment(_milliseconds(approval["expires_at"])),
                ", ".join(map(str, _list(approval["assignees"]))) or "anybody",
            )
        )
    heads = ("approval", "step", "status", "expires (UTC)", "asks")
    head, *lines = table(heads, rows, width=width, colour=colour, whole=(0, 2)).splitlines()
    shown = [head]
    for line, approval in zip(lines, approvals, strict=True):
        shown.append(line)
        about = _about(approval, details=details)
        shown += [_fitted(f"  {printable(each)}", width) for each in about]
        if details and approval["link"]:
            shown.append(f"  link {approval['link']}")
    return "\n".join(shown) + "\n"


def _about(approval: Mapping[str, object], *, details: bool) -> Iterator[str]:
    parts = [str(approval["title"] or ""), str(approval["reversibility"] or "")]
    if approval["escalated_from"]:
        parts.append(f"passed on from {approval['escalated_from']}")
    if approval["via"]:
        parts.append(f"via {approval['via']}")
    yield " · ".join(part for part in parts if part and part != "unknown")
    if approval["comment"]:
        yield f'"{approval["comment"]}"'
    fields = fields_of(approval["fields"]) if isinstance(approval["fields"], dict) else {}
    if fields and not details:
        yield f"fields: {', '.join(fields)}"
    required = approval["fields"].get("required") if isinstance(approval["fields"], dict) else None
    for name, rules in fields.items() if details else ():
        yield f"  {name}: {_field(rules, needed=isinstance(required, list) and name in required)}"


def _field(rules: JsonObject, *, needed: bool) -> str:
    choices, kind = rules.get("enum"), rules.get("type")
    what = " or ".join(map(str, choices if isinstance(choices, list) else kind if isinstance(kind, list) else [kind]))
    about = rules.get("description") or rules.get("title")
    default = f", else {json.dumps(rules['default'], ensure_ascii=False)}" if "default" in rules else ""
    return (
        ("any" if what == "None" else what) + (", required" if needed else default) + (f" ({about})" if about else "")
    )


def _fitted(line: str, width: int | None) -> str:
    return line if width is None else shorten(line, width)


def _plain(key: str, value: object) -> Json:
    if key in _TIMES:
        return timestamp(_milliseconds(value))
    if key == "assignees":
        return [str(each) for each in _list(value)]
    if key == "fields":
        return value if isinstance(value, dict) else None
    return None if value is None else str(value)


def _milliseconds(value: object) -> int | None:
    return value if isinstance(value, int) else None


def _list(value: object) -> list[object]:
    return list(value) if isinstance(value, list | tuple) else []
