"""Forms, warnings, extensions and the table of acts on approvals, decided in memory."""

from __future__ import annotations

import pytest
from memory_runs import START, MemoryRun, gate, human, plan, step

from headgate.plan import Json
from headgate.runtime.acts import APPROVAL_ACTS, ApprovalAct, RefusalCode
from headgate.runtime.decider import Accepted, Refusal, Request, derive, judge, next_wake
from headgate.runtime.status import APPROVAL_STATUSES, Phase

FIELDS: Json = {
    "type": "object",
    "properties": {"amount": {"type": "number"}, "why": {"enum": ["a", "b"], "default": "a"}},
    "required": ["amount"],
    "additionalProperties": False,
}


def form(**config: Json) -> MemoryRun:
    return MemoryRun(plan(human("x", kind="form", fields=FIELDS, **config), step("after", "noop", "x"))).drive()


def standing(status: str) -> MemoryRun:
    """A run whose approval `R-1` stands in `status`."""
    run = MemoryRun(plan(human("x"), human("y", expires=600_000))).drive()
    if status in ("approved", "denied"):
        run.ask("approve" if status == "approved" else "deny", task="R-1")
    elif status == "expired":
        run.wait()
    elif status == "cancelled":
        run.ask("skip", "x")
    assert run.state.approvals["R-1"].status == status
    return run


@pytest.mark.parametrize("act", ApprovalAct)
@pytest.mark.parametrize("status", APPROVAL_STATUSES)
def test_every_act_on_an_approval_is_what_the_table_says(status: str, act: ApprovalAct) -> None:
    run = standing(status)
    before = len(run.events)
    verdict = run.ask(act.value, task="R-1", **({"ms": 1000} if act is ApprovalAct.EXTEND else {}))
    expected = APPROVAL_ACTS[status][act]
    if isinstance(expected, RefusalCode):
        assert isinstance(verdict, Refusal)
        assert (verdict.code, len(run.events)) == (expected, before)
        assert "R-1" in verdict.message
    else:
        assert isinstance(verdict, Accepted)
        assert len(run.events) > before


@pytest.mark.parametrize("act", ApprovalAct)
def test_the_table_has_every_status_and_act_and_an_ended_run_refuses_all(act: ApprovalAct) -> None:
    assert set(APPROVAL_ACTS) == set(APPROVAL_STATUSES)
    assert all(set(row) == set(ApprovalAct) for row in APPROVAL_ACTS.values())
    run = MemoryRun(plan(human("x"))).drive()
    run.state.phase = Phase.DRAINING
    refused = judge(run.state, Request(act.value, "ann", task="R-1", args={"ms": 1000}), run.now)
    assert isinstance(refused, Refusal)
    assert refused.code is RefusalCode.STOPPING


def test_a_form_waits_for_its_fields_and_gives_them_with_their_defaults():
    run = form()
    assert derive(run.state) == ("waiting", "form")
    run.ask("answer", task="R-1", fields={"amount": 3}, comment="ok")
    assert run["x"].result["fields"] == {"amount": 3, "why": "a"}
    assert (run["x"].result["decision"], run["x"].result["by"], run["x"].result["comment"]) == ("approved", "ann", "ok")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "the field `amount` is required: number"),
        ({"amount": "3"}, "the field `amount` does not fit"),
        ({"amount": 3, "why": "c"}, "the field `why` does not fit"),
        ({"amount": 3, "whi": "a"}, "there is no field `whi`; did you mean `why`?"),
    ],
)
def test_what_does_not_fit_is_said_of_each_field_and_nothing_is_recorded(fields: Json, said: str) -> None:
    run = form()
    before = len(run.events)
    refused = run.ask("answer", task="R-1", fields=fields)
    assert isinstance(refused, Refusal)
    assert refused.code is RefusalCode.FIELDS_INVALID
    assert said in refused.message
    assert len(run.events) == before


def test_a_form_is_not_approved_past_its_required_fields_but_may_be_denied():
    run = form()
    refused = run.ask("approve", task="R-1")
    assert isinstance(refused, Refusal)
    assert "headgate answer R-1" in refused.message
    run.ask("deny", task="R-1")
    assert run.statuses == {"x": "skipped denied", "after": "skipped denied"}


def test_a_form_that_expires_to_proceed_has_its_defaults():
    run = form(on_expiry="proceed")
    run.wait()
    assert (run["x"].result["decision"], run["x"].result["fields"]) == ("expired", {"why": "a"})


