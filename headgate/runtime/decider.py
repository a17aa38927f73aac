"""What a run does next: the pure heart of the runtime, and its seam to the executor.

    state = new(run_id, plan)                          runtime/state.py
    evolve(state, event)                               the only writer of the state; the same live and on replay
    fold(run_id, plan, events) -> RunState             `new`, then `evolve` for each
    decide(state, now_ms) -> list[Command]             pure; an empty list means: at rest until something happens
    judge(state, request, now_ms, people) -> Verdict   an operator's act against the tables of acts.py; pure
    next_wake(state) -> int | None                     when to decide again though nothing happened, UTC in ms
    derive(state) -> (status, detail)                  runtime/status_of.py
    wake_sources(state) -> Iterator[WakeSource]        an open run at rest that has none is a bug; lazy, O(1) to test

How the executor drives (call `decide` again after each list, until it is empty; then commit everything at once):

- A list is carried out in its order and to its end. `Record`: append it and evolve.
- `Prepare`: `preparing.prepare(state, command, now_ms)` evaluates the templates and returns the one `Record` to append:
  the event of the purpose, or `step_skipped` (condition_false), `step_starved`, `attempt_failed` (TEMPLATE_FAILED,
  LIMIT_EXCEEDED, ...), `approval_outdated`; for the output `run_completed` or `run_failed`. For Purpose.CHILD the
  record is `step_waiting` with for = subrun, workflow, inputs, detach: the executor adds `run`, the child (or keeps
  the one that is there: that child is to be redriven), and creates the child in the same transaction.
- `Perform` always follows the `Prepare` of its step in the same list: start it after the commit, and only when
  `state.in_flight.get(step) == attempt` then (the Prepare may have ended in another event).
- An agent works in pieces, each of which is performed under the number of its attempt: the `Perform` of a further piece
  follows a `Record` of `agent_asked` or `tool_called`. A piece ends as `agent_answered` or `tool_returned`, or as an
  attempt ends.
- `Abort` cancels the attempt's task after the commit; for a `call` step it cancels the child run
  (`state.steps[path].child`). An attempt that is no longer in `state.in_flight` when it ends was given up: append its
  end while the run is open (it is recorded, not applied), drop it when the run has ended. In phase `cancelling` the
  attempt is still in flight: append `attempt_cancelled`, or how it ended if that was faster. The run ends without an
  attempt that does not heed its cancellation by the deadline of the phase.
- How an attempt ended: `attempt_succeeded` {attempt, result}, `attempt_failed` {attempt, error}, where `error` is
  `error_json(StepError)` of state.py. A timeout is `attempt_failed` with STEP_TIMED_OUT, of class in_doubt when its
  request may have left.
- A driver that takes a run over appends `attempt_lost` {attempt} for each entry of `state.in_flight` it does not run.
- A platform that stops opens the hold `interrupted` (`hold_opened` {hold}); the next driver releases it.
- Before `run_starting` the host may ask whether the run may start (limits): it appends `hold_opened`, `run_skipped`,
  or `run_starting` and `run_failed` in its place, or nothing while the run waits for its turn, and asks again.
- The end of a child: `child_ended` {run, status, output, failure} with the step's path. Pause, resume and a drain pass
  to the children in `state.children()` by the executor.
- Run `decide` to its end before `judge`, so that what is due has happened. `Accepted.records` are appended with the
  request's actor, reason and request_id (on the first record only); `Accepted.aborts` are carried out after the commit.
"""

from __future__ import annotations

from collections.abc import Iterable

from headgate.plan import JsonObject, Plan
from headgate.runtime.closing import cancel_run, complete_run, fail_run, finish_run
from headgate.runtime.commands import Command, Record
from headgate.runtime.deciding import start, weigh
from headgate.runtime.draining import begin, drain
from headgate.runtime.events import Event, EventType
from headgate.runtime.evolve import evolve
from headgate.runtime.judging import Accepted, NoOp, People, Refusal, Request, Verdict, judge
from headgate.runtime.marks import EXPIRY, WARN
from headgate.runtime.state import RunState, new
from headgate.runtime.status import MISSED, TERMINAL_PHASES, Phase
from headgate.runtime.status_of import Derived, derive
from headgate.runtime.wakes import WakeSource, next_wake, stall_at, wake_sources


