"""The loop: fold, decide, append, perform; for every run this process leads, in one transaction a tick."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from headgate.records import NamedTuple
from headgate.runtime import performers
from headgate.runtime.attempts import Ended, OutputSchema, Performing
from headgate.runtime.children import Callees
from headgate.runtime.clock import Clock
from headgate.runtime.commands import Record
from headgate.runtime.connections import World, WorldBindings
from headgate.runtime.driven import DrivenRun
from headgate.runtime.errors import StoreError, StoreLocked
from headgate.runtime.events import EventType
from headgate.runtime.fleet import Fleet
from headgate.runtime.hosting import Hosting, LoopHost
from headgate.runtime.inbox import Answered, Inbox, answer_of
from headgate.runtime.judging import People, Refusal, Request, Verdict
from headgate.runtime.keys import Keys
from headgate.runtime.limiting import Limiter
from headgate.runtime.parking import Parking
from headgate.runtime.patience import Patience, awaited
from headgate.runtime.sealing import opener
from headgate.runtime.status import TERMINAL_PHASES, HoldReason, Phase
from headgate.runtime.store import RENEW_SECONDS, Identifiers, Owner, RunWrite, Store

POLL_SECONDS = 0.2
"""How often a driver looks for what other processes ask of its runs."""

BREATH_SECONDS = 0.005
"""For how long attempts that end at once may follow one another before signals and other attempts have their turn."""

TRIES_AT_STAKE = 3


class Services(NamedTuple):
    """What a driver needs besides the store.

    `worlds` gives the bindings of an environment; `callees` finds what `call` steps start; `output_schema` is the
    locked schema of a tool's result; `people` are the workspace's groups; `changed` is told the id of each run after
    its commit, for live views. `dispatching` says whether a published workflow lets runs start that are due. `perform`
    carries an attempt out, `hosting` makes what attempts run on, and `identifiers` name new runs; `keys` sign one-time
    links, None where nobody is sent one. A store that is not
    `shared` is nobody else's: it is not asked for others' acts, and no lease is renewed.
    """

    worlds: Callable[[str | None], World]
    clock: Clock
    callees: Callees
    output_schema: OutputSchema
    people: People
    changed: Callable[[str], None]
    dispatching: Callable[[str], bool] = lambda _workflow: True
    perform: Performing = performers.perform
    identifiers: Callable[[], Identifiers] = Identifiers
    shared: bool = True
    hosting: Hosting = LoopHost
    poll_seconds: float = POLL_SECONDS
    keys: Keys | None = None
    limiter: Limiter | None = None


class Executor:
    """Drives the runs of its fleet on one host. An effect starts only when what asks for it is on the disk."""

    def __init__(self, store: Store, owner: Owner, services: Services) -> None:
        self.fleet = Fleet(
            store,
            owner,
            services.callees,
            WorldBindings(services.worlds),
            services.people,
            identifiers=services.identifiers(),
        )
        self.fleet.dispatching = services.dispatching
        self.fleet.keys = services.keys
        if services.keys is not None:
            store.read.opening = services.keys.open
            store.read.unseal = opener(services.keys)
        self.fleet.turnstile.limiter = services.limiter
        self._worlds = services.worlds
        self.interrupted = False
        self._store = store
        self._owner = owner
        self._clock = services.clock
        self._changed = services.changed
        self.parking = Parking(store, self.fleet)
        self._inbox = Inbox(store, self.fleet, self.parking)
        self._ended: deque[Ended] = deque()
        self._host = services.hosting(services.worlds, services.output_schema, services.perform, self._end)
        self._at_stake = False
        self._poll_at = 0.0
        self._renew_at = 0.0
        self._breathe_at = 0.0
        self._shared = services.shared
        self._poll_seconds = services.poll_seconds if services.shared else math.inf
        self._renew_seconds = RENEW_SECONDS if services.shared else math.inf

    async def drive(self, patience: Patience) -> None:
        """Drives every run of the fleet until all rest, or `stop` is called. Raises `StoreError`."""
        self._renew_at = self._host.now() + self._renew_seconds
        self.fleet.go_on(self._clock.now_ms())
        try:
            while True:
                self._turn(patience)
                if self.interrupted:
                    await self._interrupt()
                    return
                if not self._host.is_performing() and not self._ended and not self._awaits(patience):
                    if not self._missed_news():
                        return
                    self._poll_at = 0.0  # what came while the last was stored would find nobody who looks
                    continue
                if not self._ended or self._host.now() >= self._breathe_at:
                    await self._wait()
                    self._breathe_at = self._host.now() + BREATH_SECONDS
        finally:
            self._host.close()
            self._host.cancel_all()
            await self._host.settled()
            with suppress(StoreError):
                self.parking.leave()

    def ask(self, run: str, request: Request) -> Verdict:
        """What the status model says to an act of this process; an accepted one is carried out with the next tick."""
        now = self._clock.now_ms()
        verdict = self.fleet.judge(self.fleet.runs[run], request, now)
        self.fleet.touch(run)
        self._host.signal()
        return verdict

    def tell(self, run: str, record: Record) -> None:
        """Appends what somebody outside of the store says happened; the run goes on with the next tick."""
        self.fleet.runs[run].append(record, self._clock.now_ms())
        self.fleet.touch(run)
        self._host.signal()

    def record(self) -> None:
        """Answers what was asked and records what follows, but starts nothing. Raises `StoreError`.

        A family of which only refused acts were asked stays as it is stored: nobody is there to go on with it.
        """
        while True:
            now = self._clock.now_ms()
            self.fleet.settle(now, record_only=True)
            answered = self._inbox.look(now)
            self.fleet.settle(now, record_only=True)
            self._refuse(answered, now)
            self._commit()
            if not self._missed_news():
                return

    def _missed_news(self) -> bool:
        """Whether a wait was stored here while another process wrote: its signal may have found nobody yet."""
        listening = any(driven.state.listening for driven in self.fleet.runs.values())
        return listening and self._shared and self._inbox.has_news()

    def _refuse(self, answered: list[Answered], at: int) -> None:
        """Stores the answers of the families of which only refused acts were asked, and drops what became due there."""
        allowed = {each.driven.lease.root for each in answered if not isinstance(each.verdict, Refusal)}
        refused = [each for each in answered if each.driven.lease.root not in allowed]
        if not refused:
            return
        taken = self._store.commit(
            [
                RunWrite(each.driven.id, each.driven.lease, [], answers=((each.request, answer_of(each.verdict)),))
                for each in refused
            ]
        )
        for root in dict.fromkeys(each.driven.lease.root for each in refused):
            if any(each.driven.id in taken for each in refused if each.driven.lease.root == root):
                self.fleet.forget(root)
            else:
                self.fleet.put_back(root, at)

    def stop(self) -> None:
        """Asks the loop to put down what is in flight, and end. Safe to call from a signal's handler on the loop."""
        self.interrupted = True
        self._host.signal()

    def release(self) -> None:
        """Gives the leases up."""
        self._store.release_leases(self.fleet.leases.values())

    def let_go(self, root: str) -> None:
        """Gives one family up."""
        lease = self.fleet.leases.get(root)
        self.fleet.forget(root)
        if lease is not None:
            self._store.release_leases([lease])

    # One tick

    def _turn(self, patience: Patience) -> None:
        now = self._clock.now_ms()
        moment = self._host.now()
        self.parking.wake(now)
        self._append_ends(now)
        self.fleet.settle(now, record_only=False)
        if moment >= self._poll_at:
            self._poll_at = moment + self._poll_seconds
            self.fleet.turnstile.look_again(now)
            self._inbox.look(now)
            self.fleet.settle(now, record_only=False)
        if moment >= self._renew_at:
            self._renew_at = moment + self._renew_seconds
            with suppress(StoreLocked):  # a lease outlives several tries, and its fence guards it when it does not
                self._store.renew_leases(self._owner, now)
        self._commit()
        while self.fleet.again():
            self.fleet.settle(now, record_only=False)
            self._commit()
        looked_at, self.fleet.looked_at = self.fleet.looked_at, {}
        if self.parking.is_wanted and not self._missed_news():
            self.parking.rest(looked_at, patience, now)

    def _append_ends(self, at: int) -> None:
        """Appends how attempts ended; one that was cancelled though its run did not ask for it is lost."""
        while self._ended:
            run, step, attempt, record = self._ended.popleft()
            driven = self.fleet.runs.get(run)
            if driven is None or driven.state.phase in TERMINAL_PHASES or step not in driven.state.steps:
                continue
            in_flight = driven.state.in_flight.get(step) == attempt
            if in_flight and record.type is EventType.ATTEMPT_CANCELLED and driven.state.phase is not Phase.CANCELLING:
                record = Record(EventType.ATTEMPT_LOST, record.data, step)
            driven.append(record, at)
            self.fleet.touch(run)
            self._at_stake = True

    def _commit(self) -> None:
        """One transaction for all that was appended; then, and only then, the effects."""
        pairs = self.fleet.writes()
        if not pairs:
            return
        refused = self._store_all([write for _, write in pairs])
        self._at_stake = False
        for driven, write in pairs:
            if driven.id in refused:
                for member in self.fleet.family(driven.lease.root):
                    self._host.cancel_all(member.id)
                self.fleet.forget(driven.lease.root)
            else:
                driven.committed(write)
                self._carry_out(driven)
                self._changed(driven.id)

    def _store_all(self, writes: list[RunWrite]) -> frozenset[str]:
        """What effects came to is tried to be stored for longer than anything else: it cannot be done again."""
        for _ in range(TRIES_AT_STAKE if self._at_stake else 0):
            try:
                return self._store.commit(writes)
            except StoreLocked:
                continue
        return self._store.commit(writes)

    def _carry_out(self, driven: DrivenRun) -> None:
        in_flight = driven.state.in_flight
        for abort in driven.aborted:
            self._host.cancel(driven.id, abort.step, abort.attempt)
        for perform in driven.started:
            if in_flight.get(perform.step) == perform.attempt:
                self._host.perform(driven.state, perform.step, perform.attempt)
        driven.aborted = []
        driven.started = []

    # Between ticks

    def _awaits(self, patience: Patience) -> bool:
        barred = self.fleet.barred
        if (patience.until is None or self._clock.now_ms() < patience.until) and self.fleet.waits_for_others():
            return True
        return self.parking.awaits or any(
            awaited(driven.state, patience) is not None
            for driven in self.fleet.runs.values()
            if driven.id not in barred
        )

    async def _wait(self) -> None:
        """Until an attempt ends, a timer is due, or it is time to look for what others ask."""
        moment = self._host.now()
        due = min(self._poll_at, self._renew_at)
        for wake in (self.fleet.next_wake(), self.parking.next_wake()):
            if wake is None:
                continue
            due = min(due, moment + (wake - self._clock.now_ms()) / 1000)
        await self._host.first(moment if self._ended or self.interrupted else due)

    def _end(self, ended: Ended) -> None:
        self._ended.append(ended)
        self._host.signal()

    async def _interrupt(self) -> None:
        """Puts down what is in flight: what still ended is recorded so, the rest as lost, under a hold."""
        now = self._clock.now_ms()
        busy = [driven for driven in self.fleet.runs.values() if driven.state.in_flight]
        for driven in busy:
            if driven.state.phase not in {*TERMINAL_PHASES, Phase.CANCELLING, Phase.DRAINING}:
                driven.append(Record(EventType.HOLD_OPENED, {"hold": HoldReason.INTERRUPTED.value}), now)
            self.fleet.touch(driven.id)
        self._host.cancel_all()
        await self._host.settled()
        now = self._clock.now_ms()
        self._append_ends(now)
        for driven in busy:
            for path, attempt in list(driven.state.in_flight.items()):
                driven.append(Record(EventType.ATTEMPT_LOST, {"attempt": attempt}, path), now)
        self.fleet.settle(now, record_only=False)
        self._commit()
