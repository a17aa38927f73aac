"""A file's findings as plain lists and back: what a cache keeps of an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headgate.diagnostics import Diagnostic, Edit, Fix, Label, Safety, Severity, WitnessStep
from headgate.source import Source, Span
from headgate.validators.report import CheckedFile, Gap

if TYPE_CHECKING:
    from headgate.plan import Json


def pack(file: CheckedFile) -> Json:
    """All of a checked file but its text and where it stands, in values that JSON has."""
    return [
        [_packed(one) for one in file.diagnostics],
        [_packed(one) for one in file.suppressed],
        list(file.skipped),
        list(file.workflows),
        file.strict,
        [list(gap) for gap in file.gaps],
        file.rules,
    ]


def unpack(packed: Json, source: Source) -> CheckedFile:
    """The checked file again. Raises ValueError for what `pack` did not make of this text."""
    try:
        return _file(packed, source)
    except (TypeError, IndexError, KeyError, AttributeError) as error:
        raise ValueError("no packed answer") from error


def _file(packed: Json, source: Source) -> CheckedFile:
    found, suppressed, skipped, workflows, strict, gaps, rules = _list(packed)
    size = len(source.text)
    return CheckedFile(
        source,
        tuple(_finding(_list(one), size) for one in _list(found)),
        tuple(_finding(_list(one), size) for one in _list(suppressed)),
        tuple(_text(one) for one in _list(skipped)),
        tuple(_text(one) for one in _list(workflows)),
        strict is True,
        tuple(Gap(_text(code), _text(reason)) for code, reason in map(_list, _list(gaps))),
        rules if isinstance(rules, int) else 0,
    )


def _packed(one: Diagnostic) -> Json:
    return [
        one.code,
        one.name,
        str(one.severity),
        one.message,
        list(one.span),
        one.note,
        [[list(label.span), label.message] for label in one.labels],
        [[stop.step, stop.edge, list(stop.span)] for stop in one.witness],
        one.help,
        [[fix.title, str(fix.safety), [[list(edit.span), edit.text] for edit in fix.edits]] for fix in one.fixes],
    ]


def _finding(packed: list[Json], size: int) -> Diagnostic:
    code, name, severity, message, span, note, labels, witness, advice, fixes = packed
    return Diagnostic(
        _text(code),
        _text(name),
        Severity(_text(severity)),
        _text(message),
        _span(span, size),
        _text(note),
        tuple(Label(_span(place, size), _text(said)) for place, said in map(_list, _list(labels))),
        tuple(
            WitnessStep(_text(step), _text(edge), _span(place, size))
            for step, edge, place in map(_list, _list(witness))
        ),
        _text(advice),
        tuple(
            Fix(
                _text(title),
                Safety(_text(safety)),
                tuple(Edit(_span(place, size), _text(text)) for place, text in map(_list, _list(edits))),
            )
            for title, safety, edits in map(_list, _list(fixes))
        ),
    )


def _span(packed: Json, size: int) -> Span:
    start, end = _list(packed)
    if not (isinstance(start, int) and isinstance(end, int) and 0 <= start <= end <= size):
        raise ValueError("a place outside the text")
    return Span(start, end)


def _list(packed: Json) -> list[Json]:
    if not isinstance(packed, list):
        raise TypeError("expected a list")
    return packed


def _text(packed: Json) -> str:
    if not isinstance(packed, str):
        raise TypeError("expected a text")
    return packed
