"""What people ask of runs, from this process or another: judged by the run's driver, answered in the same commit."""

from __future__ import annotations

from headgate.plan import JsonObject
from headgate.records import NamedTuple
from headgate.runtime.driven import DrivenRun
from headgate.runtime.fleet import Fleet
from headgate.runtime.judging import Accepted, NoOp, Refusal, Request, Verdict
from headgate.runtime.parking import Parking
from headgate.runtime.store import RunWrite, Store, StoredRequest

UNREADABLE: JsonObject = {
    "verdict": "refused",
    "code": "PLAN_INTEGRITY",
    "message": "the stored run is damaged and cannot be operated: `headgate why` names the fault",
}


class Answered(NamedTuple):
    """A request to a run, and what was said to it."""

    driven: DrivenRun
    request: str
    verdict: Verdict


class Inbox:
    """The requests of one store, as seen by one driver."""

    __slots__ = ("_answered", "_fleet", "_parking", "_seen", "_store")

    def __init__(self, store: Store, fleet: Fleet, parking: Parking) -> None:
        self._store = store
        self._fleet = fleet
        self._parking = parking
        self._seen = (-1, 0, 0)
        self._answered: set[str] = set()

    def has_news(self) -> bool:
        """Whether another process has written since the last look."""
        return self._store.data_version() != self._seen[0]

    def look(self, at: int) -> list[Answered]:
        """Judges the open requests to runs led here: when another has written, a family was taken, or limits let
        runs go on.

        The answers that it gives back are stored with the next commit of their runs.
        """
        seen = (self._store.data_version(), self._fleet.loads, self._fleet.turnstile.releases)
        if seen == self._seen:
            return []
        self._seen = seen
        self._fleet.listen()
        self._fleet.cure(at)
        answered: list[Answered] = []
        for request in self._store.read.open_requests():
            if request.id in self._answered:
                continue
            self._parking.fetch_run(request.run, at)
            driven = self._fleet.member(request.run)
            if driven is not None:
                verdict = self._fleet.judge(driven, asked(request), at)
                driven.answer(request.id, answer_of(verdict))
                self._fleet.touch(driven.id)
                self._answered.add(request.id)
                answered.append(Answered(driven, request.id, verdict))
            elif (lease := self._fleet.leads(request.run)) is not None:
                self._store.commit([RunWrite(request.run, lease, [], answers=((request.id, UNREADABLE),))])
        return answered


def asked(stored: StoredRequest) -> Request:
    """The request that was stored."""
    body = stored.body
    args = body.get("args")
    return Request(
        verb=str(body["verb"]),
        actor=str(body["actor"]),
        step=_text(body.get("step")),
        task=_text(body.get("task")),
        args=args if isinstance(args, dict) else {},
        reason=_text(body.get("reason")),
        request_id=stored.id,
        auth=_text(body.get("auth")) or "local",
    )


def answer_of(verdict: Verdict) -> JsonObject:
    """What is stored for whoever asked: `verdict` is accepted, noop or refused."""
    match verdict:
        case Accepted():
            return {"verdict": "accepted", "message": verdict.answer, "again": list(verdict.again)}
        case NoOp():
            return {"verdict": "noop", "message": verdict.answer}
        case Refusal():
            return {"verdict": "refused", "code": verdict.code.value, "message": verdict.message}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
