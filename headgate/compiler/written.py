"""What a block says, attribute by attribute: positionals, fence and `as` sorted into the attributes they fill."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from headgate import kinds
from headgate.grammar import ast
from headgate.kinds import Attribute, Kind, Positional
from headgate.records import NamedTuple
from headgate.source import Span


class Said(NamedTuple):
    """One attribute. `by_name` is where its name stands, None for a positional, a fence or an `as`."""

    name: str
    value: ast.Value
    by_name: Span | None


class Written(NamedTuple):
    """A step, trigger, gate or workflow with its attributes; the first of a name counts.

    `kind` is None when nobody knows it. `repeated` are the later ones of a name, `surplus` the positionals that the
    kind has no place for.
    """

    kind: Kind | None
    common: Kind
    attributes: Mapping[str, Said]
    repeated: tuple[Said, ...]
    surplus: tuple[ast.Value, ...]

    def known(self, name: str) -> Attribute | None:
        """The attribute of a name: the kind's own, then what every block of its sort has, then the open-ended one."""
        own = self.kind.attributes.get(name) if self.kind else None
        return own or self.common.attributes.get(name) or (self.kind.rest if self.kind else None)

    @property
    def names(self) -> tuple[str, ...]:
        """Every attribute that may stand here by a fixed name, the kind's own first."""
        own = self.kind.attributes if self.kind else {}
        return tuple(dict.fromkeys((*own, *self.common.attributes)))

    @property
    def unknown(self) -> tuple[Said, ...]:
        """What is written by a name that nothing here has."""
        return tuple(said for said in self.attributes.values() if said.by_name and self.known(said.name) is None)

    def get(self, name: str) -> ast.Value | None:
        """The value of an attribute, None when it is not written."""
        said = self.attributes.get(name)
        return said.value if said else None

    def word(self, name: str) -> str | None:
        """The name that an attribute gives as a bare word or as text without templates, else None."""
        value = self.get(name)
        if isinstance(value, ast.Word):
            return value.text
        return value.plain if isinstance(value, ast.Text) else None

    def milliseconds(self, name: str) -> int | None:
        """A duration in milliseconds, None when it is not written as one."""
        value = self.get(name)
        return value.milliseconds if isinstance(value, ast.Duration) else None


def of_step(step: ast.Step) -> Written:
    """What a step says."""
    kind = kinds.kind(step.kind.text)
    said = list(_positionals(kind, step.positionals))
    if kind is not None and kind.fence is not None and step.fence is not None:
        said.append(Said(kind.fence, step.fence, None))
    if kind is not None and kind.takes_as and step.as_name is not None:
        said.append(Said("as", ast.Word((step.as_name.text,), step.as_name.span), None))
    return _sorted(kind, "step", said, step.attributes, _surplus(kind, step.positionals))


def of_trigger(trigger: ast.Trigger) -> Written:
    """What a trigger says."""
    kind = kinds.trigger_kind(trigger.kind.text)
    said = list(_positionals(kind, trigger.positionals))
    return _sorted(kind, "trigger", said, trigger.attributes, _surplus(kind, trigger.positionals))


def of_block(sort: str, attributes: tuple[ast.Attribute, ...]) -> Written:
    """What a workflow, gate or input says; `sort` is its name in `kinds/common`."""
    return _sorted(kinds.common(sort), sort, [], attributes, ())


def _sorted(
    kind: Kind | None,
    sort: str,
    said: list[Said],
    attributes: tuple[ast.Attribute, ...],
    surplus: tuple[ast.Value, ...],
) -> Written:
    found: dict[str, Said] = {}
    repeated: list[Said] = []
    for one in [*said, *(Said(given.name.text, given.value, given.name.span) for given in attributes)]:
        if one.name in found:
            repeated.append(one)
        else:
            found[one.name] = one
    return Written(kind, kinds.common(sort), found, tuple(repeated), surplus)


def _positionals(kind: Kind | None, values: tuple[ast.Value, ...]) -> Iterator[Said]:
    for place, value in zip(kind.positionals if kind else (), values, strict=False):
        yield from _filled(place, value)


def _filled(place: Positional, value: ast.Value) -> Iterator[Said]:
    """A positional is one attribute, or a dotted word is split over two: `stripe.get_charge`."""
    if not place.parts or (place.text and not isinstance(value, ast.Word)):
        yield Said(place.text, value, None)
    elif isinstance(value, ast.Word) and len(value.parts) > 1:
        first, *rest = value.parts
        middle = value.span.start + len(first)
        yield Said(place.parts[0], ast.Word((first,), Span(value.span.start, middle)), None)
        yield Said(place.parts[1], ast.Word(tuple(rest), Span(middle + 1, value.span.end)), None)
    else:
        yield Said(place.parts[0], value, None)


def _surplus(kind: Kind | None, values: tuple[ast.Value, ...]) -> tuple[ast.Value, ...]:
    return values[len(kind.positionals) :] if kind else ()
