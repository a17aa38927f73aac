"""What `NAME` and `NAME@2` mean: a version of a published workflow, read from the store."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from headgate.api.faults import NothingStarted, Refused
from headgate.api.site import Site
from headgate.api.workflows import no_such_workflow
from headgate.plan import Plan, PlanIntegrity
from headgate.records import NamedTuple
from headgate.runtime.acts import RefusalCode
from headgate.runtime.loading import PlanShelf
from headgate.runtime.store import Reader, RunFilter
from headgate.runtime.verdicts import Refusal
from headgate.runtime.workflow_judging import admission
from headgate.runtime.workflow_log import Version, WorkflowState

_NAME = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?:@(?P<version>[1-9][0-9]{0,8}))?")


class Named(NamedTuple):
    """A workflow's name, and the number of the version that was asked for, None for the active one."""

    name: str
    version: int | None = None


class Published(NamedTuple):
    """A version as it is stored. `seq` is that of the workflow's last entry: it tells whether anything happened since.

    `content` are the plan's canonical bytes, `text` its source.
    """

    plan: Plan
    content: bytes
    version: int
    seq: int
    text: str
    path: str
    environment: str | None

    @property
    def shown(self) -> str:
        return f"{self.plan.workflow}@{self.version}"


def named(target: str) -> Named | None:
    """The published workflow that a target names, `NAME` or `NAME@2`; None for what is a file's name."""
    match = _NAME.fullmatch(target)
    if match is None:
        return None
    return Named(match["name"], int(match["version"]) if match["version"] else None)


def read_published(name: Named, site: Site) -> Published:
    """The version, or the active one; raises `NothingStarted` when there is none, or its plan is damaged."""
    with _known(name.name, site) as (read, state):
        version = state.active_version if name.version is None else state.versions.get(name.version)
        if version is None:
            raise NothingStarted(_lacking(state, name))
        return _published(read, state, version)


def is_published(name: str, site: Site) -> bool:
    """Whether anything was ever published under the name."""
    with site.reading() as read:
        if read is None:
            return False
        return read.workflow(name) is not None


def runs_on(version: Published, site: Site) -> int:
    """How many open runs are on a version."""
    with site.reading() as read:
        assert read is not None, "a store with a version is there"
        rows = read.runs(RunFilter(workflow=version.plan.workflow, open_only=True))
    return sum(row.version == version.version and row.plan_digest == version.plan.digest for row in rows)


def admitted(name: Named, site: Site) -> Published:
    """The active version, which a run may start on now; raises `Refused` when nothing may start, and as above."""
    with _known(name.name, site) as (read, state):
        answer = admission(state)
        if isinstance(answer, Refusal):
            raise Refused(answer.code.value, answer.message)
        version = state.active_version
        assert version is not None, "a workflow that dispatches has an active version"
        if name.version not in (None, version.number):
            message = f"`run` starts the active version, which is {version.number}: `headgate activate {name.name} "
            raise Refused(RefusalCode.VERSION_NOT_ACTIVE.value, f"{message}{name.version}` makes {name.version} it")
        return _published(read, state, version)


@contextmanager
def _known(name: str, site: Site) -> Iterator[tuple[Reader, WorkflowState]]:
    """The store for reading, and how a workflow stands of which something was published; raises `NothingStarted`."""
    with site.reading() as read:
        if read is None:
            raise _unknown(name, (), site)
        state = read.workflow_state(name)
        if not state.seq:
            raise _unknown(name, read.workflow_names(), site)
        yield read, state


def _unknown(name: str, known: Sequence[str], site: Site) -> NothingStarted:
    fault = no_such_workflow(name, known)
    file = f"{name}.flow"
    if not (site.place.folder / file).is_file():
        return fault
    return NothingStarted(f"{fault.message}; the file `{file}` is named in full: with `.flow`")


def _lacking(state: WorkflowState, name: Named) -> str:
    if name.version is None:
        return f"no version of `{name.name}` is active: `headgate workflows {name.name}` lists them"
    known = ", ".join(map(str, sorted(state.versions)))
    return f"NO_SUCH_VERSION: `{name.name}` has no version {name.version}; it has {known}"


def _published(read: Reader, state: WorkflowState, version: Version) -> Published:
    try:
        plan = PlanShelf(read).plan(version.plan_digest)
    except PlanIntegrity as fault:
        message = f"PLAN_INTEGRITY: version {version.number} of `{state.name}`: {fault}"
        raise NothingStarted(message) from fault
    content = read.plan(version.plan_digest)
    assert content is not None, "a plan that was loaded is there"
    text = read.text(version.text) or ""
    return Published(plan, content, version.number, state.seq, text, version.path, version.environment)
