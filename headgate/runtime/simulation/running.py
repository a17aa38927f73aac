"""One simulated run: a store in memory, a virtual clock, the executor that drives real runs, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from headgate.plan import JsonObject, Plan
from headgate.records import NamedTuple
from headgate.runtime.attempts import OutputSchema
from headgate.runtime.children import Callees
from headgate.runtime.commands import Record
from headgate.runtime.connections import World
from headgate.runtime.driven import DrivenRun
from headgate.runtime.events import EventType
from headgate.runtime.executor import Executor, Services
from headgate.runtime.patience import Patience
from headgate.runtime.simulation.answers import Performance, Usage
from headgate.runtime.simulation.assumptions import Assumptions
from headgate.runtime.simulation.drawing import Looks, draw_of
from headgate.runtime.simulation.outside import Outside
from headgate.runtime.simulation.people import People
from headgate.runtime.simulation.scripts import Scripts
from headgate.runtime.simulation.virtual import START_MS, VirtualClock, VirtualLoop
from headgate.runtime.store import Identifiers, Owner, Store
from headgate.runtime.view import RunView, run_view
from headgate.workspace import Workspace

IN_MEMORY = Path(":memory:")
_ACTOR = "simulation"


class Scenery(NamedTuple):
    """What all seeds share. `looks` knows every workflow of the simulation by its name."""

    plan: Plan
    content: bytes
    workspace: Workspace
    callees: Callees
    output_schema: OutputSchema
    looks: Mapping[str, Looks]
    assumptions: Assumptions


class Simulated(NamedTuple):
    """One seed: the run as it rests, what it asked of the world, and how long it took in ms of its own time.

    `unexpected` is true when the run failed though nothing that was given or drawn failed it, and no `fail` step.
    """

    seed: int
    view: RunView
    took_ms: int
    usages: tuple[Usage, ...]
    effects: Mapping[str, int]
    unexpected: bool


def simulate(scenery: Scenery, inputs: JsonObject, trigger: JsonObject, seed: int, scripts: Scripts) -> Simulated:
    """Runs a plan once; the same seed gives the same run. Nothing outside of this process but `scripts` is touched."""
    performance = Performance(seed, scenery.assumptions, scenery.looks, scripts)
    loop = VirtualLoop()
    try:
        driven, *called = loop.run_until_complete(_Seed(scenery, seed, performance, loop).drive(inputs, trigger))
    finally:
        loop.close()
    view = run_view(driven.state)
    views = [view, *(run_view(each.state) for each in called)]
    ended = driven.state.ended_at or driven.state.at
    return Simulated(
        seed,
        view,
        ended - START_MS,
        tuple(performance.usages),
        dict(sorted(performance.effects.items())),
        view.status in _BAD and any(_is_unexpected(each, performance.expected) for each in views),
    )


class _Seed:
    """The executor of one run with its surroundings."""

    def __init__(self, scenery: Scenery, seed: int, performance: Performance, loop: VirtualLoop) -> None:
        self._scenery = scenery
        self._seed = seed
        self._clock = VirtualClock(loop)
        self._store = Store(IN_MEMORY)
        world = World(scenery.workspace._replace(secrets={}), environ={}, clock=self._clock)
        entropy = draw_of(seed, "identifiers")
        self._executor = Executor(
            self._store,
            _Alone(),
            Services(
                worlds=lambda _environment: world,
                clock=self._clock,
                callees=scenery.callees,
                output_schema=scenery.output_schema,
                people={},
                changed=self._changed,
                perform=performance.perform,
                identifiers=lambda: Identifiers(entropy.randbytes),
                shared=False,
            ),
        )
        self._people = People(seed, scenery.assumptions, performance, self._executor.ask)
        self._outside = Outside(seed, performance, self._executor.tell)

    async def drive(self, inputs: JsonObject, trigger: JsonObject) -> list[DrivenRun]:
        """The run once it rests, ended or held by what only an operator can release; behind it those that it called."""
        plan, fleet = self._scenery.plan, self._executor.fleet
        facts: JsonObject = {"workflow": plan.workflow, "plan_digest": plan.digest, "inputs": inputs}
        record = Record(EventType.RUN_CREATED, {**facts, "trigger": trigger, "environment": None}, actor=_ACTOR)
        fleet.shelf.keep(plan)
        made = fleet.create(record, self._scenery.content, self._clock.now_ms())
        try:
            await self._executor.drive(Patience(until=None, for_people=True))
        finally:
            self._store.close()
        return [made, *(each for each in fleet.runs.values() if each is not made)]

    def _changed(self, run: str) -> None:
        driven = self._executor.fleet.runs.get(run)
        if driven is not None:
            self._people.look(driven)
            self._outside.look(driven)


class _Alone(Owner):
    """The driver of a store that nobody else can reach: it needs no lock."""

    __slots__ = ()

    def __init__(self) -> None:
        self.name = _ACTOR
        self._descriptor = None


def _is_unexpected(view: RunView, expected: set[str]) -> bool:
    """Whether the workflow itself, or what it was given to compute with, made the run fail or stall."""
    if view.status == "stalled":
        return True
    if view.status != "failed" or view.failure is None:
        return False
    code, step = view.failure.code, view.failure.step
    if code in _NOBODYS_FAULT:
        return False
    return step is None or not any(path == step or path.startswith(f"{step}.") for path in expected)


_BAD = frozenset({"failed", "stalled"})
_NOBODYS_FAULT = frozenset(
    {
        *("WORKFLOW_FAILED", "STEP_TIMED_OUT", "HUMAN_TASK_FAILED", "EFFECT_IN_DOUBT"),
        *("RUN_STALLED_OR_TIMED_OUT", "SUBRUN_FAILED"),
    }
)
"""Failures that a workflow asks for, that follow from durations and decisions, or that a called run explains."""
