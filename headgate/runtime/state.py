"""The state of one run: what the folded log says. One driver owns it; only `evolve` changes it.

`steps`, `in_flight`, `timers`, `approvals` and `holds` are for everybody to read. `urgent` and `ready` are the
frontier: what `decide` looks at, so that it never scans the graph.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from headgate.plan import Json, JsonObject, Plan, PlanStep
from headgate.runtime.errors import ErrorClass, StepError
from headgate.runtime.status import HoldReason, Phase, StepStatus
from headgate.runtime.topology import Node, Topology, topology

HoldKey: TypeAlias = "tuple[HoldReason, str | None]"


class Hold(NamedTuple):
    """Why the run dispatches nothing new. `step` is a path for the holds that stand at a step; `since` UTC in ms."""

    reason: HoldReason
    step: str | None
    since: int
    by: str
    note: str | None = None


class Approval(NamedTuple):
    """One task for people. Times are UTC in ms. `gate` is the gate's place in the step, None for a `human` step.

    `status` is `pending`, `approved`, `denied`, `expired` or `cancelled`; `expires` is the time it is given, in ms;
    `overdue` says that it expired while the run was held, which takes effect on release.
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


class ScopeState:
    """The steps of one scope that is open: the workflow's, an item's or a round's. `prefix` is "" or `notify.3.`.

    `loop` is the step whose body this is, `index` its item or round; `open` counts the steps that have not ended;
    `failure` is the path of the first step whose failure nothing in here took up.
    """

    __slots__ = ("failure", "index", "loop", "open", "prefix", "steps", "topology")

    def __init__(self, topology: Topology, prefix: str, loop: StepState | None, index: int) -> None:
        self.topology = topology
        self.prefix = prefix
        self.loop = loop
        self.index = index
        self.steps: dict[str, StepState] = {}
        self.open = len(topology.nodes)
        self.failure: str | None = None


class LoopState:
    """A loop that has started. `items` is the recorded list of an `each`, empty for a `repeat`.

    `opened` counts the items or rounds opened so far; `active` those among them that have not ended; `scopes` is each
    one's steps by index. `failing` is the path of the first step that failed an item, `stopped` what ended a
    `repeat`: `until`, `while` or `max`. `tested` is the last round that `until` or `while` was tested for (a `while`
    counts the round to come), and `round_at` when the last round started, UTC in ms.
    """

    __slots__ = (
        "active",
        "failed",
        "failing",
        "going",
        "items",
        "opened",
        "round_at",
        "scopes",
        "stopped",
        "tested",
    )

    def __init__(self, items: list[Json]) -> None:
        self.items = items
        self.opened = 0
        self.active = 0
        self.failed = 0
        self.failing: str | None = None
        self.stopped: str | None = None
        self.tested = -1
        self.going = True
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
        "lost",
        "name",
        "node",
        "path",
        "resume_at",
        "result",
        "reviewed",
        "scope",
        "settled",
        "started_at",
        "starved",
        "status",
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
        self.error: StepError | None = None
        self.started_at: int | None = None
        self.ended_at: int | None = None
        self.resume_at: int | None = None  # when the next attempt, or a timer, is due
        self.edit: JsonObject | None = None  # attributes that `retry --edit` changed
        self.child: str | None = None
        self.detached = False
        self.loop: LoopState | None = None
        self.approval: str | None = None  # the last task asked for
        self.approved: dict[int, str | None] = {}  # gate before the action -> digest of the input it was shown
        self.reviewed = 0  # gates after the action that agreed
        self.denied = False  # denied itself, not by way of a step before it
        self.lost = False
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
        self.cancel_code: str | None = None
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
        self.requests: dict[str, str] = {}  # request id -> the first answer
        # the frontier, and the open steps by status; dicts for their order
        self.urgent: dict[str, None] = {}
        self.ready: dict[str, None] = {}
        self.running: dict[str, None] = {}
        self.retrying: dict[str, None] = {}
        self.waiting: dict[str, None] = {}
        self.held: dict[str, None] = {}
        self.interrupted: dict[str, None] = {}
        self.waits: dict[str, int] = {}  # what for -> how many
        self.verdict: JsonObject | None = None  # why the run fails, once nothing holds it: code, step, message
        self.finish: str | None = None  # path of the `finish` step that ended the run

    def step(self, path: str) -> StepState:
        """The step at `path`; raises KeyError for one that does not exist or whose item has not started."""
        return self.steps[path]


def new(run_id: str, plan: Plan) -> RunState:
    """The state of a run before its first event."""
    return RunState(run_id, plan)


__all__ = [
    "Approval",
    "ErrorClass",
    "Hold",
    "LoopState",
    "RunState",
    "ScopeState",
    "StepState",
    "new",
]
