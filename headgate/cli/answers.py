"""What verbs that drive a run have in common: following it on a terminal, and printing how it stands."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from headgate.cli.output import colour_wanted, columns, print_json, say

if TYPE_CHECKING:
    from headgate.api.place import Driving, Rest
    from headgate.cli.options import Manner
    from headgate.runtime.view import RunView

    Doing = Callable[[Driving], Rest]

EXIT_INTERRUPTED = 130
INTERRUPTED = "interrupted"


def follow(act: Doing, manner: Manner) -> int:
    """Do `act`, showing its run live on a terminal; print how the run stands and return the exit code."""
    return answer(watch(act, manner), manner.output)


def watch(act: Doing, manner: Manner) -> Rest:
    """Do `act`, showing its run live on a terminal."""
    from headgate.api.place import Driving

    how = Driving(manner.wait_ms, manner.detach)
    if manner.output == "json" or manner.detach or not (sys.stdout.isatty() and colour_wanted()):
        return act(how)
    from headgate.render.live import LiveSteps
    from headgate.runtime.clock import SystemClock

    steps = LiveSteps(SystemClock().now_ms)
    with steps.live():
        return act(how._replace(on_change=steps.show))


def answer(rest: Rest, output: str) -> int:
    """Print a run as it rests, and remarks on standard error; returns the exit code."""
    say(rest.notes)
    show(rest.view, output)
    say(wake(rest))
    return EXIT_INTERRUPTED if rest.view.status == INTERRUPTED else rest.exit_code


def wake(rest: Rest) -> tuple[str, ...]:
    """What moves the run on by itself and when, in a line; nothing for a run that no clock moves."""
    from headgate.render.words import moment

    if rest.next_wake is None or rest.wake is None:
        return ()
    return (f"{rest.wake} at {moment(rest.next_wake)} UTC",)


def show(view: RunView, output: str) -> None:
    """Print one run."""
    if output == "json":
        from headgate.render.run_json import run_object

        print_json(run_object(view))
    else:
        from headgate.render.runs_text import run_text
        from headgate.runtime.clock import SystemClock

        print(run_text(view, SystemClock().now_ms(), width=columns(), colour=colour_wanted()), end="")
