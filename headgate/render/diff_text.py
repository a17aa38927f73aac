"""The difference of two plans for people: `+` what came, `-` what went, `~` what changed, and the verdicts."""

from __future__ import annotations

import json
from collections.abc import Iterator

from headgate.compiler.compatibility import MEANINGS, Judgement, Verdict
from headgate.plan import Json
from headgate.plan.comparing import Change, Comparison, Difference, Entry, Side, StepEntry
from headgate.render.columns import printable
from headgate.render.picture import shorten
from headgate.render.words import coloured

VALUE_LIMIT = 72
_MARKS = {Change.ADDED: ("+", "green"), Change.REMOVED: ("-", "red"), Change.CHANGED: ("~", "yellow")}
_NOUNS = {
    "inputs": "input",
    "outputs": "output",
    "vars": "let",
    "triggers": "trigger",
    "policies": "policy",
    "requires": "requires",
}
_DURATIONS = frozenset({"timeout", "deadline", "expires", "backoff", "for", "every", "callback_expires"})
_UNITS = (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1))
_COLOURS = {
    Verdict.BREAKS_CALLERS: "red",
    Verdict.BREAKS_APPROVALS: "red",
    Verdict.NEW_RUNS_ONLY: "yellow",
    Verdict.COMPATIBLE: "green",
}


def diff_text(old: Side, new: Side, comparison: Comparison, judgement: Judgement, *, colour: bool) -> str:
    """All that differs, a line each, then the verdicts with their reasons."""
    lines = [f"{new.plan.workflow}: {old.shown} -> {new.shown}", ""]
    if comparison.empty:
        lines += ["the two plans mean the same", ""]
    else:
        lines += [_painted(line, colour=colour) for line in _body(comparison)]
        lines += ["", _summary(comparison), ""]
    lines += _verdicts(judgement, colour=colour)
    return "".join(f"{line}\n" for line in lines)


def _painted(line: str, *, colour: bool) -> str:
    mark = line.lstrip()[:1]
    paint = next((hue for sign, hue in _MARKS.values() if sign == mark), None)
    if not colour or paint is None:
        return line
    room = len(line) - len(line.lstrip())
    return line[:room] + coloured(mark, paint) + line[room + 1 :]


def _body(comparison: Comparison) -> Iterator[str]:
    for difference in comparison.header:
        yield _line(2, difference)
    for entry in comparison.entries:
        yield from _entry(entry)
    for step in comparison.steps:
        yield from _step(step)


def _entry(entry: Entry) -> Iterator[str]:
    mark, _ = _MARKS[entry.change]
    head = f"  {mark} {_NOUNS[entry.section]} {printable(entry.name)}"
    simple = [each for each in entry.differences if not each.attribute]
    if entry.section == "requires":
        yield head
    elif entry.change is not Change.CHANGED:
        value = entry.after if entry.change is Change.ADDED else entry.before
        yield f"{head}: {_whole(entry, value)}"
    elif simple:
        yield f"{head}: {_value(entry.name, simple[0].before)} -> {_value(entry.name, simple[0].after)}"
    else:
        yield head
        yield from (_line(6, each) for each in entry.differences)


def _whole(entry: Entry, value: Json) -> str:
    if entry.section == "inputs" and isinstance(value, dict):
        schema = {name: each for name, each in value.items() if name != "required"}
        return f"{_value('', schema)}, {'required' if value['required'] is True else 'optional'}"
    if entry.section == "triggers" and isinstance(value, dict):
        config = value.get("config")
        return f"{value.get('kind')} {_value('', config)}" if config else str(value.get("kind"))
    return _value(entry.name, value)


def _step(entry: StepEntry) -> Iterator[str]:
    mark, _ = _MARKS[entry.change]
    was = f"{entry.was} -> " if entry.was else ""
    named = " renamed" if entry.was else ""
    yield f"  {mark} step {was}{entry.path} ({entry.kind}){named}"
    yield from (_line(6, each) for each in (*entry.edges, *entry.differences))


def _line(indent: int, difference: Difference) -> str:
    mark, _ = _MARKS[difference.change]
    head = f"{' ' * indent}{mark} {printable(difference.attribute)}"
    if difference.attribute == "after":
        return f"{head} {difference.after if difference.change is Change.ADDED else difference.before}"
    before, after = _value(difference.attribute, difference.before), _value(difference.attribute, difference.after)
    match difference.change:
        case Change.ADDED:
            return f"{head}: {after}"
        case Change.REMOVED:
            return f"{head}: {before}"
        case Change.CHANGED:
            return f"{head}: {before} -> {after}"


def _value(attribute: str, value: Json) -> str:
    name = attribute.rpartition(".")[2].partition("[")[0]
    if name in _DURATIONS and isinstance(value, int) and not isinstance(value, bool):
        return _duration(value)
    return printable(shorten(json.dumps(value, ensure_ascii=False), VALUE_LIMIT))


def _duration(milliseconds: int) -> str:
    """As the language writes it: `30s`, `5m`; the largest unit that leaves no rest."""
    for unit, size in _UNITS:
        if milliseconds and milliseconds % size == 0:
            return f"{milliseconds // size}{unit}"
    return "0s"


def _summary(comparison: Comparison) -> str:
    steps = comparison.steps
    parts = []
    for word, count in (
        ("added", sum(1 for each in steps if each.change is Change.ADDED)),
        ("removed", sum(1 for each in steps if each.change is Change.REMOVED)),
        ("renamed", sum(1 for each in steps if each.was)),
        ("rewired", sum(1 for each in steps if each.edges)),
        ("changed in effect", sum(1 for each in steps if each.differences)),
    ):
        if count:
            parts.append(f"{count} {word}")
    others = len(comparison.entries) + len(comparison.header)
    said = f"steps: {', '.join(parts)}" if parts else "steps: none changed"
    return f"{said}; other parts: {others} changed" if others else said


def _verdicts(judgement: Judgement, *, colour: bool) -> Iterator[str]:
    for verdict in judgement.verdicts:
        word = coloured(verdict.value, _COLOURS[verdict]) if colour else verdict.value
        yield f"{word}: {MEANINGS[verdict]}"
        for reason in judgement.reasons:
            if reason.verdict is verdict:
                yield f"  - {printable(reason.message)}"
