"""The attempts that are out: each is one task, ends once, and is told to the driver as the event to append."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import TypeAlias

from headgate.plan import Json, JsonObject, PlanStep
from headgate.records import NamedTuple
from headgate.runtime import performers
from headgate.runtime.commands import Record
from headgate.runtime.connections import World
from headgate.runtime.conversation import AGENT
from headgate.runtime.errors import ErrorClass, StepError, StepFailure
from headgate.runtime.events import EventType
from headgate.runtime.performers import BUNDLED, Attempt, Departure, Log, Parked, Partial, Performed
from headgate.runtime.scope import scope
from headgate.runtime.state import RunState, error_json

GRACE_SECONDS = 5.0
# Kinds whose performer sees the names of templates beside its input.
_READS_SCOPE = frozenset({"lua"})

_Key: TypeAlias = "tuple[str, str, int]"
Worlds = Callable[["str | None"], World]
OutputSchema = Callable[[PlanStep], "JsonObject | None"]
Performing = Callable[[Attempt, World], Awaitable[Performed]]
"""Gives the result of an attempt, or raises `StepFailure`; cancelling it must be prompt."""


class Ended(NamedTuple):
    """How an attempt ended: `record` is what to append; it is not appended when the run gave the attempt up."""

    run: str
    step: str
    attempt: int
    record: Record


class Attempts:
    """Starts and cancels attempts. `ended` is called once for each, from the event loop; `given_up` when one that was
    cancelled is no longer waited for.
    """

    def __init__(
        self,
        worlds: Worlds,
        output_schema: OutputSchema,
        perform: Performing,
        ended: Callable[[Ended], None],
        given_up: Callable[[], None],
    ) -> None:
        self._worlds = worlds
        self._perform_attempt = perform
        self._output_schema = output_schema
        self._ended = ended
        self._given_up = given_up
        self._tasks: dict[_Key, asyncio.Task[None]] = {}
        self._deaf: dict[_Key, asyncio.Task[None]] = {}  # those that did not heed their cancellation
        self._rounds: dict[_Key, tuple[int, Departure]] = {}

    def __len__(self) -> int:
        return len(self._tasks)

    def start(self, state: RunState, path: str, number: int) -> None:
        """Starts the attempt that was committed as dispatched. Its time counts on a clock that never jumps.

        One whose performer is immediate has ended, and is told, when this returns.
        """
        key = (state.run_id, path, number)
        self._deaf.pop(key, None)
        attempt = self._attempt(state, path, number)
        if attempt.kind == AGENT:
            attempt = self._piece(state, attempt)
        world = self._worlds(state.environment)
        if self._perform_attempt is performers.perform and performers.is_immediate(attempt.kind):
            self._ended(Ended(*key, _at_once(attempt, world)))
            return
        outcome = _outcome(attempt, world, self._perform_attempt, _limit(attempt))
        self._tasks[key] = asyncio.get_running_loop().create_task(self._perform(key, outcome))

    def cancel(self, run: str, path: str, number: int) -> None:
        """Cancels one attempt; it ends soon, as cancelled or however it ended before.

        Nothing waits for one that does not heed it for longer than a few seconds, though its end is still told.
        """
        key = (run, path, number)
        task = self._tasks.get(key)
        if task is not None:
            task.cancel()
            asyncio.get_running_loop().call_later(GRACE_SECONDS, self._give_up, key, task)

    def _give_up(self, key: _Key, task: asyncio.Task[None]) -> None:
        if self._tasks.get(key) is task:
            self._deaf[key] = self._tasks.pop(key)
            self._given_up()

    def cancel_all(self, run: str | None = None) -> None:
        """Cancels every attempt, or those of one run."""
        for (owner, _, _), task in self._tasks.items():
            if run is None or owner == run:
                task.cancel()

    async def settled(self) -> None:
        """Waits until every attempt has ended, for a few seconds at most."""
        if self._tasks:
            await asyncio.wait(list(self._tasks.values()), timeout=GRACE_SECONDS)

    def _attempt(self, state: RunState, path: str, number: int) -> Attempt:
        step = state.steps[path]
        plan_step = step.plan
        return Attempt(
            run=state.run_id,
            workflow=state.workflow,
            step=path,
            attempt=number,
            kind=plan_step.kind,
            input=step.input if isinstance(step.input, dict) else {},
            idempotency_key=step.key if isinstance(step.key, str) else None,
            timeout_ms=plan_step.timeout,
            plan_step=plan_step,
            output_schema=self._output_schema(plan_step),
            scope=scope(state, path) if plan_step.kind in _READS_SCOPE else {},
            departure=Departure(),
            log=Log(),
        )

    def _piece(self, state: RunState, attempt: Attempt) -> Attempt:
        """An agent's next piece of work: it has what is left of the time of its round."""
        talk = state.steps[attempt.step].talk
        assert talk is not None, "an agent has begun when it is dispatched"
        call = talk.pending()
        number = len(talk.rounds) + (call is None)
        key = (attempt.run, attempt.step, attempt.attempt)
        known = self._rounds.get(key)
        began = known[1] if known is not None and known[0] == number else attempt.departure
        self._rounds[key] = (number, began)
        return attempt._replace(
            scope={"rounds": tuple(talk.rounds), "call": call, "tokens": (talk.input_tokens, talk.output_tokens)},
            departure=Departure(began.born),
        )

    def _forget(self, key: _Key, task: asyncio.Task[object] | None) -> bool:
        """False when the attempt goes on under this number without `task`, as an agent's does after a redrive: nobody
        could tell its end from that of the piece that is out now.
        """
        for tasks in (self._tasks, self._deaf):
            if tasks.get(key) is task:
                del tasks[key]
                return True
        return False

    async def _perform(self, key: _Key, outcome: Coroutine[object, object, Record]) -> None:
        run, path, number = key
        task = asyncio.current_task()
        try:
            record = await outcome
        finally:
            known = self._forget(key, task)
        if not known:
            return
        if record.type in (EventType.ATTEMPT_SUCCEEDED, EventType.ATTEMPT_FAILED, EventType.ATTEMPT_CANCELLED):
            self._rounds.pop(key, None)
        self._ended(Ended(run, path, number, record))


