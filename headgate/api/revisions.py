"""Files as they are at a revision of git: read with the `git` command, written to a folder of their own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from headgate.api.faults import NothingStarted
from headgate.diagnostics import nearest
from headgate.records import NamedTuple
from headgate.workspace import FILE_NAME, LOCK_NAME

GIT_SECONDS = 60


class Revision(NamedTuple):
    """A file of a repository at a revision: `name` as it was given, `commit` its digest.

    `path` begins at the top of the repository.
    """

    repository: Path
    name: str
    commit: str
    path: PurePosixPath


def find_revision(name: str, path: str, folder: Path, *, from_folder: bool) -> Revision:
    """The file at a revision; raises `NothingStarted` when there is no git, no repository, revision or file.

    `path` begins at the top of the repository, as in git's own `REV:path`, or at `folder` when it starts with `./` or
    `../`, or when `from_folder` says so.
    """
    top = Path(_git(folder, "rev-parse", "--show-toplevel").rstrip("\n"))
    verified = _tried(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    if verified.returncode:
        raise NothingStarted(f"there is no revision `{name}` in the repository `{top}`{_near_revision(name, folder)}")
    here = from_folder or path.startswith(("./", "../"))
    inside = _inside(top, folder / path) if here else PurePosixPath(os.path.normpath(path))
    found = Revision(top, name, verified.stdout.decode().strip(), inside)
    if str(inside) not in _listed(found):
        raise NothingStarted(f"there is no file `{inside}` at the revision `{name}`{_near_path(found, folder, path)}")
    return found


def write_workspace(revision: Revision, folder: Path) -> Path:
    """Writes the file, with the workspace and the workflows around it at that revision, under `folder`.

    Returns the file's place there. Raises `NothingStarted` when git cannot read them.
    """
    names = _listed(revision)
    root = _workspace_root(names, revision.path)
    wanted = [name for name in names if _belongs(PurePosixPath(name), root) or name == str(revision.path)]
    for name, content in zip(wanted, _contents(revision, wanted), strict=True):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    return folder / revision.path


def _listed(revision: Revision) -> list[str]:
    """The files of the revision that a plan can come from or lean on."""
    listed = _git(revision.repository, "ls-tree", "-r", "-z", "--name-only", "--full-tree", revision.commit)
    kept = (".flow", ".json", FILE_NAME, LOCK_NAME)
    return [name for name in listed.split("\0") if name.endswith(kept)]


def _contents(revision: Revision, names: list[str]) -> Iterator[bytes]:
    """The bytes of files at the revision, by one process for all of them."""
    wanted = "".join(f"{revision.commit}:{name}\n" for name in names if "\n" not in name)
    answer = _bytes(revision.repository, "cat-file", "--batch", given=wanted.encode("utf-8", "surrogateescape"))
    at = 0
    for name in names:
        if "\n" in name:
            yield b""
            continue
        line = answer[at : answer.index(b"\n", at)]
        size = int(line.split()[-1])
        start = at + len(line) + 1
        yield answer[start : start + size]
        at = start + size + 1


def _workspace_root(names: list[str], path: PurePosixPath) -> PurePosixPath | None:
    """The nearest folder above the file that holds a workspace file; None without one."""
    known = set(names)
    return next((folder for folder in path.parents if str(folder / FILE_NAME) in known), None)


def _belongs(path: PurePosixPath, root: PurePosixPath | None) -> bool:
    if root is None or not path.is_relative_to(root):
        return False
    return path.suffix == ".flow" or (path.parent == root and path.name in (FILE_NAME, LOCK_NAME))


def _inside(top: Path, file: Path) -> PurePosixPath:
    absolute = Path(os.path.normpath(file.absolute()))
    for one, other in ((absolute, top), (absolute.resolve(), top.resolve())):
        if one.is_relative_to(other):
            return PurePosixPath(one.relative_to(other).as_posix())
    raise NothingStarted(f"`{file}` is outside of the repository `{top}`")


def _near_revision(name: str, folder: Path) -> str:
    known = _git(folder, "for-each-ref", "--format=%(refname:short)", "refs/heads", "refs/tags", "refs/remotes")
    guess = nearest(name, known.split())
    return f"; did you mean `{guess}`?" if guess else ""


def _near_path(revision: Revision, folder: Path, written: str) -> str:
    flows = [name for name in _listed(revision) if name.endswith((".flow", ".plan.json"))]
    try:
        here = str(_inside(revision.repository, folder / written))
    except NothingStarted:
        here = ""
    guess = here if here in flows else nearest(str(revision.path), flows)
    return f"; did you mean `{revision.name}:{guess}`?" if guess else ""


def _git(folder: Path, *arguments: str) -> str:
    return _bytes(folder, *arguments).decode("utf-8", "surrogateescape")


def _bytes(folder: Path, *arguments: str, given: bytes = b"") -> bytes:
    done = _tried(folder, *arguments, given=given)
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        reason = said[0].removeprefix("fatal: ") if said else f"exit code {done.returncode}"
        if "not a git repository" in reason:
            raise NothingStarted(f"`{folder}` is in no git repository: a revision can be read in one only")
        raise NothingStarted(f"git cannot read this: {reason}")
    return done.stdout


def _tried(folder: Path, *arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(  # noqa: S603 - a list of arguments, no shell
            ["git", *arguments],  # noqa: S607 - the git that the user has
            cwd=folder,
            env={**os.environ, "LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0"},
            input=given,
            capture_output=True,
            timeout=GIT_SECONDS,
            check=False,
        )
    except FileNotFoundError:
        raise NothingStarted("a revision is read with the `git` command, and there is none here: install git") from None
    except subprocess.TimeoutExpired:
        raise NothingStarted(f"git did not answer within {GIT_SECONDS} seconds") from None
