"""Two plans compared by what they mean: layout, comments and the order of a text are not in a plan and never show."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import cast

from headgate.plan.nouns import ENTRY, RAW, Json, JsonObject, Plan
from headgate.plan.renaming import Renames, renamed_scope, renamed_value, renames
from headgate.plan.writing import canonical, to_json
from headgate.records import NamedTuple


class Change(StrEnum):
    """What became of a thing."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


class Side(NamedTuple):
    """One of the plans that are compared; `shown` says where it comes from."""

    shown: str
    plan: Plan


class Difference(NamedTuple):
    """One attribute that differs. `before` is None when it was added, `after` when it was removed.

    `attribute` is a path as the author writes it: `timeout`, `args.order`, `gates[0].ask`, `after`; in an `after` the
    values are the edges that only one side has, each as it is written.
    """

    attribute: str
    change: Change
    before: Json
    after: Json


class Entry(NamedTuple):
    """A named part of a workflow that differs: an input, an output, a `let`, a trigger or a policy.

    The whole part stands in `before` and `after`, None where there is none.
    """

    section: str
    name: str
    change: Change
    before: Json
    after: Json
    differences: tuple[Difference, ...] = ()


class StepEntry(NamedTuple):
    """A step that differs. `path` is `send`, or `notify.send` inside a loop; `was` is its path before, when renamed.

    `kind` is its kind now, or the one that it had. `edges` are differences of what leads to it, `differences` all
    others. `before` and `after` are the steps in the words of the plan's format, without their bodies.
    """

    path: str
    kind: str
    change: Change
    was: str | None
    edges: tuple[Difference, ...]
    differences: tuple[Difference, ...]
    before: JsonObject | None
    after: JsonObject | None


class Comparison(NamedTuple):
    """All that differs between two plans. `header` is the workflow's own name and title.

    `renames` maps the names of renamed steps of the workflow, old to new.
    """

    header: tuple[Difference, ...]
    entries: tuple[Entry, ...]
    steps: tuple[StepEntry, ...]
    renames: Renames

    @property
    def empty(self) -> bool:
        """Whether the plans mean the same."""
        return not (self.header or self.entries or self.steps)

    def section(self, name: str) -> tuple[Entry, ...]:
        """The entries of `inputs`, `outputs`, `vars`, `triggers`, `policies` or `requires`."""
        return tuple(entry for entry in self.entries if entry.section == name)


SECTIONS = ("inputs", "outputs", "vars", "triggers", "policies", "requires")


def compare(old: Plan, new: Plan) -> Comparison:
    """What differs between two plans."""
    before, after = to_json(old), to_json(new)
    steps_before, steps_after = _scope(before), _scope(after)
    names = renames(steps_before, steps_after)
    header = tuple(
        difference
        for name in ("workflow", "title")
        for difference in _differences(name, before[name], after[name], absent=None)
    )
    entries = [
        entry
        for section in SECTIONS
        for entry in _entries(section, renamed_value(_parts(before, section), names), _parts(after, section))
    ]
    return Comparison(header, tuple(entries), tuple(_steps(steps_before, steps_after, "", "")), names)


# Named parts


def _parts(plan: JsonObject, section: str) -> JsonObject:
    """The parts of a section by name. An input carries with it whether it is required."""
    if section == "inputs":
        inputs = _object(plan["inputs"])
        required = inputs.get("required")
        needed = required if isinstance(required, list) else []
        properties = _object(inputs.get("properties"))
        return {name: {"required": name in needed, **_object(schema)} for name, schema in properties.items()}
    if section == "requires":
        return {
            f"{kind} {name}": True
            for kind, names in _object(plan["requires"]).items()
            for name in (names if isinstance(names, list) else [])
        }
    if section == "policies":
        return {name: value for name, value in _object(plan["policies"]).items() if value is not None}
    return _object(plan[section])


def _entries(section: str, old: Json, new: Json) -> Iterator[Entry]:
    before, after = _object(old), _object(new)
    for name in _names(before, after):
        if name not in after:
            yield Entry(section, name, Change.REMOVED, before[name], None)
        elif name not in before:
            yield Entry(section, name, Change.ADDED, None, after[name])
        elif not same(before[name], after[name]):
            differences = tuple(_differences("", before[name], after[name], absent=None))
            yield Entry(section, name, Change.CHANGED, before[name], after[name], differences)


def _names(before: Mapping[str, object], after: Mapping[str, object]) -> list[str]:
    """The names of both, in an order that does not depend on the side or on the order in the text."""
    return sorted({*before, *after})


# Steps


def _scope(plan: JsonObject) -> JsonObject:
    """The steps without `$entry`, which stands for no step of the author's."""
    steps = {name: step for name, step in _object(plan["steps"]).items() if name != ENTRY}
    return {name: {**_object(step), "edges": _without_entry(_object(step))} for name, step in steps.items()}


def _without_entry(step: JsonObject) -> Json:
    edges = step["edges"]
    assert isinstance(edges, list), "a step of a plan has a list of edges"
    return [edge for edge in edges if _object(edge)["from"] != ENTRY]


