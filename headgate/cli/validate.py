"""`headgate validate`: the gate and the live bindings."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from headgate.cli.options import environment_option, format_option
from headgate.cli.output import colour_wanted, print_json, say_waiting

if TYPE_CHECKING:
    from headgate.api.validating import Validation
    from headgate.plan import JsonObject


@click.command("validate")
@click.argument("target", metavar="FILE")
@environment_option
@click.option("--strict", is_flag=True, help="Warnings and rules that could not run count too.")
@format_option("text", "json")
def validate(*, target: str, environment: str | None, strict: bool, output: str) -> int:
    """Check a workflow with its servers asked, and whether everything it binds to can be used. Nothing runs.

    FILE is a .flow file, or FILE#NAME for one workflow of it. It is `check --online`, and then each secret, connection,
    model and instance that it uses: defined, active, wired, reachable, with its tools. Exit codes: as `check`, and 1
    when a binding cannot be used.
    """
    from headgate.api.surroundings import Options
    from headgate.api.validating import validate as ask

    waiting = say_waiting if sys.stderr.isatty() else None
    made = ask(target, Options(strict=strict, environment=environment, waiting=waiting))
    if output == "json":
        _say_faults(made)
        print_json(_object(made))
    else:
        _print(made, strict=strict)
    return made.exit_code


def _print(made: Validation, *, strict: bool) -> None:
    from headgate.cli.findings import show
    from headgate.render.diagnosis import diagnosis_line

    show(made.report, "text", strict=strict)
    if made.bindings:
        print()
    for one in made.bindings:
        print(diagnosis_line(one.subject, str(one.verdict), one.message, one.fix, colour=colour_wanted()))


def _say_faults(made: Validation) -> None:
    from headgate.cli.output import say

    say([*made.report.faults, *(one.message for one in made.report.unreadable)])


def _object(made: Validation) -> JsonObject:
    """What `check --format json` says, and `bindings`."""
    from headgate.render.findings_json import findings_object

    bindings: list[JsonObject] = [
        {"subject": one.subject, "verdict": str(one.verdict), "message": one.message, "fix": one.fix}
        for one in made.bindings
    ]
    return {**findings_object(made.report), "bindings": [*bindings]}
