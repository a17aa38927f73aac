"""Each `tests/cases/runs/*.flow` is run by the real command and says, in its `#=` lines, what must come of it.

The lines are a script: `run [ARGS]` starts a run of the file (`--workflow NAME` for one of several), `do VERB ...`
operates it (`RUN` stands for its id, `FIRST` for that of the first one), and every other line is checked against the
last answer: `exit CODE`, `status STATUS [DETAIL]`, `step PATH STATUS [DETAIL]`, `absent PATH`, `result PATH JSON`,
`iterations PATH N`, `output JSON` (the names given), `error PATH CODE [CLASS]`, `failure CODE STEP`,
`attempts PATH N`, `epoch N`, `holds REASON...` (the open ones, in order), `says TEXT` (anywhere in what was
printed), `unsaid TEXT`.
"""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

CASES = sorted((Path(__file__).parent / "cases" / "runs").glob("*.flow"))


class Conversation:
    """One case: the workspace it runs in and the last answer of the command."""

    def __init__(self, case: Path, folder: Path) -> None:
        self.file = folder / case.name
        shutil.copy(case, self.file)
        (folder / "headgate.toml").write_text('[project]\nname = "cases"\n', encoding="utf-8")
        self.folder = folder
        self.run_id = ""
        self.first = ""
        self.exit: int | None = None
        self.view: dict[str, Any] = {}
        self.said = ""

    def command(self, *words: str) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "headgate", *words, "--format", "json"],
            cwd=self.folder,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=120,
            check=False,
        )
        self.exit = done.returncode
        self.said = done.stdout + done.stderr
        assert "Traceback" not in self.said, self.said
        if done.stdout.startswith("{"):
            self.view = json.loads(done.stdout)
            self.run_id = self.view.get("run", self.run_id)
            self.first = self.first or self.run_id

    def run(self, words: list[str]) -> None:
        target = str(self.file)
        if "--workflow" in words:
            at = words.index("--workflow")
            target = f"{target}#{words[at + 1]}"
            del words[at : at + 2]
        self.command("run", target, *words)

    def act(self, words: list[str]) -> None:
        self.command(*({"RUN": self.run_id, "FIRST": self.first}.get(word, word) for word in words))

    def step(self, path: str) -> dict[str, Any]:
        assert path in self.view["steps"], f"no step {path}: {sorted(self.view['steps'])}"
        return self.view["steps"][path]

    def check(self, what: str, rest: str) -> None:
        words = rest.split()
        match what:
            case "exit":
                assert self.exit == int(rest)
            case "status":
                assert self.view["status"] == words[0]
                if words[1:]:
                    assert self.told().startswith(" ".join(words[1:])), self.told()
            case "step":
                step = self.step(words[0])
                assert step["status"] == words[1], step
                if words[2:]:
                    assert step["detail"] == " ".join(words[2:]), step
            case "absent":
                assert rest not in self.view["steps"]
            case "result":
                path, expected = rest.split(maxsplit=1)
                assert self.step(path)["result"] == json.loads(expected)
            case "iterations":
                assert self.step(words[0])["result"]["iterations"] == int(words[1])
            case "output":
                expected_output = json.loads(rest)
                assert {name: self.view["output"][name] for name in expected_output} == expected_output
            case "error":
                error = self.step(words[0])["error"]
                assert error["code"] == words[1]
                if words[2:]:
                    assert error["class"] == words[2]
            case "failure":
                assert [self.view["failure"]["code"], str(self.view["failure"]["step"])] == words
            case "attempts":
                assert self.step(words[0])["attempts"] == int(words[1])
            case "epoch":
                assert self.view["epoch"] == int(rest)
            case "holds":
                assert [hold["reason"] for hold in self.view["holds"]] == words
            case "says":
                assert rest in self.said
            case "unsaid":
                assert rest not in self.said
            case _:
                pytest.fail(f"no such expectation: {what}")

    def told(self) -> str:
        """What stands behind the status: the outcome or failure code of an ended run, else the detail."""
        if self.view["status"] == "completed":
            return str(self.view["outcome"])
        if self.view["status"] == "failed":
            return str(self.view["failure"]["code"])
        return str(self.view["detail"])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_a_run_ends_as_the_case_says(case: Path, tmp_path: Path) -> None:
    conversation = Conversation(case, tmp_path)
    lines = [line[2:].strip() for line in case.read_text(encoding="utf-8").splitlines() if line.startswith("#=")]
    assert lines, "a case without an expectation checks nothing"
    for number, line in enumerate(lines, start=1):
        what, _, rest = line.partition(" ")
        try:
            if what == "run":
                conversation.run(shlex.split(rest))
            elif what == "do":
                conversation.act(shlex.split(rest))
            else:
                conversation.check(what, rest)
        except AssertionError as fault:
            raise AssertionError(f"line {number}, `{line}`: {fault}\nlast answer: {conversation.said}") from fault
