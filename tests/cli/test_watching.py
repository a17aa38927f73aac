"""`check --watch`: answers again after each change, and ends when it is asked to."""

import os
import signal
import subprocess
import sys
import time

import pytest

GOOD = "workflow w {\n  step a = set { x = 1 }\n}\n"


class Watching:
    """A `check --watch` whose answers are read line by line."""

    def __init__(self, folder, *arguments):
        self.out = (folder.parent / "out.txt").open("w+b")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "headgate", "check", "--watch", "--format", "concise", *arguments],
            cwd=folder,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            stdout=self.out,
            stderr=subprocess.STDOUT,
        )

    def said(self, times, timeout=60):
        """All that was printed when it watches for the n-th time."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            text = os.pread(self.out.fileno(), 1 << 20, 0).decode()
            if text.count("watching; Ctrl-C ends it") >= times:
                return text
            time.sleep(0.02)
        pytest.fail(f"it did not answer {times} times: {os.pread(self.out.fileno(), 1 << 20, 0)!r}")


def test_it_answers_after_each_change_and_ends_quietly(tmp_path):
    folder = tmp_path / "flows"
    folder.mkdir()
    (folder / "a.flow").write_text(GOOD)
    watching = Watching(folder)
    assert "error" not in watching.said(1)
    (folder / "b.flow").write_text(GOOD.replace("set", "sett"))
    assert "b.flow:2:12: error[HG006]" in watching.said(2)
    (folder / "b.flow").unlink()
    watching.said(3)
    (folder / "headgate.toml").write_text("[chekc]\n")
    assert "did you mean `check`?" in watching.said(4)
    watching.process.send_signal(signal.SIGINT)
    assert watching.process.wait(60) == 2, "the last answer's exit code"
    assert b"Traceback" not in os.pread(watching.out.fileno(), 1 << 20, 0)
    watching.out.close()


def test_it_does_not_keep_a_processor_busy(tmp_path):
    folder = tmp_path / "flows"
    folder.mkdir()
    (folder / "a.flow").write_text(GOOD)
    watching = Watching(folder, "a.flow")
    watching.said(1)

    def ticks():
        fields = open(f"/proc/{watching.process.pid}/stat").read().rpartition(")")[2].split()  # noqa: SIM115, PTH123
        return int(fields[11]) + int(fields[12])

    before, started = ticks(), time.monotonic()
    time.sleep(2)
    share = (ticks() - before) / os.sysconf("SC_CLK_TCK") / (time.monotonic() - started)
    watching.process.send_signal(signal.SIGINT)
    assert watching.process.wait(60) == 0
    assert share < 0.3
    watching.out.close()
