"""Durable steps beside what others reach: `python bench/running.py [ROUNDS] [PEER ...]`.

Headgate, LangGraph, DBOS and Restate (all, unless some are named) take turns with the floor, which is one 100-byte
insert a commit (SQLite, WAL, synchronous=FULL) in the same folder. Every step is on the disk before the next begins.
Read the ratios: each is the median over the rounds of what was measured side by side.
Needs the kind of `bench/plugin`; `strace` counts syncs where it is installed.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from floor import floor
from peers import PEERS, Engine, headgate, peers

SHAPES = {
    "chain": "one run of 1,000 steps, steps/s",
    "many": "500 runs of 5 steps, steps/s",
    "fan": "fan-out of 1,000, steps/s",
}
OWN_CHAIN = 0.5  # of the floor
OF_BEST = {"chain": 2.5, "many": 3.0, "fan": 4.0}
BYTES, SYNCS, PEAK_MIB, ONE_MS, COLD_SECONDS = 400, 1.05, 60, 1.0, 0.3


class Sample(NamedTuple):
    """One process: what it printed, its wall seconds and the peak MiB of the largest process."""

    seconds: float
    steps: int
    stored: int
    wall: float
    peak_mib: float


def _environment(engine: Engine) -> dict[str, str]:
    """Every engine may keep what it compiled to bytecode, as an installed one has it from the start; shapes share what
    stands beside this file.
    """
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPATH": str(Path(__file__).parent), **engine.environment}


def measure(engine: Engine, shape: str, before: tuple[str, ...] = ()) -> Sample:
    """One process of `engine` in a new folder here; raises RuntimeError with what it said when it failed."""
    with (
        tempfile.TemporaryDirectory(dir=Path.cwd()) as name,
        tempfile.TemporaryFile() as said,
        tempfile.TemporaryFile() as log,
    ):
        command = [*before, *engine.command(shape, Path(name))]
        started = time.perf_counter()
        process = subprocess.Popen(command, stdout=said, stderr=log, cwd=name, env=_environment(engine))
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        log.seek(0)
        if process.returncode:
            raise RuntimeError(f"{engine.name}, {shape}: {log.read().decode()[-2000:]}")
        lines = said.read().splitlines()
    facts = {"seconds": wall, "steps": 1, "bytes": 0} if shape == "cold" else json.loads(lines[-1])
    unit = 1024 * 1024 if sys.platform == "darwin" else 1024
    return Sample(facts["seconds"], facts["steps"], facts["bytes"], wall, usage.ru_maxrss / unit)


def syncs_a_step(engine: Engine) -> float | None:
    """`fsync` and `fdatasync` calls of the chain and all its processes, checkpoints too; None without strace."""
    strace = shutil.which("strace")
    if strace is None:
        return None
    with tempfile.NamedTemporaryFile("r") as counts:
        measured = measure(engine, "chain", (strace, "-f", "-c", "-e", "trace=fsync,fdatasync", "-o", counts.name))
        rows = [line.split() for line in counts if line.rstrip().endswith(("fsync", "fdatasync"))]
        return sum(int(row[3]) for row in rows) / measured.steps


def rate(sample: Sample) -> float:
    return sample.steps / sample.seconds


def verdict(*, reached: bool) -> str:
    return "reached" if reached else "MISSED"


class Rounds:
    """What was measured, a list a figure, in the order of the rounds."""

    def __init__(self, engines: list[Engine], count: int) -> None:
        self.engines = engines
        self.floors: list[float] = []
        self.samples: dict[tuple[str, str], list[Sample]] = {}
        for turn in range(count):
            print(f"round {turn + 1} of {count}", file=sys.stderr)
            for shape in (*SHAPES, "one", "cold"):
                self._measure_in_turn(shape)

    def _measure_in_turn(self, shape: str) -> None:
        """The floor before and after each shape of Headgate, so that the ratio is of the same moment."""
        for engine in self.engines:
            sample = measure(engine, shape)
            self.samples.setdefault((engine.name, shape), []).append(sample)
            if engine.name == "Headgate" and shape == "chain":
                with tempfile.TemporaryDirectory(dir=Path.cwd()) as name:
                    self.floors.append(floor(Path(name)))

    def of(self, engine: str, shape: str) -> list[Sample]:
        return self.samples[engine, shape]

    def to_best(self, shape: str) -> float:
        """The median over the rounds of Headgate's rate to that of the best peer of the same round."""
        own = [rate(sample) for sample in self.of("Headgate", shape)]
        others = [[rate(sample) for sample in self.of(each.name, shape)] for each in self.engines[1:]]
        best = [max(rates) for rates in zip(*others, strict=True)]
        return statistics.median(a / b for a, b in zip(own, best, strict=True))

    def to_floor(self, engine: str) -> float:
        rates = [rate(sample) for sample in self.of(engine, "chain")]
        return statistics.median(a / b for a, b in zip(rates, self.floors, strict=True))


