"""Approvals: before and after an action, human steps, expiry, who may decide, and what a redrive asks again."""

from __future__ import annotations

import pytest
from memory_runs import START, MemoryRun, error, gate, human, plan, step

from headgate.runtime.decider import Accepted, NoOp, Refusal, derive, next_wake

PEOPLE = {"finance": ("ann", "bob"), "admins": ("root",)}


def test_an_approved_action_runs_with_the_input_that_was_shown():
    run = MemoryRun(
        plan(step("pay", config={"sum": "{{ inputs.n }}"}, gates=(gate(ask="pay {{ inputs.n }}?"),))), {}, {"n": 5}
    )
    run.drive()
    assert derive(run.state) == ("waiting", "approval")
    approval = run.state.approvals["R-1"]
    assert run["pay"].input == {"sum": 5}
    assert (approval.title, approval.input, approval.expires_at) == ("pay 5?", {"sum": 5}, START + 60_000)
    run.ask("approve", "pay", comment="fine")
    assert (run.phase, run.performed, run.state.outcome) == ("completed", [("pay", 1)], "clean")
    decided = run.state.approvals["R-1"]
    assert (decided.status, decided.decided_by, decided.comment) == ("approved", "ann", "fine")


def test_a_denied_approval_skips_the_action_and_what_depends_on_it():
    made = plan(
        step("pay", gates=(gate(),)), step("after", "noop", "pay"), step("sorry", "set", "denied pay", config={"x": 1})
    )
    run = MemoryRun(made, {}).drive()
    run.ask("deny", task="R-1")
    assert run.performed == []
    assert run.statuses == {"pay": "skipped denied", "after": "skipped denied", "sorry": "completed"}
    assert run.state.outcome == "denied"


def test_the_decision_of_a_human_step_is_its_result_also_when_denied():
    made = plan(human("ask"), step("read", "set", "finished ask", config={"d": "{{ steps.ask.result.decision }}"}))
    for verb, decision, status in (("approve", "approved", "completed"), ("deny", "denied", "skipped denied")):
        run = MemoryRun(made).drive()
        run.ask(verb, "ask", comment="because")
        assert run.statuses["ask"] == status
        assert run["read"].result == {"d": decision}
        assert {**run["ask"].result, "at": None} == {
            "decision": decision,
            "by": "ann",
            "at": None,
            "comment": "because",
            "fields": {},
        }


def test_a_review_after_the_action_agrees_or_fails_the_step_with_its_output_kept():
    made = plan(step("write", gates=(gate("after", "review"),)), step("next", "noop", "write"))
    run = MemoryRun(made, {"write": {"text": "hm"}}).drive()
    assert derive(run.state) == ("waiting", "review")
    assert run["write"].result == {"text": "hm"}
    run.ask("approve", "write")
    assert run.phase == "completed"
    rejected = MemoryRun(made, {"write": {"text": "hm"}}).drive()
    rejected.ask("deny", "write", comment="no")
    assert (rejected.phase, rejected.state.failure_code) == ("failed", "HUMAN_TASK_FAILED")
    assert rejected["write"].result == {"text": "hm"}
    assert rejected.performed == [("write", 1)]


def test_several_gates_are_asked_one_after_the_other():
    made = plan(step("pay", gates=(gate(ask="one"), gate(ask="two"), gate("after", "review", ask="three"))))
    run = MemoryRun(made, {}).drive()
    for title in ("one", "two", "three"):
        pending = [each for each in run.state.approvals.values() if each.status == "pending"]
        assert [each.title for each in pending] == [title]
        run.ask("approve", task=pending[0].task)
    assert run.phase == "completed"


@pytest.mark.parametrize(
    ("policy", "status", "outcome"),
    [
        ("deny", "skipped denied", "denied"),
        ("proceed", "completed", "clean"),
    ],
)
def test_an_expired_approval_acts_by_its_policy_and_is_shown_as_expired(policy, status, outcome):
    run = MemoryRun(plan(step("pay", gates=(gate(on_expiry=policy),))), {}).drive().wait()
    assert run.now == START + 60_000
    assert (run.statuses["pay"], run.state.outcome) == (status, outcome)
    assert run.state.approvals["R-1"].status == "expired"
    asked = MemoryRun(plan(human("ask", on_expiry=policy))).drive().wait()
    assert asked["ask"].result["decision"] == "expired"
    assert asked.statuses["ask"] == status


def test_escalation_makes_a_linked_task_whose_expiry_denies():
    made = plan(step("pay", gates=(gate(on_expiry="escalate", assignees=["bob"], escalate_to=["cfo"]),)))
    run = MemoryRun(made, {}).drive().wait()
    second = run.state.approvals["R-2"]
    assert (second.assignees, second.escalated_from, second.expires_at) == (("cfo",), "R-1", START + 120_000)
    late = run.ask("approve", task="R-1")
    assert isinstance(late, Refusal)
    assert (late.code, "R-2" in late.message) == ("ALREADY_DECIDED", True)
    run.wait()
    assert (run.phase, run.statuses["pay"]) == ("completed", "skipped denied")


