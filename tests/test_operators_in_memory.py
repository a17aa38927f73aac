"""What operators do to a run, driven in memory: pause, resume, cancel, retry, skip, confirm, force, redrive."""

from __future__ import annotations

import pytest
from memory_runs import START, MemoryRun, error, gate, human, plan, step

from headgate.plan import Json, Retry
from headgate.runtime.acts import RefusalCode
from headgate.runtime.commands import Record
from headgate.runtime.decider import Accepted, Refusal, derive
from headgate.runtime.errors import StepError
from headgate.runtime.events import EventType
from headgate.runtime.previewing import preview_replay

RETRIES = Retry(3, (5_000, 60_000, 300_000))


def failing(times: int, kind: str = "transient", **given: object):
    """A world in which every step fails its first `times` attempts."""

    def world(path: str, attempt: int, shown: Json) -> Json | StepError:
        return error(kind, **given) if attempt <= times else {"attempt": attempt}

    return world


def test_skipping_a_failed_step_lets_what_follows_go_on_with_the_output_given():
    made = plan(step("bad"), step("after", "set", "bad", config={"x": "{{ steps.bad.result.x }}"}), on_failure="pause")
    run = MemoryRun(made, {"bad": error()}).drive()
    run.ask("skip", "bad", output={"x": 7})
    assert run.statuses == {"bad": "skipped operator", "after": "completed"}
    assert run["after"].result == {"x": 7}
    assert run.state.outcome == "with_failures"


def test_an_edited_retry_runs_with_the_changed_attributes():
    run = MemoryRun(plan(step("bad", config={"x": 1, "y": 2}), on_failure="pause"), failing(1, "permanent")).drive()
    run.ask("retry", "bad", edit={"x": "{{ 40 + 2 }}"})
    assert run["bad"].input == {"x": 42, "y": 2}
    assert run.phase == "completed"


DECLARED = {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}}


def in_doubt_with_a_declared_result(kind: str = "noop") -> MemoryRun:
    run = MemoryRun(plan(step("pay", kind, in_doubt="hold", result=DECLARED)))
    run.drive()
    run.crash()
    return run.drive()


@pytest.mark.parametrize("output", [None, {}, {"id": 3}, ["x"]])
@pytest.mark.parametrize("verb", ["skip", "confirm"])
def test_an_output_that_the_step_does_not_declare_so_is_refused_and_nothing_is_recorded(verb: str, output: Json):
    run = in_doubt_with_a_declared_result()
    before = len(run.events)
    refused = run.ask(verb, "pay", done=True, output=output)
    assert isinstance(refused, Refusal)
    assert refused.code is RefusalCode.OUTPUT_INVALID
    assert refused.message.startswith("step `pay`: the output is not what was declared: ")
    assert (len(run.events), run.statuses["pay"]) == (before, "held in_doubt")


@pytest.mark.parametrize(("verb", "ends"), [("skip", "skipped operator"), ("confirm", "completed")])
def test_an_output_that_fits_stands_in_for_the_result(verb: str, ends: str):
    run = in_doubt_with_a_declared_result()
    assert isinstance(run.ask(verb, "pay", done=True, output={"id": "p1"}), Accepted)
    assert (run.statuses["pay"], run["pay"].result) == (ends, {"id": "p1"})


def test_what_did_not_happen_needs_no_output():
    run = in_doubt_with_a_declared_result()
    run.ask("confirm", "pay", done=False, output={"id": 3})
    assert (run.statuses["pay"], run["pay"].attempts) == ("running", 2)


def test_a_retry_between_attempts_goes_on_at_once_and_the_attempts_that_are_left_stay_as_many():
    run = MemoryRun(plan(step("a", retry=Retry(2, (60_000,)))), failing(9)).drive()
    assert (run.statuses["a"], run["a"].attempts) == ("retrying", 1)
    run.ask("retry", "a")
    assert (run.statuses["a"], run["a"].attempts, run.now) == ("retrying", 2, START)
    run.ask("retry", "a")
    assert (run["a"].status, run["a"].attempts, run.phase) == ("failed", 3, "failed")