def _steps(old: JsonObject, new: JsonObject, prefix_before: str, prefix: str) -> Iterator[StepEntry]:
    names = renames(old, new)
    back = {now: was for was, now in names.items()}
    before = renamed_scope(old, names)
    for name in _names(before, new):
        was = prefix_before + back.get(name, name)
        one, other = before.get(name), new.get(name)
        if other is None:
            yield from _whole(_object(one), was, Change.REMOVED)
        elif one is None:
            yield from _whole(_object(other), prefix + name, Change.ADDED)
        else:
            yield from _pair(_object(one), _object(other), was, prefix + name)


def _pair(before: JsonObject, after: JsonObject, was: str, path: str) -> Iterator[StepEntry]:
    if _kept(before) != _kept(after) or was != path:
        edges = (*_edges(before, after), *_differences("join", before["join"], after["join"], absent=None))
        found = tuple(_step_differences(before, after))
        moved = was.rpartition(".")[2] != path.rpartition(".")[2]
        if edges or found or moved:
            kind = str(after["kind"])
            yield StepEntry(
                path, kind, Change.CHANGED, was if moved else None, edges, found, _bare(before), _bare(after)
            )
    yield from _steps(_body(before), _body(after), f"{was}.", f"{path}.")


def _whole(step: JsonObject, path: str, change: Change) -> Iterator[StepEntry]:
    before, after = (None, _bare(step)) if change is Change.ADDED else (_bare(step), None)
    yield StepEntry(path, str(step["kind"]), change, None, (), (), before, after)
    for name, inner in sorted(_body(step).items()):
        yield from _whole(_object(inner), f"{path}.{name}", change)


def _bare(step: JsonObject) -> JsonObject:
    return {name: value for name, value in step.items() if name != "body"}


def _kept(step: JsonObject) -> bytes:
    return canonical(_bare(step))


def _body(step: JsonObject) -> JsonObject:
    body = step["body"]
    return _object(body["steps"]) if isinstance(body, dict) else {}


def _step_differences(before: JsonObject, after: JsonObject) -> Iterator[Difference]:
    for name in sorted(set(before) - {"edges", "join", "body"}):
        if name == "config":
            yield from _config_differences(_object(before[name]), _object(after[name]))
        else:
            yield from _differences(name, before[name], after[name], absent=None)


def _config_differences(before: JsonObject, after: JsonObject) -> Iterator[Difference]:
    for name in _names(before, after):
        yield from _differences(name, before.get(name, _ABSENT), after.get(name, _ABSENT))


def _edges(before: JsonObject, after: JsonObject) -> Iterator[Difference]:
    old, new = _edge_texts(before["edges"]), _edge_texts(after["edges"])
    gone, come = sorted(old - new), sorted(new - old)
    yield from (Difference("after", Change.REMOVED, edge, None) for edge in gone)
    yield from (Difference("after", Change.ADDED, None, edge) for edge in come)


def _edge_texts(edges: Json) -> set[str]:
    assert isinstance(edges, list), "a step of a plan has a list of edges"
    return {edge_text(_object(edge)) for edge in edges}


def edge_text(edge: JsonObject) -> str:
    """An edge of a plan as people write it: `a`, `failed a`, `case 2 of size`, `else of size`, `reads a`."""
    source, on = str(edge["from"]), edge["on"]
    star = " (by *)" if edge.get("star") else ""
    if isinstance(on, dict):
        number = on["case"]
        assert isinstance(number, int), "cases are numbered"
        return f"case {number + 1} of {source}{star}"
    if on == "else":
        return f"else of {source}{star}"
    return f"{source}{star}" if on == "completed" else f"{'reads' if on == 'read' else on} {source}{star}"


# Values


class _Absent:
    """Stands for a value that is not there, which null is not."""


_ABSENT = _Absent()


def _differences(
    path: str, before: Json | _Absent, after: Json | _Absent, *, absent: None | _Absent = _ABSENT
) -> Iterator[Difference]:
    """Where two values differ, as deep as both are maps or lists of one length; `absent` is what stands for nothing."""
    if before is absent or isinstance(before, _Absent):
        if not (after is absent or isinstance(after, _Absent)):
            yield Difference(path, Change.ADDED, None, unwrapped(after))
    elif after is absent or isinstance(after, _Absent):
        yield Difference(path, Change.REMOVED, unwrapped(before), None)
    elif _both_maps(before, after):
        one, other = cast("JsonObject", before), cast("JsonObject", after)
        for name in _names(one, other):
            yield from _differences(_joined(path, name), one.get(name, _ABSENT), other.get(name, _ABSENT))
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (one_item, other_item) in enumerate(zip(before, after, strict=True)):
            yield from _differences(f"{path}[{index}]", one_item, other_item)
    elif not same(before, after):
        yield Difference(path, Change.CHANGED, unwrapped(before), unwrapped(after))


def _both_maps(before: Json, after: Json) -> bool:
    return isinstance(before, dict) and isinstance(after, dict) and RAW not in before and RAW not in after


def _joined(path: str, name: str) -> str:
    shown = name if name.replace("-", "_").isidentifier() else f'"{name}"'
    return f"{path}.{shown}" if path else shown


def same(before: Json, after: Json) -> bool:
    """Whether two JSON values are one: `1` and `true` are not, the order of keys does not count."""
    return canonical(before) == canonical(after)


def unwrapped(value: Json) -> Json:
    """A value of a plan as the author wrote it, without the `$raw` around a text that holds `{{`."""
    return value[RAW] if isinstance(value, dict) and set(value) == {RAW} else value


def _object(value: Json) -> JsonObject:
    return value if isinstance(value, dict) else {}
