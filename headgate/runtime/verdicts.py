"""What somebody asks of a run and what the status model says to it; and where a run stands in its tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from headgate.plan import JsonObject
from headgate.records import NamedTuple
from headgate.runtime.acts import ALLOWED, PHASE_ROWS, REFUSALS, RUN_ACTS, Cell, RefusalCode, Row, RunAct
from headgate.runtime.commands import Abort, Command, Record
from headgate.runtime.events import EventType
from headgate.runtime.state import HoldKey, RunState
from headgate.runtime.status import HOLD_RULES, TERMINAL_PHASES, HoldReason, Phase, release_command
from headgate.runtime.status_of import derive

People: TypeAlias = "Mapping[str, Sequence[str]]"


class Request(NamedTuple):
    """What somebody asks for.

    `verb` is `pause`, `resume`, `cancel`, `stop`, `retry`, `skip`, `confirm`, `force_advance`, `redrive`, `replay`,
    `fork`, `approve`, `deny`, `answer`, `extend`, `callback`, `signal`, or the platform's own `release` and
    `reconnected`. `step` is a path (for acts on an approval a way to name the task; for redrive the step of `--from`);
    `task` an approval's id. `args`: retry {edit: {attribute: value}}; skip {output}; confirm {done: bool, output};
    approve and deny {comment, token}; answer {comment, token, fields}; extend {ms}; redrive {yes: bool}; stop
    {graceful: bool, deadline_ms}; callback as judging_callbacks.py says; signal {signal: its id}; release {hold,
    start_at}; reconnected {connection}; cancel {code: the failure code, when it has one}. `auth` says how the actor was
    known: `local` claims, `link` held a one-time token.
    """

    verb: str
    actor: str
    step: str | None = None
    task: str | None = None
    args: JsonObject = {}  # noqa: RUF012 - nobody changes a request
    reason: str | None = None
    request_id: str | None = None
    auth: str = "local"


def body_of(request: Request) -> JsonObject:
    """The request as it is stored."""
    return {
        "verb": request.verb,
        "actor": request.actor,
        "step": request.step,
        "task": request.task,
        "args": request.args,
        "reason": request.reason,
        "auth": request.auth,
    }


class Accepted(NamedTuple):
    """Append `records` in order, evolve each, and carry `aborts` out after the commit. `answer` is one sentence.

    `again` names the steps that a redrive runs again, for its preview.
    """

    records: tuple[Record, ...]
    answer: str
    aborts: tuple[Abort, ...] = ()
    again: tuple[str, ...] = ()


class NoOp(NamedTuple):
    """Nothing to append: it is so already, or the same request came before. `answer` is the first answer."""

    answer: str


class Refusal(NamedTuple):
    """The table does not allow it; `message` names what is allowed instead."""

    code: RefusalCode
    message: str


Verdict: TypeAlias = "Accepted | NoOp | Refusal"


class Case(NamedTuple):
    state: RunState
    request: Request
    people: People
    now_ms: int


def rows(state: RunState) -> tuple[Row, ...]:
    """The rows of the table of acts that the run stands in; more than one when it has several holds."""
    found: dict[Row, None] = {}
    if state.phase in (Phase.SCHEDULED, Phase.QUEUED, Phase.STARTING, Phase.ACTIVE):
        for reason, _ in state.holds:
            row = _HOLD_ROWS.get(reason)
            if row is not None:
                found[row] = None
    return tuple(found) or (PHASE_ROWS[state.phase],)


_HOLD_ROWS: Final[dict[HoldReason, Row]] = {
    HoldReason.OPERATOR: Row.PAUSED_OPERATOR,
    HoldReason.REAUTH: Row.PAUSED_REAUTH,
    HoldReason.STEP_FAILED: Row.PAUSED_STEP,
    HoldReason.IN_DOUBT: Row.PAUSED_STEP,
    HoldReason.CREDITS: Row.PAUSED_STEP,
    HoldReason.THROUGHPUT: Row.HELD_BACK,
    HoldReason.SPEND_CAP: Row.CAPPED,
}


def cell(state: RunState, act: RunAct) -> Cell | Refusal:
    """What the table says to an act on the run: with several holds it is allowed when the row of any allows it."""
    found = [(row, _settled(state, RUN_ACTS[row][act])) for row in rows(state)]
    for wanted in (Cell.YES, Cell.AS_CANCEL, Cell.NO_OP):
        if any(answer is wanted for _, answer in found):
            return wanted
    row, code = found[0]
    assert isinstance(code, RefusalCode), "what is no cell is a refusal"
    return Refusal(code, f"{standing(state)}: {REFUSALS[code]}; {_instead(state, row)}")


def _settled(state: RunState, answer: Cell | RefusalCode) -> Cell | RefusalCode:
    """What `after reconnect` means now."""
    if answer is not Cell.AFTER_RECONNECT:
        return answer
    return Cell.YES if any(hold.cured for hold in state.holds.values()) else RefusalCode.HOLD_REMAINS


def standing(state: RunState) -> str:
    status, detail = derive(state)
    shown = f" ({detail})" if detail and (state.phase is not Phase.ACTIVE or state.holds) else ""
    return f"run {state.run_id} is {status}{shown}"


def _instead(state: RunState, row: Row) -> str:
    clears = [_release(state, key) for key in state.holds if HOLD_RULES[key[0]].step_release]
    if clears and row is Row.PAUSED_STEP:
        return f"`{'`, `'.join(clears)}` clears it, or `cancel` the run"
    if row is Row.HELD_BACK:
        return f"`{_release(state, (HoldReason.THROUGHPUT, None))}` releases it, or `cancel` the run"
    if row is Row.PAUSED_REAUTH:
        first = [_release(state, key) for key, hold in state.holds.items() if hold.connection and not hold.cured]
        if first:
            return f"`{'`, `'.join(dict.fromkeys(first))}` first, then `headgate resume {state.run_id}`; or `cancel` it"
    return ALLOWED[row]


def _release(state: RunState, key: HoldKey) -> str:
    hold = state.holds.get(key)
    connection, cured = (None, False) if hold is None else (hold.connection, hold.cured)
    return release_command(key[0], state.run_id, state.workflow, key[1], connection, cured=cured)


def remaining(state: RunState, gone: Sequence[HoldKey] = ()) -> str:
    """What the answer says of the holds that stay."""
    stay = [key for key in state.holds if key not in gone]
    if not stay:
        return ""
    named = ", ".join(dict.fromkeys(state.holds[key].named for key in stay))
    return f"; still held ({named}): `{'`, `'.join(dict.fromkeys(_release(state, key) for key in stay))}`"


def stopped(state: RunState) -> Refusal | None:
    """The refusal of every act on a step while the run stops or has ended."""
    if state.phase in (Phase.CANCELLING, Phase.DRAINING):
        code = RefusalCode.STOPPING
    elif state.phase is Phase.COMPLETED:
        code = RefusalCode.ALREADY_COMPLETED
    elif state.phase in TERMINAL_PHASES:
        code = RefusalCode.TERMINAL
    else:
        return None
    return Refusal(code, f"{standing(state)}: {REFUSALS[code]}; {ALLOWED[PHASE_ROWS[state.phase]]}")


def released(key: HoldKey) -> Record:
    reason, step = key
    return Record(EventType.HOLD_RELEASED, {"hold": reason.value}, step)


def split(commands: Sequence[Command]) -> tuple[tuple[Record, ...], tuple[Abort, ...]]:
    records = tuple(command for command in commands if isinstance(command, Record))
    return records, tuple(command for command in commands if isinstance(command, Abort))
