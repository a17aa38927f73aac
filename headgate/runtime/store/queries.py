"""Reading the store: what lists, histories and drivers ask of it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

from headgate.runtime.connection_status import ConnectionRow
from headgate.runtime.errors import StoreError
from headgate.runtime.sealed_values import Sealing, unseal
from headgate.runtime.store import connections
from headgate.runtime.store.faults import explained
from headgate.runtime.store.journal import Entry, Notice, entries, open_notices
from headgate.runtime.store.listing import counting, listing
from headgate.runtime.store.opening import open_for_reading
from headgate.runtime.store.packing import unpack
from headgate.runtime.store.reports import ActRow, ActsFilter, CountRow, acts, entries_of_people, tally
from headgate.runtime.store.rows import ApprovalRow, OpenRun, RunFilter, RunRow, StoredRequest, request_purpose
from headgate.runtime.store.signals import Signal, newest, of_event, of_id, signal_purpose, waits
from headgate.runtime.store.workflow_reading import WorkflowReading

EVENT_BITS = 32
_LAST = (1 << EVENT_BITS) - 1
_RUN = ",".join(RunRow._fields)
_APPROVAL = ",".join(ApprovalRow._fields)
_REQUEST = "id, run, at, body, answer"
AMBIGUOUS_AT_MOST = 5

Row: TypeAlias = "tuple[Any, ...]"


class Reader(WorkflowReading):
    """Questions to the store. Each raises `StoreError` when it cannot be read."""

    __slots__ = ("_connection", "_path", "opening", "unseal")

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self.unseal: Callable[[str, int, str], str] | None = None
        self._connection = connection
        self._path = path
        self.opening: Sealing | None = None  # opens single values that are stored sealed

    @property
    def connection(self) -> sqlite3.Connection:
        """For the questions of this package's other modules."""
        return self._connection

    def close(self) -> None:
        self._connection.close()

    def data_version(self) -> int:
        """A number that changes when another connection has committed."""
        row = self._one("PRAGMA data_version", ())
        assert row is not None, "SQLite counts its commits"
        return int(row[0])

    def run(self, run: str) -> RunRow | None:
        """The projection of one run by its whole id."""
        row = self._one(f"SELECT {_RUN} FROM runs WHERE id=?", (run,))  # noqa: S608
        return None if row is None else RunRow(*row)

    def runs_by_prefix(self, prefix: str) -> list[str]:
        """The ids that begin with `prefix`, a few at most."""
        low = prefix.upper()
        rows = self._all("SELECT id FROM runs WHERE id>=? AND id<? LIMIT ?", (low, low + "~", AMBIGUOUS_AT_MOST))
        return [row[0] for row in rows]

    def runs(self, chosen: RunFilter) -> list[RunRow]:
        """The runs that `chosen` lets through, the newest first."""
        text, values = listing(chosen)
        rows = self._all(text, tuple(values))
        return [RunRow(*row) for row in rows]

    def counts(self, chosen: RunFilter) -> dict[str, dict[str, int]]:
        """How many runs `chosen` lets through, by workflow and status."""
        text, values = counting(chosen)
        found: dict[str, dict[str, int]] = {}
        for workflow, status, number in self._all(text, tuple(values)):
            found.setdefault(workflow, {})[status] = int(number)
        return found

    def open_runs(self) -> list[OpenRun]:
        """Every run that has not ended, the oldest first."""
        rows = self._all("SELECT id, root, phase, due_at FROM runs WHERE ended_at IS NULL ORDER BY id", ())
        return [OpenRun(*row) for row in rows]

    def family(self, root: str) -> list[RunRow]:
        """The run `root` and every sub-run below it, parents before children."""
        rows = self._all(
            f"SELECT {_RUN} FROM runs WHERE id=? OR (root=? AND parent IS NOT NULL) ORDER BY n",  # noqa: S608
            (root, root),
        )
        return [RunRow(*row) for row in rows]

    def events(self, run: str, after: int = 0) -> list[tuple[int, str]]:
        """The (seq, text) of a run's events whose seq is greater than `after`, in order."""
        row = self._one("SELECT n FROM runs WHERE id=?", (run,))
        if row is None:
            return []
        first = row[0] << EVENT_BITS
        rows = self._all(
            "SELECT key - ?, body FROM events WHERE key>? AND key<=? ORDER BY key",
            (first, first + after, first + _LAST),
        )
        return [(int(seq), self._in_clear(run, int(seq), text)) for seq, text in rows]

    def _in_clear(self, run: str, seq: int, text: str) -> str:
        """The text of an event; of a sealed one only `unseal` can tell it."""
        if not text.startswith("{"):
            return text
        if self.unseal is None:
            raise StoreError(f"the events of run {run} are sealed, and no key is at hand to open them")
        return self.unseal(run, seq, text)

    def is_sealed(self, run: str) -> bool:
        """Whether the events of a run are encrypted: all, or those since it was told of something secret."""
        row = self._one("SELECT n FROM runs WHERE id=?", (run,))
        first = 0 if row is None else row[0] << EVENT_BITS
        ends = "key=? OR key=(SELECT max(key) FROM events WHERE key>? AND key<=?)"
        rows = self._all(f"SELECT body FROM events WHERE {ends}", (first + 1, first, first + _LAST))  # noqa: S608
        return any(str(each[0]).startswith("{") for each in rows)

    def plan(self, digest: str) -> bytes | None:
        """The canonical bytes of a stored plan, as they are; whoever loads them checks them."""
        row = self._one("SELECT body FROM plans WHERE digest=?", (digest,))
        return None if row is None else unpack(row[0])

    def approval(self, task: str) -> ApprovalRow | None:
        row = self._one(f"SELECT {_APPROVAL} FROM approvals WHERE id=?", (task,))  # noqa: S608
        return None if row is None else ApprovalRow(*row)

    def approvals_by_prefix(self, prefix: str) -> list[ApprovalRow]:
        """The approvals whose ids begin with `prefix`, a few at most."""
        low = prefix.upper()
        query = f"SELECT {_APPROVAL} FROM approvals WHERE id>=? AND id<? LIMIT ?"  # noqa: S608
        return [ApprovalRow(*row) for row in self._all(query, (low, low + "~", AMBIGUOUS_AT_MOST))]

    def approvals(self, run: str | None, statuses: tuple[str, ...]) -> list[ApprovalRow]:
        """The approvals of `run` (None: of all) with one of `statuses` (none given: all), the oldest first."""
        clauses: list[str] = []
        values: list[object] = []
        if run is not None:
            clauses.append("run=?")
            values.append(run)
        if statuses == ("pending",):
            clauses.append("status='pending'")  # as the index of the pending ones has it
        elif statuses:
            clauses.append(f"status IN ({','.join('?' * len(statuses))})")
            values += statuses
        where = f"WHERE {' AND '.join(clauses)}" if clauses else ""
        rows = self._all(f"SELECT {_APPROVAL} FROM approvals {where} ORDER BY requested_at, id", tuple(values))  # noqa: S608
        return [ApprovalRow(*row) for row in rows]

    def request(self, request: str) -> StoredRequest | None:
        row = self._one(f"SELECT {_REQUEST} FROM requests WHERE id=?", (request,))  # noqa: S608
        return None if row is None else self._request(row)

    def _request(self, row: Row) -> StoredRequest:
        name, run, at, body, answer = row
        try:
            found = StoredRequest(name, run, at, json.loads(body), None if answer is None else json.loads(answer))
        except ValueError as error:
            raise StoreError(f"the request {name} in the store is damaged: {error}") from error
        said = found.body.get("said")
        if said is None:
            return found
        opened = unseal(self.opening, request_purpose(name), said)
        assert isinstance(opened, dict), "what was said with an act is a map"
        return found._replace(body={**found.body, **opened})

    def is_asked(self, run: str) -> bool:
        """Whether an act on the run waits for its driver."""
        return self._one("SELECT 1 FROM requests WHERE run=? AND answer IS NULL", (run,)) is not None

    def open_requests(self) -> list[StoredRequest]:
        """The acts nobody has answered yet, in the order they were made."""
        rows = self._all(f"SELECT {_REQUEST} FROM requests WHERE answer IS NULL ORDER BY at, id", ())  # noqa: S608
        return [self._request(row) for row in rows]

    def run_ids(self) -> list[str]:
        """Every run, the oldest first."""
        return [row[0] for row in self._rows("SELECT id FROM runs ORDER BY id", ())]

    def events_without_run(self) -> list[int]:
        """The numbers of runs that have events and are not listed; a store in order has none."""
        missing: list[int] = []
        number = 0
        while found := self._one(
            "SELECT key >> ? FROM events WHERE key>=? LIMIT 1", (EVENT_BITS, number << EVENT_BITS)
        ):
            if self._one("SELECT 1 FROM runs WHERE n=?", found) is None:
                missing.append(found[0])
            number = found[0] + 1
        return missing

    def approvals_without_run(self) -> list[tuple[str, str]]:
        """(approval, run) for each approval whose run is not listed."""
        rows = self._all("SELECT id, run FROM approvals WHERE run NOT IN (SELECT id FROM runs) ORDER BY id", ())
        return [(row[0], row[1]) for row in rows]

    def roots_without_lease(self) -> list[str]:
        """The tops of families that nobody could lead."""
        rows = self._all("SELECT id FROM runs WHERE id=root AND root NOT IN (SELECT root FROM leases) ORDER BY id", ())
        return [row[0] for row in rows]

    @contextmanager
    def moment(self) -> Iterator[None]:
        """What is read inside is one moment of the store, whatever others write meanwhile."""
        with explained(self._path):
            self._connection.execute("BEGIN")
            self._connection.execute("SELECT 1 FROM runs LIMIT 1").fetchone()
        try:
            yield
        finally:
            self._connection.execute("COMMIT")

    def lease_holder(self, root: str) -> str | None:
        """Who drives the family of `root`, as far as the store knows."""
        row = self._one("SELECT owner FROM leases WHERE root=?", (root,))
        return None if row is None else row[0]

    def acts(self, chosen: ActsFilter) -> Iterator[ActRow]:
        """The events of runs that people caused, the oldest first."""
        with explained(self._path):
            for row in acts(self._connection, chosen):
                yield row._replace(body=self._in_clear(row.run, row.seq, row.body))

    def entries_of_people(self, chosen: ActsFilter) -> list[Entry]:
        """What people did to things that are no run, the oldest first."""
        with explained(self._path):
            return list(entries_of_people(self._connection, chosen))

    def tally(self, period: str, chosen: ActsFilter) -> list[CountRow]:
        """How many runs of each workflow stand how, by the period of their creation."""
        with explained(self._path):
            return tally(self._connection, period, chosen)

    def journal(self, subject: str) -> list[Entry]:
        """What happened to a subject that is no run, in order."""
        with explained(self._path):
            return entries(self._connection, subject)

    def journal_subjects(self) -> list[str]:
        """Everything that is no run and that something happened to."""
        return [row[0] for row in self._all("SELECT DISTINCT subject FROM journal ORDER BY subject", ())]

    def connection_named(self, name: str) -> ConnectionRow | None:
        """What is known of a connection."""
        with explained(self._path):
            return connections.connection_row(self._connection, name)

    def connections(self) -> list[ConnectionRow]:
        """Every connection that something is known of, by name."""
        with explained(self._path):
            return connections.connection_rows(self._connection)

    def sealed_token(self, name: str) -> tuple[int, bytes] | None:
        """The number and the sealed bytes of a connection's last tokens."""
        with explained(self._path):
            return connections.sealed_token(self._connection, name)

    def runs_held_for(self, connection: str) -> list[RunRow]:
        """The runs that are held because this connection is to be authorized again, the newest first."""
        found = self.runs(RunFilter(hold="reauth"))
        return [row for row in found if any(len(hold) > 5 and hold[5] == connection for hold in json.loads(row.holds))]

    def notices(self) -> list[Notice]:
        """What people should know now, the newest first."""
        with explained(self._path):
            return open_notices(self._connection)

    def signals(self, event: str, after: int = 0) -> list[Signal]:
        """The kept signals of an event that came behind number `after`, in order."""
        with explained(self._path):
            return [self.opened(signal) for signal in of_event(self._connection, event, after)]

    def signal(self, name: str) -> Signal | None:
        """A kept signal by its id."""
        with explained(self._path):
            found = of_id(self._connection, name)
        return None if found is None else self.opened(found)

    def opened(self, signal: Signal) -> Signal:
        """A signal with its payload, which is stored sealed. Raises `KeyFault`."""
        return signal._replace(payload=unseal(self.opening, signal_purpose(signal.id), signal.payload))

    def newest_signal(self) -> int:
        """The number of the last signal, 0 without any."""
        with explained(self._path):
            return newest(self._connection)

    def waits(self) -> list[tuple[str, str, str]]:
        """Every open wait for an event: event, run, step."""
        with explained(self._path):
            return waits(self._connection)

    def waits_of(self, run: str) -> dict[str, str]:
        """The open waits of a run: step to event."""
        return {str(step): str(event) for event, step in self._all("SELECT event, step FROM waits WHERE run=?", (run,))}

    def fault(self) -> str | None:
        """What SQLite's own check of the file says is wrong with it, or None."""
        row = self._one("PRAGMA quick_check(1)", ())
        return None if row is None or row[0] == "ok" else str(row[0])

    def _one(self, query: str, values: tuple[object, ...]) -> Row | None:
        return next(self._rows(query, values), None)

    def _all(self, query: str, values: tuple[object, ...]) -> list[Row]:
        return list(self._rows(query, values))

    def _rows(self, query: str, values: tuple[object, ...]) -> Iterator[Row]:
        with explained(self._path):
            yield from self._connection.execute(query, values)


def reader_of(path: Path) -> Reader | None:
    """A reader of the store at `path` that changes nothing; None when there is none yet. Raises `StoreError`."""
    connection = open_for_reading(path)
    return None if connection is None else Reader(connection, path)
