"""The README's example, run for real: its commands, and what they print."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
README = HERE.parent / "README.md"
EXAMPLE = HERE.parent / "examples" / "expense"
_BLOCK = re.compile(r"```console\n(.*?)```\n", re.DOTALL)
_FLOW = re.compile(r"````text\n(.*?)````\n", re.DOTALL)
_RUN = re.compile(r"\b01[0-9A-HJKMNP-TV-Z]{24}\b")
_VARIABLE = (
    (re.compile(r"\d+(\.\d+)? m?s\b"), "TIME"),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"), "MOMENT"),
    (re.compile(r"[█░▏]+"), "BAR"),
    (re.compile(r"\(\d+ rules\)"), "(RULES)"),
    (_RUN, "RUN"),
    (re.compile(r"[ \t]+"), " "),
)


def typo(flow: str) -> str:
    """The example's workflow with the two mistakes that the README shows."""
    return flow.replace("steps.total.result.amount > 200", "steps.totl.result.amount > 200").replace(
        "after ask {", "after asc {"
    )


def replay(readme: str, folder: Path) -> str:
    """The README with what its commands print when they are run in `folder`, a new one."""
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns(".headgate"))
    flow = (EXAMPLE / "expense.flow").read_text(encoding="utf-8")
    (folder / "typo.flow").write_text(typo(flow), encoding="utf-8")
    run = ""

    def answer(block: re.Match[str]) -> str:
        nonlocal run
        lines = []
        for line in block[1].splitlines():
            if line.startswith("$ "):
                command = _RUN.sub(run, line) if run else line
                said = _say(command[2:], folder)
                run = next(iter(_RUN.findall(said)), run)
                lines.append(f"{command}\n{said}")
        return "```console\n" + "\n".join(lines) + "```\n"

    readme = _BLOCK.sub(answer, readme)
    return _FLOW.sub(lambda _: f"````text\n{flow}````\n", readme)


def steady(text: str) -> str:
    """The text without what differs from run to run: times, ids and the widths that follow from them."""
    for pattern, word in _VARIABLE:
        text = pattern.sub(word, text)
    return text


def _say(command: str, folder: Path) -> str:
    """What a command prints, standard error first, as a terminal of 100 columns would show it in a pipe."""
    environment = {**os.environ, "NO_COLOR": "1", "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    environment.pop("HEADGATE_STORE", None)
    done = subprocess.run(  # noqa: S602 - the commands are the README's own
        command, shell=True, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    return done.stderr + done.stdout


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as scratch:
        README.write_text(replay(README.read_text(encoding="utf-8"), Path(scratch) / "expense"), encoding="utf-8")
