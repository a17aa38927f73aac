"""What will move a run that rests: the invariant that no run is ever forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from headgate.runtime.state import RunState


class WakeSource(NamedTuple):
    """`kind` is `attempt`, `timer`, `approval`, `subrun`, `hold` or `ready`; `what` names it."""

    kind: str
    what: str


def next_wake(state: RunState) -> int | None:
    """When the first timer is due, UTC in ms; None when nothing is armed or the run has ended."""
    raise NotImplementedError


def wake_sources(state: RunState) -> Iterator[WakeSource]:
    """Everything that will move this run, lazily. An open run at rest has at least one."""
    raise NotImplementedError
