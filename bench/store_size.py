"""What an engine's SQLite store takes on the disk."""

from __future__ import annotations

import sqlite3
from pathlib import Path


def stored_bytes(store: Path) -> int:
    """The size of the database file with everything in it. What a step takes is measured from the empty store."""
    connection = sqlite3.connect(store)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return store.stat().st_size
