"""The status model's tables, tested from themselves: every cell that is there and every one that is not."""

from __future__ import annotations

import pytest
from memory_runs import START, MemoryRun, error, gate, human, plan, step

from headgate.plan import JsonObject, Retry
from headgate.runtime.acts import (
    ALLOWED,
    REFUSALS,
    RUN_ACTS,
    STEP_ACTS,
    STEP_REFUSALS,
    Cell,
    RefusalCode,
    Row,
    RunAct,
    StepAct,
)
from headgate.runtime.commands import Record
from headgate.runtime.decider import Accepted, NoOp, Refusal, Request, derive, judge
from headgate.runtime.errors import DamagedLog
from headgate.runtime.events import EventType
from headgate.runtime.failure_codes import FAILURE_CODES
from headgate.runtime.judging import rows
from headgate.runtime.state import error_json
from headgate.runtime.status import (
    EDGES,
    HOLD_RULES,
    RUN_STATUSES,
    RUN_TRANSITIONS,
    STEP_ENDS,
    STEP_STATUSES,
    STEP_TRANSITIONS,
    TERMINAL_PHASES,
    Ended,
    HoldReason,
    Phase,
    RunStatus,
    StepStatus,
)
from headgate.runtime.status_of import is_overdue

TWO = plan(step("a"), step("b", "noop", "a"))


def held_at(reason: str, where: str | None = None, **named: str) -> MemoryRun:
    run = MemoryRun(TWO)
    run.drive()
    run.append(Record(EventType.HOLD_OPENED, {"hold": reason, **named}, where))
    return run


def reauth() -> MemoryRun:
    return held_at("reauth", "b", connection="slack")


def reconnected() -> MemoryRun:
    run = reauth()
    run.append(Record(EventType.HOLD_CURED, {"hold": "reauth", "connection": "slack"}, "b"))
    return run


def running() -> MemoryRun:
    run = MemoryRun(TWO)
    run.drive()
    return run


def cancelling() -> MemoryRun:
    run = running()
    run.ask("cancel")
    return run


def draining() -> MemoryRun:
    run = running()
    run.ask("stop", graceful=True)
    return run


def cancelled() -> MemoryRun:
    run = MemoryRun(plan(human("a"))).drive()
    run.ask("cancel")
    return run


def skipped() -> MemoryRun:
    run = MemoryRun(TWO)
    run.append(Record(EventType.RUN_SKIPPED, {"reason": "missed"}))
    return run


def in_doubt() -> MemoryRun:
    run = MemoryRun(plan(step("a", in_doubt="hold"), step("b", "noop", "a")))
    run.drive()
    run.crash()
    return run.drive()


STANDING = {
    Row.WAITING_TO_START: [lambda: MemoryRun(TWO, due_at=START + 5), lambda: MemoryRun(TWO)],
    Row.GOING: [running, lambda: MemoryRun(plan(human("a"))).drive(), lambda: held_at("interrupted")],
    Row.PAUSED_OPERATOR: [lambda: held_at("operator")],
    Row.PAUSED_REAUTH: [reauth],
    Row.PAUSED_STEP: [
        lambda: MemoryRun(plan(step("a"), on_failure="pause"), {"a": error()}).drive(),
        in_doubt,
        lambda: held_at("credits"),
    ],
    Row.HELD_BACK: [lambda: held_at("throughput")],
    Row.CAPPED: [lambda: held_at("spend_cap")],
    Row.DRAINING: [draining],
    Row.CANCELLING: [cancelling],
    Row.FAILED: [lambda: MemoryRun(plan(step("a")), {"a": error()}).drive()],
    Row.CANCELLED: [cancelled],
    Row.COMPLETED: [lambda: MemoryRun(plan(step("a")), {}).drive()],
    Row.SKIPPED: [skipped],
}
VERBS = {
    RunAct.PAUSE: "pause",
    RunAct.RESUME: "resume",
    RunAct.CANCEL: "cancel",
    RunAct.REDRIVE: "redrive",
    RunAct.REPLAY: "replay",
    RunAct.FORK: "fork",
}


@pytest.mark.parametrize("act", VERBS)
@pytest.mark.parametrize("row", Row)
def test_every_cell_of_the_table_of_acts_is_what_judge_says(row: Row, act: RunAct) -> None:
    for standing in STANDING[row]:
        run = standing()
        assert rows(run.state) == (row,)
        events = len(run.events)
        verdict = run.ask(VERBS[act]) if row is not Row.WAITING_TO_START else judged(run, VERBS[act])
        cell = RUN_ACTS[row][act]
        if cell is Cell.YES:
            assert isinstance(verdict, Accepted)
        elif cell is Cell.NO_OP:
            assert isinstance(verdict, NoOp)
        else:
            assert isinstance(verdict, Refusal)
            assert verdict.code is (RefusalCode.HOLD_REMAINS if cell is Cell.AFTER_RECONNECT else cell)
            assert "\n" not in verdict.message
            assert run.state.run_id in verdict.message
        if not isinstance(verdict, Accepted):
            assert len(run.events) == events