def test_a_form_that_is_escalated_asks_for_the_same_fields():
    run = form(on_expiry="escalate", escalate_to=["legal"])
    run.wait()
    assert run.state.approvals["R-2"].fields == FIELDS
    run.ask("answer", task="R-2", fields={"amount": 1})
    assert run["x"].status == "completed"


# Warning and extension


def test_people_are_warned_when_four_fifths_of_their_time_are_over_and_nothing_else_moves():
    run = MemoryRun(plan(human("x"), human("y", expires=600_000))).drive()
    assert next_wake(run.state) == START + 48_000
    run.now = START + 48_000
    run.drive()
    assert run.types[-1] == "approval_expiring"
    assert run.events[-1].data == {"task": "R-1", "expires_at": START + 60_000}
    assert run.statuses == {"x": "waiting approval", "y": "waiting approval"}
    run.drive()
    assert run.types.count("approval_expiring") == 1


def test_a_warning_that_comes_too_late_is_none():
    run = MemoryRun(plan(human("x"))).drive()
    run.now = START + 60_000
    run.drive()
    assert "approval_expiring" not in run.types
    assert run.state.approvals["R-1"].status == "expired"


def test_a_warning_comes_also_while_the_run_is_paused():
    run = MemoryRun(plan(human("x"))).drive()
    run.ask("pause")
    run.now = START + 50_000
    run.drive()
    assert run.types[-1] == "approval_expiring"


def test_an_extension_moves_the_expiry_and_warns_again():
    run = MemoryRun(plan(human("x"))).drive()
    run.now = START + 50_000
    run.drive()
    run.ask("extend", task="R-1", ms=100_000)
    assert run.events[-1].data == {"task": "R-1", "expires_at": START + 160_000, "auth": "local"}
    assert (run.events[-1].actor, next_wake(run.state)) == ("ann", START + 50_000 + round(0.8 * 110_000))
    run.wait()
    assert (run.now, run.state.approvals["R-1"].status) == (START + 160_000, "expired")
    assert run.types.count("approval_expiring") == 1


def test_what_expired_during_a_pause_is_pending_until_then_and_may_still_be_extended():
    run = MemoryRun(plan(human("x"))).drive()
    run.ask("pause")
    run.now = START + 70_000
    run.drive()
    run.ask("extend", task="R-1", ms=10_000)
    run.ask("resume")
    assert run.state.approvals["R-1"].status == "pending"
    assert run.state.approvals["R-1"].expires_at == START + 80_000


def test_only_assignees_and_admins_extend():
    people = {"finance": ["ann"], "admins": ["root"]}
    run = MemoryRun(plan(human("x", assignees=["finance"]))).drive()
    refused = run.ask("extend", task="R-1", ms=1, actor="eve", people=people)
    assert isinstance(refused, Refusal)
    assert refused.code is RefusalCode.NOT_ASSIGNED
    assert isinstance(run.ask("extend", task="R-1", ms=1, actor="root", people=people), Accepted)


# Identities


def test_the_items_of_a_loop_are_asked_for_each_by_itself():
    made = plan(step("all", "each", config={"over": [1, 2, 3], "as": "item"}, body=[human("ask")]))
    run = MemoryRun(made).drive()
    assert [each.step for each in run.state.approvals.values()] == ["all.0.ask", "all.1.ask", "all.2.ask"]
    several = run.ask("approve", "all.ask")
    assert isinstance(several, Refusal)
    assert "say which of `all.0.ask`, `all.1.ask`, `all.2.ask`" in several.message
    run.ask("approve", "all.1.ask")
    assert [run[f"all.{index}.ask"].status for index in range(3)] == ["waiting", "completed", "waiting"]
    run.ask("deny", "all.0.ask")
    assert isinstance(run.ask("approve", "all.ask"), Accepted)
    assert run["all.2.ask"].status == "completed"


def test_a_gate_of_an_item_is_not_answered_by_that_of_another():
    body = [step("send", gates=(gate(),))]
    run = MemoryRun(plan(step("all", "each", config={"over": [1, 2], "as": "item"}, body=body)), {}).drive()
    run.ask("approve", "all.1.send")
    assert (run["all.0.send"].status, run["all.1.send"].status) == ("waiting", "completed")


def test_who_acted_and_how_they_were_known_is_recorded():
    run = MemoryRun(plan(human("x"))).drive()
    run.ask("pause")
    assert run.events[-1].data["auth"] == "local"
