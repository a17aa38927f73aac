"""The only code that touches the world: one file a step kind, each found by the name of its kind.

The executor calls `perform`, enforces the time of an attempt by cancelling it, and records how it ended.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple, Protocol, cast

from headgate.plan import Json, JsonObject, PlanStep
from headgate.runtime.connections import SECRET, World
from headgate.runtime.errors import ErrorClass, StepError, StepFailure
from headgate.runtime.performers.results import fit

BUNDLED = frozenset({"http", "llm", "lua", "mcp"})
"""The kinds performed here, each of which marks its attempts' departures."""

_SECRET = re.compile(r"""secrets\s*(?:\.\s*([A-Za-z_]\w*)|\[\s*["']([^"']*)["']\s*\])""")
_KEPT = 4096
_loaded: dict[str, Performer] = {}
_names: dict[int, tuple[JsonObject, frozenset[str]]] = {}


class Departure:
    """Whether an attempt's request may have left this machine: what a timeout or a loss then means."""

    __slots__ = ("may_have_left",)

    def __init__(self) -> None:
        self.may_have_left = False

    def mark(self) -> None:
        self.may_have_left = True


class Attempt(NamedTuple):
    """One numbered try of one step.

    `step` is its path (`notify.3.send`). `input` is rendered JSON in which a secret stands as `{"$secret": NAME}` or
    inside `{"$text": [...]}`. `scope` holds the names a Lua script sees. `output_schema` is the locked one of the tool.
    `departure` tells the executor, after a timeout, whether the attempt is in doubt (marked) or merely late.
    """

    run: str
    workflow: str
    step: str
    attempt: int
    kind: str
    input: JsonObject
    idempotency_key: str | None
    timeout_ms: int | None
    plan_step: PlanStep
    output_schema: JsonObject | None
    scope: Mapping[str, object]
    departure: Departure


class Performer(Protocol):
    """Carries out one kind of step. Cancelling it must be prompt and leave nothing running behind."""

    async def perform(self, attempt: Attempt, world: World) -> Json:
        """The result of the attempt, whose input has its secrets bound; raises `StepFailure`."""
        ...


def performer(kind: str) -> Performer:
    """The performer of a kind, imported when first asked for; raises `StepFailure` (CONFIG_INVALID) for none."""
    found = _loaded.get(kind)
    if found is None:
        found = _loaded[kind] = _bundled(kind) if kind in BUNDLED else _installed(kind)
    return found


async def perform(attempt: Attempt, world: World) -> Json:
    """The result of the attempt, checked against what its step declares, with every secret masked.

    Raises `StepFailure`, masked as well. Anything else that is raised is a fault of the performer.
    """
    try:
        names = secret_names(attempt)
        if attempt.kind == "lua":
            _refuse_secrets(attempt.input.get("args"), names)
        bound = cast("JsonObject", world.bind(attempt.input, names))
        result = await performer(attempt.kind).perform(attempt._replace(input=bound), world)
        fit(result, attempt.plan_step.result, attempt.output_schema)
    except StepFailure as failure:
        raise StepFailure(world.mask_error(failure.error)) from None
    return world.mask(result)


def secret_names(attempt: Attempt) -> frozenset[str]:
    """The secrets that the step's own text, or a `let` of its workflow, mentions; no other is ever bound."""
    config = attempt.plan_step.config
    known = _names.get(id(config))
    if known is None or known[0] is not config:
        if len(_names) >= _KEPT:
            _names.clear()
        known = _names[id(config)] = (config, frozenset(_mentioned(config)))
    constants = attempt.scope.get("vars")
    return known[1] | frozenset(_mentioned(constants)) if constants else known[1]


def _mentioned(value: object) -> Iterator[str]:
    match value:
        case str() if "secrets" in value:
            for mention in _SECRET.finditer(value):
                yield mention[1] or mention[2]
        case Mapping():
            for key, item in value.items():
                if key == SECRET and isinstance(item, str):
                    yield item
                yield from _mentioned(item)
        case list() | tuple():
            for item in value:
                yield from _mentioned(item)


def _refuse_secrets(args: Json, names: frozenset[str]) -> None:
    """A script's result is stored and goes anywhere; a secret goes only where it is sent."""
    for name in _mentioned(args):
        if name in names:
            message = f"a script may not see the secret `{name}`; send it from a step that calls a provider"
            raise StepFailure(StepError("CONFIG_INVALID", message, ErrorClass.PERMANENT))


def _bundled(kind: str) -> Performer:
    from importlib import import_module

    factory: Callable[[], Performer] = import_module(f"{__name__}.{kind}").Performance
    return factory()


def _installed(kind: str) -> Performer:
    """Scanned only for a kind that is not bundled: the scan costs more than most steps."""
    from importlib.metadata import entry_points

    for point in entry_points(group="headgate.performers", name=kind):
        factory: Callable[[], Performer] = point.load()
        return factory()
    raise StepFailure(
        StepError(
            "CONFIG_INVALID",
            f"nothing here performs the kind `{kind}`; install the package that brings it",
            ErrorClass.PERMANENT,
        )
    )