def test_after_reconnect_a_run_that_waited_for_it_may_be_resumed() -> None:
    assert RUN_ACTS[Row.PAUSED_REAUTH][RunAct.RESUME] is Cell.AFTER_RECONNECT
    refused = reauth().ask("resume")
    assert isinstance(refused, Refusal)
    assert "`headgate reconnect slack` first, then `headgate resume " in refused.message
    run = reconnected()
    assert rows(run.state) == (Row.PAUSED_REAUTH,)
    assert isinstance(run.ask("resume"), Accepted)
    assert not run.state.holds
    assert isinstance(held_at("reauth", "b").ask("resume"), Accepted), "one that names no connection is anybody's"


def judged(run: MemoryRun, verb: str):
    """What judge says, without deciding first: the run would start, or has no events for where it stands."""
    return judge(run.state, Request(verb, "ann"), run.now)


def test_a_refusal_names_what_is_allowed_instead():
    failed = STANDING[Row.FAILED][0]()
    refused = failed.ask("resume")
    assert "`redrive`" in refused.message
    assert "`replay`" in refused.message
    held = STANDING[Row.PAUSED_STEP][0]()
    assert "headgate retry R a" in held.ask("resume").message
    assert set(ALLOWED) == set(Row)
    assert set(REFUSALS) == set(RefusalCode)
    assert set(RUN_ACTS) == set(Row)
    assert all(set(cells) == set(RunAct) for cells in RUN_ACTS.values())


def test_with_several_holds_an_act_is_allowed_when_any_row_allows_it_and_the_rest_is_named():
    run = MemoryRun(plan(step("a"), on_failure="pause"), {"a": error()}).drive()
    assert isinstance(run.ask("pause"), Accepted)
    assert derive(run.state) == ("paused", "step_failed: a, operator")
    answer = run.ask("resume")
    assert isinstance(answer, Accepted)
    assert "still held (step_failed: a): `headgate retry R a`" in answer.answer


# A step in every status, and the acts on it


def at_status(status: StepStatus) -> MemoryRun:
    """A run whose step `x` stands in `status`, with every other step out of the way."""
    if status is StepStatus.PENDING:
        return started(plan(step("w"), step("x", "noop", "w")))
    if status is StepStatus.RUNNING:
        return started(plan(step("x")))
    if status is StepStatus.WAITING:
        return started(plan(human("x")))
    if status is StepStatus.HELD:
        run = started(plan(step("x", in_doubt="hold")))
        run.crash()
        return run.drive()
    if status in (StepStatus.READY, StepStatus.INTERRUPTED):
        run = started(
            plan(step("w"), step("x", "noop") if status is StepStatus.INTERRUPTED else step("x", "noop", "w"))
        )
        if status is StepStatus.INTERRUPTED:
            run.crash()
        run.append(Record(EventType.HOLD_OPENED, {"hold": "operator"}))
        if status is StepStatus.READY:
            run.end("w", 1, {})
        return run.drive()
    return ended_at(status)


def ended_at(status: StepStatus) -> MemoryRun:
    def world(path, attempt, shown):
        return (
            {}
            if path in ("x", "w") and status is StepStatus.COMPLETED
            else error("transient" if transient else "permanent")
        )

    transient = status is StepStatus.RETRYING
    policy = "continue" if status is StepStatus.BLOCKED else "pause"
    first = step("w", retry=Retry(2, (1000,)))
    middle = step(
        "x",
        "noop",
        *(["w"] if status is StepStatus.BLOCKED else []),
        retry=Retry(2, (1000,)),
        enabled=status is not StepStatus.SKIPPED,
    )
    steps = [first, middle] if status is StepStatus.BLOCKED else [middle]
    run = MemoryRun(plan(*steps, human("last"), on_failure=policy), world).drive()
    if status is StepStatus.CANCELLED:
        run = started(plan(step("x")))
        run.ask("cancel")
        run.attempt_cancelled("x", 1)
        run.drive()
    return run


def started(made) -> MemoryRun:
    run = MemoryRun(made)
    run.drive()
    return run


