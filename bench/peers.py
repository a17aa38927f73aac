"""What `running.py` measures beside Headgate: each peer in an environment of its own, made when it is missing.

They are kept below `$XDG_CACHE_HOME/headgate-bench` (`~/.cache`), and nothing of Headgate depends on them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from typing import NamedTuple

SHAPES = Path(__file__).parent / "shapes"


ONE_STEP = "workflow one {\n  step s0 = noop { value = 0 }\n}\n"


class Engine(NamedTuple):
    """One engine: the interpreter and script that take `SHAPE FOLDER`, and what its environment needs besides."""

    name: str
    python: str
    script: str
    environment: dict[str, str] = {}  # noqa: RUF012 - never changed

    def command(self, shape: str, folder: Path) -> list[str]:
        """What measures `shape` in `folder`. Headgate's `cold` is the command that people type."""
        if shape == "cold" and self.name == "Headgate":
            file = folder / "one.flow"
            file.write_text(ONE_STEP, encoding="utf-8")
            return [str(Path(self.python).parent / "headgate"), "run", str(file)]
        return [self.python, str(SHAPES / self.script), shape, str(folder)]


PEERS = {
    "langgraph": ("LangGraph", "langgraph_shape.py", ("langgraph", "langgraph-checkpoint-sqlite")),
    "dbos": ("DBOS", "dbos_shape.py", ("dbos",)),
    "restate": ("Restate", "restate_shape.py", ("restate-sdk", "hypercorn", "httpx")),
}


def headgate() -> Engine:
    return Engine("Headgate", sys.executable, "headgate_shape.py")


def peers(names: list[str]) -> list[Engine]:
    """The peers of these names, installed."""
    return [_peer(name) for name in names]


def _peer(name: str) -> Engine:
    shown, script, packages = PEERS[name]
    folder = _cache() / name
    python = folder / "bin" / "python"
    if not (folder / "complete").exists():
        print(f"installing {shown} into {folder}", file=sys.stderr)
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "-q", *packages], check=True)
        (folder / "complete").touch()
    environment = {"RESTATE_SERVER": str(_restate_server())} if name == "restate" else {}
    return Engine(shown, str(python), script, environment)


def _restate_server() -> Path:
    folder = _cache() / "restate-server"
    server = folder / "node_modules" / ".bin" / "restate-server"
    if not server.exists():
        npm = shutil.which("npm")
        if npm is None:
            raise SystemExit("Restate's server comes from npm, which is not installed: leave `restate` out")
        folder.mkdir(parents=True, exist_ok=True)
        install = [npm, "install", "--silent", "--ignore-scripts", "--prefix", folder, "@restatedev/restate-server"]
        subprocess.run(install, check=True)
    return server


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "headgate-bench"
