"""What is shown of a run: its view, why it does not move, and the names its templates see."""

from __future__ import annotations

import pytest
from memory_runs import START, MemoryRun, error, gate, human, plan, step

from headgate.plan import Retry
from headgate.runtime.commands import Record
from headgate.runtime.events import EventType
from headgate.runtime.scope import scope
from headgate.runtime.view import FailureView, HoldView, run_view
from headgate.runtime.why import reasons


def test_a_view_has_the_fields_of_the_json_object_and_not_the_entry_step():
    made = plan(step("$entry", "set"), step("a", "noop", "$entry", config={"x": 1}), step("b", "noop", "$entry"))
    run = MemoryRun(made, {"a": {"y": 2}}, {"n": 1}, trigger={"name": "nightly", "kind": "schedule"}).drive()
    view = run_view(run.state)
    assert (view.run, view.status, view.detail, view.outcome, view.trigger) == (
        "R",
        "completed",
        "clean",
        "clean",
        "nightly",
    )
    assert (view.inputs, view.created_at, view.epoch, view.failure, view.holds) == ({"n": 1}, START, 0, None, ())
    assert list(view.steps) == ["a", "b"]
    shown = view.steps["a"]
    assert (shown.kind, shown.status, shown.attempts, shown.input, shown.result) == (
        "noop",
        "completed",
        1,
        {"x": 1},
        {"y": 2},
    )


def test_a_run_that_has_not_started_shows_its_steps_as_pending():
    run = MemoryRun(plan(step("a"), step("b", "noop", "a")), due_at=START + 1)
    assert {path: shown.status for path, shown in run_view(run.state).steps.items()} == {"a": "pending", "b": "pending"}


def test_a_failure_names_code_step_and_message():
    view = run_view(MemoryRun(plan(step("a"), step("b", "noop", "a")), {"a": error()}).drive().state)
    assert view.failure == FailureView("MCP_TOOL_FAILED", "a", "it broke")
    assert view.steps["a"].error["class"] == "permanent"
    assert view.steps["b"].detail == "a"


def test_a_hold_shows_who_opened_it_and_the_command_that_releases_it():
    run = MemoryRun(plan(human("ask"))).drive()
    run.ask("pause", actor="bob", reason="lunch")
    assert run_view(run.state).holds == (HoldView("operator", START, "bob", "headgate resume R", None, "lunch"),)
    failed = MemoryRun(plan(step("a"), on_failure="pause"), {"a": error()}).drive()
    assert [hold.release for hold in run_view(failed.state).holds] == ["headgate retry R a"]


def test_secret_inputs_are_masked():
    made = plan(step("a"))._replace(
        inputs={"type": "object", "properties": {"key": {"type": "string", "secret": True}}}
    )
    assert run_view(MemoryRun(made, {}, {"key": "k", "n": 1}).state).inputs == {"key": "***", "n": 1}


def test_a_loop_shows_how_far_it_is_and_waits_when_all_in_it_waits():
    body = [step("s", "noop"), human("ask", "s")]
    config = {"over": [1, 2], "as": "x", "limit": 5, "concurrency": 1, "on_item_failure": "fail"}
    run = MemoryRun(plan(step("loop", "each", config=config, body=body)))
    run.drive()
    shown = run_view(run.state).steps["loop"]
    assert (shown.status, shown.detail) == ("running", "0 of 2")
    run.end("loop.0.s", 1, {})
    run.drive()
    shown = run_view(run.state).steps["loop"]
    assert (shown.status, shown.detail) == ("waiting", "approval")
    assert list(run_view(run.state).steps) == ["loop", "loop.0.s", "loop.0.ask"]


def waiting_for_child() -> MemoryRun:
    return MemoryRun(plan(step("sub", "call", config={"workflow": "o", "inputs": {}}))).drive()


def in_doubt() -> MemoryRun:
    run = MemoryRun(plan(step("a", in_doubt="hold")))
    run.drive()
    run.crash()
    return run.drive()


def out() -> MemoryRun:
    run = MemoryRun(plan(step("a")))
    run.drive()
    return run


def stopped() -> MemoryRun:
    run = out()
    run.append(Record(EventType.HOLD_OPENED, {"hold": "interrupted"}))
    return run