def _at_once(attempt: Attempt, world: World) -> Record:
    """As `_outcome`, of a performer that never waits: outside of any task. One that does wait is broken."""
    outcome = _outcome(attempt, world, performers.perform, None)
    try:
        outcome.send(None)
    except StopIteration as done:
        record: Record = done.value
        return record
    with suppress(RuntimeError):  # it waits again when it is told to end
        outcome.close()
    return _failed(attempt, world.mask_error(_broken(attempt, RuntimeError("it is `immediate`, and waited"))))


def _limit(attempt: Attempt) -> asyncio.Timeout:
    """What is left of the attempt's time."""
    seconds = None if attempt.timeout_ms is None else max(attempt.timeout_ms / 1000 - attempt.departure.age, 0)
    return asyncio.timeout(seconds)


async def _outcome(attempt: Attempt, world: World, perform: Performing, limit: asyncio.Timeout | None) -> Record:
    """How the attempt ended, as an event, with what it said meanwhile; it never raises."""
    record = await _end_of(attempt, world, perform, limit)
    if not attempt.log.lines:
        return record
    return record._replace(data={**record.data, "log": world.mask(list[Json](attempt.log.lines))})


async def _end_of(attempt: Attempt, world: World, perform: Performing, limit: asyncio.Timeout | None) -> Record:
    number = attempt.attempt
    try:
        if limit is None:
            result = await perform(attempt, world)
        else:
            async with limit:
                result = await perform(attempt, world)
    except StepFailure as failure:
        return _failed(attempt, failure.error)
    except Parked as parked:
        facts: JsonObject = {"attempt": number, "until": parked.callback.expires_at, "token": parked.callback.digest}
        return Record(EventType.ATTEMPT_PARKED, facts, attempt.step)
    except asyncio.CancelledError:
        return Record(EventType.ATTEMPT_CANCELLED, {"attempt": number}, attempt.step)
    except TimeoutError as error:
        late = limit is not None and limit.expired()
        return _failed(attempt, _late(attempt) if late else world.mask_error(_broken(attempt, error)))
    except Exception as error:  # noqa: BLE001 - whatever a performer raises, its step fails and the others go on
        return _failed(attempt, world.mask_error(_broken(attempt, error)))
    if isinstance(result, Partial):
        return Record(result.event, {"attempt": number, **result.data}, attempt.step)
    return Record(EventType.ATTEMPT_SUCCEEDED, {"attempt": number, "result": result}, attempt.step)


def _failed(attempt: Attempt, error: StepError) -> Record:
    facts: JsonObject = {"attempt": attempt.attempt, "error": error_json(error)}
    return Record(EventType.ATTEMPT_FAILED, facts, attempt.step)


def _late(attempt: Attempt) -> StepError:
    """In doubt unless it is known that nothing had left this machine; an installed performer may not say."""
    unknown = attempt.departure.may_have_left or attempt.kind not in BUNDLED
    return StepError(
        "STEP_TIMED_OUT",
        f"`{attempt.step}` took longer than its timeout of {(attempt.timeout_ms or 0) / 1000:g}s",
        ErrorClass.IN_DOUBT if unknown else ErrorClass.TRANSIENT,
    )


def _broken(attempt: Attempt, error: Exception) -> StepError:
    """A performer that breaks is not retried, and what it had sent may have happened."""
    unknown = attempt.departure.may_have_left or attempt.kind not in BUNDLED
    return StepError(
        "UPSTREAM_ERROR",
        f"the performer of `{attempt.kind}` broke: {type(error).__name__}: {error}",
        ErrorClass.IN_DOUBT if unknown else ErrorClass.PERMANENT,
    )
