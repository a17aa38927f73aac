"""`init`: the files of a new workspace, from those in `headgate/starter`. What is there already is never touched."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

from headgate.api.faults import NothingStarted
from headgate.records import NamedTuple

STARTER = (
    ("headgate.toml", "headgate.toml"),
    ("hello.flow", "hello.flow"),
    ("pre-commit-config.yaml", ".pre-commit-config.yaml"),
    ("github-workflow.yml", ".github/workflows/headgate.yml"),
    ("gitlab-ci.yml", ".gitlab-ci.yml"),
    ("gitignore", ".gitignore"),
)
_MENTIONS = {".pre-commit-config.yaml": "headgate", ".gitlab-ci.yml": "headgate", ".gitignore": ".headgate"}


class Made(NamedTuple):
    """One file of the workspace. `written` is false when it was there; then `missing` is the text it lacks, if any."""

    path: str
    written: bool
    missing: str = ""


def make_workspace(folder: Path) -> tuple[Made, ...]:
    """Write the files that are not there. Raises `NothingStarted` when the folder cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return tuple(_make(folder, name, target) for name, target in STARTER)
    except OSError as error:
        raise NothingStarted(f"`{error.filename}` cannot be written: {error.strerror}") from None


def _make(folder: Path, name: str, target: str) -> Made:
    text = files("headgate").joinpath("starter", name).read_text(encoding="utf-8")
    if name == "headgate.toml":
        text = text.replace('"NAME"', json.dumps(folder.resolve().name or "workspace", ensure_ascii=False))
    path = folder / target
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        word = _MENTIONS.get(target)
        lacks = word is not None and path.is_file() and word not in path.read_text(encoding="utf-8", errors="replace")
        return Made(target, False, text if lacks else "")
    return Made(target, True)
