"""Breakers, money and credits in the store. What stands here is written in the transaction of what it follows from.

Each function works inside a transaction of its caller. Times are UTC in ms, money is micro-USD.
"""

from __future__ import annotations

import json
import sqlite3

from headgate.plan import JsonObject
from headgate.runtime.breakers import RELEASED, TRIPPED, WORKSPACE, Tripped
from headgate.runtime.budgets import Bucket, Window, day_of
from headgate.runtime.store.journal import Entry, append
from headgate.runtime.store.rows import Also
from headgate.runtime.workflow_status import Breaker

# `breakers` follows from the journal; `meters` and `reservations` from the `spent` and `reserved` of the runs' events.
TABLES = """
    CREATE TABLE breakers(
      scope TEXT NOT NULL,
      breaker TEXT NOT NULL,
      at INTEGER NOT NULL,
      message TEXT NOT NULL,
      facts TEXT NOT NULL,
      PRIMARY KEY(scope, breaker)
    ) WITHOUT ROWID;
    CREATE TABLE meters(
      workflow TEXT NOT NULL, day TEXT NOT NULL, micro INTEGER NOT NULL, PRIMARY KEY(workflow, day)
    ) WITHOUT ROWID;
    CREATE TABLE reservations(
      run TEXT NOT NULL,
      call TEXT NOT NULL,
      workflow TEXT NOT NULL,
      at INTEGER NOT NULL,
      micro INTEGER NOT NULL,
      PRIMARY KEY(run, call)
    ) WITHOUT ROWID;
    CREATE TABLE credits(
      bucket TEXT NOT NULL, day TEXT NOT NULL, number INTEGER NOT NULL, PRIMARY KEY(bucket, day)
    ) WITHOUT ROWID;
    CREATE TABLE paid(run TEXT PRIMARY KEY, bucket TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE starts(
      workflow TEXT NOT NULL, at INTEGER NOT NULL, run TEXT NOT NULL, PRIMARY KEY(workflow, at, run)
    ) WITHOUT ROWID;
    CREATE TABLE slots(
      run TEXT PRIMARY KEY,
      root TEXT NOT NULL,
      workflow TEXT NOT NULL,
      key TEXT NOT NULL,
      made INTEGER NOT NULL,
      taken INTEGER
    ) WITHOUT ROWID;
    CREATE INDEX slots_line ON slots(workflow, key, taken, made)
"""

SUBJECT = "limits"
CREDITS = "credits"
"""The subjects of the journal."""


def note(connection: sqlite3.Connection, entry: Entry) -> None:
    """Adds an entry to its subject's journal, as the next one whatever its `seq`."""
    row = connection.execute("SELECT coalesce(max(seq), 0) FROM journal WHERE subject=?", (entry.subject,)).fetchone()
    append(connection, entry._replace(seq=row[0] + 1))


# Breakers


def open_breakers(connection: sqlite3.Connection, *scopes: str) -> list[Tripped]:
    """The breakers that stand open in these scopes, in any when none is named; the oldest first."""
    chosen = f" WHERE scope IN ({','.join('?' * len(scopes))})" if scopes else ""
    query = f"SELECT scope, breaker, at, message, facts FROM breakers{chosen} ORDER BY at, scope, breaker"  # noqa: S608
    return [
        Tripped(scope, Breaker(breaker), at, message, json.loads(facts))
        for scope, breaker, at, message, facts in connection.execute(query, scopes)
    ]


def trip(connection: sqlite3.Connection, tripped: Tripped) -> bool:
    """Opens a breaker and says so in the journal; False when it stands open already."""
    facts = json.dumps(tripped.facts, ensure_ascii=False, separators=(",", ":"))
    row = (tripped.scope, tripped.breaker.value, tripped.at, tripped.message, facts)
    if connection.execute("INSERT OR IGNORE INTO breakers VALUES (?,?,?,?,?)", row).rowcount == 0:
        return False
    data: JsonObject = {"scope": tripped.scope, "breaker": tripped.breaker.value, "message": tripped.message}
    note(connection, Entry(SUBJECT, 0, tripped.at, TRIPPED, {**data, **tripped.facts}))
    return True


def untrip(connection: sqlite3.Connection, released: Tripped, entry: Entry) -> bool:
    """Closes a breaker and says so in the journal, by who `entry` names; False when it is not open."""
    scope, breaker, at, message, _ = released
    gone = connection.execute("DELETE FROM breakers WHERE scope=? AND breaker=?", (scope, breaker.value))
    if gone.rowcount == 0:
        return False
    data: JsonObject = {"scope": scope, "breaker": breaker.value, "message": message}
    note(connection, entry._replace(subject=SUBJECT, at=at, type=RELEASED, data=data))
    return True


# Money


def used(connection: sqlite3.Connection, scope: str, span: Window) -> int:
    """What the calls of a scope cost in a period."""
    clause, values = ("", ()) if scope == WORKSPACE else ("workflow=? AND ", (scope,))
    row = connection.execute(
        f"SELECT coalesce(sum(micro), 0) FROM meters WHERE {clause}day>=? AND day<?",  # noqa: S608
        (*values, span.first, span.after),
    ).fetchone()
    return int(row[0])


