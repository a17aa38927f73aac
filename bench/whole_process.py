"""Times whole processes in turn, A B C A B C ..., so that a comparison holds when the machine's speed drifts."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Figures(NamedTuple):
    """Wall seconds and peak MiB, a sample a run."""

    wall: tuple[float, ...]
    peak_mib: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.wall)

    @property
    def peak(self) -> float:
        return max(self.peak_mib)


def once(command: Sequence[str]) -> tuple[float, float, int]:
    """Runs the command to its end; returns wall seconds, peak MiB of the largest process and the exit code."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    unit = 1024 * 1024 if sys.platform == "darwin" else 1024
    return wall, usage.ru_maxrss / unit, process.returncode


def in_turn(commands: Mapping[str, Sequence[str]], runs: int) -> dict[str, Figures]:
    """One warm-up each, then `runs` rounds of all commands. Raises RuntimeError when a command fails."""
    samples: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    for turn in range(runs + 1):
        for name, command in commands.items():
            wall, peak, code = once(command)
            if code != 0:
                raise RuntimeError(f"{name} ended with {code}: {' '.join(command)[:200]}")
            if turn:
                samples[name].append((wall, peak))
    return {
        name: Figures(tuple(wall for wall, _ in rows), tuple(peak for _, peak in rows))
        for name, rows in samples.items()
    }


def ratio(a: Figures, b: Figures) -> float:
    """The median of the pairwise ratios of A to B."""
    return statistics.median(x / y for x, y in zip(a.wall, b.wall, strict=True))