def test_an_escalated_task_that_is_approved_lets_the_action_run():
    made = plan(step("pay", gates=(gate(on_expiry="escalate", escalate_to=["cfo"]),)))
    run = MemoryRun(made, {}).drive().wait()
    run.ask("approve", task="R-2", actor="cfo", people={"cfo": ("cfo",)})
    assert run.performed == [("pay", 1)]


def test_an_expiry_while_the_run_is_paused_acts_on_resume_and_proceed_asks_again():
    for policy, status in (("deny", "skipped denied"), ("proceed", "waiting approval")):
        run = MemoryRun(plan(step("pay", gates=(gate(on_expiry=policy),))), {}).drive()
        run.ask("pause")
        run.wait()
        assert run.state.approvals["R-1"].status == "pending"
        assert next_wake(run.state) is None
        run.ask("resume")
        assert run.statuses["pay"] == status
        assert run.state.approvals["R-1"].status == "expired"
    assert run.state.approvals["R-2"].expires_at == run.now + 60_000


def test_a_decision_on_a_paused_run_is_recorded_and_acts_on_resume():
    run = MemoryRun(plan(step("pay", gates=(gate(),))), {}).drive()
    run.ask("pause")
    verdict = run.ask("approve", "pay")
    assert isinstance(verdict, Accepted)
    assert "still held (operator)" in verdict.answer
    assert run.performed == []
    run.ask("resume")
    assert run.performed == [("pay", 1)]


def test_the_first_decision_wins_and_the_second_learns_who_it_was():
    run = MemoryRun(plan(step("pay", gates=(gate(),)), step("wait", "delay", config={"for": 1000})), {}).drive()
    run.ask("approve", task="R-1", actor="ann")
    second = run.ask("deny", task="R-1", actor="bob")
    assert isinstance(second, Refusal)
    assert second.code == "ALREADY_DECIDED"
    assert "approved by ann" in second.message


def test_only_assignees_and_admins_decide_where_people_are_known():
    made = plan(step("pay", gates=(gate(assignees=["finance"]),)))
    run = MemoryRun(made, {}).drive()
    refused = run.ask("approve", "pay", actor="eve", people=PEOPLE)
    assert isinstance(refused, Refusal)
    assert refused.code == "NOT_ASSIGNED"
    assert "finance (ann, bob) or admins (root)" in refused.message
    for actor in ("bob", "root"):
        again = MemoryRun(made, {}).drive()
        assert isinstance(again.ask("approve", "pay", actor=actor, people=PEOPLE), Accepted)
    assert isinstance(run.ask("approve", "pay", actor="eve"), Accepted)


def test_a_gate_asks_whom_its_template_names():
    made = plan(step("pay", gates=(gate(assignees="{{ inputs.team }}", escalate_to=["{{ inputs.boss }}"]),)))
    run = MemoryRun(made, {}, {"team": ["ann", "bob"], "boss": "eve"}).drive()
    [approval] = run.state.approvals.values()
    assert approval.assignees == ("ann", "bob")
    assert approval.escalate_to == ("eve",)


def test_a_gate_that_names_no_people_fails_its_step():
    run = MemoryRun(plan(step("pay", gates=(gate(assignees="{{ inputs.team }}"),))), {}, {"team": 7}).drive()
    error = run["pay"].error
    assert error.code == "CONFIG_INVALID"
    assert "must be a list of names" in error.message


def test_a_retry_with_the_same_input_reuses_the_approval_and_an_edit_asks_again():
    def world(path, attempt, shown):
        return error() if attempt < 3 else {}

    made = plan(step("pay", config={"sum": 1}, gates=(gate(),)), on_failure="pause")
    run = MemoryRun(made, world).drive()
    run.ask("approve", "pay")
    run.ask("retry", "pay")
    assert run.performed == [("pay", 1), ("pay", 2)]
    assert len(run.state.approvals) == 1
    run.ask("retry", "pay", edit={"sum": 2})
    assert derive(run.state) == ("waiting", "approval")
    assert run.state.approvals["R-2"].input == {"sum": 2}
    run.ask("approve", "pay")
    assert (run.phase, run["pay"].input) == ("completed", {"sum": 2})


def test_forcing_an_approval_is_that_admins_approval_and_the_action_runs():
    run = MemoryRun(plan(step("pay", gates=(gate(assignees=["finance"]),))), {}).drive()
    refused = run.ask("force_advance", "pay", actor="ann", people=PEOPLE, reason="now")
    assert isinstance(refused, Refusal)
    assert refused.code == "NOT_ADMIN"
    run.ask("force_advance", "pay", actor="root", people=PEOPLE, reason="now")
    approval = run.state.approvals["R-1"]
    assert (approval.decided_by, approval.via) == ("root", "force")
    assert (run.performed, run.state.outcome) == ([("pay", 1)], "forced")


def test_skipping_a_waiting_step_closes_its_question():
    run = MemoryRun(plan(human("ask"), step("after", "set", "ask", config={"x": 1}))).drive()
    run.ask("skip", "ask")
    assert run.statuses == {"ask": "skipped operator", "after": "completed"}
    assert run.state.approvals["R-1"].status == "cancelled"


