"""Where the runs of one driver meet the limits: on their way in, at each call that costs, and when they end."""

from __future__ import annotations

from collections.abc import Callable, Container

from headgate.runtime.admitting import UNPAID
from headgate.runtime.closing import fail_run
from headgate.runtime.commands import Record
from headgate.runtime.driven import DrivenRun
from headgate.runtime.events import EventType
from headgate.runtime.limiting import Limiter, Turn
from headgate.runtime.lining import Line, admitted
from headgate.runtime.status import TERMINAL_PHASES
from headgate.runtime.store import limits


class Turnstile:
    """Without a `limiter` everybody passes. `line` are those that wait for their turn."""

    __slots__ = ("limiter", "line", "releases")

    def __init__(self) -> None:
        self.limiter: Limiter | None = None
        self.line = Line()
        self.releases = 0  # how often runs were asked to go on because a limit let them

    def enter(self, driven: DrivenRun) -> None:
        """A new run takes its place in the line, with its creation."""
        also = None if self.limiter is None else self.limiter.entered(driven.state, driven.lease.root)
        if also is not None:
            driven.also.append(also)

    def admit(
        self, driven: DrivenRun, at: int, displace: Callable[[str], None], follow: Callable[[str], None]
    ) -> list[Record] | None:
        """What is appended in place of the start of a run; None when it starts.

        It is asked for when it is stored: two are never one. `displace` is given each run that makes room for it,
        `follow` who is next in its line.
        """
        limiter = self.limiter
        if limiter is None or limiter.is_free(driven.state):
            return None
        if driven.stored is None:
            self.line.accept(driven.id)
            return []
        answer = limiter.admit(driven.state, driven.lease.root, at)
        if answer.turn is Turn.WAIT:
            self.line.wait(answer.line, driven.id, answer.rivals)
            for run in answer.victims:
                displace(run)
            return []
        follower = self.line.leave(driven.id)
        if follower is not None:
            follow(follower)
        return admitted(answer)

    def leave(self, driven: DrivenRun) -> None:
        """An ended run gives its place to the next, once its end is stored."""
        if driven.state.phase in TERMINAL_PHASES and self.limiter is not None:
            if driven.stored is None or driven.stored.ended_at is None:
                driven.also.append(limits.let_go(driven.id))
            self.line.leave(driven.id)
            self.line.call_first()

    def meter(self, driven: DrivenRun, record: Record, at: int) -> Record:
        """The record of a call that costs, with what is reserved for it, or settled."""
        if record.type is EventType.AGENT_ASKED:
            return self.reserve(driven, record, at)
        assert self.limiter is not None, "metering is set with a limiter"
        record, also = self.limiter.settle(driven.state, record, at)
        driven.also += also
        return record

    def reserve(self, driven: DrivenRun, record: Record, at: int) -> Record:
        """The record of a call that is about to be made, with what is reserved for it."""
        if self.limiter is None:
            return record
        record, also = self.limiter.reserve(driven.state, record, at)
        driven.also += [] if also is None else [also]
        return record

    def pay_again(self, driven: DrivenRun, at: int) -> None:
        """A run that failed for want of a credit needs one to be redriven, too."""
        message = None if self.limiter is None else self.limiter.pay(driven.state, at)
        for command in [] if message is None else fail_run(driven.state, UNPAID, None, message):
            if isinstance(command, Record):
                driven.append(command, at)

    def look_again(self, at: int) -> None:
        """Looks at the limits again: other processes' runs may have ended, a cap been raised, a period be over."""
        if self.limiter is not None:
            self.releases += self.limiter.look_again(at)
            self.line.call_first()

    def waits_for_others(self, ours: Container[str]) -> bool:
        """Whether a run waits in line for one that another process drives; `ours` are driven here."""
        limiter = self.limiter
        return limiter is not None and any(
            rival not in ours and limiter.is_driven(rival) for rival in self.line.rivals()
        )
