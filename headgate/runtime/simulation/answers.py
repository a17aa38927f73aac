"""The performer of a simulation: each attempt takes its time and is answered as given, or with a value that fits."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from headgate import kinds
from headgate.plan import RAW, Json, JsonObject
from headgate.records import NamedTuple
from headgate.runtime.connections import World
from headgate.runtime.conversation import usage_json
from headgate.runtime.errors import ErrorClass, StepError, StepFailure
from headgate.runtime.fitting import fit, storable
from headgate.runtime.performers import Attempt
from headgate.runtime.simulation.assumptions import (
    CHARACTERS_A_TOKEN,
    DURATIONS_MS,
    MOST_ROUNDS,
    OTHER_KINDS_MS,
    OUTPUT_TOKENS,
    Answer,
    Assumptions,
    drawn_error,
    drawn_ms,
    plain_path,
)
from headgate.runtime.simulation.drawing import (
    NOTHING_LOOKED_AT,
    Looks,
    Shape,
    Unmakeable,
    draw_of,
    shape_of,
    value_for,
)

if TYPE_CHECKING:
    from random import Random

    from headgate.runtime.simulation.scripts import Scripts


class Usage(NamedTuple):
    """Tokens of one call of a model."""

    step: str
    model: str
    input_tokens: int
    output_tokens: int


class Performance:
    """Answers the attempts of one seed. `looks` knows each workflow by name; `usages` are the calls of models."""

    def __init__(self, seed: int, assumptions: Assumptions, looks: Mapping[str, Looks], scripts: Scripts) -> None:
        self.usages: list[Usage] = []
        self.effects: dict[str, int] = {}
        self.expected: set[str] = set()  # paths of steps that failed because it was given or drawn
        self._seed = seed
        self._assumptions = assumptions
        self._looks = looks
        self._scripts = scripts
        self._asked: dict[str, int] = {}

    async def perform(self, attempt: Attempt, world: World) -> Json:
        """The attempt's result, checked as a real one is; raises `StepFailure`."""
        random = draw_of(self._seed, attempt.workflow, attempt.step, attempt.attempt)
        reversibility = attempt.plan_step.reversibility
        self.effects[reversibility] = self.effects.get(reversibility, 0) + 1
        answer = self.answer(attempt.step)
        attempt.departure.mark()
        took = self._took(attempt, random)
        await asyncio.sleep(took / 1000)
        error = answer.error if answer is not None else None
        if answer is None and attempt.kind != "lua":
            error = drawn_error(attempt.kind, self._assumptions.failures, random)
        if error is not None:
            self.expected.add(attempt.step)
            raise StepFailure(error)
        result = answer.result if answer is not None and answer.has_result else self._made(attempt, world, random)
        fit(storable(result), attempt.plan_step.result, attempt.output_schema)
        return result

    def answer(self, path: str) -> Answer | None:
        """What the user said of the next attempt of a step; the last answer is repeated."""
        answer = self._next(path, "attempt")
        return answer if answer is not None and (answer.has_result or answer.error is not None) else None

    def decision(self, path: str) -> Answer | None:
        """What the user said of the next question of a step."""
        return self._next(path, "question")

    def _next(self, path: str, what: str) -> Answer | None:
        given = self._assumptions.given
        name = next((name for name in (path, plain_path(path)) if name in given), None)
        if name is None:
            return None
        key = f"{what} {name}"
        number = self._asked.get(key, 0)
        self._asked[key] = number + 1
        return given[name][min(number, len(given[name]) - 1)]

    def _took(self, attempt: Attempt, random: Random) -> int:
        exact = self.took(attempt.step)
        return drawn_ms(DURATIONS_MS.get(attempt.kind, OTHER_KINDS_MS), random) if exact is None else exact

    def took(self, path: str) -> int | None:
        """What the user said of how long a step takes, in ms."""
        said = self._assumptions.took
        return said.get(path, said.get(plain_path(path)))

    def event(self, workflow: str, path: str, declared: JsonObject | None, random: Random) -> Json:
        """A made-up payload of the event that a `wait` waits for; raises `Unmakeable`."""
        looks = self._looks.get(workflow, NOTHING_LOOKED_AT)
        shape = shape_of(looks, ("steps", plain_path(path).rpartition(".")[2], "result"))
        return value_for(declared, shape, random)

    # Results

    def _made(self, attempt: Attempt, world: World, random: Random) -> Json:
        if attempt.kind == "lua":
            return self._scripts.run(attempt)
        looks = self._looks.get(attempt.workflow, NOTHING_LOOKED_AT)
        name = plain_path(attempt.step).rpartition(".")[2]
        shape = shape_of(looks, ("steps", name, "result"))
        try:
            return self._of_kind(attempt, shape, world, random)
        except Unmakeable:
            message = f"no made-up result fits what `{attempt.step}` declares: give one with --given"
            raise StepFailure(StepError("RESULT_INVALID", message, ErrorClass.PERMANENT)) from None

    def _of_kind(self, attempt: Attempt, shape: Shape, world: World, random: Random) -> Json:
        declared = attempt.plan_step.result or attempt.output_schema
        if declared:
            return value_for(declared, shape, random)
        match attempt.kind:
            case "http":
                return _http(shape, random)
            case "llm":
                return self._llm(attempt, shape, world, random)
            case "agent":
                return self._agent(attempt, shape, world, random)
            case "mcp":
                made = value_for({"type": "object"}, shape, random)
                return made if shape.parts else {"text": "made up", "content": []}
        kind = kinds.kind(attempt.kind)
        return value_for(None if kind is None else cast("JsonObject | None", kind.result), shape, random)

    def _llm(self, attempt: Attempt, shape: Shape, world: World, random: Random) -> JsonObject:
        usage = _usage(attempt, random)
        self.usages.append(usage)
        model = world.workspace.models.get(usage.model)
        return {
            **_said(attempt, shape, random),
            "usage": usage_json(usage.input_tokens, usage.output_tokens),
            "model": usage.model if model is None else model.model,
        }

    def _agent(self, attempt: Attempt, shape: Shape, world: World, random: Random) -> JsonObject:
        """An agent that is done before its round limit; each of its rounds reads all that was said before."""
        agent = world.workspace.agents.get(str(attempt.input.get("agent")))
        most = attempt.input.get("max_rounds")
        least: JsonObject = {"type": "integer", "minimum": 1, "maximum": most}
        likely = random.randint(1, min(MOST_ROUNDS, most if isinstance(most, int) else MOST_ROUNDS))
        asked = shape.parts.get("rounds")  # where the workflow branches by them
        rounds = likely if asked is None else int(str(value_for(least, asked, random)))
        usages: list[Usage] = []
        for _ in range(rounds if agent is not None and agent.model is not None and agent.url is None else 0):
            assert agent is not None, "an agent that thinks here is in the workspace"
            told = sum(usage.output_tokens for usage in usages)
            one = _usage(attempt, random)
            usages.append(one._replace(model=str(agent.model), input_tokens=one.input_tokens + told))
        self.usages += usages
        counted = [sum(usage.input_tokens for usage in usages), sum(usage.output_tokens for usage in usages)]
        return {**_said(attempt, shape, random), "rounds": rounds, "usage": usage_json(*counted)}


