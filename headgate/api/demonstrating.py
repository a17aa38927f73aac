"""The files of `headgate demo`, copied to where it runs."""

from __future__ import annotations

import json
import sys
from importlib.resources import files
from pathlib import Path

from headgate.api.faults import NothingStarted, UsageFault

FLOW = "demo.flow"
BOOKS = "shop.json"
WORKSPACE = "headgate.toml"
_PYTHON = '["python",'


def lay_out_demo(folder: Path) -> Path:
    """Put the demo's files into `folder` and return that of its workflow.

    A folder that holds something else is left alone: `UsageFault`. One that cannot be written: `NothingStarted`.
    """
    texts = {name: _text(name) for name in (WORKSPACE, FLOW)}
    workspace = folder / WORKSPACE
    if folder.exists() and any(folder.iterdir()) and not _is_demo(workspace):
        raise UsageFault(f"`{folder}` holds something else; name another folder: `headgate demo FOLDER`")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8")
        (folder / BOOKS).unlink(missing_ok=True)  # a shop that has paid back all it can would refuse
    except OSError as error:
        raise NothingStarted(f"`{error.filename}` cannot be written: {error.strerror}") from None
    return folder / FLOW


def misspelt(text: str) -> str:
    """The demo's workflow with one mistake in it, for the gate to find."""
    return text.replace("steps.total.result.amount }} EUR", "steps.totl.result.amount }} EUR")


def _is_demo(workspace: Path) -> bool:
    return workspace.is_file() and "headgate.demo.server" in workspace.read_text(encoding="utf-8", errors="replace")


def _text(name: str) -> str:
    """A file of the demo; its server is started by the Python that runs now, whatever is on the path."""
    text = files("headgate").joinpath("demo", name).read_text(encoding="utf-8")
    return text.replace(_PYTHON, f"[{json.dumps(sys.executable)},")
