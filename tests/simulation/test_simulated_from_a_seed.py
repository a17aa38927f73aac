"""Several workers, people, a provider and a store that all fail: every run comes to rest with a reason, then to an end.

`python -m tests.simulation.many` does the same for as many seeds as there is time.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from sim_store import Disk
from sim_world import simulate

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("seed", range(1, 6))
def test_every_run_comes_to_rest_with_a_reason(seed: int) -> None:
    came = simulate(seed, days=2.0)
    assert came.runs > 5
    assert came.events > 100
    assert {"killed", "frozen", "clock"} <= set(came.faults)


def test_a_seed_is_the_same_history_byte_for_byte() -> None:
    one, again, other = simulate(7, days=1.0), simulate(7, days=1.0), simulate(8, days=1.0)
    assert one.digest == again.digest
    assert one._replace(seconds=0.0) == again._replace(seconds=0.0)
    assert one.digest != other.digest
    code = "import sim_world; print(sim_world.simulate(7, days=1.0).digest)"
    folders = [ROOT, *(ROOT / "tests" / name for name in ("", "installed", "simulation"))]
    path = os.pathsep.join(str(folder) for folder in folders)
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": "99"}
    told = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == one.digest, "another process with another hash seed"


def test_the_simulation_sees_an_effect_that_happens_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """A runtime that repeats what is in doubt is found out."""
    from headgate.runtime import deciding
    from headgate.runtime.commands import Record
    from headgate.runtime.events import EventType

    def careless(state, step, error):
        return [Record(EventType.STEP_INTERRUPTED, {"attempt": step.attempts}, step.path)]

    monkeypatch.setattr(deciding, "weigh_doubt", careless)

    def twenty() -> None:
        for seed in range(1, 21):
            simulate(seed, days=2.0)

    with pytest.raises(AssertionError, match="happened 2 times"):
        twenty()


def test_the_disk_fails_before_and_after_commits() -> None:
    kinds: set[str] = set()
    for seed in range(1, 30):
        kinds |= {name for name in simulate(seed, days=1.0).faults if name.startswith("disk")}
        if len(kinds) == 3:
            return
    pytest.fail(f"only {kinds}")


def test_a_sound_disk_does_not_fail() -> None:
    import random

    disk = Disk(random.Random(1), rate=1.0)
    assert disk.fails()
    disk.faulty = False
    assert not disk.fails()
