"""The `.flow` files of a folder, and what the others of a workspace declare."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from headgate.api.cache import digest_of_all

if TYPE_CHECKING:
    from headgate.compiler.callees import Beside

SKIPPED_FOLDERS = frozenset({".git", "node_modules", ".venv", ".headgate"})
_WORKFLOW = re.compile(r"^[ \t]*workflow[ \t]+([A-Za-z_][A-Za-z0-9_]*)", re.MULTILINE)


class Neighbours:
    """The workflows of a workspace, name to file, found when somebody asks: a scan for headers, not a parse."""

    def __init__(self, root: Path | None) -> None:
        self._root = root
        self._texts: dict[str, bytes] | None = None
        self._found: dict[str, str] | None = None
        self._parsed: dict[str, Beside | None] = {}

    def __call__(self) -> Mapping[str, str]:
        return {name: path.rpartition("/")[2] for name, path in self._paths().items()}

    def find(self, name: str) -> Beside | None:
        """The file that holds a workflow of that name, parsed once; None when none does, or it cannot be read."""
        path = self._paths().get(name)
        if path is None:
            return None
        if path not in self._parsed:
            self._parsed[path] = _parsed(path, self._read()[path])
        return self._parsed[path]

    def _paths(self) -> Mapping[str, str]:
        if self._found is None:
            self._found = {}
            for path, content in self._read().items():
                for name in _WORKFLOW.findall(content.decode(errors="replace")):
                    self._found.setdefault(name, path)
        return self._found

    def digest(self) -> str:
        """One name for all that the files say."""
        return digest_of_all(self._read())

    def _read(self) -> Mapping[str, bytes]:
        if self._texts is None:
            files = () if self._root is None else flow_files(self._root)
            contents = ((file.as_posix(), content_of(file)) for file in files)
            self._texts = {path: content for path, content in contents if content is not None}
        return self._texts


def _parsed(path: str, content: bytes) -> Beside | None:
    from headgate.api.reading import Unreadable, decode
    from headgate.compiler.callees import Beside
    from headgate.grammar.parse import parse

    try:
        return Beside(path, parse(decode(content, path))[0])
    except Unreadable:
        return None


def content_of(path: Path) -> bytes | None:
    """The bytes of a file; None for one that is not there or cannot be read."""
    try:
        return path.read_bytes()
    except OSError:
        return None


def is_there(path: Path) -> bool:
    """Whether a path leads to something; a path that no system takes leads nowhere."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def is_folder(path: Path) -> bool:
    """Whether a path leads to a folder."""
    return is_there(path) and path.is_dir()


def flow_files(folder: Path) -> list[Path]:
    """All `.flow` files under a folder, sorted, without those of tools and of other people's packages."""
    found = []
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(set(folders) - SKIPPED_FOLDERS)
        found += [Path(parent, name) for name in sorted(names) if name.endswith(".flow")]
    return found