def _said(attempt: Attempt, shape: Shape, random: Random) -> JsonObject:
    """What a model answers: `text`, and `data` by the step's schema."""
    schema = attempt.input.get("schema")
    if isinstance(schema, dict) and set(schema) == {RAW}:
        schema = schema[RAW]
    data = shape.parts.get("data", Shape(pool=shape.pool))
    return {
        "text": str(value_for({"type": "string"}, shape.parts.get("text", Shape()), random)),
        "data": value_for(schema, data, random) if isinstance(schema, dict) else None,
    }


def _http(shape: Shape, random: Random) -> JsonObject:
    """A success, of one of the statuses that the workflow asks about when there are any."""
    status = shape.parts.get("status", Shape())
    wanted = [each for each in status.constants if isinstance(each, int) and 200 <= each < 300]
    body = shape.parts.get("body")
    return {
        "status": random.choice([200, *wanted]) if wanted else 200,
        "headers": {"content-type": "application/json"},
        "body": None if body is None else value_for(None, body, random),
    }


_ASKED = ("system", "prompt", "instructions", "input")


def _usage(attempt: Attempt, random: Random) -> Usage:
    """The prompt by its length; the answer about as long as assumed, and never longer than allowed."""
    given = attempt.input
    length = sum(len(str(given[name])) for name in _ASKED if given.get(name) is not None)
    most = given.get("max_tokens")
    drawn = drawn_ms(OUTPUT_TOKENS, random)
    output = min(drawn, most) if isinstance(most, int) and not isinstance(most, bool) else drawn
    return Usage(attempt.step, str(given.get("model")), -(-length // CHARACTERS_A_TOKEN), output)
