"""Looking after a store: copies of it, its size, and moving old runs out of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from headgate.records import NamedTuple
from headgate.runtime.errors import StoreError
from headgate.runtime.store import kept
from headgate.runtime.store.faults import explained
from headgate.runtime.store.opening import make_private, open_for_writing
from headgate.runtime.store.queries import EVENT_BITS
from headgate.runtime.store.rows import ApprovalRow, RunRow

PAGES_AT_ONCE = 1000
FAMILIES_AT_ONCE = 100
_FAMILY = "(id=? OR (root=? AND parent IS NOT NULL))"
_RUN = ",".join(RunRow._fields)
_APPROVAL = ",".join(ApprovalRow._fields)
_COPY_RUN = f"INSERT OR IGNORE INTO runs({_RUN}) VALUES ({','.join('?' * len(RunRow._fields))})"  # noqa: S608
_COPY_APPROVAL = f"INSERT OR REPLACE INTO approvals({_APPROVAL}) VALUES ({','.join('?' * len(ApprovalRow._fields))})"  # noqa: S608
_MEND_RUN = f"UPDATE runs SET {','.join(f'{name}=?' for name in RunRow._fields)} WHERE id=?"  # noqa: S608


class Sizes(NamedTuple):
    """Bytes of the file and of its log, before and after."""

    before: int
    after: int


class Old(NamedTuple):
    """A family of runs that ended before a moment: the run at its top, its workflow, and how many runs it has."""

    root: str
    workflow: str
    runs: int
    ended_at: int


def copy(connection: sqlite3.Connection, path: Path, target: Path, told: Callable[[int, int], None]) -> None:
    """Writes everything that is committed to `target`, a file that must not exist; others may go on writing.

    `told` gets how many pages are done, of how many. The copy is checked; raises `StoreError` when it cannot be made.
    """
    draft = target.with_name(target.name + ".part")
    draft.unlink(missing_ok=True)
    try:
        make_private(draft)
        with explained(target):
            made = sqlite3.connect(draft)
            try:
                connection.backup(made, pages=PAGES_AT_ONCE, progress=lambda _, left, whole: told(whole - left, whole))
                found = made.execute("PRAGMA integrity_check(1)").fetchone()[0]
                made.execute("PRAGMA journal_mode=DELETE")
            finally:
                made.close()
        if found != "ok":
            raise StoreError(f"the copy of `{path}` is damaged ({found}): the store is, run `headgate store check`")
        draft.rename(target)
    finally:
        draft.unlink(missing_ok=True)


def vacuum(connection: sqlite3.Connection, path: Path) -> Sizes:
    """Gives free pages back to the disk and empties the log; raises `StoreError` while others hold it."""
    before = _size(path)
    with explained(path):
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return Sizes(before, _size(path))


def old_families(connection: sqlite3.Connection, path: Path, before: int, workflows: Sequence[str]) -> list[Old]:
    """The families of which every run ended before `before` (UTC in ms), of `workflows` or of all; the oldest first."""
    chosen = f"AND r.workflow IN ({','.join('?' * len(workflows))})" if workflows else ""
    query = f"""
        SELECT r.root, r.workflow, r.ended_at FROM runs r
        WHERE r.root = r.id AND r.ended_at < ? {chosen} AND NOT EXISTS (
          SELECT 1 FROM runs c
          WHERE c.root = r.root AND c.parent IS NOT NULL AND (c.ended_at IS NULL OR c.ended_at >= ?)
        )
        ORDER BY r.ended_at, r.id
    """  # noqa: S608
    with explained(path):
        found = connection.execute(query, (before, *workflows, before)).fetchall()
        return [Old(root, workflow, _members(connection, root), ended) for root, workflow, ended in found]


def archive(connection: sqlite3.Connection, roots: Sequence[str], target: Path) -> None:
    """Copies families to the store at `target`, made when missing; what is there already stays as it is."""
    other = open_for_writing(target)
    try:
        with explained(target):
            other.execute("BEGIN IMMEDIATE")
            for root in roots:
                _copy_family(connection, other, root)
            other.execute("COMMIT")
    except BaseException:
        if other.in_transaction:
            other.execute("ROLLBACK")
        raise
    finally:
        other.close()


def _copy_family(connection: sqlite3.Connection, other: sqlite3.Connection, root: str) -> None:
    members = connection.execute(f"SELECT n,{_RUN} FROM runs WHERE {_FAMILY} ORDER BY n", (root, root)).fetchall()  # noqa: S608
    for number, *row in members:
        run = RunRow(*row)
        plan = connection.execute("SELECT digest, body FROM plans WHERE digest=?", (run.plan_digest,)).fetchone()
        if plan is not None:
            other.execute("INSERT OR IGNORE INTO plans VALUES (?,?)", plan)
        if other.execute(_COPY_RUN, run).rowcount == 0:
            continue
        (copied,) = other.execute("SELECT n FROM runs WHERE id=?", (run.id,)).fetchone()
        low, high = number << EVENT_BITS, (number + 1) << EVENT_BITS
        events = connection.execute("SELECT key - ?, body FROM events WHERE key>? AND key<?", (low, low, high))
        other.executemany(
            "INSERT INTO events VALUES (?,?)", [((copied << EVENT_BITS) + seq, body) for seq, body in events]
        )
        approvals = connection.execute(f"SELECT {_APPROVAL} FROM approvals WHERE run=?", (run.id,))  # noqa: S608
        other.executemany(_COPY_APPROVAL, approvals.fetchall())
    lease = connection.execute("SELECT fence FROM leases WHERE root=?", (root,)).fetchone()
    if lease is not None:
        other.execute("INSERT OR IGNORE INTO leases VALUES (?,?,NULL,NULL)", (root, lease[0]))


def remove(connection: sqlite3.Connection, roots: Sequence[str], before: int, now_ms: int) -> list[str]:
    """Deletes families inside the caller's transaction; one that was taken up again meanwhile is left and not given."""
    gone: list[str] = []
    for root in roots:
        members = connection.execute(f"SELECT n, id, ended_at FROM runs WHERE {_FAMILY}", (root, root)).fetchall()  # noqa: S608
        lease = connection.execute("SELECT expires_at FROM leases WHERE root=?", (root,)).fetchone()
        led = lease is not None and lease[0] is not None and lease[0] > now_ms
        if led or any(ended is None or ended >= before for _, _, ended in members):
            continue
        for number, run, _ in members:
            connection.execute(
                "DELETE FROM events WHERE key>? AND key<?", (number << EVENT_BITS, (number + 1) << EVENT_BITS)
            )
            connection.execute("DELETE FROM approvals WHERE run=?", (run,))
            kept.remove_of_run(connection, run)
        connection.execute(f"DELETE FROM runs WHERE {_FAMILY}", (root, root))  # noqa: S608
        connection.execute("DELETE FROM leases WHERE root=?", (root,))
        gone.append(root)
    return gone


