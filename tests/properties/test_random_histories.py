"""Random plans, random answers of the world, random acts of people, crashes and jumps of the clock.

After every event the log folds to the live state; deciding changes nothing; an open run always has a wake source; and
every run comes to rest at last.
"""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from memory_runs import MemoryRun, error, gate, human, plan, step

from headgate.plan import Json, Plan, PlanStep, Retry
from headgate.runtime.codec import decode, encode
from headgate.runtime.decider import Refusal, derive, next_wake
from headgate.runtime.errors import DamagedLog, StepError
from headgate.runtime.events import Event, EventType
from headgate.runtime.state import new
from headgate.runtime.status import TERMINAL_PHASES, RunStatus, StepStatus
from headgate.runtime.view import run_view
from headgate.runtime.why import reasons

KINDS = ["noop", "noop", "noop", "set", "human", "delay", "call", "each", "repeat", "switch", "finish", "fail"]
WORDS = ["", "", "", "failed ", "denied ", "finished ", "*finished ", "*failed "]
ERRORS = ["transient", "transient", "permanent", "in_doubt", "auth", "policy"]
ACTS = ["pause", "retry", "skip", "confirm", "approve", "deny", "force_advance", "cancel"]


@st.composite
def bodies(draw: st.DrawFn, depth: int) -> list[PlanStep]:
    names = [f"{'abc'[depth]}{number}" for number in range(draw(st.integers(1, 4 - depth)))]
    return [draw(steps(name, names[:at], depth)) for at, name in enumerate(names)]


@st.composite
def steps(draw: st.DrawFn, name: str, before: list[str], depth: int) -> PlanStep:
    after = draw(st.lists(st.sampled_from(before), max_size=2, unique=True)) if before else []
    kind = draw(st.sampled_from(KINDS if depth < 2 else KINDS[:7]))
    given: dict[str, Any] = {
        "retry": Retry(draw(st.integers(0, 2)), (1_000, 5_000)),
        "in_doubt": draw(st.sampled_from(["retry", "retry", "hold", "fail"])),
        "enabled": draw(st.sampled_from([True] * 7 + [False])),
        "when": draw(st.sampled_from([None] * 6 + ["{{ 1 == 2 }}", "{{ nothing.here }}"])),
        "gates": tuple(draw(st.lists(gates(), max_size=2))) if draw(st.integers(0, 4)) == 0 else (),
        "reversibility": draw(st.sampled_from(["safe", "irreversible"])),
    }
    if depth == 0:
        given["on_failure"] = draw(st.sampled_from([None, None, "pause", "continue", "fail"]))
    if draw(st.integers(0, 5)) == 0:
        given["join"] = "any"
    words = [draw(st.sampled_from(WORDS)) + source for source in after]
    if kind == "human":
        policy = draw(st.sampled_from(["deny", "proceed", "escalate"]))
        return human(name, *words, on_expiry=policy, escalate_to=["cfo"])._replace(enabled=given["enabled"])
    if kind in ("each", "repeat"):
        given["body"] = draw(bodies(depth + 1))
    if kind == "set" and before and draw(st.booleans()):
        given["config"] = {"x": "{{ steps." + draw(st.sampled_from(before)) + ".result }}"}
        words += [f"read {before[-1]}"] if before[-1] not in after else []
    else:
        given["config"] = draw(configs(kind))
    return step(name, kind, *words, **given)


@st.composite
def gates(draw: st.DrawFn) -> Any:
    policy = draw(st.sampled_from(["deny", "proceed", "escalate"]))
    return gate(draw(st.sampled_from(["before", "after"])), on_expiry=policy, escalate_to=["cfo"])