@pytest.mark.parametrize("act", StepAct)
@pytest.mark.parametrize("status", StepStatus)
def test_every_act_on_a_step_is_allowed_where_the_table_says_and_refused_elsewhere(
    status: StepStatus, act: StepAct
) -> None:
    run = at_status(status)
    assert run["x"].status is status
    verdict = run.ask(act.value, "x", reason="why", **({"done": True} if act is StepAct.CONFIRM else {}))
    if status in STEP_ACTS[act]:
        assert isinstance(verdict, Accepted), verdict
        assert run["x"].status is not StepStatus.FAILED or act is StepAct.RETRY
    else:
        assert isinstance(verdict, Refusal)
        expected = {STEP_REFUSALS[act], RefusalCode.ALREADY_COMPLETED, RefusalCode.TERMINAL}
        assert verdict.code in expected
        assert "`x`" in verdict.message or "run R" in verdict.message


# The transitions themselves


def data_for(kind: EventType, run: MemoryRun) -> JsonObject:
    facts: dict[EventType, JsonObject] = {
        EventType.STEP_SKIPPED: {"detail": "operator"},
        EventType.STEP_FAILED: {"error": error_data(), "then": "pause"},
        EventType.ATTEMPT_FAILED: {"attempt": 1, "error": error_data()},
        EventType.ATTEMPT_SUCCEEDED: {"attempt": 1, "result": {}},
        EventType.ATTEMPT_LOST: {"attempt": 1},
        EventType.ATTEMPT_CANCELLED: {"attempt": 1},
        EventType.STEP_DISPATCHED: {"attempt": 1, "input": {}},
        EventType.STEP_RETRYING: {"attempt": 2, "at": START},
        EventType.STEP_HELD: {"hold": "in_doubt"},
        EventType.STEP_WAITING: {"for": "timer", "until": START},
        EventType.STEP_STARVED: {"on": "w"},
        EventType.LOOP_STARTED: {"items": []},
        EventType.ROUND_TESTED: {"iteration": 0},
        EventType.STEP_CONFIRMED: {"done": True},
        EventType.TIMER_FIRED: {"timer": "retry:x"},
        EventType.CHILD_ENDED: {"run": "c", "status": "completed"},
        EventType.ATTEMPT_PARKED: {"attempt": 1, "until": START, "token": "sha256:0"},
        EventType.CALLBACK_RECEIVED: {"attempt": 1, "token": "sha256:0", "result": {}},
        EventType.SIGNAL_RECEIVED: {"signal": "s", "event": "e", "payload": {}},
        EventType.APPROVAL_REQUESTED: {
            "task": "T",
            "kind": "approval",
            "expires": 1,
            "expires_at": 1,
            "on_expiry": "deny",
        },
        EventType.APPROVAL_DECIDED: {"task": run["x"].approval or "T", "decision": "approved", "by": "ann"},
        EventType.APPROVAL_EXPIRED: {"task": run["x"].approval or "T", "policy": "deny"},
        EventType.APPROVAL_CANCELLED: {"task": run["x"].approval or "T"},
        EventType.APPROVAL_OUTDATED: {"task": "T"},
    }
    return facts.get(kind, {})


def error_data() -> JsonObject:
    return error_json(error())


STEP_EVENTS = [
    kind
    for kind in EventType
    if any(kind in row for row in STEP_TRANSITIONS.values()) and kind is not EventType.HOLD_RELEASED
]


@pytest.mark.parametrize("kind", STEP_EVENTS)
@pytest.mark.parametrize("status", StepStatus)
def test_an_event_that_the_table_does_not_allow_is_a_damaged_log(status: StepStatus, kind: EventType) -> None:
    run = at_status(status)
    if kind in STEP_TRANSITIONS[status]:
        return
    with pytest.raises(DamagedLog, match="illegal"):
        run.append(Record(kind, data_for(kind, run), "x"))


