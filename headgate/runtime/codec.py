"""An event as its row stores it: one compact JSON array, whose first number is the version of the format."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from headgate.plan import Json
from headgate.runtime.errors import DamagedLog
from headgate.runtime.events import SYSTEM, Event, EventType

VERSION = 1
# An older version -> what turns its array into one of the next version.
UPGRADES: Final[dict[int, Callable[[list[Json]], list[Json]]]] = {}

_plain = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)
_dump_ascii = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
_SHORTEST = 5
_LONGEST = 8


def _dumper() -> Callable[[object], str]:
    """As `_plain.encode`, which makes its C encoder anew each time: half of what an event costs."""
    from json import encoder

    make: Any = getattr(encoder, "c_make_encoder", None)
    if make is None:
        return _plain.encode
    pieces = make(None, _plain.default, encoder.encode_basestring, None, ":", ",", False, False, False)
    return lambda row: "".join(pieces(row, 0))


_dump = _dumper()


def encode(event: Event) -> str:
    """`[version, at, type, step, data, actor, reason, request id]`, without what is null at its end.

    The sequence number is the row's key. Raises ValueError for a number that is not finite.
    """
    actor = None if event.actor == SYSTEM else event.actor
    row: list[Json] = [VERSION, event.at, event.type, event.step, event.data]
    if event.request_id is not None:
        row += [actor, event.reason, event.request_id]
    elif event.reason is not None:
        row += [actor, event.reason]
    elif actor is not None:
        row.append(actor)
    text = _dump(row)
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:  # half a surrogate pair, which JSON may carry and UTF-8 may not
        return _dump_ascii(row)
    return text


def decode(run: str, seq: int, text: str) -> Event:
    """The event of a row, whatever release wrote it. Raises DamagedLog when it makes no sense."""
    try:
        row = json.loads(text)
        if not isinstance(row, list) or not row or type(row[0]) is not int:
            raise DamagedLog(run, seq, "it is no event")
        if row[0] > VERSION:
            raise DamagedLog(run, seq, f"it is of version {row[0]}, written by a newer headgate; update this one")
        while row[0] < VERSION:
            row = UPGRADES[row[0]](row)
        return _event(seq, row)
    except (ValueError, KeyError, TypeError, IndexError, RecursionError) as fault:
        raise DamagedLog(run, seq, f"it cannot be read: {fault}") from fault


def _event(seq: int, row: list[Json]) -> Event:
    if not _SHORTEST <= len(row) <= _LONGEST:
        raise ValueError(f"an event has {_SHORTEST} to {_LONGEST} fields, not {len(row)}")
    at, kind, step, data, actor, reason, request = [*row[1:], None, None, None][:7]
    if type(at) is not int or not isinstance(kind, str) or not isinstance(data, dict):
        raise ValueError("its time, type or data is of the wrong type")
    for text in (step, actor, reason, request):
        if text is not None and not isinstance(text, str):
            raise ValueError("its step, actor, reason or request is no text")
    return Event(
        seq,
        at,
        EventType(kind),
        data,
        step if isinstance(step, str) else None,
        actor if isinstance(actor, str) else SYSTEM,
        reason if isinstance(reason, str) else None,
        request if isinstance(request, str) else None,
    )
