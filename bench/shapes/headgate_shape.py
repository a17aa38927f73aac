"""Headgate's side of `bench/running.py`: `python headgate_shape.py SHAPE FOLDER` prints one JSON line.

Each step is a `noop` of `bench/plugin`, a kind with an effect: its intent is on the disk before it starts.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

from store_size import stored_bytes

from headgate.api.place import Driving, Place
from headgate.api.running import Origin, Target, creation, read_target
from headgate.api.session import Session
from headgate.api.site import Site
from headgate.plan import JsonObject
from headgate.runtime.patience import Patience
from headgate.runtime.store import RunFilter, Store

ITEMS = 1000
RUNS, STEPS_A_RUN = 500, 5
ONES = 200
STORE = "headgate.db"


def chain(steps: int) -> str:
    """A workflow of `steps` steps in sequence, each given what the one before it gave back."""
    lines = ["workflow chain {"]
    for n in range(steps):
        value = f"{{{{ steps.s{n - 1}.result.value }}}}" if n else "0"
        lines.append(f"  step s{n} = noop{f' after s{n - 1}' if n else ''} {{ value = {value} }}")
    return "\n".join([*lines, "}", ""])


def fan(items: int) -> str:
    """A loop over `items` items, all at once."""
    return f"""workflow fan {{
  input items: list<integer>
  step all = each {{{{ inputs.items }}}} as item {{
    limit = {items}
    concurrency = {items}
    step one = noop {{ value = {{{{ item }}}} }}
  }}
}}
"""


def target_of(folder: Path, site: Site, text: str) -> Target:
    file = folder / "bench.flow"
    file.write_text(text, encoding="utf-8")
    return read_target(str(file), site)


def begin(session: Session, target: Target, inputs: JsonObject) -> str:
    """A new run, not stored yet."""
    trigger: JsonObject = {"name": "manual", "kind": "manual", "payload": None}
    record = creation(target.plan, inputs, trigger, Origin("bench", None))
    fleet = session.executor.fleet
    fleet.shelf.keep(target.plan)
    return fleet.create(record, target.content, session.site.clock.now_ms()).id


def timed(folder: Path, text: str, work: Callable[[Session, Target], None]) -> float:
    """Seconds of `work`, from opening the store to the last commit; the plan is compiled before."""
    site = Site(Place(folder, str(folder / STORE)))
    target = target_of(folder, site, text)
    started = time.perf_counter()
    with Session(site, site.open_store(), Driving()) as session:
        work(session, target)
        seconds = time.perf_counter() - started
        open_runs = session.store.read.runs(RunFilter(open_only=True))
        assert not open_runs, open_runs[0].status
    return seconds


def one_chain(session: Session, target: Target) -> None:
    begin(session, target, {})
    session.drive(None, Patience())


def many_chains(session: Session, target: Target) -> None:
    for _ in range(RUNS):
        begin(session, target, {})
    session.drive(None, Patience())


def one_fan(session: Session, target: Target) -> None:
    begin(session, target, {"items": list(range(ITEMS))})
    session.drive(None, Patience())


def one_step(folder: Path) -> float:
    """Median seconds of a run of one step in a process that is warm."""
    site = Site(Place(folder, str(folder / STORE)))
    target = target_of(folder, site, chain(1))
    found: list[float] = []

    async def all_of_them(session: Session) -> None:
        for _ in range(ONES):
            started = time.perf_counter()
            run = begin(session, target, {})
            await session.executor.drive(Patience())
            found.append(time.perf_counter() - started)
            session.let_go(run)

    with Session(site, site.open_store(), Driving()) as session:
        asyncio.run(all_of_them(session))
    return statistics.median(found)


def main() -> None:
    shape, folder = sys.argv[1], Path(sys.argv[2])
    Store(folder / STORE).close()
    empty = stored_bytes(folder / STORE)
    if shape == "chain":
        seconds, steps = timed(folder, chain(ITEMS), one_chain), ITEMS
    elif shape == "many":
        seconds, steps = timed(folder, chain(STEPS_A_RUN), many_chains), RUNS * STEPS_A_RUN
    elif shape == "fan":
        seconds, steps = timed(folder, fan(ITEMS), one_fan), ITEMS
    elif shape == "one":
        seconds, steps = one_step(folder), 1
    else:
        raise SystemExit(f"no shape `{shape}`")
    print(json.dumps({"seconds": seconds, "steps": steps, "bytes": stored_bytes(folder / STORE) - empty}))


if __name__ == "__main__":
    main()
