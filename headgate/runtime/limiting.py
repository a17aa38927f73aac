"""The limits as a driver meets them: runs are let in one by one, calls are counted, caps are looked at again."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from headgate.expressions import ResultMissing, TemplateFailed, render
from headgate.plan import Json, JsonObject
from headgate.runtime.admitting import NO_CREDITS, Answer, Candidate, Turn, admit, paid, purse
from headgate.runtime.breakers import WORKSPACE
from headgate.runtime.budgets import estimate, usage_cost
from headgate.runtime.capping import ask_release, is_due, outdated, release_cap, weigh, weigh_cap
from headgate.runtime.commands import Record
from headgate.runtime.errors import ErrorClass
from headgate.runtime.events import EventType
from headgate.runtime.scope import scope
from headgate.runtime.state import RunState
from headgate.runtime.status import HoldReason
from headgate.runtime.store import Also, Store, is_gone, limits, queues
from headgate.runtime.store.journal import clear_notice
from headgate.runtime.terms import Overrides, Terms, credits_of, fold_overrides, scopes_of, spend_of, terms_of
from headgate.runtime.workflow_status import Breaker
from headgate.workspace import Limits

METERED = frozenset({"llm", "agent"})
"""The kinds whose attempts call models by name, and tell what they used."""

Prices = Callable[["str | None", str, JsonObject], "Mapping[str, float] | None"]
"""(environment, kind, input) -> the price of the model that such a step calls, None without one.

