"""Following a written-out path through a scope: items only, never an attribute or a method."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import Any, TypeAlias

from headgate.diagnostics import nearest
from headgate.expressions.tree import Path, Segment
from headgate.expressions.values import Absent, PathMissing, ResultMissing, Secret, Secrets, describe, secret

Scope: TypeAlias = Mapping[str, object]
Evaluator: TypeAlias = Callable[[Scope], object]

_MOST_NAMED = 8
_MOST_COMPARED = 200
_LONGEST_SHOWN = 80


def walker(path: Path) -> Evaluator:
    """The function that looks a path up in a scope. It raises PathMissing or ResultMissing."""
    keys = tuple(segment.key for segment in path.segments)

    def walk(scope: Scope) -> object:
        value: Any = scope
        try:
            for key in keys:
                value = value[key]
        except (KeyError, IndexError, TypeError):
            return follow(path.segments, scope)
        if type(value) is Absent:
            raise ResultMissing(value.step)
        return value

    return walk


def follow(segments: tuple[Segment, ...], scope: Scope) -> object:
    """Looks a path up link by link, to say which one is missing. Raises PathMissing or ResultMissing."""
    value: object = scope
    for at, segment in enumerate(segments):
        if isinstance(value, Absent):
            raise ResultMissing(value.step)
        if isinstance(value, Secrets):
            value = secret(segment.name)
        elif isinstance(value, Secret):
            raise value.refusal()
        else:
            value = _item(value, segment, segments[:at])
    if isinstance(value, Absent):
        raise ResultMissing(value.step)
    return value


def lookup(target: object, key: object) -> object:
    """One computed lookup, `target[key]`. Raises PathMissing or ResultMissing."""
    if isinstance(target, Secrets) and isinstance(key, str):
        return secret(key)
    if isinstance(target, Secret):
        raise target.refusal()
    usable = isinstance(key, str) or (isinstance(key, int) and not isinstance(key, bool))
    if usable and isinstance(target, (Mapping, list, tuple, str)):
        try:
            value = target[key]  # type: ignore[index, call-overload]
        except (KeyError, IndexError, TypeError):
            pass
        else:
            if isinstance(value, Absent):
                raise ResultMissing(value.step)
            return value
    if not usable:
        raise PathMissing(f"a lookup `[...]` needs a text or a whole number as its key, not {describe(key)}")
    link = Segment(key, 0, 0) if isinstance(key, str) else Segment(str(key), 0, 0, key)  # type: ignore[arg-type]
    raise PathMissing(_sentence(link.name, "", target, link), (link.name,))


def path_text(segments: Sequence[Segment]) -> str:
    """A path as a person writes it: `steps.a.result["x y"][0]`."""
    return "".join([segments[0].name, *(_link(segment) for segment in segments[1:])]) if segments else ""


def _item(value: object, segment: Segment, before: tuple[Segment, ...]) -> object:
    if isinstance(value, (Mapping, list, tuple, str)):
        try:
            return value[segment.key]  # type: ignore[index]
        except (KeyError, IndexError, TypeError):
            pass
    names = (*(link.name for link in before), segment.name)
    if not before:
        here = tuple(_shown(name) for name in islice(value, _MOST_COMPARED)) if isinstance(value, Mapping) else ()
        near = nearest(segment.name, here)
        hint = f"did you mean `{near}`?" if near else f"here are {_named(here)}"
        raise PathMissing(f"`{segment.name}` is not a name here; {hint}", names)
    written = path_text((*before, segment))
    raise PathMissing(_sentence(written, path_text(before), value, segment), names)


def _sentence(written: str, holder: str, value: object, segment: Segment) -> str:
    written = _shown(written)
    holder = f"`{holder}`" if holder else "the value"
    if isinstance(value, Mapping):
        keys = tuple(_shown(key) for key in islice(value, _MOST_COMPARED))
        near = nearest(segment.name, keys)
        if near:
            return f"`{written}` is missing: {holder} has no `{segment.name}`; did you mean `{near}`?"
        return f"`{written}` is missing: {holder} has {_named(keys)}"
    if isinstance(value, (list, tuple)):
        return f"`{written}` is missing: {holder} is a list of {len(value)}"
    return f"`{written}` is missing: {holder} is {describe(value)}"


def _shown(key: object) -> str:
    """A key as a message shows it: on one line, and not long, whatever the data calls it."""
    text = " ".join(str(key).split())
    return text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 1] + "…"


def _link(segment: Segment) -> str:
    if segment.number is not None:
        return f"[{segment.number}]"
    return f".{segment.name}" if segment.name.isidentifier() else f'["{_shown(segment.name)}"]'


def _named(keys: tuple[str, ...]) -> str:
    if not keys:
        return "nothing in it"
    shown = ", ".join(f"`{key}`" for key in keys[:_MOST_NAMED])
    return f"{shown} and {len(keys) - _MOST_NAMED} more" if len(keys) > _MOST_NAMED else shown
