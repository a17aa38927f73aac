"""The long profile of the random histories, in shards that share nothing.

    python -m tests.properties.long --shard 3/8 --examples 12500 [--seed 1] [--log FILE]

Each shard draws its own examples; a failing one is shrunk and printed, and ends the shard with exit code 1. The log
gets one JSON line: shard, seed, examples, events, seconds, by how often each event type came.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections import Counter
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "installed"), str(TESTS / "properties")]


def run_shard(number: int, examples: int, seed: int) -> dict[str, object]:
    """Draws `examples` runs; raises AssertionError for one that breaks a promise."""
    from happenings import lives
    from hypothesis import HealthCheck, Phase, given, settings
    from hypothesis import seed as seeded
    from hypothesis import strategies as st
    from purity import Witness
    from strategies.plans import plans

    from headgate.plan import Plan

    seen: Counter[str] = Counter()
    lived = 0
    witness = Witness(hash_seed=str(1 + number))
    began = time.monotonic()

    @seeded(f"{seed}/{number}")
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink],
    )
    @given(made=plans(), dice_seed=st.integers(0, 2**32), length=st.integers(0, 60))
    def any_history(made: Plan, dice_seed: int, length: int) -> None:
        nonlocal lived
        for run in lives(made, random.Random(dice_seed), length):
            objection = witness.objection(made, run.trace)
            assert objection is None, objection
            seen.update(event.type.value for event in run.events)
        lived += 1

    try:
        any_history()
    finally:
        witness.close()
    return {
        "shard": number,
        "seed": seed,
        "examples": lived,
        "events": seen.total(),
        "seconds": round(time.monotonic() - began, 1),
        "by_type": dict(seen.most_common()),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shard", default="1/1", help="which of how many, `3/8`")
    parser.add_argument("--examples", type=int, default=12_500, help="how many this shard draws")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--log", type=Path, help="a file that the result is added to")
    given = parser.parse_args()
    number, _, total = given.shard.partition("/")
    if not (number.isdecimal() and total.isdecimal() and 1 <= int(number) <= int(total)):
        parser.error(f"--shard takes `3/8`, not `{given.shard}`")
    told = json.dumps(run_shard(int(number), given.examples, given.seed))
    print(told)
    if given.log is not None:
        with given.log.open("a", encoding="utf-8") as log:
            log.write(told + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
