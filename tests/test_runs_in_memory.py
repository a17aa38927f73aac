"""What a run does, driven in memory: failures, retries, policies, templates, outcomes."""

from __future__ import annotations

import pytest
from memory_runs import START, MemoryRun, error, gate, human, plan, step

from headgate.plan import Json, Retry
from headgate.runtime.decider import Accepted, NoOp, Refusal, derive, next_wake
from headgate.runtime.errors import StepError
from headgate.runtime.wakes import told_wake

RETRIES = Retry(3, (5_000, 60_000, 300_000))


def failing(times: int, kind: str = "transient", **given: object):
    """A world in which every step fails its first `times` attempts."""

    def world(path: str, attempt: int, shown: Json) -> Json | StepError:
        return error(kind, **given) if attempt <= times else {"attempt": attempt}

    return world


def test_a_chain_of_sets_runs_to_its_end_with_one_event_a_step():
    first = step("a", "set", config={"x": 1})
    second = step("b", "set", "a", config={"y": "{{ steps.a.result.x + 1 }}"})
    run = MemoryRun(plan(first, second, outputs={"y": "{{ steps.b.result.y }}"})).drive()
    assert run.phase == "completed"
    assert run.state.output == {"y": 2}
    assert run.state.outcome == "clean"
    assert run.types[3:] == ["attempt_succeeded", "attempt_succeeded", "run_completed"]


def test_a_permanent_error_is_not_retried():
    run = MemoryRun(plan(step("a", retry=RETRIES)), {"a": error("permanent")}).drive()
    assert (run.phase, run["a"].attempts) == ("failed", 1)
    assert derive(run.state) == ("failed", "MCP_TOOL_FAILED")
    assert run.state.failed_step == "a"


def test_transient_errors_back_off_with_jitter_of_a_tenth_and_then_fail():
    run = MemoryRun(plan(step("a", retry=RETRIES)), failing(9)).drive()
    waits = []
    while run.phase == "active":
        assert derive(run.state).status == "retrying"
        waits.append(next_wake(run.state) - run.now)
        run.wait()
    assert run["a"].attempts == 4
    for waited, base in zip(waits, (5_000, 60_000, 300_000), strict=True):
        assert base * 0.9 <= waited <= base * 1.1
    assert run.phase == "failed"


def test_jitter_differs_between_steps_and_is_the_same_when_decided_again():
    made = plan(step("a", retry=RETRIES), step("b", retry=RETRIES))
    one, two = (MemoryRun(made, failing(9)).drive() for _ in range(2))
    assert one.state.timers == two.state.timers
    assert len(set(one.state.timers.values())) == 2


def test_what_a_provider_asks_for_is_waited_instead_of_the_backoff():
    run = MemoryRun(plan(step("a", retry=RETRIES)), failing(1, retry_after_ms=1_234)).drive()
    assert next_wake(run.state) == START + 1_234
    assert run.wait().phase == "completed"


def test_a_step_that_recovers_leaves_the_run_clean():
    run = MemoryRun(plan(step("a", retry=RETRIES)), failing(2)).to_the_end()
    assert (run.state.outcome, run["a"].result) == ("clean", {"attempt": 3})


def test_fail_fast_cancels_what_ran_and_blocks_what_had_not_started():
    made = plan(
        step("done"), step("bad", "noop", "done"), step("beside", "noop", "done"), step("later", "noop", "beside")
    )
    run = MemoryRun(made)
    run.drive()
    run.end("done", 1, {"kept": 1})
    run.drive()
    run.end("bad", 1, error())
    run.drive()
    assert run.statuses == {"done": "completed", "bad": "failed", "beside": "cancelled", "later": "blocked"}
    assert run.aborted == [("beside", 1)]
    cancelled = next(event for event in run.events if event.type == "step_cancelled")
    assert (cancelled.step, cancelled.data["cause"]) == ("beside", "bad")
    assert run["done"].result == {"kept": 1}
    assert run.state.in_flight == {}


