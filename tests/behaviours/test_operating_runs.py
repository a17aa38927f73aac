"""SP: starting, gates, acts of operators, history."""

from __future__ import annotations

import json

import pytest
from desk import Desk

from headgate.api import history
from headgate.api.faults import InputsMissing, Refused, UsageFault

INPUTS = """
workflow w {
  input who: string
  input n: integer = 3 { minimum = 1 }
  input level: enum("low", "high") = "low"
  input tags: list<string> = []
  output { who = {{ inputs.who }}, n = {{ inputs.n }}, level = {{ inputs.level }}, tags = {{ inputs.tags }} }
  step s = set { a = 1 }
}
"""

FAILING = """
workflow w {
  on_failure = pause
  input say: string = "x"
  step s = ledger { book = "BOOK", line = {{ inputs.say }}, broken = true, reversibility = recoverable }
  step t = ledger after s { book = "BOOK", line = "t", reversibility = recoverable }
}
"""


def test_SP01_inputs_are_read_by_their_types(desk: Desk) -> None:
    rest = desk.run(INPUTS, texts={"who": "12", "n": "5", "level": "high", "tags": '["a"]'})
    assert rest.view.output == {"who": "12", "n": 5, "level": "high", "tags": ["a"]}


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ({"who": "x", "n": "five"}, "`n` is integer: expected JSON, got `five`"),
        ({"who": "x", "n": "0"}, "`n` does not fit: expected at least 1, got 0"),
        ({"who": "x", "level": "middle"}, '`level` does not fit: expected one of "low", "high", got "middle"$'),
        ({"who": "x", "tags": "[1]"}, r"`tags\.0` does not fit: expected string, got 1"),
        ({"whom": "x"}, "has no input `whom`: did you mean `who`"),
    ],
)
def test_SP01_inputs_that_do_not_fit_are_refused_before_a_run_is_made(
    desk: Desk, texts: dict[str, str], said: str
) -> None:
    with pytest.raises(UsageFault, match=said) as fault:
        desk.run(INPUTS, texts=texts)
    assert fault.value.exit_code == 2
    assert desk.runs() == []


def test_SP01_a_required_input_that_is_missing_is_named_with_its_schema(desk: Desk) -> None:
    with pytest.raises(InputsMissing, match="the input `who` is required: -i NAME=VALUE") as fault:
        desk.run(INPUTS)
    assert fault.value.missing == {"who": {"type": "string"}}


def test_SP01_the_command_line_takes_inputs_verbatim_or_as_json(desk: Desk) -> None:
    desk.write(INPUTS)
    code, out, _ = desk.cli("run", "flow.flow", "-i", "who=007", "-i", "n=4", "--format", "json")
    assert code == 0
    assert json.loads(out)["output"]["who"] == "007"
    assert desk.cli("run", "flow.flow")[0] == 2


def test_SP03_runs_of_one_workflow_are_independent_also_a_hundred_at_once(desk: Desk) -> None:
    text = """
    workflow w {
      input n: integer
      step s = ledger { book = "BOOK", line = {{ inputs.n }}, seconds = 0.05, fail = {{ inputs.n // 99 }}, retry = 0 }
      step t = ledger after s { book = "BOOK", line = {{ inputs.n }}, reversibility = recoverable }
    }
    """
    runs = [desk.run(text, detach=True, n=number).view for number in range(100)]
    assert {view.status for view in runs} == {"queued"}
    drove = desk.drive()
    assert [rest.view.run for rest in drove.rests] == [view.run for view in runs]
    assert [rest.view.status for rest in drove.rests] == ["completed"] * 99 + ["failed"]
    assert drove.exit_code == 1
    assert sorted(int(line.split(" ")[2]) for line in desk.lines() if line.startswith("t ")) == list(range(99))


