"""The arithmetic of limits: no money is lost or counted twice, periods meet without gaps, credits keep their order."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.runtime.breakers import Tripped, fold_breakers
from headgate.runtime.budgets import (
    Bucket,
    Meter,
    Period,
    Purse,
    cost,
    day_of,
    estimate,
    micro_of,
    usage_cost,
    usd,
    window,
)
from headgate.runtime.store import limits
from headgate.runtime.store.journal import Entry, entries
from headgate.runtime.store.schema import MIGRATIONS
from headgate.runtime.workflow_status import Breaker

times = st.integers(0, 4_102_444_800_000)
amounts = st.integers(0, 10**9)
calls = st.sampled_from(["a 1", "a 2", "b 1", "c 1", "c 2"])
acts = st.lists(st.tuples(st.sampled_from(["reserve", "settle"]), calls, amounts, times), max_size=30)


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def store() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:")
    for script in MIGRATIONS:
        connection.executescript(script)
    return connection


@given(st.sampled_from(Period), times)
def test_every_moment_lies_in_one_period_and_the_next_begins_where_it_ends(period: Period, at: int) -> None:
    span = window(period, at)
    assert span.start <= at < span.end
    assert span.first <= day_of(at) < span.after
    following = window(period, span.end)
    assert (following.first, following.start) == (span.after, span.end)
    assert window(period, span.end - 1) == span
    assert window(period, span.start) == span


@pytest.mark.parametrize(
    ("period", "at", "first", "after"),
    [
        (Period.MONTH, "2026-11-24T12:00", "2026-11-01", "2026-12-01"),
        (Period.MONTH, "2026-12-31T23:59:59.999", "2026-12-01", "2027-01-01"),
        (Period.MONTH, "2028-02-29T00:00", "2028-02-01", "2028-03-01"),
        (Period.WEEK, "2026-11-24T12:00", "2026-11-23", "2026-11-30"),
        (Period.WEEK, "2026-11-29T23:59", "2026-11-23", "2026-11-30"),
        (Period.WEEK, "2027-01-01T00:00", "2026-12-28", "2027-01-04"),
        (Period.DAY, "2026-11-24T00:00", "2026-11-24", "2026-11-25"),
    ],
)
def test_periods_are_those_of_the_calendar_in_utc(period: Period, at: str, first: str, after: str) -> None:
    assert window(period, ms(at))[:2] == (first, after)


@given(acts)
def test_what_is_settled_is_what_was_used_and_nothing_is_ever_negative(
    history: list[tuple[str, str, int, int]],
) -> None:
    meter, open_calls, spent = Meter(), {}, 0
    for act, call, micro, at in history:
        if act == "reserve":
            meter = meter.reserve(call, micro)
            open_calls.setdefault(call, micro)
        else:
            meter = meter.settle(call, micro, at)
            if open_calls.pop(call, None) is not None:
                spent += micro
        assert sum(meter.spent.values()) == spent
        assert meter.reserved == sum(open_calls.values())
        assert min([*meter.spent.values(), meter.reserved], default=0) >= 0


@given(acts, st.sampled_from(Period), times)
def test_the_store_counts_as_the_meter_does(history: list[tuple[str, str, int, int]], period: Period, now: int) -> None:
    connection, meter = store(), Meter()
    for act, call, micro, at in history:
        if act == "reserve":
            limits.reserve("run", call, "w", at, micro)(connection)
            meter = meter.reserve(call, micro)
        elif call in meter.open:
            limits.settle("run", call, "w", at, micro)(connection)
            meter = meter.settle(call, micro, at)
    span = window(period, now)
    assert limits.used(connection, "w", span) == limits.used(connection, "", span) == meter.used(span)
    assert limits.reserved(connection, "w") == limits.reserved(connection, "") == meter.reserved
    assert limits.used(connection, "another", span) == limits.reserved(connection, "another") == 0


@given(acts, st.sampled_from(Period))
def test_what_was_spent_counts_to_exactly_one_period(history: list[tuple[str, str, int, int]], period: Period) -> None:
    meter = Meter()
    for _, call, micro, at in history:
        meter = meter.reserve(call, micro).settle(call, micro, at)
    spans = {window(period, at) for *_, at in history}
    assert sum(meter.used(span) for span in spans) == sum(micro for _, _, micro, _ in history)


@given(st.integers(0, 5), st.integers(0, 5), st.integers(0, 5))
def test_credits_are_spent_trial_then_included_then_paid(trial: int, included: int, bought: int) -> None:
    purse, order = Purse(trial, included, bought, payg=False), []
    while (bucket := purse.next()) is not None:
        order.append(bucket)
        purse = purse.spend()
    assert order == [Bucket.TRIAL] * trial + [Bucket.INCLUDED] * included + [Bucket.PAYG] * bought
    assert purse == Purse(0, 0, 0, payg=False)
    with pytest.raises(AssertionError):
        purse.spend()
    endless = purse._replace(payg=True)
    assert endless.next() is Bucket.PAYG
    assert endless.spend() == endless


def test_a_call_costs_what_its_tokens_do_rounded_up_to_a_millionth() -> None:
    price = {"input": 0.15, "output": 0.60}
    assert cost(price, 1_000_000, 1_000_000) == 750_000
    assert cost(price, 1, 0) == 1
    assert cost(price, 0, 0) == cost(None, 5, 5) == cost(price, -5, 0) == 0
    assert usage_cost(price, {"usage": {"input_tokens": 1000, "output_tokens": 10}}) == 156
    assert usage_cost(price, {"usage": {"input_tokens": True}}) == usage_cost(price, None) == 0


def test_a_call_is_taken_to_cost_its_prompt_and_the_longest_answer() -> None:
    price = {"input": 3.0, "output": 15.0}
    assert estimate(price, {"prompt": "x" * 300, "max_tokens": 10}) == 300 + 150
    assert estimate(price, {"prompt": {"a": ["xyz", 1, None]}, "system": "sys"}) >= 15 * 4096
    assert estimate(None, {"prompt": "x"}) == 0


def test_money_is_read_as_it_is_written() -> None:
    assert micro_of(0.1) + micro_of(0.2) == micro_of(0.3) == 300_000
    assert usd(12_500_000) == "12.50 USD"
    assert usd(150) == "0.000150 USD"
    assert usd(0) == "0.00 USD"


marks = st.lists(
    st.tuples(st.booleans(), st.sampled_from(["", "w", "x"]), st.sampled_from(Breaker), times), max_size=20
)


@given(marks)
def test_the_open_breakers_are_those_that_the_journal_leaves_open(
    history: list[tuple[bool, str, Breaker, int]],
) -> None:
    connection, opened = store(), {}
    for tripping, scope, breaker, at in history:
        tripped = Tripped(scope, breaker, at, "why", {"max": 1})
        if tripping:
            assert limits.trip(connection, tripped) is ((scope, breaker) not in opened)
            opened.setdefault((scope, breaker), tripped)
        else:
            by = Entry(limits.SUBJECT, 0, at, "", {}, "ann")
            assert limits.untrip(connection, tripped, by) is (opened.pop((scope, breaker), None) is not None)
    told = fold_breakers((entry.type, entry.at, entry.data) for entry in entries(connection, limits.SUBJECT))
    assert told == opened == {(each.scope, each.breaker): each for each in limits.open_breakers(connection)}
