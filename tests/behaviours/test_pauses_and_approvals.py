"""TJ: pauses, holds, approvals."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime

import pytest
from desk import Desk

from headgate.api import deciding, history, operating
from headgate.api.faults import Refused
from headgate.api.operating import Act
from headgate.api.originals import LINE_AT_MOST
from headgate.api.place import Driving
from headgate.runtime.status import HOLD_RULES, HoldReason

GATED = """
workflow pay {
  step quote = set { amount = 700 }
  step send = ledger after quote {
    book          = "BOOK"
    line          = {{ steps.quote.result.amount }}
    reversibility = irreversible
    gate approval { ask = "Pay {{ steps.quote.result.amount }}?", assignees = ["finance"] }
  }
  step thank = ledger after send { book = "BOOK", line = "thanks", reversibility = recoverable }
}
"""

TWO = """
workflow two {
  step one = ledger { book = "BOOK", line = "1", reversibility = recoverable }
  step ask = human approval after one { title = "on?" }
  step two = ledger after ask { book = "BOOK", line = "2", reversibility = recoverable }
}
"""


def expiring(policy: str) -> str:
    return f"""
workflow late {{
  step ask = human approval {{
    title = "?"
    assignees = ["finance"]
    expires = 10ms
    on_expiry = {policy}
  }}
  step act = ledger after ask {{ book = "BOOK", line = "acted", reversibility = recoverable }}
}}
"""


def test_TJ02_a_run_that_a_person_paused_never_moves_by_itself(desk: Desk) -> None:
    run = desk.run(TWO).view.run
    assert desk.act(run, "pause", reason="month end").exit_code == 0
    desk.act(run, "approve", "ask")
    for _ in range(3):
        desk.drive(wait_ms=50)
    assert desk.status(run) == "paused"
    assert desk.performed() == ["one"]
    assert desk.act(run, "resume").view.status == "completed"
    assert desk.performed() == ["one", "two"]


def test_TJ02_a_run_that_a_failure_paused_never_moves_by_itself(desk: Desk) -> None:
    run = desk.run(
        'workflow w { on_failure = pause\n step s = ledger { book = "BOOK", line = "x", broken = true } }'
    ).view.run
    for _ in range(3):
        desk.drive(wait_ms=50)
    assert (desk.status(run), desk.show(run).detail) == ("paused", "step_failed: s")
    assert desk.act(run, "cancel").view.status == "cancelled"


def test_TJ04_a_pause_says_who_when_and_why_and_only_the_systems_own_carries_a_banner(desk: Desk) -> None:
    desk.write(
        """
        workflow w {
          throughput = { max = 1, per = 10m }
          step ask = human approval { title = "go?" }
        }
        """
    )
    run = json.loads(desk.cli("run", "flow.flow", "--format", "json")[1])["run"]
    desk.cli("pause", run, "--reason", "lunch")
    (opened,) = desk.events(run, "hold_opened")
    (hold,) = desk.show(run).holds
    assert (opened.actor, opened.reason) == (hold.by, hold.note) == ("ann", "lunch")
    assert opened.at == hold.since
    moment = datetime.fromtimestamp(hold.since / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
    by_a_person = desk.cli("show", run)[1]
    assert f'held: operator by ann since {moment} UTC "lunch"\n\n' in by_a_person
    assert HOLD_RULES[HoldReason.OPERATOR].meaning not in by_a_person
    by_the_system = desk.cli("run", "flow.flow")[1]
    banner = "the workflow tripped the throughput cap (likely a loop or polling misconfig)"
    assert re.search(rf"held: throughput by system since \S+ \S+ UTC\n  {re.escape(banner)}\n", by_the_system)


def test_TJ03_a_waiting_run_goes_on_when_its_timer_is_due(desk: Desk) -> None:
    text = 'workflow w { step nap = delay 300ms\n step s = ledger after nap { book = "BOOK", line = "x" } }'
    run = desk.run(text, wait_ms=0)
    assert (run.view.status, run.view.detail, run.exit_code) == ("waiting", "timer", 5)
    assert run.next_wake is not None
    assert desk.drive(wait_ms=5_000).rests[0].view.status == "completed"
    assert desk.performed() == ["s"]


def test_TJ03_a_waiting_run_goes_on_when_its_sub_workflow_ends(desk: Desk) -> None:
    text = """
    workflow parent {
      step sub = call child
      step s = ledger after sub { book = "BOOK", line = {{ steps.sub.result.said }} }
    }
    workflow child {
      step ask = human approval { title = "?" }
      output { said = {{ steps.ask.result.decision }} }
    }
    """
    parent = desk.run(text)
    assert (parent.view.status, parent.view.detail) == ("waiting", "subrun")
    child = next(view.run for view in desk.runs() if view.workflow == "child")
    assert desk.act(child, "approve", "ask").view.status == "completed"
    assert desk.status(parent.view.run) == "completed"
    assert desk.lines() == ["s 1 approved"]


def test_TJ11_a_gated_action_parks_on_an_approval_and_goes_on_from_there(desk: Desk) -> None:
    rest = desk.run(GATED)
    assert (rest.view.status, rest.view.detail, rest.exit_code) == ("waiting", "approval", 5)
    assert rest.view.steps["send"].status == "waiting"
    assert desk.lines() == []
    done = desk.act(rest.view.run, "approve", "send", comment="fine")
    assert (done.view.status, done.exit_code) == ("completed", 0)
    assert desk.lines() == ["send 1 700", "thank 1 thanks"]
    (approval,) = history.approvals(desk.place, rest.view.run)
    assert (approval.status, approval.decided_by, approval.comment) == ("approved", "ann", "fine")


def test_TJ11_a_denied_approval_skips_the_action(desk: Desk) -> None:
    run = desk.run(GATED).view.run
    rest = desk.act(run, "deny", "send")
    assert (rest.view.status, rest.view.outcome) == ("completed", "denied")
    assert {path: step.status for path, step in rest.view.steps.items()} == {
        "quote": "completed",
        "send": "skipped",
        "thank": "skipped",
    }
    assert rest.view.steps["send"].detail == "denied"
    assert desk.lines() == []


def test_TJ11_only_an_assignee_or_an_admin_decides_and_the_first_decision_wins(desk: Desk) -> None:
    run = desk.run(GATED).view.run
    with pytest.raises(Refused) as refusal:
        desk.as_("eve").act(run, "approve", "send")
    assert refusal.value.code == "NOT_ASSIGNED"
    assert desk.status(run) == "waiting"
    desk.as_("root").act(run, "approve", "send")
    with pytest.raises(Refused, match="approved by root") as refusal:
        desk.act(run, "deny", "send")
    assert refusal.value.code == "ALREADY_DECIDED"
    assert refusal.value.exit_code == 6


def test_TJ11_an_approval_is_found_by_its_id_or_its_beginning(desk: Desk) -> None:
    desk.run(GATED)
    (approval,) = history.approvals(desk.place)
    rest = deciding.decide(deciding.Chosen(approval.id), Act("approve"), desk.place, Driving())
    assert rest.view.status == "completed"
    assert history.approvals(desk.place) == ()


def test_TJ12_an_expired_approval_denies_by_default(desk: Desk) -> None:
    run = desk.run(expiring("deny")).view.run
    rest = desk.drive(wait_ms=5_000).rests[0]
    assert (rest.view.status, rest.view.outcome) == ("completed", "denied")
    assert rest.view.steps["ask"].result == {
        **dict.fromkeys(("by", "comment", "fields")),
        **rest.view.steps["ask"].result,
        "decision": "expired",
    }
    assert [approval.status for approval in history.approvals(desk.place, run)] == ["expired"]
    assert desk.lines() == []


def test_TJ12_an_expired_approval_may_let_the_run_proceed(desk: Desk) -> None:
    desk.run(expiring("proceed"))
    assert desk.drive(wait_ms=5_000).rests[0].view.status == "completed"
    assert desk.performed() == ["act"]


def test_TJ12_an_expired_approval_may_escalate_and_the_last_level_denies(desk: Desk) -> None:
    run = desk.run(expiring('escalate\n    escalate_to = ["legal"]').replace("10ms", "1500ms")).view.run
    desk.drive(wait_ms=1600)
    tasks = history.approvals(desk.place, run)
    assert [(task.status, task.assignees) for task in tasks] == [("expired", ("finance",)), ("pending", ("legal",))]
    assert desk.as_("eve").act(run, "approve", "ask").view.status == "completed"
    assert desk.performed() == ["act"]


def test_TJ21_a_failed_run_is_refused_resume_and_told_what_to_do(desk: Desk) -> None:
    run = desk.run('workflow w { step s = ledger { book = "BOOK", line = "x", broken = true } }')
    assert (run.view.status, run.exit_code) == ("failed", 1)
    with pytest.raises(Refused, match=r"`redrive`.*`replay`") as refusal:
        desk.act(run.view.run, "resume")
    assert refusal.value.code == "TERMINAL"


def test_TJ22_a_replay_is_a_new_run_and_the_source_keeps_every_event(desk: Desk) -> None:
    text = 'workflow w { input n: integer\n step s = ledger { book = "BOOK", line = {{ inputs.n }} } }'
    source = desk.run(text, n=7).view
    before = desk.events(source.run)
    again = operating.replay(source.run, desk.place, Driving()).view
    assert again.run != source.run
    assert (again.status, again.inputs, again.plan_digest) == ("completed", {"n": 7}, source.plan_digest)
    assert desk.events(source.run) == before
    assert desk.lines() == ["s 1 7", "s 1 7"]


def test_TJ22_an_open_run_is_not_replayed_and_replays_of_replays_are_bounded(desk: Desk) -> None:
    waiting = desk.run(TWO).view.run
    with pytest.raises(Refused):
        operating.replay(waiting, desk.place, Driving())
    run = desk.run("workflow w { step s = set { a = 1 } }").view.run
    for _ in range(LINE_AT_MOST):
        run = operating.replay(run, desk.place, Driving()).view.run
    with pytest.raises(Refused, match="replays of replays") as refusal:
        operating.replay(run, desk.place, Driving())
    assert refusal.value.code == "LIMIT_EXCEEDED"
