"""`check --fix`: the fixes that findings carry, applied to files until none is left to apply."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from headgate.api.changes import Change
from headgate.api.checking import check, check_text
from headgate.api.examining import checked_file, examine_source
from headgate.api.faults import NothingStarted
from headgate.api.neighbours import flow_files, is_folder
from headgate.api.reading import Unreadable, decode, read_source
from headgate.api.surroundings import Options, Surroundings
from headgate.api.targets import target_of
from headgate.diagnostics import Diagnostic, Edit, Safety
from headgate.records import NamedTuple
from headgate.source import Source
from headgate.validators.report import CheckReport

ROUNDS = 200
"""Fixes that touch each other wait for the next round, and a fix may uncover another; more are beyond any real file."""

_SYNTAX = ("HG001", "HG002")
Edits = tuple[Edit, ...]


class Fixed(NamedTuple):
    """What changed, the gate's report on the files as they are now, and a sentence for each file left as it was."""

    changes: tuple[Change, ...]
    report: CheckReport
    refused: tuple[str, ...] = ()

    def exit_code(self, *, strict: bool = False) -> int:
        """The report's, but 3 at least when a file could not be written."""
        code = self.report.exit_code(strict=strict)
        return 3 if self.refused and code in (0, 1) else code


def allowed(*, unsafe: bool) -> frozenset[Safety]:
    """The fixes that may be applied."""
    return frozenset(Safety) if unsafe else frozenset({Safety.SAFE})


def preview(paths: Sequence[str], options: Options, safeties: frozenset[Safety]) -> Fixed:
    """What `fix` would change; writes nothing."""
    surroundings = Surroundings(options)
    changes = [
        change
        for file, workflows in _files(paths, surroundings).items()
        if (change := _fixed(file, workflows, surroundings, safeties))
    ]
    return Fixed(tuple(changes), check(paths, options))


def fix(paths: Sequence[str], options: Options, safeties: frozenset[Safety]) -> Fixed:
    """Apply the fixes of `safeties` to the files; one that cannot be written does not keep the others from it."""
    written: list[Change] = []
    refused: list[str] = []
    for change in preview(paths, options, safeties).changes:
        try:
            change.write()
            written.append(change)
        except NothingStarted as fault:
            refused.append(fault.message)
    return Fixed(tuple(written), check(paths, options), tuple(refused))


class FixedText(NamedTuple):
    """A text as it is after fixing, its change if there is one, and the gate's report on it."""

    content: bytes
    changes: tuple[Change, ...]
    report: CheckReport

    def exit_code(self, *, strict: bool = False) -> int:
        """The report's."""
        return self.report.exit_code(strict=strict)


def fix_text(content: bytes, path: str, options: Options, safeties: frozenset[Safety]) -> FixedText:
    """Fix a text as if it stood in `path` (`-` for nowhere); one that cannot be read comes back as it is."""
    surroundings = Surroundings(options)
    where = surroundings.start / path
    try:
        source = decode(content, "<stdin>" if path == "-" else surroundings.shown(where))
    except Unreadable:
        return FixedText(content, (), check_text(content, path, options))
    after, count = _apply_all(source, where, None, surroundings, safeties)
    changes = (Change(source.path, where, source.text, after, count),) if after != source.text else ()
    written = content[: len(content) - len(source.text.encode())] + after.encode()  # a byte order mark stays
    return FixedText(written, changes, check_text(written, path, options))


def _files(paths: Sequence[str], surroundings: Surroundings) -> dict[Path, frozenset[str] | None]:
    """The files that `paths` mean, each with the workflows of it that are meant; None for all."""
    files: dict[Path, frozenset[str] | None] = {}
    for path in paths or (surroundings.root(surroundings.start) or surroundings.start,):
        target = target_of(path, surroundings.start)
        if is_folder(target.path):
            files |= dict.fromkeys(flow_files(target.path))
            continue
        before = files.get(target.path, frozenset())
        whole = target.workflow is None or before is None
        files[target.path] = None if whole else frozenset({*(before or ()), str(target.workflow)})
    return files


