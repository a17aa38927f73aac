"""Connections in the store: what their journals say of them, and the sealed tokens, which no journal holds."""

from __future__ import annotations

import sqlite3

from headgate.plan import JsonObject
from headgate.records import NamedTuple
from headgate.runtime.connection_status import ConnectionEvent, ConnectionRow, ConnectionStatus, follow
from headgate.runtime.events import SYSTEM
from headgate.runtime.store.journal import Entry, Notice, append, clear_notice, entries, put_notice

TABLES = """
    CREATE TABLE connections(
      name TEXT PRIMARY KEY,
      status TEXT NOT NULL,
      since INTEGER NOT NULL,
      minted INTEGER NOT NULL,
      minted_at INTEGER,
      expires_at INTEGER,
      failures INTEGER NOT NULL,
      retry_at INTEGER,
      fault TEXT,
      owner TEXT,
      until INTEGER
    ) WITHOUT ROWID;
    CREATE TABLE tokens(name TEXT PRIMARY KEY, minted INTEGER NOT NULL, sealed BLOB NOT NULL) WITHOUT ROWID
"""
REAUTH = "oauth-reauth-required"

_COLUMNS = ",".join(ConnectionRow._fields)


class Change(NamedTuple):
    """Something that happens to the connection `name` at `at`, UTC in ms."""

    name: str
    event: ConnectionEvent
    at: int
    data: JsonObject = {}  # noqa: RUF012 - never changed
    actor: str = SYSTEM
    reason: str | None = None


def subject(name: str) -> str:
    """What the journal calls the connection."""
    return f"connection/{name}"


def notice_key(name: str) -> str:
    """What the notice that it needs to be reauthorized is called."""
    return f"reauth/{name}"


def connection_row(connection: sqlite3.Connection, name: str) -> ConnectionRow | None:
    found = connection.execute(f"SELECT {_COLUMNS} FROM connections WHERE name=?", (name,)).fetchone()  # noqa: S608
    return None if found is None else _row(found)


def connection_rows(connection: sqlite3.Connection) -> list[ConnectionRow]:
    """Every connection that something is stored of, by name."""
    rows = connection.execute(f"SELECT {_COLUMNS} FROM connections ORDER BY name")  # noqa: S608
    return [_row(row) for row in rows]


def change(connection: sqlite3.Connection, what: Change, app: str | None = None) -> ConnectionRow | None:
    """Writes down what happened, with what follows from it: the row, the notice, the end of tokens.

    `app` is what people call it. Raises `IllegalChange`; then nothing is written.
    """
    name = what.name
    row = follow(connection_row(connection, name), name, what.event, what.at, what.data)
    last = connection.execute("SELECT max(seq) FROM journal WHERE subject=?", (subject(name),)).fetchone()[0]
    append(
        connection,
        Entry(subject(name), (last or 0) + 1, what.at, what.event.value, what.data, what.actor, what.reason),
    )
    if row is None:
        connection.execute("DELETE FROM connections WHERE name=?", (name,))
    else:
        marks = ",".join("?" * len(row))
        connection.execute(f"INSERT OR REPLACE INTO connections VALUES ({marks})", row)  # noqa: S608
    if what.event in (ConnectionEvent.REMOVED, ConnectionEvent.REVOKED):
        connection.execute("DELETE FROM tokens WHERE name=?", (name,))
    if row is not None and not row.usable:
        message = f"{app or name} reauth required"
        put_notice(connection, Notice(notice_key(name), what.at, REAUTH, subject(name), message))
    elif row is None or what.event is ConnectionEvent.CONNECTED:
        clear_notice(connection, notice_key(name), what.at)
    return row


def rebuilt(connection: sqlite3.Connection, name: str) -> ConnectionRow | None:
    """The row as its journal makes it. Raises `IllegalChange` for a journal that makes no sense."""
    row: ConnectionRow | None = None
    for entry in entries(connection, subject(name)):
        row = follow(row, name, ConnectionEvent(entry.type), entry.at, entry.data)
    return row


def keep_token(connection: sqlite3.Connection, name: str, minted: int, sealed: bytes) -> None:
    connection.execute("INSERT OR REPLACE INTO tokens VALUES (?,?,?)", (name, minted, sealed))


def sealed_token(connection: sqlite3.Connection, name: str) -> tuple[int, bytes] | None:
    """Which token it is, and the sealed bytes of it; None when there is none."""
    found = connection.execute("SELECT minted, sealed FROM tokens WHERE name=?", (name,)).fetchone()
    return None if found is None else (int(found[0]), bytes(found[1]))


def _row(values: tuple[object, ...]) -> ConnectionRow:
    row = ConnectionRow(*values)  # type: ignore[arg-type]
    return row._replace(status=ConnectionStatus(row.status))
