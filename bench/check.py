"""Cold `headgate check` beside what users run instead: `python bench/check.py [RUNS]`.

`miniwdl check`, `zizmor`, `yamllint` and `check-jsonschema` each get the same chain of steps in their own language, and
check different things. Figures are medians of whole processes, taken in turn; read the ratios, not the milliseconds.
"""

from __future__ import annotations

import compileall
import os
import shutil
import sys
import tempfile
from pathlib import Path

from inputs import flow, write
from whole_process import Figures, in_turn, once, ratio

import headgate

SIZES = (("10 steps", 10, 1), ("1,000 steps", 1000, 1), ("200 files of 10", 10, 200))
GOALS = {
    "10 steps": (("headgate", "miniwdl", 1 / 3),),
    "1,000 steps": (("headgate", "zizmor", 1.0),),
    "200 files of 10": (("headgate", "miniwdl", 1 / 5), ("unchanged", "zizmor", 1.0)),
}


def tool(name: str) -> str:
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        raise SystemExit(f"`{name}` is not installed: pip install 'headgate[bench]'")
    return found


def commands(paths: dict[str, list[str]]) -> dict[str, list[str]]:
    """What each tool is started with; all rules on, nothing asked of a network."""
    return {
        "headgate": [tool("headgate"), "check", "--no-cache", *paths[".flow"]],
        "unchanged": [tool("headgate"), "check", *paths[".flow"]],
        "miniwdl": [tool("miniwdl"), "check", "--no-shellcheck", "--no-quant-check", *paths[".wdl"]],
        "zizmor": [tool("zizmor"), "--offline", "--no-progress", "--no-exit-codes", "--quiet", *paths[".yml"]],
        "yamllint": [tool("yamllint"), "-d", "relaxed", *paths[".yml"]],
        "check-jsonschema": [
            tool("check-jsonschema"),
            *("--builtin-schema", "vendor.github-workflows"),
            *paths[".yml"],
        ],
    }


def start_up(runs: int) -> None:
    figures = in_turn(
        {
            "python -c pass": [sys.executable, "-c", "pass"],
            "--help": [tool("headgate"), "--help"],
            "--version": [tool("headgate"), "--version"],
        },
        runs,
    )
    print("start-up, beside a bare interpreter")
    for name, figure in figures.items():
        print(f"  {name:16} {figure.median * 1000:8.0f} ms   {ratio(figure, figures['python -c pass']):6.2f} x")


def beside_others(title: str, steps: int, files: int, runs: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        figures = in_turn(commands(write(Path(folder), steps, files)), runs)
    print(f"{title}, whole process")
    for name, figure in figures.items():
        shares = "".join(f"   {ratio(figure, figures[base]):6.3f} x {base}" for base in ("miniwdl", "zizmor"))
        print(f"  {name:16} {figure.median * 1000:8.0f} ms  {figure.peak:6.1f} MiB{shares}")
    for name, base, most in GOALS[title]:
        print(f"  {verdict(ratio(figures[name], figures[base]), most)}: {name} to {base} at most {most:.3f}")


def growth(runs: int) -> None:
    """How time and memory grow with one file."""
    sizes = (1000, 10_000)
    with tempfile.TemporaryDirectory() as folder:
        paths = {}
        for steps in (*sizes, 100_000):
            paths[steps] = Path(folder, f"w{steps}.flow")
            paths[steps].write_text(flow(steps), encoding="utf-8")
        (Path(folder) / "headgate.toml").write_text("[instances.shop]\ncommand = ['shop']\n", encoding="utf-8")
        figures: dict[str, Figures] = in_turn(
            {f"{steps:,}": [tool("headgate"), "check", "--no-cache", str(paths[steps])] for steps in sizes}, runs
        )
        wall, peak, code = once([tool("headgate"), "check", "--no-cache", str(paths[100_000])])
    grown = ratio(figures["10,000"], figures["1,000"])
    print("one file")
    print(f"  {verdict(grown, 15)}: 10,000 steps took {grown:.1f} x the time of 1,000, at most 15")
    print(
        f"  {verdict(peak, 1536)}: 100,000 steps ended with {code} after {wall:.0f} s and {peak:.0f} MiB, at most 1,536"
    )


def verdict(reached: float, most: float) -> str:
    return "reached" if reached <= most else "MISSED"


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    compileall.compile_dir(Path(headgate.__file__).parent, quiet=1)  # as an installer leaves it
    with tempfile.TemporaryDirectory() as answers:
        os.environ["HEADGATE_CACHE_DIR"] = answers
        start_up(runs)
        for title, steps, files in SIZES:
            beside_others(title, steps, files, runs if steps * files < 1000 else max(3, runs // 2))
        growth(max(3, runs // 2))


if __name__ == "__main__":
    main()
