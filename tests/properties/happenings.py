"""What may happen to a run: from the world, from people, to the machine, and to the clock. Driven by the tables."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, Final

from memory_runs import error
from watched import WatchedRun

from headgate.plan import Json, JsonObject, Plan
from headgate.runtime import judging
from headgate.runtime.commands import Record
from headgate.runtime.decider import NoOp, Refusal, derive, next_wake
from headgate.runtime.errors import ErrorClass, StepError
from headgate.runtime.events import EventType
from headgate.runtime.forking import fork
from headgate.runtime.state import error_json
from headgate.runtime.status import TERMINAL_PHASES, HoldReason, StepStatus, WaitsFor

VERBS: Final = tuple(judging._VERBS)
PEOPLE: Final = ({}, {}, {"admins": ["root"], "team": ["ann", "bea"]})
# What clears a hold; any other is released by `resume`.
RELEASES: Final = {HoldReason.STEP_FAILED: "skip", HoldReason.IN_DOUBT: "confirm"}
# What the platform opens before a run starts, and releases itself.
BEFORE_IT_STARTS: Final = (HoldReason.THROUGHPUT, HoldReason.SPEND_CAP, HoldReason.CREDITS)

Dice = random.Random
Arguments = Callable[[WatchedRun, Dice], dict[str, Any]]


def _maybe_output(dice: Dice) -> dict[str, Any]:
    return {"output": {"given": dice.randrange(3)}} if dice.random() < 0.4 else {}


def _called_back(run: WatchedRun, dice: Dice, attempt: int) -> dict[str, Any]:
    """Now and then with a token that was used, or that is good no more."""
    given: dict[str, Any] = {
        "attempt": attempt,
        "token": f"sha256:{dice.randrange(30)}",
        "expires_at": dice.choice([None, None, run.now + 1_000, run.now - 1]),
    }
    if dice.random() < 0.3:
        return {**given, "error": error_json(error(dice.choice(["permanent", "transient"])))}
    return {**given, "result": {"called": "back"}}


def _held_connections(run: WatchedRun) -> list[str | None]:
    return [hold.connection for hold in run.state.holds.values() if hold.reason is HoldReason.REAUTH]


# verb -> the arguments it may have; a verb that is not here is asked without
ARGUMENTS: Final[dict[str, Arguments]] = {
    "confirm": lambda _run, dice: {"done": dice.random() < 0.5, **_maybe_output(dice)},
    "skip": lambda _run, dice: _maybe_output(dice),
    "retry": lambda _run, dice: {"edit": {"p": dice.randrange(2, 5)}} if dice.random() < 0.7 else {},
    "redrive": lambda _run, dice: {"yes": dice.random() < 0.7},
    "callback": lambda run, dice: _called_back(run, dice, dice.randrange(3)),
    "stop": lambda _run, dice: {"graceful": dice.random() < 0.7, "deadline_ms": dice.choice([1_000, 90_000])},
    "release": lambda _run, dice: {"hold": dice.choice(["throughput", "spend_cap", "credits", "reauth"])},
    "reconnected": lambda run, dice: {"connection": dice.choice([None, "slack", *_held_connections(run)])},
    "extend": lambda _run, dice: {"ms": dice.choice([1_000, 90_000])},
    "answer": lambda _run, dice: {
        "fields": dice.choice([{"amount": 7, "why": "so"}, {"amount": 7}, {"amount": "x"}, {}])
    },
    "approve": lambda _run, dice: {"comment": "fine"} if dice.random() < 0.3 else {},
}


def answer(dice: Dice) -> Json | StepError:
    if dice.random() < 0.5:
        return dice.choice([{"n": dice.randrange(5)}, {}, None, [1, {"a": "ü"}], "text"])
    kind = dice.choice([*ErrorClass, ErrorClass.TRANSIENT, ErrorClass.TRANSIENT])
    if kind is ErrorClass.AUTH and dice.random() < 0.8:
        return error(kind.value, detail={"connection": "slack"})
    return error(kind.value, retry_after_ms=dice.choice([None, None, 700]))


def something(run: WatchedRun, dice: Dice) -> None:
    """One thing happens, and what follows from it."""
    _WHAT[dice.choices(range(len(_WHAT)), _WEIGHTS)[0]](run, dice)
    run.settle()


def _an_attempt_ends(run: WatchedRun, dice: Dice) -> None:
    out = list(run.state.in_flight.items())
    if not out:
        return _a_child_ends(run, dice)
    path, attempt = dice.choice(out)
    if run.state.phase == "cancelling" and dice.random() < 0.5:
        run.attempt_cancelled(path, attempt)
    elif dice.random() < 0.1:
        until = dice.choice([None, run.now + 3_000, run.now + 90_000])
        run.append(Record(EventType.ATTEMPT_PARKED, {"attempt": attempt, "until": until, "token": "sha256:1"}, path))
    elif dice.random() < 0.1:
        run.append(Record(EventType.ATTEMPT_LOST, {"attempt": attempt}, path))
    elif _is_in_rounds(run, path) and dice.random() < 0.8:
        run.append(_piece(run, path, attempt, dice))
    else:
        run.end(path, attempt, answer(dice))
    if dice.random() < 0.1:
        run.late[path, attempt] = None  # it is told a second time
    return None


def _is_in_rounds(run: WatchedRun, path: str) -> bool:
    talk = run[path].talk
    return talk is not None and not talk.outside


def _piece(run: WatchedRun, path: str, attempt: int, dice: Dice | None) -> Record:
    """How a piece of an agent's work ends: a tool's result, or the model's answer, with further calls or the last."""
    talk = run[path].talk
    call = talk.pending()
    if call is not None:
        facts: JsonObject = {"attempt": attempt, "round": len(talk.rounds), "call": call["id"], "tool": call["tool"]}
        if dice is not None and dice.random() < 0.3:
            return Record(EventType.TOOL_RETURNED, {**facts, "error": {"message": "no"}}, path)
        return Record(EventType.TOOL_RETURNED, {**facts, "result": {"n": 1}}, path)
    facts = {"attempt": attempt, "round": len(talk.rounds) + 1, "text": "so", "usage": {"input_tokens": 3}, "cost": 0.2}
    choice = 1.0 if dice is None else dice.random()
    if choice < 0.5:
        wanted = {"id": "c1", "name": "look", "tool": "a.look", "arguments": {}, "in_doubt": "retry"}
        return Record(EventType.AGENT_ANSWERED, {**facts, "calls": [wanted, {**wanted, "id": "c2"}]}, path)
    if choice < 0.6:
        return Record(EventType.AGENT_ANSWERED, {**facts, "error": error_json(error("transient"))}, path)
    return Record(EventType.AGENT_ANSWERED, {**facts, "result": {"text": "so"}}, path)


