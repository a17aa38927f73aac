"""`check --fix`: the fixes that findings carry, applied to files until none is left to apply."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from headgate.api.checking import check, check_text
from headgate.api.faults import NothingStarted
from headgate.api.neighbours import flow_files
from headgate.api.reading import Unreadable, read_source
from headgate.api.surroundings import Options, Surroundings
from headgate.api.targets import target_of
from headgate.diagnostics import Diagnostic, Edit, Safety
from headgate.validators.report import CheckReport

ROUNDS = 10
"""A fix may uncover another finding with a fix; this many times is beyond any real file."""


class Change(NamedTuple):
    """One file before and after; `fixes` were applied. `path` is what people see."""

    path: str
    file: Path
    before: str
    after: str
    fixes: int

    def diff(self) -> str:
        """A unified diff, as `patch` takes it."""
        from difflib import unified_diff

        lines = unified_diff(
            self.before.splitlines(keepends=True), self.after.splitlines(keepends=True), self.path, self.path
        )
        return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


class Fixed(NamedTuple):
    """What was written, and the gate's report on the files as they are now."""

    changes: tuple[Change, ...]
    report: CheckReport


def allowed(*, unsafe: bool) -> frozenset[Safety]:
    """The fixes that may be applied."""
    return frozenset(Safety) if unsafe else frozenset({Safety.SAFE})


def preview(paths: Sequence[str], options: Options, safeties: frozenset[Safety]) -> tuple[Change, ...]:
    """What `fix` would change; writes nothing."""
    return tuple(change for file in _files(paths, options) if (change := _fixed(file, options, safeties)))


def fix(paths: Sequence[str], options: Options, safeties: frozenset[Safety]) -> Fixed:
    """Apply the fixes of `safeties` to the files. Raises `NothingStarted` when a file cannot be written."""
    changes = preview(paths, options, safeties)
    for change in changes:
        mark = change.file.read_bytes().startswith(b"\xef\xbb\xbf")
        try:
            change.file.write_text(("\ufeff" if mark else "") + change.after, encoding="utf-8", newline="")
        except OSError as error:
            raise NothingStarted(f"`{change.path}` cannot be written: {error.strerror}") from None
    return Fixed(changes, check(paths, options))


def stamp(paths: Sequence[str]) -> dict[Path, tuple[int, int]]:
    """The time and size of every file that `paths` mean: when it differs, something changed."""
    stamps = {}
    for file in _files(paths, Options()):
        try:
            state = file.stat()
        except OSError:
            continue
        stamps[file] = (state.st_mtime_ns, state.st_size)
    return stamps


def _files(paths: Sequence[str], options: Options) -> list[Path]:
    surroundings = Surroundings(options)
    files: list[Path] = []
    for path in paths or (surroundings.root(surroundings.start) or surroundings.start,):
        file = target_of(path, surroundings.start).path
        files += flow_files(file) if file.is_dir() else [file]
    return list(dict.fromkeys(files))


def _fixed(file: Path, options: Options, safeties: frozenset[Safety]) -> Change | None:
    options = options._replace(online=False)  # what servers say now has no fix in a file
    surroundings = Surroundings(options)
    shown = surroundings.shown(file)
    try:
        before = read_source(file, shown).text
    except Unreadable:
        return None  # the report says so
    text, count = before, 0
    for _ in range(ROUNDS):
        report = check_text(text, file, options)
        edits = [edits for found in report.files for one in found.diagnostics if (edits := _edits(one, safeties))]
        text, applied = _apply(text, edits)
        count += applied
        if not applied:
            break
    return Change(shown, file, before, text, count) if text != before else None


def _edits(diagnostic: Diagnostic, safeties: frozenset[Safety]) -> tuple[Edit, ...]:
    """The edits of the first fix that may be applied."""
    return next((fix.edits for fix in diagnostic.fixes if fix.safety in safeties), ())


def _apply(text: str, fixes: list[tuple[Edit, ...]]) -> tuple[str, int]:
    """Apply fixes that do not touch each other, each whole or not at all; returns the text and how many there were."""
    chosen: list[Edit] = []
    count = 0
    for edits in fixes:
        if not any(_touch(one, other) for one in edits for other in chosen):
            chosen += edits
            count += 1
    for edit in sorted(chosen, key=lambda edit: edit.span, reverse=True):
        text = text[: edit.span.start] + edit.text + text[edit.span.end :]
    return text, count


def _touch(one: Edit, other: Edit) -> bool:
    return one.span.start <= other.span.end and other.span.start <= one.span.end
