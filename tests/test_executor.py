"""The loop itself: what is committed before what, live views, timeouts, and a store that fails while it drives."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from desk import Desk

from headgate.api import running, site
from headgate.api.faults import NothingStarted
from headgate.api.inputs import NOTHING_GIVEN
from headgate.api.place import Driving
from headgate.runtime import executor
from headgate.runtime.errors import StoreLocked
from headgate.runtime.performers import Attempt
from headgate.runtime.store import RunWrite, Store
from headgate.runtime.view import RunView

CHAIN = """
workflow w {
  step a = ledger { book = "BOOK", line = "a", reversibility = recoverable }
  step b = set after a { x = {{ steps.a.result.line }} }
  step c = set after b { y = {{ steps.b.result.x }} }
  step d = ledger after c { book = "BOOK", line = {{ steps.c.result.y }}, reversibility = recoverable }
}
"""


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "desk")


class Watched(Store):
    """Remembers, for each commit, what it held and how many effects had happened by then."""

    desk: Desk
    commits: list[tuple[list[str], int]]

    def commit(self, writes: list[RunWrite]) -> frozenset[str]:
        kinds = [text.split(",")[2].strip('"') for write in writes for _, text in write.events]
        self.commits.append((kinds, len(self.desk.lines())))
        return super().commit(writes)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The ledger's performer says that it never waits."""
    import ledger_kind

    monkeypatch.setattr(ledger_kind.Ledger, "immediate", True, raising=False)


@pytest.mark.parametrize("immediate", [False, True])
def test_an_effect_starts_after_its_commit_and_steps_without_effect_share_one(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest, *, immediate: bool
) -> None:
    if immediate:
        request.getfixturevalue("at_once")
    Watched.desk, Watched.commits = desk, []
    monkeypatch.setattr(site, "Store", Watched)
    assert desk.run(CHAIN).view.status == "completed"
    assert Watched.commits == [
        (["run_created", "run_starting", "run_activated", "step_dispatched"], 0),
        (["attempt_succeeded", "attempt_succeeded", "attempt_succeeded", "step_dispatched"], 1),
        (["attempt_succeeded", "run_completed"], 2),
    ]


