"""`simulate`: a plan on a virtual clock, with given or made-up answers, once or many times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Self

from headgate.api.callees import CalleeFinder
from headgate.api.faults import Fault, UsageFault
from headgate.api.given_answers import read_given, read_took
from headgate.api.inputs import Given, complete_inputs, read_inputs
from headgate.api.place import Place
from headgate.api.readiness import not_run_yet
from headgate.api.running import read_target
from headgate.api.site import Site
from headgate.compiler.interests import interests
from headgate.compiler.time_bounds import time_bound
from headgate.plan import Json, JsonObject, Plan, dump
from headgate.records import NamedTuple
from headgate.runtime.children import Callee, CalleeRefused, Caller
from headgate.runtime.errors import ErrorClass, StepError
from headgate.runtime.simulation.assumptions import Assumptions
from headgate.runtime.simulation.drawing import Looks, Unmakeable, draw_of, shape_of, value_for
from headgate.runtime.simulation.running import Scenery, Simulated, simulate
from headgate.runtime.simulation.scripts import Scripts
from headgate.runtime.simulation.tally import Progress, Tally, cost_of, tally

MOST_SEEDS = 100_000


class Question(NamedTuple):
    """What to simulate. `inputs` that are not given are made up; `answers` is the content of a `--given` file.

    `took` maps steps to ms; `failures` is the share of attempts that fail.
    """

    target: str
    inputs: Given
    answers: JsonObject
    took: Mapping[str, int]
    failures: float


class Studied(NamedTuple):
    """Many seeds. `bound_ms` is the proven worst time, None without one; `notes` are remarks for people."""

    plan: Plan
    tally: Tally
    bound_ms: int | None
    notes: tuple[str, ...]


class Played(NamedTuple):
    """One seed. `cost` is in USD."""

    plan: Plan
    run: Simulated
    cost: float
    notes: tuple[str, ...]


def study(question: Question, seeds: int, place: Place, progress: Progress | None = None) -> Studied:
    """Simulates `seeds` seeds, from 0. Raises as `run` does, and `UsageFault` for answers that fit no step."""
    if not 0 < seeds <= MOST_SEEDS:
        raise UsageFault(f"`--seeds` must be between 1 and {MOST_SEEDS}")
    stage = _Stage(question, place)
    runs: list[Simulated] = []
    with stage:
        for seed in range(seeds):
            runs.append(stage.run(seed))
            if progress is not None:
                progress(len(runs), seeds)
    found = tally(stage.plan, runs, stage.site.workspace.models)
    return Studied(stage.plan, found, time_bound(stage.plan), stage.notes)


def play(question: Question, seed: int, place: Place) -> Played:
    """Simulates one seed. Raises as `study`."""
    stage = _Stage(question, place)
    with stage:
        run = stage.run(seed)
    return Played(stage.plan, run, cost_of(run, stage.site.workspace.models), stage.notes)


class _Stage:
    """Everything that the seeds share, and the process that runs their scripts."""

    def __init__(self, question: Question, place: Place) -> None:
        self.site = Site(place, place.folder / question.target.partition("#")[0])
        target = read_target(question.target, self.site)
        self.plan = target.plan
        finder = CalleeFinder(self.site)
        plans = list(finder.closure(Caller(self.plan)))
        looked = {plan.workflow: Looks(*interests(plan)) for plan in reversed(plans)}
        self._mine = looked[self.plan.workflow]
        self._given = question.inputs
        self._check_inputs()
        assumptions = Assumptions(
            read_given(question.answers, plans), read_took(question.took, plans), _rate(question.failures)
        )
        self._scenery = Scenery(
            self.plan,
            target.content,
            self.site.workspace,
            lambda caller, name, inputs: _callee(finder, caller, name, inputs),
            self.site.output_schema,
            looked,
            assumptions,
        )
        self.notes = _notes(plans)
        self._scripts = Scripts()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._scripts.close()

    def run(self, seed: int) -> Simulated:
        """One run, with inputs of its own where they are made up."""
        return simulate(self._scenery, self._inputs(seed), self._trigger(seed), seed, self._scripts)

    def _check_inputs(self) -> None:
        """Refuses given inputs that do not fit, whatever is made up beside them."""
        properties = self.plan.inputs.get("properties")
        declared = properties if isinstance(properties, dict) else {}
        names = {*self._given.texts, *self._given.values}
        required: list[Json] = [name for name in declared if name in names]
        read_inputs({**self.plan.inputs, "required": required}, self._given)

    def _inputs(self, seed: int) -> JsonObject:
        """The given inputs, and for the others a value that fits, or the default."""
        properties = self.plan.inputs.get("properties")
        declared = properties if isinstance(properties, dict) else {}
        made: JsonObject = {}
        for name, schema in declared.items():
            if name in self._given.texts or name in self._given.values or not isinstance(schema, dict):
                continue
            random = draw_of(seed, "input", name)
            if "default" in schema and random.random() < 0.5:
                continue
            shape = shape_of(self._mine, ("inputs", name))
            try:
                made[name] = value_for(schema, shape, random)
            except Unmakeable:
                if "default" not in schema:
                    raise UsageFault(f"no made-up value fits the input `{name}`: give one with -i {name}=...") from None
        return read_inputs(self.plan.inputs, Given(self._given.texts, {**made, **self._given.values}))

    def _trigger(self, seed: int) -> JsonObject:
        """What the templates read of the trigger, made up."""
        shape = shape_of(self._mine, ("trigger",))
        payload: Json = None
        if shape.parts:
            payload = value_for(None, shape, draw_of(seed, "trigger"))
        return {"name": "manual", "kind": "manual", "payload": payload}


def _callee(finder: CalleeFinder, caller: Caller, name: str, inputs: JsonObject) -> Callee:
    """A called workflow, also one that this version simulates and does not run."""
    plan = finder.plan(caller, name)
    try:
        return Callee(plan, dump(plan), complete_inputs(plan.inputs, inputs))
    except Fault as fault:
        message = f"`{name}` does not take these inputs: {fault.message}"
        raise CalleeRefused(StepError("CONFIG_INVALID", message, ErrorClass.PERMANENT)) from fault


def _notes(plans: Sequence[Plan]) -> tuple[str, ...]:
    found = (not_run_yet(plan) for plan in plans)
    return tuple(dict.fromkeys(f"simulated all the same: {reason}" for reason in found if reason is not None))


def _rate(rate: float) -> float:
    if not 0 <= rate <= 1:
        raise UsageFault("`--failures` is a share between 0 and 1, such as 0.1")
    return rate
