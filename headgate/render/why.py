"""Why a run does not move: for people, and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from headgate.plan import Json
from headgate.render.columns import printable
from headgate.render.words import coloured, moment, timestamp

_KEYS = ("kind", "object", "since", "who", "command", "message")


def why_list(reasons: Sequence[Mapping[str, object]]) -> list[Json]:
    """Each reason as an object; `since` is UTC to the millisecond."""
    return [{key: _plain(key, reason[key]) for key in _KEYS} for reason in reasons]


def why_text(reasons: Sequence[Mapping[str, object]], *, width: int | None, colour: bool) -> str:
    """A paragraph a reason: what, since when, who can clear it, and how."""
    del width
    paragraphs = []
    for reason in reasons:
        since = _milliseconds(reason["since"])
        what = printable(str(reason["message"]))
        lines = [coloured(what, "yellow") if colour else what]
        if since is not None:
            lines.append(f"  since  {moment(since)} UTC")
        if reason["who"]:
            lines.append(f"  who    {_people(reason['who'])}")
        if reason["command"]:
            lines.append(f"  do     {reason['command']}")
        paragraphs.append("\n".join(lines) + "\n")
    return "\n".join(paragraphs)


def _plain(key: str, value: object) -> Json:
    if key == "since":
        return timestamp(_milliseconds(value))
    if isinstance(value, list | tuple):
        return [str(each) for each in value]
    return None if value is None else str(value)


def _people(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _milliseconds(value: object) -> int | None:
    return value if isinstance(value, int) else None
