"""Plans made by hand, and a driver that runs them in memory on a clock that the test turns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from headgate.plan import Json, JsonObject, Plan, PlanBody, PlanEdge, PlanGate, PlanStep, Policies, Retry
from headgate.runtime.codec import decode, encode
from headgate.runtime.commands import Abort, Perform, Prepare, Purpose, Record
from headgate.runtime.decider import (
    Accepted,
    Request,
    Verdict,
    decide,
    evolve,
    fold,
    judge,
    new,
    wake_sources,
)
from headgate.runtime.errors import ErrorClass, StepError
from headgate.runtime.events import Event, EventType
from headgate.runtime.preparing import prepare
from headgate.runtime.state import RunState, error_json
from headgate.runtime.status import TERMINAL_PHASES, Phase
from headgate.runtime.wakes import told_wake

START = 1_800_000_000_000
Outcome: TypeAlias = "Json | StepError"
World: TypeAlias = "Callable[[str, int, Json], Outcome]"


def edges(*written: str) -> tuple[PlanEdge, ...]:
    """`a`, `failed a`, `denied a`, `finished a`, `read a`, `case 0 a`, `else a`; `*failed a` came from a star."""
    made = []
    for text in written:
        words = text.lstrip("*").split()
        star = text.startswith("*")
        if len(words) == 1:
            made.append(PlanEdge(words[0], "completed", None, star))
        elif words[0] == "case":
            made.append(PlanEdge(words[2], "case", int(words[1]), star))
        else:
            made.append(PlanEdge(words[1], words[0], None, star))
    return tuple(made)


def step(name: str, kind: str = "noop", *after: str, **given: Any) -> PlanStep:
    """One step; `join` follows the language's default when it is not given."""
    found = edges(*after)
    control = [edge for edge in found if edge.on != "read"]
    handlers = bool(control) and all(edge.on in ("failed", "denied") for edge in control)
    body = given.pop("body", None)
    fields: dict[str, Any] = {
        "name": name,
        "kind": kind,
        "title": None,
        "owner": None,
        "config": {},
        "edges": found,
        "join": "any" if handlers else "all",
        "when": None,
        "enabled": True,
        "retry": Retry(0, ()),
        "timeout": 60_000,
        "on_failure": None,
        "in_doubt": "retry",
        "reversibility": "safe",
        "idempotency_key": None,
        "result": None,
        "gates": (),
        "body": None if body is None else PlanBody({each.name: each for each in body}, tuple(b.name for b in body)),
    }
    return PlanStep(**{**fields, **given})


def gate(when: str = "before", kind: str = "approval", **given: Any) -> PlanGate:
    fields: dict[str, Any] = {
        "kind": kind,
        "when": when,
        "ask": "sure?",
        "assignees": [],
        "expires": 60_000,
        "on_expiry": "deny",
        "escalate_to": [],
        "channel": "inbox",
    }
    return PlanGate(**{**fields, **given})


def human(name: str, *after: str, **config: Json) -> PlanStep:
    kept: JsonObject = {"kind": "approval", "title": "sure?", "assignees": [], "expires": 60_000, "on_expiry": "deny"}
    return step(name, "human", *after, config={**kept, **config})


def plan(
    *steps: PlanStep, outputs: JsonObject | None = None, constants: JsonObject | None = None, **policy: Any
) -> Plan:
    policies: dict[str, Any] = {
        "on_failure": "fail",
        "timeout": 86_400_000,
        "deadline": None,
        "throughput": None,
        "concurrency": None,
        "resume_on_reconnect": False,
    }
    return Plan(
        workflow="w",
        title=None,
        digest="sha256:0",
        entry=steps[0].name,
        inputs={"type": "object"},
        vars=constants or {},
        triggers={},
        policies=Policies(**{**policies, **policy}),
        requires={},
        steps={each.name: each for each in steps},
        order=tuple(each.name for each in steps),
        outputs=outputs or {},
        source={},
    )


def error(kind: str = "permanent", code: str = "MCP_TOOL_FAILED", **given: Any) -> StepError:
    return StepError(code, "it broke", ErrorClass(kind), **given)


