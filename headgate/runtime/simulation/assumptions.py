"""What a simulation takes for granted where nobody said anything: durations, tokens, decisions, failures."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Final, TypeAlias

from headgate.plan import Json
from headgate.records import NamedTuple
from headgate.runtime.errors import ErrorClass, StepError

DURATIONS_MS: Final[dict[str, int]] = {
    "http": 500,
    "mcp": 1_000,
    "llm": 5_000,
    "agent": 60_000,
    "lua": 10,
    "memory": 100,
    "wait": 3_600_000,
}
"""How long an attempt of a kind takes on the whole; a drawn one takes half to three times as long."""
OTHER_KINDS_MS: Final = 1_000
DECISION_MS: Final = 3_600_000
"""How long people take on the whole, within what they are given."""

OUTPUT_TOKENS: Final = 256
MOST_ROUNDS: Final = 4
"""How many rounds a made-up agent takes at most, however many its step allows."""
CHARACTERS_A_TOKEN: Final = 4
_TRANSIENT_SHARE: Final = 2 / 3
_DECISIONS: Final = (("approved", 0.7), ("denied", 0.2), ("expired", 0.1))

_TRANSIENT: Final[dict[str, tuple[str, str]]] = {
    "http": ("HTTP_REQUEST_FAILED", "drawn: the server answered 503"),
    "llm": ("LLM_REQUEST_FAILED", "drawn: the model's server is overloaded"),
}
_PERMANENT: Final[dict[str, tuple[str, str]]] = {
    "http": ("HTTP_REQUEST_FAILED", "drawn: the server answered 400"),
    "llm": ("LLM_REQUEST_FAILED", "drawn: the model's server refused the request"),
    "mcp": ("MCP_TOOL_FAILED", "drawn: the tool answered with an error"),
}


class Answer(NamedTuple):
    """What a user said of one attempt: a `result`, an `error`, or what people decide."""

    result: Json = None
    has_result: bool = False
    error: StepError | None = None
    decision: str | None = None
    comment: str | None = None


Given: TypeAlias = "Mapping[str, tuple[Answer, ...]]"
"""By a step's path, `notify.3.send` or for all items `notify.send`: an answer for each attempt, the last repeated."""


class Assumptions(NamedTuple):
    """`took` maps steps to the ms that an attempt takes; `failures` is the share of attempts that fail."""

    given: Given
    took: Mapping[str, int]
    failures: float


def plain_path(path: str) -> str:
    """The path of a step without the numbers of items and rounds: `notify.send` for `notify.3.send`."""
    return ".".join(part for part in path.split(".") if not part.isdecimal())


def drawn_ms(mean: int, random: Random) -> int:
    """Half to three times as long, mostly near the mean."""
    share = random.random()
    return max(1, round(mean * (0.5 + share + 1.5 * share**4)))


def drawn_error(kind: str, rate: float, random: Random) -> StepError | None:
    """A failure of an attempt, one of three for good; None when it does not fail."""
    if random.random() >= rate:
        return None
    if random.random() < _TRANSIENT_SHARE:
        code, message = _TRANSIENT.get(kind, ("DEPENDENCY_UNAVAILABLE", "drawn: what it calls cannot be reached"))
        return StepError(code, message, ErrorClass.TRANSIENT)
    code, message = _PERMANENT.get(kind, ("UPSTREAM_ERROR", "drawn: what it calls failed"))
    return StepError(code, message, ErrorClass.PERMANENT)


def drawn_decision(random: Random) -> str:
    share = random.random()
    for decision, part in _DECISIONS:
        share -= part
        if share < 0:
            return decision
    return "approved"