def _fixed(
    file: Path, workflows: frozenset[str] | None, surroundings: Surroundings, safeties: frozenset[Safety]
) -> Change | None:
    shown = surroundings.shown(file)
    try:
        source = read_source(file, shown)
    except Unreadable:
        return None  # the report says so
    after, count = _apply_all(source, file, workflows, surroundings, safeties)
    return Change(shown, file, source.text, after, count) if after != source.text else None


def _apply_all(
    source: Source,
    path: Path,
    workflows: frozenset[str] | None,
    surroundings: Surroundings,
    safeties: frozenset[Safety],
) -> tuple[str, int]:
    """The text when no fix is left, and how many were applied.

    A fix that does not answer its finding, or leaves more syntax errors than it found, is not applied.
    """
    text, total, most = source.text, 0, None
    seen = {text}
    useless: set[tuple[str, str, str]] = set()
    found = _findings(source, path, workflows, surroundings)
    for _ in range(ROUNDS):
        answers = [one for each in found if (one := _answer(each, safeties)) and one.key not in useless][:most]
        after, applied = apply(text, [one.edits for one in answers])
        if not applied or after in seen:
            break
        then = _findings(Source(source.path, after), path, workflows, surroundings)
        done = [one for one in answers if one.edits in applied]
        if not _better(found, then, done):
            useless.update(one.key for one in done if len(done) == 1)
            most = 1
            continue
        text, found, most = after, then, None
        seen.add(text)
        useless.clear()  # what was of no use beside another fault may be of use now
        total += len(applied)
    return text, total


class _Answer(NamedTuple):
    """The fix of one finding. `key` is the same wherever the finding stands."""

    key: tuple[str, str, str]
    edits: Edits

    @property
    def finding(self) -> tuple[str, str]:
        return self.key[:2]


def _answer(found: Diagnostic, safeties: frozenset[Safety]) -> _Answer | None:
    """The fix to apply: the first safe one, else the first that is allowed."""
    may = sorted((fix for fix in found.fixes if fix.safety in safeties), key=lambda fix: fix.safety is not Safety.SAFE)
    return _Answer((found.code, found.message, may[0].title), may[0].edits) if may else None


def _better(found: tuple[Diagnostic, ...], then: tuple[Diagnostic, ...], done: Iterable[_Answer]) -> bool:
    """Whether what was answered is found less often than before, and no more of the syntax is wrong."""
    was, left = (Counter((one.code, one.message) for one in each) for each in (found, then))
    answered = all(left[one.finding] < was[one.finding] for one in done)
    return answered and _syntax_errors(then) <= _syntax_errors(found)


def _findings(
    source: Source, path: Path, workflows: frozenset[str] | None, surroundings: Surroundings
) -> tuple[Diagnostic, ...]:
    """What the gate says of a text; nothing when it cannot be read, which the report says."""
    try:
        examined = examine_source(source, path, surroundings)
        files = [checked_file(source, examined, name, strict=False) for name in (workflows or (None,))]
    except Unreadable:
        return ()
    return tuple(dict.fromkeys(found for file in files for found in file.diagnostics))


def _syntax_errors(found: Iterable[Diagnostic]) -> int:
    return sum(one.code in _SYNTAX for one in found)


def apply(text: str, fixes: Iterable[Edits]) -> tuple[str, list[Edits]]:
    """The text with those fixes that do not touch one before them, each whole; and which they were."""
    chosen: list[Edits] = []
    taken: list[Edit] = []
    for edits in fixes:
        if not any(_touch(one, other) for one in edits for other in taken):
            chosen.append(edits)
            taken += edits
    for edit in reversed(sorted(taken, key=lambda edit: edit.span)):  # noqa: C413 - of equals, the last goes first
        text = text[: edit.span.start] + edit.text + text[edit.span.end :]
    return text, chosen


def _touch(one: Edit, other: Edit) -> bool:
    return one.span.start <= other.span.end and other.span.start <= one.span.end
