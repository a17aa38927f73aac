"""The cap on money: near it people are told once, at it the breaker trips; below it again, dispatch resumes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from headgate.plan import JsonObject
from headgate.records import NamedTuple
from headgate.runtime.breakers import OWN_CAP_REACHED, WORKSPACE, Tripped
from headgate.runtime.budgets import Window, usd, window
from headgate.runtime.events import SYSTEM
from headgate.runtime.store import limits, queues
from headgate.runtime.store.journal import Notice, put_notice
from headgate.runtime.store.rows import Also
from headgate.runtime.store.workflows import Signed, subject_of
from headgate.runtime.terms import Spend, Throughput, paced
from headgate.runtime.times import iso
from headgate.runtime.tripping import is_paused, release, trip
from headgate.runtime.verdicts import Request, body_of
from headgate.runtime.workflow_status import BREAKERS, Breaker

CHANNELS = ("inbox",)
"""Where notices go; each is told once."""

NEAR = "spend-cap-near"


class Standing(NamedTuple):
    """How a cap stands: `used` and `reserved` in micro-USD; `tripped` says that its breaker is open."""

    spend: Spend
    span: Window
    used: int
    reserved: int
    tripped: bool

    @property
    def near(self) -> bool:
        """Used up to the soft share, and not yet to the cap."""
        return self.spend.near <= self.used < self.spend.cap


def standing(connection: sqlite3.Connection, spend: Spend, at: int) -> Standing:
    span = window(spend.period, at)
    return Standing(
        spend,
        span,
        limits.used(connection, spend.scope, span),
        limits.reserved(connection, spend.scope),
        any(each.breaker is Breaker.SPEND_CAP for each in limits.open_breakers(connection, spend.scope)),
    )


def weigh(spends: Iterable[Spend], at: int) -> Also:
    """Holds what was spent against the caps, in the transaction in which it was spent."""

    def also(connection: sqlite3.Connection) -> None:
        for spend in spends:
            weigh_cap(connection, spend, at)

    return also


def is_due(connection: sqlite3.Connection, spend: Spend, at: int) -> bool:
    """Whether `weigh_cap` would change anything."""
    now = standing(connection, spend, at)
    return now.tripped != (now.used >= spend.cap)


def weigh_cap(connection: sqlite3.Connection, spend: Spend, at: int) -> None:
    """Trips or releases the breaker of one cap, as what was used in this period says, and tells people."""
    now = standing(connection, spend, at)
    if now.near:
        for channel in CHANNELS:
            put_notice(connection, _near(now, channel, at))
    if now.used >= spend.cap and not now.tripped:
        _trip(connection, now, at)
    elif now.used < spend.cap and now.tripped:
        release_cap(connection, spend.scope, at, f"{usd(now.used)} of {usd(spend.cap)} are used in this {spend.period}")


def outdated(connection: sqlite3.Connection, spends: Iterable[Spend], at: int) -> list[str]:
    """The keys of the open notices of caps that are not near any more: raised, reached, or of a period that is over."""
    stands = [standing(connection, spend, at) for spend in spends]
    true = {_near(each, channel, at).key for each in stands if each.near for channel in CHANNELS}
    rows = connection.execute("SELECT key FROM notices WHERE cleared_at IS NULL AND kind=? ORDER BY key", (NEAR,))
    return [key for (key,) in rows if key not in true]


def _trip(connection: sqlite3.Connection, now: Standing, at: int) -> None:
    spend = now.spend
    message = BREAKERS[Breaker.SPEND_CAP] if spend.scope == WORKSPACE else OWN_CAP_REACHED
    facts: JsonObject = {"cap": spend.cap, "used": now.used, "until": now.span.end, "period": spend.period.value}
    trip(connection, Tripped(spend.scope, Breaker.SPEND_CAP, at, message, facts))


def release_cap(connection: sqlite3.Connection, scope: str, at: int, message: str) -> None:
    """Closes the breaker of a cap, and asks the runs that it held to go on; those that another cap holds stay."""
    if not release(connection, Tripped(scope, Breaker.SPEND_CAP, at, message, {}), Signed(SYSTEM, message)):
        return
    for run, workflow in queues.held_back(connection, Breaker.SPEND_CAP, scope or None):
        if not is_paused(connection, workflow, Breaker.SPEND_CAP):
            ask_release(connection, run, Breaker.SPEND_CAP, at, message)


def release_throughput(
    connection: sqlite3.Connection, workflow: str, cap: Throughput | None, at: int, signed: Signed
) -> int | None:
    """Closes the throughput breaker and lets the held runs in, in lots; gives their number, None when it was closed."""
    message = f"{signed.actor} resumed the workflow"
    if not release(connection, Tripped(workflow, Breaker.THROUGHPUT, at, message, {}), signed):
        return None
    queues.forget_starts(connection, workflow)
    held = queues.held_back(connection, Breaker.THROUGHPUT, workflow)
    for number, (run, _) in enumerate(held):
        ask_release(connection, run, Breaker.THROUGHPUT, at, message, at + paced(number, cap))
    return len(held)


def ask_release(
    connection: sqlite3.Connection, run: str, hold: str, at: int, message: str, start_at: int | None = None
) -> None:
    """Stores what the run's driver is asked: to let go of a hold, and not to start before `start_at`."""
    args: JsonObject = {"hold": str(hold)}
    if start_at is not None and start_at > at:
        args["start_at"] = start_at
    body = body_of(Request("release", SYSTEM, args=args, reason=message))
    limits.put_request(connection, f"release/{at}/{run}/{hold}", run, at, body)


def _near(now: Standing, channel: str, at: int) -> Notice:
    spend = now.spend
    whose = f"of `{spend.scope}`" if spend.scope else "of the account"
    message = (
        f"the spend cap {whose} is near: {usd(now.used)} of {usd(spend.cap)} are used; "
        f"the {spend.period} ends at {iso(now.span.end)}"
    )
    subject = subject_of(spend.scope) if spend.scope else limits.SUBJECT
    return Notice(f"{NEAR}/{spend.scope}/{now.span.first}/{channel}", at, NEAR, subject, message)
