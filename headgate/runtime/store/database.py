"""The one writer: what became ready across all runs goes into one transaction, on the disk when it returns."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from headgate.runtime.errors import StoreError
from headgate.runtime.store import signals, upkeep
from headgate.runtime.store.faults import fault_of
from headgate.runtime.store.leases import LEASE_MS, Owner, is_gone
from headgate.runtime.store.opening import open_for_writing
from headgate.runtime.store.packing import pack
from headgate.runtime.store.queries import EVENT_BITS, Reader
from headgate.runtime.store.rows import ApprovalRow, Lease, RunRow, RunWrite, StoredRequest
from headgate.runtime.store.signals import Sent, Signal

_COLUMNS = range(len(RunRow._fields))
_INSERT_RUN = f"INSERT INTO runs({','.join(RunRow._fields)}) VALUES ({','.join('?' * len(RunRow._fields))})"  # noqa: S608
_PUT_APPROVAL = f"INSERT OR REPLACE INTO approvals VALUES ({','.join('?' * len(ApprovalRow._fields))})"  # noqa: S608


class Store:
    """The event log with its projections, leases and requests, on SQLite. One connection, one writer."""

    def __init__(self, path: Path, connect: Callable[[Path], sqlite3.Connection] = open_for_writing) -> None:
        """Opens the store at `path`, made when missing. Raises `StoreError` when it cannot be used."""
        self.path = path
        self._connection = connect(path)
        self._numbers: dict[str, int] = {}
        self.read = Reader(self._connection, path)
        self.locks = path.parent / "locks"

    @property
    def connection(self) -> sqlite3.Connection:
        """For the questions of this package's other modules; what is written goes through `transaction`."""
        return self._connection

    def close(self) -> None:
        self._connection.close()

    def data_version(self) -> int:
        """A number that changes when another process has committed."""
        return self.read.data_version()

    # Writing

    def commit(self, writes: Sequence[RunWrite]) -> frozenset[str]:
        """Stores all `writes` in one transaction and syncs; gives the runs that were refused.

        A run is refused, and nothing of it stored, when its lease was taken by another driver or another has appended
        these events. Raises `StoreError`; then nothing at all is stored.
        """
        execute = self._connection.execute
        refused: set[str] = set()
        try:
            execute("BEGIN IMMEDIATE")
            for write in writes:
                if self._is_led(write):
                    self._append(write)
                else:
                    refused.add(write.run)
            execute("COMMIT")
        except sqlite3.IntegrityError:
            self._abandon(writes)
            return self._commit_each(writes)
        except sqlite3.Error as error:
            self._abandon(writes)
            raise fault_of(error, self.path) from error
        except BaseException:
            self._abandon(writes)
            raise
        return frozenset(refused)

    def _commit_each(self, writes: Sequence[RunWrite]) -> frozenset[str]:
        if len(writes) == 1:
            return frozenset({writes[0].run})
        return frozenset().union(*(self.commit([write]) for write in writes))

    def _is_led(self, write: RunWrite) -> bool:
        lease = write.lease
        found = self._connection.execute("SELECT fence FROM leases WHERE root=?", (lease.root,)).fetchone()
        if found is None:
            return write.new and write.run == lease.root
        return bool(found[0] == lease.fence)

    def _append(self, write: RunWrite) -> None:
        execute = self._connection.execute
        if write.new:
            self._create(write)
        elif write.row is not None:
            self._update(write.run, write.row, write.was)
        first = self._number(write.run) << EVENT_BITS
        events = [(first + seq, text) for seq, text in write.events]
        self._connection.executemany("INSERT INTO events VALUES (?,?)", events)
        if write.approvals:
            self._connection.executemany(_PUT_APPROVAL, write.approvals)
        for request, answer in write.answers:
            execute("UPDATE requests SET answer=? WHERE id=?", (_text(answer), request))
        for also in write.also:
            also(self._connection)

    def _update(self, run: str, row: RunRow, was: RunRow | None) -> None:
        """Writes the columns that changed: an index whose columns are not named costs nothing."""
        changed: tuple[str, ...] = RunRow._fields
        values: tuple[object, ...] = row
        if was is not None:
            differing = [n for n in _COLUMNS if row[n] != was[n]]
            if not differing:
                return
            changed = tuple([RunRow._fields[n] for n in differing])
            values = tuple([row[n] for n in differing])
        columns = ",".join(f"{name}=?" for name in changed)
        self._connection.execute(f"UPDATE runs SET {columns} WHERE n=?", (*values, self._number(run)))  # noqa: S608

    def _create(self, write: RunWrite) -> None:
        assert write.row is not None, "a new run has a projection"
        execute = self._connection.execute
        if write.plan is not None:
            digest, content = write.plan
            if execute("SELECT 1 FROM plans WHERE digest=?", (digest,)).fetchone() is None:
                execute("INSERT INTO plans VALUES (?,?)", (digest, pack(content)))
        number = execute(_INSERT_RUN, write.row).lastrowid
        assert number is not None, "SQLite numbers every row"
        self._numbers[write.run] = number
        lease = write.lease
        if lease.root == write.run:
            expires = write.row.created_at + LEASE_MS
            execute("INSERT INTO leases VALUES (?,?,?,?)", (lease.root, lease.fence, lease.owner, expires))

    def _number(self, run: str) -> int:
        number = self._numbers.get(run)
        if number is None:
            found = self._connection.execute("SELECT n FROM runs WHERE id=?", (run,)).fetchone()
            if found is None:
                raise StoreError(f"the store `{self.path}` does not hold run {run}")
            number = self._numbers[run] = int(found[0])
        return number

    def _abandon(self, writes: Sequence[RunWrite]) -> None:
        for write in writes:
            if write.new:
                self._numbers.pop(write.run, None)
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    # Upkeep

    def copy_to(self, target: Path, told: Callable[[int, int], None]) -> None:
        """As `upkeep.copy`."""
        upkeep.copy(self._connection, self.path, target, told)

    def vacuum(self) -> upkeep.Sizes:
        """As `upkeep.vacuum`."""
        return upkeep.vacuum(self._connection, self.path)

    def old_families(self, before: int, workflows: Sequence[str]) -> list[upkeep.Old]:
        """As `upkeep.old_families`."""
        return upkeep.old_families(self._connection, self.path, before, workflows)

    def archive(self, roots: Sequence[str], target: Path) -> None:
        """As `upkeep.archive`."""
        upkeep.archive(self._connection, roots, target)

    # Leases

    def take_lease(self, root: str, owner: Owner, now_ms: int) -> Lease | None:
        """The right to drive the family of `root`, or None while a living driver has it. Raises `StoreError`."""
        return next(iter(self.take_leases([root], owner, now_ms)), None)

    def take_leases(self, roots: Iterable[str], owner: Owner, now_ms: int) -> list[Lease]:
        """The right to drive each of these families that no living driver has, in one act. Raises `StoreError`."""
        with self.transaction() as connection:
            taken = [lease for root in roots if (lease := self._free_lease(root, owner, now_ms)) is not None]
            connection.executemany(
                "UPDATE leases SET fence=?, owner=?, expires_at=? WHERE root=?",
                [(lease.fence, owner.name, now_ms + LEASE_MS, lease.root) for lease in taken],
            )
        return taken

    def _free_lease(self, root: str, owner: Owner, now_ms: int) -> Lease | None:
        query = "SELECT fence, owner, expires_at FROM leases WHERE root=?"
        found = self._connection.execute(query, (root,)).fetchone()
        if found is None:
            return None
        fence, holder, expires_at = found
        if holder is not None and holder != owner.name and expires_at > now_ms and not is_gone(self.locks, holder):
            return None
        return Lease(root, owner.name, fence + 1)

    def renew_leases(self, owner: Owner, now_ms: int) -> None:
        """Extends every lease of `owner`. Raises `StoreError`."""
        with self.transaction() as connection:
            connection.execute("UPDATE leases SET expires_at=? WHERE owner=?", (now_ms + LEASE_MS, owner.name))

    def release_leases(self, leases: Iterable[Lease]) -> None:
        """Gives up those of `leases` that nobody has taken meanwhile. Raises `StoreError`."""
        rows = [(lease.root, lease.fence) for lease in leases]
        if not rows:
            return
        with self.transaction() as connection:
            connection.executemany(
                "UPDATE leases SET owner=NULL, expires_at=NULL WHERE root=? AND fence=?",
                rows,
            )

    # Requests

    def put_request(self, request: StoredRequest) -> StoredRequest:
        """Stores an act for whoever drives its run; the one that is stored under this id already is given instead."""
        with self.transaction() as connection:
            put_request(connection, request)
        stored = self.read.request(request.id)
        assert stored is not None, "a request that was put is there"
        return stored

    # Signals

    def send_signal(self, signal: Signal) -> Sent:
        """Keeps a signal for the runs it concerns, and asks those that wait for it to look. Raises `StoreError`."""
        with self.transaction() as connection:
            return signals.send(connection, signal)

    def claim_signal(self, signal: str, run: str) -> bool:
        """Takes a signal that came before `run` was there; False when another run did first. Raises `StoreError`."""
        with self.transaction() as connection:
            return signals.claim(connection, signal, run)

    def transaction(self) -> AbstractContextManager[sqlite3.Connection]:
        """What is read and written inside is one act that nobody else's comes between. Raises `StoreError`."""
        return _Transaction(self._connection, self.path)


def put_request(connection: sqlite3.Connection, request: StoredRequest) -> None:
    """Stores an act in a transaction of somebody's, unless one of this id is there."""
    connection.execute(
        "INSERT OR IGNORE INTO requests VALUES (?,?,?,?,NULL)",
        (request.id, request.run, request.at, _text(request.body)),
    )


class _Transaction(AbstractContextManager[sqlite3.Connection]):
    """BEGIN IMMEDIATE, so that nothing is read that another writer may still change; COMMIT or ROLLBACK."""

    __slots__ = ("_connection", "_path")

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path

    def __enter__(self) -> sqlite3.Connection:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            raise fault_of(error, self._path) from error
        return self._connection

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        try:
            self._connection.execute("COMMIT" if error is None else "ROLLBACK")
        except sqlite3.Error as failure:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise fault_of(failure, self._path) from failure
        if isinstance(error, sqlite3.Error):
            raise fault_of(error, self._path) from error


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