LEGAL = {
    (StepStatus.PENDING, EventType.STEP_SKIPPED),
    (StepStatus.PENDING, EventType.STEP_BLOCKED),
    (StepStatus.PENDING, EventType.STEP_CANCELLED),
    (StepStatus.READY, EventType.STEP_DISPATCHED),
    (StepStatus.READY, EventType.APPROVAL_REQUESTED),
    (StepStatus.READY, EventType.STEP_STARVED),
    (StepStatus.RUNNING, EventType.ATTEMPT_SUCCEEDED),
    (StepStatus.RUNNING, EventType.ATTEMPT_FAILED),
    (StepStatus.RUNNING, EventType.ATTEMPT_LOST),
    (StepStatus.RUNNING, EventType.STEP_FAILED),
    (StepStatus.RUNNING, EventType.STEP_CANCELLED),
    (StepStatus.RETRYING, EventType.TIMER_FIRED),
    (StepStatus.RETRYING, EventType.STEP_RETRIED),
    (StepStatus.WAITING, EventType.APPROVAL_DECIDED),
    (StepStatus.WAITING, EventType.APPROVAL_EXPIRED),
    (StepStatus.WAITING, EventType.STEP_CANCELLED),
    (StepStatus.HELD, EventType.STEP_CONFIRMED),
    (StepStatus.HELD, EventType.STEP_SKIPPED),
    (StepStatus.INTERRUPTED, EventType.STEP_DISPATCHED),
    (StepStatus.FAILED, EventType.STEP_RETRIED),
    (StepStatus.FAILED, EventType.STEP_SKIPPED),
    (StepStatus.RUNNING, EventType.ATTEMPT_PARKED),
    *((status, EventType.CALLBACK_RECEIVED) for status in StepStatus),
    *((end, EventType.ATTEMPT_SUCCEEDED) for end in STEP_ENDS),
}


@pytest.mark.parametrize(("status", "kind"), sorted(LEGAL))
def test_an_event_that_the_table_allows_leads_where_it_says(status: StepStatus, kind: EventType) -> None:
    run = at_status(status)
    if run.phase in TERMINAL_PHASES:
        pytest.skip("nothing is appended to an ended run")
    run.append(Record(kind, data_for(kind, run), "x"))
    assert run["x"].status in STEP_TRANSITIONS[status][kind]


def test_a_step_never_returns_to_pending_or_leaves_its_end_but_for_a_person():
    for status, row in STEP_TRANSITIONS.items():
        for kind, targets in row.items():
            assert StepStatus.PENDING not in targets or status is StepStatus.PENDING
            if status in STEP_ENDS and targets != {status}:
                assert status is StepStatus.FAILED
                assert kind in (EventType.STEP_RETRIED, EventType.STEP_SKIPPED)


@pytest.mark.parametrize("phase", [None, *Phase])
def test_a_runs_phases_change_only_as_the_table_says(phase: Phase | None) -> None:
    kinds = {kind for row in RUN_TRANSITIONS.values() for kind in row}
    facts: JsonObject = {"reason": "r", "code": "c", "outcome": "clean", "epoch": 1, "steps": [], "workflow": "w"}
    for kind in kinds - set(RUN_TRANSITIONS[phase]):
        run = MemoryRun(TWO)
        run.drive()
        run.state.phase = phase or run.state.phase
        if phase is None:
            run.state.seq = 0
        with pytest.raises(DamagedLog, match=r"illegal|not fit"):
            run.append(Record(kind, facts))


def test_an_ended_run_changes_only_by_a_redrive():
    for phase in TERMINAL_PHASES:
        assert set(RUN_TRANSITIONS[phase]) <= {EventType.RUN_REDRIVEN}
    assert EventType.RUN_REDRIVEN not in RUN_TRANSITIONS[Phase.COMPLETED]


# What is derived and shown


def test_every_status_hold_and_code_has_its_facts():
    assert set(RUN_STATUSES) == set(RunStatus)
    assert set(STEP_STATUSES) == set(StepStatus)
    assert set(HOLD_RULES) == set(HoldReason)
    assert set(EDGES) == set(Ended)
    assert {facts.colour for facts in (RUN_STATUSES[RunStatus.WAITING], STEP_STATUSES[StepStatus.WAITING])} == {"blue"}
    assert (RUN_STATUSES[RunStatus.PAUSED].colour, RUN_STATUSES[RunStatus.FAILED].colour) == ("yellow", "red")
    marks = [(facts.mark, facts.colour) for facts in RUN_STATUSES.values()]
    shown = {
        RunStatus.SCHEDULED,
        RunStatus.RUNNING,
        RunStatus.WAITING,
        RunStatus.PAUSED,
        RunStatus.COMPLETED,
        RunStatus.FAILED,
        RunStatus.CANCELLED,
    }
    assert len({RUN_STATUSES[status].mark for status in shown}) == len(shown)
    assert all(mark for mark, _ in marks)
    assert all(facts.terminal == (status in STEP_ENDS) for status, facts in STEP_STATUSES.items())
    assert all(
        facts.terminal == (status in {phase.value for phase in TERMINAL_PHASES})
        for status, facts in RUN_STATUSES.items()
    )
    assert all(facts.meaning and facts.remedy for facts in FAILURE_CODES.values())
    assert len(FAILURE_CODES) == 23


def test_every_hold_has_a_release_rule():
    assert all(rule.command or rule.event for rule in HOLD_RULES.values())


