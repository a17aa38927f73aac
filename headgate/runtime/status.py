"""The tables of the status model as data. Absent means illegal: `evolve` reads them, the docs are drawn from them."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from headgate.records import NamedTuple
from headgate.runtime.events import EventType


class Phase(StrEnum):
    """What is stored of a run, beside its holds."""

    SCHEDULED = "scheduled"
    QUEUED = "queued"
    STARTING = "starting"
    ACTIVE = "active"
    DRAINING = "draining"
    CANCELLING = "cancelling"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"


TERMINAL_PHASES: Final = frozenset({Phase.COMPLETED, Phase.FAILED, Phase.CANCELLED, Phase.SKIPPED})


MISSED: Final = "missed"
"""Why a run was skipped that was late beyond what its trigger allows."""


class Outcome(StrEnum):
    """How a completed run ended; the first that applies, from the top."""

    FORCED = "forced"
    WITH_FAILURES = "with_failures"
    DENIED = "denied"
    CLEAN = "clean"


class Drain(StrEnum):
    """The verdict that falls when a run has drained."""

    FAILED = "failed"
    CANCELLED = "cancelled"


class RunStatus(StrEnum):
    """What people see of a run, derived from the phase, the holds and the open steps."""

    SCHEDULED = "scheduled"
    QUEUED = "queued"
    STARTING = "starting"
    RUNNING = "running"
    RETRYING = "retrying"
    INTERRUPTED = "interrupted"
    WAITING = "waiting"
    PAUSED = "paused"
    DRAINING = "draining"
    CANCELLING = "cancelling"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"
    STALLED = "stalled"


class StepStatus(StrEnum):
    PENDING = "pending"
    READY = "ready"
    RUNNING = "running"
    RETRYING = "retrying"
    WAITING = "waiting"
    HELD = "held"
    INTERRUPTED = "interrupted"
    COMPLETED = "completed"
    FAILED = "failed"
    SKIPPED = "skipped"
    BLOCKED = "blocked"
    CANCELLED = "cancelled"


STEP_ENDS: Final = frozenset(
    {StepStatus.COMPLETED, StepStatus.FAILED, StepStatus.SKIPPED, StepStatus.BLOCKED, StepStatus.CANCELLED}
)


class SkipDetail(StrEnum):
    """Why a step never ran, on purpose."""

    OPERATOR = "operator"
    FORCED = "forced"
    BRANCH_NOT_TAKEN = "branch_not_taken"
    CONDITION_FALSE = "condition_false"
    DISABLED = "disabled"
    DENIED = "denied"


class WaitsFor(StrEnum):
    """What a parked step waits for."""

    TIMER = "timer"
    APPROVAL = "approval"
    REVIEW = "review"
    FORM = "form"
    SUBRUN = "subrun"
    CALLBACK = "callback"
    EVENT = "event"


class HoldReason(StrEnum):
    OPERATOR = "operator"
    REAUTH = "reauth"
    STEP_FAILED = "step_failed"
    IN_DOUBT = "in_doubt"
    THROUGHPUT = "throughput"
    SPEND_CAP = "spend_cap"
    CREDITS = "credits"
    INTERRUPTED = "interrupted"


class StatusFacts(NamedTuple):
    """The flags of a status, how it is drawn (`colour` is a terminal colour's name), and what it means."""

    terminal: bool
    successful: bool
    resumable: bool
    needs_human: bool
    wakes_by_itself: bool
    mark: str
    colour: str
    meaning: str


def _facts(flags: str, mark: str, colour: str, meaning: str) -> StatusFacts:
    words = flags.split()
    return StatusFacts(
        terminal="terminal" in words,
        successful="successful" in words,
        resumable="resumable" in words,
        needs_human="needs_human" in words,
        wakes_by_itself="wakes" in words,
        mark=mark,
        colour=colour,
        meaning=meaning,
    )


RUN_STATUSES: Final[dict[RunStatus, StatusFacts]] = {
    RunStatus.SCHEDULED: _facts("wakes", "◷", "bright_black", "starts when it is due"),
    RunStatus.QUEUED: _facts("wakes", "◌", "bright_black", "waits for a worker to take it"),
    RunStatus.STARTING: _facts("wakes", "◌", "cyan", "a worker has taken it and checks what it needs"),
    RunStatus.RUNNING: _facts("wakes", "▶", "cyan", "a step is running, or may start"),
    RunStatus.RETRYING: _facts("wakes", "↻", "magenta", "a step failed for now and is tried again by itself"),
    RunStatus.INTERRUPTED: _facts("wakes", "⌁", "magenta", "its worker stopped; it goes on by itself when one is back"),
    RunStatus.WAITING: _facts("wakes", "⏲", "blue", "goes on when what it waits for comes"),
    RunStatus.PAUSED: _facts("resumable needs_human", "⏸", "yellow", "moves only when its holds are released"),
    RunStatus.DRAINING: _facts("wakes", "◔", "yellow", "what runs may finish, nothing new starts"),
    RunStatus.CANCELLING: _facts("wakes", "◔", "yellow", "what runs is being stopped"),
    RunStatus.COMPLETED: _facts("terminal successful", "✓", "green", "all paths are done; the outcome says how"),
    RunStatus.FAILED: _facts(
        "terminal", "✗", "red", "a step failed for good, or the run did; the failure code says why"
    ),
    RunStatus.CANCELLED: _facts(
        "terminal", "⊘", "bright_black", "a person ended it; completed steps keep their outputs"
    ),
    RunStatus.SKIPPED: _facts("terminal", "↷", "bright_black", "it never started; the detail says why"),
    RunStatus.STALLED: _facts(
        "needs_human", "!", "bright_red", "nothing will move it, which is a bug: please report it"
    ),
}

STEP_STATUSES: Final[dict[StepStatus, StatusFacts]] = {
    StepStatus.PENDING: _facts("wakes", "·", "bright_black", "waits for the steps before it"),
    StepStatus.READY: _facts("wakes", "◌", "bright_black", "may start; held back only by a hold or a limit"),
    StepStatus.RUNNING: _facts("wakes", "▶", "cyan", "an attempt is out"),
    StepStatus.RETRYING: _facts("wakes", "↻", "magenta", "between attempts, its timer is armed"),
    StepStatus.WAITING: _facts("wakes", "⏲", "blue", "parked until what it waits for comes"),
    StepStatus.HELD: _facts("resumable needs_human", "⏸", "yellow", "the run is held at this step"),
    StepStatus.INTERRUPTED: _facts("wakes", "⌁", "magenta", "its attempt was lost; it goes on by itself"),
    StepStatus.COMPLETED: _facts("terminal successful", "✓", "green", "done, and its output is there"),
    StepStatus.FAILED: _facts("terminal", "✗", "red", "a permanent error, or no attempts left"),
    StepStatus.SKIPPED: _facts("terminal", "↷", "bright_black", "never ran, on purpose; the detail says why"),
    StepStatus.BLOCKED: _facts("terminal", "⊘", "red", "never ran, because a step that it needs failed"),
    StepStatus.CANCELLED: _facts("terminal", "⊘", "bright_black", "was open when the run failed or was cancelled"),
}

APPROVAL_STATUSES: Final = ("pending", "approved", "denied", "expired", "cancelled")


class HoldRule(NamedTuple):
    """How a hold is released: by a `command`, by an `event`, or either.

    The blanks of a command are run, step, workflow and connection.
    `step_release` says that `resume` does not clear it: the act on its step does. `cured` is the command once what the
    hold is for was put right.
    """

    command: str | None
    event: str | None
    meaning: str
    step_release: bool = False
    cured: str | None = None


HOLD_RULES: Final[dict[HoldReason, HoldRule]] = {
    HoldReason.OPERATOR: HoldRule("headgate resume {run}", None, "a person paused the run"),
    HoldReason.REAUTH: HoldRule(
        "headgate reconnect {connection}",
        "an agent's run: reconnected",
        "a connection needs to be reauthorized",
        cured="headgate resume {run}",
    ),
    HoldReason.STEP_FAILED: HoldRule(
        "headgate retry {run} {step}", None, "a step failed and waits for a decision", True
    ),
    HoldReason.IN_DOUBT: HoldRule(
        "headgate confirm {run} {step} --done", None, "nobody knows whether a step's effect happened", True
    ),
    HoldReason.THROUGHPUT: HoldRule(
        "headgate resume-workflow {workflow}",
        None,
        "the workflow tripped the throughput cap (likely a loop or polling misconfig)",
    ),
    HoldReason.SPEND_CAP: HoldRule(
        "headgate limits set spend --cap USD",
        "cap raised or period over",
        "This workflow paused because the account spend cap was reached. Dispatch resumes after the cap is raised or "
        "the billing period rolls over.",
    ),
    HoldReason.CREDITS: HoldRule("headgate credits add N", "credits added", "no credits are left", True),
    HoldReason.INTERRUPTED: HoldRule("headgate drive {run}", "worker started", "the platform stopped"),
}


def release_command(
    reason: HoldReason, run: str, workflow: str, step: str | None, connection: str | None = None, *, cured: bool = False
) -> str:
    """The command that clears a hold, or "" when none does."""
    rule = HOLD_RULES[reason]
    command = (rule.cured if cured else None) or rule.command or ""
    return command.format(run=run, step=step or "", workflow=workflow, connection=said_connection(connection))


def said_connection(connection: str | None) -> str:
    """A connection as commands name it: `slack`, or `slack --env prod` for `slack@prod`."""
    name, at, environment = (connection or "NAME").rpartition("@")
    return f"{name} --env {environment}" if at else environment


# A run's phases: phase -> event -> the phases it may lead to. None is the run that does not exist yet.
RUN_TRANSITIONS: Final[dict[Phase | None, dict[EventType, frozenset[Phase]]]] = {
    None: {EventType.RUN_CREATED: frozenset({Phase.SCHEDULED, Phase.QUEUED})},
    Phase.SCHEDULED: {
        EventType.RUN_QUEUED: frozenset({Phase.QUEUED}),
        EventType.RUN_SKIPPED: frozenset({Phase.SKIPPED}),
        EventType.RUN_CANCELLED: frozenset({Phase.CANCELLED}),
        EventType.RUN_FAILED: frozenset({Phase.FAILED}),
    },
    Phase.QUEUED: {
        EventType.RUN_STARTING: frozenset({Phase.STARTING}),
        EventType.RUN_SKIPPED: frozenset({Phase.SKIPPED}),
        EventType.RUN_CANCELLED: frozenset({Phase.CANCELLED}),
        EventType.RUN_FAILED: frozenset({Phase.FAILED}),
    },
    Phase.STARTING: {
        EventType.RUN_ACTIVATED: frozenset({Phase.ACTIVE}),
        EventType.RUN_DRAINING: frozenset({Phase.DRAINING}),
        EventType.RUN_FAILED: frozenset({Phase.FAILED}),
        EventType.RUN_CANCELLED: frozenset({Phase.CANCELLED}),
    },
    Phase.ACTIVE: {
        EventType.RUN_COMPLETED: frozenset({Phase.COMPLETED}),
        EventType.RUN_FAILED: frozenset({Phase.FAILED}),
        EventType.RUN_DRAINING: frozenset({Phase.DRAINING}),
        EventType.RUN_CANCELLING: frozenset({Phase.CANCELLING}),
        EventType.RUN_CANCELLED: frozenset({Phase.CANCELLED}),
    },
    Phase.DRAINING: {
        EventType.RUN_FAILED: frozenset({Phase.FAILED}),
        EventType.RUN_CANCELLING: frozenset({Phase.CANCELLING}),
        EventType.RUN_CANCELLED: frozenset({Phase.CANCELLED}),
    },
    Phase.CANCELLING: {
        EventType.RUN_CANCELLED: frozenset({Phase.CANCELLED}),
        EventType.RUN_FAILED: frozenset({Phase.FAILED}),
    },
    Phase.COMPLETED: {},
    Phase.FAILED: {EventType.RUN_REDRIVEN: frozenset({Phase.ACTIVE})},
    Phase.CANCELLED: {EventType.RUN_REDRIVEN: frozenset({Phase.ACTIVE})},
    Phase.SKIPPED: {},
}

_S = StepStatus
_E = EventType


def _to(*statuses: StepStatus) -> frozenset[StepStatus]:
    return frozenset(statuses)


# An attempt's end that comes after it was given up is recorded and changes nothing.
def _late_attempt(status: StepStatus) -> dict[EventType, frozenset[StepStatus]]:
    return {
        _E.ATTEMPT_SUCCEEDED: _to(status),
        _E.ATTEMPT_FAILED: _to(status),
        _E.ATTEMPT_CANCELLED: _to(status),
        _E.ATTEMPT_PARKED: _to(status),
        _E.CALLBACK_RECEIVED: _to(status),
        _E.AGENT_ANSWERED: _to(status),
        _E.TOOL_RETURNED: _to(status),
    }


# Before the action. A failure that is being weighed leaves its step `running` until the decision (retrying, failed,
# held) is an event of its own.
_STARTS: Final[dict[EventType, frozenset[StepStatus]]] = {
    _E.APPROVAL_REQUESTED: _to(_S.WAITING),
    _E.STEP_DISPATCHED: _to(_S.RUNNING),
    _E.STEP_HELD: _to(_S.HELD),
    _E.STEP_SKIPPED: _to(_S.SKIPPED),
    _E.STEP_CANCELLED: _to(_S.CANCELLED),
}

STEP_TRANSITIONS: Final[dict[StepStatus, dict[EventType, frozenset[StepStatus]]]] = {
    # its edges make a pending step `ready` in the event that resolves the last of them
    _S.PENDING: {
        _E.STEP_KEPT: _to(_S.COMPLETED, _S.SKIPPED),
        **_late_attempt(_S.PENDING),  # of the epoch before
        _E.STEP_SKIPPED: _to(_S.SKIPPED),
        _E.STEP_BLOCKED: _to(_S.BLOCKED),
        _E.STEP_CANCELLED: _to(_S.CANCELLED),
    },
    _S.READY: {
        **_STARTS,
        **_late_attempt(_S.READY),
        _E.STEP_KEPT: _to(_S.COMPLETED, _S.SKIPPED),
        # parked, begun, or evaluated where it stands; a late end leaves it there
        _E.STEP_WAITING: _to(_S.WAITING, _S.COMPLETED, _S.RUNNING),
        _E.LOOP_STARTED: _to(_S.RUNNING),
        _E.ATTEMPT_SUCCEEDED: _to(_S.COMPLETED, _S.RUNNING, _S.READY),
        _E.ATTEMPT_FAILED: _to(_S.RUNNING, _S.READY),
        _E.STEP_BLOCKED: _to(_S.BLOCKED),
        _E.STEP_STARVED: _to(_S.READY),
        _E.APPROVAL_OUTDATED: _to(_S.READY),
        _E.AGENT_ASKED: _to(_S.RUNNING),
        _E.TOOL_CALLED: _to(_S.RUNNING),
    },
    _S.INTERRUPTED: {
        **_STARTS,
        **_late_attempt(_S.INTERRUPTED),
        # its templates came out well once; they may not in another build
        _E.ATTEMPT_FAILED: _to(_S.RUNNING, _S.INTERRUPTED),
        _E.APPROVAL_OUTDATED: _to(_S.INTERRUPTED),
    },
    _S.RUNNING: {
        _E.ATTEMPT_SUCCEEDED: _to(_S.COMPLETED, _S.RUNNING),
        _E.ATTEMPT_FAILED: _to(_S.RUNNING),
        _E.ATTEMPT_LOST: _to(_S.RUNNING),
        _E.ATTEMPT_CANCELLED: _to(_S.RUNNING),
        _E.ATTEMPT_PARKED: _to(_S.WAITING, _S.RUNNING),
        _E.CALLBACK_RECEIVED: _to(_S.COMPLETED, _S.RUNNING),
        _E.STEP_RETRYING: _to(_S.RETRYING),
        _E.STEP_FAILED: _to(_S.FAILED),
        _E.STEP_HELD: _to(_S.HELD),
        _E.STEP_INTERRUPTED: _to(_S.INTERRUPTED),
        _E.APPROVAL_REQUESTED: _to(_S.WAITING),
        _E.STEP_WAITING: _to(_S.WAITING),
        _E.ROUND_STARTED: _to(_S.RUNNING),
        _E.ROUND_TESTED: _to(_S.RUNNING),
        _E.LOOP_ENDED: _to(_S.COMPLETED, _S.RUNNING),
        # between the pieces of its work an agent is ready, so that a hold stops it there
        _E.AGENT_ASKED: _to(_S.RUNNING),
        _E.TOOL_CALLED: _to(_S.RUNNING),
        _E.AGENT_ANSWERED: _to(_S.READY, _S.COMPLETED, _S.RUNNING),
        _E.TOOL_RETURNED: _to(_S.READY, _S.RUNNING),
        _E.STEP_CHECKED: _to(_S.COMPLETED, _S.RUNNING),
        _E.STEP_SKIPPED: _to(_S.SKIPPED),
        _E.STEP_CANCELLED: _to(_S.CANCELLED),
    },
    _S.RETRYING: {
        **_late_attempt(_S.RETRYING),
        _E.TIMER_FIRED: _to(_S.READY),
        _E.STEP_RETRIED: _to(_S.READY),
        _E.STEP_SKIPPED: _to(_S.SKIPPED),
        _E.STEP_CANCELLED: _to(_S.CANCELLED),
    },
    _S.WAITING: {
        **_late_attempt(_S.WAITING),
        _E.APPROVAL_DECIDED: _to(_S.READY, _S.COMPLETED, _S.RUNNING, _S.SKIPPED, _S.WAITING),
        _E.APPROVAL_EXPIRED: _to(_S.READY, _S.COMPLETED, _S.RUNNING, _S.SKIPPED, _S.WAITING),
        _E.APPROVAL_EXPIRING: _to(_S.WAITING),
        _E.APPROVAL_EXTENDED: _to(_S.WAITING),
        _E.APPROVAL_CANCELLED: _to(_S.WAITING),
        _E.APPROVAL_REQUESTED: _to(_S.WAITING),
        _E.TIMER_FIRED: _to(_S.COMPLETED, _S.RUNNING, _S.WAITING),
        _E.SIGNAL_RECEIVED: _to(_S.COMPLETED, _S.RUNNING),
        _E.CALLBACK_RECEIVED: _to(_S.COMPLETED, _S.RUNNING, _S.WAITING),
        _E.CHILD_ENDED: _to(_S.COMPLETED, _S.RUNNING),
        _E.STEP_FAILED: _to(_S.FAILED),
        _E.STEP_SKIPPED: _to(_S.SKIPPED),
        _E.STEP_CANCELLED: _to(_S.CANCELLED),
    },
    _S.HELD: {
        **_late_attempt(_S.HELD),
        _E.STEP_CONFIRMED: _to(_S.COMPLETED, _S.RUNNING, _S.READY, _S.WAITING),
        _E.CALLBACK_RECEIVED: _to(_S.COMPLETED, _S.RUNNING, _S.HELD),
        _E.HOLD_RELEASED: _to(_S.READY),
        _E.STEP_SKIPPED: _to(_S.SKIPPED),
        _E.STEP_CANCELLED: _to(_S.CANCELLED),
    },
    _S.COMPLETED: _late_attempt(_S.COMPLETED),
    _S.FAILED: {**_late_attempt(_S.FAILED), _E.STEP_RETRIED: _to(_S.READY), _E.STEP_SKIPPED: _to(_S.SKIPPED)},
    _S.SKIPPED: _late_attempt(_S.SKIPPED),
    _S.BLOCKED: _late_attempt(_S.BLOCKED),
    _S.CANCELLED: _late_attempt(_S.CANCELLED),
}


class Cause(StrEnum):
    """Why an edge is dead."""

    FAILURE = "failure"
    DENIAL = "denial"
    BRANCH = "branch"


class Ended(StrEnum):
    """How a step ended, as its edges see it."""

    COMPLETED = "completed"
    FAILED = "failed"
    DENIED = "denied"  # denied itself
    PASSED = "passed"  # disabled, or skipped by a person: what follows goes on
    UNTAKEN = "untaken"  # not reached, by branch or a false condition
    UNREACHED_DENIED = "unreached_denied"  # not reached, because a step before it was denied
    BLOCKED = "blocked"


# How the step ended -> the kind of edge -> None when the edge is live, else its cause. A case that was not taken is
# dead by branch, and a `finished` edge that came from `*` is live in every row.
EDGES: Final[dict[Ended, dict[str, Cause | None]]] = {
    Ended.COMPLETED: {"completed": None, "finished": None, "failed": Cause.BRANCH, "denied": Cause.BRANCH},
    Ended.FAILED: {"completed": Cause.FAILURE, "finished": None, "failed": None, "denied": Cause.FAILURE},
    Ended.DENIED: {"completed": Cause.DENIAL, "finished": None, "failed": Cause.BRANCH, "denied": None},
    Ended.PASSED: {"completed": None, "finished": None, "failed": Cause.BRANCH, "denied": Cause.BRANCH},
    Ended.UNTAKEN: {
        "completed": Cause.BRANCH,
        "finished": Cause.BRANCH,
        "failed": Cause.BRANCH,
        "denied": Cause.BRANCH,
    },
    Ended.UNREACHED_DENIED: {
        "completed": Cause.DENIAL,
        "finished": Cause.DENIAL,
        "failed": Cause.BRANCH,
        "denied": Cause.BRANCH,
    },
    Ended.BLOCKED: {
        "completed": Cause.FAILURE,
        "finished": Cause.FAILURE,
        "failed": Cause.FAILURE,
        "denied": Cause.FAILURE,
    },
}
