"""Runs that drain: what is out may finish, nothing new starts, and then the verdict falls."""

from __future__ import annotations

import pytest
from memory_runs import START, MemoryRun, error, gate, human, plan, step

from headgate.plan import Retry
from headgate.runtime.decider import Accepted, NoOp, derive, wake_sources
from headgate.runtime.marks import DRAIN, GRACE
from headgate.runtime.why import reasons

EACH = {"over": [1, 2, 3], "as": "x", "limit": 5, "concurrency": 2, "on_item_failure": "fail"}


def draining(*steps, **policy) -> MemoryRun:
    """A run whose step `bad` failed, and drains it."""
    run = MemoryRun(plan(*steps, step("bad", on_failure="drain"), **policy))
    run.verify = True
    run.drive()
    run.end("bad", 1, error())
    return run.drive()


def test_a_failure_that_drains_lets_what_runs_finish_and_starts_nothing_new() -> None:
    run = draining(step("slow"), step("next", "set", "slow", config={"x": 1}), step("after", "noop", "bad"))
    assert (run.phase, run.statuses["slow"]) == ("draining", "running")
    run.end("slow", 1, {"kept": 1})
    run.drive()
    assert run.statuses == {"slow": "completed", "next": "blocked", "bad": "failed", "after": "blocked"}
    assert (run.phase, run.state.failure_code, run.state.failed_step) == ("failed", "MCP_TOOL_FAILED", "bad")
    assert run["slow"].result == {"kept": 1}
    assert run.state.timers == {}


@pytest.mark.parametrize(
    "waiting",
    [
        human("x"),
        step("x", "delay", config={"for": 9_000}),
        step("x", gates=(gate(),)),
        step("x", retry=Retry(3, (60_000,))),
        step("x", in_doubt="hold"),
    ],
    ids=["human", "delay", "gate", "between attempts", "in doubt"],
)
def test_what_waits_is_closed_and_what_waits_for_somebody_can_no_longer_be_answered(waiting) -> None:
    run = MemoryRun(plan(waiting, step("slow")))
    run.verify = True
    run.drive()
    if waiting.retry.max:
        run.end("x", 1, error("transient"))
    if waiting.in_doubt == "hold":
        run.end("x", 1, error("in_doubt"))
    run.drive()
    assert run.statuses["x"].split()[0] in ("waiting", "retrying", "held")
    assert isinstance(run.ask("stop", graceful=True), Accepted)
    assert (run.phase, run.statuses["x"], run.state.holds) == ("draining", "cancelled", {})
    assert list(run.state.timers) == [DRAIN]
    assert all(approval.status == "cancelled" for approval in run.state.approvals.values())
    assert run.ask("skip", "x").code == "STOPPING"
    run.end("slow", 1, {})
    assert (run.drive().phase, run.state.failure_code) == ("cancelled", "RUN_STOPPED")


def test_a_stop_with_nothing_out_ends_at_once() -> None:
    run = MemoryRun(plan(human("ask"), step("b", "noop", "ask"))).drive()
    verdict = run.ask("stop", graceful=True, reason="enough")
    assert "nothing is out" in verdict.answer
    assert (run.phase, run.state.failure_code) == ("cancelled", "RUN_STOPPED")
    assert run.types[-5:] == ["run_draining", "approval_cancelled", "step_cancelled", "step_cancelled", "run_cancelled"]
    assert run.events[-5].actor == "ann"
    assert run.events[-5].reason == "enough"


def test_what_drains_shows_its_deadline_and_why_names_what_is_out_and_how_to_end_it() -> None:
    run = MemoryRun(plan(step("slow"))).drive()
    verdict = run.ask("stop", graceful=True, deadline_ms=60_000)
    assert "`slow` may finish until 2027-01-15T08:01:00.000Z" in verdict.answer
    assert derive(run.state) == ("draining", "2027-01-15T08:01:00.000Z")
    (reason,) = (each for each in reasons(run.state) if each.kind == "phase")
    assert reason.command == "headgate stop R --now"
    assert "1 attempt is still out" in reason.message
    assert {source.kind for source in wake_sources(run.state)} == {"attempt", "timer"}


def test_a_second_stop_of_a_run_that_drains_changes_nothing_and_names_the_deadline() -> None:
    run = MemoryRun(plan(step("slow"))).drive()
    run.ask("stop", graceful=True)
    again = run.ask("stop", graceful=True, deadline_ms=1)
    assert isinstance(again, NoOp)
    assert "until 2027-01-15T08:05:00.000Z" in again.answer
    assert run.state.ends_by == START + 300_000


