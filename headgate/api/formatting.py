"""`fmt`: files as the layout wants them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from headgate.api.changes import Change, unified_diff
from headgate.api.neighbours import flow_files
from headgate.api.reading import Unreadable, decode, read_source
from headgate.api.surroundings import Options, Surroundings
from headgate.api.targets import target_of
from headgate.grammar.format import format_source
from headgate.records import NamedTuple
from headgate.source import Source
from headgate.validators.report import CheckedFile, CheckReport


class Laid(NamedTuple):
    """One file before and after. `path` is what people see, `file` None for standard input."""

    path: str
    file: Path | None
    before: str
    after: str

    @property
    def changed(self) -> bool:
        return self.before != self.after

    def diff(self) -> str:
        """A unified diff, empty when nothing changes."""
        return unified_diff(self.path, self.before, self.after)


class Layout(NamedTuple):
    """What `fmt` found: the files that parse, a report of those that do not, and sentences on the unreadable."""

    files: tuple[Laid, ...]
    broken: CheckReport
    unreadable: tuple[str, ...]


def lay_out(paths: Sequence[str]) -> Layout:
    """How the files would look; writes nothing. Without a path: the workspace, or the current folder without one."""
    surroundings = Surroundings(Options())
    laid: list[Laid] = []
    broken: list[CheckedFile] = []
    unreadable: list[str] = []
    for path in paths or (surroundings.root(surroundings.start) or surroundings.start,):
        file = target_of(path, surroundings.start).path
        files = flow_files(file) if file.is_dir() else [file]
        if not files:
            unreadable.append(f"no `.flow` file in `{surroundings.shown(file)}`")
        for each in files:
            try:
                _one(read_source(each, surroundings.shown(each)), each, laid, broken)
            except Unreadable as reason:
                unreadable.append(str(reason))
    return Layout(tuple(laid), CheckReport(tuple(broken)), tuple(unreadable))


def lay_out_text(content: bytes) -> Layout:
    """How standard input would look."""
    laid: list[Laid] = []
    broken: list[CheckedFile] = []
    try:
        _one(decode(content, "<stdin>"), None, laid, broken)
    except Unreadable as reason:
        return Layout((), CheckReport(), (str(reason),))
    return Layout(tuple(laid), CheckReport(tuple(broken)), ())


def write(files: Sequence[Laid]) -> None:
    """Write those that change. Raises `NothingStarted` for one that cannot be written."""
    for each in files:
        if each.file is not None and each.changed:
            Change(each.path, each.file, each.before, each.after).write()


def _one(source: Source, file: Path | None, laid: list[Laid], broken: list[CheckedFile]) -> None:
    after, diagnostics = format_source(source)
    if after is None:
        broken.append(CheckedFile(source, tuple(diagnostics)))
    else:
        laid.append(Laid(source.path, file, source.text, after))