def test_overdue_is_derived_and_never_stored():
    run = MemoryRun(TWO, due_at=START + 1_000)
    assert not is_overdue(derive(run.state).status, run.state.due_at, START)
    assert is_overdue(derive(run.state).status, run.state.due_at, START + 1_001)
    run.ask("pause")
    assert not is_overdue(derive(run.state).status, run.state.due_at, START + 1_001)


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: MemoryRun(TWO, due_at=START + 1_000), ("scheduled", "2027-01-15T08:00:01.000Z")),
        (lambda: MemoryRun(TWO), ("queued", None)),
        (running, ("running", "a")),
        (lambda: held_at("interrupted"), ("interrupted", "resumes by itself when a worker is back")),
        (reauth, ("paused", "reauth: slack")),
        (cancelling, ("cancelling", "2027-01-15T08:00:05.000Z")),
        (draining, ("draining", "2027-01-15T08:05:00.000Z")),
        (skipped, ("skipped", "missed")),
        (cancelled, ("cancelled", None)),
        (lambda: MemoryRun(plan(step("a")), {}).drive(), ("completed", "clean")),
        (
            lambda: MemoryRun(plan(step("p", gates=(gate(),)), step("d", "delay", config={"for": 5}))).drive(),
            ("waiting", "approval, timer"),
        ),
    ],
)
def test_the_derived_status_is_the_first_row_that_matches(make, expected):
    assert derive(make().state) == expected


# An end that comes too late


LATE: dict[EventType, JsonObject] = {
    EventType.ATTEMPT_SUCCEEDED: {"attempt": 0, "result": {"late": True}},
    EventType.ATTEMPT_FAILED: {"attempt": 0, "error": error_data()},
    EventType.ATTEMPT_CANCELLED: {"attempt": 0},
}
LATE_CELLS = [
    (status, kind) for status, row in STEP_TRANSITIONS.items() for kind in row if kind in LATE and status in row[kind]
]


@pytest.mark.parametrize(("status", "kind"), LATE_CELLS)
def test_an_end_that_comes_after_the_attempt_was_given_up_is_recorded_and_changes_nothing(
    status: StepStatus, kind: EventType
) -> None:
    run = at_status(status)
    before = run["x"]
    was = (before.status, before.detail, before.result, before.error, before.attempts, dict(run.state.in_flight))
    run.append(Record(kind, LATE[kind], "x"))
    after = run["x"]
    assert (after.status, after.detail, after.result, after.error, after.attempts, dict(run.state.in_flight)) == was
    assert run.events[-1].type is kind


def test_an_interrupted_step_is_skipped_or_cancelled() -> None:
    for verb, ends in (("force_advance", "skipped forced"), ("cancel", "cancelled")):
        run = at_status(StepStatus.INTERRUPTED)
        run.ask(verb, "x", reason="why")
        assert run.statuses["x"] == ends
    failing = MemoryRun(plan(step("x"), step("bad")))
    failing.drive()
    failing.append(Record(EventType.HOLD_OPENED, {"hold": "interrupted"}))
    failing.append(Record(EventType.ATTEMPT_LOST, {"attempt": 1}, "x"))
    failing.drive()
    assert failing.statuses["x"] == "interrupted"
    failing.end("bad", 1, error())
    failing.drive()
    failing.append(Record(EventType.HOLD_RELEASED, {"hold": "interrupted"}))
    failing.drive()
    assert (failing.phase, failing.statuses["x"]) == ("failed", "cancelled")


def test_a_checked_result_goes_on_to_the_review_or_fails_the_step() -> None:
    checked = {"type": "object", "required": ["at"]}
    run = started(plan(step("x", "delay", config={"for": 5}, result=checked, gates=(gate("after", "review"),)))).wait()
    assert run.statuses["x"] == "waiting review"
    assert run.types[-2:] == ["step_checked", "approval_requested"]
    broken = started(plan(step("x", "delay", config={"for": 5}, result={"type": "array"}))).wait()
    assert (broken.phase, broken.state.failure_code, broken["x"].has_result) == ("failed", "RESULT_INVALID", False)


def test_a_step_between_attempts_is_retried_now_or_skipped_and_a_held_one_is_skipped() -> None:
    run = at_status(StepStatus.RETRYING)
    run.world = lambda *_: {}
    run.ask("retry", "x")
    assert (run.statuses["x"], run["x"].attempts, run.state.timers.get("retry:x")) == ("completed", 2, None)
    for status in (StepStatus.RETRYING, StepStatus.HELD):
        run = at_status(status)
        run.ask("skip", "x")
        assert run.statuses["x"] == "skipped operator"
        assert run.state.holds == {}
