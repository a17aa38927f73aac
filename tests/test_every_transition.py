"""Every cell of the tables of transitions is reached: by the scenarios here, or in a kept history."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

import golden
import pytest
from memory_runs import START, MemoryRun, error, gate, plan, step
from test_histories_replay import BY_HAND, DRAWN, refund

from headgate.plan import JsonObject, Plan, Retry
from headgate.runtime.codec import decode
from headgate.runtime.commands import Prepare, Record
from headgate.runtime.decider import Accepted, evolve, new
from headgate.runtime.events import Event, EventType
from headgate.runtime.forking import fork
from headgate.runtime.state import RunState
from headgate.runtime.status import RUN_TRANSITIONS, STEP_TRANSITIONS, HoldReason, Phase, StepStatus
from headgate.runtime.weighing import held_for, opening

Cell: TypeAlias = "tuple[StepStatus, EventType, StepStatus]"
S: Final = StepStatus
E: Final = EventType

# What was evaluated once comes out the same again, but perhaps not in another build; a run goes on there all the same.
REASON = "only another build evaluates the templates of a step that was dispatched to something else"
NOT_IN_ONE_BUILD: Final[dict[Cell, str]] = {
    (S.INTERRUPTED, E.ATTEMPT_FAILED, S.RUNNING): REASON,
    (S.INTERRUPTED, E.APPROVAL_OUTDATED, S.INTERRUPTED): REASON,
    (S.INTERRUPTED, E.APPROVAL_REQUESTED, S.WAITING): REASON,
}


def cells_of(made: Plan, events: list[Event]) -> Iterator[Cell]:
    """The cells that a history comes by. A release of a hold is the run's event, and may move its step."""
    state: RunState = new("R", made)
    for event in events:
        step_before = state.steps.get(event.step or "")
        before = None if step_before is None else step_before.status
        evolve(state, event)
        if before is None or event.step not in state.steps:
            continue
        after = state.steps[event.step].status
        if event.type not in (E.HOLD_OPENED, E.HOLD_CURED, E.HOLD_RELEASED) or after is not before:
            yield before, event.type, after


# An attempt that was given up, and whose step stands in each status now

ASKED: Final[JsonObject] = {"kind": "approval", "title": "sure?", "assignees": [], "expires": 9_000_000}


def given_up(kind: str, **given: object) -> MemoryRun:
    """A run that was cancelled past an attempt of `x` that did not heed it, and is redriven from `w` on."""
    each = step("x", kind, "w", retry=Retry(2, (1_000,)), config={"agent": "a"}, **given)
    run = MemoryRun(plan(step("w", on_failure="continue"), each, step("last", "human", config=ASKED))).drive()
    run.end("w", 1, {})
    run.drive()
    run.ask("cancel")
    run.wait()
    assert (run.phase, run.statuses["x"]) == ("cancelled", "cancelled")
    assert isinstance(run.ask("redrive", "w", yes=True), Accepted)
    return run


def going(kind: str, **given: object) -> MemoryRun:
    """The same, with its second attempt out."""
    run = given_up(kind, **given)
    run.end("w", 2, {})
    return run.drive()


def pending(kind: str) -> MemoryRun:
    return given_up(kind)


def ready(kind: str) -> MemoryRun:
    run = given_up(kind)
    run.ask("pause")
    run.end("w", 2, {})
    return run.drive()


def blocked(kind: str) -> MemoryRun:
    run = given_up(kind)
    run.end("w", 2, error())
    return run.drive()


def ended_with(outcome: object, **given: object) -> Callable[[str], MemoryRun]:
    def make(kind: str) -> MemoryRun:
        run = going(kind, **given)
        run.end("x", 2, outcome)  # type: ignore[arg-type]
        return run.drive()

    return make


def interrupted(kind: str) -> MemoryRun:
    run = going(kind)
    run.ask("pause")
    run.append(Record(E.ATTEMPT_LOST, {"attempt": 2}, "x"))
    return run.drive()


def skipped(kind: str) -> MemoryRun:
    run = going(kind)
    run.ask("force_advance", "x", reason="why")
    return run


