"""What is kept beside the runs: questions of the store's check, and what rebuilds or removes it.

Each function works inside a transaction of its caller.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator

from headgate.runtime.store import connections

OF_RUNS = ("requests", "waits", "reservations", "paid", "slots")
"""The tables beside events and approvals whose rows are of one run, in their column `run`.

`starts` is not: what was started counts to the throughput of its workflow until its period is over.
"""


def remove_of_run(connection: sqlite3.Connection, run: str) -> None:
    """Deletes everything of a run but its events, its approvals and its entry in the list."""
    for table in OF_RUNS:
        connection.execute(f"DELETE FROM {table} WHERE run=?", (run,))  # noqa: S608
    connection.execute("DELETE FROM signals WHERE run=?", (run,))
    connection.execute("DELETE FROM notices WHERE subject=?", (run,))


def leftovers(connection: sqlite3.Connection) -> Iterator[tuple[str, str]]:
    """(table, run) where rows are kept for a run that is not there."""
    for table in (*OF_RUNS, "signals"):
        gone = "run IS NOT NULL AND run NOT IN (SELECT id FROM runs)"
        query = f"SELECT DISTINCT run FROM {table} WHERE {gone} ORDER BY 1"  # noqa: S608
        yield from ((table, str(row[0])) for row in connection.execute(query))


def journalled(connection: sqlite3.Connection, beginning: str) -> list[str]:
    """The names of the journal's subjects that begin so, without the beginning."""
    query = "SELECT DISTINCT subject FROM journal WHERE subject>=? AND subject<? ORDER BY subject"
    rows = connection.execute(query, (beginning, beginning[:-1] + chr(ord(beginning[-1]) + 1)))
    return [str(row[0]).removeprefix(beginning) for row in rows]


def tokens(connection: sqlite3.Connection) -> dict[str, int]:
    """Connection -> the number of the token that is kept of it."""
    return {str(name): int(minted) for name, minted in connection.execute("SELECT name, minted FROM tokens")}


def taken_by(connection: sqlite3.Connection, run: str) -> set[str]:
    """The signals that say that `run` took them first."""
    return {str(row[0]) for row in connection.execute("SELECT id FROM signals WHERE taken_by=?", (run,))}


def free(connection: sqlite3.Connection, names: Iterable[str]) -> set[str]:
    """Those of the signals that are kept, and that nobody took."""
    query = "SELECT 1 FROM signals WHERE id=? AND taken_by IS NULL"
    return {name for name in names if connection.execute(query, (name,)).fetchone()}


def accepted(connection: sqlite3.Connection, run: str) -> list[tuple[str, str]]:
    """(id, verb) of the acts on a run that its driver accepted."""
    query = (
        "SELECT id, body ->> '$.verb' FROM requests WHERE run=? AND json_valid(answer) "
        "AND answer ->> '$.verdict'='accepted' ORDER BY id"
    )
    return [(str(name), str(verb)) for name, verb in connection.execute(query, (run,))]


def plans_of_no_run(connection: sqlite3.Connection) -> list[str]:
    """The digests of the stored plans that no run has; those that runs have are looked at with them."""
    query = "SELECT digest FROM plans WHERE digest NOT IN (SELECT plan_digest FROM runs) ORDER BY digest"
    return [str(row[0]) for row in connection.execute(query)]


def texts(connection: sqlite3.Connection) -> Iterator[tuple[str, str]]:
    """(digest, text) of every stored source."""
    for digest, body in connection.execute("SELECT digest, body FROM texts ORDER BY digest"):
        yield str(digest), str(body)


def mend_connection(connection: sqlite3.Connection, name: str) -> None:
    """Writes a connection's list entry as its journal says. Raises `IllegalChange`."""
    row = connections.rebuilt(connection, name)
    connection.execute("DELETE FROM connections WHERE name=?", (name,))
    if row is not None:
        connection.execute(f"INSERT INTO connections VALUES ({','.join('?' * len(row))})", row)  # noqa: S608


def mend_signal(connection: sqlite3.Connection, name: str, run: str | None) -> None:
    """Says of a signal that `run` took it, or that nobody did."""
    connection.execute("UPDATE signals SET taken_by=? WHERE id=?", (run, name))


def mend_wait(connection: sqlite3.Connection, run: str, step: str, event: str | None) -> None:
    """Writes what a step waits for, None for nothing."""
    connection.execute("DELETE FROM waits WHERE run=? AND step=?", (run, step))
    if event is not None:
        connection.execute("INSERT INTO waits VALUES (?,?,?)", (event, run, step))
