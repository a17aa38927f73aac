"""The state of one run: what the folded log says. One driver owns it; only `evolve` changes it.

`steps`, `in_flight`, `timers`, `approvals` and `holds` are for everybody to read. `urgent` and `ready` are the
frontier: what `decide` looks at, so that it never scans the graph.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeAlias

from headgate.plan import Json, JsonObject, Plan, PlanStep
from headgate.records import NamedTuple
from headgate.runtime.conversation import Conversation
from headgate.runtime.errors import ErrorClass, StepError
from headgate.runtime.status import HoldReason, Phase, StepStatus, WaitsFor
from headgate.runtime.topology import Node, Topology, topology

HoldKey: TypeAlias = "tuple[HoldReason, str | None]"


class Hold(NamedTuple):
    """Why the run dispatches nothing new. `step` is a path for the holds that stand at a step; `since` UTC in ms.

    `connection` is the one that must be authorized again; `cured` says that it was, and a person may let the run go on.
    """

    reason: HoldReason
    step: str | None
    since: int
    by: str
    note: str | None = None
    connection: str | None = None
    cured: bool = False

    @property
    def named(self) -> str:
        """The hold as statuses show it: `operator`, `reauth: slack`, `in_doubt: charge`."""
        what = self.connection or self.step
        return self.reason.value if what is None else f"{self.reason.value}: {what}"


class Approval(NamedTuple):
    """One task for people. Times are UTC in ms. `gate` is the gate's place in the step, None for a `human` step.

    `status` is `pending`, `approved`, `denied`, `expired` or `cancelled`; `expires` is the time it is given, in ms;
    `overdue` says that it expired while the run was held, which takes effect on release. `fields` is the JSON Schema of
    what is asked for, `values` what was filled in. `links` are the digests of the one-time tokens by person, `token`
    that of the one it was decided with. `warned` says that its expiry is near, and was told.
    """

    task: str
    step: str
    kind: str
    when: str
    gate: int | None
    title: str
    body: Json
    assignees: tuple[str, ...]
    requested_at: int
    expires: int
    expires_at: int
    on_expiry: str
    escalate_to: tuple[str, ...]
    reversibility: str
    channel: str
    input: Json
    input_digest: str | None
    status: str = "pending"
    decided_by: str | None = None
    decided_at: int | None = None
    comment: str | None = None
    via: str | None = None
    overdue: bool = False
    escalated_from: str | None = None
    fields: JsonObject | None = None
    values: JsonObject | None = None
    links: Mapping[str, str] = {}
    token: str | None = None
    warned: bool = False


class ScopeState:
    """The steps of one scope that is open: the workflow's, an item's or a round's. `prefix` is "" or `notify.3.`.

    `loop` is the step whose body this is, `index` its item or round; `open` counts the steps that have not ended;
    `failure` is the path of the first step whose failure nothing in here took up; `done` says that all of them ended.
    """

    __slots__ = ("done", "failure", "index", "loop", "open", "prefix", "steps", "topology")

    def __init__(self, topology: Topology, prefix: str, loop: StepState | None, index: int) -> None:
        self.topology = topology
        self.prefix = prefix
        self.loop = loop
        self.index = index
        self.steps: dict[str, StepState] = {}
        self.open = len(topology.nodes)
        self.failure: str | None = None
        self.done = False


class LoopState:
    """A loop that has started. `items` is the recorded list of an `each`, empty for a `repeat`.

    `opened` counts the items or rounds opened so far; `active` those among them that have not ended; `reopen` lists the
    failed ones that a retry or redrive opens again; `scopes` is each one's steps by index. `failing` is the path of the
    first step that failed an item, `stopped` what ended a `repeat`: `until` or `while`. `tested` is the last round that
    `until` or `while` was tested for (a `while` counts the round to come), `round_at` when the last round started, UTC
    in ms.
    """

    __slots__ = (
        "active",
        "failing",
        "items",
        "opened",
        "reopen",
        "round_at",
        "scopes",
        "stopped",
        "tested",
    )

    def __init__(self, items: list[Json]) -> None:
        self.items = items
        self.opened = 0
        self.active = 0
        self.reopen: list[int] = []
        self.failing: str | None = None
        self.stopped: str | None = None
        self.tested = -1
        self.round_at = 0
        self.scopes: dict[int, ScopeState] = {}


class StepState:
    """One step of one scope. `path` is `charge`, or `notify.3.send` inside a loop.

    `status` and `detail` are the table's words. `attempts` is the number of the last attempt. `has_result` tells a
    null result from none. `input` is what was dispatched, or shown to those who approved it. Times are UTC in ms.
    """

    __slots__ = (
        "approval",
        "approved",
        "attempts",
        "cause",
        "child",
        "dead_denial",
        "dead_failure",
        "denied",
        "detached",
        "detail",
        "edit",
        "ended_at",
        "error",
        "failed_by",
        "failures",
        "has_result",
        "input",
        "key",
        "live",
        "loop",
        "losses",
        "lost",
        "name",
        "node",
        "path",
        "result",
        "resume_at",
        "reviewed",
        "scope",
        "settled",
        "started_at",
        "starved",
        "status",
        "talk",
        "unchecked",
        "unread",
        "unresolved",
    )

    def __init__(self, node: Node, scope: ScopeState) -> None:
        self.node = node
        self.scope = scope
        self.name = node.name
        self.path = scope.prefix + node.name
        self.status = StepStatus.PENDING
        self.detail: str | None = None
        self.attempts = 0
        self.failures = 0  # attempts that count against `retry`
        self.input: Json = None
        self.key: Json = None
        self.result: Json = None
        self.has_result = False
        self.unchecked = False  # its result is still to be held against what the step declares
        self.error: StepError | None = None
        self.started_at: int | None = None
        self.ended_at: int | None = None
        self.resume_at: int | None = None  # when the next attempt, or a timer, is due
        self.edit: JsonObject | None = None  # attributes that `retry --edit` changed
        self.child: str | None = None
        self.detached = False
        self.loop: LoopState | None = None
        self.talk: Conversation | None = None  # an agent's rounds
        self.approval: str | None = None  # the last task asked for
        self.approved: dict[int, str | None] = {}  # gate before the action -> digest of the input it was shown
        self.reviewed = 0  # gates after the action that agreed
        self.denied = False  # denied itself, not by way of a step before it
        self.lost = False
        self.losses = 0  # attempts lost in a row, but for those of a platform that stopped in good order
        self.starved: str | None = None  # path of the step whose result does not exist
        self.cause: str | None = None  # path of the step, or the word, that blocked or cancelled it
        self.failed_by: str | None = None  # path of the step whose failure or denial this one handles
        self.settled = False  # its edges are resolved
        self.unresolved = node.control_count
        self.unread = node.read_count
        self.live = 0
        self.dead_failure: str | None = None
        self.dead_denial = False

    @property
    def plan(self) -> PlanStep:
        return self.node.step

    @property
    def config(self) -> JsonObject:
        """The plan's attributes of the kind, with what a retry changed."""
        config = self.node.step.config
        return config if self.edit is None else {**config, **self.edit}