@st.composite
def configs(draw: st.DrawFn, kind: str) -> dict[str, Json]:
    if kind == "each":
        return {
            "over": list(range(draw(st.integers(0, 4)))),
            "as": "x",
            "limit": 3,
            "concurrency": draw(st.integers(1, 3)),
            "on_item_failure": draw(st.sampled_from(["fail", "continue", "pause"])),
        }
    if kind == "repeat":
        condition = draw(st.sampled_from(["until", "while", "none"]))
        config: dict[str, Json] = {
            "max": draw(st.integers(1, 3)),
            "on_max": draw(st.sampled_from(["fail", "continue"])),
        }
        if condition != "none":
            config[condition] = draw(st.sampled_from(["{{ iteration == 1 }}", "{{ iteration < 1 }}", "{{ true }}"]))
        if draw(st.booleans()):
            config["every"] = 3_000
        return config
    return {
        "delay": {"for": 2_000},
        "call": {"workflow": "w", "inputs": {}, "detach": draw(st.booleans())},
        "switch": {"cases": [], "else": None},
        "fail": {"message": "no"},
        "finish": {"output": {"x": 1}} if draw(st.booleans()) else {},
        "set": {"v": 1},
    }.get(kind, {"p": 1})


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    return plan(
        *draw(bodies(0)),
        on_failure=draw(st.sampled_from(["fail", "pause", "continue"])),
        deadline=draw(st.sampled_from([None, None, 200_000])),
        timeout=draw(st.sampled_from([86_400_000, 30_000])),
        outputs=draw(st.sampled_from([{}, {"a": "{{ steps.a0.result }}"}])),
    )


def _answer(dice: random.Random) -> Json | StepError:
    if dice.random() < 0.5:
        return {"n": dice.randrange(5)}
    kind = dice.choice(ERRORS)
    return error(kind, retry_after_ms=dice.choice([None, 700]))


def _something(run: MemoryRun, dice: random.Random) -> None:
    """One thing happens to the run: from the world, from a person, to the machine, or to the clock."""
    state = run.state
    out = list(state.in_flight.items())
    children = [path for path in state.waiting if state.steps[path].detail == "subrun"]
    choice = dice.random()
    if choice < 0.45 and out:
        path, attempt = dice.choice(out)
        if state.phase == "cancelling" and dice.random() < 0.5:
            run.attempt_cancelled(path, attempt)
        else:
            run.end(path, attempt, _answer(dice))
    elif choice < 0.55 and children:
        run.child_ended(dice.choice(children), dice.choice(["completed", "failed"]), {"y": 1})
    elif choice < 0.8:
        _act(run, dice)
    elif choice < 0.88:
        run.crash()
    else:
        wake = next_wake(state)
        run.now += dice.randrange(70_000) if wake is None or dice.random() < 0.5 else max(0, wake - run.now)
    run.settle()


def _act(run: MemoryRun, dice: random.Random) -> None:
    """A person does something, mostly sensible; a refusal leaves the log as it was."""
    run.settle()
    sensible = _sensible(run)
    if sensible and dice.random() < 0.75:
        verb, path = dice.choice(sensible)
    else:
        verb, path = dice.choice(ACTS), dice.choice(list(run.state.steps) or ["nothing"])
    arguments: dict[str, Any] = {"done": dice.random() < 0.5} if verb == "confirm" else {}
    if verb in ("skip", "confirm") and dice.random() < 0.3:
        arguments["output"] = {"given": True}
    if verb == "retry" and dice.random() < 0.5:
        arguments["edit"] = {"p": dice.randrange(3)}
    before = len(run.events)
    request = dice.choice([None, f"q{dice.randrange(99)}"])
    verdict = run.ask(verb, path, request_id=request, reason="because", **arguments)
    if isinstance(verdict, Refusal):
        assert len(run.events) == before
        assert "\n" not in verdict.message


def _sensible(run: MemoryRun) -> list[tuple[str, str]]:
    state = run.state
    found = [(verb, each.step) for each in state.approvals.values() for verb in ("approve", "approve", "deny")]
    for reason, path in state.holds:
        verbs = {"step_failed": ("retry", "retry", "skip"), "in_doubt": ("confirm",)}.get(reason, ("resume",))
        found += [(verb, path or "") for verb in verbs]
    return found + [("retry", path) for path in state.retrying]


def _bring_to_an_end(run: MemoryRun) -> None:
    """From here on the world answers and people clear every hold; every run must end."""
    for _ in range(400):
        run.settle()
        state = run.state
        if state.phase in TERMINAL_PHASES:
            return
        if state.in_flight:
            path, attempt = next(iter(state.in_flight.items()))
            run.end(path, attempt, {"n": 1})
        elif state.holds:
            _clear(run)
        elif any(state.steps[path].detail == "subrun" for path in state.waiting):
            run.child_ended(next(p for p in state.waiting if state.steps[p].detail == "subrun"), "completed", {})
        else:
            wake = next_wake(state)
            assert wake is not None, f"it rests without a reason: {derive(state)}"
            run.now = max(run.now, wake)
    raise AssertionError("the run does not come to an end")


