"""Events change state; nothing else does."""

from __future__ import annotations

from headgate.runtime.events import Event
from headgate.runtime.state import RunState


def evolve(state: RunState, event: Event) -> None:
    """Apply `event`, live and on replay alike. Raises DamagedLog when it does not follow from what came before."""
    raise NotImplementedError