def remove_unused_plans(connection: sqlite3.Connection) -> int:
    """Deletes, inside the caller's transaction, the plans of which no run is left; how many there were."""
    return connection.execute(
        "DELETE FROM plans WHERE digest NOT IN (SELECT plan_digest FROM runs UNION SELECT plan_digest FROM versions)"
    ).rowcount


def mend(connection: sqlite3.Connection, row: RunRow | ApprovalRow) -> None:
    """Writes a projection as it should be, inside the caller's transaction."""
    if isinstance(row, RunRow):
        connection.execute(_MEND_RUN, (*row, row.id))
    else:
        connection.execute(_COPY_APPROVAL, row)


def batches(roots: Sequence[str]) -> Iterator[Sequence[str]]:
    """A few families at a time, so that nobody waits long for the store."""
    for first in range(0, len(roots), FAMILIES_AT_ONCE):
        yield roots[first : first + FAMILIES_AT_ONCE]


def _members(connection: sqlite3.Connection, root: str) -> int:
    return int(connection.execute(f"SELECT count(*) FROM runs WHERE {_FAMILY}", (root, root)).fetchone()[0])  # noqa: S608


def _size(path: Path) -> int:
    files = (path, path.with_name(path.name + "-wal"))
    return sum(file.stat().st_size for file in files if file.exists())
