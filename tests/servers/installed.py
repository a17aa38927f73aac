"""Where the MCP servers that nobody here wrote are installed; a test that needs one skips without it, but not in CI.

`HEADGATE_NODE_SERVERS` is a folder with `node_modules`, `HEADGATE_PYPI_SERVERS` the `bin` folder of an environment;
without them, `PATH` is searched.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest


def node_server(name: str) -> str:
    """The command of an npm package's server, such as `mcp-server-memory`."""
    folder = os.environ.get("HEADGATE_NODE_SERVERS")
    return _found(name, Path(folder) / "node_modules" / ".bin" if folder else None)


def pypi_server(name: str) -> str:
    """The command of a PyPI package's server, such as `mcp-server-time`."""
    folder = os.environ.get("HEADGATE_PYPI_SERVERS")
    return _found(name, Path(folder) if folder else None)


def _found(name: str, folder: Path | None) -> str:
    command = shutil.which(name, path=str(folder) if folder else None)
    if command is None:
        message = f"{name} is not installed: see CONTRIBUTING"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return command