@pytest.mark.parametrize(
    ("make", "kind", "named", "command"),
    [
        (
            lambda: MemoryRun(plan(step("p", gates=(gate(assignees=["finance"]),)))).drive(),
            "approval",
            "R-1",
            "headgate approve R-1",
        ),
        (lambda: MemoryRun(plan(step("d", "delay", config={"for": 5}))).drive(), "timer", "d", "headgate drive R"),
        (waiting_for_child, "subrun", "sub", "headgate why child-0"),
        (out, "attempt", "a", "headgate drive R"),
        (stopped, "hold", "R", "headgate drive R"),
        (in_doubt, "hold", "a", "headgate confirm R a --done"),
        (lambda: MemoryRun(plan(step("a"))), "phase", "R", "headgate drive R"),
        (lambda: MemoryRun(plan(step("a")), due_at=START + 9), "timer", "R", "headgate drive R"),
        (
            lambda: MemoryRun(plan(step("a", retry=Retry(1, (10,)))), {"a": error("transient")}).drive(),
            "timer",
            "a",
            "headgate retry R a",
        ),
        (lambda: MemoryRun(plan(step("a")), {"a": error()}).drive(), "ended", "R", "headgate redrive R"),
        (lambda: MemoryRun(plan(step("a")), {}).drive(), "ended", "R", None),
    ],
)
def test_why_names_the_reason_and_the_command_that_clears_it(make, kind, named, command):
    found = reasons(make().state)[0]
    assert (found.kind, found.object, found.command) == (kind, named, command)
    assert found.since is not None
    assert "\n" not in found.message


def test_why_says_who_may_decide_until_when():
    run = MemoryRun(plan(step("pay", gates=(gate(assignees=["finance"], ask="pay 5?"),)))).drive()
    reason = reasons(run.state)[0]
    assert reason.who == "finance"
    assert "pay 5?" in reason.message
    assert "it is denied at 2027-01-15T08:01:00.000Z" in reason.message


def test_why_sends_nobody_to_decide_what_has_expired():
    run = MemoryRun(plan(human("ask"))).drive()
    assert reasons(run.state, START + 59_999)[0].command == "headgate approve R-1"
    (reason,) = reasons(run.state, START + 60_000)
    assert (reason.kind, reason.object, reason.since) == ("approval", "R-1", START + 60_000)
    assert (reason.who, reason.command) == ("any worker", "headgate drive R")
    said = (
        "`ask` could be decided until 2027-01-15T08:01:00.000Z, and was not; what follows is decided by the next worker"
    )
    assert reason.message == said
    run.ask("pause")
    assert "headgate approve R-1" in [each.command for each in reasons(run.state, START + 60_000)], "it acts on resume"


def test_why_sends_nobody_to_send_an_event_that_comes_too_late():
    run = MemoryRun(plan(step("w", "wait", config={"event": "paid", "expires": 5_000, "on_expiry": "fail"}))).drive()
    assert reasons(run.state, START + 4_999)[0].command == "headgate signal paid --run R"
    (reason,) = reasons(run.state, START + 5_000)
    assert (reason.kind, reason.object, reason.command) == ("event", "w", "headgate drive R")


def test_templates_see_the_trigger_the_run_and_the_steps_so_far():
    run = MemoryRun(
        plan(step("a", "set", config={"x": 1}), step("b", "noop", "a")),
        None,
        {"n": 1},
        trigger={"name": "shop", "kind": "webhook", "payload": {"body": {"id": 7}, "headers": {"h": "1"}}},
    )
    run.drive()
    names = scope(run.state, "b")
    assert dict(names["run"]) == {"id": "R", "workflow": "w", "version": None, "started_at": "2027-01-15T08:00:00.000Z"}
    assert dict(names["trigger"]) == {
        "body": {"id": 7},
        "headers": {"h": "1"},
        "query": {},
        "at": "2027-01-15T08:00:00.000Z",
        "name": "shop",
    }
    assert sorted(names["steps"]) == ["a", "b"]
    assert dict(names["steps"]["a"]) == {"result": {"x": 1}, "input": {"x": 1}, "status": "completed", "error": None}
