"""Findings for people: the place in the text with carets, what proves it, what to do, where to read on."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from headgate.diagnostics import Diagnostic, Severity
from headgate.records import NamedTuple
from headgate.render.columns import laid_out, printable
from headgate.source import Source, Span
from headgate.validators.report import CheckReport

_WIDEST = 160
_COLOURS = {Severity.ERROR: "31", Severity.WARNING: "33", Severity.NOTE: "36"}
_PLAIN_EDGES = ("", "after")


class _Mark(NamedTuple):
    """One underlined place on one line; columns count from 0 and `end` is excluded."""

    line: int
    start: int
    end: int
    sign: str
    note: str


class _Pen(NamedTuple):
    """Writes in colour when it may."""

    coloured: bool

    def __call__(self, text: str, style: str) -> str:
        return f"\x1b[{style}m{text}\x1b[0m" if self.coloured and text else text


def findings_text(report: CheckReport, *, colour: bool = False) -> str:
    """All findings of a report, and one line that counts them and says what was checked; ends with a newline."""
    pen = _Pen(colour)
    blocks = [
        finding_text(file.source, diagnostic, colour=colour) for file in report.files for diagnostic in file.diagnostics
    ]
    return "\n".join([*blocks, _summary(report, pen) + "\n"])


def finding_text(source: Source, diagnostic: Diagnostic, *, colour: bool = False) -> str:
    """One finding, some lines long; ends with a newline."""
    pen = _Pen(colour)
    style = _COLOURS[diagnostic.severity]
    marks = [_mark(source, diagnostic.span, "^", diagnostic.note)]
    marks += [_mark(source, label.span, "-", label.message) for label in diagnostic.labels]
    gutter = len(str(max(mark.line for mark in marks) + 1))
    position = source.position(diagnostic.span.start)
    head = pen(f"{diagnostic.severity}[{diagnostic.code}]", f"1;{style}")
    bar, margin = pen("|", "34"), " " * (gutter + 1)
    lines = [
        f"{head}: {pen(printable(diagnostic.message), '1')}",
        f"{' ' * gutter}{pen('-->', '34')} {printable(source.path)}:{position.line}:{position.column}",
        f"{margin}{bar}",
        *_snippet(source, marks, gutter, pen, style),
    ]
    for name, text in _notes(diagnostic):
        lines.append(f"{margin}{pen('=', '34')} {pen(name + ':', '1')} {printable(text)}")
    return "\n".join(lines) + "\n"


def _notes(diagnostic: Diagnostic) -> Iterator[tuple[str, str]]:
    if diagnostic.witness:
        yield "path", _path(diagnostic)
    if diagnostic.help:
        yield "help", diagnostic.help
    elif diagnostic.fixes:
        yield "help", diagnostic.fixes[0].title
    yield "docs", f"headgate explain {diagnostic.code}"


def _path(diagnostic: Diagnostic) -> str:
    """`charge -> size (else) -> refund`: how a step was entered stands behind the step it was entered from."""
    following = [stop.edge for stop in diagnostic.witness[1:]] + [""]
    return " -> ".join(
        stop.step + (f" ({edge})" if edge not in _PLAIN_EDGES else "")
        for stop, edge in zip(diagnostic.witness, following, strict=True)
    )


def _mark(source: Source, span: Span, sign: str, note: str) -> _Mark:
    """The part of a span that stands on its first line, at least one column wide."""
    position = source.position(span.start)
    text = source.line_text(position.line)
    start = min(position.column - 1, len(text))
    end = min(max(start + (span.end - span.start), start + 1), max(len(text), start + 1))
    return _Mark(position.line, start, end, sign, note)


def _snippet(source: Source, marks: list[_Mark], gutter: int, pen: _Pen, style: str) -> Iterator[str]:
    """The lines that hold a mark, in order, with `...` where others lie between."""
    by_line: dict[int, list[_Mark]] = {}
    for mark in marks:
        by_line.setdefault(mark.line, []).append(mark)
    before: int | None = None
    bar = pen("|", "34")
    for line in sorted(by_line):
        if before is not None and line > before + 1:
            yield pen("...", "34")
        before = line
        here = sorted(by_line[line], key=lambda mark: (mark.start, mark.sign != "^"))
        text, starts = laid_out(source.line_text(line))
        first, last = _window(here[0], starts)
        shown = text if (first, last) == (0, len(starts) - 1) else _cut(source.line_text(line), first, last)
        yield f"{pen(f'{line:>{gutter}}', '34')} {bar} {shown}".rstrip()
        offset = starts[first] - (3 if first else 0)
        margin = f"{' ' * (gutter + 1)}{bar}"
        for row in _underlines([_placed(mark, starts, starts[last], offset) for mark in here], pen, style):
            yield f"{margin} {row}".rstrip()


def _placed(mark: _Mark, starts: list[int], edge: int, offset: int) -> _Mark:
    """The mark in columns of the terminal instead of characters, at least one wide and inside of what is shown."""
    start = starts[min(mark.start, len(starts) - 1)]
    end = starts[mark.end] if mark.end < len(starts) else start + 1
    end = min(max(end, start + 1), edge if edge > start else start + 1)
    return mark._replace(start=max(0, start - offset), end=max(0, start - offset) + end - start)


def _underlines(marks: list[_Mark], pen: _Pen, style: str) -> Iterator[str]:
    """The rows under a line: all its underlines with the last one's note, then the other notes, from right to left."""
    styles = {"^": style, "-": "34"}
    row: dict[int, str] = {}
    for mark in sorted(marks, key=lambda mark: mark.sign == "^"):
        row |= dict.fromkeys(range(mark.start, mark.end), mark.sign)
    noted = sorted((mark for mark in marks if mark.note), key=lambda mark: (mark.start, mark.sign == "^"))
    beside = noted.pop() if noted and noted[-1].end > max(row) else None
    underline = "".join(
        pen("".join(signs), styles.get(sign, "0")) if sign != " " else "".join(signs)
        for sign, signs in groupby(row.get(column, " ") for column in range(max(row) + 1))
    )
    yield underline + (pen(f" {printable(beside.note)}", "0") if beside else "")
    if noted:
        yield _hanging(noted, pen, styles)
    while noted:
        lowest = noted.pop()
        bars = _hanging([mark for mark in noted if mark.start < lowest.start], pen, styles)
        width = max((mark.start + 1 for mark in noted if mark.start < lowest.start), default=0)
        yield bars + " " * (lowest.start - width) + pen(printable(lowest.note), styles[lowest.sign])