def test_an_edit_is_recorded_with_who_made_it_and_why():
    run = MemoryRun(plan(step("bad", config={"x": 1}), on_failure="pause"), failing(1, "permanent")).drive()
    run.ask("retry", "bad", edit={"x": 2}, actor="bea", reason="the amount was wrong")
    (event,) = [event for event in run.events if event.type is EventType.STEP_RETRIED]
    assert (event.actor, event.reason, event.data["edit"]) == ("bea", "the amount was wrong", {"x": 2})


def test_what_did_not_happen_runs_again_after_confirm():
    run = MemoryRun(plan(step("a", in_doubt="hold")))
    run.drive()
    run.crash()
    run.drive()
    run.world = failing(0)
    run.ask("confirm", "a", done=False)
    assert (run.phase, run["a"].attempts) == ("completed", 2)


def test_an_operators_cancel_ends_what_waits_at_once_and_cancels_the_child():
    run = MemoryRun(
        plan(step("sub", "call", config={"workflow": "other", "inputs": {}}), step("b", "noop", "sub"))
    ).drive()
    run.ask("cancel")
    assert run.phase == "cancelled"
    assert run.statuses == {"sub": "cancelled", "b": "cancelled"}
    assert run.aborted == [("sub", 1)]
    assert "run_cancelling" not in run.types


def test_a_cancelled_run_waits_for_attempts_that_are_out_and_keeps_what_was_faster():
    run = MemoryRun(plan(step("a"), step("b"), step("c", "noop", "a")))
    run.drive()
    run.ask("cancel")
    assert run.phase == "cancelling"
    assert run.aborted == [("a", 1), ("b", 1)]
    run.end("a", 1, {"done": True})
    run.drive()
    run.attempt_cancelled("b", 1)
    run.drive()
    assert run.phase == "cancelled"
    assert run.statuses == {"a": "completed", "b": "cancelled", "c": "cancelled"}


def test_a_persons_retry_counts_the_retries_from_the_beginning_and_clears_the_end():
    run = MemoryRun(plan(step("a", retry=Retry(1, (10,))), on_failure="pause"), failing(9)).drive().wait()
    assert (run["a"].attempts, run["a"].status) == (2, "failed")
    run.ask("retry", "a")
    assert (run["a"].attempts, run["a"].status, run["a"].ended_at) == (3, "retrying", None)
    assert run.wait()["a"].attempts == 4


def test_a_redrive_runs_what_failed_was_blocked_or_cancelled_and_keeps_the_rest():
    made = plan(step("a"), step("bad", "noop", "a"), step("next", "noop", "bad"), step("rescue", "noop", "denied bad"))
    run = MemoryRun(made, {"bad": error()}).drive()
    assert run.statuses == {"a": "completed", "bad": "failed", "next": "blocked", "rescue": "blocked"}
    run.world = failing(0)
    verdict = run.ask("redrive")
    assert isinstance(verdict, Accepted)
    assert verdict.again == ("bad", "next", "rescue")
    assert run.statuses == {
        "a": "completed",
        "bad": "completed",
        "next": "completed",
        "rescue": "skipped branch_not_taken",
    }
    assert (run.phase, run.state.epoch, run.state.outcome) == ("completed", 1, "clean")
    assert run.performed == [("a", 1), ("bad", 1), ("bad", 2), ("next", 1)]


def test_a_redrive_from_a_step_runs_all_that_follows_it_again():
    made = plan(step("a"), step("b", "noop", "a"), step("c", "noop", "b"), step("side"), step("bad", "noop", "c"))
    run = MemoryRun(made, {"bad": error()}).drive()
    verdict = run.ask("redrive", "b")
    assert verdict.again == ("b", "c", "bad")
    assert [path for path, _ in run.performed] == ["a", "side", "b", "c", "bad", "b", "c", "bad"]