def test_continue_blocks_only_what_depends_on_the_failure():
    made = plan(step("bad", on_failure="continue"), step("after", "noop", "bad"), step("beside"))
    run = MemoryRun(made, {"bad": error()}).drive()
    assert run.statuses == {"bad": "failed", "after": "blocked", "beside": "completed"}
    assert (run.phase, run.state.outcome) == ("completed", "with_failures")


def test_a_handled_failure_does_not_fail_the_run_and_is_named_to_its_handler():
    handler = step("h", "set", "failed bad", config={"of": "{{ failure.step }}", "why": "{{ failure.error.code }}"})
    run = MemoryRun(plan(step("bad"), handler, step("after", "noop", "bad")), {"bad": error()}).drive()
    assert run["h"].result == {"of": "bad", "why": "MCP_TOOL_FAILED"}
    assert run.statuses["after"] == "blocked"
    assert run.state.outcome == "with_failures"


def test_pause_holds_the_run_at_the_failed_step_until_a_person_decides():
    made = plan(step("bad"), step("after", "set", "bad", config={"x": 1}), on_failure="pause")
    run = MemoryRun(made, failing(1, "permanent")).drive()
    assert derive(run.state) == ("paused", "step_failed: bad")
    assert run.statuses == {"bad": "failed", "after": "pending"}
    assert next_wake(run.state) is None
    assert isinstance(run.ask("retry", "bad"), Accepted)
    assert run.performed == [("bad", 1), ("bad", 2)]
    assert (run.phase, run.state.outcome) == ("completed", "clean")


def test_a_step_that_reads_the_result_of_a_skipped_one_is_not_taken():
    made = plan(step("bad"), step("after", "set", "bad", config={"x": "{{ steps.bad.result.x }}"}), on_failure="pause")
    run = MemoryRun(made, {"bad": error()}).drive()
    run.ask("skip", "bad")
    assert run.statuses["after"] == "skipped branch_not_taken"


def test_a_false_condition_skips_and_a_disabled_step_lets_the_next_go_on():
    made = plan(
        step("off", enabled=False),
        step("next", "noop", "off"),
        step("no", when="{{ 1 > 2 }}"),
        step("never", "noop", "no"),
    )
    run = MemoryRun(made, {}).drive()
    assert run.statuses == {
        "off": "skipped disabled",
        "next": "completed",
        "no": "skipped condition_false",
        "never": "skipped branch_not_taken",
    }


def test_a_condition_that_is_no_boolean_fails_the_step():
    run = MemoryRun(plan(step("a", when="{{ 'yes' }}")), {}).drive()
    assert run.state.failure_code == "TEMPLATE_FAILED"


def test_a_switch_takes_the_first_true_case_and_its_branches_merge():
    cases = [{"when": "{{ inputs.n > 10 }}", "to": "big"}, {"when": "{{ inputs.n > 5 }}", "to": "middle"}]
    made = plan(
        step("size", "switch", config={"cases": cases, "else": "small"}),
        step("big", "noop", "case 0 size"),
        step("middle", "noop", "case 1 size"),
        step("small", "noop", "else size"),
        step("merge", "noop", "big", "middle", "small"),
    )
    for number, branch in ((11, "big"), (10, "middle"), (5, "small")):
        run = MemoryRun(made, {}, {"n": number}).drive()
        taken = {name for name in ("big", "middle", "small") if run[name].status == "completed"}
        assert taken == {branch}
        assert run["size"].result == {"taken": branch}
        assert run["merge"].status == "completed"


def test_a_fail_step_fails_the_run_with_the_authors_code_whatever_the_workflows_policy():
    for policy in ("fail", "pause", "continue"):
        made = plan(step("stop", "fail", config={"message": "no {{ inputs.x }}", "code": "E7"}), on_failure=policy)
        run = MemoryRun(made, {}, {"x": 3}).drive()
        assert (run.phase, run.state.failure_code, run.state.failure_message) == ("failed", "WORKFLOW_FAILED", "no 3")
        assert run["stop"].error.detail == {"code": "E7"}


