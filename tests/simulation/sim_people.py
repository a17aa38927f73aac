"""Who starts runs and operates them: at first wisely and unwisely, and at last only to clear what is in the way."""

from __future__ import annotations

import random
from collections.abc import Callable

from sim_provider import Ledger
from sim_time import SkewedClock

from headgate.plan import JsonObject, Plan, dump
from headgate.runtime import judging
from headgate.runtime.commands import Record
from headgate.runtime.events import EventType
from headgate.runtime.fleet import Fleet
from headgate.runtime.loading import PlanShelf, load_state
from headgate.runtime.state import RunState
from headgate.runtime.status import HoldReason
from headgate.runtime.store import Identifiers, RunFilter, Store, StoredRequest
from headgate.runtime.verdicts import Request, body_of

VERBS = tuple(judging._VERBS)
RELEASES = {
    HoldReason.STEP_FAILED: ("skip", {}),
    HoldReason.REAUTH: ("resume", {}),
    HoldReason.OPERATOR: ("resume", {}),
}

# What any verb may be given; each takes what it knows.
EVERYTHING: JsonObject = {
    "yes": True,
    "done": False,
    "ms": 60_000,
    "fields": {},
    "graceful": True,
    "deadline_ms": 90_000,
    "hold": "throughput",
    "connection": None,
    "attempt": 1,
    "token": "sha256:of nobody",
    "expires_at": None,
    "result": {},
}


class People:
    """`asked` are the ids of all requests that were acknowledged; each must have its answer at the end."""

    def __init__(self, seed: int, store: Store, clock: SkewedClock, ledger: Ledger, plans: dict[str, Plan]) -> None:
        self.asked: list[str] = []
        self.started = 0
        self.store = store
        self._clock = clock
        self._ledger = ledger
        self._plans = plans
        self._dice = random.Random(f"{seed}/people")
        self._shelf = PlanShelf(store.read)
        self._entropy = random.Random(f"{seed}/names")

    def start_one(self, fleet: Callable[[], Fleet]) -> None:
        """Starts a run and leaves it to the workers."""
        plan = self._plans[self._dice.choice(["order", "order", "fan", "poll", "slow"])]
        made = fleet()
        made.shelf.keep(plan)
        facts: JsonObject = {
            "workflow": plan.workflow,
            "plan_digest": plan.digest,
            "inputs": {"amount": self._dice.randrange(100)},
            "trigger": {"name": "manual", "kind": "manual", "payload": None},
        }
        if self._dice.random() < 0.2:
            facts["due_at"] = self._clock.now_ms() + self._dice.randrange(7_200_000)
        made.create(Record(EventType.RUN_CREATED, facts, actor="ann"), dump(plan), self._clock.now_ms())
        made.settle(self._clock.now_ms(), record_only=True)
        self.store.commit([write for _, write in made.writes()])
        self.store.release_leases(made.leases.values())
        self.started += 1

    def act(self) -> bool:
        """One person looks at one open run and does something; False when there is none."""
        rows = self.store.read.runs(RunFilter(open_only=self._dice.random() < 0.8))
        if not rows:
            return False
        state = load_state(self.store.read, self._shelf, self._dice.choice(rows))
        if self._dice.random() < 0.75:
            return self.clear(state)
        path = self._dice.choice([*state.steps, "nothing"])
        self._ask(state, Request(self._dice.choice(VERBS), "ann", path, args=dict(EVERYTHING)))
        return True

    def clear(self, state: RunState) -> bool:
        """Does what the run waits for a person for."""
        for task, approval in state.approvals.items():
            if approval.status == "pending":
                verb = "approve" if self._dice.random() < 0.8 else "deny"
                self._ask(state, Request(verb, "ann", approval.step, task))
                return True
        for reason, path in state.holds:
            if reason is HoldReason.IN_DOUBT and path is not None:
                return self._settle_doubt(state, path)
            if reason is HoldReason.REAUTH and not state.holds[reason, path].cured:
                connection = state.holds[reason, path].connection
                self._ask(state, Request("reconnected", "system", args={"connection": connection}))
                return True
            if reason in RELEASES:
                verb, args = RELEASES[reason]
                self._ask(state, Request(verb, "ann", path, args=dict(args)))
                return True
        return False

    def _settle_doubt(self, state: RunState, path: str) -> bool:
        """Looks at the provider's books, and waits while something is still on its way there."""
        place = (state.run_id, path)
        if self._ledger.on_the_way[place]:
            return False
        done = state.steps[path].attempts in self._ledger.effects[place]
        self._ask(state, Request("confirm", "ann", path, args={"done": done}))
        return True

    def _ask(self, state: RunState, request: Request) -> None:
        if request.verb == "confirm" and self._is_untrue(state, request):
            return
        now = self._clock.now_ms()
        name = Identifiers(self._entropy.randbytes).new(now)
        self.store.put_request(StoredRequest(name, state.run_id, now, body_of(request), None))
        self.asked.append(name)

    def _is_untrue(self, state: RunState, request: Request) -> bool:
        """Nobody says that it did not happen of what did, or still may."""
        place = (state.run_id, request.step or "")
        happened = self._ledger.on_the_way[place] or self._ledger.effects[place]
        return not request.args.get("done") and bool(happened)
