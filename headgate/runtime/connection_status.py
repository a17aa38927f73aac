"""The status model of a connection: its table as data, and what its journal says of one. Absent means illegal."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from headgate.plan import Json, JsonObject
from headgate.records import NamedTuple


class ConnectionStatus(StrEnum):
    ACTIVE = "active"
    REFRESHING = "refreshing"
    DEGRADED = "degraded"
    ERROR = "error"
    REVOKED = "revoked"


class ConnectionEvent(StrEnum):
    """What happens to a connection, with the data each carries; never a token."""

    CONNECTED = "connected"  # expires_at, scope: somebody authorized it
    REFRESH_STARTED = "refresh_started"  # owner, until: nobody else refreshes it before then
    REFRESHED = "refreshed"  # expires_at, scope
    REFRESH_FAILED = "refresh_failed"  # fault, retry_at: for now
    REFUSED = "refused"  # fault: for good
    REVOKED = "revoked"
    REMOVED = "removed"


class ConnectionFacts(NamedTuple):
    """`usable`: calls by it are worth making. `mark`, `colour` and `meaning` are for people."""

    usable: bool
    mark: str
    colour: str
    meaning: str


CONNECTION_STATUSES: Final[dict[ConnectionStatus, ConnectionFacts]] = {
    ConnectionStatus.ACTIVE: ConnectionFacts(True, "✓", "green", "it was authorized, and calls are made by it"),
    ConnectionStatus.REFRESHING: ConnectionFacts(True, "↻", "cyan", "somebody is getting it a new token"),
    ConnectionStatus.DEGRADED: ConnectionFacts(
        True, "~", "magenta", "its last refresh failed for now and is tried again; usable while its token lives"
    ),
    ConnectionStatus.ERROR: ConnectionFacts(
        False, "✗", "red", "it was refused for good, or never authorized: it needs to be reconnected"
    ),
    ConnectionStatus.REVOKED: ConnectionFacts(False, "⊘", "red", "it was given up: it needs to be reconnected"),
}

_S = ConnectionStatus
_E = ConnectionEvent
_ALWAYS: Final[dict[ConnectionEvent, ConnectionStatus | None]] = {_E.CONNECTED: _S.ACTIVE, _E.REMOVED: None}
_ANY_OPEN: Final = {**_ALWAYS, _E.REFRESH_STARTED: _S.REFRESHING, _E.REFUSED: _S.ERROR, _E.REVOKED: _S.REVOKED}

# status -> event -> status; None is the connection of which nothing is stored.
CONNECTION_TRANSITIONS: Final[dict[ConnectionStatus | None, dict[ConnectionEvent, ConnectionStatus | None]]] = {
    None: {_E.CONNECTED: _S.ACTIVE, _E.REFRESH_STARTED: _S.REFRESHING, _E.REFUSED: _S.ERROR},
    _S.ACTIVE: _ANY_OPEN,
    # another may begin when the one that did has died, or did not end in its time
    _S.REFRESHING: {**_ANY_OPEN, _E.REFRESHED: _S.ACTIVE, _E.REFRESH_FAILED: _S.DEGRADED},
    _S.DEGRADED: _ANY_OPEN,
    _S.ERROR: {**_ALWAYS, _E.REVOKED: _S.REVOKED},
    _S.REVOKED: _ALWAYS,
}


class ConnectionRow(NamedTuple):
    """A connection as its journal has it; times are UTC in ms.

    `minted` counts the tokens it was given, `expires_at` is when the last one dies (None: nobody said). `failures` are
    refreshes that failed in a row, `retry_at` when the next may be tried, `fault` what the last one said. `owner` is
    who refreshes it, until `until` at most.
    """

    name: str
    status: ConnectionStatus
    since: int
    minted: int = 0
    minted_at: int | None = None
    expires_at: int | None = None
    failures: int = 0
    retry_at: int | None = None
    fault: str | None = None
    owner: str | None = None
    until: int | None = None

    @property
    def usable(self) -> bool:
        return CONNECTION_STATUSES[self.status].usable


class IllegalChange(Exception):  # noqa: N818
    """The table does not allow it; the message names the connection, its status and what was to happen."""


def follow(
    row: ConnectionRow | None, name: str, event: ConnectionEvent, at: int, data: JsonObject
) -> ConnectionRow | None:
    """The connection after `event`, None when nothing of it is left. Raises `IllegalChange`."""
    before = None if row is None else row.status
    allowed = CONNECTION_TRANSITIONS[before]
    if event not in allowed:
        raise IllegalChange(f"the connection `{name}` is {before or 'not connected'}, which `{event}` does not follow")
    status = allowed[event]
    if status is None:
        return None
    old = row or ConnectionRow(name, status, at)
    new = old._replace(status=status, since=old.since if status is before else at, owner=None, until=None)
    match event:
        case ConnectionEvent.CONNECTED | ConnectionEvent.REFRESHED:
            expires = _whole(data.get("expires_at"))
            return new._replace(
                minted=old.minted + 1, minted_at=at, expires_at=expires, failures=0, retry_at=None, fault=None
            )
        case ConnectionEvent.REFRESH_STARTED:
            return new._replace(owner=_text(data.get("owner")), until=_whole(data.get("until")))
        case ConnectionEvent.REFRESH_FAILED:
            retry = _whole(data.get("retry_at"))
            return new._replace(failures=old.failures + 1, retry_at=retry, fault=_text(data.get("fault")))
        case ConnectionEvent.REFUSED:
            return new._replace(retry_at=None, fault=_text(data.get("fault")))
        case _:
            return new._replace(retry_at=None, fault=None, expires_at=None)


def _whole(value: Json) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _text(value: Json) -> str | None:
    return value if isinstance(value, str) else None