class RunState:
    """Everything the log says about one run. Times are UTC in ms; `seq` is that of the last event."""

    def __init__(self, run_id: str, plan: Plan) -> None:
        self.run_id = run_id
        self.plan = plan
        self.topology = topology(plan)
        self.phase = Phase.QUEUED
        self.epoch = 0
        self.seq = 0
        self.at = 0
        self.workflow = plan.workflow
        self.version: int | None = None
        self.plan_digest = plan.digest
        self.inputs: JsonObject = {}
        self.trigger: JsonObject = {}
        self.environment: str | None = None
        self.parent: JsonObject | None = None
        self.source: str | None = None
        self.due_at: int | None = None
        self.late_window: int | None = None
        self.let_in = False  # it was released from the throughput breaker, and does not count to it again
        self.deadline: int | None = None
        self.created_at = 0
        self.started_at: int | None = None
        self.ended_at: int | None = None
        self.outcome: str | None = None
        self.output: Json = None
        self.failure_code: str | None = None
        self.failed_step: str | None = None
        self.failure_message: str | None = None
        self.skip_reason: str | None = None
        self.cancelling: JsonObject = {}  # the facts of the event that began it
        self.drain: JsonObject | None = None  # the facts of the event that began it
        self.ends_by: int | None = None  # the deadline of draining or cancelling
        self.overtime = False  # that deadline has passed
        self.ending_since = 0  # the event that began to drain or cancel it
        self.ending_at: int | None = None  # and its time
        # what made the outcome
        self.forced = False
        self.denied = False
        self.failures: dict[str, str] = {}  # failures that were handled or allowed to go on: path -> code
        # what stands open
        self.root = ScopeState(self.topology, "", None, 0)
        self.steps: dict[str, StepState] = {}
        self.holds: dict[HoldKey, Hold] = {}
        self.in_flight: dict[str, int] = {}
        self.approvals: dict[str, Approval] = {}
        self.timers: dict[str, int] = {}
        self.heap: list[tuple[int, str]] = []  # the timers by time; its first entry is always armed
        self.overdue: dict[str, None] = {}  # tasks that expired under a hold; they act on release
        self.requests: dict[str, str] = {}  # request id -> the first answer
        self.spent: dict[str, int] = {}  # attempts of the steps of a loop that started over: none is numbered twice
        self.signals: dict[str, list[str]] = {}  # id of a signal that the run took -> the waits that it answered
        self.callbacks: dict[str, str] = {}  # digest of a token that was used -> the step that it answered
        self._begin_frontier()

    def _begin_frontier(self) -> None:
        """What `decide` looks at, and the open steps by status; dicts for their order."""
        self.urgent: dict[str, None] = {}
        self.ready: dict[str, None] = {}
        self.running: dict[str, None] = {}  # without the loops: what runs in them counts
        self.retrying: dict[str, None] = {}
        self.waiting: dict[str, None] = {}
        self.held: dict[str, None] = {}
        self.interrupted: dict[str, None] = {}
        self.open: dict[StepStatus, dict[str, None]] = {
            StepStatus.READY: self.ready,
            StepStatus.RUNNING: self.running,
            StepStatus.RETRYING: self.retrying,
            StepStatus.WAITING: self.waiting,
            StepStatus.HELD: self.held,
            StepStatus.INTERRUPTED: self.interrupted,
        }
        self.waits: dict[str, int] = {}  # what for -> how many
        self.listening: dict[str, str] = {}  # path of an open `wait` -> the event
        # why the run fails, once nothing holds it: code, step, message, and `drain`, when what runs may finish first
        self.verdict: JsonObject | None = None
        self.hidden: tuple[str, ...] = ()  # values that are secret in a run that called this one, or was called
        self.kept: JsonObject = {}  # of a fork, until they are: path -> how the step ended in the source
        self.preapproved: JsonObject = {}  # of a fork: path -> gate -> digest of the input that was approved there
        self.finish: str | None = None  # path of the `finish` step that ended the run

    def children(self) -> Iterator[str]:
        """The attached sub-runs that the run waits for."""
        for path in self.waiting:
            step = self.steps[path]
            if step.detail == WaitsFor.SUBRUN and step.child is not None:
                yield step.child