def test_cancelling_the_run_closes_its_questions():
    run = MemoryRun(plan(human("ask"))).drive()
    run.ask("cancel")
    assert (run.phase, run.state.approvals["R-1"].status) == ("cancelled", "cancelled")
    assert run.state.timers == {}


def test_a_request_given_twice_is_one_event_and_gets_the_first_answer():
    run = MemoryRun(plan(human("ask"))).drive()
    first = run.ask("pause", request_id="q1")
    count = len(run.events)
    second = run.ask("pause", request_id="q1")
    assert isinstance(first, Accepted)
    assert second == NoOp(first.answer)
    assert len(run.events) == count
    run.crash()
    assert run.ask("pause", request_id="q1") == NoOp(first.answer)


def test_nothing_waits_where_no_task_was_made():
    run = MemoryRun(plan(human("ask"), step("b", "noop", "ask"))).drive()
    assert run.ask("approve", "b").code == "NOT_WAITING"
    assert run.ask("approve", "zzz").code == "NO_SUCH_STEP"
    assert run.ask("approve", task="R-9").code == "NO_SUCH_STEP"


def test_a_loop_and_a_switch_can_be_gated():
    made = plan(
        step("way", "switch", gates=(gate(),), config={"cases": [], "else": "loop"}),
        step("loop", "each", "else way", gates=(gate(),), config={"over": "{{ [1, 2] }}", "as": "x"}, body=[step("s")]),
    )
    run = MemoryRun(made, {}).drive()
    run.ask("approve", "way")
    assert run.state.approvals["R-2"].input == {"over": [1, 2], "as": "x"}
    run.ask("approve", "loop")
    assert (run.phase, run["loop"].result["count"]) == ("completed", 2)


def test_a_redrive_reuses_an_approval_of_the_same_input_and_asks_again_for_another():
    def world(path, attempt, shown):
        return error() if path == "pay" and attempt == 1 else {"n": attempt}

    for start, asked in ((None, 1), ("first", 2)):
        made = plan(
            step("first"), step("pay", "noop", "first", config={"n": "{{ steps.first.result.n }}"}, gates=(gate(),))
        )
        run = MemoryRun(made, world).drive()
        run.ask("approve", "pay")
        assert run.phase == "failed"
        run.ask("redrive", start)
        assert len(run.state.approvals) == asked
        assert run.phase == ("completed" if asked == 1 else "active")


def test_a_retry_after_a_rejected_review_asks_every_reviewer_again():
    gates = (gate("after", "review", ask="one"), gate("after", "review", ask="two"))
    run = MemoryRun(plan(step("write", gates=gates), on_failure="pause"), {}).drive()
    run.ask("approve", "write")
    run.ask("deny", "write")
    assert derive(run.state) == ("paused", "step_failed: write")
    run.ask("retry", "write")
    assert [each.title for each in run.state.approvals.values()] == ["one", "two", "one"]


def test_what_a_rejected_step_had_made_is_no_result_for_others():
    later = step("b", "set", "finished write", config={"x": "{{ steps.write.result.text | default('none') }}"})
    run = MemoryRun(plan(step("write", gates=(gate("after", "review"),)), later), {"write": {"text": "hm"}}).drive()
    run.ask("deny", "write")
    assert run["b"].result == {"x": "none"}


def test_a_review_that_nobody_decides_in_time_fails_the_step():
    run = MemoryRun(plan(step("write", gates=(gate("after", "review"),))), {}).drive().wait()
    assert (run.phase, run.state.failure_code) == ("failed", "HUMAN_TASK_FAILED")


def test_what_expired_acts_only_when_the_last_hold_is_released():
    run = MemoryRun(plan(step("bad", on_failure="pause"), step("pay", gates=(gate(),))), {"bad": error()}).drive()
    run.ask("pause")
    run.wait()
    run.ask("resume")
    assert run.statuses["pay"] == "waiting approval"
    run.ask("skip", "bad")
    assert run.statuses["pay"] == "skipped denied"


def test_a_condition_is_tested_once_and_not_again_after_the_approval():
    made = plan(step("other"), step("pay", when="{{ steps.other.status == 'running' }}", gates=(gate(),)))
    run = MemoryRun(made)
    run.drive()
    run.end("other", 1, {})
    run.ask("approve", "pay")
    assert run.statuses == {"other": "completed", "pay": "running"}


def test_what_is_confirmed_as_done_is_reviewed_and_in_doubt_no_more():
    made = plan(step("write", in_doubt="hold", gates=(gate("after", "review"),)))
    run = MemoryRun(made, lambda *_: error("in_doubt")).drive()
    assert derive(run.state) == ("paused", "in_doubt: write")
    run.ask("confirm", "write", done=True, output={"n": 1})
    assert derive(run.state) == ("waiting", "review")
    assert run["write"].error is None
    run.ask("approve", "write")
    assert (run.phase, run["write"].result) == ("completed", {"n": 1})
