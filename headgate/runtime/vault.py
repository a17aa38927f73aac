"""The connections of one store and their tokens: read, sealed, and changed, each change in one transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from typing import TypeAlias

from headgate.plan import JsonObject
from headgate.records import NamedTuple
from headgate.runtime.clock import Clock
from headgate.runtime.connection_status import ConnectionEvent, ConnectionRow, ConnectionStatus, IllegalChange
from headgate.runtime.errors import KeyFault
from headgate.runtime.keys import Keys
from headgate.runtime.store import Store, StoredRequest, is_gone
from headgate.runtime.store.connections import Change, change, connection_row, keep_token
from headgate.runtime.store.database import put_request

Also: TypeAlias = "Callable[[Callable[[StoredRequest], None]], None]"
"""Given what stores a request, it asks in the same transaction what follows for runs."""

LOCK_MS = 60_000
"""How long a refresh belongs to who began it: longer than it may take."""

FIRST_BACKOFF_MS = 2_000
LONGEST_BACKOFF_MS = 300_000


class Tokens(NamedTuple):
    """What a provider gave: `expires_at` is UTC in ms, None when it did not say; `minted` counts them."""

    access: str
    refresh: str | None
    expires_at: int | None
    scope: str | None
    minted: int = 0


class Vault:
    """`owner` names this process as its lock file does, so that another sees at once when it has died."""

    def __init__(self, store: Store, keys: Keys, clock: Clock, owner: str) -> None:
        self.store = store
        self.clock = clock
        self._keys = keys
        self._owner = owner
        self._opened: dict[str, Tokens] = {}
        self._hasty: set[str] = set()

    def row(self, name: str) -> ConnectionRow | None:
        """What is known of the connection. Raises `StoreError`."""
        return self.store.read.connection_named(name)

    def tokens(self, name: str) -> Tokens | None:
        """Its last tokens, opened. Raises `KeyFault` and `StoreError`."""
        found = self.store.read.sealed_token(name)
        if found is None:
            self._opened.pop(name, None)
            return None
        minted, sealed = found
        known = self._opened.get(name)
        if known is None or known.minted != minted:
            content = self._keys.open(_purpose(name), sealed)
            try:
                access, refresh, expires_at, scope = json.loads(content)
            except ValueError as fault:
                raise KeyFault(f"the token of the connection `{name}` cannot be read: {fault}") from None
            known = self._opened[name] = Tokens(access, refresh, expires_at, scope, minted)
        return known

    def hasten(self, name: str) -> None:
        """The next refresh of ours does not wait until it is due: somebody wants it now."""
        self._hasty.add(name)

    def begin(self, name: str, seen: int) -> ConnectionRow | None:
        """Takes the connection's refresh; None when it is now ours.

        Else what stands against it: somebody else has it, there is a later token than the one `seen`, the connection is
        in error, or the next try is not due yet.
        """
        now = self.clock.now_ms()
        with self.store.transaction() as connection:
            row = connection_row(connection, name)
            if row is not None:
                taken = row.owner is not None and (row.until or 0) > now and not self._gone(row.owner)
                waits = row.retry_at is not None and row.retry_at > now and name not in self._hasty
                if not row.usable or row.minted > seen or taken or waits:
                    return row
            data: JsonObject = {"owner": self._owner, "until": now + LOCK_MS}
            change(connection, Change(name, ConnectionEvent.REFRESH_STARTED, now, data))
        self._hasty.discard(name)
        return None

    def minted(self, name: str, tokens: Tokens) -> Tokens | None:
        """Keeps what a refresh of ours brought; None when it is no longer ours, and that is of no use."""
        sealed = self._sealed(name, tokens)
        with self.store.transaction() as connection:
            if not self._ours(connection_row(connection, name)):
                return None
            what = Change(name, ConnectionEvent.REFRESHED, self.clock.now_ms(), _told(tokens))
            return _kept(connection, what, tokens, sealed)

    def authorized(self, name: str, tokens: Tokens, actor: str, also: Also) -> Tokens:
        """Keeps what somebody authorized, whatever the connection was before; `also` asks more in the same act."""
        sealed = self._sealed(name, tokens)
        with self.store.transaction() as connection:
            what = Change(name, ConnectionEvent.CONNECTED, self.clock.now_ms(), _told(tokens), actor)
            kept = _kept(connection, what, tokens, sealed)
            also(lambda request: put_request(connection, request))
        return kept

    def _sealed(self, name: str, tokens: Tokens) -> bytes:
        content = json.dumps([tokens.access, tokens.refresh, tokens.expires_at, tokens.scope])
        return self._keys.seal(_purpose(name), content.encode())

    def failed(self, name: str, fault: str, wait_ms: int | None) -> ConnectionRow | None:
        """Ends a refresh of ours that failed for now; `wait_ms` is what the provider asked for."""
        now = self.clock.now_ms()
        with self.store.transaction() as connection:
            row = connection_row(connection, name)
            if not self._ours(row):
                return row
            assert row is not None, "what is ours is there"
            backoff = min(FIRST_BACKOFF_MS * 2 ** min(row.failures, 16), LONGEST_BACKOFF_MS)
            retry_at = now + max(backoff, wait_ms or 0)
            data: JsonObject = {"fault": fault, "retry_at": retry_at}
            return change(connection, Change(name, ConnectionEvent.REFRESH_FAILED, now, data))

    def refused(self, name: str, fault: str, app: str | None, seen: int | None = None) -> ConnectionRow | None:
        """It was refused for good: people are told once. Gives the connection as it is then.

        It stays usable when it got a later token than the one `seen` meanwhile, or somebody is getting it one.
        """
        now = self.clock.now_ms()
        with self.store.transaction() as connection:
            row = connection_row(connection, name)
            if row is not None and (not row.usable or (seen is not None and row.minted > seen)):
                return row
            if row is not None and row.status is ConnectionStatus.REFRESHING and not self._ours(row):
                return row
            return change(connection, Change(name, ConnectionEvent.REFUSED, now, {"fault": fault}), app)

    def change(self, what: Change, app: str | None = None, also: Also | None = None) -> None:
        """Anything else that happens to a connection. Raises `IllegalChange`."""
        with self.store.transaction() as connection:
            change(connection, what, app)
            if also is not None:
                also(lambda request: put_request(connection, request))

    def _ours(self, row: ConnectionRow | None) -> bool:
        return row is not None and row.status is ConnectionStatus.REFRESHING and row.owner == self._owner

    def _gone(self, owner: str) -> bool:
        return owner != self._owner and is_gone(self.store.locks, owner)


def _told(tokens: Tokens) -> JsonObject:
    """What the journal says of new tokens."""
    return {"expires_at": tokens.expires_at, "scope": tokens.scope}


def _kept(connection: sqlite3.Connection, what: Change, tokens: Tokens, sealed: bytes) -> Tokens:
    row = change(connection, what)
    assert row is not None, "a connection that got a token is there"
    keep_token(connection, what.name, row.minted, sealed)
    return tokens._replace(minted=row.minted)


def _purpose(name: str) -> str:
    return f"connection/{name}"


__all__ = ["IllegalChange", "Tokens", "Vault"]
