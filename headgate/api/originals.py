"""The run that another is made of, by a replay or a fork: loaded, allowed, and not too far down the line."""

from __future__ import annotations

from headgate.api.faults import NothingStarted, Refused
from headgate.api.site import Site
from headgate.plan import PlanIntegrity
from headgate.runtime.judging import Refusal, Request, judge
from headgate.runtime.loading import PlanShelf, load_state
from headgate.runtime.state import RunState
from headgate.runtime.store import Reader

LINE_AT_MOST = 16
"""How many runs deep replays of replays go, and forks of forks."""


def original(read: Reader, run: str) -> tuple[RunState, bytes]:
    """A run that is there, by its whole id, with its plan's bytes; raises `NothingStarted` for a damaged plan."""
    row = read.run(run)
    assert row is not None, "a run that was found is there"
    content = read.plan(row.plan_digest)
    try:
        state = load_state(read, PlanShelf(read), row)
    except PlanIntegrity as fault:
        raise NothingStarted(f"PLAN_INTEGRITY: the plan of run {run} cannot run again: {fault}") from fault
    assert content is not None, "a plan that was loaded is there"
    return state, content


def allow(state: RunState, request: Request, site: Site) -> None:
    """Raises `Refused` when the status model does not allow it now."""
    verdict = judge(state, request, site.clock.now_ms(), site.workspace.people)
    if isinstance(verdict, Refusal):
        raise Refused(verdict.code.value, verdict.message)


def bound_line(read: Reader, state: RunState, otherwise: str) -> None:
    """Raises `Refused` when a run stands too far down the line of those made of one another.

    `otherwise` says what goes how deep, and what to do instead.
    """
    depth, source = 1, state.source
    while source is not None and depth <= LINE_AT_MOST:
        earlier = read.run(source)
        depth, source = depth + 1, None if earlier is None else earlier.source
    if depth > LINE_AT_MOST:
        raise Refused("LIMIT_EXCEEDED", otherwise)
