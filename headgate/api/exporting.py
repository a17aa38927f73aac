"""`export`: a workflow as a step graph in JSON, which is imported again to see that nothing changed."""

from __future__ import annotations

import json
from pathlib import Path

from headgate.api.compiling import lowered, only_workflow, sound
from headgate.api.examining import checked_file, examine_source
from headgate.api.reading import read_source
from headgate.api.surroundings import Options, Surroundings
from headgate.api.targets import target_of
from headgate.diagnostics import Severity
from headgate.exchange.conversion import Choices
from headgate.exchange.exporting import Exported, export_workflow
from headgate.exchange.finding import Finding, blocks
from headgate.exchange.importing import import_source
from headgate.grammar import ast
from headgate.plan import Json, JsonObject, Plan, to_json
from headgate.records import NamedTuple
from headgate.source import Source
from headgate.validators.gate import Examined
from headgate.validators.report import CheckReport

MEANINGLESS = ("HG0",)
"""What stands against reading a workflow at all: its syntax, its kinds, its values."""


class ExportReport(NamedTuple):
    """What became of a workflow.

    `graph` is the step graph, None when the gate's `report` says why there is none. `findings` say what the graph has
    no words for.
    """

    path: str
    workflow: str
    graph: JsonObject | None
    findings: tuple[Finding, ...]
    report: CheckReport

    @property
    def text(self) -> str:
        """The graph as indented JSON, with its line end."""
        return json.dumps(self.graph, indent=2, ensure_ascii=False) + "\n"

    @property
    def exit_code(self) -> int:
        """0 clean, 1 when something could not be said or the workflow cannot be read."""
        return 1 if self.graph is None or blocks(self.findings) else 0


def export_target(target: str) -> ExportReport:
    """The step graph of `FILE`, or of `FILE#NAME`.

    Raises Unreadable, and UsageFault for a file with several workflows when none is named.
    """
    surroundings = Surroundings(Options())
    found = target_of(target, surroundings.start)
    shown = surroundings.shown(found.path)
    source = read_source(found.path, shown)
    examined = examine_source(source, found.path, surroundings)
    wanted = found.workflow or only_workflow(examined, shown)
    checked = checked_file(source, examined, wanted, strict=False)
    report = CheckReport((checked,), (), surroundings.faults)
    readable = not any(
        one.severity is Severity.ERROR and one.code.startswith(MEANINGLESS) for one in checked.diagnostics
    )
    if wanted is None or not readable:
        return ExportReport(shown, wanted or "", None, (), report)
    workflow = next(one for one in examined.file.workflows if one.name.text == wanted)
    made = export_workflow(workflow, source)
    findings = made.findings
    if not checked.blocks and not blocks(findings):
        findings += _difference(made, workflow, _Before(source, examined, found.path, surroundings))
    return ExportReport(shown, wanted, made.graph, findings, report)


class _Before(NamedTuple):
    """What an export was made of."""

    source: Source
    examined: Examined
    path: Path
    surroundings: Surroundings


def _difference(made: Exported, workflow: ast.Workflow, before: _Before) -> tuple[Finding, ...]:
    """A finding when the graph, imported again, has another plan: it names the first place that differs."""
    name = workflow.name.text
    setting = before.surroundings.setting(before.path)
    plan = lowered(before.source, before.examined, name, setting)
    written = json.dumps(made.graph, ensure_ascii=True)
    imported = import_source(Source("graph.json", written), Choices(name=None))
    span = workflow.span
    text = before.source.text
    source = Source(before.source.path, f"{text[: span.start]}{imported.text or ''}{text[span.end :]}")
    examined = examine_source(source, before.path, before.surroundings)
    where = before.source.position(workflow.name.span.start)
    if imported.name != name or blocks(imported.findings) or name not in sound(examined):
        said = next((one for one in imported.findings if one.severity is Severity.ERROR), None)
        reason = said.message if said is not None else "the gate refuses it"
        message = f"imported again, this graph does not pass: {reason}"
        return (Finding(Severity.ERROR, said.path if said is not None else "$", where.line, where.column, message),)
    again = lowered(source, examined, name, setting)
    if again.digest == plan.digest:
        return ()
    place = _first_difference(_covered(plan), _covered(again), "")
    message = f"imported again, this graph has another plan: `{place}` differs"
    return (Finding(Severity.ERROR, place, where.line, where.column, message),)


def _covered(plan: Plan) -> JsonObject:
    return {name: value for name, value in to_json(plan).items() if name not in ("digest", "source")}


def _first_difference(one: Json, other: Json, path: str) -> str:
    """The path of the first value in which two plans differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        for name in sorted(one.keys() | other.keys()):
            inner = f"{path}.{name}".lstrip(".")
            if name not in one or name not in other:
                return inner
            if one[name] != other[name]:
                return _first_difference(one[name], other[name], inner)
    return path
