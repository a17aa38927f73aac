"""HG008: a type that does not exist."""

from __future__ import annotations

from collections.abc import Iterator

from headgate import kinds
from headgate.compiler.places import within
from headgate.diagnostics import Diagnostic, Fix, Severity, nearest, replace
from headgate.grammar import ast
from headgate.kinds.json_schema import TYPES as JSON_TYPES
from headgate.source import Span
from headgate.validators import foreign
from headgate.validators.rule import Context, Finding, Rule
from headgate.validators.values import ValueFault, values


def check(context: Context) -> Iterator[Finding]:
    for one in context.workflow.inputs:
        yield from _type(one.type)
    reported: set[Span] = set()
    for value in values(context.workflow, context.blocks):
        for inner in within(value):
            if isinstance(inner, ast.TypeRef):
                for finding in _type(inner):
                    reported.add(inner.span)
                    yield finding
    for fault in context.faults:
        if fault.fault.rule == "unknown-type" and fault.span not in reported:
            reported.add(fault.span)
            place = fault.span
            yield _unknown(context.source.text[place.start : place.end], place)
        elif fault.fault.rule == "json-type":
            yield _of_schema(context.source.text, fault)


def _of_schema(text: str, fault: ValueFault) -> Diagnostic:
    """A type that JSON Schema does not have, at its place in the fence or the map."""
    name = fault.fault.expected[0]
    place = fault.span
    at = text.find(f'"{name}"', place.start, place.end)
    if at >= 0:
        place = Span(at + 1, at + 1 + len(name))
    guess = foreign.JSON_TYPES.get(name) or nearest(name, JSON_TYPES)
    listed = ", ".join(f"`{one}`" for one in JSON_TYPES)
    expected = f"did you mean `{guess}`?" if guess else f"expected one of {listed}"
    fixes: tuple[Fix, ...] = (replace(f"write `{guess}`", place, guess),) if guess and at >= 0 else ()
    return RULE.finding(f"no type `{name}` in JSON Schema; {expected}", place, note="no such type", fixes=fixes)


def _type(type_: ast.TypeRef) -> Iterator[Diagnostic]:
    name = type_.name.text
    if name not in kinds.TYPES:
        yield _unknown(name, type_.name.span)
        return
    if name == "enum" and not type_.members:
        yield RULE.finding('`enum` needs its members: `enum("a", "b")`', type_.span, note="no members")
    elif name != "enum" and type_.members:
        yield RULE.finding(f"`{name}` has no members; only `enum` does", type_.span)
    if type_.arguments and name != "list":
        yield RULE.finding(f"`{name}` takes no type inside `< >`; only `list` does", type_.span)
    elif len(type_.arguments) > 1:
        yield RULE.finding(f"a list has one type for its items, not {len(type_.arguments)}", type_.span)
    for argument in type_.arguments:
        yield from _type(argument)


def _unknown(name: str, place: Span) -> Diagnostic:
    guess = foreign.TYPES.get(name) or nearest(name, kinds.TYPES)
    listed = ", ".join(f"`{one}`" for one in kinds.TYPES)
    expected = f"did you mean `{guess}`?" if guess else f"expected one of {listed}"
    fixes: tuple[Fix, ...] = (replace(f"write `{guess}`", place, guess),) if guess and guess != "enum" else ()
    return RULE.finding(
        f"no type `{name}`; {expected}",
        place,
        note="no such type",
        advice="what types cannot say goes into a `schema` fence of JSON Schema",
        fixes=fixes,
    )


RULE = Rule(
    code="HG008",
    name="unknown-type",
    severity=Severity.ERROR,
    summary="a type that does not exist, in an input or a result",
    explanation="""\
Types are `string number integer boolean object any`, `list<T>`, `enum("a", "b")`, each with `?` behind it when null is
allowed. For anything else there is JSON Schema in a `json` fence.""",
    wrong="""\
workflow greet {
  input name: str
  step hello = set { text = "Hello {{ inputs.name }}" }
}
""",
    right="""\
workflow greet {
  input name: string
  step hello = set { text = "Hello {{ inputs.name }}" }
}
""",
    check=check,
)
