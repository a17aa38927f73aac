"""Two states compared field by field, to the last list of the frontier and the order of every map."""

from __future__ import annotations

from headgate.plan import Plan, PlanStep
from headgate.runtime.topology import Node, Topology

_SHARED = (Plan, PlanStep, Node, Topology)


def difference(one: object, other: object) -> str | None:
    """Where two states differ, None when they do not."""
    return _difference(one, other, {})


def _difference(one: object, other: object, seen: dict[int, int]) -> str | None:
    if one is other or isinstance(one, _SHARED):
        return None
    if type(one) is not type(other):
        return f": {one!r} is no {type(other).__name__}"
    if isinstance(one, dict):
        return _maps(one, other, seen)  # type: ignore[arg-type]
    if isinstance(one, (list, tuple)):
        assert isinstance(other, (list, tuple))
        if len(one) != len(other):
            return f": {one!r} and {other!r}"
        return next(
            (
                f"[{at}]{found}"
                for at, (a, b) in enumerate(zip(one, other, strict=True))
                if (found := _difference(a, b, seen))
            ),
            None,
        )
    if isinstance(one, (str, int, float, type(None), frozenset)):
        return None if one == other else f": {one!r} and {other!r}"
    if id(one) in seen:
        return None if seen[id(one)] == id(other) else ": another object"
    seen[id(one)] = id(other)
    names = getattr(type(one), "__slots__", None) or tuple(vars(one))
    for name in names:
        found = _difference(getattr(one, name, None), getattr(other, name, None), seen)
        if found:
            return f".{name}{found}"
    return None


def _maps(one: dict[object, object], other: dict[object, object], seen: dict[int, int]) -> str | None:
    if list(one) != list(other):
        return f": {list(one)!r} and {list(other)!r}"
    return next(
        (f"[{key!r}]{found}" for key, value in one.items() if (found := _difference(value, other[key], seen))), None
    )