def cancelled(kind: str) -> MemoryRun:
    """An item of a loop that was forced past, while its attempt is out."""
    each = {"over": "{{ inputs.n }}", "as": "n", "limit": 9, "concurrency": 1, "on_item_failure": "fail"}
    body = [step("x", kind, config={"agent": "a"})]
    made = plan(step("all", "each", config=each, body=body), step("last", "human", config=ASKED))
    run = MemoryRun(made, inputs={"n": [1]}).drive()
    run.ask("force_advance", "all", reason="why")
    return run


GIVEN_UP: Final[dict[StepStatus, Callable[[str], MemoryRun]]] = {
    S.PENDING: pending,
    S.READY: ready,
    S.RUNNING: going,
    S.RETRYING: ended_with(error("transient")),
    S.WAITING: ended_with({}, gates=(gate("after", "review"),)),
    S.HELD: ended_with(error("auth", detail={"connection": "slack"})),
    S.INTERRUPTED: interrupted,
    S.COMPLETED: ended_with({}),
    S.FAILED: ended_with(error(), on_failure="pause"),
    S.SKIPPED: skipped,
    S.BLOCKED: blocked,
    S.CANCELLED: cancelled,
}
LATE: Final[dict[EventType, tuple[str, JsonObject]]] = {
    E.ATTEMPT_SUCCEEDED: ("mcp", {"attempt": 1, "result": {"late": True}}),
    E.ATTEMPT_FAILED: ("mcp", {"attempt": 1, "error": {"code": "X", "message": "late", "class": "permanent"}}),
    E.ATTEMPT_CANCELLED: ("mcp", {"attempt": 1}),
    E.ATTEMPT_PARKED: ("mcp", {"attempt": 1, "until": None, "token": "sha256:1"}),
    E.AGENT_ANSWERED: ("agent", {"attempt": 1, "round": 1, "text": "late", "result": {}}),
    E.TOOL_RETURNED: ("agent", {"attempt": 1, "round": 1, "call": "c1", "tool": "a.look", "result": {}}),
    E.CALLBACK_RECEIVED: ("mcp", {"attempt": 1, "token": "sha256:late", "result": {"late": True}}),
}


def late(status: StepStatus, kind: EventType) -> MemoryRun:
    performer, facts = LATE[kind]
    run = GIVEN_UP[status](performer)
    path = "x" if "x" in run.state.steps else "all.0.x"
    each = run[path]
    assert each.status is status
    before = (each.detail, each.has_result, each.result, each.error, each.attempts, dict(run.state.in_flight))
    if kind is E.CALLBACK_RECEIVED:
        assert isinstance(run.ask("callback", path, expires_at=None, **facts), Accepted)
    else:
        run.append(Record(kind, facts, path))
        run.drive()
    assert each.status is status
    assert (each.detail, each.has_result, each.result, each.error, each.attempts, dict(run.state.in_flight)) == before
    return run


@pytest.mark.parametrize("kind", LATE)
@pytest.mark.parametrize("status", StepStatus)
def test_what_an_attempt_that_was_given_up_still_brings_is_recorded_and_changes_nothing(
    status: StepStatus, kind: EventType
) -> None:
    assert late(status, kind).phase == "active"


# What else may happen to a step


class Refused(MemoryRun):
    """Its connection is refused from the attempt `since` on, as the driver finds before the call is made."""

    def __init__(self, made: Plan, since: int) -> None:
        self.since = since
        super().__init__(made)

    def _prepared(self, command: Prepare) -> Record:
        record = super()._prepared(command)
        refused = record.type is E.STEP_DISPATCHED and record.data["attempt"] >= self.since
        return held_for("x", HoldReason.REAUTH, "slack") if refused else record

    def append(self, record: Record, request_id: str | None = None) -> None:
        super().append(record, request_id)
        if record.type is E.STEP_HELD:
            super().append(opening(record))


def refused_before_the_call() -> MemoryRun:
    run = Refused(plan(step("x", "mcp")), since=1)
    run.drive()
    assert run.statuses["x"] == "held reauth"
    run.ask("reconnected", connection="slack", actor="system")
    run.since = 9
    run.ask("resume")
    assert run.statuses["x"] == "running"
    return run


def refused_after_a_loss() -> MemoryRun:
    run = Refused(plan(step("x", "mcp")), since=2)
    run.drive()
    run.crash()
    run.drive()
    assert run.statuses["x"] == "held reauth"
    return run


