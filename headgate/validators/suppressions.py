"""`# headgate: ignore[HG503] why, until 2027-01-31`: findings an author silences, with a reason and an end."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator

from headgate.diagnostics import Diagnostic, Edit, Fix, Safety, Severity, nearest, replace
from headgate.grammar import ast
from headgate.records import NamedTuple
from headgate.source import Source, Span
from headgate.validators import registry
from headgate.validators.rule import Rule
from headgate.validators.table import TABLE

_DIRECTIVE = re.compile(r"#\s*headgate\s*:\s*(?P<rest>.*)", re.DOTALL)
_IGNORE = re.compile(r"ignore\s*\[(?P<codes>[^\]\n]*)\]\s*(?P<tail>.*)", re.DOTALL)
_UNTIL = re.compile(r"(?:^|[,\s])\s*until\s+(?P<day>\S+)\s*$")
_PROVED = ("HG0", "HG1", "HG2", "HG4")
_FORM = "# headgate: ignore[HG503] why, until 2027-01-31"


class Code(NamedTuple):
    text: str
    span: Span


class Suppression(NamedTuple):
    """One comment. `line` is the line it speaks for, `until` the last day it holds (ISO), None without an end.

    `fault` says why it silences nothing whatever it names.
    """

    codes: tuple[Code, ...]
    reason: str
    until: str | None
    line: int
    comment: ast.Comment
    fault: str | None


class Outcome(NamedTuple):
    """What is left of the findings, what was silenced, and the findings about the comments themselves."""

    kept: list[Diagnostic]
    suppressed: list[Diagnostic]
    warnings: list[Diagnostic]


def can_be_ignored(code: str, severity: Severity) -> bool:
    """Errors of HG0xx, HG1xx, HG2xx and HG4xx stand whatever anybody ignores: later stages rely on them."""
    return not (severity is Severity.ERROR and code.startswith(_PROVED))


def apply(
    source: Source,
    comments: Iterable[ast.Comment],
    diagnostics: Iterable[Diagnostic],
    ran: Collection[str],
    today: Callable[[], str],
) -> Outcome:
    """Silence what the comments name. `ran` are the codes of rules that did run; `today` tells an ISO date."""
    suppressions = [found for comment in comments if (found := _read(source, comment, today)) is not None]
    if not suppressions:
        return Outcome(list(diagnostics), [], [])
    kept, silenced = [], []
    used: set[Span] = set()
    standing: set[Span] = set()
    for diagnostic in diagnostics:
        codes = list(_speaking_for(suppressions, source.position(diagnostic.span.start).line, diagnostic.code))
        if codes and can_be_ignored(diagnostic.code, diagnostic.severity):
            used.update(code.span for code in codes)
            silenced.append(diagnostic)
        else:
            standing.update(code.span for code in codes)
            kept.append(diagnostic)
    rule = registry.find("HG903")
    assert rule is not None, "the registry lists HG903"
    warnings: list[Diagnostic] = []
    for suppression in suppressions:
        warnings += _complain(rule, source, suppression, lambda code: _why_useless(code, used, standing, ran))
    return Outcome(kept, silenced, warnings)


def reasons(source: Source, comments: Iterable[ast.Comment], suppressed: Iterable[Diagnostic]) -> Iterator[str]:
    """Why the author silenced each of these findings."""
    found = [one for comment in comments if (one := _read(source, comment, str)) is not None]
    for diagnostic in suppressed:
        line = source.position(diagnostic.span.start).line
        speaking = (
            one.reason for one in found if one.line == line and diagnostic.code in [code.text for code in one.codes]
        )
        yield next(speaking, "")


def _speaking_for(suppressions: list[Suppression], line: int, code: str) -> Iterator[Code]:
    for suppression in suppressions:
        if suppression.fault is None and suppression.line == line:
            yield from (named for named in suppression.codes if named.text == code)


def _read(source: Source, comment: ast.Comment, today: Callable[[], str]) -> Suppression | None:
    directive = _DIRECTIVE.match(comment.text)
    if directive is None:
        return None
    line = _line_spoken_for(source, comment)
    form = _IGNORE.match(directive["rest"])
    if form is None:
        fault = f"this comment silences nothing; expected `{_FORM}`"
        return Suppression((), "", None, line, comment, fault)
    base = comment.span.start + directive.start("rest") + form.start("codes")
    codes = tuple(
        Code(match.group(), Span(base + match.start(), base + match.end()))
        for match in re.finditer(r"[^\s,]+", form["codes"])
    )
    tail = form["tail"].strip()
    until = _UNTIL.search(tail)
    reason = (tail[: until.start()] if until else tail).strip(" ,")
    day = until["day"] if until else None
    return Suppression(codes, reason, day, line, comment, _fault(codes, reason, day, today))


def _line_spoken_for(source: Source, comment: ast.Comment) -> int:
    """Its own line; a comment that stands alone speaks for the next line that is not such a comment itself."""
    line = source.position(comment.span.start).line
    while source.line_text(line).lstrip().startswith("#") and line < len(source.line_starts):
        line += 1
    return line


def _fault(codes: tuple[Code, ...], reason: str, day: str | None, today: Callable[[], str]) -> str | None:
    if not codes:
        return f"this comment names no rule; expected `{_FORM}`"
    named = ", ".join(code.text for code in codes)
    if not reason:
        return f"a reason must say why `{named}` is ignored; expected `{_FORM}`"
    if day is None:
        return None
    from datetime import date

    try:
        last = date.fromisoformat(day)
    except ValueError:
        return f"`{day}` is no date; expected one like `until 2027-01-31`"
    over = last.isoformat() < today()
    return f"ignoring `{named}` ended on {day}: fix what it hides, or decide again" if over else None


def _why_useless(code: Code, used: set[Span], standing: set[Span], ran: Collection[str]) -> str | None:
    """Why one code of a comment in force silences nothing, or None when it does or cannot be judged today."""
    if code.span in used:
        return None
    if code.span in standing:
        return f"errors of `{code.text}` cannot be ignored: what runs later relies on them"
    if code.text not in TABLE:
        guess = _meant(code)
        return f"no rule `{code.text}`" + (f"; did you mean `{guess}`?" if guess else "")
    return f"`{code.text}` finds nothing here: the comment is not needed" if code.text in ran else None


def _meant(code: Code) -> str | None:
    """The code that was meant by what is none, None when that is not known."""
    if code.text in TABLE:
        return None
    rule = registry.find(code.text)
    return rule.code if rule else nearest(code.text, tuple(TABLE))


def _complain(
    rule: Rule, source: Source, suppression: Suppression, useless: Callable[[Code], str | None]
) -> Iterator[Diagnostic]:
    span = suppression.comment.span
    if suppression.fault is not None:
        yield rule.finding(suppression.fault, span, fixes=(_delete(source, span),))
        return
    said = [(code, useless(code)) for code in suppression.codes]
    faults = [(code, why) for code, why in said if why is not None]
    wrong = [code for code, _ in faults]
    for code, why in faults:
        guess = _meant(code)
        if guess is not None:
            fix = replace(f"write `{guess}`", code.span, guess)
        elif len(faults) == len(suppression.codes):
            fix = _delete(source, span)
        else:
            rest = [other.text for other in suppression.codes if other not in wrong]
            whole = Span(suppression.codes[0].span.start, suppression.codes[-1].span.end)
            fix = Fix(f"remove `{code.text}` from the comment", Safety.SAFE, (Edit(whole, ", ".join(rest)),))
        yield rule.finding(why, code.span, fixes=(fix,))


def _delete(source: Source, span: Span) -> Fix:
    """Remove a comment, and its line when nothing else stands on it."""
    position = source.position(span.start)
    line_start = source.line_starts[position.line - 1]
    before = source.text[line_start : span.start]
    if before.strip():
        start, end = line_start + len(before.rstrip()), span.end
    elif position.line < len(source.line_starts):
        start, end = line_start, source.line_starts[position.line]
    else:
        start, end = line_start, span.end
    return Fix("remove the comment", Safety.SAFE, (Edit(Span(start, end), ""),))
