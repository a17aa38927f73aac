"""`headgate doctor`: what is wrong, and the fix."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from headgate.cli.options import format_option, placed
from headgate.cli.output import colour_wanted, print_json

if TYPE_CHECKING:
    from headgate.api.diagnosing import Examined
    from headgate.api.place import Place
    from headgate.plan import Json


@click.command("doctor")
@format_option("text", "json")
@placed
def doctor(*, output: str, place: Place) -> int:
    """Say what is wrong with workspace, lock, store and servers, and the fix. Nothing is changed.

    Exit code 1 when anything is an error.
    """
    from headgate.api.diagnosing import diagnose

    if output == "json":
        diagnosis = diagnose(place)
        print_json([_object(each) for each in diagnosis.examined])
        return diagnosis.exit_code
    diagnosis = diagnose(place, _tell)
    worst = {str(each.verdict) for each in diagnosis.examined}
    if worst <= {"fine"}:
        print("\nall is well")
    return diagnosis.exit_code


def _object(each: Examined) -> Json:
    return {"subject": each.subject, "verdict": str(each.verdict), "message": each.message, "fix": each.fix}


def _tell(each: Examined) -> None:
    """One thing that was looked at, as soon as it is known."""
    from headgate.render.diagnosis import diagnosis_line

    print(diagnosis_line(each.subject, str(each.verdict), each.message, each.fix, colour=colour_wanted()), flush=True)