def an_interrupted_one_is_forced() -> MemoryRun:
    run = interrupted("mcp")
    run.ask("force_advance", "x", reason="why")
    assert run.statuses["x"] == "skipped forced"
    return run


def an_interrupted_one_is_cancelled() -> MemoryRun:
    run = interrupted("mcp")
    run.ask("cancel")
    assert run.statuses["x"] == "cancelled"
    return run


def skipped_between_attempts() -> MemoryRun:
    run = GIVEN_UP[S.RETRYING]("mcp")
    run.ask("skip", "x")
    assert run.statuses["x"] == "skipped operator"
    return run


def called_back(status: StepStatus, **outcome: object) -> Callable[[], MemoryRun]:
    def make() -> MemoryRun:
        run = MemoryRun(plan(step("x", "mcp", in_doubt="hold"), on_failure="pause")).drive()
        if status is S.HELD:
            run.crash()
            run.drive()
        elif status is S.WAITING:
            run.append(Record(E.ATTEMPT_PARKED, {"attempt": 1, "until": None, "token": "sha256:1"}, "x"))
        assert run["x"].status is status
        run.ask("callback", "x", attempt=1, token="sha256:1", expires_at=None, **outcome)
        assert run.statuses["x"] == ("failed" if "error" in outcome else "completed")
        return run

    return make


def confirmed_for_an_outside_agent() -> MemoryRun:
    run = MemoryRun(plan(step("x", "agent", in_doubt="hold", config={"agent": "a"})))
    run.append(Record(E.RUN_STARTING, {}))
    run.append(Record(E.RUN_ACTIVATED, {}))
    run.append(Record(E.STEP_DISPATCHED, {"attempt": 1, "input": {}, "outside": True}, "x"))
    run.crash()
    run.drive()
    run.ask("confirm", "x", done=True)
    assert run.statuses["x"] == "waiting callback"
    return run


def forked() -> MemoryRun:
    """Steps that stand in another order than they run: what is kept of them is not ready yet."""
    made = plan(step("c", "mcp", "b"), step("s", "mcp", "a"), step("b", "mcp", "a"), step("a", "mcp"))
    source = MemoryRun(made, on_s).drive()
    source.ask("skip", "s")
    kept = fork(source.state, "c")
    run = MemoryRun(made, source="R", fork={"from": "c", "kept": {**kept.kept}, "approved": {**kept.approved}})
    run.drive()
    assert run.statuses == {"c": "running", "s": "skipped operator", "b": "completed kept", "a": "completed kept"}
    return run


def on_s(path: str, _attempt: int, _given: object) -> object:
    return error("auth", detail={"connection": "slack"}) if path == "s" else {}


def kept_in_order() -> MemoryRun:
    made = plan(step("a", "mcp"), step("s", "mcp", "a"), step("c", "mcp", "s"))
    source = MemoryRun(made, on_s).drive()
    source.ask("skip", "s")
    kept = fork(source.state, "c")
    run = MemoryRun(made, source="R", fork={"from": "c", "kept": {**kept.kept}, "approved": {**kept.approved}})
    run.drive()
    assert run.statuses == {"a": "completed kept", "s": "skipped operator", "c": "running"}
    return run


def in_doubt(ends: str, verb: str, **args: object) -> Callable[[], MemoryRun]:
    def make() -> MemoryRun:
        run = MemoryRun(plan(step("x", "mcp", in_doubt="hold"))).drive()
        run.crash()
        run.drive()
        run.ask(verb, "x", **args)
        assert run.statuses["x"] == ends
        return run

    return make


def told(made: Plan, ends: str, *acts: tuple[str, str], turns: int = 0, **given: object) -> Callable[[], MemoryRun]:
    """`made` is driven, the clock turned to its next timer so often, and asked each act; `x` ends so."""

    def make() -> MemoryRun:
        run = MemoryRun(made, lambda path, *_: error() if path == "bad" else {}, **given).drive()  # type: ignore[arg-type]
        for _ in range(turns):
            run.wait()
        for verb, path in acts:
            assert isinstance(run.ask(verb, path), Accepted)
        assert run.statuses["x"] == ends
        return run

    return make


