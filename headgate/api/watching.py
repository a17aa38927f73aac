"""`check --watch`: when something that the answer depends on has changed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from headgate.api.neighbours import flow_files, is_folder
from headgate.api.surroundings import Options, Surroundings
from headgate.api.targets import target_of
from headgate.workspace import FILE_NAME, LOCK_NAME

Stamp = dict[Path, tuple[int, int, int] | None]


def stamp(paths: Sequence[str], options: Options) -> Stamp:
    """What tells one state of the files from the next: number, time and size of each; None for one that is not there.

    Beside the files that `paths` mean these are the workspace's own and its lock, also where there is none yet, and,
    because a `call` looks at them, all workflows of the workspace.
    """
    surroundings = Surroundings(options)
    files: dict[Path, None] = {}
    for path in paths or (surroundings.root(surroundings.start) or surroundings.start,):
        named = target_of(path, surroundings.start).path
        files |= dict.fromkeys(flow_files(named) if is_folder(named) else (named,))
        root = surroundings.root(named)
        if root is not None and root != named:
            files |= dict.fromkeys(flow_files(root))
        for folder in {root or surroundings.start, named if is_folder(named) else named.parent}:
            files |= dict.fromkeys(folder / name for name in (FILE_NAME, LOCK_NAME))
        baseline = surroundings.baseline(named)
        files |= {} if baseline is None else {baseline: None}
    return {file: _state(file) for file in files}


def _state(file: Path) -> tuple[int, int, int] | None:
    try:
        state = file.stat()
    except (OSError, ValueError):
        return None
    return (state.st_ino, state.st_mtime_ns, state.st_size)
