"""Signals: kept for the waits that come later; and which runs wait for what, so that a signal finds them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping

from headgate.plan import Json
from headgate.records import NamedTuple
from headgate.runtime.errors import StoreError
from headgate.runtime.store.rows import Also, StoredRequest

# `run` is the only run a signal is for; `taken_by` the first that took it. `waits` is a projection: the open ones.
TABLES = """
    CREATE TABLE signals(
      n INTEGER PRIMARY KEY AUTOINCREMENT,
      id TEXT NOT NULL UNIQUE,
      at INTEGER NOT NULL,
      event TEXT NOT NULL,
      run TEXT,
      body TEXT NOT NULL,
      actor TEXT NOT NULL,
      taken_by TEXT
    );
    CREATE INDEX signals_event ON signals(event, n);
    CREATE TABLE waits(event TEXT NOT NULL, run TEXT NOT NULL, step TEXT NOT NULL, PRIMARY KEY(event, run, step))
      WITHOUT ROWID;
    CREATE INDEX waits_run ON waits(run)
"""
KEPT_MS = 30 * 86_400_000
"""How long a signal is kept; one for a run that is open is kept as long as the run is."""

_COLUMNS = "n, id, at, event, run, body, actor, taken_by"


class Signal(NamedTuple):
    """An event from outside. `run` is the only one it is for, None for all; `at` is UTC in ms; `n` counts them."""

    id: str
    at: int
    event: str
    run: str | None
    payload: Json
    actor: str
    n: int = 0
    taken_by: str | None = None


def signal_purpose(signal: str) -> str:
    """What the payload of a signal is sealed for: nobody knows yet which run it is for, and what is secret there."""
    return f"signal/{signal}"


class Sent(NamedTuple):
    """A signal as it is stored, and the requests to the runs it concerns; `ended` says that its only run has ended."""

    signal: Signal
    requests: tuple[StoredRequest, ...] = ()
    ended: bool = False


def send(connection: sqlite3.Connection, signal: Signal) -> Sent:
    """Keeps `signal` and asks the runs it concerns to look, in the caller's transaction: the only one it is for, or
    each that waits for such an event now. The one that is stored under its id already is given instead.
    """
    found = _one(connection, "id=?", (signal.id,))
    if found is not None:
        return Sent(found, tuple(_requests(connection, found.id)))
    if signal.run is not None:
        row = connection.execute("SELECT ended_at FROM runs WHERE id=?", (signal.run,)).fetchone()
        if row is None or row[0] is not None:
            return Sent(signal, ended=True)
    _forget_old(connection, signal.at)
    connection.execute(
        "INSERT INTO signals(id, at, event, run, body, actor) VALUES (?,?,?,?,?,?)",
        (signal.id, signal.at, signal.event, signal.run, _text(signal.payload), signal.actor),
    )
    runs = [(signal.run,)] if signal.run is not None else _waiting(connection, signal.event)
    for number, (run,) in enumerate(runs):
        body = {"verb": "signal", "actor": signal.actor, "args": {"signal": signal.id}}
        name = signal.id if signal.run is not None else f"{signal.id}/{number}"
        connection.execute("INSERT INTO requests VALUES (?,?,?,?,NULL)", (name, run, signal.at, _text(body)))
    kept = _one(connection, "id=?", (signal.id,))
    assert kept is not None, "a signal that was sent is kept"
    return Sent(kept, tuple(_requests(connection, signal.id)))


def of_event(connection: sqlite3.Connection, event: str, after: int) -> list[Signal]:
    """The kept signals of an event that came behind number `after`, in order."""
    rows = connection.execute(f"SELECT {_COLUMNS} FROM signals WHERE event=? AND n>? ORDER BY n", (event, after))  # noqa: S608
    return [_signal(row) for row in rows]


def of_id(connection: sqlite3.Connection, name: str) -> Signal | None:
    """A kept signal by its id."""
    return _one(connection, "id=?", (name,))


def newest(connection: sqlite3.Connection) -> int:
    """The number of the last signal, 0 without any."""
    row = connection.execute("SELECT max(n) FROM signals").fetchone()
    return int(row[0] or 0)


def claim(connection: sqlite3.Connection, signal: str, run: str) -> bool:
    """Takes a signal for `run` alone; False when another run took it first."""
    connection.execute("UPDATE signals SET taken_by=? WHERE id=? AND taken_by IS NULL", (run, signal))
    row = connection.execute("SELECT taken_by FROM signals WHERE id=?", (signal,)).fetchone()
    return row is not None and row[0] == run


def taken(signal: str, run: str) -> Also:
    """That `run` took a signal, as a row beside its events."""

    def take(connection: sqlite3.Connection) -> None:
        connection.execute("UPDATE signals SET taken_by=? WHERE id=? AND taken_by IS NULL", (run, signal))

    return take


def listens(run: str, steps: Mapping[str, str | None]) -> Also:
    """What the steps of a run wait for now, None for nothing any more, as rows beside its events."""

    def put(connection: sqlite3.Connection) -> None:
        for step, event in steps.items():
            connection.execute("DELETE FROM waits WHERE run=? AND step=?", (run, step))
            if event is not None:
                connection.execute("INSERT INTO waits VALUES (?,?,?)", (event, run, step))

    return put


def waits(connection: sqlite3.Connection) -> list[tuple[str, str, str]]:
    """Every open wait: event, run, step."""
    return [(str(a), str(b), str(c)) for a, b, c in connection.execute("SELECT event, run, step FROM waits")]


def _waiting(connection: sqlite3.Connection, event: str) -> list[tuple[str]]:
    query = "SELECT DISTINCT run FROM waits JOIN runs ON id=run WHERE event=? AND ended_at IS NULL ORDER BY run"
    return connection.execute(query, (event,)).fetchall()


def _requests(connection: sqlite3.Connection, signal: str) -> list[StoredRequest]:
    rows = connection.execute(
        "SELECT id, run, at, body, answer FROM requests WHERE id=? OR (id>? AND id<?) ORDER BY length(id), id",
        (signal, f"{signal}/", f"{signal}0"),
    )
    return [
        StoredRequest(name, run, at, json.loads(body), None if answer is None else json.loads(answer))
        for name, run, at, body, answer in rows
    ]


def _forget_old(connection: sqlite3.Connection, now: int) -> None:
    connection.execute(
        "DELETE FROM signals WHERE at<? AND (run IS NULL OR run NOT IN (SELECT id FROM runs WHERE ended_at IS NULL))",
        (now - KEPT_MS,),
    )


def _one(connection: sqlite3.Connection, where: str, values: tuple[str, ...]) -> Signal | None:
    row = connection.execute(f"SELECT {_COLUMNS} FROM signals WHERE {where}", values).fetchone()  # noqa: S608
    return None if row is None else _signal(row)


def _signal(row: tuple[int, str, int, str, str | None, str, str, str | None]) -> Signal:
    n, name, at, event, run, body, actor, taken_by = row
    try:
        return Signal(name, at, event, run, json.loads(body), actor, n, taken_by)
    except ValueError as error:
        raise StoreError(f"the signal {name} in the store is damaged: {error}") from error


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
