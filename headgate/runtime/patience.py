"""How long a driver waits for timers before it lets a run rest."""

from __future__ import annotations

from headgate.records import NamedTuple
from headgate.runtime.marks import DEADLINE, DELAY, DRAIN, DUE, EVERY, EXPIRY, GRACE, RETRY, WAIT
from headgate.runtime.state import RunState
from headgate.runtime.status import TERMINAL_PHASES, HoldReason

_MOVES_BY_ITSELF = frozenset({RETRY, DELAY, EVERY, DUE, DRAIN, GRACE})
_ENDS_A_WAIT = frozenset({EXPIRY, WAIT, DEADLINE})


class Patience(NamedTuple):
    """`until` is the last moment, UTC in ms, of a timer worth waiting for; None waits for any.

    `for_people` also waits for the expiry of what only a person, an event or a callback can answer, and for the run's
    deadline.
    """

    until: int | None = None
    for_people: bool = False


def awaited(state: RunState, patience: Patience) -> int | None:
    """When the timer is due that this run is driven on for; None when it rests, ended, held or waiting for somebody."""
    if state.phase in TERMINAL_PHASES or any(reason is not HoldReason.INTERRUPTED for reason, _ in state.holds):
        return None
    due = min((at for timer, at in state.timers.items() if _is_worth_waiting_for(timer, patience)), default=None)
    if due is None or (patience.until is not None and due > patience.until):
        return None
    return due


def _is_worth_waiting_for(timer: str, patience: Patience) -> bool:
    kind = timer.partition(":")[0]
    return kind in _MOVES_BY_ITSELF or (patience.for_people and kind in _ENDS_A_WAIT)
