"""Limits and credits: for people, and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from headgate.plan import Json
from headgate.render.columns import printable
from headgate.render.tables import Cell, table
from headgate.render.words import coloured, moment, span, timestamp

_TIMES = ("resets_at", "since")
_COLOURS = {"tripped": "red", "near": "yellow", "full": "yellow"}
_STATES = {"near": "near the cap", "full": "full", "tripped": "tripped", "ok": "ok"}


def limits_list(views: Sequence[Mapping[str, object]]) -> list[Json]:
    """Each limit as an object; times are UTC to the millisecond, `per` is in seconds."""
    return [{name: _plain(name, value) for name, value in view.items()} for view in views]


def limits_text(views: Sequence[Mapping[str, object]], *, width: int | None, colour: bool) -> str:
    """A line a limit, and below what each open one says and what clears it."""
    if not views:
        return "no limits: [limits] in headgate.toml and the attributes of workflows set them\n"
    rows = [
        (
            str(view["limit"]),
            printable(str(view["workflow"] or "all")),
            _used(view),
            _state(view),
            str(view["held"] or ""),
            _rolls(view),
        )
        for view in views
    ]
    text = table(("limit", "of", "used", "state", "held", "rolls over (UTC)"), rows, width=width, colour=colour)
    for view in views:
        if view["message"]:
            text += f"\n{printable(str(view['message']))}\n  since  {moment(_whole(view['since']))} UTC\n"
            text += f"  do     {view['release']}\n"
    return text


def credits_object(facts: Mapping[str, object]) -> Json:
    """The credits as one object."""
    buckets = facts["buckets"]
    assert isinstance(buckets, list), "the buckets are a list"
    made: dict[str, Json] = {name: _plain(name, value) for name, value in facts.items() if name != "buckets"}
    made["buckets"] = [{name: _plain(name, value) for name, value in each.items()} for each in buckets]
    return made


def credits_text(facts: Mapping[str, object], *, width: int | None, colour: bool) -> str:
    """A line a bucket, and what becomes of the next run."""
    held = _whole(facts["held"]) or 0
    those = "1 run waits" if held == 1 else f"{held} runs wait"
    waits = f"{those} for credits: `headgate credits add N`\n"
    if not facts["configured"]:
        said = "no credits are counted: `credits = { trial, included, payg }` in [limits] of headgate.toml does\n"
        return said + (waits.replace("credits add N", "credits release") if held else "")
    buckets = facts["buckets"]
    assert isinstance(buckets, list), "the buckets are a list"
    rows = [
        (
            str(each["bucket"]),
            "no end" if each["given"] is None else str(each["given"]),
            str(each["spent"]),
            "no end" if each["left"] is None else str(each["left"]),
            "" if each["resets_at"] is None else moment(_whole(each["resets_at"])),
        )
        for each in buckets
    ]
    text = table(("bucket", "given", "spent", "left", "renewed (UTC)"), rows, width=width, colour=colour)
    following = facts["next"]
    if following is not None:
        return f"{text}\nthe next run is paid from `{following}`\n" + (waits if held else "")
    word = "waits" if facts["on_quota"] == "hold" else "fails with INSUFFICIENT_CREDITS"
    said = f"no credits are left: the next run {word}; `headgate credits add N`"
    return f"{text}\n{coloured(said, 'yellow') if colour else said}\n" + (waits if held else "")


def _used(view: Mapping[str, object]) -> str:
    used, cap = view["used"], view["cap"]
    if view["limit"] == "spend":
        reserved = view["reserved"]
        aside = f" (+{reserved:,.2f} reserved)" if isinstance(reserved, float) and reserved > 0 else ""
        return f"{used:,.2f} of {cap:,.2f} USD a {view['period']}{aside}"
    per = f" in {span(_whole(view['per']) or 0)}" if view["per"] else ""
    return f"{used} of {cap if cap is not None else 'no cap'}{per}"


def _state(view: Mapping[str, object]) -> Cell | str:
    state = str(view["state"])
    return Cell(_STATES[state], _COLOURS[state]) if state in _COLOURS else _STATES[state]


def _rolls(view: Mapping[str, object]) -> str:
    return "" if view["resets_at"] is None else moment(_whole(view["resets_at"]))


def _plain(name: str, value: object) -> Json:
    if name in _TIMES:
        return timestamp(_whole(value))
    if name == "per" and isinstance(value, int):
        return value / 1000
    if isinstance(value, str | int | float) or value is None:
        return value
    return str(value)


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) else None
