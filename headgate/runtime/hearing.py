"""Signals reach waits: those that came before, when the wait starts; those that come later, when they are told.

A kept signal is given to every open wait of a run that it fits, and is taken then: the run does not get it again. One
that came before the run was there is taken by a single run. The same transaction stores that a wait starts and what it
found; whatever comes behind that transaction finds the wait and asks its driver to look.
"""

from __future__ import annotations

from headgate.expressions import TemplateFailed
from headgate.plan import JsonObject
from headgate.runtime.acts import REFUSALS, RefusalCode
from headgate.runtime.commands import Record
from headgate.runtime.driven import DrivenRun
from headgate.runtime.errors import StepFailure
from headgate.runtime.events import EventType
from headgate.runtime.fitting import fit
from headgate.runtime.judging import Accepted, NoOp, Request, Verdict
from headgate.runtime.preparing import fits_wait
from headgate.runtime.state import RunState, error_json
from headgate.runtime.status import Phase
from headgate.runtime.store import Signal, Store
from headgate.runtime.verdicts import Refusal, remaining, stopped

SIGNAL = "signal"


def hear(driven: DrivenRun, store: Store, at: int) -> bool:
    """Appends what the open waits of a run take of the signals that they were not asked of yet; whether there is any.

    Raises `StoreError`.
    """
    state = driven.state
    if state.phase is not Phase.ACTIVE:
        return False
    took = False
    for event in dict.fromkeys(state.listening.values()):
        after = min(driven.heard.get(path, 0) for path, name in state.listening.items() if name == event)
        for signal in store.read.signals(event, after):
            took = _offer(driven, store, signal, at) or took
    return took


def _offer(driven: DrivenRun, store: Store, signal: Signal, at: int) -> bool:
    state = driven.state
    paths = []
    for path in [path for path, name in state.listening.items() if name == signal.event]:
        asked = driven.heard.get(path, 0) < signal.n
        driven.heard[path] = max(signal.n, driven.heard.get(path, 0))
        if asked and _is_for(state, signal) and _in_time(state, path, signal) and _fits(state, path, signal):
            paths.append(path)
    if not paths or (_came_first(state, signal) and not store.claim_signal(signal.id, state.run_id)):
        return False
    for path in paths:
        driven.append(received(state, path, signal), at)
    return True


def _is_for(state: RunState, signal: Signal) -> bool:
    if signal.id in state.signals or signal.run not in (None, state.run_id):
        return False
    return not _came_first(state, signal) or signal.taken_by in (None, state.run_id)


def _came_first(state: RunState, signal: Signal) -> bool:
    """Whether it was sent to all before this run was there."""
    return signal.run is None and signal.at < state.created_at


def _in_time(state: RunState, path: str, signal: Signal) -> bool:
    until = state.steps[path].resume_at
    return until is None or signal.at <= until


def _fits(state: RunState, path: str, signal: Signal) -> bool:
    """A condition that cannot be asked of a payload is not met by it: anybody may send anything."""
    try:
        return fits_wait(state, path, signal.payload)
    except TemplateFailed:
        return False


def received(state: RunState, path: str, signal: Signal) -> Record:
    """What a wait gets: the payload, or the error that it is when the step declares another result."""
    facts: JsonObject = {"signal": signal.id, "event": signal.event, "payload": signal.payload}
    try:
        fit(signal.payload, state.steps[path].plan.result)
    except StepFailure as failure:
        facts["error"] = error_json(failure.error)
    return Record(EventType.SIGNAL_RECEIVED, facts, path, signal.actor)


def heard(driven: DrivenRun, request: Request, store: Store) -> Verdict:
    """What is answered to whoever sent the signal of `request`, when the run has heard it. Raises `StoreError`."""
    state = driven.state
    name = str(request.args["signal"])
    took = state.signals.get(name)
    if took is not None:
        named = ", ".join(f"`{path}`" for path in took)
        return Accepted((), f"delivered to {named} of run {state.run_id}{remaining(state)}")
    refusal = stopped(state)
    if refusal is not None:
        return refusal
    signal = store.read.signal(name)
    if signal is None:
        return Refusal(RefusalCode.NOT_WAITING, f"{REFUSALS[RefusalCode.NOT_WAITING]}: the signal is not kept any more")
    return NoOp(f"run {state.run_id}: {_why_not(state, signal)}; it is kept for a later `wait` of the run")


def _why_not(state: RunState, signal: Signal) -> str:
    paths = [path for path, event in state.listening.items() if event == signal.event]
    if not paths:
        return f"no step waits for `{signal.event}` yet"
    said = []
    for path in paths:
        try:
            fits_wait(state, path, signal.payload)
            said.append(f"the event does not fit the `match` of `{path}`")
        except TemplateFailed as fault:
            said.append(f"the `match` of `{path}` cannot be asked of it ({fault.message})")
    return ", ".join(said)
