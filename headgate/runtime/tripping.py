"""Breakers trip and are released: in the limits' own journal, in those of the workflows, and in a notice to people."""

from __future__ import annotations

import sqlite3

from headgate.runtime.breakers import WORKSPACE, Tripped
from headgate.runtime.events import SYSTEM
from headgate.runtime.store import limits, workflows
from headgate.runtime.store.journal import Entry, Notice, clear_notice, put_notice
from headgate.runtime.workflow_judging import WorkflowRequest
from headgate.runtime.workflow_status import Breaker, WorkflowAct

KINDS = {Breaker.THROUGHPUT: "throughput-tripped", Breaker.SPEND_CAP: "spend-cap-reached"}


def trip(connection: sqlite3.Connection, tripped: Tripped) -> None:
    """Opens a breaker, unless it is open, and pauses the workflows of its scope."""
    if not limits.trip(connection, tripped):
        return
    subject = workflows.subject_of(tripped.scope) if tripped.scope else limits.SUBJECT
    key = _key(tripped.scope, tripped.breaker)
    put_notice(connection, Notice(key, tripped.at, KINDS[tripped.breaker], subject, tripped.message))
    for name in _of_scope(connection, tripped.scope):
        told(connection, name, tripped)


def told(connection: sqlite3.Connection, workflow: str, tripped: Tripped) -> None:
    """Lets a published workflow's own log say that a breaker pauses it; the others have none."""
    request = WorkflowRequest(WorkflowAct.TRIP, tripped.at, breaker=tripped.breaker, message=tripped.message)
    workflows.ask_workflow(connection, workflow, request, workflows.Signed(SYSTEM, tripped.message))


def release(connection: sqlite3.Connection, released: Tripped, signed: workflows.Signed) -> bool:
    """Closes a breaker; a workflow that another one of its kind still pauses stays so. False when it was not open."""
    scope, breaker, at, *_ = released
    entry = Entry(limits.SUBJECT, 0, at, "", {}, signed.actor, signed.reason, signed.request_id)
    if not limits.untrip(connection, released, entry):
        return False
    clear_notice(connection, _key(scope, breaker), at)
    for name in _of_scope(connection, scope):
        if not is_paused(connection, name, breaker):
            request = WorkflowRequest(WorkflowAct.RELEASE, at, breaker=breaker)
            workflows.ask_workflow(connection, name, request, signed._replace(request_id=None))
    return True


def is_paused(connection: sqlite3.Connection, workflow: str, breaker: Breaker) -> bool:
    """Whether a breaker of that kind is open for the workflow: its own, or the one of all."""
    opened = limits.open_breakers(connection, WORKSPACE, workflow)
    return any(each.breaker is breaker for each in opened)


def _of_scope(connection: sqlite3.Connection, scope: str) -> list[str]:
    names = workflows.workflow_names(connection)
    return names if scope == WORKSPACE else [name for name in names if name == scope]


def _key(scope: str, breaker: Breaker) -> str:
    return f"breaker/{breaker}/{scope}"
