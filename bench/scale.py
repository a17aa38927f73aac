"""Whether it stays as fast when there is much of it: `python bench/scale.py [lists|long|waiting ...]`.

lists    100,000 runs in the store: each list and filter, at the 95th percentile, at most 50 ms
long     one run of 100,000 steps: the processor's time of a step in each tenth of the run, and the peak
waiting  runs that wait, 2,000 and then 10,000 at once: the peak of who drives them, which must not grow with them

Needs the kind of `bench/plugin`. Times say nothing without the machine: the floor of each part is printed beside it.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from headgate.api.place import Driving, Place
from headgate.api.session import Session
from headgate.api.site import Site
from headgate.runtime.patience import Patience
from headgate.runtime.store import Identifiers, Lease, RunFilter, RunRow, RunWrite, Store

RUNS = 100_000
WITHIN_MS = 50.0
PAGE = 50
DAY_MS = 86_400_000
NOW = 1_800_000_000_000
STATUSES = (
    ("completed",) * 80 + ("failed",) * 8 + ("waiting",) * 5 + ("paused",) * 3 + ("cancelled",) * 2 + ("running",)
)
ENDED = frozenset({"completed", "failed", "cancelled", "skipped"})
WORKFLOWS = tuple(f"flow_{n}" for n in range(40))
TRIGGERS = ("manual", "nightly", "hook")
BATCH = 2000
STEPS = 100_000
FLAT = 1.3
KIB_A_RUN = 1.0
WATCHED_SECONDS = 3


def verdict(reached: float, most: float) -> str:
    return "reached" if reached <= most else "MISSED"


# Lists


def row_of(number: int, run: str, at: int) -> RunRow:
    """One of many runs, over a hundred days, of every status; one workflow has a thousandth of them."""
    status = STATUSES[number % len(STATUSES)]
    workflow = "rare" if number % 1000 == 7 else WORKFLOWS[(number * 7) % len(WORKFLOWS)]
    ended = at + 5_000 if status in ENDED else None
    held = f'[["operator",null,{at},"ann",null]]' if status == "paused" else "[]"
    return RunRow(
        id=run, root=run, parent=None, parent_step=None, source=None, workflow=workflow, version=1,
        plan_digest="sha256:" + "0" * 64, environment=None, trigger=TRIGGERS[(number // 3) % 3],
        phase="active" if ended is None else status, status=status, detail=None, outcome=None, holds=held,
        failure_code="HTTP_REQUEST_FAILED" if status == "failed" else None, failed_step=None, failure_message=None,
        epoch=0, created_at=at, started_at=at, ended_at=ended, due_at=None,
        wake_at=at + 30 * DAY_MS if status == "waiting" else None,
    )  # fmt: skip


def fill(path: Path, runs: int) -> None:
    """A store with that many runs, of two events each."""
    store, names = Store(path), Identifiers()
    try:
        for first in range(0, runs, BATCH):
            writes = []
            for number in range(first, min(runs, first + BATCH)):
                at = NOW + number * (100 * DAY_MS // runs)
                run = names.new(at)
                events = [(1, f'[1,{at},"run_created",null,{{}}]'), (2, f'[1,{at},"run_starting",null,{{}}]')]
                writes.append(RunWrite(run, Lease(run, "bench", 1), events, row_of(number, run, at), new=True))
            store.commit(writes)
    finally:
        store.close()


def filters(middle: str) -> dict[str, RunFilter]:
    """Every filter of `headgate runs`, alone and together, as a page of fifty."""
    late, early = NOW + 99 * DAY_MS, NOW + 3 * DAY_MS
    found = {
        "all": RunFilter(),
        "older than a run": RunFilter(before=middle),
        "open": RunFilter(open_only=True),
        "held": RunFilter(held=True),
        "since": RunFilter(since=late),
        "until": RunFilter(until=early),
        "since, until": RunFilter(since=NOW + DAY_MS, until=early),
    }
    for status in ("completed", "failed", "waiting", "running", "skipped"):
        found[f"status {status}"] = RunFilter((status,))
    found["three statuses"] = RunFilter(("completed", "failed", "waiting"))
    for workflow in ("flow_3", "rare", "nowhere"):
        found[f"workflow {workflow}"] = RunFilter(workflow=workflow)
        found[f"failed, workflow {workflow}"] = RunFilter(("failed",), workflow)
        found[f"open, workflow {workflow}"] = RunFilter(workflow=workflow, open_only=True)
        found[f"completed, {workflow}, until"] = RunFilter(("completed",), workflow, until=early)
    for trigger in ("hook", "nowhere"):
        found[f"trigger {trigger}"] = RunFilter(trigger=trigger)
        found[f"completed, trigger {trigger}"] = RunFilter(("completed",), trigger=trigger)
        found[f"trigger {trigger}, until"] = RunFilter(trigger=trigger, until=early)
        found[f"flow_3, {trigger}, open"] = RunFilter(workflow="flow_3", trigger=trigger, open_only=True)
    found["held, workflow flow_3"] = RunFilter(workflow="flow_3", held=True)
    return {name: chosen._replace(limit=PAGE) for name, chosen in found.items()}


def lists(folder: Path) -> None:
    path = folder / "lists.db"
    started = time.perf_counter()
    fill(path, RUNS)
    print(f"lists: {RUNS:,} runs in the store, written at {RUNS / (time.perf_counter() - started):,.0f} runs/s")
    store = Store(path)
    middle = store.read.runs(RunFilter(limit=RUNS // 2))[-1].id
    slowest: list[tuple[float, str]] = []
    for name, chosen in filters(middle).items():
        took = [milliseconds(lambda chosen=chosen: store.read.runs(chosen)) for _ in range(20)]
        slowest.append((sorted(took)[-2], name))
    store.close()
    slowest.sort(reverse=True)
    for worst, name in slowest[:8]:
        print(f"  {worst:8.2f} ms  {name}")
    print(f"  {verdict(slowest[0][0], WITHIN_MS)}: the slowest of {len(slowest)} lists in {slowest[0][0]:.1f} ms")


def milliseconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1000


# One long run


def long(folder: Path) -> None:
    """The time of a commit, by tenths of the run, in a process that does nothing else."""
    for steps in (10_000, STEPS):
        said = json.loads(subprocess.run([sys.executable, __file__, "run-long", str(folder / str(steps)), str(steps)],
                                         check=True, stdout=subprocess.PIPE).stdout)  # fmt: skip
        tenths = said["tenths"]
        growth = statistics.mean(tenths[-3:]) / statistics.mean(tenths[:3])
        print(f"long: one run of {steps:,} steps, {steps / said['seconds']:,.0f} steps/s, {said['peak_mib']:.0f} MiB")
        print("  microseconds of deciding a step, by tenths: " + " ".join(f"{each:.0f}" for each in tenths))
        print(f"  {verdict(growth, FLAT)}: the last three tenths took {growth:.2f} x the first three, at most {FLAT}")


def run_long(folder: Path, steps: int) -> None:
    """Prints what one run of so many steps cost; processor time, so that neighbours and the disk do not count."""
    from shapes.headgate_shape import begin, chain, target_of

    folder.mkdir()
    site = Site(Place(folder, str(folder / "long.db")))
    gc.disable()
    target = target_of(folder, site, chain(steps))
    gc.enable()
    moments: list[float] = []
    with Session(site, site.open_store(), Driving()) as session:
        commit = session.store.commit

        def counted(writes: Sequence[RunWrite]) -> frozenset[str]:
            moments.append(time.process_time())
            return commit(writes)

        session.store.commit = counted  # type: ignore[method-assign]
        session.executor._store = session.store  # noqa: SLF001
        began = time.perf_counter()
        begin(session, target, {})
        session.drive(None, Patience())
        seconds = time.perf_counter() - began
    tenth = len(moments) // 10
    tenths = [(moments[(n + 1) * tenth - 1] - moments[n * tenth]) / (tenth - 1) * 1e6 for n in range(10)]
    print(json.dumps({"seconds": seconds, "tenths": tenths, "peak_mib": peak_mib()}))


def peak_mib() -> float:
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (1024 * 1024 if sys.platform == "darwin" else 1024)


# Many that wait


def waiting(folder: Path) -> None:
    """The peak of one process that waits for the timers of many runs, and that of one with a few."""
    peaks = {}
    for runs in (100, 2_000, 10_000):
        said = json.loads(subprocess.run([sys.executable, __file__, "run-waiting", str(folder / str(runs)), str(runs)],
                                         check=True, stdout=subprocess.PIPE).stdout)  # fmt: skip
        peaks[runs] = said["peak_mib"]
        print(f"waiting: {runs:,} runs, {said['peak_mib']:.1f} MiB at most, {said['in_memory']} in memory at most")
    grown = (peaks[10_000] - peaks[2_000]) / 8_000 * 1024
    print(f"  {verdict(grown, KIB_A_RUN)}: {grown:.2f} KiB more for each run from 2,000 to 10,000, at most {KIB_A_RUN}")


def run_waiting(folder: Path, runs: int) -> None:
    """Makes the runs in a process of their own; this one waits for their timers for a while, and is stopped."""
    make = [sys.executable, __file__, "make-waiting", str(folder), str(runs)]
    subprocess.run(make, check=True)
    site = Site(Place(folder, str(folder / "waiting.db")))
    most = 0
    with Session(site, site.existing_store(), Driving()) as session:
        patience = Patience(site.clock.now_ms() + 7_200_000)
        for run in session.store.read.open_runs():
            assert session.leaves_at_rest(run.root, patience), "a run that waits is not due"
        threading.Timer(WATCHED_SECONDS, os.kill, (os.getpid(), signal.SIGTERM)).start()
        session.drive(None, patience)
        most = len(session.executor.fleet.runs)
    print(json.dumps({"peak_mib": peak_mib(), "in_memory": most}))


def make_waiting(folder: Path, runs: int) -> None:
    from shapes.headgate_shape import begin, target_of

    folder.mkdir()
    site = Site(Place(folder, str(folder / "waiting.db")))
    text = "workflow nap {\n  step a = noop { value = 1 }\n  step nap = delay 1h after a\n}\n"
    target = target_of(folder, site, text)
    for first in range(0, runs, 500):
        with Session(site, site.open_store(), Driving()) as session:
            for _ in range(first, min(runs, first + 500)):
                begin(session, target, {})
            session.drive(None, Patience(site.clock.now_ms()))


def main() -> None:
    inner: dict[str, Callable[[Path, int], None]] = {
        "run-long": run_long, "run-waiting": run_waiting, "make-waiting": make_waiting,
    }  # fmt: skip
    if sys.argv[1:] and sys.argv[1] in inner:
        inner[sys.argv[1]](Path(sys.argv[2]), int(sys.argv[3]))
        return
    parts = {"lists": lists, "long": long, "waiting": waiting}
    for name in sys.argv[1:] or parts:
        with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
            parts[name](Path(folder))


if __name__ == "__main__":
    main()
