"""A baseline: the findings that a repository had when it began to check, so that only new ones count.

An entry says rule, file, workflow, step and what the finding marks, and how often; never a line. What later stages rely
on is not in it, and neither is a rule that could not run.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from headgate.diagnostics import Diagnostic
from headgate.grammar.parse import parse
from headgate.records import NamedTuple
from headgate.validators.fingerprints import fingerprints
from headgate.validators.report import CheckedFile
from headgate.validators.suppressions import can_be_ignored
from headgate.validators.table import TABLE

VERSION = 1
_NOT_CHECKED = "HG904"


class BaselineDamaged(Exception):  # noqa: N818 - it names a state
    """A file that is no baseline; the message says why, without its name."""


class Entry(NamedTuple):
    """Findings that agree in all of this. `path` is relative to the folder of the baseline."""

    path: str
    code: str
    workflow: str
    step: str
    digest: str


Counts = Mapping[Entry, int]
"""How often each entry was found."""


def can_be_known(found: Diagnostic) -> bool:
    """Whether a baseline may hide a finding: the errors that nobody may ignore stay, and so does what was not checked.

    A warning that the workspace has made an error is still what it was.
    """
    ignorable = can_be_ignored(found.code, found.severity) or can_be_ignored(found.code, TABLE[found.code].severity)
    return ignorable and found.code != _NOT_CHECKED


def entries(file: CheckedFile, path: str) -> Iterator[tuple[Diagnostic, Entry | None]]:
    """The findings of a file that stands at `path`, each with its entry; None for one that a baseline may not hide."""
    if not file.diagnostics:
        return
    tree, _ = parse(file.source)
    for found, mark in zip(file.diagnostics, fingerprints(file.source, tree, file.diagnostics), strict=True):
        entry = Entry(path, found.code, mark.place.workflow, mark.place.step, mark.digest)
        yield found, entry if can_be_known(found) else None


def without_known(file: CheckedFile, path: str, known: Counts) -> tuple[CheckedFile, Counts]:
    """The file with only what the baseline does not know, and how often each entry was used.

    Where more is found than the entry counts, the first ones are the known ones.
    """
    used: Counter[Entry] = Counter()
    new: list[Diagnostic] = []
    hidden: list[Diagnostic] = []
    for found, entry in entries(file, path):
        if entry is not None and used[entry] < known.get(entry, 0):
            used[entry] += 1
            hidden.append(found)
        else:
            new.append(found)
    return file._replace(diagnostics=tuple(new), hidden=tuple(hidden)), used


def count(files: Iterable[tuple[CheckedFile, str]]) -> Counts:
    """The entries of all findings that a baseline may hide."""
    return Counter(entry for file, path in files for _, entry in entries(file, path) if entry is not None)


def dump(counts: Counts) -> bytes:
    """The baseline as sorted, indented JSON, made to be committed and reviewed."""
    findings = [{**entry._asdict(), "count": counts[entry]} for entry in sorted(counts) if counts[entry] > 0]
    return (json.dumps({"version": VERSION, "findings": findings}, indent=2, ensure_ascii=False) + "\n").encode(
        "utf-8", "surrogatepass"
    )


def load(content: bytes) -> Counts:
    """The entries of a baseline's bytes. Raises BaselineDamaged for what is none."""
    try:
        said = json.loads(content)
    except (ValueError, RecursionError):
        raise BaselineDamaged("it is not JSON") from None
    if not isinstance(said, dict) or said.get("version") != VERSION or not isinstance(said.get("findings"), list):
        raise BaselineDamaged(f"expected `version` {VERSION} and a list of `findings`")
    counts: dict[Entry, int] = {}
    for number, one in enumerate(said["findings"]):
        values = [one.get(name) for name in Entry._fields] if isinstance(one, dict) else [None]
        times = one.get("count") if isinstance(one, dict) else None
        if not all(isinstance(value, str) for value in values) or not isinstance(times, int):
            raise BaselineDamaged(f"`findings[{number}]` is no entry")
        counts[Entry(*map(str, values))] = times
    return counts
