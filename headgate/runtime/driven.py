"""One run in the hands of a driver: its state, and what it appended since the last commit."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from headgate.plan import JsonObject, Plan
from headgate.runtime.codec import encode
from headgate.runtime.commands import Abort, Command, Perform, Prepare, Purpose, Record
from headgate.runtime.decider import decide, evolve
from headgate.runtime.events import Event, EventType
from headgate.runtime.masking import Mask
from headgate.runtime.preparing import prepare
from headgate.runtime.projecting import project, project_approval
from headgate.runtime.sealing import Seal
from headgate.runtime.state import RunState
from headgate.runtime.status import Phase, WaitsFor
from headgate.runtime.store import Also, ApprovalRow, Lease, Notice, RunRow, RunWrite, cleared, listens, noted, taken
from headgate.runtime.times import iso
from headgate.runtime.view import mask_of
from headgate.runtime.weighing import opening

_APPROVALS = frozenset(
    {
        EventType.APPROVAL_REQUESTED,
        EventType.APPROVAL_DECIDED,
        EventType.APPROVAL_EXPIRED,
        EventType.APPROVAL_CANCELLED,
        EventType.APPROVAL_EXTENDED,
        EventType.APPROVAL_EXPIRING,
    }
)
# What a driver that may only record leaves alone, and what the host completes: it starts an effect or a run.
_STARTS = frozenset({Purpose.DISPATCH, Purpose.CHILD})
_PIECES = frozenset({EventType.AGENT_ASKED, EventType.TOOL_CALLED})
_COMPLETED = _STARTS | {Purpose.APPROVAL}
_BEGINNINGS = frozenset({EventType.RUN_STARTING, EventType.RUN_ACTIVATED})
_METERED = frozenset(
    {
        EventType.AGENT_ASKED,
        EventType.AGENT_ANSWERED,
        EventType.ATTEMPT_SUCCEEDED,
        EventType.ATTEMPT_FAILED,
        EventType.ATTEMPT_LOST,
        EventType.ATTEMPT_CANCELLED,
    }
)


Completion: TypeAlias = "Callable[[DrivenRun, Record, int], Record]"
Admission: TypeAlias = "Callable[[DrivenRun, int], list[Record] | None]"
"""What to append in place of the run's start, nothing while it waits for its turn; None when it may start."""
Metering: TypeAlias = "Callable[[DrivenRun, Record, int], Record]"
"""What calls a model with what it may cost, or how the call ended with what it did."""