def fold(run_id: str, plan: Plan, events: Iterable[Event]) -> RunState:
    """The state after `events`, which are all the run's from its first; raises DamagedLog when they make no sense."""
    state = new(run_id, plan)
    for event in events:
        evolve(state, event)
    return state


def decide(state: RunState, now_ms: int) -> list[Command]:
    """What to do next, in order; empty when the run rests. Reads only the frontier and the first timer; changes
    nothing, and asked again it answers the same.
    """
    phase = state.phase
    if phase is Phase.ACTIVE:
        return _decide_active(state, now_ms)
    if phase in TERMINAL_PHASES or not state.seq:
        return []
    if phase in (Phase.CANCELLING, Phase.DRAINING):
        return _decide_ending(state, now_ms)
    if state.holds:
        return []
    if phase is Phase.SCHEDULED:
        assert state.due_at is not None, "a scheduled run has its time"
        if state.due_at > now_ms:
            return []
        missed = state.late_window is not None and now_ms - state.due_at > state.late_window
        return [Record(EventType.RUN_SKIPPED, {"reason": MISSED}) if missed else Record(EventType.RUN_QUEUED, {})]
    if phase is Phase.QUEUED:
        if state.heap and state.heap[0][0] > now_ms:
            return []
        return [Record(EventType.RUN_STARTING, {}), Record(EventType.RUN_ACTIVATED, {})]
    assert phase is Phase.STARTING, "every phase is decided"
    return [Record(EventType.RUN_ACTIVATED, {})]


def _decide_ending(state: RunState, now_ms: int) -> list[Command]:
    """What is open is closed first, so that only the deadline of the phase is left to fire."""
    commands = drain(state, now_ms) if state.phase is Phase.DRAINING else cancel_run(state)
    if not commands and state.heap and state.heap[0][0] <= now_ms:
        return [_fire(state, state.heap[0][1], now_ms)]
    return commands


def _decide_active(state: RunState, now_ms: int) -> list[Command]:
    free = not state.holds
    if state.kept:
        return [Record(EventType.STEP_KEPT, {"of": state.source}, path) for path in state.kept]
    if free and state.verdict is not None:
        verdict = state.verdict
        if verdict.get("drain"):
            return [begin(state, verdict, now_ms)]
        return fail_run(state, str(verdict["code"]), verdict["step"], verdict["message"])
    if free and state.finish is not None:
        return finish_run(state)
    if state.urgent:
        return weigh(state, state.steps[next(iter(state.urgent))], now_ms)
    if state.heap and state.heap[0][0] <= now_ms:
        return [_fire(state, state.heap[0][1], now_ms)]
    if not free:
        return []
    if state.ready:
        return start(state, state.steps[next(iter(state.ready))], now_ms)
    if state.interrupted:
        return start(state, state.steps[next(iter(state.interrupted))], now_ms)
    if not state.root.open:
        return complete_run(state)
    stalls = stall_at(state)
    if stalls is not None and stalls <= now_ms:
        return fail_run(state, "RUN_STALLED_OR_TIMED_OUT", None, "the run made no progress within its timeout")
    return []


def _fire(state: RunState, timer: str, now_ms: int) -> Record:
    kind, _, name = timer.partition(":")
    if kind == WARN:
        approval = state.approvals[name]
        if approval.expires_at > now_ms:
            facts: JsonObject = {"task": name, "expires_at": approval.expires_at}
            return Record(EventType.APPROVAL_EXPIRING, facts, approval.step)
        kind, timer = EXPIRY, f"{EXPIRY}:{name}"  # it is too late for a warning
    step = state.approvals[name].step if kind == EXPIRY else name or None
    return Record(EventType.TIMER_FIRED, {"timer": timer}, step)


__all__ = [
    "Accepted",
    "Derived",
    "NoOp",
    "People",
    "Refusal",
    "Request",
    "Verdict",
    "WakeSource",
    "decide",
    "derive",
    "evolve",
    "fold",
    "judge",
    "new",
    "next_wake",
    "wake_sources",
]