def test_what_an_effect_came_to_is_tried_to_be_stored_for_longer(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    class Busy(Store):
        refusals = 2

        def commit(self, writes: list[RunWrite]) -> frozenset[str]:
            if desk.lines() and Busy.refusals:
                Busy.refusals -= 1
                raise StoreLocked("the store is locked")
            return super().commit(writes)

    monkeypatch.setattr(site, "Store", Busy)
    assert desk.run(CHAIN).view.status == "completed"
    assert desk.performed() == ["a", "d"]
    assert Busy.refusals == 0


def test_a_store_that_is_locked_from_the_start_starts_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    class Locked(Store):
        def commit(self, _writes: list[RunWrite]) -> frozenset[str]:
            raise StoreLocked("the store is locked by another program")

    monkeypatch.setattr(site, "Store", Locked)
    with pytest.raises(NothingStarted, match="is locked"):
        desk.run(CHAIN)
    assert desk.lines() == []


def test_a_live_view_follows_the_run_and_ends_as_it_ends(desk: Desk) -> None:
    text = CHAIN.replace('line = "a",', 'line = "a", seconds = 0.3,')
    seen: list[RunView] = []
    running.run(desk.write(text), NOTHING_GIVEN, desk.place, Driving(on_change=seen.append))
    assert seen[0].status == "running"
    assert seen[0].steps["a"].status == "running"
    assert len({view.run for view in seen}) == 1


def test_a_performer_that_breaks_fails_its_step_and_not_the_driver(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    import ledger_kind

    async def broken(self: object, attempt: object, world: object) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr(ledger_kind.Ledger, "perform", broken)
    text = """
    workflow w {
      step a = ledger { book = "BOOK", line = "a", reversibility = recoverable, retry = 0 }
      step b = set { x = 1 }
    }
    """
    rest = desk.run(text)
    assert rest.view.failure is not None
    assert (rest.view.failure.code, rest.view.failure.step) == ("UPSTREAM_ERROR", "a")
    assert "ZeroDivisionError: oops" in str(rest.view.failure.message)


@pytest.mark.usefixtures("at_once")
def test_what_is_immediate_fails_as_anything_else(desk: Desk) -> None:
    rest = desk.run("""
    workflow w {
      step a = ledger { book = "BOOK", line = "a", fail = 1, retry = { max = 1, backoff = [1ms] } }
      step b = ledger after a { book = "BOOK", line = "b", broken = true }
    }
    """)
    failure = rest.view.failure
    assert failure is not None
    assert (failure.code, failure.step, failure.message) == ("UPSTREAM_ERROR", "b", "never")
    assert desk.performed() == ["a", "a", "b"]


@pytest.mark.usefixtures("at_once")
def test_what_says_that_it_is_immediate_and_waits_is_in_doubt_and_stops_nothing_else(desk: Desk) -> None:
    rest = desk.run("""
    workflow w {
      step a = ledger { book = "BOOK", line = "a", seconds = 0.01, in_doubt = fail }
      step b = ledger { book = "BOOK", line = "b" }
    }
    """)
    assert rest.view.failure is not None
    assert (rest.view.failure.code, rest.view.failure.step) == ("EFFECT_IN_DOUBT", "a")
    assert "it is `immediate`, and waited" in str(rest.view.failure.message)
    assert rest.view.steps["b"].status == "completed"


@pytest.mark.usefixtures("at_once")
def test_a_signal_has_its_turn_between_steps_that_end_at_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    import ledger_kind

    calm = ledger_kind.Ledger.perform

    async def interrupting(self: object, attempt: Attempt, world: object) -> object:
        if attempt.step == "s2":
            signal.raise_signal(signal.SIGINT)
        return await calm(self, attempt, world)

    monkeypatch.setattr(ledger_kind.Ledger, "perform", interrupting)
    monkeypatch.setattr(executor, "BREATH_SECONDS", 0)
    after = [f'step s{n} = ledger after s{n - 1} {{ book = "BOOK", line = "{n}" }}' for n in range(1, 20)]
    rest = desk.run("\n".join(["workflow w {", 'step s0 = ledger { book = "BOOK", line = "0" }', *after, "}"]))
    assert rest.view.status == "interrupted"
    assert 3 <= len(desk.performed()) < 10
    desk.drive()
    assert desk.status(rest.view.run) == "completed"
    assert desk.performed() == [f"s{n}" for n in range(20)]


def test_a_wait_is_bounded_and_the_next_wake_is_told(desk: Desk) -> None:
    text = "workflow w { step nap = delay 1h }"
    rest = desk.run(text, wait_ms=0)
    assert (rest.exit_code, rest.view.status) == (5, "waiting")
    started = rest.view.started_at
    assert started is not None
    assert rest.next_wake == started + 3_600_000
    (again,) = desk.drive().rests
    assert again.next_wake == rest.next_wake


def test_run_waits_for_timers_but_not_for_people(desk: Desk) -> None:
    text = """
    workflow w {
      step nap = delay 150ms
      step ask = human approval { title = "?", expires = 1h }
      step a = ledger after nap { book = "BOOK", line = "a" }
    }
    """
    rest = desk.run(text)
    assert (rest.exit_code, rest.view.status, rest.view.detail) == (5, "waiting", "approval")
    assert desk.performed() == ["a"]


def test_inputs_that_are_secret_are_masked_wherever_they_are_shown(desk: Desk) -> None:
    text = """
    workflow w {
      input token: string { secret = true }
      step s = set { a = 1 }
    }
    """
    rest = desk.run(text, token="hunter2")
    assert rest.view.inputs == {"token": "***"}
    (created,) = desk.events(rest.view.run, "run_created")
    assert created.data["inputs"] == {"token": "***"}


def test_concurrency_is_kept_and_every_item_runs_once(desk: Desk) -> None:
    text = """
    workflow w {
      step e = each {{ [1, 2, 3, 4, 5, 6, 7] }} as n {
        concurrency = 3
        step s = ledger { book = "BOOK", line = {{ n }}, seconds = 0.01, reversibility = recoverable }
      }
      output { count = {{ steps.e.result.succeeded }} }
    }
    """
    rest = desk.run(text)
    assert rest.view.output == {"count": 7}
    assert sorted(desk.performed()) == [f"e.{index}.s" for index in range(7)]
    out = most = 0
    for event in desk.events(rest.view.run):
        out += {"step_dispatched": 1, "attempt_succeeded": -1}.get(event.type.value, 0) * (event.step != "e")
        most = max(most, out)
    assert most == 3


def test_a_call_whose_inputs_are_edited_asks_again_and_makes_another_sub_run(desk: Desk) -> None:
    run = desk.run(
        """
        workflow w {
          step pay = call bill {
            inputs = { n = 1 }
            on_failure = pause
            gate approval { ask = "Pay?" }
          }
        }
        workflow bill {
          input n: integer
          step no = fail "no" { when = {{ inputs.n == 1 }} }
        }
        """
    ).view.run
    assert desk.act(run, "approve", "pay").view.status == "paused"
    desk.act(run, "retry", "pay", edit={"inputs": {"n": 2}})
    desk.drive(run)
    assert desk.status(run) == "waiting"
    assert len(desk.events(run, "child_ended")) == 1
    assert desk.act(run, "approve", "pay").view.status == "completed"