def test_a_finish_step_ends_the_run_as_completed_and_cancels_what_runs():
    made = plan(
        step("slow"),
        step("later", "noop", "slow"),
        step("gate"),
        step("end", "finish", "gate", config={"output": {"x": "{{ steps.slow.result.x }}", "y": 1}}),
    )
    run = MemoryRun(made)
    run.drive()
    run.end("gate", 1, {})
    run.drive()
    assert (run.phase, run.state.outcome) == ("completed", "clean")
    assert run.state.output == {"x": None, "y": 1}
    assert run.statuses["slow"] == "cancelled"
    assert run.statuses["later"] == "skipped branch_not_taken"
    assert run.aborted == [("slow", 1)]


def test_the_output_is_null_where_it_comes_from_a_step_that_did_not_run():
    outputs = {
        "a": "{{ steps.no.result.x }}",
        "b": {"c": "{{ steps.no.result.x }}", "d": "{{ steps.yes.result.x }}"},
        "e": "is {{ steps.no.result.x }}",
    }
    made = plan(step("no", when="{{ false }}"), step("yes", "set", config={"x": 1}), outputs=outputs)
    run = MemoryRun(made, {}).drive()
    assert run.state.output == {"a": None, "b": {"c": None, "d": 1}, "e": None}


def test_an_output_that_names_what_is_missing_fails_the_run():
    run = MemoryRun(plan(step("a", "set", config={"x": 1}), outputs={"y": "{{ steps.a.result.z }}"})).drive()
    assert (run.phase, run.state.failure_code) == ("failed", "TEMPLATE_FAILED")


def test_a_lost_attempt_of_a_safe_step_goes_on_by_itself():
    run = MemoryRun(plan(step("a")))
    run.drive()
    run.crash()
    run.world = failing(0)
    run.drive()
    assert "step_interrupted" in run.types
    assert (run.phase, run["a"].attempts, run.state.outcome) == ("completed", 2, "clean")


def test_a_lost_attempt_that_may_have_happened_waits_for_a_person():
    run = MemoryRun(plan(step("a", in_doubt="hold"), step("b", "set", "a", config={"x": "{{ steps.a.result.id }}"})))
    run.drive()
    run.crash()
    run.drive()
    assert derive(run.state) == ("paused", "in_doubt: a")
    assert run.statuses["a"] == "held in_doubt"
    run.ask("confirm", "a", done=True, output={"id": 5})
    assert (run.phase, run["b"].result) == ("completed", {"x": 5})


def test_a_lost_attempt_with_in_doubt_fail_fails_the_step():
    run = MemoryRun(plan(step("a", in_doubt="fail")))
    run.drive()
    run.crash()
    run.drive()
    assert (run.phase, run.state.failure_code) == ("failed", "EFFECT_IN_DOUBT")


def test_an_error_in_doubt_is_retried_held_or_failed_as_the_step_says():
    timed_out = error("in_doubt", "STEP_TIMED_OUT")
    retried = MemoryRun(plan(step("a", retry=Retry(1, (10,)))), {"a": timed_out}).to_the_end()
    assert (retried["a"].attempts, retried.state.failure_code) == (2, "STEP_TIMED_OUT")
    held = MemoryRun(plan(step("a", in_doubt="hold", retry=RETRIES)), {"a": timed_out}).drive()
    assert derive(held.state) == ("paused", "in_doubt: a")
    failed = MemoryRun(plan(step("a", in_doubt="fail", retry=RETRIES)), {"a": timed_out}).drive()
    assert failed.state.failure_code == "EFFECT_IN_DOUBT"


def refused_for_good(times: int = 1):
    return failing(times, "auth", code="AUTH_REAUTH_REQUIRED", detail={"connection": "slack"})


def test_a_connection_refused_for_good_holds_the_run_at_its_step_until_it_is_reconnected_and_resumed():
    run = MemoryRun(plan(step("a", retry=RETRIES)), refused_for_good()).drive()
    assert derive(run.state) == ("paused", "reauth: slack")
    assert run.statuses["a"] == "held reauth"
    assert run.state.steps["a"].failures == 0, "the attempt does not count"
    assert isinstance(run.ask("resume"), Refusal)
    assert isinstance(run.ask("reconnected", connection="other"), NoOp)
    run.ask("reconnected", connection="slack")
    assert derive(run.state).status == "paused", "a person lets it go on"
    run.ask("resume")
    assert run.phase == "completed"