def show(rounds: Rounds, syncs: dict[str, float | None]) -> None:
    median = statistics.median
    print(f"floor: {median(rounds.floors):,.0f} commits/s")
    heads = ("chain /s", "x floor", "many /s", "fan /s", "one ms", "cold s", "MiB", "bytes/step", "syncs/step")
    print(f"{'':10}" + "".join(f"{head:>12}" for head in heads))
    for engine in rounds.engines:
        name = engine.name
        rates = {shape: median(map(rate, rounds.of(name, shape))) for shape in SHAPES}
        chain = rounds.of(name, "chain")
        synced = syncs[name]
        print(
            f"{name:10}{rates['chain']:12,.0f}{rounds.to_floor(name):12.2f}{rates['many']:12,.0f}{rates['fan']:12,.0f}"
            f"{median(s.seconds for s in rounds.of(name, 'one')) * 1000:12.2f}"
            f"{median(s.wall for s in rounds.of(name, 'cold')):12.2f}"
            f"{max(s.peak_mib for s in chain):12.0f}"
            f"{median(s.stored / s.steps for s in chain):12,.0f}"
            f"{'-' if synced is None else f'{synced:.2f}':>12}"
        )


def judge(rounds: Rounds, synced: float | None) -> None:
    """Says of each goal whether it was reached."""
    median = statistics.median
    own, chain = rounds.to_floor("Headgate"), rounds.of("Headgate", "chain")
    print(f"{verdict(reached=own >= OWN_CHAIN)}: one run at {own:.2f} x the floor, at least {OWN_CHAIN}")
    if len(rounds.engines) > 1:
        for shape, least in OF_BEST.items():
            found = rounds.to_best(shape)
            print(
                f"{verdict(reached=found >= least)}: {SHAPES[shape]} {found:.1f} x the best peer, at least {least:g} x"
            )
    one = median(sample.seconds for sample in rounds.of("Headgate", "one")) * 1000
    cold = median(sample.wall for sample in rounds.of("Headgate", "cold"))
    peak = max(sample.peak_mib for sample in chain)
    stored = median(sample.stored / sample.steps for sample in chain)
    print(f"{verdict(reached=one <= ONE_MS)}: a run of one step in {one:.2f} ms, at most {ONE_MS:g}")
    print(f"{verdict(reached=cold <= COLD_SECONDS)}: cold to the first result in {cold:.2f} s, at most {COLD_SECONDS}")
    print(f"{verdict(reached=peak <= PEAK_MIB)}: {peak:.0f} MiB at most, its compiler included; at most {PEAK_MIB}")
    print(f"{verdict(reached=stored <= BYTES)}: {stored:.0f} bytes a step, at most {BYTES}")
    if synced is not None:
        print(f"{verdict(reached=synced <= SYNCS)}: {synced:.3f} syncs a step, at most {SYNCS}")


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    engines = [headgate(), *peers(sys.argv[2:] or list(PEERS))]
    rounds = Rounds(engines, count)
    syncs = {engine.name: syncs_a_step(engine) for engine in engines}
    show(rounds, syncs)
    judge(rounds, syncs["Headgate"])


if __name__ == "__main__":
    main()
