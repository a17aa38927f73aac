"""The people of a simulation: they decide what waits for them, as given or as drawn, when a while has passed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from headgate.runtime.driven import DrivenRun
from headgate.runtime.judging import Request, Verdict
from headgate.runtime.simulation.answers import Performance
from headgate.runtime.simulation.assumptions import DECISION_MS, Assumptions, drawn_decision, drawn_ms, plain_path
from headgate.runtime.simulation.drawing import draw_of
from headgate.runtime.state import Approval
from headgate.runtime.verdicts import Refusal

VERBS = {"approved": "approve", "denied": "deny"}
NOBODY = "nobody in particular"


class People:
    """Decides the approvals of one seed. `ask` passes an act to the driver of a run."""

    def __init__(
        self, seed: int, assumptions: Assumptions, performance: Performance, ask: Callable[[str, Request], Verdict]
    ) -> None:
        self._seed = seed
        self._assumptions = assumptions
        self._performance = performance
        self._ask = ask
        self._seen: set[str] = set()

    def look(self, driven: DrivenRun) -> None:
        """Takes up what is newly asked in a run."""
        for approval in driven.state.approvals.values():
            if approval.status == "pending" and approval.task not in self._seen:
                self._seen.add(approval.task)
                self._take_up(driven, approval)

    def _take_up(self, driven: DrivenRun, approval: Approval) -> None:
        random = draw_of(self._seed, driven.state.workflow, approval.step, "asked", len(self._seen))
        answer = self._performance.decision(approval.step)
        decision = drawn_decision(random) if answer is None or answer.decision is None else answer.decision
        verb = VERBS.get(decision)
        if verb is None:
            return  # the expiry is a timer of the run's own
        path = plain_path(approval.step)
        said = self._assumptions.took.get(approval.step, self._assumptions.took.get(path))
        human = driven.state.steps[approval.step].plan.kind == "human"
        drawn = min(drawn_ms(min(DECISION_MS, max(approval.expires // 3, 1)), random), max(approval.expires - 1, 0))
        wait = said if said is not None and human else drawn
        by = approval.assignees[0] if approval.assignees else NOBODY
        comment = None if answer is None else answer.comment
        request = Request(verb, by, approval.step, approval.task, {} if comment is None else {"comment": comment})
        asyncio.get_running_loop().call_later(wait / 1000, self._decide, driven, approval.task, request)

    def _decide(self, driven: DrivenRun, task: str, request: Request) -> None:
        """Says it, unless it was withdrawn meanwhile."""
        if driven.state.approvals[task].status == "pending" and not driven.state.overdue.get(task):
            verdict = self._ask(driven.id, request)
            assert not isinstance(verdict, Refusal) or driven.state.holds or driven.state.ended_at, verdict
