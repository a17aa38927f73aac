"""What comes from outside: signals for those who wait for an event, and callbacks of those who were asked."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

from headgate.api.faults import NothingStarted, Refused, UsageFault
from headgate.api.onetime import token_for
from headgate.api.operating import ANSWER_SECONDS, Act, known_secrets, operate
from headgate.api.place import Driving, Place, Rest, exit_code_of_all
from headgate.api.running import FAMILIES_AT_ONCE, follow, patience_of, rest_of
from headgate.api.scheduling import start_event_runs
from headgate.api.session import Session
from headgate.api.site import Site, find_run, translated
from headgate.plan import Json, JsonObject
from headgate.records import NamedTuple
from headgate.runtime.acts import REFUSALS, RefusalCode
from headgate.runtime.errors import ErrorClass, StepError
from headgate.runtime.failure_codes import FAILURE_CODES
from headgate.runtime.sealed_values import seal
from headgate.runtime.state import error_json
from headgate.runtime.store import Identifiers, Sent, Signal, StoredRequest, signal_purpose
from headgate.runtime.tokens import Purpose, digest

_ERROR_KEYS = frozenset({"code", "message", "class", "detail"})


class Signalled(NamedTuple):
    """What a signal came to: the runs it reached as they rest now, and remarks for people."""

    rests: tuple[Rest, ...]
    notes: tuple[str, ...]
    exit_code: int


class Sending(NamedTuple):
    """An event to send: to `run` alone, or to all. The same `request_id` twice is one signal."""

    event: str
    payload: Json = None
    run: str | None = None
    request_id: str | None = None


def signal(sending: Sending, place: Place, driving: Driving) -> Signalled:
    """Keeps the signal, gives it to every run that waits for it, and drives those on until they rest. Without a run it
    also starts the published workflows with a trigger for the event.

    Raises `NothingStarted` for a run that does not exist, `Refused` for one that has ended or is ending, `UsageFault`
    for a request id that named something else.
    """
    if not sending.event.strip():
        raise UsageFault("an event needs a name")
    site = Site(place)
    with translated():
        with Session(site, site.open_store(), driving) as session:
            sent = _send(session, sending)
            started, notes = ([], ()) if sending.run is not None else _start(session, sent.signal, driving)
        delivered = _deliver(site, sent, driving, started)
    return delivered._replace(notes=(*notes, *delivered.notes))


def _start(session: Session, sent: Signal, driving: Driving) -> tuple[list[Rest], tuple[str, ...]]:
    """The runs of published workflows that the event starts, driven until they rest; and who did not start, and why."""
    admitted = start_event_runs(session, sent.event, sent.payload, sent.id)
    return (_drive(session, admitted.runs, driving) if admitted.runs else []), admitted.faults


def _send(session: Session, sending: Sending) -> Sent:
    site, store = session.site, session.store
    run = None if sending.run is None else find_run(store.read, sending.run)
    now = site.clock.now_ms()
    payload = session.world(site.environment).mask(sending.payload)
    name = sending.request_id or Identifiers().new(now)
    made = Signal(name, now, sending.event, run, payload, site.place.actor)
    used = store.read.request(made.id)
    if used is not None and used.body.get("verb") != "signal":
        raise UsageFault(f"the request id `{made.id}` was used for another act: give a new one")
    sealed = seal(site.keys.seal, signal_purpose(name), payload)
    sent = store.send_signal(made._replace(payload=sealed))
    kept = store.read.opened(sent.signal)
    if (kept.event, kept.run, kept.payload) != (made.event, made.run, made.payload):
        raise UsageFault(f"the request id `{made.id}` was used for another signal: give a new one")
    if sent.ended:
        raise Refused(RefusalCode.TERMINAL.value, f"run {run} has ended and takes no signal; `headgate show {run}`")
    return sent._replace(signal=kept)


def _deliver(site: Site, sent: Sent, driving: Driving, started: list[Rest]) -> Signalled:
    """Gives the signal to the runs that wait for it; `started` are those that it started."""
    rests = [*started]
    notes: dict[str, None] = {}
    for first in range(0, len(sent.requests), FAMILIES_AT_ONCE):
        with Session(site, site.existing_store(), driving) as session:
            some = sent.requests[first : first + FAMILIES_AT_ONCE]
            answers = [_answer(session, request) for request in some]
            for answer in answers:
                if answer.get("verdict") == "refused" and sent.signal.run is not None:
                    raise Refused(str(answer["code"]), str(answer["message"]))
                notes[str(answer["message"])] = None
            rests += _drive(session, [request.run for request in some], driving)
            if session.interrupted:
                break
    if not sent.requests and not started:
        notes[f"nothing waits for `{sent.signal.event}` now: it is kept for 30 days, for waits that start later"] = None
    return Signalled(tuple(rests), tuple(notes), exit_code_of_all((rest.exit_code for rest in rests), ()))


def _answer(session: Session, request: StoredRequest) -> JsonObject:
    """What the run's driver says: this process, or the one that leads the run."""
    read = session.store.read
    row = read.run(request.run)
    while request.answer is None:
        if row is None:
            raise NothingStarted(f"NO_SUCH_RUN: run {request.run} is gone")
        if row.root in session.executor.fleet.leases or session.lead(row.root):
            session.executor.record()
        else:
            time.sleep(ANSWER_SECONDS)
        found = read.request(request.id)
        assert found is not None, "a request that was put is there"
        request = found
    return request.answer


