"""The raw commit rate of a disk, which the rates of engines stand beside."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

COMMITS = 2000


def floor(folder: Path) -> float:
    """Commits a second of one 100-byte insert each (WAL, synchronous=FULL), in a database that is new."""
    connection = sqlite3.connect(folder / "floor.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE rows(n INTEGER PRIMARY KEY, body BLOB)")
    body = b"x" * 100
    started = time.perf_counter()
    for _ in range(COMMITS):
        connection.execute("INSERT INTO rows(body) VALUES (?)", (body,))
    seconds = time.perf_counter() - started
    connection.close()
    return COMMITS / seconds