def a_child_completes() -> MemoryRun:
    run = MemoryRun(plan(step("x", "call", config={"workflow": "other", "inputs": {}}))).drive()
    run.child_ended("x", "completed", {"n": 1})
    assert (run.statuses["x"], run["x"].result) == ("completed", {"n": 1})
    return run


def an_agent_goes_on_while_its_run_drains() -> MemoryRun:
    run = MemoryRun(plan(step("x", "agent", config={"agent": "a"}))).drive()
    call = {"id": "c1", "name": "look", "tool": "a.look", "arguments": {}, "in_doubt": "retry"}
    run.append(Record(E.AGENT_ANSWERED, {"attempt": 1, "round": 1, "text": "", "calls": [call]}, "x"))
    run.drive()
    run.ask("stop", graceful=True)
    run.append(Record(E.TOOL_RETURNED, {"attempt": 1, "round": 1, "call": "c1", "tool": "a.look", "result": 1}, "x"))
    run.drive()
    assert (run.types[-1], run.statuses["x"]) == ("agent_asked", "running")
    return run


TWICE: Final = (gate("after", "review", on_expiry="proceed"), gate("after", "review", on_expiry="proceed"))
STARVED: Final = step("x", "set", "finished bad", config={"n": "{{ steps.bad.result.n }}"})
LOOP: Final[JsonObject] = {"over": "{{ inputs.n }}", "as": "n", "limit": 9, "concurrency": 1, "on_item_failure": "fail"}
PROCEEDING: Final[JsonObject] = {**ASKED, "on_expiry": "proceed"}

BROKEN: Final[JsonObject] = {"code": "UPSTREAM_ERROR", "message": "no", "class": "permanent"}
SCENARIOS: Final[dict[str, Callable[[], MemoryRun]]] = {
    "refused before the call": refused_before_the_call,
    "refused after a loss": refused_after_a_loss,
    "interrupted, then forced": an_interrupted_one_is_forced,
    "interrupted, then cancelled": an_interrupted_one_is_cancelled,
    "skipped between attempts": skipped_between_attempts,
    "called back at once": called_back(S.RUNNING, result={}),
    "called back at once with an error": called_back(S.RUNNING, error=BROKEN),
    "called back": called_back(S.WAITING, result={}),
    "called back with an error": called_back(S.WAITING, error=BROKEN),
    "called back in doubt": called_back(S.HELD, result={}),
    "called back in doubt with an error": called_back(S.HELD, error=BROKEN),
    "an outside agent has its task": confirmed_for_an_outside_agent,
    "forked": forked,
    "forked, in order": kept_in_order,
    "in doubt, and it did not happen": in_doubt("running", "confirm", done=False),
    "in doubt, then skipped": in_doubt("skipped operator", "skip"),
    "in doubt, then cancelled": in_doubt("cancelled", "cancel"),
    "a review of a set": told(plan(step("x", "set", gates=(gate("after", "review"),))), "waiting review"),
    "starved by a failure": told(plan(step("bad"), STARVED, on_failure="continue"), "blocked"),
    "a review of a loop": told(
        plan(step("x", "each", config=LOOP, body=[step("y", "set")], gates=(gate("after", "review"),))),
        "waiting review",
        inputs={"n": [1]},
    ),
    "a review of what was checked": told(
        plan(step("x", "delay", config={"for": 5}, result={"type": "object"}, gates=(gate("after", "review"),))),
        "waiting review",
        turns=1,
    ),
    "two reviews": told(plan(step("x", gates=TWICE)), "completed", ("approve", "x"), ("approve", "x")),
    "two reviews that expire": told(plan(step("x", gates=TWICE)), "completed", turns=2),
    "a rejected review": told(plan(step("x", gates=TWICE)), "failed", ("deny", "x")),
    "a question that expires to proceed": told(plan(step("x", "human", config=PROCEEDING)), "completed", turns=1),
    "a gate that expires to proceed": told(plan(step("x", gates=(gate(on_expiry="proceed"),))), "completed", turns=1),
    "a child completes": a_child_completes,
    "a delay is skipped": told(plan(step("x", "delay", config={"for": 5})), "skipped operator", ("skip", "x")),
    "an agent goes on while its run drains": an_agent_goes_on_while_its_run_drains,
}


