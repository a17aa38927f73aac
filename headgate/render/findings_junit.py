"""Findings as JUnit XML, for services that show the results of tests: one case a file."""

from __future__ import annotations

from collections.abc import Iterator
from xml.sax.saxutils import escape, quoteattr

from headgate.diagnostics import Diagnostic, Severity
from headgate.records import NamedTuple
from headgate.render.columns import printable
from headgate.source import Source
from headgate.validators.report import CheckedFile, CheckReport


def findings_junit(report: CheckReport, *, strict: bool = False) -> str:
    """The report as one suite; ends with a newline.

    A finding at or above the threshold is a failure of its file's case, any other is in its output. A file that could
    not be read, and wrong configuration, is an error; a case without failure that was not wholly checked is skipped.
    """
    cases = [
        *(_Case("configuration", errors=(fault,)) for fault in report.faults),
        *(_Case(one.path, errors=(one.message,)) for one in report.unreadable),
        *(_of_file(file, strict=strict or file.strict) for file in report.files),
    ]
    totals = _attributes(
        tests=len(cases),
        failures=sum(bool(case.failures) for case in cases),
        errors=sum(bool(case.errors) for case in cases),
        skipped=sum(bool(case.skipped) for case in cases),
    )
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', f'<testsuites name="headgate" {totals}>']
    lines += [f'  <testsuite name="headgate check" {totals}>']
    for case in cases:
        lines += case.lines()
    return "\n".join([*lines, "  </testsuite>", "</testsuites>", ""])


class _Case(NamedTuple):
    """One file. `failures` are code, message and text; `skipped` says what was not checked, `said` all the rest."""

    name: str
    errors: tuple[str, ...] = ()
    failures: tuple[tuple[str, str, str], ...] = ()
    skipped: tuple[str, ...] = ()
    said: tuple[str, ...] = ()

    def lines(self) -> Iterator[str]:
        opening = f"    <testcase {_attributes(classname='headgate.check', name=self.name, file=self.name)}"
        inside = [
            *(f"      <error {_attributes(message=message)}/>" for message in self.errors),
            *(
                f"      <failure {_attributes(type=code, message=message)}>{escape(printable(text))}</failure>"
                for code, message, text in self.failures
            ),
            *(f"      <skipped {_attributes(message='; '.join(self.skipped))}/>" for _ in self.skipped[:1]),
        ]
        if self.said:
            said = "\n".join(escape(printable(line)) for line in self.said)
            inside.append(f"      <system-out>{said}</system-out>")
        if not inside:
            yield f"{opening}/>"
            return
        yield f"{opening}>"
        yield from inside
        yield "    </testcase>"


def _of_file(file: CheckedFile, *, strict: bool) -> _Case:
    failures = [found for found in file.diagnostics if _fails(found, strict=strict)]
    others = [found for found in file.diagnostics if not _fails(found, strict=strict)]
    gaps = tuple(gap.sentence for gap in file.gaps)
    failed = [(found.code, found.message, _sentence(file.source, found)) for found in failures]
    if strict:
        failed += [(gap.code, said, f"{file.source.path}: {said}") for gap, said in zip(file.gaps, gaps, strict=True)]
    return _Case(
        file.source.path,
        failures=tuple(failed),
        skipped=() if failed else gaps,
        said=tuple(_sentence(file.source, found) for found in others),
    )


def _fails(found: Diagnostic, *, strict: bool) -> bool:
    return found.severity is Severity.ERROR or (strict and found.severity is Severity.WARNING)


def _sentence(source: Source, found: Diagnostic) -> str:
    line, column = source.position(found.span.start)
    advice = f" ({found.help})" if found.help else ""
    return f"{source.path}:{line}:{column}: {found.severity}[{found.code}] {found.message}{advice}"


def _attributes(**values: object) -> str:
    return " ".join(f"{name}={quoteattr(printable(str(value)))}" for name, value in values.items())
