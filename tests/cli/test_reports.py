"""`logs`, `bundle`, `--watch`: what happened in words, all of it in one file, the answer again when it changes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from command_line import headgate

FLOW = """
workflow talks {
  on_failure = pause
  input token: string { secret = true }
  step a = lua ```lua
    print("the token is", inputs.token)
    return { said = inputs.token }
  ```
  step ask = human approval after a { title = "Go on?" }
  step b = lua after ask ```lua
    print("before")
    error("no")
  ```
}
"""
CANARY = "canary-0815"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "headgate.toml").write_text('[project]\nname = "shop"\n')
    (tmp_path / "talks.flow").write_text(FLOW)
    headgate("run", "talks.flow", "-i", f"token={CANARY}", cwd=tmp_path)
    return tmp_path


def run_of(shop: Path) -> str:
    return headgate("runs", "--format", "json", cwd=shop).json[0]["run"]


def test_a_log_says_in_words_what_happened_and_what_was_printed(shop: Path) -> None:
    run = run_of(shop)
    headgate("approve", run, "ask", "--comment", "fine", "--as", "ann", cwd=shop)
    said = headgate("logs", run, cwd=shop).out
    lines = [line.split(" ", 2)[1:] for line in said.splitlines()]
    for level, text in (
        ("info", "the run of talks was created through manual by"),
        ("info", "a: | the token is␉***"),
        ("info", "ask: asks for an approval: Go on?"),
        ("info", 'ask: was approved with the comment "fine" by ann'),
        ("info", "b: | before"),
        ("warning", "b: attempt 1 failed: LUA_FAILED: line 2: no"),
        ("error", "b: failed: LUA_FAILED"),
        ("warning", "b: the run is held: step_failed"),
    ):
        assert any(each[0] == level and each[1].strip().startswith(text) for each in lines), (text, said)
    assert CANARY not in said
    errors = headgate("logs", run, "--level", "error", "--format", "json", cwd=shop).json
    assert [(each["step"], each["level"]) for each in errors] == [("b", "error")]
    only = headgate("logs", run, "--step", "a", "--format", "json", cwd=shop).json
    assert {each["step"] for each in only} == {"a"}
    assert [each["text"] for each in only if each["printed"]] == ["the token is\t***"]
    wrong = headgate("logs", run, "--step", "c", cwd=shop)
    assert (wrong.code, "no step `c`; it has `a`, `ask`, `b`" in wrong.err) == (2, True)


def test_a_log_says_what_was_filled_in_heard_and_given_more_time(tmp_path: Path) -> None:
    (tmp_path / "asks.flow").write_text(
        'workflow asks {\n  step form = human form { title = "How many?", fields = { n = { type = integer } } }\n'
        '  step told = wait "it.came" after form {}\n}\n'
    )
    headgate("run", "asks.flow", cwd=tmp_path)
    run = run_of(tmp_path)
    headgate("extend", run, "form", "200h", cwd=tmp_path)
    headgate("answer", run, "form", "-i", "n=3", cwd=tmp_path)
    headgate("signal", "it.came", "--data", '{"n": 3}', cwd=tmp_path)
    said = [line.split(" ", 2)[2].strip() for line in headgate("logs", run, cwd=tmp_path).out.splitlines()]
    for text in (
        "form: asks for a form: How many?",
        "form: has more time, until 20",
        'told: heard `it.came`: {"n": 3}',
    ):
        assert any(line.startswith(text) for line in said), (text, said)


def test_a_log_is_followed_until_its_run_has_ended(shop: Path) -> None:
    run = run_of(shop)
    following = subprocess.Popen(
        [sys.executable, "-m", "headgate", "logs", run, "--follow"], cwd=shop, stdout=subprocess.PIPE, text=True
    )
    assert following.stdout is not None
    first = following.stdout.readline()
    assert "was created" in first
    headgate("cancel", run, cwd=shop)
    rest, _ = following.communicate(timeout=60)
    assert (following.returncode, rest.splitlines()[-1].partition(" ")[2]) == (
        0,
        "warning the run was cancelled; nothing is undone by " + rest.splitlines()[-1].rpartition(" ")[2],
    )


def test_a_bundle_has_all_that_helps_and_no_secret(shop: Path) -> None:
    run = run_of(shop)
    headgate("approve", run, "ask", cwd=shop)
    headgate("cancel", run, cwd=shop)
    made = headgate("bundle", run[:20], cwd=shop)
    assert (made.code, "look through it" in made.err) == (0, True)
    with zipfile.ZipFile(shop / f"headgate-{run}.zip") as file:
        parts = {name: file.read(name).decode() for name in file.namelist()}
    assert sorted(parts) == [
        "environment.json", "events.json", "log.txt", "plan.json", "run.json", "run.txt", "timeline.txt", "why.json",
    ]  # fmt: skip
    assert json.loads(parts["run.json"]) == headgate("show", run, "--format", "json", cwd=shop).json
    assert json.loads(parts["events.json"]) == headgate("events", run, "--format", "json", cwd=shop).json
    assert json.loads(parts["plan.json"])["workflow"] == "talks"
    assert json.loads(parts["environment.json"])["headgate"]
    assert not [name for name, text in parts.items() if CANARY in text]
    again = headgate("bundle", run, cwd=shop)
    assert (again.code, "name another file with -o" in again.err) == (2, True)
    assert headgate("bundle", run, "-o", "other.zip", cwd=shop).out.endswith("other.zip\n")
    assert headgate("bundle", run, "-o", "no/other.zip", cwd=shop).code == 3


@pytest.mark.parametrize("verb", ["runs", "show", "timeline"])
def test_a_watched_answer_is_given_again_when_the_store_changes(shop: Path, verb: str) -> None:
    run = run_of(shop)
    arguments = [verb, "--watch", "--format", "json"] + ([] if verb == "runs" else [run])
    watching = subprocess.Popen(
        [sys.executable, "-u", "-m", "headgate", *arguments],
        cwd=shop, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert watching.stderr is not None
    assert watching.stderr.readline() == "headgate: watching; Ctrl-C ends it\n"
    headgate("cancel", run, cwd=shop)
    if verb == "runs":
        assert watching.stderr.readline() == "headgate: watching; Ctrl-C ends it\n"
        os.kill(watching.pid, signal.SIGINT)
    out, _ = watching.communicate(timeout=60)
    assert watching.returncode == 0
    decoder, found, at = json.JSONDecoder(), [], 0
    while at < len(out):
        value, at = decoder.raw_decode(out, at)
        at += 1
        found.append(value[0]["status"] if isinstance(value, list) else value["status"])
    assert (found[0], found[-1]) == ("waiting", "cancelled")
