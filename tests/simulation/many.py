"""Many seeds of the simulation, and how fast simulated time goes by.

    python -m tests.simulation.many --seeds 200 [--first 1] [--days 4] [--log FILE]

A seed that breaks a promise prints what broke and how to replay it, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import json
import sys
import traceback
from collections import Counter
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "installed"), str(TESTS / "simulation")]


def main() -> int:
    from sim_world import Came, simulate

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--days", type=float, default=4.0, help="how long there are faults, in simulated days")
    parser.add_argument("--log", type=Path, help="a file that one JSON line a seed is added to")
    given = parser.parse_args()
    came: list[Came] = []
    broken: list[int] = []
    for seed in range(given.first, given.first + given.seeds):
        try:
            found = simulate(seed, given.days)
        except Exception:  # noqa: BLE001 - the other seeds are tried too
            broken.append(seed)
            traceback.print_exc()
            print(f"seed {seed} broke: python -m tests.simulation.many --first {seed} --seeds 1 --days {given.days:g}")
            continue
        came.append(found)
        if given.log is not None:
            with given.log.open("a", encoding="utf-8") as log:
                log.write(json.dumps(found._asdict()) + "\n")
    minutes = sum(each.seconds for each in came) / 60 or 1.0
    faults: Counter[str] = Counter()
    for each in came:
        faults.update(each.faults)
    print(
        f"mix office: {len(came)} seeds, {sum(each.runs for each in came)} runs, "
        f"{sum(each.events for each in came)} events, {sum(each.requests for each in came)} requests, "
        f"{sum(each.hours for each in came):.0f} simulated hours in {minutes * 60:.1f} s: "
        f"{sum(each.events for each in came) / minutes:.0f} events and "
        f"{sum(each.hours for each in came) / minutes:.0f} simulated hours a minute"
    )
    print("faults:", ", ".join(f"{count} {name}" for name, count in sorted(faults.items())))
    if broken:
        print(f"broken seeds: {broken}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
