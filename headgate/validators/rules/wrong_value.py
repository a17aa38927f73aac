"""HG007: a value that does not fit its place."""

from __future__ import annotations

import re
from collections.abc import Iterator

from headgate.compiler.places import within
from headgate.compiler.values import descend
from headgate.diagnostics import Diagnostic, Edit, Fix, Safety, Severity, nearest, replace
from headgate.grammar import ast
from headgate.source import Span
from headgate.validators import foreign
from headgate.validators.conditions import never_a_list, never_boolean
from headgate.validators.rule import Context, Finding, Rule
from headgate.validators.values import Block, ValueFault, regex_fault, values

_LARGEST = 2**53
_LONG = re.compile(rf"[0-9]{{{len(str(_LARGEST))}}}")
_ELSEWHERE = ("unknown", "unknown-type", "json-type")
_NEEDED_ELSEWHERE = {("mcp", "tool"), ("repeat", "max")}  # HG402 and HG501 say it
_SPOKEN = {
    **dict.fromkeys(("day", "days", "d"), (1, "d")),
    **dict.fromkeys(("week", "weeks", "w"), (7, "d")),
    **dict.fromkeys(("hour", "hours", "h", "hr", "hrs"), (1, "h")),
    **dict.fromkeys(("minute", "minutes", "min", "mins", "m"), (1, "m")),
    **dict.fromkeys(("second", "seconds", "sec", "secs", "s"), (1, "s")),
}
_ROOTS = frozenset({"steps", "inputs", "vars", "trigger", "run", "secrets", "failure", "previous"})
_ONE_OF = {"delay": ("for", "until"), "poll": ("url", "instance")}


def check(context: Context) -> Iterator[Finding]:
    large: set[object] = set()
    long = _LONG.search(context.source.text) is not None  # most texts hold no such number: nothing to look through
    for value in values(context.workflow, context.blocks) if long else ():
        for inner in within(value):
            if isinstance(inner, ast.Number) and isinstance(inner.value, int) and abs(inner.value) > _LARGEST:
                large.add(inner.span)
                yield _too_large(inner)
    spoken: set[Span] = set()
    for block in context.blocks:
        said = _spoken_duration(block)
        if said is not None:
            spoken.add(block.step.positionals[0].span if block.step else block.place)
            yield said
    addresses: dict[Span, Diagnostic] = dict(_without_method(context.blocks))
    yield from addresses.values()
    spoken.update(block.step.positionals[0].span for block in context.blocks if block.step and block.place in addresses)
    for fault in context.faults:
        if fault.fault.rule in _ELSEWHERE or fault.span in large or fault.span in spoken:
            continue
        if (fault.name, fault.fault.rule) == ("script", "template"):
            continue  # HG704 says it
        if (fault.fault.rule == "missing" and _misspelt(fault, context.faults)) or _edges(context, fault):
            continue
        bare = _bare_reference(fault)
        if bare is not None:
            yield bare
            continue
        replacement = fault.fault.replacement
        guess = (
            None if replacement or fault.fault.rule == "missing" else _near(fault.fault.message, fault.fault.expected)
        )
        fixes: tuple[Fix, ...] = ()
        if replacement:
            fixes = (replace(f"write `{replacement}`", fault.span, replacement),)
        elif guess:
            quoted = isinstance(descend(fault.value, fault.fault.path), ast.Text)
            fixes = (replace(f"write `{guess}`", fault.span, f'"{guess}"' if quoted else guess),)
        message = fault.said + (f"; did you mean `{guess}`?" if guess else "")
        yield RULE.finding(message, fault.span, fixes=fixes)
    for block in context.blocks:
        if block.written.kind is not None:
            surplus = () if _spoken_duration(block) else tuple(_surplus(block))
            yield from surplus
            if not block.broken and not surplus and block.place not in addresses:
                yield from _missing(block)
    for one in context.workflow.inputs:
        yield from _pattern(one)
    yield from _timezones(context)
    wrong = [fault.span for fault in context.faults]
    for sentence, place in never_boolean(context):
        if any(span.start <= place.start and place.end <= span.end for span in wrong):
            continue  # in quotes, which is said
        yield RULE.finding(sentence, place, note="never true or false", advice="compare it, as in `{{ x == 1 }}`")
    for sentence, place in never_a_list(context):
        yield RULE.finding(sentence, place, note="never a list", advice="loop over a list, as in `{{ inputs.items }}`")


