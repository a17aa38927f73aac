"""Cold `headgate check` beside `miniwdl check` and `yamllint`: `python bench/check.py [RUNS]`.

The inputs match in steps and edges; each tool checks different things. Figures are medians of whole processes, taken
in turn; read the ratios, not the milliseconds.
"""

from __future__ import annotations

import compileall
import shutil
import sys
import tempfile
from pathlib import Path

from inputs import write
from whole_process import Figures, in_turn, ratio

import headgate

SIZES = (("10 steps", 10, 1), ("1,000 steps", 1000, 1), ("200 files of 10", 10, 200))


def tool(name: str) -> str:
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        raise SystemExit(f"`{name}` is not installed: pip install 'headgate[bench]'")
    return found


def row(name: str, figures: Figures, base: Figures) -> str:
    return (
        f"  {name:14} {figures.median * 1000:8.0f} ms  {figures.peak:6.1f} MiB   {ratio(figures, base):6.3f} x miniwdl"
    )


def start_up(runs: int) -> None:
    commands = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "--help": [tool("headgate"), "--help"],
        "--version": [tool("headgate"), "--version"],
    }
    figures = in_turn(commands, runs)
    print("start-up, beside a bare interpreter")
    for name, figure in figures.items():
        print(f"  {name:14} {figure.median * 1000:8.0f} ms   {ratio(figure, figures['python -c pass']):6.2f} x")


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    compileall.compile_dir(Path(headgate.__file__).parent, quiet=1)  # as an installer leaves it
    start_up(runs)
    for title, steps, files in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            paths = {
                suffix: [str(path) for path in found] for suffix, found in write(Path(folder), steps, files).items()
            }
            commands = {
                "headgate": [tool("headgate"), "check", *paths["flow"]],
                "miniwdl": [tool("miniwdl"), "check", "--no-shellcheck", "--no-quant-check", *paths["wdl"]],
                "yamllint": [tool("yamllint"), "-d", "relaxed", *paths["yaml"]],
            }
            figures = in_turn(commands, runs if steps * files < 1000 else max(3, runs // 2))
        print(f"{title}, cold, whole process")
        for name, figure in figures.items():
            print(row(name, figure, figures["miniwdl"]))


if __name__ == "__main__":
    main()
