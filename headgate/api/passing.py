"""What is published goes through the gate: a file, or a draft as it is stored. A rule that could not run is no pass."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from headgate.api.faults import CompilationFailed, NothingStarted, UsageFault
from headgate.api.site import Site
from headgate.plan import JsonObject, Plan, dump
from headgate.records import NamedTuple
from headgate.runtime.store.workflows import put_plan, put_text
from headgate.runtime.workflow_log import Version, WorkflowState

if TYPE_CHECKING:
    from headgate.validators.report import CheckReport

FAILED = "Workflow compilation failed"


class Publishing(NamedTuple):
    """How to publish. `strict` lets warnings block, `online` asks the servers whether their tools are as locked.

    A `draft` is kept and not published; without `activate` it is published and the active version stays.
    """

    strict: bool = False
    online: bool = False
    draft: bool = False
    activate: bool = True
    note: str | None = None


class Passed(NamedTuple):
    """A plan that passed, with the text it was made of."""

    plan: Plan
    text: str
    report: CheckReport

    @property
    def text_digest(self) -> str:
        return str(self.plan.source["digest"])

    @property
    def suppressed(self) -> tuple[str, ...]:
        return tuple(
            f"{found.code} at {file.source.path}:{file.source.position(found.span.start).line}: {found.message}"
            for file in self.report.files
            for found in file.suppressed
            if found.code.startswith(("HG6", "HG7"))
        )

    def facts(self, note: str | None, environment: str | None) -> JsonObject:
        """What the log keeps of the version."""
        facts: JsonObject = {
            "plan_digest": self.plan.digest,
            "text": self.text_digest,
            "path": str(self.plan.source["path"]),
            "note": note,
            "environment": environment,
        }
        return {**facts, "findings": [*self.suppressed]} if self.suppressed else facts

    def keep(self, connection: sqlite3.Connection, before: WorkflowState) -> None:
        """Stores plan and text with the version's entries in the log."""
        del before
        put_text(connection, self.text_digest, self.text)
        put_plan(connection, self.plan.digest, dump(self.plan))


def pass_file(target: str, how: Publishing, site: Site) -> Passed:
    """The plan of `FILE` or `FILE#NAME`; of a draft it is enough that there is one. Raises `CompilationFailed`."""
    from headgate.api.compiling import ALL_RULES, NEEDED_RULES, compile_source
    from headgate.api.reading import Unreadable, read_source
    from headgate.api.surroundings import Options, Surroundings
    from headgate.api.targets import target_of
    from headgate.validators import report as reports

    if target.endswith(".json"):
        raise UsageFault(f"`{target}` is a plan, and a version is published from its source: name the .flow file")
    rules = NEEDED_RULES if how.draft else ALL_RULES
    options = Options(
        strict=how.strict, environment=site.environment, select=rules, start=site.place.folder, online=how.online,
        publishing=True,
    )  # fmt: skip
    surroundings = Surroundings(options)
    found = target_of(target, surroundings.start)
    shown = surroundings.shown(found.path)
    try:
        source = read_source(found.path, shown)
    except Unreadable as reason:
        raise CompilationFailed(str(reason), reports.CheckReport(), 3) from None
    compiled = compile_source(source, found, surroundings)
    made = _weighed(
        compiled.plan, compiled.report, source.text, how, _kept(site, found.workflow or _only(compiled.report))
    )
    _ready(made.plan)
    return made


def pass_text(name: str, version: Version, text: str, site: Site, state: WorkflowState) -> Passed:
    """The plan of a draft as it is stored, as if it stood in its file. Raises `CompilationFailed`."""
    from headgate.api.compiling import ALL_RULES, compile_source
    from headgate.api.surroundings import Options, Surroundings
    from headgate.api.targets import Target
    from headgate.source import Source

    environment = version.environment if version.environment is not None else site.environment
    options = Options(environment=environment, select=ALL_RULES, start=site.root, publishing=True)
    surroundings = Surroundings(options)
    where = Target(site.root / version.path, name)
    compiled = compile_source(Source(version.path, text), where, surroundings)
    stays = None if state.active is None else f"version {state.active} stays active"
    made = _weighed(compiled.plan, compiled.report, text, Publishing(), stays)
    _ready(made.plan)
    return made


def _weighed(plan: Plan | None, report: CheckReport, text: str, how: Publishing, stays: str | None) -> Passed:
    """A rule that could not run is no pass: what is published is proved. Raises `CompilationFailed`."""
    code = report.exit_code(strict=how.strict)
    unproved = report.rules_skipped if not how.draft else ()
    if plan is not None and not code and not unproved:
        return Passed(plan, text, report)
    if report.faults or report.unreadable:
        said = report.faults[0] if report.faults else report.unreadable[0].message
        raise CompilationFailed(f"{FAILED}: {said}", report, code)
    why = f"{', '.join(unproved)} could not be checked" if unproved and not code else _counted(report)
    kept = f"; {stays}" if stays else ""
    raise CompilationFailed(f"{FAILED}: {why}; nothing was published{kept}", report, code or 1)


def _counted(report: CheckReport) -> str:
    from headgate.diagnostics import Severity

    parts = [(report.count(Severity.ERROR), "error"), (report.count(Severity.WARNING), "warning")]
    return " and ".join(f"{count} {word}{'' if count == 1 else 's'}" for count, word in parts if count)


def _ready(plan: Plan) -> None:
    from headgate.api.readiness import not_run_yet

    reason = not_run_yet(plan)
    if reason is not None:
        raise NothingStarted(f"{reason}; nothing was published")


def _only(report: CheckReport) -> str | None:
    names = report.files[0].workflows if report.files else ()
    return names[0] if len(names) == 1 else None


def _kept(site: Site, name: str | None) -> str | None:
    """What stays as it is when publishing fails."""
    if name is None:
        return None
    with site.reading() as read:
        row = None if read is None else read.workflow(name)
    return None if row is None or row.active is None else f"version {row.active} stays active"
