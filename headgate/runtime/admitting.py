"""Whether an accepted run may start now: breakers, places, throughput, money, credits; one transaction decides."""

from __future__ import annotations

import sqlite3
from enum import StrEnum

from headgate.records import NamedTuple
from headgate.runtime.breakers import WORKSPACE, Tripped
from headgate.runtime.budgets import Bucket, Period, Purse, window
from headgate.runtime.status import HoldReason
from headgate.runtime.store import limits, queues
from headgate.runtime.store.journal import entries
from headgate.runtime.terms import Credits, Terms, Throughput
from headgate.runtime.tripping import told, trip
from headgate.runtime.workflow_status import BREAKERS, Breaker

BACKLOG_FULL, CONCURRENCY = "backlog_full", "concurrency"
GRANTED = "credits_added"
UNPAID = "INSUFFICIENT_CREDITS"
NO_CREDITS = "no credits are left: `headgate credits` shows what was spent, `headgate credits add N` adds some"


class Candidate(NamedTuple):
    """A run that wants to start. `attached` is a sub-run that its caller waits for: part of a run that is out.

    `key` is what its workflow's concurrency counts by, as text; `let_in` says that it was released from the throughput
    breaker, and is not counted again.
    """

    run: str
    root: str
    workflow: str
    key: str
    attached: bool
    let_in: bool
    terms: Terms


class Turn(StrEnum):
    START = "start"
    WAIT = "wait"
    HOLD = "hold"
    SKIP = "skip"
    FAIL = "fail"


class Answer(NamedTuple):
    """What becomes of a candidate. `holds` are what it is held under; `message` says why it is skipped or fails.

    `code` is that of the failure. `victims` are runs to be cancelled for it, which it waits for; `rivals` whoever is in
    its way now, in which `line`.
    """

    turn: Turn
    holds: tuple[tuple[HoldReason, str | None], ...] = ()
    message: str | None = None
    victims: tuple[str, ...] = ()
    rivals: tuple[str, ...] = ()
    bucket: Bucket | None = None
    code: str = UNPAID
    line: str = ""


_START = Answer(Turn.START)


def admit(connection: sqlite3.Connection, who: Candidate, at: int, lives: queues.Lives) -> Answer:
    """The answer to a candidate; one that may start has its place, is counted and has paid when this returns.

    Asked again for a run that was let in before, as after a crash, it answers the same and counts nothing twice.
    """
    if queues.holds_place(connection, who.run):
        return _START
    held = _held(connection, who)
    if held is not None:
        return held if held.turn is not Turn.HOLD else _or_backlog(connection, who, held)
    line = _in_line(connection, who, lives)
    if line is not None:
        return line
    if _surges(connection, who, at):
        return _or_backlog(connection, who, Answer(Turn.HOLD, ((HoldReason.THROUGHPUT, None),)))
    if not who.attached and (rivals := _reserved_to_the_cap(connection, who, at)):
        return Answer(Turn.WAIT, rivals=rivals)
    answer = paid(connection, who, at)
    if answer.turn is Turn.START:
        _let_in(connection, who, at)
    return answer


def purse(connection: sqlite3.Connection, given: Credits, at: int) -> Purse:
    """What is left of a workspace's credits; those that are included are given anew each month."""
    month = window(Period.MONTH, at)
    bought = sum(
        int(str(entry.data["number"])) for entry in entries(connection, limits.CREDITS) if entry.type == GRANTED
    )
    return Purse(
        max(0, given.trial - limits.credits_spent(connection, Bucket.TRIAL)),
        max(0, given.included - limits.credits_spent(connection, Bucket.INCLUDED, month)),
        max(0, bought - limits.credits_spent(connection, Bucket.PAYG)),
        given.payg,
    )


def _held(connection: sqlite3.Connection, who: Candidate) -> Answer | None:
    """The breakers that hold it; a sub-run of a run that is out goes on when only money is short."""
    holds: dict[HoldReason, str | None] = {}
    for tripped in limits.open_breakers(connection, WORKSPACE, who.workflow):
        told(connection, who.workflow, tripped)
        if tripped.breaker is Breaker.THROUGHPUT:
            holds[HoldReason.THROUGHPUT] = None
        elif not who.attached:
            holds[HoldReason.SPEND_CAP] = None if tripped.scope == WORKSPACE else tripped.message
    return Answer(Turn.HOLD, tuple(holds.items())) if holds else None


