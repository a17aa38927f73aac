"""Opening a store: make it, bring it up to date, or say why it cannot be used."""

from __future__ import annotations

import os
import sqlite3
from contextlib import suppress
from pathlib import Path

from headgate.runtime.errors import StoreError
from headgate.runtime.store.faults import explained
from headgate.runtime.store.schema import APPLICATION_ID, MIGRATIONS, VERSION

BUSY_SECONDS = 5.0
IN_MEMORY = ":memory:"
_WITHOUT_SPACE = frozenset({sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR})


def open_for_writing(path: Path, busy_seconds: float = BUSY_SECONDS) -> sqlite3.Connection:
    """A connection to the store at `path`, made when missing, in WAL with full syncs; its folder must exist.

    Raises `StoreError` when it is read-only, locked, of a newer version, or no store.
    """
    _refuse_what_is_no_file(path)
    with explained(path):
        make_private(path)
        connection = sqlite3.connect(path, timeout=busy_seconds, isolation_level=None, cached_statements=64)
        try:
            _prepare(connection, path)
        except BaseException:
            connection.close()
            raise
    return connection


def make_private(path: Path) -> None:
    """Makes the file at `path`, empty and for nobody else to read, unless it is there; SQLite's other files follow it.

    When it cannot be made, whoever opens it says why.
    """
    if str(path) == IN_MEMORY:
        return
    with suppress(OSError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))


def open_for_reading(path: Path) -> sqlite3.Connection | None:
    """A connection that changes nothing, or None when there is no store yet. Raises `StoreError` as above."""
    _refuse_what_is_no_file(path)
    if not path.exists():
        return None
    with explained(path):
        connection = _readable(path)
        try:
            connection.execute("PRAGMA query_only=1")
            version = version_of(connection, path)
        except BaseException:
            connection.close()
            raise
    if version == 0:
        connection.close()
        return None
    return connection


def _readable(path: Path) -> sqlite3.Connection:
    """A folder that is read-only or full cannot take the files that WAL needs; a store at rest is readable without."""
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
    try:
        connection.execute("PRAGMA user_version").fetchone()
    except sqlite3.OperationalError as error:
        connection.close()
        if error.sqlite_errorcode & 0xFF not in _WITHOUT_SPACE or _has_log(path):
            raise
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?immutable=1", uri=True, isolation_level=None)
    return connection


def _has_log(path: Path) -> bool:
    log = path.with_name(path.name + "-wal")
    return log.exists() and log.stat().st_size > 0


def _refuse_what_is_no_file(path: Path) -> None:
    if path.is_dir():
        raise StoreError(f"the store `{path}` is a folder: name the file in it")
    if not path.parent.is_dir():
        raise StoreError(f"the folder `{path.parent}` of the store does not exist: make it, or name another store")


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    if version_of(connection, path) < VERSION:
        _migrate(connection, path)
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=OFF")
    connection.execute("PRAGMA cache_size=-8192")
    connection.execute("PRAGMA journal_size_limit=16777216")


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("BEGIN IMMEDIATE")
    try:
        for script in MIGRATIONS[version_of(connection, path) :]:
            for statement in script.split(";"):
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version={VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def version_of(connection: sqlite3.Connection, path: Path) -> int:
    """What the file says of itself, all at one moment: another process may be making it just now."""
    if connection.in_transaction:
        return _said(connection, path)
    connection.execute("BEGIN")
    try:
        return _said(connection, path)
    finally:
        connection.execute("COMMIT")


def _said(connection: sqlite3.Connection, path: Path) -> int:
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    application = int(connection.execute("PRAGMA application_id").fetchone()[0])
    if application == APPLICATION_ID:
        if version > VERSION:
            raise StoreError(
                f"the store `{path}` has version {version} and this headgate reads up to {VERSION}: upgrade headgate"
            )
        return version
    if application or version or connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone():
        raise StoreError(f"the store `{path}` is another program's database: name another with --store")
    return 0