def test_a_drain_that_is_late_cancels_what_is_out_and_fails_with_drain_timeout() -> None:
    run = MemoryRun(plan(step("slow"), step("b", "noop", "slow"))).drive()
    run.ask("stop", graceful=True, deadline_ms=1_000)
    run.wait()
    assert (run.phase, run.aborted) == ("cancelling", [("slow", 1)])
    run.attempt_cancelled("slow", 1)
    run.drive()
    assert (run.phase, run.state.failure_code, run.state.failed_step) == ("failed", "DRAIN_TIMEOUT", "slow")
    assert "`slow` did not finish before the drain's deadline" in run.state.failure_message
    assert run.statuses == {"slow": "cancelled", "b": "cancelled"}


def test_a_late_drain_after_a_failure_keeps_the_failure_in_its_message() -> None:
    run = draining(step("slow"), timeout=5_000)
    run.wait()
    run.attempt_cancelled("slow", 1)
    run.drive()
    assert (run.state.failure_code, run.state.failed_step) == ("DRAIN_TIMEOUT", "bad")
    assert "because `bad` failed with MCP_TOOL_FAILED: it broke" in run.state.failure_message


def test_an_attempt_that_ignores_its_cancellation_does_not_keep_its_run_from_ending() -> None:
    for verb in ("cancel", "stop"):
        run = MemoryRun(plan(step("deaf"), step("b", "noop", "deaf"))).drive()
        run.verify = True
        run.ask(verb)
        assert (run.phase, list(run.state.timers)) == ("cancelling", [GRACE])
        run.wait()
        assert (run.phase, run.statuses) == ("cancelled", {"deaf": "cancelled", "b": "cancelled"})
        assert run.aborted == [("deaf", 1), ("deaf", 1)]


def test_a_drain_is_escalated_by_stop_now_and_by_cancel() -> None:
    for verb, code in (("stop", "RUN_STOPPED"), ("cancel", None)):
        run = draining(step("slow"))
        assert isinstance(run.ask(verb), Accepted)
        assert run.phase == "cancelling"
        run.attempt_cancelled("slow", 1)
        run.drive()
        assert (run.phase, run.state.failure_code) == ("cancelled", code)


def test_the_runs_own_deadline_bounds_its_drain() -> None:
    run = MemoryRun(plan(step("slow"), deadline=10_000)).drive()
    run.ask("stop", graceful=True)
    assert run.state.ends_by == START + 10_000


def test_a_failed_attempt_is_not_tried_again_while_its_run_drains() -> None:
    run = draining(step("slow", retry=Retry(3, (10,))), step("other"), step("third", in_doubt="hold"))
    run.end("slow", 1, error("transient"))
    run.drive()
    run.end("other", 1, error())
    run.drive()
    run.end("third", 1, error("in_doubt"))
    run.drive()
    assert run.statuses == {"slow": "cancelled", "other": "failed", "third": "cancelled", "bad": "failed"}
    assert (run.phase, run.state.failed_step) == ("failed", "bad")
    assert run.ask("redrive").code == "ALREADY_COMPLETED", "what was in doubt is asked about"
    assert "`third`" in run.ask("redrive").message


def test_a_worker_that_dies_while_a_run_drains_ends_the_drain() -> None:
    run = draining(step("slow"))
    run.crash()
    run.drive()
    assert (run.phase, run.statuses["slow"]) == ("failed", "cancelled")


def test_a_review_after_the_action_is_not_asked_while_a_run_drains() -> None:
    run = draining(step("slow", gates=(gate("after", "review"),)))
    run.end("slow", 1, {"x": 1})
    run.drive()
    assert (run.phase, run.statuses["slow"]) == ("failed", "cancelled")
    assert run.state.approvals == {}


def test_a_loop_starts_no_further_item_and_completes_only_when_all_of_it_is_done() -> None:
    run = draining(step("loop", "each", config=EACH, body=[step("s")]))
    run.end("loop.0.s", 1, {})
    run.end("loop.1.s", 1, {})
    run.drive()
    assert (run.phase, run.statuses["loop"], run.statuses["loop.1.s"]) == ("failed", "cancelled", "completed")
    assert "loop.2.s" not in run.statuses
    whole = draining(step("loop", "each", config={**EACH, "over": [1, 2]}, body=[step("s")]))
    whole.end("loop.0.s", 1, {})
    whole.end("loop.1.s", 1, {})
    whole.drive()
    assert (whole.phase, whole.statuses["loop"]) == ("failed", "completed")


