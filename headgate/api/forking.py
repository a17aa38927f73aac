"""Forks of runs, and what a redrive, a replay or a fork would do before it is done."""

from __future__ import annotations

from collections.abc import Mapping

from headgate.api.faults import NothingStarted, Refused, UsageFault
from headgate.api.inputs import Given, read_inputs
from headgate.api.originals import LINE_AT_MOST, allow, bound_line, original
from headgate.api.place import Driving, Place, Rest
from headgate.api.running import Origin, Target, creation, inherit, read_target, start
from headgate.api.site import Site, find_run, translated
from headgate.plan import JsonObject
from headgate.records import NamedTuple
from headgate.runtime.acts import RefusalCode
from headgate.runtime.commands import Record
from headgate.runtime.forking import Fork, fork, misfit, same_gates
from headgate.runtime.judging import Request
from headgate.runtime.previewing import Preview, preview_fork, preview_redrive, preview_replay
from headgate.runtime.redriving import redrive
from headgate.runtime.state import RunState


class Changes(NamedTuple):
    """What the new run does otherwise. It keeps what ended before `step`, None keeps nothing; `inputs` are texts by
    name; `version` is a published one by its number, or a file whose text is taken as it is now.
    """

    step: str | None = None
    inputs: Mapping[str, str] = {}
    version: str | None = None
    reason: str | None = None


class _Made(NamedTuple):
    state: RunState
    kept: Fork
    target: Target
    record: Record


def fork_run(run: str, changes: Changes, place: Place, driving: Driving) -> Rest:
    """Starts a new run that goes on from `run`, which stays as it is, and drives it until it rests.

    Raises `Refused` when the status model does not allow it, `UsageFault` for inputs that do not fit, `NothingStarted`
    when there is no such run or version, or it cannot go on from what is kept.
    """
    site = Site(place)
    made = _make(run, changes, site)
    rest = start(site, made.target, made.record, driving)
    kept = ", ".join(f"`{name}`" for name in made.kept.kept) or "nothing"
    return rest._replace(notes=(f"forked from {made.state.run_id}: kept {kept}", *rest.notes))


def preview(verb: str, run: str, changes: Changes, place: Place) -> Preview:
    """What `redrive` (from `changes.step`), `replay` or `fork` would do to `run`; changes nothing. Raises likewise."""
    site = Site(place)
    if verb == "fork":
        made = _make(run, changes, site)
        return preview_fork(made.state, made.kept, made.target.plan.order)
    with translated():
        store = site.existing_store()
        try:
            state, _ = original(store.read, find_run(store.read, run))
        finally:
            store.close()
    allow(state, Request(verb, place.actor, changes.step, args={"yes": True}), site)
    return preview_redrive(state, redrive(state, changes.step)) if verb == "redrive" else preview_replay(state)


def _make(run: str, changes: Changes, site: Site) -> _Made:
    with translated():
        store = site.existing_store()
        try:
            state, content = original(store.read, find_run(store.read, run))
            bound_line(
                store.read,
                state,
                f"forks of forks go {LINE_AT_MOST} deep at most: fork an earlier one of the line, or `run` anew",
            )
        finally:
            store.close()
    allow(state, Request("fork", site.place.actor), site)
    target = (
        Target(state.plan, content, state.version)
        if changes.version is None
        else _version(state, changes.version, site)
    )
    said = f"`{changes.version}`" if changes.version is not None else "this version"
    said = f"version {changes.version}" if (changes.version or "").isdecimal() else said
    _known_step(state, changes.step, target, said)
    kept = fork(state, changes.step)
    reason = misfit(kept, state, target.plan, said)
    if reason is not None:
        raise NothingStarted(f"{reason}; nothing was started")
    return _Made(state, kept, target, _creation(state, kept, target, changes, site))


def _creation(state: RunState, kept: Fork, target: Target, changes: Changes, site: Site) -> Record:
    plan = target.plan
    inputs = read_inputs(plan.inputs, Given(changes.inputs, _inputs_of(state, plan.inputs, changes)))
    origin = Origin(site.place.actor, state.environment, state.run_id, target.version)
    record = creation(plan, inputs, state.trigger, origin)
    approved: JsonObject = {
        name: gates for name, gates in kept.approved.items() if same_gates(state.plan.steps[name], plan.steps.get(name))
    }
    record.data["fork"] = {"from": changes.step, "kept": {**kept.kept}, "approved": approved}
    inherit(state, record)
    return record._replace(reason=changes.reason)


def _inputs_of(state: RunState, schema: JsonObject, changes: Changes) -> JsonObject:
    """The inputs that stay as they were; none is dropped because the new version does not take it."""
    declared = schema.get("properties")
    known = declared if isinstance(declared, dict) else {}
    gone = [name for name in state.inputs if name not in known]
    if gone:
        raise UsageFault(f"the run has the input `{gone[0]}`, and {changes.version} takes none of that name")
    return {name: value for name, value in state.inputs.items() if name not in changes.inputs}


def _version(state: RunState, version: str, site: Site) -> Target:
    target = read_target(f"{state.workflow}@{version}" if version.isdecimal() else version, site)
    if target.plan.workflow != state.workflow:
        message = (
            f"run {state.run_id} is of the workflow `{state.workflow}`, and {version} holds `{target.plan.workflow}`"
        )
        raise UsageFault(f"{message}: name it, `{version.partition('#')[0]}#{state.workflow}`")
    return target._replace(seq=0)  # it was asked for by its number, whichever is active


def _known_step(state: RunState, step: str | None, target: Target, said: str) -> None:
    if step is None:
        return
    for names, whose in ((state.root.topology.nodes, f"run {state.run_id}"), (target.plan.steps, said)):
        if step not in names:
            listed = ", ".join(f"`{name}`" for name in list(names)[:8])
            message = f"{whose} has no step `{step}` to fork from; its steps are {listed}"
            raise Refused(RefusalCode.NO_SUCH_STEP.value, message)
    if not state.root.steps:
        raise Refused(RefusalCode.NO_SUCH_STEP.value, f"run {state.run_id} never started: fork it without `--from`")
