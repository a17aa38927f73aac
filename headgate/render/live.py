"""The list of steps as a run goes on, for a terminal. Rich is imported when somebody watches."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from headgate.render.runs_text import asks_a_person, step_remark
from headgate.render.words import run_facts, span, step_facts
from headgate.runtime.view import RunView, StepView

if TYPE_CHECKING:
    from rich.console import Group
    from rich.live import Live
    from rich.text import Text

REFRESH_PER_SECOND = 8
NAME_LIMIT = 32
ROWS = 30
_MOVING = {"running", "waiting", "retrying", "held", "interrupted", "ready"}


class LiveSteps:
    """Give `show` to whoever drives the run. `now` tells the time in ms, so that what runs is seen to run."""

    def __init__(self, now: Callable[[], int]) -> None:
        self._now = now
        self._view: RunView | None = None

    def show(self, view: RunView) -> None:
        """Take note of how the run stands; the next refresh draws it."""
        self._view = view

    def live(self) -> Live:
        """The display: a context manager that redraws until it is left."""
        from rich.console import Console
        from rich.live import Live

        return Live(
            console=Console(highlight=False),
            get_renderable=self.drawing,
            refresh_per_second=REFRESH_PER_SECOND,
            transient=True,
        )

    def drawing(self) -> Group:
        """The list as it stands now."""
        from rich.console import Group
        from rich.text import Text

        view = self._view
        if view is None:
            return Group(Text("starting", style="bright_black"))
        facts = run_facts(view.status)
        head = Text(f"{view.workflow} {view.run}  ")
        head.append(f"{facts.mark} {view.status}" + (f" ({view.detail})" if view.detail else ""), style=facts.colour)
        shown = _most_telling(view)
        rows = [self._row(path, step, view) for path, step in shown]
        hidden = len(view.steps) - len(shown)
        if hidden:
            rows.append(Text(f"  and {hidden} more", style="bright_black"))
        return Group(head, *rows)

    def _row(self, path: str, step: StepView, view: RunView) -> Text:
        from rich.text import Text

        facts = step_facts(step.status)
        took = "" if step.started_at is None else span((step.ended_at or self._now()) - step.started_at)
        row = Text("  ", no_wrap=True, overflow="ellipsis")
        row.append(facts.mark, style=facts.colour)
        row.append(f" {path[:NAME_LIMIT]:<{min(NAME_LIMIT, max(map(len, view.steps)))}}  ")
        row.append(f"{step.kind:<7} ", style="bright_black")
        row.append(f"{took:>10}  ", style="bright_black" if step.ended_at else "default")
        row.append(_waits(path, step, view, self._now()), style=facts.colour)
        return row


def _most_telling(view: RunView) -> list[tuple[str, StepView]]:
    """All steps when they fit, else what moves and what ended last."""
    steps = list(view.steps.items())
    if len(steps) <= ROWS:
        return steps
    moving = [item for item in steps if item[1].status in _MOVING][:ROWS]
    ended = sorted((item for item in steps if item[1].ended_at), key=lambda item: item[1].ended_at or 0)
    chosen = dict(moving) | dict(ended[len(moving) - ROWS :] if len(moving) < ROWS else [])
    return [item for item in steps if item[0] in chosen]


def _waits(path: str, step: StepView, view: RunView, now: int) -> str:
    """What it waits for, with the command that answers when a person has to."""
    if asks_a_person(step):
        return f"waits for {step.detail}: headgate approve {view.run} {path}"
    left = f", {span(step.resume_at - now)} left" if step.resume_at is not None else ""
    if step.status == "waiting":
        return f"waits for {step.detail}{left}"
    if step.status == "retrying":
        return f"tries again{left}  {step_remark(step)}"
    attempts = f"attempt {step.attempts}  " if step.attempts > 1 else ""
    return attempts + step_remark(step)
