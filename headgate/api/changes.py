"""Files before and after: shown as a diff, or written so that nobody ever finds half of one."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from headgate.api.faults import NothingStarted
from headgate.records import NamedTuple

_MARK = b"\xef\xbb\xbf"
_WRITABLE = 0o222


class Change(NamedTuple):
    """One file before and after, both without byte order mark. `path` is what people see; `fixes` were applied."""

    path: str
    file: Path
    before: str
    after: str
    fixes: int = 0

    def diff(self) -> str:
        """A unified diff, as `patch` takes it; empty when nothing changes."""
        return unified_diff(self.path, self.before, self.after)

    def write(self) -> None:
        """Replace the file as a whole: it keeps its mode, its byte order mark, and the link that leads to it.

        Raises `NothingStarted` when it cannot be written, or is no longer what it was before.
        """
        try:
            self._put(self.file.resolve())
        except OSError as error:
            raise NothingStarted(f"`{self.path}` cannot be written: {error.strerror or error}") from None

    def _put(self, real: Path) -> None:
        mark = _MARK if self._unchanged(real).startswith(_MARK) else b""
        put(real, self.path, mark + self.after.encode(), lambda: self._unchanged(real))

    def _unchanged(self, real: Path) -> bytes:
        """The bytes of the file. Raises `NothingStarted` when it says something else than it did before."""
        content = real.read_bytes()
        if content.removeprefix(_MARK) != self.before.encode():
            raise NothingStarted(f"`{self.path}` changed meanwhile and was left as it is: try again")
        return content


def put(real: Path, path: str, content: bytes, before_it_counts: Callable[[], object] = lambda: None) -> None:
    """Write a file as a whole: all of it or nothing is there, also after a loss of power. `path` is what people see.

    `before_it_counts` is called when all is ready; what it raises leaves the file as it was. Raises `NothingStarted`
    for what is read-only, and OSError.
    """
    state = real.stat() if real.exists() else None
    if state is not None and (not state.st_mode & _WRITABLE or not os.access(real, os.W_OK)):
        raise NothingStarted(f"`{path}` cannot be written: it is read-only")
    if not real.parent.stat().st_mode & _WRITABLE or not os.access(real.parent, os.W_OK):
        raise NothingStarted(f"`{path}` cannot be written: its folder is read-only")
    number, beside = tempfile.mkstemp(prefix=f".{real.name}.", dir=real.parent)
    try:
        with os.fdopen(number, "wb") as file:
            file.write(content)
            file.flush()
            _give(number, state)
            os.fsync(number)
        before_it_counts()
        os.replace(beside, real)  # noqa: PTH105 - both are plain paths
    finally:
        Path(beside).unlink(missing_ok=True)
    _settle(real.parent)


def unified_diff(path: str, before: str, after: str) -> str:
    """A unified diff of two texts whose lines end with LF, alone or after CR."""
    import difflib

    lines = difflib.unified_diff(_lines(before), _lines(after), path, path)
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def _lines(text: str) -> list[str]:
    *whole, last = text.split("\n")
    return [f"{line}\n" for line in whole] + ([last] if last else [])


def _give(number: int, state: os.stat_result | None) -> None:
    """Give a file the mode and, where that is allowed, the owner of the one before it; a new one the usual mode."""
    if state is None:
        mask = os.umask(0)
        os.umask(mask)
        os.fchmod(number, 0o666 & ~mask)
        return
    os.fchmod(number, state.st_mode & 0o7777)
    try:
        os.fchown(number, state.st_uid, state.st_gid)
        os.fchmod(number, state.st_mode & 0o7777)  # a change of owner may take bits away
    except OSError:
        return


def _settle(folder: Path) -> None:
    """Let the new name outlast a loss of power, where the system can."""
    try:
        number = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(number)
    except OSError:
        return
    finally:
        os.close(number)