def _hanging(marks: list[_Mark], pen: _Pen, styles: dict[str, str]) -> str:
    """A row with a bar under the beginning of each mark."""
    signs = {mark.start: mark.sign for mark in marks}
    columns = range(max(signs, default=-1) + 1)
    return "".join(pen("|", styles[signs[column]]) if column in signs else " " for column in columns)


def _window(mark: _Mark, starts: list[int]) -> tuple[int, int]:
    """The characters of a line that are shown: all, or of a very long one those around the mark."""
    whole = len(starts) - 1
    if starts[-1] <= _WIDEST:
        return 0, whole
    first = max(0, mark.start - _WIDEST // 4)
    return first, min(whole, first + _WIDEST)


def _cut(line: str, first: int, last: int) -> str:
    text, _ = laid_out(line[first:last])
    return ("..." if first else "") + text + ("..." if last < len(line) else "")


def _summary(report: CheckReport, pen: _Pen) -> str:
    files = _count(len(report.files), "file") + (f" ({_count(report.rules, 'rule')})" if report.rules else "")
    counts = [_count(report.count(severity), severity) for severity in Severity if report.count(severity)]
    if not counts:
        says = f"no findings in {files}"
        said = pen(says, "32") if report.verdict == "clean" else says
    else:
        said = f"found {', '.join(counts)} in {files}"
    if report.suppressed:
        said += f"; {report.suppressed} suppressed"
    for used in report.baselines:
        said += f"; {used.hidden} known to {printable(used.path)}"
        if used.stale:
            said += f", which knows {used.stale} that are gone: `headgate check --prune-baseline` forgets them"
    if report.gaps:
        missed = (f"{code} ({'; '.join(why)})" if why else code for code, why in report.gaps.items())
        said += f"; not checked: {printable(', '.join(missed))}"
    if report.faults:
        said += "; wrong usage or configuration, so this is not the whole answer"
    return said


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
