"""Faults put into sound workflows one at a time: what authors and models get wrong, and the lines it shows on."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from typing import NamedTuple

from headgate.compiler.written import of_step
from headgate.grammar import ast
from headgate.grammar.parse import parse
from headgate.source import Source, Span
from headgate.validators.rule import all_steps

OPERATORS = ("drop", "rename", "retype", "rewire", "unbalance")
_MENTION = re.compile(r"\b(?P<root>steps|inputs|vars)\.(?P<name>[A-Za-z_]\w*)")
_ANYTHING = frozenset({"body", "input", "output", "title", "text", "message", "prompt"})
_PAIRS = {"{": "}", "[": "]", "(": ")"}


class Mutant(NamedTuple):
    """A text with one fault. `lines` are those on which a finding is in the right place, counted from 1."""

    operator: str
    what: str
    text: str
    lines: frozenset[int]


def mutants(source: Source, seed: int) -> Iterator[Mutant]:
    """All faults of each operator that the text has a place for; `seed` draws how each is made."""
    file, found = parse(source)
    assert not found, "a sound text is mutated"
    draw = random.Random(seed)
    for workflow in file.workflows:
        yield from _dropped(source, workflow)
        yield from _renamed(source, workflow, draw)
        yield from _retyped(source, workflow)
        yield from _rewired(source, workflow, draw)
    yield from _unbalanced(source)


def _cut(text: str, span: Span, new: str = "") -> str:
    return text[: span.start] + new + text[span.end :]


def _lines(text: str, *offsets: int) -> frozenset[int]:
    return frozenset(text.count("\n", 0, offset) + 1 for offset in offsets)


def _mentions(text: str, root: str, name: str) -> list[int]:
    return [found.start("name") for found in _MENTION.finditer(text) if found["root"] == root and found["name"] == name]


def _uses(workflow: ast.Workflow, text: str, name: str) -> list[int]:
    """Where a step is named, but for its own head."""
    found = [at for at in _mentions(text, "steps", name) if workflow.span.start <= at < workflow.span.end]
    for step in all_steps(workflow.steps):
        found += [edge.target.span.start for edge in step.edges if edge.target.text == name]
        found += [case.target.span.start for case in step.cases if case.target.text == name]
    return sorted(found)


def _dropped(source: Source, workflow: ast.Workflow) -> Iterator[Mutant]:
    text = source.text
    for step in all_steps(workflow.steps):
        outside = [at for at in _uses(workflow, text, step.name.text) if not step.span.start <= at < step.span.end]
        if outside:
            mutated = _cut(text, step.span)
            moved = [at - (step.span.end - step.span.start) * (at >= step.span.end) for at in outside]
            yield Mutant("drop", f"step {step.name.text}", mutated, _lines(mutated, *moved))
        written = of_step(step)
        for name in written.kind.required if written.kind else ():
            attribute = next((one for one in step.attributes if one.name.text == name), None)
            if attribute is not None:
                mutated = _cut(text, attribute.span)
                yield Mutant("drop", f"{step.name.text}.{name}", mutated, _lines(mutated, step.head.start))
    for one in workflow.inputs:
        used = [at for at in _mentions(text, "inputs", one.name.text) if workflow.span.start <= at < workflow.span.end]
        if used:
            mutated = _cut(text, one.span)
            moved = [at - (one.span.end - one.span.start) * (at >= one.span.end) for at in used]
            yield Mutant("drop", f"input {one.name.text}", mutated, _lines(mutated, *moved))


def _misspelt(name: str, draw: random.Random) -> str:
    """A slip of the hand: two letters swapped, one doubled, one lost."""
    at = draw.randrange(max(1, len(name) - 1))
    swapped = name[:at] + name[at : at + 2][::-1] + name[at + 2 :]
    doubled = name[: at + 1] + name[at:]
    lost = name[:at] + name[at + 1 :]
    made = [one for one in (swapped, doubled, lost) if one != name and one.isidentifier()]
    return draw.choice(made) if made else name + "x"


def _renamed(source: Source, workflow: ast.Workflow, draw: random.Random) -> Iterator[Mutant]:
    text = source.text
    mentions = _MENTION.finditer(text, workflow.span.start, workflow.span.end)
    places = [(f"{found['root']}.{found['name']}", Span(*found.span("name"))) for found in mentions]
    for step in all_steps(workflow.steps):
        places.append((f"kind {step.kind.text}", step.kind.span))
        places += [(f"edge {edge.target.text}", edge.target.span) for edge in step.edges if edge.target.text != "*"]
        places += [(f"case {case.target.text}", case.target.span) for case in step.cases]
        written = of_step(step)
        if written.kind is not None and written.kind.rest is None:
            places += [(f"attribute {one.name.text}", one.name.span) for one in step.attributes]
        places += [
            (f"{step.kind.text} {value.text}", value.span)
            for value in step.positionals
            if isinstance(value, ast.Word) and step.kind.text in {"mcp", "llm", "agent", "call", "human"}
        ]
    for what, span in places:
        old = text[span.start : span.end]
        *head, last = old.split(".")
        new = ".".join([*head, _misspelt(last, draw)])
        yield Mutant("rename", f"{what} as {new}", _cut(text, span, new), _lines(text, span.start))


def _retyped(source: Source, workflow: ast.Workflow) -> Iterator[Mutant]:
    text = source.text
    for step in all_steps(workflow.steps):
        written = of_step(step)
        if written.kind is None:
            continue
        for attribute in step.attributes:
            known = written.known(attribute.name.text)
            if known is None or known is written.kind.rest:
                continue
            new = _other_type(attribute.value)
            if new is not None and attribute.name.text not in _ANYTHING:
                mutated = _cut(text, attribute.value.span, new)
                what = f"{step.name.text}.{attribute.name.text} = {new}"
                yield Mutant("retype", what, mutated, _lines(text, attribute.value.span.start))
    for one in workflow.inputs:
        if one.default is not None and one.type.name.text in {"string", "integer", "number", "boolean", "list"}:
            mutated = _cut(text, one.default.span, "{ a = 1 }")
            yield Mutant("retype", f"input {one.name.text}", mutated, _lines(text, one.default.span.start))


def _other_type(value: ast.Value) -> str | None:
    match value:
        case ast.Duration():
            return value.text.rstrip("dhms")
        case ast.Number():
            return f'"{value.value}"'
        case ast.Boolean():
            return '"yes"'
        case ast.Word():
            return "7" if len(value.parts) == 1 else None
        case ast.List():
            return "7"
        case ast.Text():
            return "[7]"
        case _:
            return None


def _rewired(source: Source, workflow: ast.Workflow, draw: random.Random) -> Iterator[Mutant]:
    """Edges and references that lead back: to the step itself, or to one that follows it."""
    text = source.text
    names = [step.name.text for step in workflow.steps]
    for step in workflow.steps:
        own = step.name.text
        following = [name for name in names if name != own and _follows(workflow, text, own, name)]
        ring = [at for name in (own, *following) for at in _uses(workflow, text, name)]
        for edge in step.edges:
            if edge.target.text == "*":
                continue
            place = edge.target.span
            yield Mutant("rewire", f"{own} after itself", _cut(text, place, own), _lines(text, place.start))
            if following:
                other = draw.choice(following)
                lines = _lines(text, place.start, *ring)
                yield Mutant("rewire", f"{own} after {other}", _cut(text, place, other), lines)


def _follows(workflow: ast.Workflow, text: str, first: str, second: str) -> bool:
    """Whether `second` names `first` in its own text: a direct follower."""
    step = next(one for one in workflow.steps if one.name.text == second)
    return any(step.span.start <= at < step.span.end for at in _uses(workflow, text, first))


def _unbalanced(source: Source) -> Iterator[Mutant]:
    """One bracket, quote or fence taken away."""
    text = source.text
    opened: list[tuple[str, int]] = []
    inside_fence = False
    offset = 0
    for line in text.splitlines(keepends=True):
        if "```" in line:
            inside_fence = not inside_fence
            at = offset + line.index("```")
            if inside_fence:
                yield Mutant("unbalance", "opening fence", _cut(text, Span(at, at + 3)), _lines(text, at))
        elif not inside_fence and not line.lstrip().startswith("#"):
            for match in re.finditer(r'"(?:[^"\\]|\\.)*"|[{}\[\]()]', line):
                sign, at = match[0], offset + match.start()
                if sign.startswith('"'):
                    end = offset + match.end()
                    yield Mutant("unbalance", "closing quote", _cut(text, Span(end - 1, end)), _lines(text, at))
                elif sign in _PAIRS:
                    opened.append((sign, at))
                elif opened and _PAIRS[opened[-1][0]] == sign:
                    begin, start = opened.pop()
                    places = _lines(text, start, at)
                    if begin != "{" or text[start + 1] != "{":
                        yield Mutant("unbalance", f"closing {sign}", _cut(text, Span(at, at + 1)), places)
                        yield Mutant("unbalance", f"opening {begin}", _cut(text, Span(start, start + 1)), places)
        offset += len(line)
