"""Who may start: how many runs of a workflow are out, who waits in line, how many were started of late.

Each function works inside a transaction of its caller, so that two drivers never both take the last place.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from headgate.records import NamedTuple
from headgate.runtime.store.rows import Also


class Place(NamedTuple):
    """A run's place: `ahead` are those in line before it, `out` those that hold a place now, the oldest first."""

    ahead: tuple[str, ...]
    out: tuple[str, ...]


def stand_in_line(run: str, root: str, workflow: str, key: str, made: int) -> Also:
    """Puts a new run into the line of its workflow and key."""

    def also(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT OR IGNORE INTO slots VALUES (?,?,?,?,?,NULL)", (run, root, workflow, key, made))

    return also


def holds_place(connection: sqlite3.Connection, run: str) -> bool:
    """Whether the run was let in before."""
    row = connection.execute("SELECT 1 FROM slots WHERE run=? AND taken IS NOT NULL", (run,)).fetchone()
    return row is not None


def take_place(connection: sqlite3.Connection, run: str, root: str, workflow: str, key: str, at: int) -> None:
    connection.execute(
        "INSERT INTO slots VALUES (?,?,?,?,?,?) ON CONFLICT(run) DO UPDATE SET taken=excluded.taken",
        (run, root, workflow, key, at, at),
    )


def those_out(connection: sqlite3.Connection, workflow: str, key: str) -> list[tuple[str, str]]:
    """The (run, root) that hold a place, the oldest first."""
    rows = connection.execute(
        "SELECT s.run, s.root FROM slots s JOIN runs r ON r.id=s.run WHERE s.workflow=? AND s.key=? "
        "AND s.taken IS NOT NULL AND r.ended_at IS NULL ORDER BY s.taken, s.run",
        (workflow, key),
    )
    return [(run, root) for run, root in rows]


def those_ahead(connection: sqlite3.Connection, run: str, workflow: str, key: str) -> list[tuple[str, str | None]]:
    """The (run, who drives it) that wait in line before `run` and that nothing holds, the first in line first."""
    rows = connection.execute(
        "SELECT s.run, l.owner FROM slots s JOIN runs r ON r.id=s.run LEFT JOIN leases l ON l.root=r.root "
        "WHERE s.workflow=? AND s.key=? AND s.taken IS NULL AND r.phase='queued' AND r.holds='[]' "
        "AND r.n < coalesce((SELECT n FROM runs WHERE id=?), 1 << 62) ORDER BY r.n",
        (workflow, key, run),
    )
    return [(name, owner) for name, owner in rows]


def waiting_to_start(connection: sqlite3.Connection, workflow: str, but: str) -> int:
    """How many runs of a workflow, without `but`, are accepted and have not started: held back, or in line."""
    row = connection.execute(
        "SELECT count(*) FROM runs WHERE workflow=? AND phase='queued' AND ended_at IS NULL AND id<>? "
        "AND (holds<>'[]' OR id IN (SELECT run FROM slots WHERE taken IS NULL))",
        (workflow, but),
    ).fetchone()
    return int(row[0])


def place_of(connection: sqlite3.Connection, run: str) -> Place | None:
    """Where a run stands in line; None for one that waits for no other."""
    row = connection.execute("SELECT workflow, key, taken FROM slots WHERE run=?", (run,)).fetchone()
    if row is None or row[2] is not None:
        return None
    workflow, key, _ = row
    ahead = tuple(name for name, _ in those_ahead(connection, run, workflow, key))
    return Place(ahead, tuple(name for name, _ in those_out(connection, workflow, key)))


def lines_of(connection: sqlite3.Connection, workflow: str) -> list[tuple[int, int]]:
    """For each key of a workflow, how many runs hold a place and how many wait in line."""
    rows = connection.execute(
        "SELECT sum(s.taken IS NOT NULL), sum(s.taken IS NULL) FROM slots s JOIN runs r ON r.id=s.run "
        "WHERE s.workflow=? AND r.ended_at IS NULL GROUP BY s.key ORDER BY s.key",
        (workflow,),
    )
    return [(int(out), int(waiting)) for out, waiting in rows]


# Starts


def started_since(connection: sqlite3.Connection, workflow: str, since: int, but: str = "") -> int:
    """How many runs of a workflow, without `but`, were started after `since`."""
    query = "SELECT count(*) FROM starts WHERE workflow=? AND at>? AND run<>?"
    row = connection.execute(query, (workflow, since, but)).fetchone()
    return int(row[0])


def count_start(connection: sqlite3.Connection, workflow: str, at: int, run: str, since: int) -> None:
    """Counts a start, and forgets those that no window sees any more."""
    connection.execute("DELETE FROM starts WHERE workflow=? AND at<=?", (workflow, since))
    if connection.execute("SELECT 1 FROM starts WHERE workflow=? AND run=?", (workflow, run)).fetchone() is None:
        connection.execute("INSERT INTO starts VALUES (?,?,?)", (workflow, at, run))


def forget_starts(connection: sqlite3.Connection, workflow: str) -> None:
    """Begins to count anew: what tripped a breaker does not trip it again."""
    connection.execute("DELETE FROM starts WHERE workflow=?", (workflow,))


def held_back(connection: sqlite3.Connection, hold: str, workflow: str | None = None) -> list[tuple[str, str]]:
    """The (run, workflow) of the open runs under a hold, of `workflow` alone when it is given; the oldest first."""
    clause, values = ("", ()) if workflow is None else (" AND workflow=?", (workflow,))
    rows = connection.execute(
        f"SELECT id, workflow FROM runs WHERE ended_at IS NULL AND holds<>'[]' AND holds LIKE ?{clause} ORDER BY n",  # noqa: S608
        (f'%["{hold}",%', *values),
    )
    return [(run, name) for run, name in rows]


def held_unstarted(connection: sqlite3.Connection, hold: str) -> list[str]:
    """The runs that a hold keeps from starting and that are not asked to go on yet, the oldest first."""
    rows = connection.execute(
        "SELECT id FROM runs r WHERE ended_at IS NULL AND holds<>'[]' AND phase='queued' AND holds LIKE ? "
        "AND NOT EXISTS (SELECT 1 FROM requests q WHERE q.run=r.id AND q.answer IS NULL "
        "AND json_extract(q.body, '$.verb')='release') ORDER BY n",
        (f'%["{hold}",%',),
    )
    return [row[0] for row in rows]


Lives = Callable[[str], bool]
"""Whether the driver of that name still lives."""
