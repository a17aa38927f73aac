"""`check`: the gate for files, folders, a whole workspace, or a text that stands nowhere yet."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from headgate.api.neighbours import flow_files, is_folder
from headgate.api.reading import Unreadable, decode
from headgate.api.surroundings import DEFAULTS, Options, Surroundings
from headgate.api.targets import Target, target_of
from headgate.validators import report as reports
from headgate.validators.report import CheckedFile, CheckReport

if TYPE_CHECKING:
    from headgate.api.examining import Share

Outcome: TypeAlias = "CheckedFile | reports.Unreadable"


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
            unreadable.append(reports.Unreadable(shown, f"no `.flow` file in `{shown}`", target.path))
    asked = list(dict.fromkeys(targets))
    kept = options.cache and not options.online
    outcomes = _known(asked, surroundings) if kept else {}
    unknown = [target for target in asked if target not in outcomes]
    faults = surroundings.faults
    if unknown:
        shares = _examined(unknown, surroundings, options)
        for share in shares:
            outcomes |= share.outcomes
        faults = tuple(dict.fromkeys((*faults, *(fault for share in shares for fault in share.faults))))
        if kept and not faults:
            _keep(shares, surroundings)
    found = [(target, outcomes[target]) for target in asked]
    report = CheckReport(
        tuple(one._replace(file=target.path) for target, one in found if isinstance(one, CheckedFile)),
        (*unreadable, *(one for _, one in found if isinstance(one, reports.Unreadable))),
        faults,
    )
    return _without_known(report, {target.path for target in asked if target.workflow is None}, surroundings)


def _without_known(report: CheckReport, whole: set[Path], surroundings: Surroundings) -> CheckReport:
    """The report without what baselines know; `whole` are the files that were checked as a whole."""
    if not any(file.file is not None and surroundings.baseline(file.file) for file in report.files):
        return report
    from headgate.api.baselines import without_known

    return without_known(report, whole, surroundings)


def _examined(targets: Sequence[Target], surroundings: Surroundings, options: Options) -> list[Share]:
    """What the gate says now, many files shared with a second process."""
    from headgate.api.examining import check_share
    from headgate.api.sharing import in_two_halves

    if options.online:  # a second process would ask the servers again
        return [check_share(targets, surroundings, options.progress)]
    ours = os.getpid()  # the other process has as many files, and need not tell

    def work(share: Sequence[Target]) -> Share:
        return check_share(share, surroundings, options.progress if os.getpid() == ours else None)

    return in_two_halves(targets, work)


def _known(targets: Sequence[Target], surroundings: Surroundings) -> dict[Target, Outcome]:
    """The answers on whole files that are kept and still hold."""
    known: dict[Target, Outcome] = {}
    for target in targets:
        if target.workflow is None:
            try:
                source = surroundings.source(target.path)
            except Unreadable:
                continue
            found = surroundings.answers(target.path).find(source)
            if found is not None:
                known[target] = found
    return known


def _keep(shares: Sequence[Share], surroundings: Surroundings) -> None:
    """Remember the answers on whole files for the next call."""
    written = []
    for share in shares:
        for target, leans_on in share.leans_on.items():
            outcome = share.outcomes[target]
            if target.workflow is None and isinstance(outcome, CheckedFile):
                answers = surroundings.answers(target.path)
                answers.keep(outcome, leans_on)
                written.append(answers)
    for answers in dict.fromkeys(written):
        answers.save()


def check_text(content: str | bytes, path: str | Path, options: Options = DEFAULTS) -> CheckReport:
    """The gate's report on a text as if it stood in `path` (need not exist): an editor's buffer, standard input."""
    from headgate.api.examining import checked_file, examine_source

    surroundings = Surroundings(options)
    where = surroundings.start / path
    shown = surroundings.shown(where) if str(path) != "-" else "<stdin>"
    try:
        source = decode(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"), shown)
        examined = examine_source(source, where, surroundings)
        checked = checked_file(source, examined, None, strict=surroundings.is_strict(where))
    except Unreadable as reason:
        return CheckReport((), (reports.Unreadable(shown, str(reason)),), surroundings.faults)
    file = where if str(path) != "-" else None
    return _without_known(CheckReport((checked._replace(file=file),), (), surroundings.faults), {where}, surroundings)