def test_SP05_a_gate_after_a_step_lets_its_output_wait_for_review(desk: Desk) -> None:
    text = """
    workflow w {
      step draft = ledger { book = "BOOK", line = "text", reversibility = safe, gate review { ask = "Good?" } }
      step send = ledger after draft { book = "BOOK", line = {{ steps.draft.result.line }}, reversibility = safe }
    }
    """
    run = desk.run(text)
    assert (run.view.status, run.view.detail) == ("waiting", "review")
    assert desk.performed() == ["draft"]
    assert run.view.steps["draft"].result == {"line": "text"}
    assert desk.act(run.view.run, "approve", "draft").view.status == "completed"
    assert desk.performed() == ["draft", "send"]

    rejected = desk.run(text).view.run
    rest = desk.act(rejected, "deny", "draft")
    assert rest.view.failure is not None
    assert (rest.view.status, rest.view.failure.code) == ("failed", "HUMAN_TASK_FAILED")
    assert rest.view.steps["draft"].result == {"line": "text"}


def test_SP06_steps_move_forward_only(desk: Desk) -> None:
    run = desk.run(FAILING).view.run
    desk.act(run, "retry", "s")
    desk.act(run, "skip", "s")
    seen: dict[str, list[str]] = {}
    for event in desk.events(run):
        if event.step is not None:
            seen.setdefault(event.step, []).append(event.type)
    assert seen["s"].count("step_dispatched") == 2
    assert seen["s"][-2:] == ["step_skipped", "hold_released"]
    assert seen["t"] == ["step_dispatched", "attempt_succeeded"]
    for act in (("retry", "t"), ("skip", "t"), ("retry", "s")):
        with pytest.raises(Refused):
            desk.act(run, *act)


def test_SP07_a_paused_failure_is_retried_edited_or_skipped_each_with_its_actor(desk: Desk) -> None:
    run = desk.run(FAILING).view.run
    retried = desk.as_("bob").act(run, "retry", "s", reason="again")
    assert (retried.view.status, retried.view.steps["s"].attempts) == ("paused", 2)
    edited = desk.as_("eve").act(run, "retry", "s", edit={"broken": False, "line": "edited"})
    assert edited.view.status == "completed"
    assert [line for line in desk.lines() if line.startswith("s ")] == ["s 1 x", "s 2 x", "s 3 edited"]
    acts = [(event.actor, event.reason) for event in desk.events(run, "step_retried")]
    assert acts == [("bob", "again"), ("eve", None)]


def test_SP07_retry_edit_on_the_command_line_is_written_as_the_language_writes_it(desk: Desk) -> None:
    run = desk.run(FAILING).view.run
    code, _, said = desk.cli("retry", run[:20], "s", "--edit", "brokn=false")
    assert (code, "did you mean `broken`" in said) == (2, True)
    code, _, said = desk.cli("retry", run, "s", "--edit", "broken=false", "--edit", 'line="{{ inputs.say }}!"')
    assert (code, said) == (0, said)
    assert desk.lines()[-2:] == ["s 2 x!", "t 1 t"]


def test_SP07_a_skip_may_stand_in_for_the_output(desk: Desk) -> None:
    run = desk.run(FAILING.replace('line = "t"', "line = {{ steps.s.result.line }}")).view.run
    assert desk.act(run, "skip", "s", output={"line": "by hand"}).view.status == "completed"
    assert desk.lines()[-1] == "t 1 by hand"


def test_SP09_cancel_keeps_the_outputs_and_says_that_nothing_was_undone(desk: Desk) -> None:
    text = """
    workflow w {
      step one = ledger { book = "BOOK", line = "1", reversibility = recoverable }
      step ask = human approval after one { title = "?" }
    }
    """
    run = desk.run(text).view.run
    rest = desk.act(run, "cancel", reason="not needed")
    assert rest.exit_code == 0
    assert (rest.view.status, rest.view.steps["one"].result) == ("cancelled", {"line": "1"})
    assert rest.view.steps["ask"].status == "cancelled"
    assert any("undone" in note for note in rest.notes)
    assert [approval.status for approval in history.approvals(desk.place, run)] == ["cancelled"]
    with pytest.raises(Refused, match="ended"):
        desk.act(run, "cancel")


