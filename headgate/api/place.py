"""Where an act happens and who acts, how long it may drive, and what its caller gets back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from headgate.records import NamedTuple
from headgate.runtime.status import RunStatus
from headgate.runtime.view import RunView

COMPLETED, ENDED_OTHERWISE, OUR_FAULT, AT_REST = 0, 1, 4, 5


class Place(NamedTuple):
    """`folder` is where the workspace is looked for; `store` a path or `sqlite:` URL, None for the workspace's own.

    `environment` names one of the workspace's; a run that exists keeps the one it was made with. `actor` is who acts.
    """

    folder: Path
    store: str | None = None
    environment: str | None = None
    actor: str = "local"


class Driving(NamedTuple):
    """How a run is driven after an act.

    `wait_ms` bounds or extends the wait for timers, None leaves it to the verb; `detach` drives nothing; `on_change` is
    given the run as it is now, several times a second at most.
    """

    wait_ms: int | None = None
    detach: bool = False
    on_change: Callable[[RunView], None] | None = None


class Rest(NamedTuple):
    """A run as the act left it. `exit_code` is what a shell leaves with.

    `notes` are lines for people, to be shown beside the answer: what was done, which holds stay, what this machine
    lacks. `next_wake` is when its next timer is due, UTC in ms, and `wake` what it is for, in words before a time.
    """

    view: RunView
    exit_code: int
    notes: tuple[str, ...]
    next_wake: int | None
    wake: str | None = None


class Drove(NamedTuple):
    """Every run that `drive` took up. `faults` are runs that could not be driven, a sentence each."""

    rests: Sequence[Rest]
    faults: tuple[str, ...]
    exit_code: int


def exit_code(status: str) -> int:
    """0 completed, 1 ended otherwise, 5 at rest but not finished."""
    if status == RunStatus.COMPLETED:
        return COMPLETED
    if status in {RunStatus.FAILED, RunStatus.CANCELLED, RunStatus.SKIPPED}:
        return ENDED_OTHERWISE
    return AT_REST


def exit_code_of_all(codes: Iterable[int], faults: Iterable[str]) -> int:
    """0 when all completed, else the first that applies of 4, 1, 5."""
    found = {*codes} | ({OUR_FAULT} if any(True for _ in faults) else set())
    return next((code for code in (OUR_FAULT, ENDED_OTHERWISE, AT_REST) if code in found), COMPLETED)
