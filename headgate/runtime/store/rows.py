"""What goes into the store and comes out of it, as values. Times are UTC in ms."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import TypeAlias

from headgate.plan import JsonObject
from headgate.records import NamedTuple


class RunRow(NamedTuple):
    """The projection of a run that lists and filters read; `holds` is a JSON list.

    `root` is the run at the top of its family, which one driver leads; `parent` and `parent_step` name the `call` that
    made it; `source` is the run it replays; `wake_at` is the next timer.
    """

    id: str
    root: str
    parent: str | None
    parent_step: str | None
    source: str | None
    workflow: str
    version: int | None
    plan_digest: str
    environment: str | None
    trigger: str
    phase: str
    status: str
    detail: str | None
    outcome: str | None
    holds: str
    failure_code: str | None
    failed_step: str | None
    failure_message: str | None
    epoch: int
    created_at: int
    started_at: int | None
    ended_at: int | None
    due_at: int | None
    wake_at: int | None


class OpenRun(NamedTuple):
    """As much of an open run as tells whether it is due; `due_at` is UTC in ms."""

    id: str
    root: str
    phase: str
    due_at: int | None


class ApprovalRow(NamedTuple):
    """One approval as the inbox shows it. `assignees` is a JSON list, `fields` a JSON Schema or None, `links` a JSON
    object of the digests of one-time tokens by person; `escalated_from` is the task that expired before this one.
    """

    id: str
    run: str
    step: str
    status: str
    title: str | None
    body: str | None
    assignees: str
    reversibility: str | None
    requested_at: int
    expires_at: int | None
    on_expiry: str | None
    decided_by: str | None
    decided_at: int | None
    comment: str | None
    kind: str
    channel: str
    fields: str | None
    links: str
    escalated_from: str | None
    via: str | None


class Lease(NamedTuple):
    """The right to drive a family of runs. Every write names its `fence`; a greater one in the store refuses it."""

    root: str
    owner: str
    fence: int


class StoredRequest(NamedTuple):
    """An operator's act that waits for, or has, the driver's answer.

    What was said with an act on a run with secrets stands sealed under `said`.
    """

    id: str
    run: str
    at: int
    body: JsonObject
    answer: JsonObject | None


def request_purpose(request: str) -> str:
    """What that is sealed for."""
    return f"request/{request}"


Also: TypeAlias = "Callable[[sqlite3.Connection], None]"
"""Rows beside the run's own that its events change, written in their transaction. Made in this package alone."""


class RunWrite(NamedTuple):
    """What one run appends in one transaction; all of it or nothing is stored.

    `events` are (seq, text); `row` is given when the projection changed, and always for a `new` run, whose `plan`
    (digest, canonical bytes) is stored with it; `was` is the projection as it stands in the store, so that only what
    changed is written (None writes all of it); `answers` are (request, JSON); `also` are further rows, written last.
    """

    run: str
    lease: Lease
    events: list[tuple[int, str]]
    row: RunRow | None = None
    approvals: tuple[ApprovalRow, ...] = ()
    answers: tuple[tuple[str, JsonObject], ...] = ()
    plan: tuple[str, bytes] | None = None
    new: bool = False
    also: tuple[Also, ...] = ()
    was: RunRow | None = None


class RunFilter(NamedTuple):
    """Which runs a list shows; times in ms; None or () lets everything through.

    `held` shows those that a hold stops, `hold` those that one of this reason does; `before` those older than the run
    of this id, which is how a list is paged; `failed_since` those that failed at or after then; `overdue_at` those that
    are scheduled, were due before then, and are held by nothing.
    """

    statuses: tuple[str, ...] = ()
    workflow: str | None = None
    trigger: str | None = None
    since: int | None = None
    until: int | None = None
    open_only: bool = False
    limit: int | None = None
    held: bool = False
    before: str | None = None
    failed_since: int | None = None
    overdue_at: int | None = None
    hold: str | None = None
