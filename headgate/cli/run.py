"""`headgate run`: start a run here and follow it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from headgate.cli.answers import follow
from headgate.cli.options import Manner, driving, duration, future, pair, placed
from headgate.cli.output import print_findings_json

if TYPE_CHECKING:
    from headgate.api.inputs import Given
    from headgate.api.place import Driving, Place, Rest
    from headgate.api.running import Later
    from headgate.plan import Json, JsonObject


@click.command("run")
@click.argument("target", metavar="FILE|NAME")
@click.option("-i", "--input", "texts", type=pair, multiple=True, metavar="NAME=VALUE", help="An input, many times.")
@click.option("--inputs", "file", metavar="FILE", help="Inputs as one JSON object; - is standard input.")
@click.option("--at", "due_at", type=future, metavar="TIME", help="Start it then: `+2h`, `18:30`, or an ISO time.")
@click.option(
    "--late", metavar="run|skip|DURATION", help="When nobody drives it in time: run it all the same, or skip it."
)
@driving
@placed
def run(
    *,
    target: str,
    texts: tuple[tuple[str, str], ...],
    file: str | None,
    due_at: int | None,
    late: str | None,
    manner: Manner,
    place: Place,
) -> int:
    """Start a run here and follow it until it rests.

    FILE is a .flow file, FILE#NAME for one workflow of it, or a .plan.json; NAME is a published workflow, of which the
    active version is run. Inputs of type string and enum are taken verbatim, others as JSON.

    With --at the run is scheduled and `drive` starts it when it is due: `+2h` from now, `18:30` the next one by this
    machine's clock, or an ISO time (UTC unless it says otherwise; one that is past is due now). --late says what
    becomes of it when it is driven too late: `run` it all the same (unless told otherwise), `skip` it when it is more
    than a minute late, or more than a DURATION.

    Exit codes: 0 completed, 1 failed or cancelled, 2 inputs that do not fit, 3 nothing started, 5 at rest but not
    finished (waiting, paused or scheduled), 6 the workflow is a draft, disabled or archived. With --format json,
    findings of the gate are printed as `check` prints them.
    """
    from headgate.api import running
    from headgate.api.faults import InputsMissing, NothingStarted, UsageFault
    from headgate.api.inputs import Given

    later = _later(due_at, late)
    given = Given(unique(texts), read_object(file, "one value for each input") if file else {})

    def start(how: Driving) -> Rest:
        return running.run(target, given, place, how, later)

    try:
        return follow(start, manner)
    except InputsMissing as gap:
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            raise
        given = _ask(given, gap.missing)
    except UsageFault as fault:
        raise click.UsageError(fault.message) from None
    except NothingStarted as fault:
        if manner.output == "json" and fault.report is not None:
            print_findings_json(fault.report)
            raise NothingStarted(fault.message) from None
        raise
    return follow(start, manner)


def _later(due_at: int | None, late: str | None) -> Later | None:
    """When to start, and how late that may be."""
    from headgate.api.running import Later
    from headgate.runtime.occasions import LATE_AFTER_MS

    if due_at is None:
        if late is not None:
            raise click.UsageError("`--late` is about a run for later: add --at TIME")
        return None
    if late in (None, "run"):
        return Later(due_at)
    return Later(due_at, LATE_AFTER_MS if late == "skip" else duration(late or ""))


def unique(texts: tuple[tuple[str, str], ...]) -> dict[str, str]:
    """The inputs of a command line by name, each given once."""
    given: dict[str, str] = {}
    for name, text in texts:
        if name in given:
            raise click.BadParameter(f"the input `{name}` is given twice")
        given[name] = text
    return given


def read_object(file: str, expected: str) -> JsonObject:
    """The JSON object in a file, `-` for standard input; `expected` says what it should hold."""
    from headgate.api.json_text import read_json

    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8-sig")
        values: Json = read_json(text)
    except OSError as error:
        raise click.BadParameter(f"`{file}` cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise click.BadParameter(f"`{file}` is no UTF-8 text") from None
    except ValueError as error:
        raise click.BadParameter(f"`{file}` holds no JSON: {error}") from None
    if not isinstance(values, dict):
        raise click.BadParameter(f"`{file}` holds no JSON object; expected {expected}")
    return values


def _ask(given: Given, missing: dict[str, object]) -> Given:
    """Ask for the inputs that were not given, on the terminal."""
    answers = dict(given.texts)
    for name, schema in missing.items():
        kind = schema.get("type", "any") if isinstance(schema, dict) else "any"
        about = schema.get("description") if isinstance(schema, dict) else None
        asked = f"{name} ({kind}" + (f", {about})" if about else ")")
        hidden = isinstance(schema, dict) and bool(schema.get("secret"))
        answers[name] = click.prompt(asked, err=True, type=str, hide_input=hidden)
    return given._replace(texts=answers)
