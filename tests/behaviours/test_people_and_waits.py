"""TJ03, TJ11 to TJ13, AR07, RL11, SP01, SP04, SP05, SP11: people, waits, sub-workflows, and who did what."""

from __future__ import annotations

import json

import pytest
from desk import Desk

from headgate.api import deciding
from headgate.api.faults import Refused
from headgate.api.operating import Act
from headgate.api.place import Driving
from headgate.runtime.status import APPROVAL_STATUSES
from headgate.runtime.store import Store
from headgate.runtime.view import RunView

FORM = """
workflow expense {
  input card: string = "none" { secret = true }
  step ask = human form {
    # headgate: ignore[HG702] to see that it is masked
    title     = "What did it cost, on {{ inputs.card }}?"
    # headgate: ignore[HG702] to see that it is masked
    body      = { card = {{ inputs.card }} }
    assignees = ["finance"]
    channel   = email
    fields    = { amount = number, reason = { type = enum("travel", "food"), default = "travel" } }
  }
  step book = ledger after ask {
    book = "BOOK", line = {{ steps.ask.result.fields.amount }}, reversibility = recoverable
  }
  output { all = {{ steps.ask.result }} }
}
"""
GATED = """
workflow pay {
  step send = ledger {
    book = "BOOK", line = "paid", reversibility = irreversible
    gate approval { ask = "Pay?", assignees = ["finance"], expires = EXPIRES, on_expiry = deny, channel = slack }
  }
}
"""


def of(said: tuple[int, str, str]) -> object:
    """The JSON that a command printed."""
    return json.loads(said[1])


def extend(desk: Desk, run: str) -> RunView:
    act = Act("extend", reason="on holiday")
    return deciding.extend(deciding.Chosen(run, "send"), 86_400_000, act, desk.place, Driving()).view


def link(desk: Desk, person: str) -> str:
    (found,) = of(desk.as_(person).cli("approvals", "--details", "--format", "json"))
    return found["link"]


def test_TJ03_a_waiting_run_goes_on_when_its_form_is_answered(desk: Desk) -> None:
    run = desk.run(FORM).view
    assert (run.status, run.detail) == ("waiting", "form")
    (reason,) = of(desk.cli("why", run.run, "--format", "json"))
    assert reason["command"] == f"headgate answer {run.run}-1 -i amount=VALUE"
    assert reason["message"].startswith("`ask` waits for a form by finance: What did it cost, on ***?")
    code, _, err = desk.cli("answer", run.run, "ask", "-i", "amount=twelve")
    assert (code, "the field `amount` is number: expected JSON" in err) == (2, True)
    code, _, err = desk.cli("answer", run.run, "ask", "-i", "amount=-1e400", "-i", "reason=fun")
    assert code == 2
    code, _, err = desk.cli("answer", run.run, "ask", "-i", "reason=fun")
    assert code == 2
    assert "the field `amount` is required: number" in err
    assert 'the field `reason` does not fit: expected one of "travel", "food", got "fun"' in err
    assert desk.lines() == []
    code, out, _ = desk.cli("answer", run.run, "ask", "-i", "amount=12.5", "--comment", "taxi", "--format", "json")
    assert code == 0
    result = json.loads(out)["output"]["all"]
    assert (result["decision"], result["by"], result["comment"]) == ("approved", "ann", "taxi")
    assert result["fields"] == {"amount": 12.5, "reason": "travel"}
    assert desk.lines() == ["book 1 12.5"]


def test_TJ03_a_waiting_run_goes_on_when_its_event_comes(desk: Desk) -> None:
    text = 'workflow w { step s = wait "paid" { match = {{ event.n > 1 }} }\n output { n = {{ steps.s.result.n }} } }'
    run = desk.run(text)
    assert (run.view.status, run.view.detail, run.exit_code) == ("waiting", "event", 5)
    code, out, _ = desk.cli("signal", "paid", "--data", '{"n": 1}', "--format", "json")
    assert (code, json.loads(out)[0]["status"]) == (5, "waiting")
    (reason,) = of(desk.cli("why", run.view.run, "--format", "json"))
    assert (reason["kind"], reason["command"]) == ("event", f"headgate signal paid --run {run.view.run} --data JSON")
    code, out, _ = desk.cli("signal", "paid", "--run", run.view.run, "--data", '{"n": 2}', "--format", "json")
    assert (code, json.loads(out)["output"]) == (0, {"n": 2})