It is in USD per million tokens.
"""


class Limiter:
    """What one driver asks and tells the store about limits. `limits` are those of the environment it was given."""

    def __init__(self, store: Store, limits: Limits, prices: Prices) -> None:
        self._store = store
        self._limits = limits
        self._prices = prices
        self._overrides = Overrides()
        self._terms: dict[tuple[str, str], Terms] = {}
        self._version = -1

    # Runs

    def terms(self, state: RunState) -> Terms:
        """What the run of `state` must pass."""
        self._look()
        key = (state.workflow, state.plan_digest)
        found = self._terms.get(key)
        if found is None:
            found = self._terms[key] = terms_of(self._limits, self._overrides, state.workflow, state.plan.policies)
        return found

    def is_free(self, state: RunState) -> bool:
        """Whether nothing limits the run, so that it need not be asked for."""
        return self.terms(state).free and not limits.open_breakers(self._store.connection, WORKSPACE, state.workflow)

    def entered(self, state: RunState, root: str) -> Also | None:
        """What is stored with a new run: its place in the line."""
        key = None if self.terms(state).concurrency is None else self._key(state)
        if key is None:
            return None
        return queues.stand_in_line(state.run_id, root, state.workflow, key, state.created_at)

    def admit(self, state: RunState, root: str, at: int) -> Answer:
        """Whether the run may start now. Raises `StoreError`."""
        key = self._key(state)
        if key is None:
            message = f"the `key` of the `concurrency` of `{state.workflow}` has no value for these inputs"
            return Answer(Turn.FAIL, message=message, code="TEMPLATE_FAILED")
        who = self._candidate(state, root, key)
        with self._store.transaction() as connection:
            return admit(connection, who, at, self._lives)

    def pay(self, state: RunState, at: int) -> str | None:
        """Spends a credit on a run that failed for want of one; gives why it cannot."""
        with self._store.transaction() as connection:
            answer = paid(connection, self._candidate(state, state.run_id, ""), at)
        return None if answer.turn is Turn.START else NO_CREDITS

    def _candidate(self, state: RunState, root: str, key: str) -> Candidate:
        attached = state.parent is not None and state.parent.get("attached") is not False
        return Candidate(state.run_id, root, state.workflow, key, attached, state.let_in, self.terms(state))

    def is_driven(self, run: str) -> bool:
        """Whether a living process drives the run."""
        row = self._store.read.run(run)
        holder = None if row is None else self._store.read.lease_holder(row.root)
        return holder is not None and self._lives(holder)

    def _lives(self, owner: str) -> bool:
        return not is_gone(self._store.locks, owner)

    def _key(self, state: RunState) -> str | None:
        """What the concurrency of the workflow counts by, as text; None when its template has no value."""
        concurrency = self.terms(state).concurrency
        if concurrency is None or concurrency.key is None:
            return ""
        try:
            value = render(concurrency.key, scope(state, None))
        except (TemplateFailed, ResultMissing):
            return None
        return json.dumps(value, ensure_ascii=False, sort_keys=True)

    # Calls

    def reserve(self, state: RunState, record: Record, at: int) -> tuple[Record, Also | None]:
        """What is about to call a model, with what it may cost set aside: an attempt, or another round of an agent."""
        path, attempt = str(record.step), record.data["attempt"]
        step = state.steps[path]
        asked = record.data.get("input", step.input)
        talk = step.talk
        before = 0 if talk is None else talk.output_tokens + talk.input_tokens // max(len(talk.rounds), 1)
        price = self._price(state, step.plan.kind, asked)
        micro = estimate(price, asked, before) if isinstance(asked, dict) else 0
        if not micro:
            return record, None
        call = limits.call_name(path, int(str(attempt)))
        also = limits.reserve(state.run_id, call, state.workflow, at, micro)
        return record._replace(data={**record.data, "reserved": micro}), also

    def settle(self, state: RunState, record: Record, at: int) -> tuple[Record, tuple[Also, ...]]:
        """How an attempt ended, with what it cost; and what a failure for want of quota leads to here."""
        step = state.steps.get(str(record.step))
        if step is None:
            return record, ()
        record = self._on_quota(state, record)
        if step.plan.kind not in METERED:
            return record, ()
        micro = usage_cost(self._price(state, step.plan.kind, step.input), _told(record))
        attempt = record.data.get("attempt")
        call = limits.call_name(step.path, int(str(attempt)) if attempt is not None else step.attempts)
        settled = limits.settle(state.run_id, call, state.workflow, at, micro)
        if not micro:
            return record, (settled,)
        record = record._replace(data={**record.data, "spent": micro})
        return record, (settled, weigh(self.terms(state).spends, at))

    def _on_quota(self, state: RunState, record: Record) -> Record:
        error = record.data.get("error")
        if not isinstance(error, dict) or error.get("class") != ErrorClass.QUOTA:
            return record
        if self.terms(state).on_quota != "hold":
            return record
        held: JsonObject = {**error, "hold": HoldReason.CREDITS.value}
        return record._replace(data={**record.data, "error": held})

    def _price(self, state: RunState, kind: str, asked: Json) -> Mapping[str, float] | None:
        return self._prices(state.environment, kind, asked) if isinstance(asked, dict) else None

    # What changes by itself

    def look_again(self, at: int) -> bool:
        """Holds every cap against what this period used, and lets go of what credits hold; whether it changed anything.

        Raises `StoreError`.
        """
        self._look()
        connection = self._store.connection
        spends = [
            spend
            for scope in scopes_of(self._limits, self._overrides)
            if (spend := spend_of(self._limits, self._overrides, scope)) is not None
        ]
        stale = [
            each.scope
            for each in limits.open_breakers(connection)
            if each.breaker is Breaker.SPEND_CAP and each.scope not in {spend.scope for spend in spends}
        ]
        due = [spend for spend in spends if is_due(connection, spend, at)]
        untrue = outdated(connection, spends, at)
        if due or stale or untrue:
            with self._store.transaction() as writing:
                for key in untrue:
                    clear_notice(writing, key, at)
                for spend in due:
                    weigh_cap(writing, spend, at)
                for scope in stale:
                    release_cap(writing, scope, at, "its cap was taken away")
        return self._release_credits(at) or bool(due or stale)

    def _release_credits(self, at: int) -> bool:
        """Runs that wait for credits before they start go on when there are some again, or none are needed."""
        connection = self._store.connection
        held = queues.held_unstarted(connection, HoldReason.CREDITS)
        if not held:
            return False
        given = credits_of(self._limits)
        if given is not None and purse(connection, given, at).next() is None:
            return False
        with self._store.transaction() as writing:
            for run in held:
                ask_release(writing, run, HoldReason.CREDITS, at, "there are credits again")
        return True

    def _look(self) -> None:
        """Reads what `limits set` laid over the files again, when another process has written."""
        version = self._store.data_version()
        if version != self._version:
            self._version = version
            told = self._store.read.journal(limits.SUBJECT)
            found = fold_overrides((entry.type, entry.data) for entry in told)
            if found != self._overrides:
                self._overrides = found
                self._terms.clear()


def _told(record: Record) -> Json:
    """What has the `usage` of a call: its result, what its failure tells of it, or the event of an agent's round."""
    if record.type is EventType.AGENT_ANSWERED:
        return record.data
    if record.type is EventType.ATTEMPT_SUCCEEDED:
        return record.data.get("result")
    error = record.data.get("error")
    return error.get("detail") if isinstance(error, dict) else None


__all__ = ["METERED", "Limiter", "Prices", "Turn"]