def _clear(run: MemoryRun) -> None:
    reason, path = next(iter(run.state.holds))
    verb = {"step_failed": "skip", "in_doubt": "confirm"}.get(reason, "resume")
    verdict = run.ask(verb, path, done=True)
    assert not isinstance(verdict, Refusal), verdict


def _check_rest(run: MemoryRun) -> None:
    view, why = run_view(run.state), reasons(run.state)
    assert view.status is not RunStatus.STALLED
    assert why
    assert all(reason.kind != "stalled" for reason in why)
    assert all(hold.release for hold in view.holds)
    for path, shown in view.steps.items():
        if path in run.state.steps and run[path].loop is None:
            assert shown.status == run[path].status


@settings(max_examples=150, deadline=None)
@given(plans(), st.integers(0, 2**32), st.integers(0, 25))
def test_any_history_replays_to_the_live_state_and_comes_to_an_end(made: Plan, seed: int, length: int) -> None:
    dice = random.Random(seed)
    run = MemoryRun(made)
    run.verify = True
    run.settle()
    for _ in range(length):
        if run.state.phase in TERMINAL_PHASES:
            break
        _something(run, dice)
        _check_rest(run)
    _bring_to_an_end(run)
    _check_rest(run)
    left = {path: status for path, status in run.statuses.items() if status.split()[0] not in _ENDS}
    assert not left, (left, run.statuses, [(e.type.value, e.step, e.data) for e in run.events][-25:])
    assert not run.state.in_flight
    assert not run.state.timers
    if run.phase in ("failed", "cancelled"):
        run.ask("redrive", yes=True)
        _bring_to_an_end(run)


_ENDS = {StepStatus.COMPLETED, StepStatus.FAILED, StepStatus.SKIPPED, StepStatus.BLOCKED, StepStatus.CANCELLED}


@settings(max_examples=60, deadline=None)
@given(plans(), st.integers(0, 2**32))
def test_within_an_epoch_no_step_goes_back_to_pending(made: Plan, seed: int) -> None:
    dice = random.Random(seed)
    run = MemoryRun(made)
    run.settle()
    started: set[str] = set()
    for _ in range(25):
        if run.state.phase in TERMINAL_PHASES:
            break
        _something(run, dice)
        for path, each in run.state.steps.items():
            if each.status is not StepStatus.PENDING:
                started.add(path)
            else:
                assert path not in started or each.started_at is None


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=150)
@given(
    st.builds(
        Event,
        st.integers(1, 10**9),
        st.integers(0, 10**13),
        st.sampled_from(EventType),
        st.dictionaries(st.text(), VALUES, max_size=4),
        st.none() | st.text(),
        st.text(),
        st.none() | st.text(),
        st.none() | st.text(),
    )
)
def test_every_event_survives_its_row(event: Event) -> None:
    assert decode("R", event.seq, encode(event)) == event


@given(st.text() | VALUES.map(str) | st.just("[1,2,3]") | st.just("[2,0,1,1,1]"))
def test_nonsense_in_a_row_is_a_damaged_log_that_names_its_place(text: str) -> None:
    with pytest.raises(DamagedLog, match="run R, event 7"):
        decode("R", 7, text)


def test_a_row_of_half_a_surrogate_pair_can_be_stored():
    event = Event(1, 2, EventType.ATTEMPT_SUCCEEDED, {"result": "\ud83d"}, "a")
    assert encode(event).isascii()
    assert decode("R", 1, encode(event)) == event


def test_a_trivial_step_is_a_row_of_less_than_a_hundred_bytes():
    event = Event(1, 1_800_000_000_000, EventType.ATTEMPT_SUCCEEDED, {"attempt": 1, "result": {}}, "s100")
    assert len(encode(event)) < 100


def test_a_gap_in_the_log_is_damage():
    from headgate.runtime.decider import evolve

    state = new("R", plan(step("a")))
    with pytest.raises(DamagedLog, match="expected event 1"):
        evolve(state, Event(2, 0, EventType.RUN_CREATED, {}))