class MemoryRun:
    """A run whose attempts answer as `world(path, attempt, input)` says; None in `world` leaves them out."""

    def __init__(
        self,
        made: Plan,
        world: World | Mapping[str, Outcome] | None = None,
        inputs: JsonObject | None = None,
        **data: Any,
    ) -> None:
        self.plan = made
        self.world = (lambda path, _attempt, _given: world.get(path, {})) if isinstance(world, Mapping) else world
        self.now = START
        self.state: RunState = new("R", made)
        self.events: list[Event] = []
        self.performed: list[tuple[str, int]] = []
        self.aborted: list[tuple[str, int]] = []
        self.children: list[tuple[str, JsonObject]] = []
        self.verify = False
        self.append(Record(EventType.RUN_CREATED, {"workflow": "w", "inputs": inputs or {}, **data}))

    # what a driver does

    def upcoming(self, record: Record, request_id: str | None = None) -> Event:
        """The event that `record` is about to become."""
        return Event(self.state.seq + 1, self.now, *record, request_id)

    def append(self, record: Record, request_id: str | None = None) -> None:
        event = self.upcoming(record, request_id)
        evolve(self.state, event)
        self.events.append(event)
        if self.verify:
            assert picture(self.refold()) == picture(self.state), f"replaying {event} differs"

    def settle(self) -> list[Perform]:
        """Carry commands out until there are none; returns the attempts to start."""
        starts: list[Perform] = []
        while True:
            before = picture(self.state) if self.verify else None
            commands = decide(self.state, self.now)
            if self.verify:
                assert picture(self.state) == before, "decide changed the state"
                assert decide(self.state, self.now) == commands, "decide answers twice differently"
            if not commands:
                break
            for command in commands:
                match command:
                    case Record():
                        self.append(command)
                    case Prepare():
                        self.append(self._prepared(command))
                    case Perform():
                        starts.append(command)
                    case Abort():
                        self.aborted.append((command.step, command.attempt))
        if self.state.phase not in TERMINAL_PHASES:
            assert next(wake_sources(self.state), None) is not None, "nothing will ever wake this run"
        return [start for start in starts if self.state.in_flight.get(start.step) == start.attempt]

    def _prepared(self, command: Prepare) -> Record:
        record = prepare(self.state, command, self.now)
        if command.purpose is Purpose.CHILD and record.type is EventType.STEP_WAITING:
            run = str(record.data.get("run") or f"child-{len(self.children)}")
            self.children.append((run, record.data))
            return record._replace(data={**record.data, "run": run})
        return record

    def end(self, path: str, attempt: int, outcome: Outcome) -> None:
        """An attempt ended."""
        if isinstance(outcome, StepError):
            data: JsonObject = {"attempt": attempt, "error": error_json(outcome)}
            self.append(Record(EventType.ATTEMPT_FAILED, data, path))
        else:
            self.append(Record(EventType.ATTEMPT_SUCCEEDED, {"attempt": attempt, "result": outcome}, path))

    def attempt_cancelled(self, path: str, attempt: int) -> None:
        self.append(Record(EventType.ATTEMPT_CANCELLED, {"attempt": attempt}, path))

    def child_ended(self, path: str, status: str, output: Json) -> None:
        failure: Json = None if status == "completed" else {"code": "X", "step": None, "message": "broke"}
        data: JsonObject = {"run": self[path].child, "status": status, "output": output, "failure": failure}
        self.append(Record(EventType.CHILD_ENDED, data, path))
        self.drive()

    def drive(self) -> MemoryRun:
        """Until it rests without turning the clock."""
        queue = self.settle()
        while queue:
            start = queue.pop(0)
            if self.state.in_flight.get(start.step) != start.attempt:
                continue
            self.performed.append((start.step, start.attempt))
            if self.world is not None:
                self.end(start.step, start.attempt, self.world(start.step, start.attempt, self[start.step].input))
            queue += self.settle()
        return self

    def wait(self) -> MemoryRun:
        """Turn the clock to the next timer and drive."""
        told = told_wake(self.state)
        assert told is not None, "there is no timer to wait for"
        self.now = max(self.now, told.at)
        return self.drive()

    def to_the_end(self, most: int = 100) -> MemoryRun:
        self.drive()
        for _ in range(most):
            if self.state.phase in TERMINAL_PHASES:
                return self
            self.wait()
        raise AssertionError("the run does not end")

    def ask(self, verb: str, step_path: str | None = None, **given: Any) -> Verdict:
        """Judge an act, append what it records, and drive on."""
        self.settle()
        named = {key: given.pop(key) for key in ("task", "reason", "request_id", "people") if key in given}
        people = named.pop("people", None)
        request = Request(verb, given.pop("actor", "ann"), step_path, args=given, **named)
        verdict = judge(self.state, request, self.now, people)
        if isinstance(verdict, Accepted):
            request_id = request.request_id
            for record in verdict.records:
                self.append(record._replace(actor=request.actor, reason=request.reason), request_id)
                request_id = None
            self.aborted += [(abort.step, abort.attempt) for abort in verdict.aborts]
            self.drive()
        return verdict

    def crash(self) -> None:
        """The driver dies; another folds the log and records what was out as lost."""
        self.state = self.refold()
        for path, attempt in list(self.state.in_flight.items()):
            self.append(Record(EventType.ATTEMPT_LOST, {"attempt": attempt}, path))

    def refold(self) -> RunState:
        return fold("R", self.plan, [decode("R", event.seq, encode(event)) for event in self.events])

    # what a test looks at

    def __getitem__(self, path: str) -> Any:
        return self.state.steps[path]

    @property
    def statuses(self) -> dict[str, str]:
        """Path -> `completed`, `skipped denied`, ...; the detail only of what was skipped or waits."""
        return {
            path: each.status.value + (f" {each.detail}" if each.detail else "")
            for path, each in self.state.steps.items()
        }

    @property
    def phase(self) -> Phase:
        return self.state.phase

    @property
    def types(self) -> list[str]:
        return [event.type.value for event in self.events]


def picture(value: object, seen: tuple[int, ...] = ()) -> object:
    """A state as plain values, everything in it, for comparing two of them."""
    if isinstance(value, (str, int, float, type(None))):
        return value
    if id(value) in seen or isinstance(value, (Plan, PlanStep)):
        return "..."
    seen = (*seen, id(value))
    if isinstance(value, Mapping):
        return [(str(key), picture(each, seen)) for key, each in value.items()]
    if isinstance(value, (list, tuple)):
        return [picture(each, seen) for each in value]
    names = getattr(type(value), "__slots__", None) or vars(value)
    return [
        (name, picture(getattr(value, name), seen))
        for name in names
        if name not in ("topology", "node", "scope", "open") and not name.startswith("_")
    ]
