"""The gate for files that are read: the part of a check that needs the whole compiler."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from headgate.api.reading import Unreadable
from headgate.api.surroundings import Surroundings
from headgate.api.targets import Target
from headgate.diagnostics import Diagnostic, Severity
from headgate.kinds import KindDamaged
from headgate.records import NamedTuple
from headgate.source import Source
from headgate.validators import report as reports
from headgate.validators.gate import Examined, examine
from headgate.validators.report import CheckedFile


class Share(NamedTuple):
    """What came of some targets, and what each answer leans on beside its file."""

    outcomes: dict[Target, CheckedFile | reports.Unreadable]
    leans_on: dict[Target, frozenset[str]]
    faults: tuple[str, ...]


def check_share(
    targets: Sequence[Target], surroundings: Surroundings, progress: Callable[[int, int], None] | None = None
) -> Share:
    """What the gate says of some targets; `progress` is told how many of how many are done."""
    outcomes: dict[Target, CheckedFile | reports.Unreadable] = {}
    leans_on: dict[Target, frozenset[str]] = {}
    with _no_garbage_collection():
        for number, target in enumerate(targets, 1):
            try:
                source = surroundings.source(target.path)
                examined = examine_source(source, target.path, surroundings)
                strict = surroundings.is_strict(target.path)
                outcomes[target] = checked_file(source, examined, target.workflow, strict=strict)
                leans_on[target] = examined.leans_on
            except Unreadable as reason:
                outcomes[target] = reports.Unreadable(surroundings.shown(target.path), str(reason), target.path)
            if progress is not None:
                progress(number, len(targets))
    return Share(outcomes, leans_on, surroundings.faults)


def examine_source(source: Source, path: Path, surroundings: Surroundings) -> Examined:
    """What the gate makes of a text that stands at `path`: what compiling goes on from.

    Raises Unreadable when it uses an installed kind whose package is damaged: nothing could be said of such a step.
    """
    try:
        return examine(source, surroundings.setting(path))
    except KindDamaged as damage:
        raise Unreadable(f"`{source.path}` cannot be checked: {damage}") from None


def checked_file(source: Source, examined: Examined, workflow: str | None, *, strict: bool) -> CheckedFile:
    """The report on a text that was examined, or on one workflow of it.

    Raises Unreadable for a file that holds no workflow, or not the one asked for.
    """
    names = tuple(workflow.name.text for workflow in examined.file.workflows)
    if not names and not any(found.severity is Severity.ERROR for found in examined.diagnostics):
        what = "is empty" if not source.text.strip() else "holds no workflow"
        raise Unreadable(f"`{source.path}` {what}; expected at least one `workflow NAME {{ ... }}`")
    diagnostics, suppressed = examined.diagnostics, examined.suppressed
    if workflow is not None:
        if workflow not in names:
            listed = ", ".join(f"`{name}`" for name in names) or "none that can be read"
            raise Unreadable(f"no workflow `{workflow}` in `{source.path}`; it has {listed}")
        diagnostics = _within(examined, workflow, diagnostics)
        suppressed = _within(examined, workflow, suppressed)
    return CheckedFile(source, diagnostics, suppressed, examined.skipped, names, strict, examined.gaps, examined.rules)


def _within(examined: Examined, name: str, diagnostics: tuple[Diagnostic, ...]) -> tuple[Diagnostic, ...]:
    """The findings that do not stand in another workflow of the file."""
    others = [workflow.span for workflow in examined.file.workflows if workflow.name.text != name]
    return tuple(
        diagnostic
        for diagnostic in diagnostics
        if not any(other.start <= diagnostic.span.start < other.end for other in others)
    )


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Trees have no cycles, and looking for some among many nodes costs more than checking them."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