def reserved(connection: sqlite3.Connection, scope: str) -> int:
    """What the calls of a scope that are out may cost."""
    clause, values = ("", ()) if scope == WORKSPACE else (" WHERE workflow=?", (scope,))
    row = connection.execute(f"SELECT coalesce(sum(micro), 0) FROM reservations{clause}", values).fetchone()  # noqa: S608
    return int(row[0])


def reserving(connection: sqlite3.Connection, scope: str) -> tuple[str, ...]:
    """The runs whose calls are out."""
    clause, values = ("", ()) if scope == WORKSPACE else (" WHERE workflow=?", (scope,))
    rows = connection.execute(f"SELECT DISTINCT run FROM reservations{clause} ORDER BY run", values)  # noqa: S608
    return tuple(row[0] for row in rows)


def reserving_ended(connection: sqlite3.Connection) -> list[str]:
    """The runs for which something is set aside though they have ended, or are not there."""
    rows = connection.execute(
        "SELECT DISTINCT s.run FROM reservations s LEFT JOIN runs r ON r.id=s.run "
        "WHERE r.id IS NULL OR r.ended_at IS NOT NULL ORDER BY 1"
    )
    return [row[0] for row in rows]


def call_name(step: str, attempt: int, part: str = "") -> str:
    """The name of a call among those of its run; `part` tells apart the calls of one attempt."""
    return f"{step} {attempt} {part}".rstrip()


def reserve(run: str, call: str, workflow: str, at: int, micro: int) -> Also:
    """Sets aside what a call may cost, in the transaction that dispatches it."""

    def also(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT OR IGNORE INTO reservations VALUES (?,?,?,?,?)", (run, call, workflow, at, micro))

    return also


def settle(run: str, call: str, workflow: str, at: int, micro: int) -> Also:
    """Counts what a call cost, 0 for one that failed or was lost, and gives back what was set aside for it."""

    def also(connection: sqlite3.Connection) -> None:
        connection.execute("DELETE FROM reservations WHERE run=? AND call=?", (run, call))
        if micro:
            connection.execute(
                "INSERT INTO meters VALUES (?,?,?) ON CONFLICT(workflow, day) DO UPDATE SET micro=micro+excluded.micro",
                (workflow, day_of(at), micro),
            )

    return also


def let_go(run: str) -> Also:
    """What an ended run gives back: its place, its receipt, what was set aside for calls that never told their end."""

    def also(connection: sqlite3.Connection) -> None:
        connection.execute("DELETE FROM reservations WHERE run=?", (run,))
        connection.execute("DELETE FROM slots WHERE run=?", (run,))
        connection.execute("DELETE FROM paid WHERE run=?", (run,))

    return also


# Credits


def credits_spent(connection: sqlite3.Connection, bucket: Bucket, span: Window | None = None) -> int:
    """How many credits of a bucket were spent, ever or in a period."""
    clause, values = ("", ()) if span is None else (" AND day>=? AND day<?", (span.first, span.after))
    row = connection.execute(
        f"SELECT coalesce(sum(number), 0) FROM credits WHERE bucket=?{clause}",  # noqa: S608
        (bucket.value, *values),
    ).fetchone()
    return int(row[0])


def pay(connection: sqlite3.Connection, run: str, bucket: Bucket, at: int) -> None:
    """Spends one credit on a run."""
    connection.execute("INSERT INTO paid VALUES (?,?)", (run, bucket.value))
    connection.execute(
        "INSERT INTO credits VALUES (?,?,1) ON CONFLICT(bucket, day) DO UPDATE SET number=number+1",
        (bucket.value, day_of(at)),
    )


def has_paid(connection: sqlite3.Connection, run: str) -> bool:
    return connection.execute("SELECT 1 FROM paid WHERE run=?", (run,)).fetchone() is not None


# What runs are asked


def put_request(connection: sqlite3.Connection, name: str, run: str, at: int, body: JsonObject) -> None:
    """Stores what a run's driver is asked, in the transaction that gave cause to it."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    connection.execute("INSERT OR IGNORE INTO requests VALUES (?,?,?,?,NULL)", (name, run, at, text))


def releases_asked(connection: sqlite3.Connection) -> int:
    """How many runs are asked to go on and have not answered yet."""
    query = "SELECT count(*) FROM requests WHERE answer IS NULL AND json_extract(body, '$.verb')='release'"
    return int(connection.execute(query).fetchone()[0])


# Workflows that have met a limit


def workflows_met(connection: sqlite3.Connection) -> list[str]:
    """The workflows whose runs were counted or stand in line, or that a breaker pauses."""
    rows = connection.execute(
        "SELECT workflow FROM starts UNION SELECT workflow FROM slots UNION SELECT scope FROM breakers WHERE scope<>'' "
        "ORDER BY 1"
    )
    return [row[0] for row in rows]


def last_plan(connection: sqlite3.Connection, workflow: str) -> str | None:
    """The digest of the plan that a workflow's last run was made with."""
    query = "SELECT plan_digest FROM runs WHERE workflow=? ORDER BY id DESC LIMIT 1"
    row = connection.execute(query, (workflow,)).fetchone()
    return None if row is None else str(row[0])
