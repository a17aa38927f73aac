"""The check of a plan from elsewhere: does it hold together, and is it what the compiler wrote?"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, cast

from headgate import kinds
from headgate.kinds.checker import compile_schema
from headgate.kinds.faults import Check, Fault
from headgate.kinds.values import Neutral
from headgate.plan.nouns import FORMAT, JsonObject, PlanIntegrity
from headgate.plan.writing import digest_of

SCHEMA = Path(__file__).parent.parent / "schemas" / "plan.json"
LONGEST_RING = 10
ENTRY_FAULT = "Missing or invalid entryStepId"


def check_integrity(written: JsonObject) -> None:
    """Raises PlanIntegrity with the first fault of a plan's JSON; returns when it can run."""
    fault = next(_faults(written), None)
    if fault is not None:
        raise PlanIntegrity(fault)


def _faults(written: JsonObject) -> Iterator[str]:
    """What is wrong, in the order in which later questions need earlier answers."""
    version = written.get("format")
    if version != FORMAT:
        yield f"its format is `{version}`, and this release reads `{FORMAT}`" if version else "it has no format version"
    entry, steps = written.get("entryStepId"), written.get("steps")
    if not isinstance(entry, str) or (isinstance(steps, dict) and entry not in steps):
        yield ENTRY_FAULT + (f": no step `{entry}`" if isinstance(entry, str) else "")
    yield from _schema_faults(written)
    if digest_of(written) != written["digest"]:
        yield "its digest does not fit its content: it was changed after it was compiled"
    yield from _scope_faults(cast("Mapping[str, Any]", written), "")
    yield from _unreached(cast("Mapping[str, Any]", written))
    yield from _kind_faults(cast("Mapping[str, Any]", written), "")


@cache
def _check() -> Check:
    return compile_schema(json.loads(SCHEMA.read_text("utf-8")))


def _schema_faults(written: JsonObject) -> Iterator[str]:
    found: list[Fault] = []
    _check()(cast("Neutral", written), (), found)
    for fault in found:
        if fault.rule == "unknown":
            yield f"it has the key `{_said(fault.path)}`, which the format does not know"
        else:
            yield f"`{_said(fault.path) or 'the plan'}` {fault.message}"


def _said(path: tuple[str | int, ...]) -> str:
    return ".".join(str(part) for part in path)


def _scope_faults(scope: Mapping[str, Any], prefix: str) -> Iterator[str]:
    """Edges to steps that exist, and an order that respects them, which no ring allows."""
    steps = scope["steps"]
    for name, step in steps.items():
        for edge in step["edges"]:
            yield from _edge_faults(steps, f"{prefix}{name}", edge)
    order = scope["order"]
    if sorted(order) != sorted(steps):
        yield f"the order of {_scope_name(prefix)} does not list each step once"
    place = {name: index for index, name in enumerate(order)}
    for name, step in steps.items():
        for edge in step["edges"]:
            if place[edge["from"]] >= place[name]:
                ring = _ring(steps, name)
                if ring:
                    yield f"a ring: {_stops([prefix + one for one in ring])}"
                yield f"the order puts `{prefix}{name}` before `{prefix}{edge['from']}`, which it waits for"
    for name, step in steps.items():
        if step["body"] is not None:
            yield from _scope_faults(step["body"], f"{prefix}{name}.")


def _stops(names: list[str]) -> str:
    """The way round a ring, a long one cut short."""
    said = [f"`{name}`" for name in names]
    if len(said) > LONGEST_RING:
        said[LONGEST_RING - 2 : -1] = [f"... ({len(names) - 1} steps)"]
    return " -> ".join(said)


def _scope_name(prefix: str) -> str:
    return f"the steps of `{prefix.removesuffix('.')}`" if prefix else "its steps"


def _edge_faults(steps: Mapping[str, Any], name: str, edge: Mapping[str, Any]) -> Iterator[str]:
    source, on = edge["from"], edge["on"]
    if source not in steps:
        yield f"`{name}` has an edge from `{source}`, and there is no such step"
    elif isinstance(on, dict) or on == "else":
        config = steps[source]["config"]
        cases = config.get("cases")
        if steps[source]["kind"] != "switch" or not isinstance(cases, list):
            yield f"`{name}` has an edge from a case of `{source}`, which is no switch"
        elif isinstance(on, dict) and on["case"] >= len(cases):
            yield f"`{name}` has an edge from case {on['case']} of `{source}`, which has {len(cases)}"


def _ring(steps: Mapping[str, Any], start: str) -> list[str]:
    """The steps of a ring that `start` leads back into; empty when there is none."""
    done: set[str] = set()
    path = [start]
    on_path = {start}
    open_edges = [iter(steps[start]["edges"])]
    while path:
        edge = next(open_edges[-1], None)
        if edge is None:
            open_edges.pop()
            on_path.discard(path[-1])
            done.add(path.pop())
        elif edge["from"] in on_path:
            return [*reversed(path[path.index(edge["from"]) :]), path[-1]]
        elif edge["from"] not in done:
            path.append(edge["from"])
            on_path.add(edge["from"])
            open_edges.append(iter(steps[edge["from"]]["edges"]))
    return []


def _unreached(written: Mapping[str, Any]) -> Iterator[str]:
    entry = written["entryStepId"]
    reached = {entry}
    for name in written["order"]:
        step = written["steps"][name]
        if any(edge["from"] in reached for edge in step["edges"]):
            reached.add(name)
        elif name != entry:
            yield f"nothing leads from the entry `{entry}` to `{name}`"
    if written["steps"][entry]["edges"]:
        yield f"{ENTRY_FAULT}: `{entry}` waits for other steps"


def _kind_faults(scope: Mapping[str, Any], prefix: str) -> Iterator[str]:
    for name, step in scope["steps"].items():
        try:
            kind = kinds.kind(step["kind"])
        except kinds.KindDamaged as damage:
            yield str(damage)
            continue
        if kind is None:
            yield f"`{prefix}{name}` is of the kind `{step['kind']}`, which is not installed here"
        elif ("step" in kind.blocks) != (step["body"] is not None):
            yield (
                f"`{prefix}{name}` is a loop without steps" if step["body"] is None else f"`{prefix}{name}` is no loop"
            )
        if step["body"] is not None:
            yield from _kind_faults(step["body"], f"{prefix}{name}.")
