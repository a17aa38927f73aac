"""What an operator may do, as data: the run's acts by status, the step's by status, and what a refusal says."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from headgate.runtime.status import Phase, StepStatus


class RefusalCode(StrEnum):
    NOT_PAUSED = "NOT_PAUSED"
    NOT_WAITING = "NOT_WAITING"
    TERMINAL = "TERMINAL"
    ALREADY_COMPLETED = "ALREADY_COMPLETED"
    HOLD_REMAINS = "HOLD_REMAINS"
    ALREADY_DECIDED = "ALREADY_DECIDED"
    NOT_ASSIGNED = "NOT_ASSIGNED"
    NOT_ADMIN = "NOT_ADMIN"
    STEP_NOT_FAILED = "STEP_NOT_FAILED"
    STEP_NOT_IN_DOUBT = "STEP_NOT_IN_DOUBT"
    SPEND_CAP_OPEN = "SPEND_CAP_OPEN"
    STOPPING = "STOPPING"
    NO_SUCH_RUN = "NO_SUCH_RUN"
    NO_SUCH_STEP = "NO_SUCH_STEP"
    # of workflows and versions
    NO_SUCH_WORKFLOW = "NO_SUCH_WORKFLOW"
    NO_SUCH_VERSION = "NO_SUCH_VERSION"
    WORKFLOW_DRAFT = "WORKFLOW_DRAFT"
    WORKFLOW_DISABLED = "WORKFLOW_DISABLED"
    WORKFLOW_ARCHIVED = "WORKFLOW_ARCHIVED"
    WORKFLOW_IN_USE = "WORKFLOW_IN_USE"
    NOT_DISABLED = "NOT_DISABLED"
    VERSION_ACTIVE = "VERSION_ACTIVE"
    VERSION_NOT_ACTIVE = "VERSION_NOT_ACTIVE"
    VERSION_ARCHIVED = "VERSION_ARCHIVED"
    FIELDS_INVALID = "FIELDS_INVALID"
    OUTPUT_INVALID = "OUTPUT_INVALID"
    TOKEN_USED = "TOKEN_USED"  # noqa: S105 - the name of a refusal
    TOKEN_EXPIRED = "TOKEN_EXPIRED"  # noqa: S105 - the name of a refusal
    TOKEN_INVALID = "TOKEN_INVALID"  # noqa: S105 - the name of a refusal


REFUSALS: Final[dict[RefusalCode, str]] = {
    RefusalCode.NOT_PAUSED: "the run is not paused",
    RefusalCode.NOT_WAITING: "nothing waits there for a person",
    RefusalCode.TERMINAL: "the run has ended",
    RefusalCode.ALREADY_COMPLETED: "it has completed already",
    RefusalCode.HOLD_REMAINS: "a hold remains that this act does not clear",
    RefusalCode.ALREADY_DECIDED: "somebody decided it before; the first decision wins",
    RefusalCode.NOT_ASSIGNED: "only its assignees or an admin decide it",
    RefusalCode.NOT_ADMIN: "only an admin may do this",
    RefusalCode.STEP_NOT_FAILED: "nothing has failed there",
    RefusalCode.STEP_NOT_IN_DOUBT: "the step is not in doubt",
    RefusalCode.SPEND_CAP_OPEN: "the spend cap holds it",
    RefusalCode.STOPPING: "the run is stopping",
    RefusalCode.NO_SUCH_RUN: "there is no such run",
    RefusalCode.NO_SUCH_STEP: "there is no such step",
    RefusalCode.NO_SUCH_WORKFLOW: "no workflow of that name was published",
    RefusalCode.NO_SUCH_VERSION: "the workflow has no version of that number",
    RefusalCode.WORKFLOW_DRAFT: "no version of the workflow is active",
    RefusalCode.WORKFLOW_DISABLED: "the workflow is disabled",
    RefusalCode.WORKFLOW_ARCHIVED: "the workflow is archived",
    RefusalCode.WORKFLOW_IN_USE: "open runs need the workflow",
    RefusalCode.NOT_DISABLED: "the workflow is not disabled",
    RefusalCode.VERSION_ACTIVE: "the version is the active one",
    RefusalCode.VERSION_NOT_ACTIVE: "the version is not the active one",
    RefusalCode.VERSION_ARCHIVED: "the version is archived",
    RefusalCode.FIELDS_INVALID: "what was filled in does not fit the fields that were asked for (exit code 2)",
    RefusalCode.OUTPUT_INVALID: "the output that was given is not what the step declares of its result (exit code 2)",
    RefusalCode.TOKEN_USED: "the token was used already, and works once",
    RefusalCode.TOKEN_EXPIRED: "the token has expired",
    RefusalCode.TOKEN_INVALID: "the token is damaged, or another store's",
}


class Row(StrEnum):
    """The rows of the table of acts on a run."""

    WAITING_TO_START = "scheduled or queued"
    GOING = "running"
    PAUSED_OPERATOR = "paused by a person"
    PAUSED_REAUTH = "paused for reauthorization"
    PAUSED_STEP = "paused at a step"
    HELD_BACK = "held back for its throughput"
    CAPPED = "held back by a spend cap"
    DRAINING = "draining"
    CANCELLING = "cancelling"
    FAILED = "failed"
    CANCELLED = "cancelled"
    COMPLETED = "completed"
    SKIPPED = "skipped"


class RunAct(StrEnum):
    """The columns."""

    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"
    STOP = "stop"  # --graceful; `stop --now` is the column of cancel
    REDRIVE = "redrive"
    REPLAY = "replay"
    FORK = "fork"


class Cell(StrEnum):
    YES = "yes"
    NO_OP = "no-op"
    AS_CANCEL = "as cancel"
    AFTER_RECONNECT = "after reconnect"


_C = RefusalCode


def _row(cells: str, refusal: dict[RunAct, RefusalCode], default: RefusalCode) -> dict[RunAct, Cell | RefusalCode]:
    marks: dict[str, Cell] = {"y": Cell.YES, "0": Cell.NO_OP, "c": Cell.AS_CANCEL, "r": Cell.AFTER_RECONNECT}
    return {act: marks.get(mark) or refusal.get(act, default) for act, mark in zip(RunAct, cells, strict=True)}


_OPEN = _C.STEP_NOT_FAILED
_RESUMED = {RunAct.RESUME: _C.NOT_PAUSED}
# columns: pause, resume, cancel, stop, redrive, replay, fork
RUN_ACTS: Final[dict[Row, dict[RunAct, Cell | RefusalCode]]] = {
    Row.WAITING_TO_START: _row("y-yc---", _RESUMED, _OPEN),
    Row.GOING: _row("y-yy--y", _RESUMED, _OPEN),
    Row.PAUSED_OPERATOR: _row("0yyy--y", {}, _C.HOLD_REMAINS),
    Row.PAUSED_REAUTH: _row("yryy--y", {}, _C.HOLD_REMAINS),
    Row.PAUSED_STEP: _row("y-yy--y", {}, _C.HOLD_REMAINS),
    Row.HELD_BACK: _row("y-yc---", {}, _C.HOLD_REMAINS),
    Row.CAPPED: _row("y-yc---", {RunAct.RESUME: _C.SPEND_CAP_OPEN}, _C.HOLD_REMAINS),
    Row.DRAINING: _row("--y0---", {}, _C.STOPPING),
    Row.CANCELLING: _row("--0----", {}, _C.STOPPING),
    Row.FAILED: _row("----yyy", {}, _C.TERMINAL),
    Row.CANCELLED: _row("----yyy", {}, _C.TERMINAL),
    Row.COMPLETED: _row("-----yy", {}, _C.ALREADY_COMPLETED),
    Row.SKIPPED: _row("-----yy", {}, _C.TERMINAL),
}

# What a refusal offers instead, by row.
ALLOWED: Final[dict[Row, str]] = {
    Row.WAITING_TO_START: "`pause` or `cancel` it",
    Row.GOING: "`pause` or `cancel` it",
    Row.PAUSED_OPERATOR: "`resume` or `cancel` it",
    Row.PAUSED_REAUTH: "reconnect and `resume`, or `cancel` it",
    Row.PAUSED_STEP: "clear what holds it, or `cancel` it",
    Row.HELD_BACK: "`headgate resume-workflow` releases it, or `cancel` it",
    Row.CAPPED: "raise the cap with `headgate limits set spend`, wait for the next period, or `cancel` it",
    Row.DRAINING: "`cancel` it, or wait for its end",
    Row.CANCELLING: "wait for its end",
    Row.FAILED: "`redrive` it, or `replay` it as a new run",
    Row.CANCELLED: "`redrive` it, or `replay` it as a new run",
    Row.COMPLETED: "`replay` it as a new run",
    Row.SKIPPED: "`replay` it as a new run",
}


class StepAct(StrEnum):
    RETRY = "retry"
    SKIP = "skip"
    CONFIRM = "confirm"
    FORCE_ADVANCE = "force_advance"


# The statuses in which an act on a step is allowed; `failed` means: under the hold `step_failed`; `held`: for confirm,
# under `in_doubt`.
STEP_ACTS: Final[dict[StepAct, frozenset[StepStatus]]] = {
    StepAct.RETRY: frozenset({StepStatus.FAILED, StepStatus.RETRYING}),
    StepAct.SKIP: frozenset({StepStatus.FAILED, StepStatus.RETRYING, StepStatus.WAITING, StepStatus.HELD}),
    StepAct.CONFIRM: frozenset({StepStatus.HELD}),
    StepAct.FORCE_ADVANCE: frozenset(
        {
            StepStatus.PENDING,
            StepStatus.READY,
            StepStatus.RUNNING,
            StepStatus.RETRYING,
            StepStatus.WAITING,
            StepStatus.HELD,
            StepStatus.INTERRUPTED,
            StepStatus.FAILED,
        }
    ),
}

STEP_REFUSALS: Final[dict[StepAct, RefusalCode]] = {
    StepAct.RETRY: RefusalCode.STEP_NOT_FAILED,
    StepAct.SKIP: RefusalCode.NOT_WAITING,
    StepAct.CONFIRM: RefusalCode.STEP_NOT_IN_DOUBT,
    StepAct.FORCE_ADVANCE: RefusalCode.ALREADY_COMPLETED,
}

STEP_ALLOWED: Final[dict[StepAct, str]] = {
    StepAct.RETRY: "`retry` is for a step that failed and holds its run, or is between attempts",
    StepAct.SKIP: "`skip` is for a step that failed and holds its run, is between attempts, waits or is held",
    StepAct.CONFIRM: "`confirm` is for a step that is held in doubt",
    StepAct.FORCE_ADVANCE: "`force-advance` is for a step that is open",
}


class ApprovalAct(StrEnum):
    APPROVE = "approve"
    DENY = "deny"
    ANSWER = "answer"
    EXTEND = "extend"


# By the approval's status; by an assignee or an admin, and not while the run stops or after it has ended.
APPROVAL_ACTS: Final[dict[str, dict[ApprovalAct, Cell | RefusalCode]]] = {
    "pending": dict.fromkeys(ApprovalAct, Cell.YES),
    "approved": dict.fromkeys(ApprovalAct, _C.ALREADY_DECIDED),
    "denied": dict.fromkeys(ApprovalAct, _C.ALREADY_DECIDED),
    "expired": dict.fromkeys(ApprovalAct, _C.ALREADY_DECIDED),
    "cancelled": dict.fromkeys(ApprovalAct, _C.ALREADY_DECIDED),
}

PHASE_ROWS: Final[dict[Phase, Row]] = {
    Phase.SCHEDULED: Row.WAITING_TO_START,
    Phase.QUEUED: Row.WAITING_TO_START,
    Phase.STARTING: Row.GOING,
    Phase.ACTIVE: Row.GOING,
    Phase.DRAINING: Row.DRAINING,
    Phase.CANCELLING: Row.CANCELLING,
    Phase.COMPLETED: Row.COMPLETED,
    Phase.FAILED: Row.FAILED,
    Phase.CANCELLED: Row.CANCELLED,
    Phase.SKIPPED: Row.SKIPPED,
}
