"""`import` and `export`: step graphs in JSON, read into the language and written from it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from headgate.api.checking import check_text
from headgate.api.faults import UsageFault
from headgate.api.reading import decode, read_source
from headgate.api.surroundings import Options
from headgate.diagnostics import Diagnostic
from headgate.exchange.conversion import Choices
from headgate.exchange.finding import Finding, blocks
from headgate.exchange.importing import import_source
from headgate.exchange.names import is_name
from headgate.grammar.parse import parse
from headgate.records import NamedTuple
from headgate.source import Source, Span
from headgate.validators.report import CheckReport
from headgate.validators.rule import all_steps


class ImportReport(NamedTuple):
    """What became of a step graph.

    `text` is the workflow in the layout of the language, None when there was nothing to make one of. `findings` say
    what was not carried over, `report` what the gate says of the text, without what a finding has said already.
    """

    path: str
    workflow: str
    text: str | None
    findings: tuple[Finding, ...]
    report: CheckReport | None
    readable: bool

    def exit_code(self, *, strict: bool = False) -> int:
        """0 clean, 1 something blocks, 2 a wrong configuration, 3 no JSON."""
        if not self.readable:
            return 3
        code = self.report.exit_code(strict=strict) if self.report is not None else 1
        return code or (1 if blocks(self.findings) else 0)


def import_file(
    file: str, servers: Mapping[str, str], *, name: str | None = None, target: Path | None = None
) -> ImportReport:
    """The workflow that the step graph in a file stands for, checked as if it stood in `target`.

    `servers` binds addresses and ids of servers to instances. Raises Unreadable, and UsageFault for a `name` that is
    none.
    """
    return _imported(read_source(Path(file), file), servers, name, target)


def import_bytes(
    content: bytes, servers: Mapping[str, str], *, name: str | None = None, target: Path | None = None
) -> ImportReport:
    """As `import_file`, for what standard input gave."""
    return _imported(decode(content, "<stdin>"), servers, name, target)


def _imported(source: Source, servers: Mapping[str, str], name: str | None, target: Path | None) -> ImportReport:
    if name is not None and not is_name(name):
        raise UsageFault(f"`{name}` is no name of a workflow; expected letters, digits and `_`, no reserved word")
    found = import_source(source, Choices(servers, name))
    report = None
    if found.text is not None:
        checked = check_text(found.text, target or f"{found.name}.flow", Options())
        report = _without_repetitions(checked, found.findings)
    return ImportReport(source.path, found.name, found.text, found.findings, report, found.readable)


def _without_repetitions(report: CheckReport, findings: tuple[Finding, ...]) -> CheckReport:
    """The gate's report without what a finding of the import is the cause of."""
    if not any(finding.covers for finding in findings):
        return report
    files = []
    for file in report.files:
        spans = _step_spans(file.source)
        kept = tuple(one for one in file.diagnostics if not _is_covered(one, findings, spans))
        files.append(file._replace(diagnostics=kept))
    return report._replace(files=tuple(files))


def _step_spans(source: Source) -> dict[str, list[Span]]:
    """Where the steps of each name stand."""
    tree, _ = parse(source)
    spans: dict[str, list[Span]] = {}
    for workflow in tree.workflows:
        for step in all_steps(workflow.steps):
            spans.setdefault(step.name.text, []).append(step.span)
    return spans


def _is_covered(diagnostic: Diagnostic, findings: tuple[Finding, ...], spans: dict[str, list[Span]]) -> bool:
    at = diagnostic.span.start
    return any(
        diagnostic.code in finding.covers
        and (not finding.step or any(span.start <= at < span.end for span in spans.get(finding.step, ())))
        for finding in findings
    )
