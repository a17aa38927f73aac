"""Histories that every later build has to read to the same state: how they are drawn, kept and compared.

    python -m tests.golden        adds histories for what the kept ones do not hold yet; none is ever rewritten

A history is `tests/cases/histories/NAME.json`: the plan, the rows as the store had them, and what they came to: the
state, field by field, and the view that people see. A later build may know more fields; those that are kept must be the
same.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE / "installed"), str(HERE / "properties")]

from headgate.plan import Json, JsonObject, Plan, PlanStep, canonical, dump, load_stored, with_digest  # noqa: E402
from headgate.runtime.codec import encode  # noqa: E402
from headgate.runtime.events import Event, EventType  # noqa: E402
from headgate.runtime.state import RunState  # noqa: E402
from headgate.runtime.topology import Node, Topology  # noqa: E402
from headgate.runtime.view import run_view  # noqa: E402

FOLDER = HERE / "cases" / "histories"
MOST_EVENTS = 70
Shape = tuple[str, ...]
"""An event's type with the names of its data."""

# The frontier's own bookkeeping and what the plan says: they follow from the rest.
_LEFT_OUT = {"heap", "open", "plan", "topology", "node", "scope", "root", "urgent", "settled", "scopes"}


def dump_of(value: object) -> Json:
    """A state, or a part of one, as JSON."""
    if isinstance(value, (bool, int, float, type(None))):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, (Plan, PlanStep, Node, Topology)):
        return None
    if isinstance(value, Mapping):
        return {_key(key): dump_of(each) for key, each in value.items()}
    if isinstance(value, (frozenset, set)):
        return sorted(str(each) for each in value)
    fields = getattr(value, "_fields", None) or getattr(type(value), "__slots__", None)
    if fields is None and isinstance(value, (list, tuple)):
        return [dump_of(each) for each in value]
    names = fields or tuple(vars(value))
    return {
        name: dump_of(getattr(value, name))
        for name in names
        if name not in _LEFT_OUT and not name.startswith("_") and hasattr(value, name)
    }


def _key(key: object) -> str:
    return " ".join(str(each) for each in key if each is not None) if isinstance(key, tuple) else str(key)


def kept_of(state: RunState) -> JsonObject:
    """What a history keeps of the state that it comes to."""
    return {"state": dump_of(state), "view": dump_of(run_view(state))}


def lost(kept: Json, now: Json, place: str = "") -> list[str]:
    """Where `now` is not what was kept; it may hold more."""
    if isinstance(kept, dict) and isinstance(now, dict):
        found = [f"{place}.{name} is gone" for name in kept if name not in now]
        for name, value in kept.items():
            if name in now:
                found += lost(value, now[name], f"{place}.{name}")
        return found
    return [] if kept == now else [f"{place} was {kept!r} and is {now!r}"]


def shapes(events: Iterable[tuple[str, JsonObject]]) -> set[Shape]:
    return {(kind, *sorted(name for name in data if name != "answer")) for kind, data in events}


def shapes_kept() -> set[Shape]:
    found: set[Shape] = set()
    for path in FOLDER.glob("*.json"):
        rows = json.loads(path.read_text(encoding="utf-8"))["rows"]
        found |= shapes((row[2], row[4]) for row in rows)
    return found


def types_kept() -> set[EventType]:
    return {EventType(shape[0]) for shape in shapes_kept()}


def read_plan(history: Mapping[str, Any]) -> Plan:
    return load_stored(canonical(history["plan"]), history["plan"]["digest"])


def _draw(count: int) -> list[tuple[Plan, list[Event], RunState]]:
    from happenings import lives
    from hypothesis import HealthCheck, Phase, given, settings
    from hypothesis import strategies as st
    from strategies.plans import plans

    drawn: list[tuple[Plan, list[Event], RunState]] = []

    @settings(
        max_examples=count,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    @given(made=plans(), seed=st.integers(0, 2**32), length=st.integers(0, 30))
    def draw(made: Plan, seed: int, length: int) -> None:
        made = with_digest(made)
        runs = lives(made, random.Random(seed), length)
        drawn.extend((made, run.events, run.state) for run in runs if len(run.events) <= MOST_EVENTS)

    draw()
    return [*drawn, _outdated()]


def _outdated() -> tuple[Plan, list[Event], RunState]:
    """What chance seldom comes by: an approval of an input that was changed since."""
    from memory_runs import error, gate, plan, step
    from watched import WatchedRun

    made = with_digest(plan(step("a", "mcp", gates=(gate(),), on_failure="pause", config={"p": 1})))
    run = WatchedRun(made)
    run.ask("approve", "a")
    run.end("a", 1, error("permanent"))
    run.settle()
    run.ask("retry", "a", edit={"p": 2})
    run.ask("approve", "a")
    run.end("a", 2, {"n": 1})
    run.settle()
    return made, run.events, run.state


def _write(number: int, made: Plan, events: list[Event], state: RunState) -> Path:
    history: JsonObject = {"plan": json.loads(dump(made)), "rows": [], **kept_of(state)}
    text = json.dumps(history, ensure_ascii=False, indent=1, sort_keys=False)
    rows = ",\n".join(f"  {encode(event)}" for event in events)
    path = FOLDER / f"v1_drawn_{number:02}.json"
    path.write_text(text.replace('"rows": []', f'"rows": [\n{rows}\n ]') + "\n", encoding="utf-8")
    return path


def main() -> int:
    missing_before = shapes_kept()
    drawn = _draw(1_500)
    wanted = set().union(*(shapes((e.type.value, e.data) for e in events) for _, events, _ in drawn)) - missing_before
    number = 1 + max((int(path.stem[-2:]) for path in FOLDER.glob("v1_drawn_*.json")), default=0)
    while wanted:
        gains = [(len(shapes((e.type.value, e.data) for e in events) & wanted), -len(events)) for _, events, _ in drawn]
        best = max(range(len(drawn)), key=lambda at: gains[at])
        if not gains[best][0]:
            break
        made, events, state = drawn[best]
        wanted -= shapes((e.type.value, e.data) for e in events)
        print(_write(number, made, events, state).name, -gains[best][1], "events")
        number += 1
    left = set(EventType) - types_kept()
    print("without a history:", ", ".join(sorted(left)) or "none")
    return 0


if __name__ == "__main__":
    sys.exit(main())
