"""Lists of runs: which index serves which filter. Each list reads an index that holds all it filters by, newest first,
and looks up only the rows it shows.

What filters read never changes after a run's creation, but for its status, whether it ended and whether it is held: a
step's commit touches none of these indexes unless one of the three changes.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from headgate.runtime.store.rows import RunFilter, RunRow

INDEXES = """
    CREATE INDEX runs_by_status ON runs(status, id, workflow, trigger, created_at);
    CREATE INDEX runs_by_workflow ON runs(workflow, id, trigger, created_at);
    CREATE INDEX runs_by_age ON runs(id, trigger, created_at);
    CREATE INDEX runs_open ON runs(id, workflow, trigger, created_at, ended_at) WHERE ended_at IS NULL;
    CREATE INDEX runs_held ON runs(id, workflow, trigger, created_at, status, ended_at, holds) WHERE holds <> '[]';
    CREATE INDEX runs_failed ON runs(ended_at, id, workflow, trigger, created_at, status) WHERE phase = 'failed';
    CREATE INDEX runs_overdue ON runs(due_at, id, workflow, trigger, created_at, status)
      WHERE phase = 'scheduled' AND holds = '[]';
    CREATE INDEX runs_due ON runs(wake_at, root) WHERE ended_at IS NULL AND wake_at IS NOT NULL
"""
_RUN = ",".join(f"runs.{name}" for name in RunRow._fields)
_ENDED = frozenset({"completed", "failed", "cancelled", "skipped"})

Query: TypeAlias = "tuple[str, list[Any]]"


def listing(chosen: RunFilter) -> Query:
    """The statement, with its values, that gives the rows of the runs that `chosen` lets through, the newest first."""
    limit = -1 if chosen.limit is None else chosen.limit
    statuses = tuple(dict.fromkeys(chosen.statuses))
    if chosen.open_only and statuses:
        statuses = tuple(status for status in statuses if status not in _ENDED) or ("",)
    branches = [_branch(chosen, status, limit) for status in statuses or (None,)]
    union = " UNION ALL ".join(f"SELECT * FROM ({text})" for text, _ in branches)  # noqa: S608
    values = [value for _, values in branches for value in values]
    text = (
        f"SELECT {_RUN} FROM (SELECT n AS listed FROM ({union}) ORDER BY id DESC LIMIT ?) "  # noqa: S608
        "CROSS JOIN runs ON runs.n = listed ORDER BY runs.id DESC"
    )
    return text, [*values, limit]


def counting(chosen: RunFilter) -> Query:
    """The statement that counts what `listing` lists, by workflow and status."""
    text, values = listing(chosen)
    return f"SELECT workflow, status, count(*) FROM ({text}) GROUP BY workflow, status ORDER BY 1, 2", values  # noqa: S608


def _branch(chosen: RunFilter, status: str | None, limit: int) -> Query:
    """One index, read from its newest end; a list of several statuses has one such branch for each."""
    clauses: list[str] = []
    values: list[Any] = []
    for clause, value in (
        ("status=?", status),
        ("workflow=?", chosen.workflow),
        ("trigger=?", chosen.trigger),
        ("created_at>=?", chosen.since),
        ("created_at<?", chosen.until),
        ("id<?", chosen.before),
    ):
        if value is not None:
            clauses.append(clause)
            values.append(value)
    if chosen.failed_since is not None:
        clauses.append("phase = 'failed' AND ended_at>=?")
        values.append(chosen.failed_since)
    if chosen.overdue_at is not None:
        clauses.append("phase = 'scheduled' AND holds = '[]' AND due_at<?")
        values.append(chosen.overdue_at)
    if chosen.held or chosen.hold:
        clauses.append("holds <> '[]'")
    if chosen.hold is not None:
        clauses.append("instr(holds, ?)")
        values.append(f'["{chosen.hold}",')
    if chosen.open_only and status is None:
        clauses.append("ended_at IS NULL")
    where = f"WHERE {' AND '.join(clauses)}" if clauses else ""
    text = f"SELECT n, id FROM runs INDEXED BY {_index(chosen, status)} {where} ORDER BY id DESC LIMIT ?"  # noqa: S608
    return text, [*values, limit]


def _index(chosen: RunFilter, status: str | None) -> str:
    if chosen.failed_since is not None:
        return "runs_failed"
    if chosen.overdue_at is not None:
        return "runs_overdue"
    if chosen.held or chosen.hold:
        return "runs_held"
    if status is not None:
        return "runs_by_status"
    if chosen.open_only:
        return "runs_open"
    return "runs_by_workflow" if chosen.workflow is not None else "runs_by_age"