def test_a_run_that_resumes_on_reconnect_goes_on_by_itself():
    run = MemoryRun(plan(step("a"), resume_on_reconnect=True), refused_for_good()).drive()
    run.ask("reconnected", connection="slack")
    assert run.phase == "completed"


def test_two_steps_that_wait_for_one_connection_are_one_detail_and_go_on_together():
    run = MemoryRun(plan(step("a"), step("b")), refused_for_good()).drive()
    assert derive(run.state) == ("paused", "reauth: slack")
    assert len(run.state.holds) == 2
    run.ask("pause")
    run.ask("reconnected", connection="slack")
    run.ask("resume")
    assert run.phase == "completed"


def test_a_refusal_of_no_connection_fails_for_nothing_could_release_it():
    run = MemoryRun(plan(step("a")), failing(1, "auth", code="AUTH_REAUTH_REQUIRED")).drive()
    assert (run.phase, run.state.failure_code) == ("failed", "AUTH_REAUTH_REQUIRED")


def test_a_delay_waits_for_its_timer_and_says_when_it_ended():
    run = MemoryRun(
        plan(step("nap", "delay", config={"for": 90_000}), step("b", "set", "nap", config={"x": 1}))
    ).drive()
    assert derive(run.state) == ("waiting", "timer")
    assert next_wake(run.state) == START + 90_000
    run.wait()
    assert run.phase == "completed"
    assert run["nap"].result["at"].endswith("Z")


@pytest.mark.parametrize(
    ("config", "due"),
    [
        ({"for": "{{ '2m' }}"}, START + 120_000),
        ({"until": "2027-01-15T08:01:00Z"}, START + 60_000),
    ],
)
def test_a_delay_takes_durations_and_times_from_templates(config, due):
    assert next_wake(MemoryRun(plan(step("nap", "delay", config=config))).drive().state) == due


def test_a_delay_for_nonsense_is_an_invalid_configuration():
    run = MemoryRun(plan(step("nap", "delay", config={"for": "{{ 'soon' }}"}))).drive()
    assert run.state.failure_code == "CONFIG_INVALID"


def test_a_run_without_progress_times_out_but_not_while_it_waits_or_is_paused():
    busy = MemoryRun(plan(step("a"), timeout=1_000))
    busy.drive()
    busy.wait()
    assert (busy.phase, busy.state.failure_code, busy.statuses["a"]) == (
        "failed",
        "RUN_STALLED_OR_TIMED_OUT",
        "cancelled",
    )
    waits = MemoryRun(plan(human("ask", expires=90_000), timeout=1_000)).drive()
    assert told_wake(waits.state) == (START + 90_000, "`ask` expires")
    paused = MemoryRun(plan(step("a"), timeout=1_000))
    paused.drive()
    paused.ask("pause")
    assert next_wake(paused.state) is None


def test_a_deadline_ends_the_run_even_while_it_waits_and_acts_on_release_while_it_is_paused():
    made = plan(human("ask", expires=90_000), deadline=10_000)
    run = MemoryRun(made).drive().wait()
    assert (run.phase, run.state.failure_code, run.now) == ("failed", "RUN_STALLED_OR_TIMED_OUT", START + 10_000)
    paused = MemoryRun(made).drive()
    paused.ask("pause")
    paused.wait()
    assert paused.phase == "active"
    paused.ask("resume")
    assert paused.phase == "failed"


def test_a_scheduled_run_starts_when_it_is_due_and_not_while_it_is_held():
    run = MemoryRun(plan(step("a", "set", config={"x": 1})), due_at=START + 5_000).drive()
    assert derive(run.state).status == "scheduled"
    run.ask("pause")
    run.now += 6_000
    run.drive()
    assert derive(run.state) == ("paused", "operator")
    assert next_wake(run.state) is None
    run.ask("resume")
    assert run.phase == "completed"