def test_running_an_irreversible_step_again_needs_a_yes():
    made = plan(step("pay", reversibility="irreversible"), step("bad", "noop", "pay"))
    run = MemoryRun(made, {"bad": error()}).drive()
    refused = run.ask("redrive", "pay")
    assert (refused.code, "--yes" in refused.message) == ("ALREADY_COMPLETED", True)
    assert isinstance(run.ask("redrive", "pay", yes=True), Accepted)
    plain = MemoryRun(made, {"bad": error()}).drive()
    assert isinstance(plain.ask("redrive"), Accepted)


@pytest.mark.parametrize("reversibility", ["unknown", "irreversible"])
def test_what_was_in_doubt_when_its_run_was_cancelled_is_redriven_only_with_a_yes(reversibility: str):
    made = plan(step("pay", reversibility=reversibility, in_doubt="hold"))
    run = MemoryRun(made)
    run.drive()
    run.crash()
    run.drive()
    assert run.statuses == {"pay": "held in_doubt"}
    run.ask("cancel")
    refused = run.ask("redrive")
    assert (refused.code, run.phase) == ("ALREADY_COMPLETED", "cancelled")
    assert "`pay`" in refused.message
    assert "`--yes`" in refused.message
    assert isinstance(run.ask("redrive", yes=True), Accepted)


def test_what_was_cancelled_in_flight_may_have_happened():
    run = MemoryRun(plan(step("pay", reversibility="unknown", in_doubt="hold")))
    run.drive()
    run.ask("cancel")
    run.attempt_cancelled("pay", 1)
    run.drive()
    assert run.ask("redrive").code == "ALREADY_COMPLETED"


@pytest.mark.parametrize("outcome", ["retry", "known failure"])
def test_what_may_be_sent_twice_or_is_known_to_have_failed_is_redriven_without_a_yes(outcome: str):
    keyed = step("pay", reversibility="unknown", in_doubt="retry")
    failing_for_now = step("pay", reversibility="unknown", in_doubt="hold", retry=Retry(2, (10,)))
    if outcome == "retry":
        run = MemoryRun(plan(keyed))
        run.drive()
        run.ask("cancel")
        run.attempt_cancelled("pay", 1)
    else:
        run = MemoryRun(plan(failing_for_now), failing(9)).drive()
        assert run.statuses == {"pay": "retrying"}
        run.ask("cancel")
    run.drive()
    assert run.phase == "cancelled"
    assert isinstance(run.ask("redrive"), Accepted)


def test_a_redrive_from_a_completed_step_of_unknown_reversibility_needs_no_yes():
    made = plan(step("post", reversibility="unknown", in_doubt="hold"), step("bad", "noop", "post"))
    run = MemoryRun(made, {"bad": error()}).drive()
    assert isinstance(run.ask("redrive", "post"), Accepted)


def test_a_redrive_from_a_step_that_is_not_there_is_refused():
    run = MemoryRun(plan(step("a")), {"a": error()}).drive()
    assert run.ask("redrive", "zzz").code == "NO_SUCH_STEP"


def test_a_run_cancelled_before_it_started_can_be_redriven():
    run = MemoryRun(plan(step("a", "set", config={"x": 1})), due_at=START + 9_000)
    run.ask("cancel")
    assert run.phase == "cancelled"
    run.ask("redrive")
    assert run.phase == "completed"


def test_a_late_result_of_a_forced_step_is_recorded_and_not_applied():
    run = MemoryRun(plan(step("slow"), step("b", "delay", "slow", config={"for": 1_000})))
    run.drive()
    run.ask("force_advance", "slow", reason="stuck")
    assert run.aborted == [("slow", 1)]
    run.end("slow", 1, {"late": True})
    assert (run.statuses["slow"], run["slow"].has_result) == ("skipped forced", False)
    assert run.wait().state.outcome == "forced"