def _bare_reference(fault: ValueFault) -> Diagnostic | None:
    """`x = steps.a.result.y`: a reference that lacks its braces."""
    value = descend(fault.value, fault.fault.path)
    if not isinstance(value, ast.Word) or len(value.parts) < 2 or value.parts[0] not in _ROOTS:
        return None
    meant = "{{ " + value.text + " }}"
    fixes: tuple[Fix, ...] = (replace(f"write `{meant}`", value.span, meant),)
    return RULE.finding(
        f"a reference stands in braces; expected `{meant}`", value.span, note="only a word", fixes=fixes
    )


def _too_large(number: ast.Number) -> Diagnostic:
    quoted = f'"{number.value}"'
    return RULE.finding(
        f"`{number.value}` is beyond ±2^53, where numbers lose digits on the way; quote it",
        number.span,
        note="expected text",
        fixes=(replace("put it in quotes", number.span, quoted),),
    )


def _edges(context: Context, fault: ValueFault) -> bool:
    """Whether it is a list of edges that other tools write as an attribute, which HG005 explains."""
    if fault.name not in foreign.EDGES:
        return False
    return foreign.edges_meant(fault.name, fault.value, {step.name.text for step in context.steps})


def _misspelt(fault: ValueFault, faults: tuple[ValueFault, ...]) -> bool:
    """Whether the key that a map lacks is there under a name that HG005 corrects."""
    return any(
        other.fault.rule == "unknown"
        and other.value is fault.value
        and other.fault.path[:-1] == fault.fault.path
        and nearest(str(other.fault.path[-1]), other.fault.expected) in fault.fault.expected
        for other in faults
    )


def _near(message: str, expected: tuple[str, ...]) -> str | None:
    """The member that the last thing in back-quotes was probably meant to be."""
    quoted = re.findall(r"`\"?([^`\"]+)\"?`", message)
    return nearest(quoted[-1], expected) if quoted and expected else None


def _spoken_duration(block: Block) -> Diagnostic | None:
    """`delay 3 days` and `delay 1h 30m`: a duration said in words."""
    values = block.step.positionals if block.step is not None and block.sort == "step" else ()
    if block.written.kind is None or block.written.kind.name != "delay" or len(values) < 2:
        return None
    number, unit = values[0], values[1]
    if not isinstance(number, ast.Number) or not isinstance(unit, ast.Word) or unit.text not in _SPOKEN:
        return None
    factor, short = _SPOKEN[unit.text]
    meant = f"{number.value * factor}{short}"
    span = Span(number.span.start, unit.span.end)
    message = f"a duration is one number and unit; expected `{meant}`, not `{number.value} {unit.text}`"
    return RULE.finding(message, span, fixes=(replace(f"write `{meant}`", span, meant),))


def _without_method(blocks: tuple[Block, ...]) -> Iterator[tuple[Span, Diagnostic]]:
    """The places of the kinds in `http "https://..."`, and what to say there."""
    for block in blocks:
        step, kind = block.step, block.written.kind
        if step is None or block.sort != "step" or kind is None or kind.name != "http" or len(step.positionals) != 1:
            continue
        address = step.positionals[0]
        if not isinstance(address, ast.Text) or block.written.get("url") is not None:
            continue
        start = address.span.start
        named = any(one.name.text == "method" for one in step.attributes)
        fix = Fix("write `GET` before it", Safety.UNSAFE, (Edit(Span(start, start), "GET "),))
        said = "an `http` step names its method before the address: `http GET ...`"
        note = "expected the method first"
        yield block.place, RULE.finding(said, address.span, note=note, fixes=() if named else (fix,))


