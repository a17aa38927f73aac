"""Where a workspace is: the folder of its file."""

from __future__ import annotations

from pathlib import Path

FILE_NAME = "headgate.toml"
LOCK_NAME = "headgate.lock"


def find(path: Path) -> Path | None:
    """The workspace file of a file or folder: in the folder or the nearest one above it; None without one."""
    folder = path.resolve()
    for candidate in (folder, *folder.parents):
        file = candidate / FILE_NAME
        if file.is_file():
            return file
    return None
