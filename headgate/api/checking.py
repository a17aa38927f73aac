"""`check`: the gate for files, folders, a whole workspace, or a text that stands nowhere yet."""

from __future__ import annotations

import gc
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from headgate.api.reading import Unreadable, decode, read_source
from headgate.api.sharing import in_two_halves
from headgate.api.surroundings import DEFAULTS, Options, Surroundings, flow_files, is_folder, is_there
from headgate.diagnostics import Diagnostic
from headgate.kinds import KindDamaged
from headgate.source import Source
from headgate.validators import report as reports
from headgate.validators.gate import Examined, examine
from headgate.validators.report import CheckedFile, CheckReport

_TARGET = re.compile(r"(?P<path>.+)#(?P<name>[A-Za-z_][A-Za-z0-9_]*)")


class Target(NamedTuple):
    """A file, and the name of one workflow of it, None for all."""

    path: Path
    workflow: str | None


def check(paths: Sequence[str | Path], options: Options = DEFAULTS) -> CheckReport:
    """The gate's report on files and folders; without a path, on the workspace around `options.start`.

    `FILE#NAME` is one workflow of a file. Nothing is raised for what a user can do wrong: it is in the report.
    """
    surroundings = Surroundings(options)
    targets: list[Target] = []
    unreadable: list[reports.Unreadable] = []
    for path in paths or (surroundings.root(surroundings.start) or surroundings.start,):
        target = target_of(path, surroundings.start)
        if not is_folder(target.path):
            targets.append(target)
            continue
        inside = flow_files(target.path)
        targets += [Target(file, None) for file in inside]
        if not inside:
            shown = surroundings.shown(target.path)
            unreadable.append(reports.Unreadable(shown, f"no `.flow` file in `{shown}`"))
    whole = list(dict.fromkeys(targets))
    if options.online:  # a second process would ask the servers again
        parts = [_check_share(whole, surroundings)]
    else:
        parts = in_two_halves(whole, lambda share: _check_share(share, surroundings))
    return CheckReport(
        tuple(file for part in parts for file in part.files),
        (*unreadable, *(one for part in parts for one in part.unreadable)),
        tuple(dict.fromkeys(fault for part in parts for fault in part.faults)),
    )


def _check_share(targets: Sequence[Target], surroundings: Surroundings) -> CheckReport:
    files: list[CheckedFile] = []
    unreadable: list[reports.Unreadable] = []
    with _no_garbage_collection():
        for target in targets:
            shown = surroundings.shown(target.path)
            try:
                files.append(_check_file(read_source(target.path, shown), target, surroundings))
            except Unreadable as reason:
                unreadable.append(reports.Unreadable(shown, str(reason)))
    return CheckReport(tuple(files), tuple(unreadable), surroundings.faults)


def check_text(content: str | bytes, path: str | Path, options: Options = DEFAULTS) -> CheckReport:
    """The gate's report on a text as if it stood in `path` (need not exist): an editor's buffer, standard input."""
    surroundings = Surroundings(options)
    where = surroundings.start / path
    shown = surroundings.shown(where) if str(path) != "-" else "<stdin>"
    try:
        source = decode(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"), shown)
        files = (_check_file(source, Target(where, None), surroundings),)
    except Unreadable as reason:
        return CheckReport((), (reports.Unreadable(shown, str(reason)),), surroundings.faults)
    return CheckReport(files, (), surroundings.faults)


def examine_source(source: Source, path: Path, surroundings: Surroundings) -> Examined:
    """What the gate makes of a text that stands at `path`: what compiling goes on from.

    Raises Unreadable when it uses an installed kind whose package is damaged: nothing could be said of such a step.
    """
    try:
        return examine(source, surroundings.setting(path))
    except KindDamaged as damage:
        raise Unreadable(f"`{source.path}` cannot be checked: {damage}") from None


def target_of(path: str | Path, start: Path) -> Target:
    """The file and workflow that `FILE` or `FILE#NAME` means; a file whose name holds `#` comes first."""
    whole = start / path
    match = None if isinstance(path, Path) or is_there(whole) else _TARGET.fullmatch(path)
    return Target(start / match["path"], match["name"]) if match else Target(whole, None)


def _check_file(source: Source, target: Target, surroundings: Surroundings) -> CheckedFile:
    """Raises Unreadable for a file that holds no workflow, or not the one asked for."""
    examined = examine_source(source, target.path, surroundings)
    return checked_file(source, examined, target.workflow, strict=surroundings.is_strict(target.path))


def checked_file(source: Source, examined: Examined, workflow: str | None, *, strict: bool) -> CheckedFile:
    """The report on a text that was examined, or on one workflow of it.

    Raises Unreadable for a file that holds no workflow, or not the one asked for.
    """
    names = tuple(workflow.name.text for workflow in examined.file.workflows)
    if not names and not examined.diagnostics:
        what = "is empty" if not source.text.strip() else "holds no workflow"
        raise Unreadable(f"`{source.path}` {what}; expected at least one `workflow NAME {{ ... }}`")
    diagnostics, suppressed = examined.diagnostics, examined.suppressed
    if workflow is not None:
        if workflow not in names:
            listed = ", ".join(f"`{name}`" for name in names) or "none that can be read"
            raise Unreadable(f"no workflow `{workflow}` in `{source.path}`; it has {listed}")
        diagnostics = _within(examined, workflow, diagnostics)
        suppressed = _within(examined, workflow, suppressed)
    return CheckedFile(source, diagnostics, suppressed, examined.skipped, names, strict)


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