def new(run_id: str, plan: Plan) -> RunState:
    """The state of a run before its first event."""
    return RunState(run_id, plan)


def error_json(error: StepError) -> JsonObject:
    """A step's error as events and answers carry it."""
    found: JsonObject = {
        "code": error.code,
        "message": error.message,
        "class": error.error_class.value,
        "provider_status": error.provider_status,
        "retryable": error.retryable,
        "detail": error.detail,
    }
    if error.retry_after_ms is not None:
        found["retry_after_ms"] = error.retry_after_ms
    if error.hold is not None:
        found["hold"] = error.hold
    return found


def error_of(found: JsonObject) -> StepError:
    """The error that `error_json` wrote; raises KeyError, TypeError or ValueError on anything else."""
    status, detail, after = found.get("provider_status"), found.get("detail"), found.get("retry_after_ms")
    hold = found.get("hold")
    return StepError(
        code=str(found["code"]),
        message=str(found["message"]),
        error_class=ErrorClass(str(found["class"])),
        provider_status=status if isinstance(status, int) else None,
        detail=detail if isinstance(detail, dict) else None,
        retry_after_ms=after if isinstance(after, int) else None,
        hold=hold if isinstance(hold, str) else None,
    )


__all__ = [
    "Approval",
    "Hold",
    "HoldKey",
    "LoopState",
    "RunState",
    "ScopeState",
    "StepState",
    "error_json",
    "error_of",
    "new",
]