def test_TJ12_people_are_warned_before_an_approval_expires_and_may_take_more_time(desk: Desk) -> None:
    run = desk.run(GATED.replace("EXPIRES", "5s")).view.run
    with pytest.raises(Refused) as refusal:
        extend(desk.as_("eve"), run)
    assert refusal.value.code == "NOT_ASSIGNED"
    while not desk.events(run, "approval_expiring"):
        desk.drive()
    store = Store(desk.folder / ".headgate" / "headgate.db")
    (notice,) = store.read.notices()
    assert extend(desk, run).status == "waiting"
    assert (notice.kind, notice.subject) == ("approval-expiring", run)
    assert store.read.notices() == []
    store.close()
    (event,) = desk.events(run, "approval_extended")
    assert (event.actor, event.reason) == ("ann", "on holiday")
    code, _, err = desk.cli("extend", run, "send", "soon")
    assert (code, "`soon` is no duration" in err) == (2, True)
    assert desk.cli("extend", run, "send", "90m")[0] == 5


def test_TJ12_expired_is_told_apart_from_denied(desk: Desk) -> None:
    text = """
    workflow late {
      step one = human approval { title = "one?", expires = 10ms }
      step two = human approval { title = "two?" }
    }
    """
    run = desk.run(text).view.run
    desk.act(run, "deny", "two")
    while desk.status(run) == "waiting":
        desk.drive(wait_ms=1_000)
    found = of(desk.cli("approvals", "--status", "all", "--format", "json"))
    assert {each["step"]: each["status"] for each in found} == {"one": "expired", "two": "denied"}
    steps = desk.show(run).steps
    assert [steps[name].result["decision"] for name in ("one", "two")] == ["expired", "denied"]
    assert set(APPROVAL_STATUSES) >= {"expired", "denied"}


def test_TJ13_an_approval_shows_its_reversibility_and_is_decided_by_a_link_that_works_once(desk: Desk) -> None:
    run = desk.run(GATED.replace("EXPIRES", "24h")).view.run
    (shown,) = of(desk.cli("approvals", "--format", "json"))
    assert (shown["reversibility"], shown["status"]) == ("irreversible", "pending")
    assert of(desk.as_("eve").cli("approvals", "--details", "--format", "json"))[0]["link"] is None
    bobs, anns = link(desk, "bob"), link(desk, "ann")
    assert bobs != anns
    database = (desk.folder / ".headgate" / "headgate.db").read_bytes()
    assert bobs.encode() not in database
    tampered = desk.as_("eve").cli("approve", "--token", bobs[:-2] + ("AA" if bobs[-2:] != "AA" else "BB"))
    assert (tampered[0], "TOKEN_INVALID" in tampered[2]) == (6, True)
    code, _, _ = desk.as_("eve").cli("approve", "--token", bobs, "--comment", "from my phone")
    assert code == 0
    (event,) = desk.events(run, "approval_decided")
    assert (event.actor, event.data["by"], event.data["auth"], event.data["comment"]) == (
        "bob", "bob", "link", "from my phone",
    )  # fmt: skip
    again = desk.cli("deny", "--token", bobs)
    assert (again[0], "TOKEN_USED" in again[2]) == (6, True)
    other = desk.cli("approve", "--token", anns)
    assert (other[0], "ALREADY_DECIDED" in other[2], "bob" in other[2]) == (6, True, True)
    assert desk.lines() == ["send 1 paid"]


def test_TJ13_a_link_to_an_approval_that_expired_says_so(desk: Desk) -> None:
    run = desk.run(GATED.replace("EXPIRES", "700ms")).view.run
    token = link(desk, "ann")
    while desk.status(run) == "waiting":
        desk.drive(wait_ms=2_000)
    code, _, err = desk.cli("approve", "--token", token)
    assert (code, "TOKEN_EXPIRED" in err) == (6, True)


def test_AR07_a_rejected_review_and_one_that_nobody_decides_are_human_task_failures(desk: Desk) -> None:
    text = """
    workflow w {
      step s = set { v = 1
        gate review { ask = "good?", expires = EXPIRES }
      }
    }
    """
    rejected = desk.run(text.replace("EXPIRES", "24h")).view.run
    view = desk.act(rejected, "deny", "s", comment="no").view
    assert (view.status, view.failure.code) == ("failed", "HUMAN_TASK_FAILED")
    late = desk.run(text.replace("EXPIRES", "10ms")).view.run
    while desk.status(late) == "waiting":
        desk.drive(wait_ms=1_000)
    failure = desk.show(late).failure
    assert failure.code == "HUMAN_TASK_FAILED"
    assert "in time" in failure.message


def test_RL11_the_depth_of_calls_is_bounded_also_for_detached_ones_that_other_processes_drive(desk: Desk) -> None:
    text = """
    workflow w {
      step wait = delay 1ms
      # headgate: ignore[HG307] to see where it ends
      step s = call w after wait { detach = true }
    }
    """
    desk.run(text)
    for _ in range(40):
        drove = desk.drive(wait_ms=1_000)
        if all(rest.view.status in ("completed", "failed") for rest in drove.rests):
            break
    views = desk.runs()
    assert len(views) <= 16
    assert [view.failure.code for view in views if view.failure is not None] == ["LIMIT_EXCEEDED"]


