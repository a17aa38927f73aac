"""Runs the real command line, as a user's shell does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple


class Said(NamedTuple):
    """What a command line printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)


def headgate(*arguments, cwd: Path, stdin: str | bytes = "", **environment: str) -> Said:
    """`headgate ARGUMENTS` in `cwd`, with nobody at the keyboard."""
    variables = {key: value for key, value in os.environ.items() if not key.startswith("HEADGATE_")}
    done = subprocess.run(
        [sys.executable, "-m", "headgate", *map(str, arguments)],
        cwd=cwd,
        env={**variables, "COLUMNS": "120", **environment},
        input=stdin if isinstance(stdin, bytes) else stdin.encode(),
        capture_output=True,
        timeout=120,
        check=False,
    )
    return Said(done.returncode, done.stdout.decode(), done.stderr.decode())