def _or_backlog(connection: sqlite3.Connection, who: Candidate, held: Answer) -> Answer:
    if queues.waiting_to_start(connection, who.workflow, who.run) < who.terms.backlog:
        return held
    return Answer(Turn.SKIP, message=BACKLOG_FULL)


def _in_line(connection: sqlite3.Connection, who: Candidate, lives: queues.Lives) -> Answer | None:
    """What the workflow's concurrency says; None when there is a place. Whoever nobody drives is passed by."""
    concurrency = who.terms.concurrency
    if concurrency is None:
        return None
    line = f"{who.workflow} {who.key}"
    out = queues.those_out(connection, who.workflow, who.key)
    if any(root == who.root for _, root in out):  # what calls it holds the place, and waits for it
        return None
    if len(out) >= concurrency.most:
        if concurrency.on_limit == "skip":
            return Answer(Turn.SKIP, message=CONCURRENCY)
        if queues.waiting_to_start(connection, who.workflow, who.run) >= who.terms.backlog:
            return Answer(Turn.SKIP, message=BACKLOG_FULL)
        runs = tuple(run for run, _ in out)
        gone = len(out) - concurrency.most + 1 if concurrency.on_limit == "cancel_running" else 0
        return Answer(Turn.WAIT, victims=runs[:gone], rivals=runs, line=line)
    ahead = queues.those_ahead(connection, who.run, who.workflow, who.key)
    before = tuple(run for run, owner in ahead if owner is not None and lives(owner))
    if len(out) + len(before) >= concurrency.most:
        return Answer(Turn.WAIT, rivals=before, line=line)
    return None


def _surges(connection: sqlite3.Connection, who: Candidate, at: int) -> bool:
    """Whether it is one run more than the throughput allows; then the breaker trips."""
    cap = who.terms.throughput
    if cap is None or who.let_in or _started(connection, who, cap, at) < cap.most:
        return False
    message = f"`{who.workflow}` {BREAKERS[Breaker.THROUGHPUT]}"
    trip(connection, Tripped(who.workflow, Breaker.THROUGHPUT, at, message, {"max": cap.most, "per": cap.per}))
    return True


def _started(connection: sqlite3.Connection, who: Candidate, cap: Throughput, at: int) -> int:
    """The starts in the window, without the run's own: its driver may have died before it could say so."""
    return queues.started_since(connection, who.workflow, at - cap.per, who.run)


def _reserved_to_the_cap(connection: sqlite3.Connection, who: Candidate, at: int) -> tuple[str, ...]:
    """The runs whose calls are out and may reach a cap: until they have told what they cost, nothing new starts."""
    for spend in who.terms.spends:
        held = limits.reserved(connection, spend.scope)
        if held and limits.used(connection, spend.scope, window(spend.period, at)) + held >= spend.cap:
            return limits.reserving(connection, spend.scope)
    return ()


def paid(connection: sqlite3.Connection, who: Candidate, at: int) -> Answer:
    """Whether a run has a credit, which is spent on it then: it starts, is held or fails."""
    given = who.terms.credits
    if given is None or who.attached or limits.has_paid(connection, who.run):
        return _START
    bucket = purse(connection, given, at).next()
    if bucket is None:
        if who.terms.on_quota == "hold":
            return Answer(Turn.HOLD, ((HoldReason.CREDITS, None),))
        return Answer(Turn.FAIL, message=NO_CREDITS)
    limits.pay(connection, who.run, bucket, at)
    return Answer(Turn.START, bucket=bucket)


def _let_in(connection: sqlite3.Connection, who: Candidate, at: int) -> None:
    if who.terms.concurrency is not None:
        queues.take_place(connection, who.run, who.root, who.workflow, who.key, at)
    cap = who.terms.throughput
    if cap is not None and not who.let_in:
        queues.count_start(connection, who.workflow, at, who.run, at - cap.per)
