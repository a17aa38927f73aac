"""The only code that touches the world: one file a step kind, each found by the name of its kind.

The executor calls `perform`, enforces the time of an attempt by cancelling it, and records how it ended.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol, TypeAlias, cast

from headgate.plan import Json, JsonObject, PlanStep
from headgate.records import NamedTuple
from headgate.runtime.clock import SystemClock
from headgate.runtime.connections import World
from headgate.runtime.errors import ErrorClass, KeyFault, StepError, StepFailure
from headgate.runtime.events import EventType
from headgate.runtime.fitting import fit, storable
from headgate.runtime.tokens import Purpose, Token, digest, issue

BUNDLED = frozenset({"agent", "http", "llm", "lua", "mcp"})
"""The kinds performed here, each of which marks its attempts' departures."""

LOG_LIMIT = 8192
"""Characters of an attempt's log that are kept."""

_CLOCK = SystemClock()
_loaded: dict[str, Performer] = {}


class Partial(NamedTuple):
    """What a piece of an agent's work came to: the event to append, and its data without the attempt."""

    event: EventType
    data: JsonObject


Performed: TypeAlias = "Json | Partial"


class Departure:
    """Whether an attempt's request may have left this machine: what a timeout or a loss then means."""

    __slots__ = ("born", "may_have_left")

    def __init__(self, born: float | None = None) -> None:
        """`born` is when its time began to count, on the monotonic clock: now, unless it is given."""
        self.may_have_left = False
        self.born = _CLOCK.monotonic() if born is None else born

    @property
    def age(self) -> float:
        """Seconds since the attempt was made."""
        return _CLOCK.monotonic() - self.born

    def mark(self) -> None:
        self.may_have_left = True


class Log:
    """What is said while an attempt goes on, such as what a script prints: kept with its end, up to a limit."""

    __slots__ = ("_left", "lines")

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._left = LOG_LIMIT

    def add(self, text: str) -> None:
        """Adds the lines of `text`, as far as there is room."""
        for line in text.splitlines():
            if self._left <= 0:
                return
            self.lines.append(line[: self._left])
            self._left -= len(line) + 1
        if self._left <= 0:
            self.lines.append("... the rest is not kept")


class Attempt(NamedTuple):
    """One numbered try of one step, or one piece of an agent's work.

    `step` is its path (`notify.3.send`). `input` is rendered JSON in which a secret stands as `{"$secret": NAME}` or
    inside `{"$text": [...]}`. `scope` holds the names a Lua script sees, for an agent its `rounds` and the tool `call`
    that is next (None for the model). `output_schema` is the locked one of the tool.
    `departure` tells the executor, after a timeout, whether the attempt is in doubt (marked) or merely late; `log` is
    kept with its end.
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
    log: Log

    def limit(self, default: float) -> float:
        """Its time in seconds."""
        return default if self.timeout_ms is None else self.timeout_ms / 1000

    def seconds(self, default: float) -> float:
        """A little less than what is left of its time, so that what was late is named, and not only the step."""
        limit = self.limit(default)
        return max(max(limit - 0.15, limit * 0.9) - self.departure.age, 0.01)


class Callback(NamedTuple):
    """What an outsider is given to answer an attempt with, once: `token` goes to them, `digest` is kept.

    `expires_at` is UTC in ms.
    """

    token: str
    digest: str
    expires_at: int


class Parked(Exception):  # noqa: N818 - it is how an attempt goes on
    """Raised by a performer whose work is now somebody else's: the step waits to be called back, and nothing runs."""

    def __init__(self, callback: Callback) -> None:
        super().__init__("it will be called back")
        self.callback = callback


def callback_of(attempt: Attempt, world: World, expires_ms: int) -> Callback:
    """The callback of this attempt, good for `expires_ms`: hand its token out, and raise `Parked` with it.

    An answer that comes before `Parked` is raised counts as well. Raises `StepFailure` (CONFIG_INVALID) without a key.
    """
    expires_at = world.clock.now_ms() + expires_ms
    token = Token(Purpose.CALLBACK, attempt.run, attempt.step, attempt.attempt, expires_at)
    assert world.keys is not None, "what hands tokens out has the store's key"
    try:
        text = issue(world.keys, token)
    except KeyFault as fault:
        raise StepFailure(StepError("CONFIG_INVALID", str(fault), ErrorClass.PERMANENT)) from fault
    return Callback(text, digest(text), expires_at)


class Performer(Protocol):
    """Carries out one kind of step. Cancelling it must be prompt and leave nothing running behind.

    One that only computes may say `immediate = True`: its `perform` never waits for anything, so that it needs no task
    and no timeout, and ends before anything else goes on.
    """

    async def perform(self, attempt: Attempt, world: World) -> Performed:
        """The result of the attempt, whose input has its secrets bound; raises `StepFailure`, or `Parked`."""
        ...


def performer(kind: str) -> Performer:
    """The performer of a kind, imported when first asked for; raises `StepFailure` (CONFIG_INVALID) for none."""
    found = _loaded.get(kind)
    if found is None:
        found = _loaded[kind] = _bundled(kind) if kind in BUNDLED else _installed(kind)
    return found


def is_immediate(kind: str) -> bool:
    """Whether the performer of a kind says that it never waits; one that cannot be loaded does not."""
    if kind in BUNDLED:
        return False
    try:
        return getattr(performer(kind), "immediate", False) is True
    except Exception:  # noqa: BLE001 - its step fails with it when it is performed
        return False


async def perform(attempt: Attempt, world: World) -> Performed:
    """The result of the attempt, checked against what its step declares, with every secret masked.

    Raises `StepFailure`, masked as well. Anything else that is raised is a fault of the performer.
    """
    try:
        if attempt.kind == "lua":
            _refuse_secrets(attempt.input.get("args"))
        bound = cast("JsonObject", world.bind(attempt.input))
        result = await performer(attempt.kind).perform(attempt._replace(input=bound), world)
        if isinstance(result, Partial):
            return result._replace(data=cast("JsonObject", world.mask(storable(result.data))))
        result = storable(result)
        fit(result, attempt.plan_step.result, attempt.output_schema)
    except StepFailure as failure:
        raise StepFailure(world.mask_error(failure.error)) from None
    return world.mask(result)


def _refuse_secrets(value: Json) -> None:
    """A script's result is stored and goes anywhere; a secret goes only where it is sent."""
    match value:
        case {"$secret": str(name)}:
            message = f"a script may not see the secret `{name}`; send it from a step that calls a provider"
            raise StepFailure(StepError("PLATFORM_REJECTED", message, ErrorClass.POLICY))
        case dict():
            for item in value.values():
                _refuse_secrets(item)
        case list():
            for item in value:
                _refuse_secrets(item)


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
