"""What people do to runs. An act is stored, judged by whoever drives the run, and answered in the same commit."""

from __future__ import annotations

import time
from collections.abc import Callable

from headgate.api.faults import Refused, UsageFault
from headgate.api.originals import LINE_AT_MOST, allow, bound_line, original
from headgate.api.place import COMPLETED, Driving, Place, Rest
from headgate.api.running import Origin, Target, creation, drive_on, follow, inherit, patience_of, rest_of, start
from headgate.api.session import Session
from headgate.api.site import Site, find_run, translated
from headgate.plan import Json, JsonObject
from headgate.records import NamedTuple
from headgate.runtime.acts import RefusalCode
from headgate.runtime.commands import Record
from headgate.runtime.connections import World
from headgate.runtime.errors import KeyFault
from headgate.runtime.judging import Request
from headgate.runtime.sealed_values import seal
from headgate.runtime.store import Identifiers, Reader, StoredRequest, request_purpose
from headgate.runtime.verdicts import body_of

ANSWER_SECONDS = 0.05
# These do not let a run go on, and answer 0 once they were accepted.
_ONLY_RECORDED = frozenset({"pause", "cancel", "stop"})
VERBS = frozenset(
    {
        "pause",
        "resume",
        "cancel",
        "stop",
        "retry",
        "skip",
        "confirm",
        "force_advance",
        "redrive",
        "approve",
        "deny",
        "answer",
        "extend",
        "callback",
    }
)


# What of an act's arguments people write.
_TOLD = frozenset({"output", "fields", "comment"})


class Act(NamedTuple):
    """What somebody does to a run, or to a `step` or approval (`task`) of it.

    `args`: retry {edit: {attribute: value}}, skip and confirm {output}, confirm {done: bool}, approve and deny
    {comment, token}, answer {fields, comment, token}, extend {ms}, redrive {yes: bool}, stop {graceful: bool,
    deadline_ms}. The same `request_id` twice is one act, and the second gets the first answer. `auth` is how the actor
    was known: `local` or `link`.
    """

    verb: str
    step: str | None = None
    task: str | None = None
    args: JsonObject = {}  # noqa: RUF012 - never changed
    reason: str | None = None
    request_id: str | None = None
    auth: str = "local"


def operate(run: str, act: Act, place: Place, driving: Driving) -> Rest:
    """Does `act` to the run that `run` begins, and drives it on until it rests.

    Raises `Refused` when the status model does not allow it, `NothingStarted` when there is no such run, `UsageFault`
    for an output that its step does not declare so.
    """
    assert act.verb in VERBS, f"{act.verb} is a verb of the status model"
    site = Site(place)
    with translated(), Session(site, site.existing_store(), driving) as session:
        whole = find_run(session.store.read, run)
        answer = _ask(session, whole, act)
        notes = _notes(answer)
        if act.verb in _ONLY_RECORDED:
            return rest_of(session, whole, notes)._replace(exit_code=COMPLETED)
        patience = patience_of(site, driving)
        if whole in session.executor.fleet.runs:
            rest = drive_on(session, whole, driving, patience)
        else:
            if not driving.detach:
                follow(session, whole, driving, patience)
            rest = rest_of(session, whole, ())
        return rest._replace(notes=(*notes, *rest.notes))


def replay(run: str, place: Place, driving: Driving) -> Rest:
    """Starts a new run with the trigger and inputs of a run that has ended; that one is left as it is. As `operate`."""
    site = Site(place)
    with translated():
        store = site.existing_store()
        try:
            target, record = _replay_of(site, store.read, find_run(store.read, run))
        finally:
            store.close()
    return start(site, target, record, driving)


def _ask(session: Session, run: str, act: Act) -> JsonObject:
    """Stores the act and gets its driver's answer: this process's own, or that of the one that leads the run."""
    site, store = session.site, session.store
    now = site.clock.now_ms()
    row = store.read.run(run)
    assert row is not None, "a run that was found is there"
    args, reason = without_secrets(site, row.environment, act)
    request = Request(act.verb, site.place.actor, act.step, act.task, args, reason, auth=act.auth)
    name = act.request_id or Identifiers().new(now)
    body = body_of(request)
    if (reason or any(value is not None for value in args.values())) and store.read.is_sealed(run):
        body = {**body, "args": {}, "reason": None}
        try:
            body["said"] = seal(site.keys.seal, request_purpose(name), {"args": args, "reason": reason})
        except KeyFault as fault:
            raise KeyFault(f"run {run} was given secret inputs, and its events are sealed: {fault}") from None
    stored = store.put_request(StoredRequest(name, run, now, body, None))
    if stored.run != run or stored.body.get("verb") != act.verb:
        raise UsageFault(f"the request id `{name}` was used for another act: give a new one")
    while stored.answer is None:
        if row.root in session.executor.fleet.leases or session.lead(row.root):
            session.executor.record()
        else:
            time.sleep(ANSWER_SECONDS)
        found = store.read.request(name)
        assert found is not None, "a request that was put is there"
        stored = found
    answer = stored.answer
    if answer.get("verdict") == "refused":
        if answer["code"] == RefusalCode.OUTPUT_INVALID:
            raise UsageFault(str(answer["message"]))
        raise Refused(str(answer["code"]), str(answer["message"]))
    return answer


def without_secrets(site: Site, environment: str | None, act: Act) -> tuple[JsonObject, str | None]:
    """The arguments and the reason of an act without the secrets that this machine knows, which are never stored.

    Raises `UsageFault` for an edit that holds one: with stars in its place it would be another.
    """
    mask = known_secrets(site, environment)
    args: JsonObject = {name: mask(value) if name in _TOLD else value for name, value in act.args.items()}
    edit = act.args.get("edit")
    if edit is not None and mask(edit) != edit:
        raise UsageFault("the edit holds the value of a secret, which is never stored: write `secrets.NAME` there")
    return args, None if act.reason is None else str(mask(act.reason))


def known_secrets(site: Site, environment: str | None) -> Callable[[Json], Json]:
    """What takes the secrets of an environment out of a value, as far as this machine knows them."""
    try:
        workspace = site.in_environment(environment)
    except UsageFault:  # the environment is gone, and its secrets are not known any more
        workspace = site.base
    return World(workspace, clock=site.clock).mask


def _notes(answer: JsonObject) -> tuple[str, ...]:
    message = answer.get("message")
    return (message,) if isinstance(message, str) and message else ()


def _replay_of(site: Site, read: Reader, run: str) -> tuple[Target, Record]:
    state, content = original(read, run)
    line = f"replays of replays go {LINE_AT_MOST} deep at most: replay the first of the line, or `run` anew"
    bound_line(read, state, line)
    allow(state, Request("replay", site.place.actor), site)
    record = creation(
        state.plan, state.inputs, state.trigger, Origin(site.place.actor, state.environment, run, state.version)
    )
    inherit(state, record)
    return Target(state.plan, content), record
