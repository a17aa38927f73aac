"""Terminals, pipes, and what happens when something goes wrong around a command line."""

import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from command_line import headgate

from headgate.cli.app import answer

TYPO = "workflow a {\n  step one = set after won { x = 1 }\n  step won2 = set { x = 1 }\n}\n"
LOOP = "workflow loop {\n  step a = lua ```lua\n    while true do end\n  ```\n}\n"
WAIT = 'workflow wait {\n  step a = set { x = 1 }\n  step ask = human approval after a { title = "go?" }\n}\n'
COMMAND = [sys.executable, "-m", "headgate"]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "typo.flow").write_text(TYPO)
    (tmp_path / "loop.flow").write_text(LOOP)
    (tmp_path / "wait.flow").write_text(WAIT)
    return tmp_path


def environment(**more):
    plain = {key: value for key, value in os.environ.items() if key not in {"NO_COLOR", "TERM"}}
    return {**plain, "TERM": "xterm-256color", "COLUMNS": "100", "LINES": "40", **more}


def on_a_terminal(arguments, cwd, **more):
    """What a terminal gets, and the exit code."""
    parent, child = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, *arguments], cwd=cwd, env=environment(**more), stdin=child, stdout=child, stderr=child
    )
    os.close(child)
    said = b""
    while True:
        try:
            piece = os.read(parent, 65536)
        except OSError:  # how a terminal on Linux says that nobody is left
            break
        if not piece:
            break
        said += piece
    os.close(parent)
    return process.wait(60), said.decode()


def test_colour_is_for_terminals(folder):
    code, said = on_a_terminal(["check", "typo.flow"], folder)
    assert code == 1
    assert "\x1b[1;31merror[HG104]" in said
    assert "\x1b[" not in headgate("check", "typo.flow", cwd=folder).out


@pytest.mark.parametrize("variable", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_no_color_and_dumb_terminals_get_none(folder, variable):
    for arguments in (["check", "typo.flow"], ["run", "wait.flow"], ["runs"]):
        assert "\x1b[" not in on_a_terminal(arguments, folder, **variable)[1]


def test_on_a_terminal_a_run_is_followed_live(folder):
    code, said = on_a_terminal(["run", "wait.flow"], folder)
    assert code == 5
    assert "\x1b[?25l" in said, "the live list hides the cursor while it draws"
    assert "\x1b[?25h" in said, "and gives it back"
    assert "waits for approval: headgate approve" in said


def test_on_a_terminal_missing_inputs_are_asked_for(folder):
    (folder / "ask.flow").write_text(
        "workflow ask {\n  input n: integer\n  step a = set { x = {{ inputs.n + 1 }} }\n"
        "  output { x = {{ steps.a.result.x }} }\n}\n"
    )
    parent, child = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, "run", "ask.flow", "--format", "json"],
        cwd=folder,
        env=environment(),
        stdin=child,
        stdout=subprocess.PIPE,
        stderr=child,
    )
    os.write(parent, b"41\n")
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert b'"x": 42' in out
    os.close(child)
    os.close(parent)


def test_an_interrupted_run_exits_130_and_says_how_to_go_on(folder):
    process = subprocess.Popen(
        [*COMMAND, "run", "loop.flow"], cwd=folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    store = folder / ".headgate" / "headgate.db"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        listed = headgate("runs", "--status", "running", "--format", "json", cwd=folder) if store.exists() else None
        if listed is not None and listed.code == 0 and listed.json:
            break
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert b"headgate drive" in err
    assert b"Traceback" not in err
    assert b"interrupted" in out


def test_a_fault_of_ours_is_one_sentence_and_exit_4(monkeypatch, capsys, tmp_path):
    from headgate.api import history

    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HEADGATE_DEBUG", raising=False)
    monkeypatch.setattr(history, "runs", lambda *_: 1 / 0)
    assert answer(["runs"]) == 4
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert "a fault of headgate" in said.err
    assert "ZeroDivisionError" in said.err
    assert "report" in said.err
    monkeypatch.setenv("HEADGATE_DEBUG", "1")
    assert answer(["runs"]) == 4
    assert "Traceback" in capsys.readouterr().err


def test_a_full_disk_behind_the_output_is_said_and_exit_4(folder):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*COMMAND, "schema", "plan"],
            cwd=folder,
            env=environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert done.returncode == 4
    assert b"cannot be written" in done.stderr
    assert b"Traceback" not in done.stderr


def test_a_terminal_without_the_characters_of_a_mark_still_shows_the_rest(folder):
    headgate("run", "wait.flow", cwd=folder)
    said = headgate("runs", cwd=folder, PYTHONIOENCODING="ascii")
    assert said.code == 0
    assert "? waiting" in said.out


def test_a_closed_output_is_no_fault(folder):
    shell = ["bash", "-c", f"{sys.executable} -m headgate runs >&-"]
    done = subprocess.run(shell, cwd=folder, env=environment(), capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_bar_is_for_terminals_and_for_very_many_files(folder):
    many = folder / "many"
    many.mkdir()
    for number in range(500):
        (many / f"f{number}.flow").write_text("workflow w {\n  step a = set { x = 1 }\n}\n")
    code, said = on_a_terminal(["check", "--no-cache", "many"], folder)
    assert code == 0
    assert "checking" in said
    assert said.rstrip().endswith("rules)\x1b[0m")
    assert "checking" not in on_a_terminal(["check", "--no-cache", "wait.flow"], folder)[1]
    assert headgate("check", "--no-cache", "many", cwd=folder).err == ""
