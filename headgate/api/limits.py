"""What is used of each limit, when it rolls over, and what a limit that is open holds back."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import suppress

from headgate.api.place import Place
from headgate.api.site import Site
from headgate.plan import PlanIntegrity, Policies
from headgate.records import NamedTuple
from headgate.runtime.admitting import purse
from headgate.runtime.breakers import WORKSPACE, Tripped
from headgate.runtime.budgets import Bucket, Period, window
from headgate.runtime.capping import standing
from headgate.runtime.loading import PlanShelf
from headgate.runtime.status import RunStatus
from headgate.runtime.store import Reader, limits, queues
from headgate.runtime.terms import Overrides, Terms, credits_of, fold_overrides, scopes_of, spend_of, terms_of
from headgate.runtime.view import RunView
from headgate.runtime.why import Reason
from headgate.runtime.workflow_status import Breaker


class LimitView(NamedTuple):
    """One limit. `limit` is `spend`, `throughput`, `concurrency` or `credits`; `workflow` None for the workspace's.

    `used`, `reserved` and `cap` are USD for spend, else whole numbers; `cap` None when there is none. `state` is `ok`,
    `near`, `full` (what more comes waits or is refused) or `tripped`. `held` is how many runs wait for it. `resets_at`
    and `since` are UTC in ms; `per` is the span of a throughput in ms; `source` says where the cap is written.
    """

    limit: str
    workflow: str | None
    used: float
    cap: float | None
    state: str
    held: int = 0
    reserved: float | None = None
    period: str | None = None
    per: int | None = None
    soft: float | None = None
    resets_at: int | None = None
    since: int | None = None
    message: str | None = None
    release: str | None = None
    source: str | None = None


class CreditsView(NamedTuple):
    """The credits of one bucket. `left` is None for what has no end; `resets_at` is UTC in ms."""

    bucket: str
    given: int | None
    spent: int
    left: int | None
    resets_at: int | None = None


class Purses(NamedTuple):
    """`next` is the bucket that the next run's credit comes from, None when there is none: a run does not start then.

    `configured` says whether the workspace counts credits at all; `on_quota` what becomes of a run without one.
    """

    configured: bool
    next: str | None
    on_quota: str
    buckets: tuple[CreditsView, ...]
    held: int


def limits_view(place: Place) -> tuple[LimitView, ...]:
    """Every limit that the workspace has, or that runs have met; nothing is changed."""
    site = Site(place)
    with site.reading() as read:
        if read is None:
            return tuple(_unused(site))
        return tuple(_views(site, read))


def _unused(site: Site) -> Iterator[LimitView]:
    """The workspace's own caps, before anything ran."""
    now = site.clock.now_ms()
    overrides = Overrides()
    for scope in scopes_of(site.workspace.limits, overrides):
        spend = spend_of(site.workspace.limits, overrides, scope)
        assert spend is not None, "a scope with a cap has one"
        yield LimitView(
            "spend", scope or None, 0.0, spend.cap / 1e6, "ok", reserved=0.0, period=spend.period.value,
            soft=spend.soft, resets_at=window(spend.period, now).end, source="headgate.toml",
        )  # fmt: skip
    terms = terms_of(site.workspace.limits, overrides, WORKSPACE, None)
    if terms.throughput is not None:
        yield LimitView(
            "throughput", None, 0, terms.throughput.most, "ok", per=terms.throughput.per, source="headgate.toml"
        )


def _views(site: Site, read: Reader) -> Iterator[LimitView]:
    connection, now = read.connection, site.clock.now_ms()
    overrides = fold_overrides((entry.type, entry.data) for entry in read.journal(limits.SUBJECT))
    opened = {(each.scope, each.breaker): each for each in limits.open_breakers(connection)}
    yield from _spends(site, connection, overrides, opened, now)
    for workflow in limits.workflows_met(connection):
        terms = terms_of(site.workspace.limits, overrides, workflow, policies_of(read, workflow))
        tripped = opened.get((workflow, Breaker.THROUGHPUT))
        if terms.throughput is not None or tripped is not None:
            yield _throughput(connection, workflow, terms, tripped, now)
        if terms.concurrency is not None:
            yield from _concurrency(connection, workflow, terms.concurrency.most)


