"""What must be true of every run: after each event, and once more of each run that rests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

from headgate.runtime.decider import decide, derive, next_wake, wake_sources
from headgate.runtime.events import Event, EventType
from headgate.runtime.projecting import project
from headgate.runtime.state import RunState, ScopeState, StepState
from headgate.runtime.status import RUN_STATUSES, TERMINAL_PHASES, HoldReason, Phase, RunStatus, StepStatus
from headgate.runtime.view import run_view
from headgate.runtime.why import reasons

Check: TypeAlias = "Callable[[RunState], None]"
STEP_HOLDS: Final = {HoldReason.REAUTH, HoldReason.IN_DOUBT, HoldReason.CREDITS}
STOPPING: Final = {Phase.DRAINING, Phase.CANCELLING}


def lists_are_true(state: RunState) -> None:
    """The lists of open steps hold exactly the steps of that status; what waits is counted right."""
    for status, listed in state.open.items():
        found = {
            path
            for path, step in state.steps.items()
            if step.status is status and (step.loop is None or status is not StepStatus.RUNNING)
        }
        starved = {path for path in found - set(listed) if state.steps[path].starved is not None}
        assert set(listed) == found - starved, f"{status}: listed {list(listed)}, found {found}"
    waits = Counter(step.detail for step in state.steps.values() if step.status is StepStatus.WAITING)
    assert dict(waits) == state.waits, (waits, state.waits)


def attempts_belong_to_running_steps(state: RunState) -> None:
    for path, attempt in state.in_flight.items():
        step = state.steps[path]
        assert step.status is StepStatus.RUNNING, f"attempt {attempt} of `{path}` is out and it is {step.status}"
        assert step.attempts == attempt


def timers_are_kept_once(state: RunState) -> None:
    entries = dict.fromkeys(state.heap)
    for timer, due in state.timers.items():
        assert (due, timer) in entries, f"timer {timer} is armed and nobody looks for it"
    if state.heap:
        due, timer = state.heap[0]
        assert state.timers.get(timer) == due, "the first timer is armed"


def scopes_count_their_open_steps(state: RunState) -> None:
    for scope in scopes(state.root):
        if scope.steps:
            left = sum(not step.settled for step in scope.steps.values())
            assert scope.open == left, f"`{scope.prefix}` counts {scope.open} open steps and has {left}"


def open_waits_are_listed(state: RunState) -> None:
    waits = {path for path, step in state.steps.items() if (step.status, step.detail) == ("waiting", "event")}
    assert set(state.listening) == waits, (state.listening, waits)


def loops_count_their_open_items(state: RunState) -> None:
    if state.phase is not Phase.ACTIVE:
        return
    for step in state.steps.values():
        if step.loop is not None and step.status is StepStatus.RUNNING:
            active = sum(not scope.done for scope in step.loop.scopes.values())
            waiting = len(step.loop.reopen)
            assert step.loop.active <= active <= step.loop.active + waiting, f"`{step.path}` counts its items wrong"


def an_ended_run_has_nothing_left(state: RunState) -> None:
    if state.phase in TERMINAL_PHASES:
        assert state.ended_at is not None
        left = (state.in_flight, state.timers, state.holds, state.urgent, state.overdue)
        assert not any(left), left
        assert list(wake_sources(state)) == []
    else:
        assert state.ended_at is None


def the_status_follows_from_phase_and_holds(state: RunState) -> None:
    status = derive(state).status
    others = [reason for reason, _ in state.holds if reason is not HoldReason.INTERRUPTED]
    if state.phase in TERMINAL_PHASES or state.phase in STOPPING:
        assert status.value == state.phase.value
    elif others:
        assert status is RunStatus.PAUSED
        assert RUN_STATUSES[status].needs_human
    elif state.holds:
        assert status is RunStatus.INTERRUPTED
    else:
        assert status not in (RunStatus.PAUSED, RunStatus.INTERRUPTED)
    assert RUN_STATUSES[status].terminal == (state.phase in TERMINAL_PHASES)


def every_hold_at_a_step_has_its_step(state: RunState) -> None:
    for reason, path in state.holds:
        if reason in STEP_HOLDS and path is not None:
            step = state.steps[path]
            assert (step.status, step.detail) == (StepStatus.HELD, reason.value), f"`{path}` is {step.status}"
        elif reason is HoldReason.STEP_FAILED:
            assert path is not None
            assert state.steps[path].status is StepStatus.FAILED, f"`{path}` is {state.steps[path].status}"
    if state.phase is Phase.ACTIVE:
        for path in state.held:
            assert (HoldReason(str(state.steps[path].detail)), path) in state.holds, f"nothing holds `{path}`"


def pending_questions_have_a_step_that_waits(state: RunState) -> None:
    for task, approval in state.approvals.items():
        if approval.status == "pending" and state.phase not in TERMINAL_PHASES:
            step = state.steps[approval.step]
            assert (step.status, step.approval) == (StepStatus.WAITING, task), f"{task} asks for a step that moved on"
            assert f"expiry:{task}" in state.timers or task in state.overdue or step.path in state.urgent


def an_open_run_has_a_reason_to_rest(state: RunState) -> None:
    assert decide(state, state.at) == [] or state.holds or next_wake(state) is not None or state.in_flight
    sources = list(wake_sources(state))
    assert bool(sources) == (state.phase not in TERMINAL_PHASES), f"{state.phase}: {sources}"
    assert derive(state).status is not RunStatus.STALLED
    why = reasons(state)
    assert why
    for reason in why:
        assert reason.kind != "stalled"
        assert reason.message
        assert "\n" not in reason.message


def what_is_shown_agrees(state: RunState) -> None:
    view, row = run_view(state), project(state, state.run_id)
    assert (view.status, view.detail) == (row.status, row.detail)
    assert all(hold.release for hold in view.holds)
    for path, shown in view.steps.items():
        step = state.steps.get(path)
        if step is not None and step.loop is None:
            assert shown.status == step.status


def scopes(scope: ScopeState) -> Iterator[ScopeState]:
    yield scope
    for step in scope.steps.values():
        if step.loop is not None:
            for inner in step.loop.scopes.values():
                yield from scopes(inner)


AFTER_EVENTS: Final[tuple[Check, ...]] = (
    attempts_belong_to_running_steps,
    timers_are_kept_once,
    scopes_count_their_open_steps,
    an_ended_run_has_nothing_left,
    the_status_follows_from_phase_and_holds,
)
AT_REST: Final[tuple[Check, ...]] = (
    lists_are_true,
    open_waits_are_listed,
    loops_count_their_open_items,
    every_hold_at_a_step_has_its_step,
    pending_questions_have_a_step_that_waits,
    an_open_run_has_a_reason_to_rest,
    what_is_shown_agrees,
)


class Progress:
    """What must be true from one event to the next: ends are final, and steps go forward only, within an epoch."""

    def __init__(self) -> None:
        self._phase: Phase | None = None
        self._ended: dict[str, StepStatus] = {}
        self._started: dict[str, None] = {}
        self._decided: dict[str, str] = {}
        self._attempts: set[tuple[str | None, object]] = set()
        self._turn_comes: tuple[str, ...] = ()  # items that a redrive opens again, when the loop gets to them

    def before(self, state: RunState, event: Event) -> None:
        """What may happen to a run as it stands."""
        if event.type in _PIECES and state.phase is Phase.DRAINING:
            talk = state.steps[str(event.step)].talk
            assert talk is not None, "what is out may finish, with all of its pieces"
            assert talk.going
        elif event.type in _DISPATCHES | _PIECES:
            assert not state.holds, f"`{event.step}` was dispatched under {list(state.holds)}"
            assert state.phase is Phase.ACTIVE, f"`{event.step}` was dispatched while {state.phase}"
        if event.type is EventType.STEP_DISPATCHED:
            attempt = (event.step, event.data["attempt"])
            assert attempt not in self._attempts, f"attempt {attempt[1]} of `{event.step}` was out before"
            self._attempts.add(attempt)
            _check_approvals(state.steps[str(event.step)], event)
        self._turn_comes = tuple(_waiting_items(state))
        if event.type is EventType.RUN_REDRIVEN:
            self._ended.clear()
            self._started.clear()
        elif state.phase in TERMINAL_PHASES:
            raise AssertionError(f"{event.type} came after the run had {state.phase}")

    def after(self, state: RunState, event: Event) -> None:
        for task, approval in state.approvals.items():
            known = self._decided.get(task)
            assert known in (None, approval.status), f"{task} was {known} and became {approval.status}"
            if approval.status != "pending":
                self._decided[task] = approval.status
        any_reopened = event.type in _REOPENS
        for path, step in state.steps.items():
            reopened = any_reopened or path.startswith(self._turn_comes)
            if step.status is StepStatus.PENDING:
                assert reopened or path not in self._started or step.started_at is None, f"`{path}` went back"
                self._started.pop(path, None)
            elif step.started_at is not None:
                self._started[path] = None
            end = self._ended.get(path)
            if end is not None and step.status is not end:
                assert reopened or (path == event.step and end is StepStatus.FAILED), f"`{path}` was {end}: {event}"
                del self._ended[path]
            if step.settled:
                self._ended[path] = step.status


def _waiting_items(state: RunState) -> Iterator[str]:
    for step in state.steps.values():
        if step.loop is not None:
            for index in step.loop.reopen:
                yield step.loop.scopes[index].prefix


_DISPATCHES: Final = {
    EventType.STEP_DISPATCHED,
    EventType.LOOP_STARTED,
}
_PIECES: Final = {EventType.AGENT_ASKED, EventType.TOOL_CALLED}
_REOPENS: Final = {EventType.RUN_REDRIVEN, EventType.LOOP_STARTED}


def _check_approvals(step: StepState, event: Event) -> None:
    from headgate.runtime.preparing import digest_of

    for gate in step.node.before:
        assert gate in step.approved, f"`{step.path}` runs without the approval of its gate {gate}"
        assert step.approved[gate] == digest_of(event.data["input"]), f"`{step.path}` runs with another input"
