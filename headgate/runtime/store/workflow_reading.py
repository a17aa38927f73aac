"""Reading workflows, their versions and what their triggers met: what `Reader` knows of them."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from headgate.runtime.store.faults import explained
from headgate.runtime.store.workflows import (
    Occurrence,
    VersionRow,
    WorkflowRow,
    active_counts,
    last_due,
    latest_occurrence,
    occurrence_of,
    open_run_of_trigger,
    text_of,
    workflow_names,
    workflow_of,
)
from headgate.runtime.workflow_log import WorkflowState

_WORKFLOW = ",".join(WorkflowRow._fields)
_VERSION = ",".join(VersionRow._fields)


class WorkflowReading:
    """Questions about workflows. Each raises `StoreError` when the store cannot be read."""

    __slots__ = ()

    _connection: sqlite3.Connection
    _path: Path

    def workflow_state(self, name: str) -> WorkflowState:
        """The workflow as its log says; its `seq` is 0 when nothing was ever published under the name."""
        with explained(self._path):
            return workflow_of(self._connection, name)

    def workflows(self) -> list[WorkflowRow]:
        """Every workflow that was published, by name."""
        query = f"SELECT {_WORKFLOW} FROM workflows ORDER BY name"  # noqa: S608
        with explained(self._path):
            return [WorkflowRow(*row) for row in self._connection.execute(query)]

    def workflow(self, name: str) -> WorkflowRow | None:
        query = f"SELECT {_WORKFLOW} FROM workflows WHERE name=?"  # noqa: S608
        with explained(self._path):
            row = self._connection.execute(query, (name,)).fetchone()
        return None if row is None else WorkflowRow(*row)

    def workflow_names(self) -> list[str]:
        """The names under which anything was published."""
        with explained(self._path):
            return workflow_names(self._connection)

    def workflow_subjects(self) -> list[str]:
        """The names of the workflows that have a log."""
        query = (
            "SELECT DISTINCT substr(subject, 10) FROM journal WHERE subject >= 'workflow/' AND subject < 'workflow0'"
        )
        with explained(self._path):
            return [row[0] for row in self._connection.execute(query)]

    def versions(self, workflow: str) -> list[VersionRow]:
        """The versions of a workflow by number."""
        query = f"SELECT {_VERSION} FROM versions WHERE workflow=? ORDER BY number"  # noqa: S608
        with explained(self._path):
            return [VersionRow(*row) for row in self._connection.execute(query, (workflow,))]

    def text(self, digest: str) -> str | None:
        """The source that a version was made of."""
        with explained(self._path):
            return text_of(self._connection, digest)

    def active_counts(self, workflow: str | None = None) -> dict[str, dict[str, int]]:
        """How many open runs each workflow has, or this one, by status."""
        with explained(self._path):
            return active_counts(self._connection, workflow)

    def last_due(self, workflow: str, trigger: str) -> int | None:
        """The latest time of a trigger that was met, UTC in ms."""
        with explained(self._path):
            return last_due(self._connection, workflow, trigger)

    def latest_occurrence(self, workflow: str, trigger: str) -> Occurrence | None:
        """What last came of a trigger."""
        with explained(self._path):
            return latest_occurrence(self._connection, workflow, trigger)

    def open_run_of_trigger(self, workflow: str, trigger: str) -> str | None:
        """The newest open run that a trigger started."""
        with explained(self._path):
            return open_run_of_trigger(self._connection, workflow, trigger)

    def occurrence(self, workflow: str, trigger: str, key: str) -> Occurrence | None:
        """What came of the occurrence of this key."""
        with explained(self._path):
            return occurrence_of(self._connection, workflow, trigger, key)
