"""Baselines on the disk: what they hide from a report, how they are written, and how they are pruned."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from headgate.api.changes import put
from headgate.api.checking import check
from headgate.api.faults import NothingStarted, UsageFault
from headgate.api.neighbours import is_folder, is_there
from headgate.api.surroundings import Options, Surroundings
from headgate.api.targets import target_of
from headgate.records import NamedTuple
from headgate.validators import baseline
from headgate.validators.baseline import BaselineDamaged, Counts, Entry
from headgate.validators.report import BaselineUse, CheckedFile, CheckReport

NAME = "headgate-baseline.json"
_SYNTAX = ("HG001", "HG002")


class Written(NamedTuple):
    """A baseline that was written: `path` is what people see; `added` and `removed` say what it knows more and less.

    `configured` is whether `check` uses it without being told; `report` is the gate's with it.
    """

    path: str
    known: int
    added: int
    removed: int
    configured: bool
    report: CheckReport


def without_known(report: CheckReport, whole: set[Path], surroundings: Surroundings) -> CheckReport:
    """The report without what the baselines know; `whole` are the files that were checked as a whole.

    A baseline that is missing or damaged is a fault of the report, and hides nothing.
    """
    known: dict[Path, Counts] = {}
    faults: list[str] = []
    files: list[CheckedFile] = []
    used: dict[Path, Counter[Entry]] = {}
    for file in report.files:
        where = None if file.file is None else surroundings.baseline(file.file)
        if where is None or file.file is None:
            files.append(file)
            continue
        if where not in known:
            known[where], fault = _known(where, surroundings)
            faults += [fault] if fault else []
        shown, uses = baseline.without_known(file, _path(where, file.file), known[where])
        files.append(shown)
        used.setdefault(where, Counter()).update(uses)
    uses_of = [
        BaselineUse(
            _shown(where, surroundings),
            used[where].total(),
            sum(_stale(where, known[where], used[where], _judged(where, report, whole, surroundings)).values()),
        )
        for where in used
    ]
    return report._replace(files=tuple(files), faults=(*report.faults, *faults), baselines=tuple(uses_of))


def write(paths: Sequence[str], options: Options, file: str | None = None) -> Written:
    """Let a baseline know what is found now, and nothing else of the files that were checked.

    `file` is the baseline, else that of the options, of the workspace, or `headgate-baseline.json` in it. Raises
    `UsageFault` for a file that is no baseline, and for one workflow of a file; `NothingStarted` when it cannot be
    written.
    """
    return _rewrite(paths, options, file, prune=False)


def prune(paths: Sequence[str], options: Options) -> Written:
    """Let a baseline forget what is found no more; raises as `write` does."""
    return _rewrite(paths, options, None, prune=True)


def _rewrite(paths: Sequence[str], options: Options, file: str | None, *, prune: bool) -> Written:
    surroundings = Surroundings(options._replace(baselines=True, baseline=file or options.baseline))
    targets = [target_of(path, surroundings.start) for path in paths]
    if any(target.workflow for target in targets):
        raise UsageFault("a baseline knows whole files: name the file without `#`")
    around = targets[0].path if targets else surroundings.start
    root = surroundings.root(around) or surroundings.start
    configured = Surroundings(options._replace(baseline=None)).baseline(around)
    where = surroundings.baseline(around) or root / NAME
    shown = _shown(where, surroundings)
    before = _before(where, shown, must_exist=prune)
    report = check(paths, options._replace(baselines=False))
    if report.faults:
        raise UsageFault(report.faults[0])
    files = [(one, _path(where, one.file)) for one in report.files if one.file is not None]
    found = baseline.count(files)
    judged = _judged(where, report, {one.file for one, _ in files if one.file is not None}, surroundings)
    kept = Counter(before) - _stale(where, before, Counter(found), judged)
    after = kept if prune else kept | Counter(found)
    try:
        put(where.resolve(), shown, baseline.dump(after))
    except OSError as error:
        raise NothingStarted(f"`{shown}` cannot be written: {error.strerror or error}") from None
    used = options._replace(baselines=True, baseline=str(where))
    return Written(
        shown,
        after.total(),
        (after - Counter(before)).total(),
        (Counter(before) - after).total(),
        configured is not None and configured.resolve() == where.resolve(),
        check(paths, used),
    )


class _Judged(NamedTuple):
    """What a check can say about entries: the skipped rules of each file that was read as a whole."""

    skipped: dict[str, frozenset[str] | None]
    surroundings: Surroundings
    files: dict[str, Path]

    def knows(self, entry: Entry) -> bool:
        """Whether the entry would have been found if it were still there."""
        skipped = self.skipped.get(entry.path, frozenset({entry.code}))
        if skipped is None or entry.code in skipped:
            return False
        selection = self.surroundings.setting(self.files[entry.path]).selection
        return selection.runs(entry.code) and not (selection.ignore and entry.code.startswith(selection.ignore))


def _judged(where: Path, report: CheckReport, whole: set[Path], surroundings: Surroundings) -> _Judged:
    skipped: dict[str, frozenset[str] | None] = {}
    files: dict[str, Path] = {}
    for file in report.files:
        if file.file is not None and file.file in whole:
            path = _path(where, file.file)
            files[path] = file.file
            broken = any(found.code in _SYNTAX for found in file.diagnostics)
            skipped[path] = None if broken else frozenset(file.skipped)
    return _Judged(skipped, surroundings, files)


def _stale(where: Path, known: Counts, used: Counter[Entry], judged: _Judged) -> Counter[Entry]:
    """What the baseline knows and nobody finds any more: in files that were looked at, and in those that are gone."""
    return Counter(
        {
            entry: count - used[entry]
            for entry, count in known.items()
            if count > used[entry] and (judged.knows(entry) or not is_there(where.parent / entry.path))
        }
    )


def _known(where: Path, surroundings: Surroundings) -> tuple[Counts, str | None]:
    shown = _shown(where, surroundings)
    try:
        return baseline.load(where.read_bytes()), None
    except BaselineDamaged as damage:
        return {}, f"`{shown}` is no baseline: {damage}"
    except FileNotFoundError:
        return {}, f"no baseline `{shown}`; `headgate check --write-baseline` makes it"
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        return {}, f"the baseline `{shown}` cannot be read: {reason}"


def _before(where: Path, shown: str, *, must_exist: bool) -> Counts:
    """What the file knows so far. Raises UsageFault when it is something else, so that nothing else is overwritten."""
    if is_folder(where):
        raise UsageFault(
            f"`{shown}` is a folder, not a baseline; write `--write-baseline=FILE`, or the paths before it"
        )
    try:
        return baseline.load(where.read_bytes())
    except FileNotFoundError:
        if must_exist or where.suffix == ".flow":
            raise UsageFault(f"no baseline `{shown}`") from None
        return {}
    except (OSError, ValueError) as error:
        raise NothingStarted(f"`{shown}` cannot be read: {error}") from None
    except BaselineDamaged as damage:
        raise UsageFault(f"`{shown}` is no baseline and is left as it is: {damage}") from None


def _path(where: Path, file: Path) -> str:
    """The path of a file from the folder of a baseline."""
    return Path(os.path.relpath(file.parent.resolve() / file.name, where.parent.resolve())).as_posix()


def _shown(where: Path, surroundings: Surroundings) -> str:
    return Path(os.path.relpath(where, surroundings.start)).as_posix()
