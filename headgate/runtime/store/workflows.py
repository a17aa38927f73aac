"""Workflows and their versions in the store: the log of `workflow/NAME`, what lists read of it, and what came due."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable

from headgate.plan import JsonObject
from headgate.records import NamedTuple
from headgate.runtime.store import journal
from headgate.runtime.verdicts import NoOp, Refusal
from headgate.runtime.workflow_judging import Granted, WorkflowRequest, WorkflowVerdict, judge_workflow
from headgate.runtime.workflow_log import Mark, Version, WorkflowState, derive_workflow, evolve_workflow, fold_workflow

# `workflows` and `versions` are projections of the journal; `texts` keeps each source once, by its digest.
# `occurrences` has one row for each time a trigger was due, and each key of an event, so that none is met twice.
TABLES = """
    CREATE TABLE texts(digest TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE workflows(
      name TEXT PRIMARY KEY,
      seq INTEGER NOT NULL,
      status TEXT NOT NULL,
      detail TEXT,
      active INTEGER,
      breakers TEXT NOT NULL,
      schedules TEXT NOT NULL,
      changed_at INTEGER NOT NULL,
      changed_by TEXT NOT NULL,
      reason TEXT
    ) WITHOUT ROWID;
    CREATE TABLE versions(
      workflow TEXT NOT NULL,
      number INTEGER NOT NULL,
      status TEXT NOT NULL,
      plan_digest TEXT NOT NULL,
      text TEXT NOT NULL,
      path TEXT NOT NULL,
      title TEXT NOT NULL,
      note TEXT,
      environment TEXT,
      made_at INTEGER NOT NULL,
      made_by TEXT NOT NULL,
      published_at INTEGER,
      published_by TEXT,
      PRIMARY KEY(workflow, number)
    ) WITHOUT ROWID;
    CREATE TABLE occurrences(
      workflow TEXT NOT NULL,
      trigger TEXT NOT NULL,
      key TEXT NOT NULL,
      due_at INTEGER NOT NULL,
      run TEXT,
      at INTEGER NOT NULL,
      PRIMARY KEY(workflow, trigger, key)
    ) WITHOUT ROWID;
    CREATE INDEX occurrences_due ON occurrences(workflow, trigger, due_at);
    CREATE INDEX runs_workflow ON runs(workflow, id)
"""


class WorkflowRow(NamedTuple):
    """A workflow as lists read it; `breakers` and `schedules` are JSON objects, times UTC in ms."""

    name: str
    seq: int
    status: str
    detail: str | None
    active: int | None
    breakers: str
    schedules: str
    changed_at: int
    changed_by: str
    reason: str | None


class VersionRow(NamedTuple):
    """A version as lists read it; `text` is the digest of its source."""

    workflow: str
    number: int
    status: str
    plan_digest: str
    text: str
    path: str
    title: str
    note: str | None
    environment: str | None
    made_at: int
    made_by: str
    published_at: int | None
    published_by: str | None


class Signed(NamedTuple):
    """Who asks and why; the same `request_id` twice is one act, and the second gets the first answer."""

    actor: str
    reason: str | None = None
    request_id: str | None = None


def subject_of(name: str) -> str:
    """The journal's subject of a workflow."""
    return f"workflow/{name}"


def workflow_of(connection: sqlite3.Connection, name: str) -> WorkflowState:
    """The workflow as its log says; without any version when nothing was ever published under the name."""
    return fold_workflow(name, journal.entries(connection, subject_of(name)))


def ask_workflow(
    connection: sqlite3.Connection, name: str, request: WorkflowRequest, signed: Signed
) -> tuple[WorkflowVerdict, WorkflowState]:
    """Judges `request` and stores what follows, inside the caller's transaction; also the workflow as it is then."""
    state = workflow_of(connection, name)
    if signed.request_id is not None:
        earlier = journal.entry_of_request(connection, signed.request_id)
        if earlier is not None:
            return NoOp(str(earlier.data.get("answer", "it was done before"))), state
    verdict = judge_workflow(state, request)
    if not isinstance(verdict, Granted):
        return verdict, state
    data_first: JsonObject = {"answer": verdict.answer} if signed.request_id is not None else {}
    request_id = signed.request_id
    for kind, data in verdict.events:
        entry = journal.Entry(
            subject_of(name),
            state.seq + 1,
            request.at,
            kind.value,
            {**data, **data_first},
            signed.actor,
            signed.reason,
            request_id,
        )
        journal.append(connection, entry)
        state = evolve_workflow(state, entry)
        request_id, data_first = None, {}
    project_workflow(connection, state)
    return verdict, state


def project_workflow(connection: sqlite3.Connection, state: WorkflowState) -> None:
    """Writes what lists read of a workflow and its versions."""
    row, versions = workflow_row(state), version_rows(state)
    connection.execute(f"INSERT OR REPLACE INTO workflows VALUES ({_blanks(row)})", row)  # noqa: S608
    if versions:
        connection.executemany(f"INSERT OR REPLACE INTO versions VALUES ({_blanks(versions[0])})", versions)  # noqa: S608


def workflow_row(state: WorkflowState) -> WorkflowRow:
    """The projection of a workflow; a pure function of its log."""
    status, detail, _ = derive_workflow(state)
    changed = state.changed or Mark(0, "")
    breakers = {breaker.value: list(mark) for breaker, mark in state.breakers.items()}
    schedules = {name: list(each) for name, each in state.schedules.items()}
    return WorkflowRow(
        state.name, state.seq, status.value, detail, state.active, _text(breakers), _text(schedules),
        changed.at, changed.by, changed.reason,
    )  # fmt: skip


def version_rows(state: WorkflowState) -> list[VersionRow]:
    """The projections of a workflow's versions, by number."""
    return [_version_row(state.name, state.versions[number]) for number in sorted(state.versions)]


def _version_row(workflow: str, version: Version) -> VersionRow:
    published = version.published
    return VersionRow(
        workflow, version.number, version.status.value, version.plan_digest, version.text, version.path, version.title,
        version.note, version.environment, version.made.at, version.made.by,
        None if published is None else published.at, None if published is None else published.by,
    )  # fmt: skip


def workflow_rows(connection: sqlite3.Connection) -> list[WorkflowRow]:
    """All workflows by name."""
    rows = connection.execute(f"SELECT {','.join(WorkflowRow._fields)} FROM workflows ORDER BY name")  # noqa: S608
    return [WorkflowRow(*row) for row in rows]


def workflow_names(connection: sqlite3.Connection) -> list[str]:
    """The names under which anything was ever published."""
    return [row[0] for row in connection.execute("SELECT name FROM workflows ORDER BY name")]


def put_text(connection: sqlite3.Connection, digest: str, body: str) -> None:
    """Keeps a source under its digest."""
    connection.execute("INSERT OR IGNORE INTO texts VALUES (?,?)", (digest, body))


def text_of(connection: sqlite3.Connection, digest: str) -> str | None:
    """The source of this digest."""
    row = connection.execute("SELECT body FROM texts WHERE digest=?", (digest,)).fetchone()
    return None if row is None else str(row[0])


def put_plan(connection: sqlite3.Connection, digest: str, content: bytes) -> None:
    """Keeps a plan under its digest."""
    connection.execute("INSERT OR IGNORE INTO plans VALUES (?,?)", (digest, content))


class Occurrence(NamedTuple):
    """One time that a trigger was due, or one event by its key. `run` is what came of it."""

    workflow: str
    trigger: str
    key: str
    due_at: int
    run: str | None
    at: int


def met(occurrence: Occurrence) -> Callable[[sqlite3.Connection], None]:
    """Writes the occurrence with its run; the run is refused when somebody else met it first."""

    def write(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO occurrences VALUES (?,?,?,?,?,?)", occurrence)

    return write


def last_due(connection: sqlite3.Connection, workflow: str, trigger: str) -> int | None:
    """The latest time of a trigger that was met."""
    query = "SELECT max(due_at) FROM occurrences WHERE workflow=? AND trigger=?"
    found = connection.execute(query, (workflow, trigger)).fetchone()[0]
    return None if found is None else int(found)


def latest_occurrence(connection: sqlite3.Connection, workflow: str, trigger: str) -> Occurrence | None:
    """What last came of a trigger."""
    query = "SELECT * FROM occurrences WHERE workflow=? AND trigger=? ORDER BY due_at DESC LIMIT 1"
    row = connection.execute(query, (workflow, trigger)).fetchone()
    return None if row is None else Occurrence(*row)


def occurrence_of(connection: sqlite3.Connection, workflow: str, trigger: str, key: str) -> Occurrence | None:
    """What came of a trigger's occurrence of this key, if it was met."""
    query = "SELECT * FROM occurrences WHERE workflow=? AND trigger=? AND key=?"
    row = connection.execute(query, (workflow, trigger, key)).fetchone()
    return None if row is None else Occurrence(*row)


def open_runs_of(connection: sqlite3.Connection, workflow: str, limit: int) -> list[str]:
    """The ids of the workflow's runs that have not ended, the newest first."""
    query = "SELECT id FROM runs WHERE workflow=? AND ended_at IS NULL ORDER BY id DESC LIMIT ?"
    return [row[0] for row in connection.execute(query, (workflow, limit))]


def active_counts(connection: sqlite3.Connection) -> dict[str, dict[str, int]]:
    """How many open runs each workflow has, by status."""
    query = "SELECT workflow, status, count(*) FROM runs WHERE ended_at IS NULL GROUP BY workflow, status"
    counts: dict[str, dict[str, int]] = {}
    for workflow, status, count in connection.execute(query):
        counts.setdefault(workflow, {})[status] = int(count)
    return counts


def _blanks(row: tuple[object, ...]) -> str:
    return ",".join("?" * len(row))


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


__all__ = [
    "TABLES",
    "NoOp",
    "Occurrence",
    "Refusal",
    "Signed",
    "VersionRow",
    "WorkflowRow",
    "active_counts",
    "ask_workflow",
    "last_due",
    "latest_occurrence",
    "met",
    "occurrence_of",
    "open_runs_of",
    "project_workflow",
    "put_plan",
    "put_text",
    "subject_of",
    "text_of",
    "version_rows",
    "workflow_names",
    "workflow_of",
    "workflow_row",
    "workflow_rows",
]
