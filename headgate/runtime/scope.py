"""The names a template sees, looked up when they are used: building a scope costs the same however long the run is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from headgate.expressions import Absent, Secrets, render, sealed
from headgate.plan import ENTRY, Json
from headgate.runtime.loops import EACH
from headgate.runtime.state import RunState, ScopeState, StepState, error_json
from headgate.runtime.status import StepStatus
from headgate.runtime.times import iso

_SECRETS: Final = Secrets()
_FIELDS: Final = ("result", "input", "status", "error")


class StepNames(Mapping[str, object]):
    """`steps.ID`: result, input, status and error. A result that does not exist is `Absent`."""

    __slots__ = ("_step",)

    def __init__(self, step: StepState) -> None:
        self._step = step

    def __getitem__(self, key: str) -> object:
        step = self._step
        if key == "result":
            return step.result if step.has_result and step.status is not StepStatus.FAILED else Absent(step.path)
        if key == "status":
            return step.status.value
        if key == "error":
            return None if step.error is None or step.status is not StepStatus.FAILED else error_json(step.error)
        if key == "input":
            return step.input
        raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        return iter(_FIELDS)

    def __len__(self) -> int:
        return len(_FIELDS)


class _UnopenedNames(Mapping[str, object]):
    """A step of a round that has not started."""

    __slots__ = ("_path",)

    def __init__(self, path: str) -> None:
        self._path = path

    def __getitem__(self, key: str) -> object:
        if key == "result":
            return Absent(self._path)
        if key == "status":
            return StepStatus.PENDING.value
        if key in _FIELDS:
            return None
        raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        return iter(_FIELDS)

    def __len__(self) -> int:
        return len(_FIELDS)


class StepsNames(Mapping[str, object]):
    """`steps`: the steps of this scope and of those around it, by name. `within` is a loop whose body is seen too."""

    __slots__ = ("_scope", "_within")

    def __init__(self, scope: ScopeState, within: StepState | None = None) -> None:
        self._scope = scope
        self._within = within

    def __getitem__(self, key: str) -> object:
        scope: ScopeState | None = self._scope
        while scope is not None:
            step = scope.steps.get(key)
            if step is not None and key != ENTRY:
                return StepNames(step)
            scope = None if scope.loop is None else scope.loop.scope
        within = self._within
        if within is not None and within.node.body is not None and key in within.node.body.nodes:
            return _UnopenedNames(f"{within.path}.0.{key}")
        raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        scope: ScopeState | None = self._scope
        while scope is not None:
            yield from (name for name in scope.steps if name != ENTRY)
            scope = None if scope.loop is None else scope.loop.scope

    def __len__(self) -> int:
        return sum(1 for _ in self)


class _Later(Mapping[str, object]):
    """A map that is made when something in it is used."""

    __slots__ = ("_made", "_make", "_state")

    def __init__(self, make: Callable[[RunState], dict[str, object]], state: RunState) -> None:
        self._make = make
        self._state = state
        self._made: dict[str, object] | None = None

    def _items(self) -> dict[str, object]:
        if self._made is None:
            self._made = self._make(self._state)
        return self._made

    def __getitem__(self, key: str) -> object:
        return self._items()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items())

    def __len__(self) -> int:
        return len(self._items())


class _Constants(Mapping[str, object]):
    """`vars`: the workflow's `let`s, evaluated when they are used."""

    __slots__ = ("_around", "_made", "_values")

    def __init__(self, values: Mapping[str, Json], around: dict[str, object]) -> None:
        self._values = values
        self._around = around
        self._made: dict[str, object] = {}

    def __getitem__(self, key: str) -> object:
        if key not in self._made:
            self._made[key] = sealed(render(self._values[key], self._around))
        return self._made[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


class _Previous(Mapping[str, object]):
    """`previous.ID`: a step's result in the round before; null in the first round, and where there is none."""

    __slots__ = ("_before", "_names")

    def __init__(self, names: Mapping[str, object], before: ScopeState | None) -> None:
        self._names = names
        self._before = before

    def __getitem__(self, key: str) -> object:
        if key not in self._names:
            raise KeyError(key)
        step = None if self._before is None else self._before.steps[key]
        return None if step is None or not step.has_result else step.result

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def scope(state: RunState, path: str | None) -> dict[str, object]:
    """The names for the templates of the step at `path`; None stands for the run's output."""
    if path is None:
        return _names(state, state.root, None)
    step = state.steps[path]
    return _names(state, step.scope, step)


def test_scope(state: RunState, path: str, iteration: int) -> dict[str, object]:
    """The names for `until` and `while` of the `repeat` at `path`: those of its last round too."""
    step = state.steps[path]
    loop = step.loop
    assert loop is not None, "only a loop that has started is tested"
    assert step.node.body is not None, "a loop has a body"
    last = loop.scopes.get(loop.opened - 1)
    names = _names(state, last or step.scope, step)
    names["steps"] = StepsNames(last or step.scope, step)
    names["iteration"] = iteration
    names["previous"] = _Previous(step.node.body.nodes, loop.scopes.get(iteration - 1))
    return names


def _names(state: RunState, inner: ScopeState, step: StepState | None) -> dict[str, object]:
    names: dict[str, object] = {
        "inputs": state.inputs,
        "trigger": _Later(_trigger, state),
        "run": _Later(_run, state),
        "secrets": _SECRETS,
    }
    names["vars"] = _Constants(state.plan.vars, names)
    names["steps"] = StepsNames(inner)
    names["failure"] = None
    _loop_names(names, inner)
    if step is not None:
        names["failure"] = _failure(state, step)
    return names


def _loop_names(names: dict[str, object], inner: ScopeState) -> None:
    """The loops around come first, so that the inner one's `index` and names stand."""
    step = inner.loop
    if step is None:
        return
    _loop_names(names, step.scope)
    loop = step.loop
    assert loop is not None, "a scope with a loop belongs to one that started"
    if step.plan.kind == EACH:
        names[str(step.config["as"])] = loop.items[inner.index]
        names["index"] = inner.index
    else:
        names["iteration"] = inner.index
        names["previous"] = _Previous(inner.topology.nodes, loop.scopes.get(inner.index - 1))


def _run(state: RunState) -> dict[str, object]:
    return {
        "id": state.run_id,
        "workflow": state.workflow,
        "version": state.version,
        "started_at": None if state.started_at is None else iso(state.started_at),
    }


def _trigger(state: RunState) -> dict[str, object]:
    payload = state.trigger.get("payload")
    named: dict[str, object] = {"body": None, "headers": {}, "query": {}, "at": iso(state.created_at)}
    if isinstance(payload, dict):
        named.update(payload)
    elif payload is not None:
        named["body"] = payload
    named["name"] = state.trigger.get("name")
    return named


def _failure(state: RunState, step: StepState) -> object:
    """What the step, or the loop around it, handles."""
    handler: StepState | None = step
    while handler is not None:
        if handler.failed_by is not None:
            source = state.steps[handler.failed_by]
            return {"step": source.path, "error": None if source.error is None else error_json(source.error)}
        handler = handler.scope.loop
    return None