def _missing(block: Block) -> Iterator[Diagnostic]:
    kind = block.written.kind
    assert kind is not None, "blocks of unknown kinds are left out"
    misspelt = {foreign.guess(said.name, block.written.names) for said in block.written.unknown}  # HG005 says it
    for name in kind.required:
        if name not in block.written.attributes and name not in misspelt and (kind.name, name) not in _NEEDED_ELSEWHERE:
            yield RULE.finding(
                f"{block.called} needs `{name}`: {kind.attributes[name].doc}", block.place, note=f"`{name}` is missing"
            )
    choice = _ONE_OF.get(kind.name, ())
    given = [name for name in choice if name in block.written.attributes]
    if choice and not given:
        wanted = " or ".join(f"`{name}`" for name in choice)
        yield RULE.finding(f"{block.called} needs {wanted}", block.place, note="neither is given")
    elif len(given) > 1:
        both = " and ".join(f"`{name}`" for name in given)
        yield RULE.finding(f"{block.called} takes one of {both}, not both", block.place)
    if block.sort == "step" and block.step is not None:
        yield from _empty(block, block.step)


def _empty(block: Block, step: ast.Step) -> Iterator[Diagnostic]:
    """A switch needs a case, a loop a step."""
    kind = block.written.kind
    assert kind is not None, "blocks of unknown kinds are left out"
    if "case" in kind.blocks and not step.cases:
        advice = "write `case {{ condition }} -> STEP` in its braces"
        yield RULE.finding(f"{block.called} needs at least one case", block.place, note="no case", advice=advice)
    if "step" in kind.blocks and not step.steps:
        advice = "write the steps to do in its braces"
        yield RULE.finding(f"{block.called} needs at least one step inside", block.place, note="no step", advice=advice)


def _surplus(block: Block) -> Iterator[Diagnostic]:
    kind = block.written.kind
    assert kind is not None, "blocks of unknown kinds are left out"
    for value in block.written.surplus[:1]:
        places = [place.text or ".".join(place.parts) for place in kind.positionals]
        takes = f"takes only {' and '.join(f'`{place}`' for place in places)}" if places else "takes nothing"
        edge = isinstance(value, ast.Word)
        advice = "an edge is written `after STEP`" if edge else "write it as an attribute in the braces"
        if kind.fence is not None and kind.fence not in block.written.attributes and isinstance(value, ast.Text):
            advice = f"`{kind.fence}` stands in a fence of three back-ticks"
        yield RULE.finding(f"{block.called} {takes} behind its kind", value.span, note="one too many", advice=advice)


def _pattern(one: ast.Input) -> Iterator[Diagnostic]:
    for attribute in one.attributes:
        if attribute.name.text == "pattern" and isinstance(attribute.value, ast.Text) and attribute.value.plain:
            wrong = regex_fault(attribute.value.plain)
            if wrong is not None:
                yield RULE.finding(f"`pattern` expects a regular expression: {wrong}", attribute.value.span)


def _timezones(context: Context) -> Iterator[Diagnostic]:
    for block in context.blocks:
        if block.sort != "trigger" or block.written.kind is None or block.written.kind.name != "schedule":
            continue
        value = block.written.get("timezone")
        name = value.plain if isinstance(value, ast.Text) else None
        if value is None or not name:
            continue
        from headgate.schedules import is_timezone, timezones

        if not is_timezone(name):
            guess = _timezone_near(name, timezones())
            expected = f"did you mean `{guess}`?" if guess else 'expected a name such as `"Europe/Berlin"`'
            fixes: tuple[Fix, ...] = (replace(f"write `{guess}`", value.span, f'"{guess}"'),) if guess else ()
            yield RULE.finding(f"no time zone `{name}`; {expected}", value.span, fixes=fixes)


def _timezone_near(name: str, known: tuple[str, ...]) -> str | None:
    """The zone of the same or nearly the same city."""
    cities = {zone.rpartition("/")[2]: zone for zone in known}
    guess = nearest(name, known)
    city = name.rpartition("/")[2]
    if guess is not None and nearest(city, (guess.rpartition("/")[2],)):
        return guess
    return cities.get(nearest(city, tuple(cities)) or "")


RULE = Rule(
    code="HG007",
    name="wrong-value",
    severity=Severity.ERROR,
    summary="a value of the wrong type, out of range, not one of those allowed, or a required one missing",
    explanation="""\
Attributes are checked against the kind's schema: text stands in quotes, words of the language do not, durations have a
unit (`30s`), whole numbers beyond 2^53 are quoted, and what a step cannot do without must be there.""",
    wrong="""\
workflow order {
  step pick = http GET "https://shop.example.com/orders" { timeout = 5 }
}
""",
    right="""\
workflow order {
  step pick = http GET "https://shop.example.com/orders" { timeout = 5s }
}
""",
    check=check,
)