def test_a_loop_of_which_a_wait_was_closed_is_not_complete() -> None:
    body = [step("s"), human("ask")]
    run = draining(step("loop", "each", config={**EACH, "over": [1]}, body=body))
    run.end("loop.0.s", 1, {})
    run.drive()
    assert (run.phase, run.statuses["loop"], run.statuses["loop.0.ask"]) == ("failed", "cancelled", "cancelled")
    run.world = lambda *_: {}
    run.ask("redrive")
    assert run.statuses["loop.0.ask"] == "waiting approval"


def test_a_repeat_does_not_begin_another_round_but_sees_that_it_is_done() -> None:
    for done, ends in ((False, "cancelled"), (True, "completed")):
        config = {"max": 3, "until": "{{ steps.s.result.done }}"}
        run = draining(step("again", "repeat", config=config, body=[step("s")]))
        run.end("again.0.s", 1, {"done": done})
        run.drive()
        assert (run.phase, run.statuses["again"]) == ("failed", ends)


@pytest.mark.parametrize(
    ("status", "expected"), [("completed", "completed"), ("cancelled", "cancelled"), ("failed", "failed")]
)
def test_a_sub_run_is_waited_for_and_ends_its_step_as_it_ended(status: str, expected: str) -> None:
    run = MemoryRun(plan(step("sub", "call", config={"workflow": "other", "inputs": {}}))).drive()
    run.ask("stop", graceful=True)
    assert (run.phase, run.statuses["sub"]) == ("draining", "waiting subrun")
    run.child_ended("sub", status, {"x": 1})
    assert (run.phase, run.statuses["sub"]) == ("cancelled", expected)


def test_a_drain_begins_when_nothing_holds_the_run() -> None:
    run = MemoryRun(plan(step("bad", on_failure="drain"), step("slow"))).drive()
    run.ask("pause")
    run.end("bad", 1, error())
    run.drive()
    assert derive(run.state) == ("paused", "operator")
    run.ask("resume")
    assert run.phase == "draining"


def test_the_policy_of_the_workflow_drains_and_a_handled_failure_does_not() -> None:
    run = MemoryRun(plan(step("bad"), step("slow"), on_failure="drain"), {"bad": error()})
    run.world = None
    run.drive()
    run.end("bad", 1, error())
    assert run.drive().phase == "draining"
    handled = MemoryRun(plan(step("bad", on_failure="drain"), step("rescue", "noop", "failed bad")), {"bad": error()})
    assert (handled.drive().phase, handled.state.outcome) == ("completed", "with_failures")


def test_a_drained_run_is_redriven_and_may_drain_again() -> None:
    run = draining(step("slow"), step("b", "noop", "slow"))
    run.end("slow", 1, {})
    run.drive()
    run.ask("redrive")
    assert (run.phase, run.statuses["slow"], run.state.drain) == ("active", "completed", None)
    assert run.statuses["b"] == "running"
    run.end("bad", 2, error())
    run.drive()
    assert run.phase == "draining"


def test_a_step_whose_worker_dies_again_and_again_is_held_for_a_person() -> None:
    run = MemoryRun(plan(step("poison"))).drive()
    for _ in range(4):
        run.crash()
        run.drive()
        assert run.statuses["poison"] == "running"
    run.crash()
    run.drive()
    assert (derive(run.state), run["poison"].attempts) == (("paused", "in_doubt: poison"), 5)
    run.ask("confirm", "poison", done=False)
    run.crash()
    run.drive()
    assert (run.statuses["poison"], run["poison"].attempts) == ("running", 7)


def test_attempts_that_a_stopping_platform_loses_do_not_count() -> None:
    from headgate.runtime.commands import Record
    from headgate.runtime.events import EventType

    run = MemoryRun(plan(step("long"))).drive()
    for _ in range(9):
        run.append(Record(EventType.HOLD_OPENED, {"hold": "interrupted"}))
        run.crash()
        run.drive()
        run.append(Record(EventType.HOLD_RELEASED, {"hold": "interrupted"}))
        run.drive()
    assert (run.statuses["long"], run["long"].attempts) == ("running", 10)
