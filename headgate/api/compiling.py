"""`compile`: a workflow that passes the gate, as a plan."""

from __future__ import annotations

from pathlib import Path

from headgate.api.examining import checked_file, examine_source
from headgate.api.faults import UsageFault
from headgate.api.reading import Unreadable, read_source
from headgate.api.surroundings import Options, Surroundings
from headgate.api.targets import Target, target_of
from headgate.compiler.graph import Graph
from headgate.compiler.lower import lower
from headgate.diagnostics import Severity
from headgate.plan import Plan
from headgate.records import NamedTuple
from headgate.source import Source
from headgate.validators import report as reports
from headgate.validators.gate import Examined, Setting
from headgate.validators.report import CheckReport
from headgate.workspace import without_environment

ALL_RULES = tuple(f"HG{digit}" for digit in range(10))
"""A workspace may leave rules out of `check`; a plan has to pass them all."""

NEEDED_RULES = (
    *("HG0", "HG101", "HG102", "HG104", "HG105", "HG106"),
    *("HG201", "HG207", "HG208", "HG402", "HG501"),
)
"""What has to hold for a text to have a plan at all, whatever one may think of the plan."""


class Compiled(NamedTuple):
    """`plan` is None when the gate, or the file itself, stands against it; `report` then says why."""

    plan: Plan | None
    report: CheckReport


def compile_target(
    target: str,
    environment: str | None = None,
    *,
    strict: bool = False,
    start: Path | None = None,
    rules: tuple[str, ...] = ALL_RULES,
) -> Compiled:
    """The plan of `FILE`, or of `FILE#NAME` in a file with several workflows; paths begin at `start`.

    The environment decides what the gate checks against; the plan is the same for all of them. `rules` are the codes,
    or their beginnings, that stand against a plan; never fewer than `NEEDED_RULES`. Raises UsageFault for a file with
    several workflows when none is named.
    """
    surroundings = Surroundings(Options(strict=strict, environment=environment, select=rules, start=start))
    found = target_of(target, surroundings.start)
    shown = surroundings.shown(found.path)
    try:
        source = read_source(found.path, shown)
    except Unreadable as reason:
        return _unread(shown, reason, surroundings)
    return compile_source(source, found, surroundings)


def compile_source(source: Source, target: Target, surroundings: Surroundings) -> Compiled:
    """The plan of a text as if it stood at `target`, which need not be there. Raises as `compile_target`."""
    try:
        examined = examine_source(source, target.path, surroundings)
        wanted = target.workflow or only_workflow(examined, source.path)
        checked = checked_file(source, examined, target.workflow, strict=surroundings.is_strict(target.path))
    except Unreadable as reason:
        return _unread(source.path, reason, surroundings)
    report = CheckReport((checked,), (), surroundings.faults)
    if checked.blocks or report.faults or wanted is None:
        return Compiled(None, report)
    return Compiled(lowered(source, examined, wanted, surroundings.setting(target.path)), report)


def _unread(shown: str, reason: Unreadable, surroundings: Surroundings) -> Compiled:
    return Compiled(None, CheckReport((), (reports.Unreadable(shown, str(reason)),), surroundings.faults))


def lowered(source: Source, examined: Examined, wanted: str, setting: Setting) -> Plan:
    """The plan of a workflow that no error stands in."""
    graphs = sound(examined)
    return lower(graphs[wanted], source, without_environment(setting.workspace), setting.lock, graphs)


def only_workflow(examined: Examined, shown: str) -> str | None:
    """The name of a file's workflow, None when it has none. Raises UsageFault when it has several."""
    names = [workflow.name.text for workflow in examined.file.workflows]
    if len(names) > 1:
        choices = ", ".join(f"`{shown}#{name}`" for name in names)
        raise UsageFault(f"`{shown}` holds {len(names)} workflows; name one of them: {choices}")
    return names[0] if names else None


def sound(examined: Examined) -> dict[str, Graph]:
    """The workflows of a file that no error stands in, by name; of two of a name the first."""
    errors = [found.span.start for found in examined.diagnostics if found.severity is Severity.ERROR]
    sound: dict[str, Graph] = {}
    for graph in examined.graphs:
        span = graph.workflow.span
        if not any(span.start <= error < span.end for error in errors):
            sound.setdefault(graph.workflow.name.text, graph)
    return sound