def _a_late_one_ends(run: WatchedRun, dice: Dice) -> None:
    """Also twice, and after its step has gone on: what a driver may append is recorded and changes nothing."""
    state = run.state
    if not run.late or state.phase in TERMINAL_PHASES:
        return
    path, attempt = dice.choice(list(run.late))
    if dice.random() < 0.7:
        del run.late[path, attempt]
    kinds = (
        EventType.ATTEMPT_SUCCEEDED,
        EventType.ATTEMPT_FAILED,
        EventType.ATTEMPT_CANCELLED,
        EventType.ATTEMPT_PARKED,
        EventType.AGENT_ANSWERED,
        EventType.TOOL_RETURNED,
    )
    step = state.steps.get(path)
    if step is None or state.in_flight.get(path) == attempt:  # an agent's attempt is out again, with another piece
        return
    before = step.status, step.has_result, step.result, step.error, step.attempts
    match dice.choice(kinds):
        case EventType.ATTEMPT_CANCELLED:
            run.attempt_cancelled(path, attempt)
        case EventType.AGENT_ANSWERED as kind:
            run.append(Record(kind, {"attempt": attempt, "round": 1, "text": "late", "result": {}}, path))
        case EventType.TOOL_RETURNED as kind:
            run.append(Record(kind, {"attempt": attempt, "round": 1, "call": "c1", "tool": "a.look"}, path))
        case EventType.ATTEMPT_PARKED:
            run.append(Record(EventType.ATTEMPT_PARKED, {"attempt": attempt, "until": None, "token": "sha256:1"}, path))
        case EventType.ATTEMPT_FAILED:
            run.end(path, attempt, error("permanent"))
        case _:
            run.end(path, attempt, {"late": True})
    assert (step.status, step.has_result, step.result, step.error, step.attempts) == before, (
        f"a late end changed `{path}`"
    )