@pytest.mark.parametrize("name", SCENARIOS)
def test_each_scenario_comes_to_where_it_should(name: str) -> None:
    run = SCENARIOS[name]()
    assert run.refold().seq == run.state.seq


def histories() -> Iterator[tuple[Plan, list[Event]]]:
    """Those of the scenarios, and those that are kept."""
    runs = [make() for make in SCENARIOS.values()] + [late(status, kind) for status in StepStatus for kind in LATE]
    yield from ((run.plan, run.events) for run in runs)
    for path in (*BY_HAND, *DRAWN):
        kept = json.loads(path.read_text(encoding="utf-8"))
        rows = [json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in kept["rows"]]
        events = [decode("R", seq, row) for seq, row in enumerate(rows, 1)]
        yield refund() if path in BY_HAND else golden.read_plan(kept), events


def reached() -> set[Cell]:
    return {cell for made, events in histories() for cell in cells_of(made, events)}


def test_every_cell_of_the_table_is_reached_and_nothing_else_is() -> None:
    listed = {
        (status, kind, target)
        for status, row in STEP_TRANSITIONS.items()
        for kind, targets in row.items()
        for target in targets
    }
    found = reached()
    assert not sorted(found - listed), "a release of a hold moved a step otherwise than the table says"
    assert not sorted(listed - found - set(NOT_IN_ONE_BUILD)), "no run comes by these cells: remove them"
    assert not sorted(found & set(NOT_IN_ONE_BUILD)), "a run comes by what is said not to happen"
    assert set(NOT_IN_ONE_BUILD) <= listed


# The phases of a run


def phases_of(made: Plan, events: list[Event]) -> Iterator[tuple[Phase | None, EventType, Phase]]:
    state: RunState = new("R", made)
    for event in events:
        before = state.phase if state.seq else None
        evolve(state, event)
        yield before, event.type, state.phase


def before_it_starts(*records: Record, **given: object) -> Callable[[], MemoryRun]:
    """What a driver makes of a run that has not started: it held it back, put it aside, or could not start it."""

    def make() -> MemoryRun:
        run = MemoryRun(plan(step("x")), **given)  # type: ignore[arg-type]
        for record in records:
            run.append(record)
        return run

    return make


def cancelled_in_the_queue() -> MemoryRun:
    run = before_it_starts(Record(E.HOLD_OPENED, {"hold": "throughput"}))()
    assert isinstance(run.ask("cancel"), Accepted)
    return run


def failed(code: str) -> Record:
    return Record(E.RUN_FAILED, {"code": code, "step": None, "message": None})


NOT_STARTED: Final[dict[str, Callable[[], MemoryRun]]] = {
    "cancelled in the queue": cancelled_in_the_queue,
    "put aside": before_it_starts(Record(E.RUN_SKIPPED, {"reason": "concurrency"})),
    "its plan is damaged": before_it_starts(failed("PLAN_INTEGRITY")),
    "its plan is damaged before it is due": before_it_starts(failed("PLAN_INTEGRITY"), due_at=START + 9),
    "not paid for": before_it_starts(Record(E.RUN_STARTING, {}), failed("INSUFFICIENT_CREDITS")),
}
ONE_TRANSACTION: Final = "a run is started and made active in one transaction, so that nobody comes between"
NEVER_BETWEEN: Final[dict[tuple[Phase | None, EventType, Phase], str]] = {
    (Phase.STARTING, E.RUN_DRAINING, Phase.DRAINING): ONE_TRANSACTION,
    (Phase.STARTING, E.RUN_CANCELLED, Phase.CANCELLED): ONE_TRANSACTION,
}


def test_every_cell_of_the_table_of_phases_is_reached() -> None:
    listed = {
        (phase, kind, target)
        for phase, row in RUN_TRANSITIONS.items()
        for kind, targets in row.items()
        for target in targets
    }
    runs = [make() for make in NOT_STARTED.values()]
    found = {cell for run in runs for cell in phases_of(run.plan, run.events)}
    found |= {cell for made, events in histories() for cell in phases_of(made, events)}
    assert listed - found == set(NEVER_BETWEEN)