def test_SP04_the_timeline_tells_every_step_in_order_with_what_reviewers_said(desk: Desk) -> None:
    text = """
    workflow w {
      step draft = set { text = "hello" }
      step first = human review after draft { title = "ok?" }
      step check = set after first { v = 1
        gate review { ask = "good?" }
      }
      step late = set after check { v = 2 }
    }
    """
    run = desk.run(text).view.run
    desk.act(run, "approve", "first", comment="well put")
    desk.as_("bob").act(run, "deny", "check", comment="not this")
    timeline = of(desk.cli("timeline", run, "--format", "json"))
    assert [step["step"] for step in timeline["steps"]] == ["draft", "first", "check", "late"]
    told = {step["step"]: step for step in timeline["steps"]}
    assert "well put" in told["first"]["remark"]
    assert "not this" in told["check"]["remark"]
    assert "bob" in told["check"]["remark"]
    assert (told["draft"]["output"], told["draft"]["status"]) == ({"text": "hello"}, "completed")
    assert all(told["first"][key] for key in ("started_at", "ended_at"))


def test_SP11_who_did_what_and_when_is_told_over_all_runs(desk: Desk) -> None:
    first = desk.run(FORM, card="4111222233334444").view.run
    desk.act(first, "pause", reason="month end")
    desk.as_("bob").act(first, "resume")
    desk.cli("extend", first, "ask", "1h")
    desk.as_("bob").cli("answer", first, "ask", "-i", "amount=3", "--comment", "paid with 4111222233334444")
    broken = desk.run(
        'workflow b { on_failure = pause\n step s = ledger { book = "BOOK", line = "x", broken = true, retry = 0 } }'
    ).view.run
    desk.cli("retry", broken, "s", "--edit", 'line = "y"'.replace(" = ", "="))
    desk.cli("cancel", broken, "--yes", "--reason", "enough")
    acts = of(desk.cli("audit", "--format", "json"))
    assert [(act["actor"], act["act"], act["object"]) for act in acts] == [
        ("ann", "started", first),
        ("ann", "paused", first),
        ("bob", "resumed", first),
        ("ann", "extended", first),
        ("bob", "approved", first),
        ("ann", "started", broken),
        ("ann", "edited", broken),
        ("ann", "cancelled", broken),
    ]
    assert acts[1]["reason"] == "month end"
    assert acts[4]["data"]["comment"] == "paid with ***"
    assert [act["act"] for act in of(desk.cli("audit", first, "--by", "bob", "--format", "json"))] == [
        "resumed",
        "approved",
    ]
    assert "4111222233334444" not in desk.cli("audit")[1]


def test_SP11_a_report_counts_runs_by_workflow_and_period(desk: Desk) -> None:
    for n in range(3):
        desk.run(f"workflow w {{ step s = set {{ n = {n} }} }}")
    run = desk.run('workflow v { step a = human approval { title = "?" } }').view.run
    desk.act(run, "deny", "a")
    desk.run('workflow v { step a = human approval { title = "?" } }')
    rows = of(desk.cli("report", "--per", "all", "--format", "json"))
    assert [(row["workflow"], row["runs"], row["completed"], row["open"], row["outcomes"]) for row in rows] == [
        ("v", 2, 1, 1, {"denied": 1}),
        ("w", 3, 3, 0, {"clean": 3}),
    ]
    (only,) = of(desk.cli("report", "--workflow", "w", "--per", "month", "--since", "1d", "--format", "json"))
    assert (only["runs"], len(only["period"])) == (3, 7)
    assert of(desk.cli("report", "--until", "2020-01-01", "--format", "json")) == []


def test_secrets_in_questions_are_shown_and_kept_nowhere(desk: Desk) -> None:
    run = desk.run(FORM, card="4111222233334444").view.run
    said = [
        desk.cli(*words)[1]
        for words in (
            ("approvals", "--details"), ("approvals", "--details", "--format", "json"), ("events", run), ("why", run),
            ("timeline", run), ("show", run), ("audit",),
        )
    ]  # fmt: skip
    assert all("4111222233334444" not in each for each in said)
    assert "What did it cost, on ***?" in said[0]
    (asked,) = desk.events(run, "approval_requested")
    assert asked.data["body"] == {"card": "***"}


@pytest.mark.parametrize("columns", ["80"])
def test_the_inbox_is_readable_at_80_columns(desk: Desk, columns: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    run = desk.run(FORM).view.run
    lines = desk.cli("approvals")[1].splitlines()
    assert any(line.startswith(f"{run}-1  ask") for line in lines)
    assert "  What did it cost, on ***?" in "\n".join(lines)
    assert "fields: amount, reason" in "\n".join(lines)