def test_a_paused_run_records_what_was_running_and_moves_only_on_resume():
    run = MemoryRun(plan(step("a"), step("bad"), step("b", "noop", "a")))
    run.drive()
    run.ask("pause", reason="lunch")
    hold = next(iter(run.state.holds.values()))
    assert (hold.by, hold.note) == ("ann", "lunch")
    run.end("a", 1, {})
    run.end("bad", 1, error())
    run.drive()
    assert derive(run.state) == ("paused", "operator")
    assert run.statuses == {"a": "completed", "bad": "failed", "b": "ready"}
    run.ask("resume")
    assert (run.phase, run.state.failed_step, run.statuses["b"]) == ("failed", "bad", "blocked")


def test_an_interrupted_run_goes_on_when_its_hold_is_released():
    run = MemoryRun(plan(step("a")))
    run.drive()
    run.append(Record(EventType.HOLD_OPENED, {"hold": "interrupted"}))
    run.crash()
    run.drive()
    assert derive(run.state).status == "interrupted"
    assert run.statuses["a"] == "interrupted"
    run.world = failing(0)
    run.append(Record(EventType.HOLD_RELEASED, {"hold": "interrupted"}))
    assert run.drive().phase == "completed"


def test_confirm_is_only_for_what_is_in_doubt():
    run = MemoryRun(plan(step("a")), failing(1, "auth", detail={"connection": "slack"})).drive()
    assert run.statuses["a"] == "held reauth"
    assert run.ask("confirm", "a", done=True).code == "STEP_NOT_IN_DOUBT"


def test_a_redriven_run_has_its_deadline_anew():
    run = MemoryRun(plan(human("ask", expires=90_000), deadline=10_000)).drive().wait()
    assert run.phase == "failed"
    run.ask("redrive")
    assert run.state.deadline == START + 20_000
    assert run.wait().phase == "failed"


def test_a_redrive_of_a_run_that_a_finish_step_had_ended_ends_it_and_runs_nothing_more():
    finish = step("end", "finish", "a", config={"output": {"x": 1}}, gates=(gate("after"),))
    run = MemoryRun(plan(step("a"), finish, step("b", "delay", config={"for": 99})), {}).drive()
    run.ask("pause")
    run.ask("approve", "end")
    run.ask("cancel")
    assert run.statuses == {"a": "completed", "end": "completed", "b": "cancelled"}
    run.ask("redrive")
    assert (run.phase, run.state.output, run.statuses["b"]) == ("completed", {"x": 1}, "skipped branch_not_taken")


def test_a_redrive_goes_on_in_a_loop_whose_last_item_completed_while_the_run_was_cancelled():
    config = {"over": [1, 2], "as": "x", "limit": 5, "concurrency": 2, "on_item_failure": "fail"}
    run = MemoryRun(plan(step("loop", "each", config=config, body=[step("s")])))
    run.drive()
    run.ask("cancel")
    run.end("loop.0.s", 1, {"kept": True})
    run.attempt_cancelled("loop.1.s", 1)
    run.drive()
    assert run.statuses == {"loop": "cancelled", "loop.0.s": "completed", "loop.1.s": "cancelled"}
    run.world = failing(0)
    run.ask("redrive")
    assert (run.phase, run["loop"].result["succeeded"]) == ("completed", 2)
    assert run.performed == [("loop.0.s", 1), ("loop.1.s", 1), ("loop.1.s", 2)]


def test_what_was_out_when_an_admin_went_past_it_may_happen_again_in_a_replay():
    run = MemoryRun(
        plan(step("slow", reversibility="unknown"), step("b", "delay", "slow", config={"for": 1_000}))
    ).drive()
    run.ask("force_advance", "slow", reason="stuck")
    assert run.wait().state.outcome == "forced"
    assert [(effect.step, effect.why) for effect in preview_replay(run.state).repeats] == [("slow", "in doubt")]
    never = MemoryRun(plan(human("ask"), step("slow", "noop", "ask", reversibility="unknown"))).drive()
    never.ask("force_advance", "slow", reason="not needed")
    assert never.statuses["slow"] == "skipped forced"
    assert preview_replay(never.state).repeats == ()
