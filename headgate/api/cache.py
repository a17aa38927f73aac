"""Answers of `check` that are kept from one call to the next: a file that has not changed is not checked again.

An answer is found again only by everything it depends on: the text of the file, this version of the tool, the bytes of
the workspace file and of the lock, how it was asked, and, where a rule asked for them, the day and the other workflows
of the workspace. What depends on installed kinds is not kept. A file of answers is replaced as a whole, so that two
processes may write it; one that is damaged, or cannot be read or written, only costs the time to check again.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from headgate import __version__
from headgate.records import NamedTuple
from headgate.validators.packing import pack, unpack

if TYPE_CHECKING:
    from headgate.plan import Json
    from headgate.source import Source
    from headgate.validators.report import CheckedFile

try:
    from _blake2 import blake2b  # hashlib brings OpenSSL with it, which costs more than reading the whole cache
except ImportError:
    from hashlib import blake2b

FORMAT = 1
FOLDER_VARIABLE = "HEADGATE_CACHE_DIR"
MOST_FILES = 8
"""Answers are kept for so many configurations of one workspace: the newest."""
MOST_ENTRIES = 20_000
LARGEST = 64 * 1024 * 1024
PACKAGE = Path(__file__).parent.parent


class Question(NamedTuple):
    """What the answers of one file of answers have in common. `root` is the folder that paths are relative to.

    `asked` is how it was asked, `configuration` the bytes of all files that say how to check.
    """

    root: Path
    asked: str
    configuration: tuple[bytes, ...]


class Answers:
    """The answers to one question, by path; read at once, written by `save` when there are new ones.

    `today` tells the day, `neighbours` the digest of all workflows of the workspace; each is asked only when it counts.
    """

    def __init__(self, question: Question, today: Callable[[], str], neighbours: Callable[[], str]) -> None:
        folder = cache_folder()
        self._path = (
            None if folder is None else folder / _digest(str(question.root).encode()) / f"{_key(question)}.json"
        )
        self._leans = {"day": today, "workflows": neighbours}
        self._known = _read(self._path)
        self._new: dict[str, Json] = {}

    def find(self, source: Source) -> CheckedFile | None:
        """The kept answer on a text, None when there is none that still holds."""
        entry = self._known.get(source.path)
        if not isinstance(entry, list) or len(entry) != 3 or entry[0] != digest_of(source):
            return None
        _, leans, packed = entry
        if not isinstance(leans, dict) or any(
            name not in self._leans or self._leans[name]() != value for name, value in leans.items()
        ):
            return None
        try:
            return unpack(packed, source)
        except ValueError:
            return None

    def keep(self, file: CheckedFile, leans_on: frozenset[str]) -> None:
        """Remember an answer that leans on these things; one that leans on what cannot be named is not kept."""
        if leans_on <= self._leans.keys():
            leans: dict[str, Json] = {name: self._leans[name]() for name in sorted(leans_on)}
            self._new[file.source.path] = [digest_of(file.source), leans, pack(file)]

    def save(self) -> None:
        """Write what is new, beside what another process may have written meanwhile."""
        if self._path is None or not self._new:
            return
        entries = {**_read(self._path), **self._new}
        for path in list(entries)[: max(0, len(entries) - MOST_ENTRIES)]:
            del entries[path]
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _replace(self._path, json.dumps(entries, ensure_ascii=False, separators=(",", ":")).encode())
            _forget_the_oldest(self._path.parent)
        except (OSError, ValueError):
            return  # a folder that cannot be written, or a text with half a character in it


def cache_folder() -> Path | None:
    """Where answers are kept: `HEADGATE_CACHE_DIR`, else the user's folder for caches; None when there is none."""
    named = os.environ.get(FOLDER_VARIABLE)
    if named:
        return Path(named)
    base = os.environ.get("XDG_CACHE_HOME") or (
        os.path.join(os.environ["HOME"], ".cache") if os.environ.get("HOME") else None  # noqa: PTH118 - no expanding
    )
    return None if not base or not os.path.isabs(base) else Path(base, "headgate", "check")  # noqa: PTH117


def digest_of(source: Source) -> str:
    """A name that no other text has."""
    return _digest(source.text.encode("utf-8", "surrogatepass"))


def digest_of_all(texts: Mapping[str, bytes]) -> str:
    """One name for many texts with theirs."""
    whole = blake2b(digest_size=20)
    for name, content in texts.items():
        whole.update(_digest(name.encode("utf-8", "surrogatepass")).encode() + _digest(content).encode())
    return whole.hexdigest()


def _digest(content: bytes) -> str:
    return blake2b(content, digest_size=20).hexdigest()


def _key(question: Question) -> str:
    version = ".".join(map(str, sys.version_info[:3]))
    said = (str(FORMAT), __version__, _tool(), version, question.asked)
    parts = (*(text.encode("utf-8", "surrogateescape") for text in said), *question.configuration)
    return digest_of_all({str(number): part for number, part in enumerate(parts)})


def _tool() -> str:
    """Tells one state of a checkout from the next; an installed release is told by its version."""
    if not os.path.exists(PACKAGE.parent / "pyproject.toml"):  # noqa: PTH110 - asked at each start
        return ""
    newest = []
    for folder, folders, names in os.walk(PACKAGE):
        folders[:] = [name for name in folders if name != "__pycache__"]
        for entry in os.scandir(folder):
            if entry.name in names:
                state = entry.stat()
                newest.append((entry.path, state.st_mtime_ns, state.st_size))
    return _digest(repr(sorted(newest)).encode())


def _read(path: Path | None) -> dict[str, Json]:
    """The entries of a file of answers; none when it cannot be used."""
    if path is None:
        return {}
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - a third faster, and this is all that a cached check does
            content = file.read(LARGEST + 1)
        entries = json.loads(content) if len(content) <= LARGEST else {}
    except (OSError, ValueError, RecursionError):
        return {}
    return entries if isinstance(entries, dict) else {}


def _replace(path: Path, content: bytes) -> None:
    """All of the file or nothing: another process that reads it sees the old one or the new one."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_bytes(content)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _forget_the_oldest(folder: Path) -> None:
    found = sorted(folder.glob("*.json"), key=lambda file: file.stat().st_mtime_ns, reverse=True)
    for file in found[MOST_FILES:]:
        file.unlink(missing_ok=True)