def _spends(
    site: Site,
    connection: sqlite3.Connection,
    overrides: Overrides,
    opened: dict[tuple[str, Breaker], Tripped],
    now: int,
) -> Iterator[LimitView]:
    for scope in scopes_of(site.workspace.limits, overrides):
        spend = spend_of(site.workspace.limits, overrides, scope)
        assert spend is not None, "a scope with a cap has one"
        stands = standing(connection, spend, now)
        tripped = opened.get((scope, Breaker.SPEND_CAP))
        named = f" --workflow {scope}" if scope else ""
        yield LimitView(
            "spend",
            scope or None,
            stands.used / 1e6,
            spend.cap / 1e6,
            "tripped" if tripped is not None else "near" if stands.near else "ok",
            held=0 if tripped is None else len(queues.held_back(connection, "spend_cap", scope or None)),
            reserved=stands.reserved / 1e6,
            period=spend.period.value,
            soft=spend.soft,
            resets_at=stands.span.end,
            since=None if tripped is None else tripped.at,
            message=None if tripped is None else tripped.message,
            release=None if tripped is None else f"headgate limits set spend --cap USD{named}",
            source="limits set" if (scope, "spend") in overrides.tables else "headgate.toml",
        )


def _throughput(
    connection: sqlite3.Connection, workflow: str, terms: Terms, tripped: Tripped | None, now: int
) -> LimitView:
    cap = terms.throughput
    used = 0 if cap is None else queues.started_since(connection, workflow, now - cap.per)
    full = cap is not None and used >= cap.most
    return LimitView(
        "throughput",
        workflow,
        used,
        None if cap is None else cap.most,
        "tripped" if tripped is not None else "full" if full else "ok",
        held=0 if tripped is None else len(queues.held_back(connection, "throughput", workflow)),
        per=None if cap is None else cap.per,
        since=None if tripped is None else tripped.at,
        message=None if tripped is None else tripped.message,
        release=None if tripped is None else f"headgate resume-workflow {workflow}",
    )


def _concurrency(connection: sqlite3.Connection, workflow: str, most: int) -> Iterator[LimitView]:
    for out, waiting in queues.lines_of(connection, workflow):
        yield LimitView("concurrency", workflow, out, most, "full" if out >= most else "ok", held=waiting)


def policies_of(read: Reader, workflow: str) -> Policies | None:
    """The policies of the plan that a workflow's last run was made with."""
    digest = limits.last_plan(read.connection, workflow)
    if digest is None:
        return None
    with suppress(PlanIntegrity):
        return PlanShelf(read).plan(digest).policies
    return None


def place_in_line(read: Reader, view: RunView) -> RunView:
    """The run with its place in the queue as its detail, when it waits in one."""
    if view.status != RunStatus.QUEUED:
        return view
    found = queues.place_of(read.connection, view.run)
    return view if found is None else view._replace(detail=f"place {len(found.ahead) + 1} in the queue")


def turn_of(read: Reader, run: str) -> Reason | None:
    """Why a run that waits for its turn does not start; None for one that waits for no other."""
    row = read.run(run)
    found = None if row is None else queues.place_of(read.connection, run)
    if row is None or found is None or row.status != RunStatus.QUEUED:
        return None
    first = next(iter((*found.out, *found.ahead)), None)
    if first is None:
        return None
    many = "1 run of the workflow is out" if len(found.out) == 1 else f"{len(found.out)} runs of the workflow are out"
    place = f"place {len(found.ahead) + 1} in the queue of `{row.workflow}`"
    message = f"it waits for its turn, at {place}: {many}, as many as its `concurrency` allows"
    return Reason("queue", first, row.created_at, "whoever ends that run", f"headgate why {first}", message)


def credits_view(place: Place) -> Purses:
    """What is left in each bucket, in the order in which they are spent; nothing is changed."""
    site = Site(place)
    given, on_quota = credits_of(site.workspace.limits), site.workspace.limits.on_quota
    with site.reading() as read:
        if given is None and read is None:
            return Purses(False, None, on_quota, (), 0)
        connection = _nothing() if read is None else read.connection
        now = site.clock.now_ms()
        month = window(Period.MONTH, now)
        try:
            held = len(queues.held_back(connection, "credits"))
            if given is None:
                return Purses(False, None, on_quota, (), held)
            left = purse(connection, given, now)
            spent = {bucket: limits.credits_spent(connection, bucket) for bucket in Bucket}
            included = limits.credits_spent(connection, Bucket.INCLUDED, month)
        finally:
            connection.close()
    following = left.next()
    bought = left.bought + spent[Bucket.PAYG]
    buckets = (
        CreditsView("trial", given.trial, spent[Bucket.TRIAL], left.trial),
        CreditsView("included", given.included, included, left.included, month.end),
        CreditsView("payg", None if given.payg else bought, spent[Bucket.PAYG], None if given.payg else left.bought),
    )
    return Purses(True, None if following is None else following.value, on_quota, buckets, held)


def _nothing() -> sqlite3.Connection:
    """An empty store, for what is asked before anything ran."""
    from pathlib import Path

    from headgate.runtime.store.opening import open_for_writing

    return open_for_writing(Path(":memory:"))


__all__ = ["CreditsView", "LimitView", "Purses", "credits_view", "limits_view", "policies_of"]