def _news_come(run: WatchedRun, dice: Dice) -> None:
    """An event that a step waits for, or the callback to a parked attempt."""
    if run.state.phase != "active":
        return
    news = [path for path in run.state.waiting if run[path].detail in (WaitsFor.EVENT, WaitsFor.CALLBACK)]
    if news:
        tell(run, dice, dice.choice(news))


def tell(run: WatchedRun, dice: Dice, path: str) -> None:
    """What `path` waits for comes from outside."""
    if run[path].detail == WaitsFor.CALLBACK:
        given = _called_back(run, dice, run[path].attempts)
        run.ask("callback", path, **{**given, "token": f"sha256:of {run.state.seq}", "expires_at": None})
        return
    facts: JsonObject = {"signal": f"s{run.state.seq}", "event": run.state.listening[path], "payload": {"x": 1}}
    if dice.random() < 0.2:
        facts["error"] = error_json(error("permanent"))
    run.append(Record(EventType.SIGNAL_RECEIVED, facts, path, "the outside"))


def _a_child_ends(run: WatchedRun, dice: Dice) -> None:
    children = [path for path in run.state.waiting if run[path].detail == WaitsFor.SUBRUN]
    if children:
        run.child_ended(dice.choice(children), dice.choice(["completed", "failed", "cancelled"]), {"y": 1})


def _somebody_acts(run: WatchedRun, dice: Dice) -> None:
    """Mostly sensible; what is not is refused and changes nothing."""
    sensible = _sensible(run)
    if sensible and dice.random() < 0.7:
        verb, path = dice.choice(sensible)
    else:
        verb, path = dice.choice(VERBS), dice.choice([*run.state.steps, "nothing"])
    if verb == "redrive" and dice.random() < 0.5:
        path = None  # type: ignore[assignment]
    ask(run, dice, verb, path)


def ask(run: WatchedRun, dice: Dice, verb: str, path: str | None) -> None:
    arguments = ARGUMENTS[verb](run, dice) if verb in ARGUMENTS else {}
    request = dice.choice([None, f"q{dice.randrange(99)}"])
    if dice.random() < 0.3:
        arguments["people"] = dice.choice(PEOPLE)
        arguments["actor"] = dice.choice(["ann", "root", "eve"])
    known = request is not None and request in run.state.requests
    first = run.state.requests.get(request or "")
    before = len(run.events)
    verdict = run.ask(verb, path, request_id=request, reason=dice.choice([None, "because"]), **arguments)
    if known:
        assert verdict == NoOp(first or ""), "the second caller gets the first answer"
        assert len(run.events) == before


_CLEARS: Final[dict[HoldReason, tuple[str, ...]]] = {
    HoldReason.STEP_FAILED: ("retry", "retry", "skip"),
    HoldReason.IN_DOUBT: ("confirm",),
    HoldReason.REAUTH: ("reconnected", "resume", "skip"),
}


def _sensible(run: WatchedRun) -> list[tuple[str, str]]:
    state = run.state
    found = [
        (verb, each.step)
        for each in state.approvals.values()
        if each.status == "pending" or len(state.approvals) < 3
        for verb in ("approve", "approve", "answer", "extend", "deny")
    ]
    for reason, path in state.holds:
        verbs = _CLEARS.get(reason, ("resume",))
        found += [(verb, path or "") for verb in verbs]
    return found + [("retry", path) for path in state.retrying]


def _the_driver_dies(run: WatchedRun, dice: Dice) -> None:
    if dice.random() < 0.3:
        run.stop()
    else:
        run.crash()


def _time_passes(run: WatchedRun, dice: Dice) -> None:
    wake = next_wake(run.state)
    choice = dice.random()
    if choice < 0.5 and wake is not None:
        run.now = max(run.now, wake)
    elif choice < 0.6:
        run.now -= dice.randrange(3_600_000)  # somebody set the clock back
    else:
        run.now += dice.randrange(70_000)


_WHAT: Final = (
    _an_attempt_ends,
    _a_child_ends,
    _news_come,
    _a_late_one_ends,
    _somebody_acts,
    _the_driver_dies,
    _time_passes,
)
_WEIGHTS: Final = (50, 8, 6, 6, 30, 6, 10)


