"""The tables of workflows and versions, tested from themselves: every cell that is there and every one that is not."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from headgate.plan import JsonObject
from headgate.runtime.acts import Cell, RefusalCode
from headgate.runtime.errors import StoreError
from headgate.runtime.verdicts import NoOp, Refusal
from headgate.runtime.workflow_judging import (
    Granted,
    WorkflowRequest,
    WorkflowVerdict,
    activated_next,
    admission,
    judge_workflow,
)
from headgate.runtime.workflow_log import WorkflowState, derive_workflow, evolve_workflow, fold_workflow
from headgate.runtime.workflow_status import (
    BREAKERS,
    VERSION_ACTS,
    VERSION_STATUSES,
    VERSION_TRANSITIONS,
    WORKFLOW_ACTS,
    WORKFLOW_ALLOWED,
    WORKFLOW_STATUSES,
    WORKFLOW_TRANSITIONS,
    Breaker,
    StartCell,
    VersionAct,
    VersionStatus,
    WorkflowAct,
    WorkflowEventType,
    WorkflowStatus,
)

E = WorkflowEventType
AT = 1_000


class Entry(NamedTuple):
    seq: int
    type: str
    data: JsonObject
    at: int = AT
    actor: str = "ann"
    reason: str | None = "because"


def facts(digest: str = "sha256:one", text: str = "t1") -> JsonObject:
    return {"plan_digest": digest, "text": text, "path": "a.flow"}


def after(state: WorkflowState, *events: tuple[str, JsonObject]) -> WorkflowState:
    for kind, data in events:
        state = evolve_workflow(state, Entry(state.seq + 1, kind, data))
    return state


def attempted(state: WorkflowState, kind: str, data: JsonObject) -> WorkflowState | None:
    """The state after the event, None when it is illegal."""
    try:
        return after(state, (kind, data))
    except StoreError:
        return None


NEW = WorkflowState("refund")
ONE = after(NEW, (E.VERSION_PUBLISHED, {"version": 1, **facts()}))
LIVE = after(ONE, (E.VERSION_ACTIVATED, {"version": 1}))
TRIPPED = after(LIVE, (E.BREAKER_TRIPPED, {"breaker": "throughput"}))

STATES: dict[WorkflowStatus, WorkflowState] = {
    WorkflowStatus.DRAFT: ONE,
    WorkflowStatus.PUBLISHED: LIVE,
    WorkflowStatus.DISABLED: after(LIVE, (E.WORKFLOW_DISABLED, {})),
    WorkflowStatus.ARCHIVED: after(LIVE, (E.WORKFLOW_ARCHIVED, {})),
    WorkflowStatus.PAUSED_SAFETY: TRIPPED,
}

REQUESTS: dict[WorkflowAct, WorkflowRequest] = {
    WorkflowAct.DRAFT: WorkflowRequest(WorkflowAct.DRAFT, AT, facts=facts("sha256:two", "t2")),
    WorkflowAct.PUBLISH: WorkflowRequest(WorkflowAct.PUBLISH, AT, facts=facts("sha256:two", "t2")),
    WorkflowAct.TRIP: WorkflowRequest(WorkflowAct.TRIP, AT, breaker=Breaker.SPEND_CAP),
    WorkflowAct.RELEASE: WorkflowRequest(WorkflowAct.RELEASE, AT, breaker=Breaker.THROUGHPUT),
}


def asked(state: WorkflowState, act: WorkflowAct) -> WorkflowVerdict:
    return judge_workflow(state, REQUESTS.get(act, WorkflowRequest(act, AT)))


def test_the_statuses_stand_for_states_that_have_them() -> None:
    assert {derive_workflow(state).status: state for state in STATES.values()} == STATES
    assert set(WORKFLOW_STATUSES) == set(WorkflowStatus) == set(WORKFLOW_ACTS) == set(WORKFLOW_TRANSITIONS)
    assert set(VERSION_STATUSES) == set(VersionStatus) == set(VERSION_ACTS) == set(VERSION_TRANSITIONS) - {None}
    assert set(BREAKERS) == set(Breaker)
    assert [status for status, facts in WORKFLOW_STATUSES.items() if facts.dispatching] == [WorkflowStatus.PUBLISHED]
    assert WORKFLOW_STATUSES[WorkflowStatus.PUBLISHED].badge == "Active and dispatching."


@pytest.mark.parametrize("act", list(WorkflowAct))
@pytest.mark.parametrize("status", list(WorkflowStatus))
def test_every_cell_of_the_acts_on_a_workflow(status: WorkflowStatus, act: WorkflowAct) -> None:
    state, cell = STATES[status], WORKFLOW_ACTS[status][act]
    verdict = asked(state, act)
    if isinstance(cell, RefusalCode):
        assert isinstance(verdict, Refusal)
        assert verdict.code is cell
        assert WORKFLOW_ALLOWED[status].format(name="refund") in verdict.message
    elif cell is Cell.NO_OP:
        assert verdict == NoOp(f"`refund` is {status} already")
    elif isinstance(verdict, Granted):
        moved = after(state, *verdict.events)
        assert moved.seq == state.seq + len(verdict.events)
        assert "refund" in verdict.answer
    else:
        assert isinstance(verdict, NoOp), "what is allowed is not refused"
        nothing_to_do = {WorkflowAct.START, WorkflowAct.ACTIVATE, WorkflowAct.RELEASE}
        assert act in nothing_to_do, f"`{act}` of a workflow that is {status} does something"


@pytest.mark.parametrize("status", list(WorkflowStatus))
def test_a_run_starts_as_the_table_says(status: WorkflowStatus) -> None:
    cell = WORKFLOW_ACTS[status][WorkflowAct.START]
    answer = admission(STATES[status])
    assert answer == cell or (isinstance(answer, Refusal) and answer.code is cell)
    assert (answer is Cell.YES) == (status is WorkflowStatus.PUBLISHED)
    assert (answer is StartCell.HELD) == (status is WorkflowStatus.PAUSED_SAFETY)


TWO = after(LIVE, (E.VERSION_PUBLISHED, {"version": 2, **facts("sha256:two")}))
VERSIONS: dict[VersionStatus, WorkflowState] = {  # version 2 is the one that is meant
    VersionStatus.DRAFT: after(LIVE, (E.VERSION_DRAFTED, {"version": 2, **facts("sha256:two"), "based_on": 1})),
    VersionStatus.ACTIVE: after(TWO, (E.VERSION_ACTIVATED, {"version": 2})),
    VersionStatus.INACTIVE: TWO,
    VersionStatus.ARCHIVED: after(TWO, (E.VERSION_ARCHIVED, {"version": 2})),
}


@pytest.mark.parametrize("act", list(VersionAct))
@pytest.mark.parametrize("status", list(VersionStatus))
def test_every_cell_of_the_acts_on_a_version(status: VersionStatus, act: VersionAct) -> None:
    state, cell = VERSIONS[status], VERSION_ACTS[status][act]
    assert state.versions[2].status is status
    verdict = judge_workflow(state, WorkflowRequest(WorkflowAct(act.value), AT, 2, facts=facts("sha256:two")))
    if isinstance(cell, RefusalCode):
        assert isinstance(verdict, Refusal)
        assert verdict.code is cell
        assert "version 2 of `refund` is" in verdict.message
    elif cell is Cell.NO_OP:
        assert isinstance(verdict, NoOp)
    else:
        assert isinstance(verdict, Granted)
        moved = after(state, *verdict.events).versions[2].status
        ends = {VersionAct.ACTIVATE: VersionStatus.ACTIVE, VersionAct.DEACTIVATE: VersionStatus.INACTIVE}
        assert moved is ends.get(act, VersionStatus.ARCHIVED)


ABOUT_VERSION_2: dict[WorkflowEventType, JsonObject] = {
    E.VERSION_DRAFTED: {"version": 2, **facts("sha256:three")},
    E.VERSION_PUBLISHED: {"version": 2, **facts("sha256:three")},
    E.VERSION_ACTIVATED: {"version": 2},
    E.VERSION_DEACTIVATED: {"version": 2},
    E.VERSION_ARCHIVED: {"version": 2},
}


@pytest.mark.parametrize("kind", list(ABOUT_VERSION_2))
@pytest.mark.parametrize("status", [None, *VersionStatus])
def test_every_transition_of_a_version(status: VersionStatus | None, kind: WorkflowEventType) -> None:
    state = LIVE if status is None else VERSIONS[status]
    allowed = VERSION_TRANSITIONS[status].get(kind)
    if status is VersionStatus.ACTIVE and kind is E.VERSION_ACTIVATED:
        allowed = None  # the row is for another version that becomes active
    moved = attempted(state, kind, ABOUT_VERSION_2[kind])
    if allowed is None:
        assert moved is None
    else:
        assert moved is not None
        assert moved.versions[2].status in allowed


ABOUT_THE_WORKFLOW: dict[WorkflowEventType, JsonObject] = {
    E.VERSION_ACTIVATED: {"version": 2},
    E.VERSION_DEACTIVATED: {"version": 1},
    E.WORKFLOW_DISABLED: {},
    E.WORKFLOW_ENABLED: {},
    E.WORKFLOW_ARCHIVED: {},
    E.WORKFLOW_RESTORED: {},
    E.BREAKER_TRIPPED: {"breaker": "spend_cap"},
    E.BREAKER_RELEASED: {"breaker": "throughput"},
}


@pytest.mark.parametrize("kind", list(ABOUT_THE_WORKFLOW))
@pytest.mark.parametrize("status", list(WorkflowStatus))
def test_every_transition_of_a_workflow(status: WorkflowStatus, kind: WorkflowEventType) -> None:
    published = after(TWO, (E.BREAKER_TRIPPED, {"breaker": "throughput"}))
    ways: dict[WorkflowStatus, WorkflowState] = {
        WorkflowStatus.DRAFT: after(published, (E.VERSION_DEACTIVATED, {"version": 1})),
        WorkflowStatus.PUBLISHED: TWO,
        WorkflowStatus.DISABLED: after(published, (E.WORKFLOW_DISABLED, {})),
        WorkflowStatus.ARCHIVED: after(published, (E.WORKFLOW_ARCHIVED, {})),
        WorkflowStatus.PAUSED_SAFETY: published,
    }
    assert derive_workflow(ways[status]).status is status
    allowed = WORKFLOW_TRANSITIONS[status].get(kind)
    moved = attempted(ways[status], kind, ABOUT_THE_WORKFLOW[kind])
    if allowed is None:
        assert moved is None
    else:
        assert moved is not None
        assert derive_workflow(moved).status in allowed


def test_a_log_with_a_gap_or_an_unknown_event_is_damaged() -> None:
    with pytest.raises(StoreError, match="expected entry 1"):
        fold_workflow("refund", [Entry(2, E.WORKFLOW_ARCHIVED, {})])
    with pytest.raises(StoreError, match="makes no sense"):
        fold_workflow("refund", [Entry(1, "workflow_sold", {})])


def test_activating_another_version_leaves_one_active() -> None:
    state = after(TWO, (E.VERSION_ACTIVATED, {"version": 2}))
    assert [version.number for version in state.versions.values() if version.status is VersionStatus.ACTIVE] == [2]
    assert state.versions[1].status is VersionStatus.INACTIVE
    back = judge_workflow(state, WorkflowRequest(WorkflowAct.ACTIVATE, AT))
    assert isinstance(back, Granted)
    assert back.version == 1, "without a number, what was active before"


def test_publishing_what_is_active_already_changes_nothing() -> None:
    verdict = judge_workflow(LIVE, WorkflowRequest(WorkflowAct.PUBLISH, AT, facts=facts()))
    assert verdict == NoOp("`refund` is unchanged: version 1 is active and has this plan")


def test_a_draft_of_an_active_version_says_which_and_keeps_its_number() -> None:
    first = judge_workflow(LIVE, REQUESTS[WorkflowAct.DRAFT])
    assert isinstance(first, Granted)
    state = after(LIVE, *first.events)
    assert state.draft is not None
    assert (state.draft.number, state.draft.title) == (2, "Draft from v1")
    again = judge_workflow(state, WorkflowRequest(WorkflowAct.DRAFT, AT, facts=facts("sha256:three", "t3")))
    assert isinstance(again, Granted)
    assert again.version == 2
    same = judge_workflow(state, WorkflowRequest(WorkflowAct.PUBLISH, AT, facts=facts("sha256:two", "t2")))
    assert isinstance(same, Granted)
    assert same.version == 2, "what is published is the draft"
    other = judge_workflow(state, WorkflowRequest(WorkflowAct.PUBLISH, AT, facts=facts("sha256:four", "t4")))
    assert isinstance(other, Granted)
    assert other.version == 3, "the draft stays"


def test_clearing_one_breaker_leaves_the_other() -> None:
    both = after(TRIPPED, (E.BREAKER_TRIPPED, {"breaker": "spend_cap", "message": "the cap of 200 was reached"}))
    resumed = judge_workflow(both, WorkflowRequest(WorkflowAct.RESUME, AT))
    assert isinstance(resumed, Granted)
    assert "spend cap" in resumed.answer
    left = after(both, *resumed.events)
    assert derive_workflow(left)[:2] == (WorkflowStatus.PAUSED_SAFETY, "spend_cap")
    refused = judge_workflow(left, WorkflowRequest(WorkflowAct.RESUME, AT))
    assert isinstance(refused, Refusal)
    assert refused.code is RefusalCode.SPEND_CAP_OPEN
    assert "the cap of 200 was reached" in refused.message


def test_what_comes_back_from_the_archive_is_a_draft_until_a_version_is_activated() -> None:
    away = after(TWO, (E.VERSION_ARCHIVED, {"version": 2}), (E.WORKFLOW_ARCHIVED, {}))
    assert {version.status for version in away.versions.values()} == {VersionStatus.ARCHIVED}
    back = after(away, (E.WORKFLOW_RESTORED, {}))
    assert derive_workflow(back).status is WorkflowStatus.DRAFT
    assert back.versions[1].status is VersionStatus.INACTIVE
    assert back.versions[2].status is VersionStatus.ARCHIVED, "it was put away alone, before"
    found = activated_next(back)
    assert found is not None
    assert found.number == 1


def test_a_schedule_that_stays_the_same_goes_on_from_where_it_is() -> None:
    nightly: JsonObject = {"kind": "schedule", "enabled": True, "config": {"cron": "0 2 * * *", "timezone": "UTC"}}
    hourly: JsonObject = {"kind": "schedule", "enabled": True, "config": {"cron": "0 * * * *", "timezone": "UTC"}}
    off: JsonObject = {**hourly, "enabled": False}
    one = WorkflowRequest(
        WorkflowAct.ACTIVATE, 5, 1, triggers={"a": nightly, "b": nightly, "c": off, "m": {"kind": "manual"}}
    )
    first = judge_workflow(ONE, one)
    assert isinstance(first, Granted)
    state = after(ONE, *first.events)
    assert {name: each.since for name, each in state.schedules.items()} == {"a": 5, "b": 5}
    state = after(state, (E.VERSION_PUBLISHED, {"version": 2, **facts("sha256:two")}))
    two = WorkflowRequest(WorkflowAct.ACTIVATE, 9, 2, triggers={"a": nightly, "b": hourly})
    second = judge_workflow(state, two)
    assert isinstance(second, Granted)
    state = after(state, *second.events)
    assert {name: each.since for name, each in state.schedules.items()} == {"a": 5, "b": 9}
    state = after(state, (E.WORKFLOW_DISABLED, {}), (E.WORKFLOW_ENABLED, {}))
    assert {each.since for each in state.schedules.values()} == {AT}, "what was due meanwhile was refused"
