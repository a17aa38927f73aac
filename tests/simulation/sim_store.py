"""A real SQLite store on a disk that fails now and then: before a commit, after it, or in between."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from headgate.runtime.store import Store
from headgate.runtime.store.opening import open_for_writing

FAULTS = (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY)


class Disk:
    """When it is `faulty`, one statement in `1 / rate` fails that writes; `failed` counts how."""

    def __init__(self, dice: random.Random, rate: float = 0.004) -> None:
        self.faulty = True
        self.rate = rate
        self.failed: dict[str, int] = {}
        self._dice = dice

    def fails(self) -> bool:
        return self.faulty and self._dice.random() < self.rate

    def fault(self, where: str) -> sqlite3.OperationalError:
        self.failed[where] = self.failed.get(where, 0) + 1
        code = self._dice.choice(FAULTS) if where != "unknown" else sqlite3.SQLITE_IOERR
        error = sqlite3.OperationalError(f"simulated fault {code}")
        error.sqlite_errorcode = code
        return error

    def is_unknown(self) -> bool:
        return self._dice.random() < 0.5


def faulty(disk: Disk) -> Callable[[Path], sqlite3.Connection]:
    """Opens a store whose connection fails as `disk` says. Syncs are off: the process never dies, only its workers."""

    class Faulty(sqlite3.Connection):
        def execute(self, sql: str, *given: Any) -> sqlite3.Cursor:
            if sql.startswith("COMMIT") and disk.fails():
                if disk.is_unknown():
                    super().execute(sql)
                    raise disk.fault("unknown")
                super().execute("ROLLBACK")
                raise disk.fault("commit")
            if sql.startswith(("BEGIN", "UPDATE", "INSERT")) and disk.fails():
                raise disk.fault("statement")
            return super().execute(sql, *given)

        def executemany(self, sql: str, *given: Any) -> sqlite3.Cursor:
            if disk.fails():
                raise disk.fault("statement")
            return super().executemany(sql, *given)

    def connect(path: Path) -> sqlite3.Connection:
        if not path.exists():
            open_for_writing(path).close()
        connection = sqlite3.connect(path, timeout=0.0, isolation_level=None, factory=Faulty)
        connection.execute("PRAGMA synchronous=OFF")
        return connection

    return connect


def sound(path: Path) -> Store:
    """The same store on a disk that does not fail."""

    def connect(at: Path) -> sqlite3.Connection:
        connection = open_for_writing(at)
        connection.execute("PRAGMA synchronous=OFF")
        return connection

    return Store(path, connect)