def test_SP10_history_is_kept_and_filtered_by_status_date_and_trigger(desk: Desk) -> None:
    done = desk.run("workflow w { step s = set { a = 1 } }").view
    waits = desk.run('workflow v { step s = human approval { title = "?" } }').view
    bad = desk.run('workflow u { step s = fail "no" }').view
    assert [view.run for view in desk.runs()] == [bad.run, waits.run, done.run]
    assert [view.run for view in desk.runs(statuses=("failed", "waiting"))] == [bad.run, waits.run]
    assert [view.run for view in desk.runs(workflow="w")] == [done.run]
    assert [view.run for view in desk.runs(since=waits.created_at, until=bad.created_at)] == [waits.run]
    assert [view.run for view in desk.runs(trigger="manual", open_only=True)] == [waits.run]
    assert desk.runs(trigger="nightly") == []


def test_SP12_a_step_past_its_time_limit_fails(desk: Desk) -> None:
    rest = desk.run(
        'workflow w { step s = ledger { book = "BOOK", line = "x", seconds = 9, timeout = 40ms, retry = 0, '
        "reversibility = safe } }"
    )
    assert rest.view.failure is not None
    assert (rest.view.status, rest.view.failure.code) == ("failed", "STEP_TIMED_OUT")
    assert "40ms" in rest.view.failure.message or "0.04s" in rest.view.failure.message


def test_SP12_a_late_irreversible_step_is_in_doubt_and_may_be_confirmed_not_to_have_happened(desk: Desk) -> None:
    text = (
        "workflow w { input seconds: number = 9\n# headgate: ignore[HG601] a file of the test\nstep s = ledger "
        '{ book = "BOOK", line = "x", seconds = 9, timeout = 40ms, '
        "reversibility = irreversible } }"
    )
    run = desk.run(text)
    assert (run.view.status, run.view.detail) == ("paused", "in_doubt: s")
    again = desk.act(run.view.run, "confirm", "s", done=False)
    assert (again.view.status, desk.performed()) == ("paused", ["s", "s"])
    assert desk.act(run.view.run, "confirm", "s", done=True).view.status == "completed"


DUE = {
    "delay": "step a = delay 1ms",
    "retry": """step a = ledger { book = "BOOK", line = "a", fail = 1, reversibility = recoverable
    retry = { max = 1, backoff = [1ms] } }""",
}


@pytest.mark.parametrize("due", list(DUE))
def test_SP07_a_refused_act_leaves_a_run_with_a_due_timer_as_it_was(desk: Desk, due: str) -> None:
    text = f"""
    workflow w {{
      {DUE[due]}
      step b = ledger after a {{ book = "BOOK", line = "b", reversibility = recoverable }}
      step c = ledger after b {{ book = "BOOK", line = "c", reversibility = recoverable }}
    }}
    """
    desk.run(text, wait_ms=0)
    (before,) = desk.runs()
    events = desk.events(before.run)
    assert before.status in ("waiting", "retrying")
    for _ in range(2):
        with pytest.raises(Refused, match="`c` is pending"):
            desk.act(before.run, "retry", "c")
    assert desk.events(before.run) == events
    assert desk.status(before.run) == before.status
    assert desk.drive().rests[0].view.status == "completed"
    assert desk.performed()[-2:] == ["b", "c"]


def test_SP07_the_same_refused_request_gets_its_first_answer_again(desk: Desk) -> None:
    run = desk.run(FAILING).view.run
    for step in ("s", "t"):
        with pytest.raises(Refused, match="`s`"):
            desk.act(run, "confirm", "s", done=True, request_id="once")
        assert desk.status(run, step) == ("failed" if step == "s" else "pending")
