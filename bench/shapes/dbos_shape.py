"""DBOS's side of `bench/running.py`: its SQLite system database in WAL with full syncs."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from dbos import DBOS, DBOSConfig
from store_size import stored_bytes

ITEMS = 1000
RUNS, STEPS_A_RUN = 500, 5
ONES = 100
STORE = "dbos.db"


@DBOS.step()
def noop(value: int) -> int:
    return value


@DBOS.step()
async def noop_async(value: int) -> int:
    return value


@DBOS.workflow()
def chain(steps: int) -> int:
    value = 0
    for _ in range(steps):
        value = noop(value)
    return value


@DBOS.workflow()
async def fan(items: int) -> int:
    return len(await asyncio.gather(*(noop_async(n) for n in range(items))))


def launch(folder: Path) -> None:
    """WAL is kept in the file, so it is set before DBOS opens it; full syncs are SQLite's default."""
    connection = sqlite3.connect(folder / STORE)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.close()
    settings: DBOSConfig = {
        "name": "bench",
        "system_database_url": f"sqlite:///{folder / STORE}",
        "log_level": "ERROR",
        "run_admin_server": False,
    }
    DBOS(config=settings)
    DBOS.launch()


def run(shape: str) -> tuple[float, int]:
    if shape == "one":
        found = []
        for _ in range(ONES):
            started = time.perf_counter()
            chain(1)
            found.append(time.perf_counter() - started)
        return statistics.median(found), 1
    started = time.perf_counter()
    if shape == "chain":
        chain(ITEMS)
    elif shape == "fan":
        asyncio.run(fan(ITEMS))
    else:
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(chain, [STEPS_A_RUN] * RUNS))
    return time.perf_counter() - started, RUNS * STEPS_A_RUN if shape == "many" else ITEMS


def main() -> None:
    shape, folder = sys.argv[1], Path(sys.argv[2])
    launch(folder)
    if shape == "cold":
        chain(1)
        DBOS.destroy()
        return
    empty = stored_bytes(folder / STORE)
    seconds, steps = run(shape)
    DBOS.destroy()
    print(json.dumps({"seconds": seconds, "steps": steps, "bytes": stored_bytes(folder / STORE) - empty}))


if __name__ == "__main__":
    main()
