"""`diff`: two plans by what they mean, from files or from revisions of git, and what the change means for others."""

from __future__ import annotations

import re
from pathlib import Path
from tempfile import TemporaryDirectory

from headgate.api.compiling import ALL_RULES, NEEDED_RULES, compile_target
from headgate.api.faults import NothingStarted, UsageFault
from headgate.api.place import Place
from headgate.api.published import Published, is_published, named, read_published, runs_on
from headgate.api.site import Site
from headgate.compiler.compatibility import Judgement, judge_change
from headgate.plan import Plan, PlanIntegrity, load
from headgate.plan.comparing import Comparison, Side, compare
from headgate.records import NamedTuple
from headgate.validators.report import CheckReport

BREAKS = 1


class Compared(NamedTuple):
    """`exit_code` is 1 when somebody is broken by the change, else 0.

    `in_flight` counts the open runs on the old version of a published workflow.
    """

    old: Side
    new: Side
    comparison: Comparison
    judgement: Judgement
    in_flight: int | None = None

    @property
    def exit_code(self) -> int:
        return BREAKS if self.judgement.worst.breaks else 0


def compare_targets(old: str, new: str, place: Place) -> Compared:
    """Compares two plans, each a `.flow` (`FILE#NAME`), a `.plan.json`, `NAME@2` for a version of a published workflow
    (`NAME` for the active one), or `REV:PATH` for a revision of git.

    A revision alone stands for the other one's file at that revision. `old` only has to be a plan; `new` has to pass
    the gate. Raises `UsageFault` for what names nothing that can be compared, and `NothingStarted` for what cannot be
    read or compiled.
    """
    before, after = _named(old, place), _named(new, place)
    if before.path is None and after.path is None and before.version is None and after.version is None:
        raise UsageFault(f"neither `{old}` nor `{new}` is a file: name one, or write a revision as `{old}:FILE.flow`")
    before, after = _completed(before, after), _completed(after, before)
    in_flight = _in_flight(before, place)
    sides = Side(before.shown, _plan(before, place, NEEDED_RULES)), Side(after.shown, _plan(after, place, ALL_RULES))
    comparison = compare(sides[0].plan, sides[1].plan)
    return Compared(*sides, comparison, judge_change(sides[0].plan, sides[1].plan, comparison), in_flight)


class _Named(NamedTuple):
    """What an argument names. `workflow` is the name behind `#`; without a `path`, it is a revision alone.

    `from_folder` says that a path at a revision begins at the current folder, and not at the top of the repository.
    """

    revision: str | None
    path: str | None
    workflow: str | None
    from_folder: bool = False
    version: Published | None = None

    @property
    def shown(self) -> str:
        if self.version is not None:
            return self.version.shown
        path = f"{self.path}#{self.workflow}" if self.workflow else str(self.path)
        return path if self.revision is None else f"{self.revision}:{path}"


_FILES = (".flow", ".json")
_WORKFLOW = re.compile(r"(?P<path>.+)#(?P<name>[A-Za-z_][A-Za-z0-9_]*)")


def _named(argument: str, place: Place) -> _Named:
    """A file that exists comes first, then `REV:PATH`, then what looks like a file, then a published workflow; anything
    else is a revision.
    """
    folder = place.folder
    if not argument:
        raise UsageFault("an empty text names no plan; expected a file or a revision of git")
    if _is_file(folder / argument):
        return _Named(None, argument, None)
    match = _WORKFLOW.fullmatch(argument)
    path, workflow = (match["path"], match["name"]) if match else (argument, None)
    if match and _is_file(folder / path):
        return _Named(None, path, workflow)
    revision, colon, inside = path.partition(":")
    if colon and revision and inside:
        return _Named(revision, inside, workflow)
    if path.endswith(_FILES):
        return _Named(None, path, workflow)
    name = named(argument)
    if name is not None and (name.version is not None or is_published(name.name, Site(place))):
        return _Named(None, None, None, version=read_published(name, Site(place)))
    return _Named(argument, None, None)


def _completed(one: _Named, other: _Named) -> _Named:
    """A revision alone is that of the other's file, its workflow included."""
    if one.path is not None or one.version is not None:
        return one
    if other.version is not None:
        raise UsageFault(f"`{one.revision}` is a revision alone: write `{one.revision}:FILE.flow`")
    return one._replace(path=other.path, workflow=other.workflow, from_folder=other.revision is None)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _in_flight(old: _Named, place: Place) -> int | None:
    """How many open runs are on the old version, None when it is none of a published workflow."""
    if old.version is None:
        return None
    return runs_on(old.version, Site(place))


def _plan(side: _Named, place: Place, rules: tuple[str, ...]) -> Plan:
    if side.version is not None:
        return side.version.plan
    target = f"{side.path}#{side.workflow}" if side.workflow else str(side.path)
    if side.revision is None:
        return _read(target, place.folder, side.shown, place.environment, rules)
    from headgate.api.revisions import find_revision, write_workspace

    assert side.path is not None, "a revision was completed with a file"
    found = find_revision(side.revision, side.path, place.folder, from_folder=side.from_folder)
    with TemporaryDirectory(prefix="headgate-") as folder:
        file = write_workspace(found, Path(folder))
        target = f"{file}#{side.workflow}" if side.workflow else str(file)
        return _read(target, Path(folder), side.shown, None, rules)


def _read(target: str, folder: Path, shown: str, environment: str | None, rules: tuple[str, ...]) -> Plan:
    if target.partition("#")[0].endswith(".json"):
        return _load(folder / target, shown)
    compiled = compile_target(target, environment, start=folder, rules=rules)
    if compiled.plan is None:
        raise _refusal(shown, compiled.report)
    return compiled.plan


def _load(path: Path, shown: str) -> Plan:
    try:
        return load(path.read_bytes())
    except OSError as error:
        raise NothingStarted(f"`{shown}` cannot be read: {error.strerror or error}") from None
    except PlanIntegrity as damage:
        raise NothingStarted(f"PLAN_INTEGRITY: `{shown}`: {damage}") from None


def _refusal(shown: str, report: CheckReport) -> NothingStarted:
    if report.faults:
        return NothingStarted(f"`{shown}`: {report.faults[0]}")
    if report.unreadable:
        return NothingStarted(report.unreadable[0].message)
    return NothingStarted(f"`{shown}` has no plan: nothing was compared", report)
