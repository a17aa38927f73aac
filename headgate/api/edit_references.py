"""Whether what an edited attribute refers to is there and comes before its step, as the gate would say."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.diagnostics import nearest
from headgate.plan import ENTRY, Json, Plan, PlanBody, PlanStep
from headgate.records import NamedTuple
from headgate.workspace import Workspace

_NAMES = ("inputs", "vars", "steps", "trigger", "run", "secrets")
_RUN_PARTS = ("id", "workflow", "version", "started_at")
_SEES_ITS_BODY = frozenset({"until", "while"})


class Level(NamedTuple):
    """A step and the scope it stands in; the levels of a path lead from the workflow to the step."""

    body: PlanBody
    step: PlanStep


class Read(NamedTuple):
    """A path that an edited attribute reads, link by link."""

    links: tuple[str, ...]

    @property
    def written(self) -> str:
        return ".".join(self.links)


def reference_fault(plan: Plan, path: str, attribute: str, value: Json, workspace: Workspace) -> str | None:
    """The first fault as a sentence that begins with the rule's code, None when everything is there."""
    levels = _levels(plan, path)
    for read in _reads(value, script=attribute == "script" and levels[-1].step.kind == "lua"):
        fault = _fault(plan, levels, attribute, read, workspace)
        if fault is not None:
            return fault
    return None


def _levels(plan: Plan, path: str) -> list[Level]:
    """`notify.3.send` is `send` in the body of `notify`."""
    body = PlanBody(plan.steps, plan.order)
    found: list[Level] = []
    for name in path.split(".")[::2]:
        step = body.steps[name]
        found.append(Level(body, step))
        body = step.body or PlanBody({}, ())
    return found


def _reads(value: Json, *, script: bool) -> Iterator[Read]:
    from headgate.expressions import lua_references, parse, split

    match value:
        case str() if script:
            for found in lua_references(value):
                yield Read(("steps", found.step))
        case str():
            for part in split(value):
                if not isinstance(part, str):
                    for reference in parse(part.text).references:
                        yield Read(tuple(segment.name for segment in reference.segments))
        case list():
            for item in value:
                yield from _reads(item, script=script)
        case dict() if "$raw" in value:
            yield from _reads(value["$raw"], script=True) if script else ()
        case dict():
            for item in value.values():
                yield from _reads(item, script=script)


def _fault(plan: Plan, levels: list[Level], attribute: str, read: Read, workspace: Workspace) -> str | None:
    root, *rest = read.links
    known = (*_NAMES, *_loop_names(levels))
    if root not in known:
        return f"HG209: `{root}` is not a name here; {_hint(root, known)}"
    if not rest:
        return None
    first = rest[0]
    if root == "steps":
        return _step_fault(levels, attribute, first)
    properties = plan.inputs.get("properties")
    there = {
        "inputs": ("HG210", tuple(properties) if isinstance(properties, dict) else (), "the workflow has no input"),
        "vars": ("HG209", tuple(plan.vars), "the workflow has no `let`"),
        "run": ("HG209", _RUN_PARTS, "`run` has no"),
        "secrets": ("HG408", tuple(workspace.secrets), "headgate.toml has no secret"),
    }.get(root)
    if there is None or first in there[1]:
        return None
    code, names, said = there
    return f"{code}: {said} `{first}`; {_hint(first, names)}"


def _loop_names(levels: list[Level]) -> Iterator[str]:
    for level in levels[:-1]:
        kind, config = level.step.kind, level.step.config
        if kind == "each":
            yield from (str(config.get("as")), "index")
        if kind == "repeat":
            yield from ("previous", "iteration")
    if levels[-1].step.kind == "repeat":
        yield from ("previous", "iteration")
    if any(edge.on in ("failed", "denied", "finished") for level in levels for edge in level.step.edges):
        yield "failure"


def _step_fault(levels: list[Level], attribute: str, name: str) -> str | None:
    last = levels[-1].step
    if attribute in _SEES_ITS_BODY and last.body is not None and name in last.body.steps:
        return None
    for body, step in reversed(levels):
        if name not in body.steps:
            continue
        if name == step.name:
            return f"HG203: `{last.name}` cannot read `steps.{name}`, which it is or stands in"
        if name in _before(body, step.name):
            return None
        if step.name in _before(body, name):
            return f"HG101: `{name}` follows `{step.name}`: reading it would make a cycle"
        return f"HG101: `{name}` does not come before `{step.name}` in this run; only steps that do can be read"
    visible = [name for body, step in levels for name in _before(body, step.name) if name != ENTRY]
    return f"HG201: there is no step `{name}` to read; {_hint(name, tuple(visible))}"


def _before(body: PlanBody, name: str) -> set[str]:
    """All that `name` follows, by any edge."""
    found: set[str] = set()
    frontier = [name]
    while frontier:
        for edge in body.steps[frontier.pop()].edges:
            if edge.source not in found:
                found.add(edge.source)
                frontier.append(edge.source)
    return found


def _hint(name: str, known: tuple[str, ...]) -> str:
    near = nearest(name, known)
    if near:
        return f"did you mean `{near}`?"
    return f"there is {', '.join(f'`{each}`' for each in known)}" if known else "there is none"