def test_a_call_waits_for_its_child_and_takes_its_output():
    made = plan(step("sub", "call", config={"workflow": "other", "inputs": {"x": "{{ inputs.x }}"}}))
    run = MemoryRun(made, None, {"x": 4}).drive()
    assert derive(run.state) == ("waiting", "subrun")
    assert run.children[0][1]["inputs"] == {"x": 4}
    assert list(run.state.children()) == ["child-0"]
    run.child_ended("sub", "completed", {"y": 1})
    assert (run.phase, run["sub"].result) == ("completed", {"y": 1})


def test_a_child_that_fails_fails_its_step_and_a_redrive_takes_the_same_child_up_again():
    run = MemoryRun(plan(step("sub", "call", config={"workflow": "other", "inputs": {}}))).drive()
    run.child_ended("sub", "failed", None)
    assert (run.phase, run.state.failure_code) == ("failed", "SUBRUN_FAILED")
    run.ask("redrive")
    assert [child for child, _ in run.children] == ["child-0", "child-0"]


def test_a_detached_child_is_not_waited_for():
    made = plan(step("sub", "call", config={"workflow": "other", "inputs": {}, "detach": True}))
    run = MemoryRun(made).drive()
    assert (run.phase, run["sub"].result) == ("completed", {"run": "child-0"})


def test_constants_may_use_inputs_and_other_constants():
    made = plan(
        step("a", "set", config={"x": "{{ vars.greeting }}"}),
        constants={"name": "{{ inputs.name }}", "greeting": "hi {{ vars.name }}"},
    )
    assert MemoryRun(made, None, {"name": "ann"}).drive()["a"].result == {"x": "hi ann"}


def test_a_secret_stays_a_placeholder_in_what_is_recorded():
    run = MemoryRun(plan(step("a", config={"key": "Bearer {{ secrets.TOKEN }}"})), {}).drive()
    assert run["a"].input == {"key": {"$text": ["Bearer ", {"$secret": "TOKEN"}]}}


def test_gates_are_in_the_order_of_condition_input_gate_dispatch():
    made = plan(step("a", when="{{ false }}", gates=(gate(),)))
    assert MemoryRun(made).drive().state.approvals == {}


def test_a_finish_step_of_a_paused_run_ends_it_on_resume():
    run = MemoryRun(plan(step("a"), step("end", "finish", "a"), step("b")))
    run.drive()
    run.end("a", 1, {})
    run.settle()
    assert run.phase == "completed"
    held = MemoryRun(plan(step("a"), step("end", "finish", "a", gates=(gate("after"),))), {}).drive()
    held.ask("pause")
    held.ask("approve", "end")
    assert held.phase == "active"
    held.ask("resume")
    assert held.phase == "completed"


def test_joins_start_any_at_the_first_live_edge_and_all_after_every_one():
    made = plan(step("a"), step("b"), step("first", "noop", "a", "b", join="any"), step("both", "noop", "a", "b"))
    run = MemoryRun(made)
    run.drive()
    run.end("b", 1, {})
    run.drive()
    assert run.statuses == {"a": "running", "b": "completed", "first": "running", "both": "pending"}


def test_a_clean_up_runs_after_everything_whatever_happened():
    made = plan(
        step("bad"),
        step("next", "noop", "bad"),
        step("ask", gates=(gate(),)),
        step("clean", "set", "*finished bad", "*finished next", "*finished ask", config={"x": 1}),
    )
    run = MemoryRun(made, {"bad": error()}).drive()
    assert run.statuses["clean"] == "pending"
    run.ask("deny", "ask")
    assert run.statuses["clean"] == "completed"
    assert run.state.outcome == "with_failures"


def test_ten_thousand_items_cost_no_more_each_than_a_thousand():
    def events(items: int) -> int:
        config = {"over": list(range(items)), "as": "x", "limit": items, "concurrency": 10, "on_item_failure": "fail"}
        run = MemoryRun(plan(step("loop", "each", config=config, body=[step("s", "set", config={"v": "{{ x }}"})])))
        run.settle()
        assert run.phase == "completed"
        return len(run.events)

    assert events(10_000) - events(1_000) == 9_000
