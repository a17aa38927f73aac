"""The breakers as the journal of the limits tells of them, and what people are told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from headgate.plan import JsonObject
from headgate.records import NamedTuple
from headgate.runtime.workflow_status import Breaker

WORKSPACE: Final = ""
"""The scope of what pauses every workflow; any other scope is a workflow's name."""

TRIPPED: Final = "breaker_tripped"  # scope, breaker, message, and what it stood at
RELEASED: Final = "breaker_released"  # scope, breaker, message

OWN_CAP_REACHED: Final = (
    "This workflow paused because its own spend cap was reached. Dispatch resumes after the cap is raised or the "
    "billing period rolls over."
)


class Tripped(NamedTuple):
    """An open breaker. `at` is UTC in ms. `facts`: of the throughput {max, per}, of the cap {cap, used, until, period},
    money in micro-USD.
    """

    scope: str
    breaker: Breaker
    at: int
    message: str
    facts: JsonObject


def fold_breakers(happened: Iterable[tuple[str, int, JsonObject]]) -> Mapping[tuple[str, Breaker], Tripped]:
    """The breakers that stand open after these (type, at, data) of the journal. Tripping twice is once."""
    found: dict[tuple[str, Breaker], Tripped] = {}
    for kind, at, data in happened:
        if kind not in (TRIPPED, RELEASED):
            continue
        scope, breaker = str(data["scope"]), Breaker(str(data["breaker"]))
        if kind == RELEASED:
            found.pop((scope, breaker), None)
            continue
        facts = {name: value for name, value in data.items() if name not in ("scope", "breaker", "message")}
        found.setdefault((scope, breaker), Tripped(scope, breaker, at, str(data["message"]), facts))
    return found
