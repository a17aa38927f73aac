"""What somebody asks of a workflow, and what the status model says to it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

from headgate.plan import Json, JsonObject
from headgate.records import NamedTuple
from headgate.runtime.acts import REFUSALS, Cell, RefusalCode
from headgate.runtime.verdicts import NoOp, Refusal
from headgate.runtime.workflow_log import Version, WorkflowState, derive_workflow
from headgate.runtime.workflow_status import (
    VERSION_ACTS,
    VERSION_ALLOWED,
    WORKFLOW_ACTS,
    WORKFLOW_ALLOWED,
    Breaker,
    StartCell,
    VersionAct,
    VersionStatus,
    WorkflowAct,
    WorkflowEventType,
    WorkflowStatus,
)


class WorkflowRequest(NamedTuple):
    """`act` on a workflow, or on a `version` of it; `breaker` for trip and release.

    `facts` are what a version is made of (`version_published` in workflow_status.py, without its number); publish and
    draft have them, and activate when it is a draft that is activated. `triggers` are those of the plan that becomes
    active. `activate` is False for what is published without being activated. `at` is UTC in ms.
    """

    act: WorkflowAct
    at: int
    version: int | None = None
    facts: JsonObject = {}  # noqa: RUF012 - nobody changes a request
    triggers: Mapping[str, Json] = {}
    activate: bool = True
    breaker: Breaker | None = None
    message: str | None = None


class Granted(NamedTuple):
    """Append `events` in order. `answer` is one sentence; `version` is the version it was about."""

    events: tuple[tuple[WorkflowEventType, JsonObject], ...]
    answer: str
    version: int | None = None


WorkflowVerdict: TypeAlias = Granted | NoOp | Refusal


def judge_workflow(state: WorkflowState, request: WorkflowRequest) -> WorkflowVerdict:
    """What the tables say to `request`."""
    status = derive_workflow(state).status
    cell = WORKFLOW_ACTS[status][request.act]
    if isinstance(cell, RefusalCode):
        return _refused(state, status, request.act, cell)
    if cell is Cell.NO_OP:
        return NoOp(f"`{state.name}` is {status} already")
    return _JUDGES[request.act](state, request)


def admission(state: WorkflowState) -> StartCell | Cell | Refusal:
    """Whether a run may start: yes, `held` under the open breakers, or refused."""
    status = derive_workflow(state).status
    cell = WORKFLOW_ACTS[status][WorkflowAct.START]
    return _refused(state, status, WorkflowAct.START, cell) if isinstance(cell, RefusalCode) else cell


def activated_next(state: WorkflowState) -> Version | None:
    """What `activate NAME` without a number means: the draft, else the inactive version that was active last, or is
    the newest.
    """
    if state.draft is not None:
        return state.draft
    inactive = [version for version in state.versions.values() if version.status is VersionStatus.INACTIVE]
    return max(
        inactive, key=lambda each: (0 if each.activated is None else each.activated.at, each.number), default=None
    )


def schedules_of(state: WorkflowState, triggers: Mapping[str, Json], at: int) -> JsonObject:
    """The triggers that the clock starts, each with the time it counts from.

    One that the active version has with the same times goes on from where it is, so that nothing due is lost.
    """
    found: JsonObject = {}
    for name, trigger in triggers.items():
        if not isinstance(trigger, dict) or trigger.get("kind") != "schedule" or trigger.get("enabled") is False:
            continue
        config = trigger.get("config")
        assert isinstance(config, dict), "a trigger of a plan has its attributes"
        cron, zone = str(config["cron"]), str(config.get("timezone", "UTC"))
        known = state.schedules.get(name)
        same = known is not None and (known.cron, known.timezone) == (cron, zone)
        found[name] = {"cron": cron, "timezone": zone, "since": known.since if known is not None and same else at}
    return found


def _refused(state: WorkflowState, status: WorkflowStatus, act: WorkflowAct, code: RefusalCode) -> Refusal:
    if act is WorkflowAct.RESUME and code is RefusalCode.NOT_PAUSED:
        return Refusal(
            code, f"`{state.name}` is not paused for safety; {WORKFLOW_ALLOWED[status].format(name=state.name)}"
        )
    return Refusal(code, WORKFLOW_ALLOWED[status].format(name=state.name))


def _draft(state: WorkflowState, request: WorkflowRequest) -> WorkflowVerdict:
    draft, facts = state.draft, request.facts
    if draft is not None and (draft.plan_digest, draft.text) == (facts["plan_digest"], facts["text"]):
        return NoOp(f"the draft of `{state.name}`, version {draft.number}, says this already")
    number = state.next_number if draft is None else draft.number
    data: JsonObject = {"version": number, **facts, "based_on": state.active}
    title = "Draft" if state.active is None else f"Draft from v{state.active}"
    answer = (
        f"kept as version {number} of `{state.name}`: {title}; `headgate activate {state.name} {number}` publishes it"
    )
    return Granted(((WorkflowEventType.VERSION_DRAFTED, data),), answer, number)


def _publish(state: WorkflowState, request: WorkflowRequest) -> WorkflowVerdict:
    digest = request.facts["plan_digest"]
    active, draft = state.active_version, state.draft
    if active is not None and active.plan_digest == digest:
        return NoOp(f"`{state.name}` is unchanged: version {active.number} is active and has this plan")
    newest = activated_next(state._replace(versions=_published_only(state)))
    if newest is not None and newest.plan_digest == digest and (active is None or not request.activate):
        if not request.activate:
            return NoOp(f"`{state.name}` is unchanged: version {newest.number} has this plan")
        return _activation(
            state, newest, request, f"version {newest.number} of `{state.name}` has this plan: it is active again"
        )
    same = draft is not None and draft.plan_digest == digest
    number = draft.number if draft is not None and same else state.next_number
    data: JsonObject = {"version": number, **request.facts}
    if draft is not None and same:
        data["based_on"] = draft.based_on
    published = (WorkflowEventType.VERSION_PUBLISHED, data)
    if not request.activate:
        answer = (
            f"published `{state.name}` as version {number}; `headgate activate {state.name} {number}` makes it active"
        )
        return Granted((published,), answer, number)
    return Granted(
        (published, _activate_event(state, number, request)), f"published `{state.name}` version {number}", number
    )


def _published_only(state: WorkflowState) -> Mapping[int, Version]:
    return {number: each for number, each in state.versions.items() if each.status is VersionStatus.INACTIVE}


def _activate_event(
    state: WorkflowState, number: int, request: WorkflowRequest
) -> tuple[WorkflowEventType, JsonObject]:
    data: JsonObject = {"version": number, "schedules": schedules_of(state, request.triggers, request.at)}
    return WorkflowEventType.VERSION_ACTIVATED, data


def _activation(state: WorkflowState, version: Version, request: WorkflowRequest, answer: str) -> Granted:
    return Granted((_activate_event(state, version.number, request),), answer, version.number)


def _activate(state: WorkflowState, request: WorkflowRequest) -> WorkflowVerdict:
    version = _version(state, request.version) if request.version is not None else activated_next(state)
    if isinstance(version, Refusal):
        return version
    if version is None:
        if state.active is not None:
            return NoOp(f"version {state.active} of `{state.name}` is active, and there is no other")
        code = RefusalCode.NO_SUCH_VERSION
        return Refusal(
            code, f"`{state.name}` has no version that could be activated: `headgate publish FILE` makes one"
        )
    answer = _cell(state, version, VersionAct.ACTIVATE)
    if answer is not None:
        return answer
    if version.status is VersionStatus.DRAFT:
        assert request.facts, "a draft goes through the gate before it is judged"
        data: JsonObject = {
            **request.facts,
            "version": version.number,
            "based_on": version.based_on,
            "note": version.note,
        }
        published = (WorkflowEventType.VERSION_PUBLISHED, data)
        said = f"published and activated version {version.number} of `{state.name}`"
        return Granted((published, _activate_event(state, version.number, request)), said, version.number)
    before = "" if state.active is None else f"; it was version {state.active}"
    return _activation(state, version, request, f"version {version.number} of `{state.name}` is active{before}")


def _deactivate(state: WorkflowState, request: WorkflowRequest) -> WorkflowVerdict:
    if request.version is None and state.active is None:
        code = RefusalCode.WORKFLOW_DRAFT
        return Refusal(code, f"{REFUSALS[code]}; there is nothing to deactivate")
    number = request.version if request.version is not None else state.active
    becomes = "inactive: nothing starts it until one is activated"
    return _retire(state, number, VersionAct.DEACTIVATE, WorkflowEventType.VERSION_DEACTIVATED, becomes)


def _retire(
    state: WorkflowState, number: int | None, act: VersionAct, event: WorkflowEventType, becomes: str
) -> WorkflowVerdict:
    version = _version(state, number)
    if isinstance(version, Refusal):
        return version
    answer = _cell(state, version, act)
    if answer is not None:
        return answer
    said = f"version {version.number} of `{state.name}` is {becomes}"
    return Granted(((event, {"version": version.number}),), said, version.number)


def _disable(state: WorkflowState, request: WorkflowRequest) -> WorkflowVerdict:
    del request
    return Granted(
        ((WorkflowEventType.WORKFLOW_DISABLED, {}),),
        f"`{state.name}` is disabled: nothing starts it, and runs that are open go on",
    )


def _enable(state: WorkflowState, request: WorkflowRequest) -> WorkflowVerdict:
    del request
    if state.archived is not None:
        answer = f"`{state.name}` is back, as a draft: `headgate activate {state.name}` makes a version active"
        return Granted(((WorkflowEventType.WORKFLOW_RESTORED, {}),), answer)
    after = derive_workflow(state._replace(disabled=None)).status
    stays = "" if after is WorkflowStatus.PUBLISHED else f"; {WORKFLOW_ALLOWED[after].format(name=state.name)}"
    return Granted(((WorkflowEventType.WORKFLOW_ENABLED, {}),), f"`{state.name}` is enabled{stays}")


def _archive(state: WorkflowState, request: WorkflowRequest) -> WorkflowVerdict:
    if request.version is None:
        said = f"`{state.name}` is archived, with all its versions; `headgate enable {state.name}` brings it back"
        return Granted(((WorkflowEventType.WORKFLOW_ARCHIVED, request.facts),), said)
    return _retire(state, request.version, VersionAct.ARCHIVE, WorkflowEventType.VERSION_ARCHIVED, "archived")


def _resume(state: WorkflowState, request: WorkflowRequest) -> WorkflowVerdict:
    del request
    cap = state.breakers.get(Breaker.SPEND_CAP)
    if Breaker.THROUGHPUT not in state.breakers:
        assert cap is not None, "a workflow that is paused for safety has a breaker open"
        code = RefusalCode.SPEND_CAP_OPEN
        return Refusal(code, f"{REFUSALS[code]}: {cap.reason} `headgate limits` shows the cap")
    stays = "" if cap is None else "; the spend cap still pauses it: `headgate limits` shows the cap"
    data: JsonObject = {"breaker": Breaker.THROUGHPUT.value}
    return Granted(
        ((WorkflowEventType.BREAKER_RELEASED, data),),
        f"`{state.name}` dispatches again{stays}"
        if not stays
        else f"the throughput breaker of `{state.name}` is released{stays}",
    )


def _start(state: WorkflowState, request: WorkflowRequest) -> WorkflowVerdict:
    """Nothing happens to a workflow by starting it; the cell alone is asked for."""
    del request
    return NoOp(f"`{state.name}` may start")


def _trip(state: WorkflowState, request: WorkflowRequest) -> WorkflowVerdict:
    breaker = request.breaker
    assert breaker is not None, "a breaker is named"
    if breaker in state.breakers:
        return NoOp(f"the breaker {breaker} of `{state.name}` is open already")
    data: JsonObject = {"breaker": breaker.value, "message": request.message}
    return Granted(((WorkflowEventType.BREAKER_TRIPPED, data),), f"`{state.name}` is paused for safety")


def _release(state: WorkflowState, request: WorkflowRequest) -> WorkflowVerdict:
    breaker = request.breaker
    assert breaker is not None, "a breaker is named"
    if breaker not in state.breakers:
        return NoOp(f"the breaker {breaker} of `{state.name}` is not open")
    data: JsonObject = {"breaker": breaker.value}
    return Granted(
        ((WorkflowEventType.BREAKER_RELEASED, data),), f"the breaker {breaker} of `{state.name}` is released"
    )


def _version(state: WorkflowState, number: int | None) -> Version | Refusal:
    found = None if number is None else state.versions.get(number)
    if found is not None:
        return found
    known = ", ".join(map(str, sorted(state.versions))) or "none"
    return Refusal(RefusalCode.NO_SUCH_VERSION, f"`{state.name}` has no version {number}; it has {known}")


def _cell(state: WorkflowState, version: Version, act: VersionAct) -> NoOp | Refusal | None:
    """What the table of versions says against `act`; None when it is allowed."""
    cell = VERSION_ACTS[version.status][act]
    if cell is Cell.NO_OP:
        return NoOp(f"version {version.number} of `{state.name}` is {version.status} already")
    if isinstance(cell, RefusalCode):
        allowed = VERSION_ALLOWED[version.status].format(name=state.name, version=version.number)
        return Refusal(cell, f"version {version.number} of `{state.name}` is {version.status}; {allowed}")
    return None


_JUDGES: Final = {
    WorkflowAct.DRAFT: _draft,
    WorkflowAct.PUBLISH: _publish,
    WorkflowAct.ACTIVATE: _activate,
    WorkflowAct.DEACTIVATE: _deactivate,
    WorkflowAct.DISABLE: _disable,
    WorkflowAct.ENABLE: _enable,
    WorkflowAct.ARCHIVE: _archive,
    WorkflowAct.RESUME: _resume,
    WorkflowAct.START: _start,
    WorkflowAct.TRIP: _trip,
    WorkflowAct.RELEASE: _release,
}
