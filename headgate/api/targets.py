"""What a verb is pointed at: a file, or one workflow of it."""

from __future__ import annotations

import re
from pathlib import Path

from headgate.api.neighbours import is_there
from headgate.records import NamedTuple

_TARGET = re.compile(r"(?P<path>.+)#(?P<name>[A-Za-z_][A-Za-z0-9_]*)")


class Target(NamedTuple):
    """A file, and the name of one workflow of it, None for all."""

    path: Path
    workflow: str | None


def target_of(path: str | Path, start: Path) -> Target:
    """The file and workflow that `FILE` or `FILE#NAME` means; a file whose name holds `#` comes first."""
    whole = start / path
    match = None if isinstance(path, Path) or is_there(whole) else _TARGET.fullmatch(path)
    return Target(start / match["path"], match["name"]) if match else Target(whole, None)
