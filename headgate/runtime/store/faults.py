"""One sentence for everything that SQLite may refuse."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from headgate.runtime.errors import StoreError, StoreLocked

_SENTENCES = {
    sqlite3.SQLITE_READONLY: "cannot be written: the file or its folder is read-only",
    sqlite3.SQLITE_PERM: "cannot be opened: no permission",
    sqlite3.SQLITE_AUTH: "cannot be opened: no permission",
    sqlite3.SQLITE_BUSY: "is locked by another program; nothing was written, try again when it is done",
    sqlite3.SQLITE_LOCKED: "is locked by another program; nothing was written, try again when it is done",
    sqlite3.SQLITE_FULL: "cannot grow: the disk is full; what was acknowledged is kept, free some space and go on",
    sqlite3.SQLITE_CORRUPT: "is damaged; restore a copy, or move it away to start with an empty one",
    sqlite3.SQLITE_NOTADB: "is not a headgate store; name another with --store or move it away",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened: the file or its folder does not exist or may not be read",
    sqlite3.SQLITE_IOERR: "cannot be read or written: the disk reported an error; what was acknowledged is kept",
    sqlite3.SQLITE_TOOBIG: "cannot hold a value this large; make the step's result smaller",
}


def sentence(error: sqlite3.Error, path: Path) -> str:
    """What `error` means for the store at `path`, and what to do."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_IOERR and _is_full(path):
        code = sqlite3.SQLITE_FULL
    return f"the store `{path}` {_SENTENCES.get(code, f'cannot be used: {error}')}"


def _is_full(path: Path) -> bool:
    """SQLite says so only of the database itself, and not of the files beside it."""
    try:
        return os.statvfs(path.parent).f_bavail == 0
    except OSError:
        return False


def fault_of(error: sqlite3.Error, path: Path) -> StoreError:
    """The `StoreError` that says what `error` means; `StoreLocked` for what may pass."""
    if getattr(error, "sqlite_errorcode", 0) & 0xFF in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return StoreLocked(sentence(error, path))
    return StoreError(sentence(error, path))


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Raises `StoreError` for whatever SQLite raises inside."""
    try:
        yield
    except sqlite3.Error as error:
        raise fault_of(error, path) from error