def bring_to_an_end(run: WatchedRun, most: int = 600) -> None:
    """From here on the world answers and people clear every hold; every run must end."""
    for _ in range(most):
        run.settle()
        state = run.state
        if state.phase in TERMINAL_PHASES:
            return
        if state.in_flight:
            path, attempt = next(iter(state.in_flight.items()))
            if _is_in_rounds(run, path):
                run.append(_piece(run, path, attempt, None))
            else:
                run.end(path, attempt, {"n": 1})
        elif state.holds:
            _clear(run)
        elif any(run[path].detail in _OUTSIDE for path in state.waiting):
            _answer_from_outside(run)
        else:
            wake = next_wake(state)
            assert wake is not None, f"it rests without a reason: {derive(state)}"
            run.now = max(run.now, wake)
    tail = [(event.type.value, event.step, event.data) for event in run.events[-9:]]
    raise AssertionError(f"the run does not come to an end: {tail}")


_OUTSIDE: Final = (WaitsFor.SUBRUN, WaitsFor.EVENT, WaitsFor.CALLBACK)


def _answer_from_outside(run: WatchedRun) -> None:
    path = next(path for path in run.state.waiting if run[path].detail in _OUTSIDE)
    if run[path].detail == WaitsFor.SUBRUN:
        run.child_ended(path, "completed", {})
    else:
        tell(run, random.Random(run.state.seq), path)


def _clear(run: WatchedRun) -> None:
    reason, path = next(iter(run.state.holds))
    if reason in BEFORE_IT_STARTS:
        assert not isinstance(run.ask("release", None, hold=reason.value, actor="system"), Refusal)
        return
    if reason is HoldReason.REAUTH and not run.state.holds[reason, path].cured:
        connection = run.state.holds[reason, path].connection
        assert not isinstance(run.ask("reconnected", None, connection=connection, actor="system"), Refusal)
        return
    verdict = run.ask(RELEASES.get(reason, "resume"), path, done=True)
    assert not isinstance(verdict, Refusal), verdict


_ENDS: Final = {StepStatus.COMPLETED, StepStatus.FAILED, StepStatus.SKIPPED, StepStatus.BLOCKED, StepStatus.CANCELLED}


def check_the_end(run: WatchedRun) -> None:
    left = {path: step.status for path, step in run.state.steps.items() if step.status not in _ENDS}
    tail = [(event.type.value, event.step, event.data) for event in run.events[-15:]]
    assert not left, f"the run has {run.phase} and left {left} after {tail}"


def born(made: Plan, dice: Dice) -> WatchedRun:
    """A run that starts now, or is due in a moment and may come too late."""
    if dice.random() < 0.7:
        return WatchedRun(made)
    late = {"late_window": 1_000} if dice.random() < 0.5 else {}
    return WatchedRun(made, due_at=1_800_000_003_000, **late)


def live(run: WatchedRun, dice: Dice, length: int) -> None:
    """A whole life: `length` happenings, an end, and sometimes another life after it."""
    if run.phase in ("scheduled", "queued") and dice.random() < 0.2:
        run.append(Record(EventType.HOLD_OPENED, {"hold": dice.choice(BEFORE_IT_STARTS).value}))
    for _ in range(length):
        something(run, dice)
        if run.phase in ("failed", "cancelled") and dice.random() < 0.5:
            ask(run, dice, "redrive", None)
    bring_to_an_end(run)
    check_the_end(run)
    if run.phase in ("failed", "cancelled"):
        ask(run, dice, "redrive", None)
        for _ in range(length // 3):
            something(run, dice)
        bring_to_an_end(run)
        check_the_end(run)


def lives(made: Plan, dice: Dice, length: int) -> list[WatchedRun]:
    """A run's whole life, and now and then that of a run which is forked from it."""
    runs = [born(made, dice)]
    live(runs[0], dice, length)
    state = runs[0].state
    if state.root.steps and dice.random() < 0.2:
        runs.append(forked(runs[0], dice.choice([None, *state.topology.nodes])))
        live(runs[1], dice, length // 2)
    return runs


def forked(run: WatchedRun, start: str | None) -> WatchedRun:
    """A new run of the same plan that keeps the ends of the steps before `start`."""
    kept = fork(run.state, start)
    return WatchedRun(run.plan, source="R", fork={"from": start, "kept": {**kept.kept}, "approved": {**kept.approved}})
