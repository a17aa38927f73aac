"""What happened. Only events change state; each is one row of the log."""

from __future__ import annotations

from enum import StrEnum

from headgate.plan import Json, JsonObject
from headgate.records import NamedTuple

SYSTEM = "system"


class EventType(StrEnum):
    """Each with the data it carries. `step` of the event names the step's path, `notify.3.send` inside a loop."""

    # the run; created with workflow, version, plan_digest, inputs, trigger {name, kind, payload}, environment, due_at,
    # late_window (ms: later than that, it is skipped), parent {run, step, attached, depth}, source (the run it
    # replays or was forked from) and, of a fork, fork {from, kept, approved}
    RUN_CREATED = "run_created"
    RUN_QUEUED = "run_queued"
    RUN_STARTING = "run_starting"  # credit: the bucket that paid for it
    RUN_ACTIVATED = "run_activated"
    RUN_COMPLETED = "run_completed"  # outcome, output
    RUN_FAILED = "run_failed"  # code, step, message
    RUN_DRAINING = "run_draining"  # verdict, deadline, code, step, message
    RUN_CANCELLING = "run_cancelling"  # code, deadline; of a drain that was late: then, step, message
    RUN_CANCELLED = "run_cancelled"  # code
    RUN_SKIPPED = "run_skipped"  # reason
    RUN_REDRIVEN = "run_redriven"  # epoch, from, steps: the paths that are pending again
    HOLD_OPENED = "hold_opened"  # hold, connection; step
    HOLD_CURED = "hold_cured"  # hold, connection: what it was for is put right, and a person lets the run go on
    HOLD_RELEASED = "hold_released"  # hold; step; start_at: a run that has not started waits until then
    # a step's way, as decided
    STEP_SKIPPED = "step_skipped"  # detail, output (an operator's)
    STEP_BLOCKED = "step_blocked"  # cause: the step that failed
    STEP_CANCELLED = "step_cancelled"  # cause
    STEP_RETRYING = "step_retrying"  # attempt, at
    STEP_FAILED = "step_failed"  # error
    STEP_HELD = "step_held"  # hold, connection
    STEP_INTERRUPTED = "step_interrupted"  # attempt
    # a step's way, as it happened
    STEP_STARVED = "step_starved"  # on: the step whose result does not exist
    STEP_WAITING = "step_waiting"  # for, until, task, run, input; event
    STEP_DISPATCHED = "step_dispatched"  # attempt, input, key, binding, reserved (micro-USD)
    ATTEMPT_SUCCEEDED = "attempt_succeeded"  # attempt, result, log, input (of a kind without effect), spent (micro-USD)
    ATTEMPT_FAILED = "attempt_failed"  # attempt, error, log, input (of a kind without effect), spent
    ATTEMPT_LOST = "attempt_lost"  # attempt
    ATTEMPT_CANCELLED = "attempt_cancelled"  # attempt
    ATTEMPT_PARKED = "attempt_parked"  # attempt, until, token: the digest of what its answer has to be called back with
    CALLBACK_RECEIVED = "callback_received"  # attempt, token, and result or error
    SIGNAL_RECEIVED = "signal_received"  # signal, event, payload
    TIMER_FIRED = "timer_fired"  # timer
    CHILD_ENDED = "child_ended"  # run, status, output, failure
    STEP_KEPT = "step_kept"  # of: the run that this one was forked from, in which it ended so
    STEP_CHECKED = "step_checked"  # its result is what the step declares
    # loops
    LOOP_STARTED = "loop_started"  # items, for each; {} for repeat
    ROUND_STARTED = "round_started"  # iteration
    ROUND_TESTED = "round_tested"  # iteration, stop
    LOOP_ENDED = "loop_ended"  # stopped
    # agents; a round is the model's answer and the tool calls it asks for, each made after it is recorded
    AGENT_ASKED = "agent_asked"  # attempt, round: the model is asked once more; reserved (micro-USD)
    AGENT_ANSWERED = "agent_answered"  # attempt, round, text, calls, usage, cost, spent; at last result or error
    TOOL_CALLED = "tool_called"  # attempt, round, call, tool
    TOOL_RETURNED = "tool_returned"  # attempt, round, call, tool, result or error
    # people; a request carries task, kind, when, title, body, assignees, expires_at, on_expiry, escalate_to,
    # reversibility, channel, input, input_digest, fields (their JSON Schema), links (person -> a token's digest) and
    # escalated_from
    APPROVAL_REQUESTED = "approval_requested"
    APPROVAL_DECIDED = "approval_decided"  # task, decision, by, comment, via, fields, auth, token
    APPROVAL_EXPIRING = "approval_expiring"  # task, expires_at: a warning
    APPROVAL_EXTENDED = "approval_extended"  # task, expires_at
    APPROVAL_EXPIRED = "approval_expired"  # task, policy
    APPROVAL_CANCELLED = "approval_cancelled"  # task
    APPROVAL_OUTDATED = "approval_outdated"  # task: the input is no longer what was approved
    STEP_RETRIED = "step_retried"  # edit
    STEP_CONFIRMED = "step_confirmed"  # done, output


class Event(NamedTuple):
    """`seq` counts from 1 without a gap in its run; `at` is UTC in ms; `request_id` names the act that caused it."""

    seq: int
    at: int
    type: EventType
    data: JsonObject
    step: str | None = None
    actor: str = SYSTEM
    reason: str | None = None
    request_id: str | None = None


__all__ = ["SYSTEM", "Event", "EventType", "Json"]
