"""What happened to things that are no run (workflows, connections, limits): logs of their own beside the runs'."""

from __future__ import annotations

import json
import sqlite3

from headgate.plan import JsonObject
from headgate.records import NamedTuple
from headgate.runtime.errors import StoreError
from headgate.runtime.events import SYSTEM
from headgate.runtime.store.rows import Also

# `subject` is `workflow/refund`, `connection/slack`, `limits` or `credits`; its entries count from 1 without a gap.
TABLES = """
    CREATE TABLE journal(
      subject TEXT NOT NULL,
      seq INTEGER NOT NULL,
      at INTEGER NOT NULL,
      type TEXT NOT NULL,
      actor TEXT NOT NULL,
      reason TEXT,
      request_id TEXT,
      body TEXT NOT NULL,
      PRIMARY KEY(subject, seq)
    ) WITHOUT ROWID;
    CREATE UNIQUE INDEX journal_request ON journal(request_id) WHERE request_id IS NOT NULL;
    CREATE TABLE notices(
      key TEXT PRIMARY KEY,
      at INTEGER NOT NULL,
      kind TEXT NOT NULL,
      subject TEXT NOT NULL,
      message TEXT NOT NULL,
      cleared_at INTEGER
    ) WITHOUT ROWID
"""


class Entry(NamedTuple):
    """One thing that happened to a subject; `at` is UTC in ms, `request_id` names the act that caused it."""

    subject: str
    seq: int
    at: int
    type: str
    data: JsonObject
    actor: str = SYSTEM
    reason: str | None = None
    request_id: str | None = None


class Notice(NamedTuple):
    """What people are told once. `key` names the occasion: the same key twice is one notice until it is cleared.

    `kind` is a word such as `oauth-reauth-required`; `subject` as in the journal, or a run's id; times are UTC in ms.
    """

    key: str
    at: int
    kind: str
    subject: str
    message: str
    cleared_at: int | None = None


def entries(connection: sqlite3.Connection, subject: str) -> list[Entry]:
    """Everything that happened to `subject`, in order. Raises `StoreError` for an entry that cannot be read."""
    rows = connection.execute(
        "SELECT subject, seq, at, type, body, actor, reason, request_id FROM journal WHERE subject=? ORDER BY seq",
        (subject,),
    )
    return [_entry(row) for row in rows]


def entry_of_request(connection: sqlite3.Connection, request_id: str) -> Entry | None:
    """What the act of this id caused, when it came before."""
    row = connection.execute(
        "SELECT subject, seq, at, type, body, actor, reason, request_id FROM journal WHERE request_id=?", (request_id,)
    ).fetchone()
    return None if row is None else _entry(row)


def append(connection: sqlite3.Connection, entry: Entry) -> None:
    """Adds an entry whose `seq` must be the next; raises sqlite3.IntegrityError when another came first."""
    body = json.dumps(entry.data, ensure_ascii=False, separators=(",", ":"))
    values = (entry.subject, entry.seq, entry.at, entry.type, entry.actor, entry.reason, entry.request_id, body)
    connection.execute("INSERT INTO journal VALUES (?,?,?,?,?,?,?,?)", values)


def put_notice(connection: sqlite3.Connection, notice: Notice) -> bool:
    """Keeps `notice`; False when one with its key stands open already."""
    changed = connection.execute(
        "INSERT INTO notices VALUES (?,?,?,?,?,NULL) ON CONFLICT(key) DO UPDATE SET "
        "at=excluded.at, message=excluded.message, cleared_at=NULL WHERE cleared_at IS NOT NULL",
        (notice.key, notice.at, notice.kind, notice.subject, notice.message),
    )
    return changed.rowcount > 0


def noted(notice: Notice) -> Also:
    """The same as a row beside a run's events."""

    def put(connection: sqlite3.Connection) -> None:
        put_notice(connection, notice)

    return put


def cleared(key: str, at: int) -> Also:
    """`clear_notice` as a row beside a run's events."""

    def clear(connection: sqlite3.Connection) -> None:
        clear_notice(connection, key, at)

    return clear


def clear_notice(connection: sqlite3.Connection, key: str, at: int) -> None:
    """Marks the open notice of `key` as no longer so."""
    connection.execute("UPDATE notices SET cleared_at=? WHERE key=? AND cleared_at IS NULL", (at, key))


def open_notices(connection: sqlite3.Connection) -> list[Notice]:
    """What people should know now, the newest first."""
    rows = connection.execute(
        "SELECT key, at, kind, subject, message, cleared_at FROM notices WHERE cleared_at IS NULL ORDER BY at DESC, key"
    )
    return [Notice(*row) for row in rows]


def _entry(row: tuple[str, int, int, str, str, str, str | None, str | None]) -> Entry:
    subject, seq, at, kind, body, actor, reason, request_id = row
    try:
        return Entry(subject, seq, at, kind, json.loads(body), actor, reason, request_id)
    except ValueError as error:
        raise StoreError(f"entry {seq} of {subject} in the store's journal is damaged: {error}") from error