class DrivenRun:
    """A run that this process leads. `started` and `aborted` are what to do once the appended events are committed.

    `also` are further rows that the appended events change; `metering` is told of calls. `stored` is the
    projection as it stands in the store, None for a run that is not there yet.
    """

    __slots__ = (
        "_answers",
        "_events",
        "_hidden",
        "_listened",
        "_mask",
        "_taken",
        "_touched",
        "_warned",
        "aborted",
        "also",
        "heard",
        "lease",
        "metering",
        "new_plan",
        "seal",
        "started",
        "state",
        "stored",
    )

    def __init__(self, state: RunState, lease: Lease, stored: RunRow | None, new_plan: bytes | None = None) -> None:
        self.state = state
        self.lease = lease
        self.stored = stored
        self.new_plan = new_plan
        self.heard: dict[str, int] = {}  # path of an open wait -> the number of the last signal it was asked of
        self.started: list[Perform] = []
        self.aborted: list[Abort] = []
        self.also: list[Also] = []
        self.metering: Metering | None = None
        self.seal: Seal | None = None  # of a run that was given secrets, and of those that it calls
        self._events: list[tuple[int, str]] = []
        self._hidden: tuple[str, ...] | None = None
        self._mask = Mask()
        self._touched: dict[str, None] = {}
        self._listened: dict[str, None] = {}
        self._taken: list[str] = []
        self._warned: dict[str, None] = {}
        self._answers: list[tuple[str, JsonObject]] = []

    @property
    def id(self) -> str:
        return self.state.run_id

    @property
    def depth(self) -> int:
        """How many runs called one another above this one, also those that do not wait for it."""
        depth = (self.state.parent or {}).get("depth")
        return depth if isinstance(depth, int) else 0

    @property
    def plan(self) -> Plan:
        return self.state.plan

    def append(self, record: Record, at: int, request_id: str | None = None) -> None:
        """Adds the event of `record` and lets the state follow it; it is durable after the next commit."""
        if self.metering is not None and record.type in _METERED:
            record = self.metering(self, record, at)
        kind, facts, step, actor, reason = record
        state = self.state
        event = Event(state.seq + 1, at, kind, facts, step, actor, reason, request_id)
        if step in state.listening or facts.get("for") == WaitsFor.EVENT:
            self._listened[str(step)] = None
            self.heard.pop(str(step), None)
        if kind is EventType.APPROVAL_EXTENDED and state.approvals[str(facts["task"])].warned:
            self._warned[str(facts["task"])] = None
        if kind is EventType.SIGNAL_RECEIVED:
            self._taken.append(str(facts["signal"]))
        evolve(state, event)
        text = encode(event)
        self._events.append((event.seq, text if self.seal is None else self.seal(event.seq, text)))
        if kind in _APPROVALS:
            self._touched[str(facts["task"])] = None

    def answer(self, request_id: str, answer: JsonObject) -> None:
        """Stores what the driver says to a request, with the events that follow from it."""
        shown = self._hiding().apply(answer)
        assert isinstance(shown, dict), "an answer is a map"
        self._answers.append((request_id, shown))

    def _hiding(self) -> Mask:
        if self._hidden is not self.state.hidden:
            self._hidden, self._mask = self.state.hidden, mask_of(self.state)
        return self._mask

    def settle(self, at: int, complete: Completion, admit: Admission, *, record_only: bool) -> None:
        """Does all that follows from what happened, until only the world can go on.

        `complete` is given what asks for an effect, for its approval or for a sub-run before it is appended; `admit` is
        asked before the run starts. `record_only` starts nothing.
        """
        while True:
            commands = decide(self.state, at)
            if record_only:
                commands = _without_starts(commands)
            if not commands:
                return
            if self.state.phase is Phase.QUEUED and isinstance(commands[0], Record):
                instead = admit(self, at) if commands[0].type is EventType.RUN_STARTING else None
                if instead is not None:
                    for record in instead:
                        self.append(record, at)
                    if instead:
                        continue
                    return
            for command in commands:
                match command:
                    case Record(EventType.APPROVAL_REQUESTED):
                        self.append(complete(self, command, at), at)
                    case Record():
                        self.append(command, at)
                    case Prepare():
                        record = prepare(self.state, command, at)
                        if command.purpose in _COMPLETED:
                            record = complete(self, record, at)
                        self.append(record, at)
                        if record.type is EventType.STEP_HELD:
                            self.append(opening(record), at)
                    case Perform():
                        self.started.append(command)
                    case Abort():
                        self.aborted.append(command)

    @property
    def is_pending(self) -> bool:
        """Whether there is something to commit, or to start after a commit."""
        return bool(self._events or self._answers or self.started or self.aborted)

    def write(self) -> RunWrite | None:
        """What has to be committed, or None. Nothing is forgotten until `committed` is called."""
        if not self._events and not self._answers:
            return None
        row = project(self.state, self.lease.root)
        new = self.stored is None
        return RunWrite(
            self.id,
            self.lease,
            self._events,
            None if row == self.stored else row,
            self._approvals(),
            tuple(self._answers),
            (self.state.plan_digest, self.new_plan) if self.new_plan is not None else None,
            new,
            (*self._also(), *self.also),
            was=self.stored,
        )

    def committed(self, write: RunWrite) -> None:
        """Takes note that `write` is on the disk."""
        if write.row is not None:
            self.stored = write.row
        self.new_plan = None
        self._events = []
        self._touched = {}
        self._listened = {}
        self._taken = []
        self._warned = {}
        self._answers = []
        self.also = []

    def _also(self) -> tuple[Also, ...]:
        """The open waits that changed, and the signals that were taken."""
        warnings = self._warnings() if self._touched else ()
        if not self._listened:
            return warnings
        listening = self.state.listening
        open_now = listens(self.id, {step: listening.get(step) for step in self._listened})
        return (open_now, *(taken(signal, self.id) for signal in self._taken), *warnings)

    def _warnings(self) -> tuple[Also, ...]:
        """The notices of approvals that are about to expire, and the end of those that no longer are."""
        at, made = self.state.at, []
        for task in self._touched:
            approval = self.state.approvals[task]
            if approval.status == "pending" and approval.warned:
                message = (
                    f"nobody has decided {task} yet, for `{approval.step}` of run {self.id}: it expires at "
                    f"{iso(approval.expires_at)}"
                )
                made.append(noted(Notice(f"approval-expiring/{task}", at, "approval-expiring", self.id, message)))
            elif task in self._warned or approval.warned:
                made.append(cleared(f"approval-expiring/{task}", at))
        return tuple(made)

    def _approvals(self) -> tuple[ApprovalRow, ...]:
        if not self._touched:
            return ()
        approvals = self.state.approvals
        mask = self._hiding()
        return tuple(project_approval(self.id, approvals[task], mask) for task in self._touched)


def _without_starts(commands: list[Command]) -> list[Command]:
    """Without what would start an effect or a run; nothing at all while the run itself has not started."""
    kept: list[Command] = []
    for command in commands:
        match command:
            case Record() if command.type in _BEGINNINGS:
                return kept
            case Prepare() if command.purpose in _STARTS:
                continue
            case Perform():
                continue
            case Record() if command.type in _PIECES:
                continue
            case _:
                kept.append(command)
    return kept
