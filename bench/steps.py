"""Sequential durable steps beside the raw SQLite commit rate: `python bench/steps.py [STEPS] [ROUNDS]`.

The floor is one 100-byte insert a commit (WAL, synchronous=FULL) on the same disk. `noop` has an effect, so each of its
steps is committed before the next begins; `set` has none and shares commits. All take turns; read the ratios.
Needs the kind of `bench/plugin` (`pip install ./bench/plugin`).
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

from floor import floor

from headgate.api.place import Driving, Place
from headgate.api.running import Origin, creation, read_target, start
from headgate.api.site import Site
from headgate.plan import JsonObject


def workflow(kind: str, steps: int) -> str:
    lines = ["workflow chain {"]
    for n in range(steps):
        value = f"{{{{ steps.s{n - 1}.result.value }}}}" if n else "0"
        lines.append(f"  step s{n} = {kind}{f' after s{n - 1}' if n else ''} {{ value = {value} }}")
    return "\n".join([*lines, "}", ""])


def steps_a_second(kind: str, steps: int, folder: Path) -> float:
    """A whole run, from opening the store to the last commit; its plan is compiled before the clock starts."""
    file = folder / f"{kind}.flow"
    file.write_text(workflow(kind, steps), encoding="utf-8")
    site = Site(Place(folder, str(folder / f"{kind}.db")))
    target = read_target(str(file), site)
    trigger: JsonObject = {"name": "manual", "kind": "manual", "payload": None}
    created = creation(target.plan, {}, trigger, Origin("bench", None))
    started = time.perf_counter()
    rest = start(site, target, created, Driving())
    seconds = time.perf_counter() - started
    assert rest.exit_code == 0, rest
    return steps / seconds


def main() -> None:
    steps = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    rates: dict[str, list[float]] = {"floor": [], "set": [], "noop": []}
    for turn in range(rounds + 1):
        with tempfile.TemporaryDirectory(dir=Path.cwd()) as name:
            folder = Path(name)
            sample = {
                "floor": floor(folder),
                "set": steps_a_second("set", steps, folder),
                "noop": steps_a_second("noop", steps, folder),
            }
        if turn:
            for what, rate in sample.items():
                rates[what].append(rate)
    print(f"one run of {steps} steps in sequence; store and lease included, compiled before")
    for what, found in rates.items():
        share = statistics.median(rate / base for rate, base in zip(found, rates["floor"], strict=True))
        print(f"  {what:6} {statistics.median(found):9,.0f} /s   {share:6.2f} x the floor")


if __name__ == "__main__":
    main()
