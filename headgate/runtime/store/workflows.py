"""Workflows and their versions in the store: the log of `workflow/NAME`, what lists read of it, and what came due."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable

from headgate.plan import JsonObject
from headgate.records import NamedTuple
from headgate.runtime.store import journal
from headgate.runtime.store.identifiers import Identifiers
from headgate.runtime.store.packing import pack, unpack
from headgate.runtime.verdicts import NoOp
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
    CREATE INDEX runs_workflow ON runs(workflow, id);
    CREATE INDEX runs_workflow_open ON runs(workflow, status) WHERE ended_at IS NULL
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


def mend_workflow(connection: sqlite3.Connection, name: str) -> bool:
    """Writes what lists read of a workflow as its log says; False when nothing of it is in the log."""
    state = workflow_of(connection, name)
    if state.seq:
        connection.execute("DELETE FROM versions WHERE workflow=?", (name,))
        project_workflow(connection, state)
    return bool(state.seq)


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
    connection.execute("INSERT OR IGNORE INTO plans VALUES (?,?)", (digest, pack(content)))


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


def unchanged(workflow: str, seq: int) -> Callable[[sqlite3.Connection], None]:
    """Refuses the run it is written with when anything happened to the workflow since its entry `seq`."""

    def test(connection: sqlite3.Connection) -> None:
        row = connection.execute("SELECT seq FROM workflows WHERE name=?", (workflow,)).fetchone()
        if row is None or row[0] != seq:
            raise sqlite3.IntegrityError(f"the workflow {workflow} changed meanwhile")

    return test


def last_due(connection: sqlite3.Connection, workflow: str, trigger: str) -> int | None:
    """The latest time of a trigger that was met."""
    query = "SELECT max(due_at) FROM occurrences WHERE workflow=? AND trigger=?"
    found = connection.execute(query, (workflow, trigger)).fetchone()[0]
    return None if found is None else int(found)


def meet(connection: sqlite3.Connection, occurrence: Occurrence) -> bool:
    """Writes an occurrence that no run comes of; False when somebody met it before."""
    written = connection.execute("INSERT OR IGNORE INTO occurrences VALUES (?,?,?,?,?,?)", occurrence)
    return written.rowcount > 0


def open_run_of_trigger(connection: sqlite3.Connection, workflow: str, trigger: str) -> str | None:
    """The newest open run that a trigger started."""
    query = "SELECT id FROM runs WHERE workflow=? AND trigger=? AND ended_at IS NULL ORDER BY id DESC LIMIT 1"
    row = connection.execute(query, (workflow, trigger)).fetchone()
    return None if row is None else str(row[0])


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


def runs_needing(
    connection: sqlite3.Connection, workflow: str, version: tuple[int | None, str] | None = None
) -> list[str]:
    """The open runs of a workflow, and those whose plan calls it, the newest first.

    Of one `version` (number, plan digest) only those that are on it.
    """
    if version is not None:
        query = (
            "SELECT id FROM runs WHERE ended_at IS NULL AND workflow=? AND version=? AND plan_digest=? ORDER BY id DESC"
        )
        return [row[0] for row in connection.execute(query, (workflow, *version))]
    used = "SELECT DISTINCT plan_digest FROM runs WHERE ended_at IS NULL"
    plans = connection.execute(f"SELECT digest, body FROM plans WHERE digest IN ({used})")  # noqa: S608
    calling = [digest for digest, body in plans if workflow in _called(unpack(body))]
    found = connection.execute(
        f"SELECT id FROM runs WHERE ended_at IS NULL AND (workflow=? OR plan_digest IN ({_blanks(tuple(calling))})) "  # noqa: S608
        "ORDER BY id DESC",
        (workflow, *calling),
    )
    return [row[0] for row in found]


def _called(plan: bytes) -> list[object]:
    """The workflows that a plan calls; none for a damaged one, which calls nothing any more."""
    try:
        requires = json.loads(plan).get("requires", {})
    except (ValueError, AttributeError):
        return []
    names = requires.get("workflows") if isinstance(requires, dict) else None
    return names if isinstance(names, list) else []


def put_cancel(connection: sqlite3.Connection, run: str, actor: str, reason: str, at: int) -> None:
    """Asks for a run to be cancelled because what it needs is removed; whoever drives it answers."""
    body = {
        "verb": "cancel", "actor": actor, "step": None, "task": None, "args": {"code": "DEPENDENCY_REMOVED"},
        "reason": reason,
    }  # fmt: skip
    values = (Identifiers().new(at), run, at, _text(body))
    connection.execute("INSERT INTO requests(id, run, at, body, answer) VALUES (?,?,?,?,NULL)", values)


def active_counts(connection: sqlite3.Connection, workflow: str | None = None) -> dict[str, dict[str, int]]:
    """How many open runs each workflow has, or this one, by status."""
    one = "" if workflow is None else "AND workflow=?"
    query = f"SELECT workflow, status, count(*) FROM runs WHERE ended_at IS NULL {one} GROUP BY workflow, status"  # noqa: S608
    counts: dict[str, dict[str, int]] = {}
    for name, status, count in connection.execute(query, () if workflow is None else (workflow,)):
        counts.setdefault(name, {})[status] = int(count)
    return counts


def _blanks(row: tuple[object, ...]) -> str:
    return ",".join("?" * len(row))


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