def _drive(session: Session, runs: Sequence[str], driving: Driving) -> list[Rest]:
    """Drives the runs on that are led here, and follows the others."""
    patience = patience_of(session.site, driving)
    fleet = session.executor.fleet
    lacking: dict[str, tuple[str, ...]] = {}
    if not driving.detach:
        for root in _roots(session, runs):
            missing = session.lacking(root) if root in fleet.leases else ()
            if missing:
                lacking[root] = missing
                session.let_go(root)
        if fleet.leases:
            session.drive(runs[0] if len(runs) == 1 else None, patience)
        for run in runs:
            row = session.store.read.run(run)
            if row is not None and row.root not in fleet.leases and row.root not in lacking and not session.interrupted:
                follow(session, run, driving, patience)
    rows = ((run, session.store.read.run(run)) for run in runs)
    return [rest_of(session, run, lacking.get(row.root, ())) for run, row in rows if row is not None]


def _roots(session: Session, runs: Iterable[str]) -> list[str]:
    rows = (session.store.read.run(run) for run in runs)
    return list(dict.fromkeys(row.root for row in rows if row is not None))


# Callbacks


def callback(text: str, payload: Json, request_id: str | None, place: Place, driving: Driving) -> Rest:
    """Gives a run what an outsider answers with the token that its step was given. As `operate`.

    `payload` is the result; `{"result": ...}` is taken apart, and `{"error": {...}}` fails the attempt. Raises
    `Refused` for a token that was used, has expired, or is none of this store's.
    """
    site = Site(place)
    otherwise = "this token is a link to an approval: `headgate approve --token`, `deny` or `answer` take it"
    token = token_for(Purpose.CALLBACK, text, site, otherwise)
    with site.reading() as read:
        row = None if read is None else read.run(token.run)
    if row is None:
        message = f"{REFUSALS[RefusalCode.TOKEN_INVALID]}: its run {token.run} is not in this store"
        raise Refused(RefusalCode.TOKEN_INVALID.value, message)
    args: JsonObject = {"attempt": token.about, "token": digest(text), "expires_at": token.expires_at}
    args |= read_payload(known_secrets(site, row.environment)(payload))
    return operate(token.run, Act("callback", token.step, None, args, None, request_id), place, driving)


def read_payload(payload: Json) -> JsonObject:
    """`result`, or `error` as events carry it; raises `UsageFault` for an error that says nothing."""
    if not isinstance(payload, dict) or set(payload) not in ({"result"}, {"error"}):
        return {"result": payload}
    if "result" in payload:
        return {"result": payload["result"]}
    given = payload["error"]
    facts: JsonObject = {"message": given} if isinstance(given, str) else given if isinstance(given, dict) else {}
    message = facts.get("message")
    if not isinstance(message, str) or not message:
        raise UsageFault('an error needs a `message`, such as {"error": {"message": "the customer is unknown"}}')
    unknown = [name for name in facts if name not in _ERROR_KEYS]
    if unknown:
        raise UsageFault(f"an error has no `{unknown[0]}`; it has code, message, class and detail")
    kind = facts.get("class", "permanent")
    if kind not in {each.value for each in ErrorClass}:
        raise UsageFault(f"the error's class must be one of {', '.join(ErrorClass)}, got `{kind}`")
    code, detail = facts.get("code"), facts.get("detail")
    known = code if isinstance(code, str) and code in FAILURE_CODES else "UPSTREAM_ERROR"
    more: JsonObject = detail if isinstance(detail, dict) else {} if detail is None else {"detail": detail}
    if code is not None and known != code:
        more = {**more, "code": code}
    return {"error": error_json(StepError(known, message, ErrorClass(str(kind)), detail=more or None))}
