"""Verbs that wait for servers say on a terminal whom they wait for, and nothing where nobody looks."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

BAD = Path(__file__).parent.parent / "servers" / "bad_mcp.py"
FLOW = "workflow w {\n  step a = mcp slow.echo\n}\n"


def first_words(folder: Path, *arguments: str) -> str:
    """What a verb says on its terminal until it has said whom it waits for; it is ended then."""
    (folder / "headgate.toml").write_text(
        f"[instances.slow]\ncommand = {json.dumps([sys.executable, str(BAD), 'hang'])}\n"
    )
    (folder / "w.flow").write_text(FLOW)
    reading, terminal = pty.openpty()
    said = b""
    with subprocess.Popen(
        [sys.executable, "-m", "headgate", *arguments], cwd=folder, stdout=subprocess.DEVNULL, stderr=terminal
    ) as verb:
        os.close(terminal)
        with suppress(OSError):  # the terminal ends with the verb
            while b"waiting" not in said:
                said += os.read(reading, 4096)
        verb.terminate()
    os.close(reading)
    return said.decode()


@pytest.mark.parametrize("arguments", [("lock",), ("check", "--online", "w.flow"), ("validate", "w.flow")])
def test_a_server_that_hangs_is_named_while_it_is_waited_for(tmp_path, arguments):
    assert first_words(tmp_path, *arguments).strip() == "headgate: still waiting for `slow`"
