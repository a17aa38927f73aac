"""`headgate simulate`: a plan on a virtual clock."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from headgate.cli.options import duration, format_option, pair, placed

if TYPE_CHECKING:
    from headgate.api.place import Place
    from headgate.api.simulating import Question

PROGRESS_EVERY = 10


@click.command("simulate")
@click.argument("target", metavar="FILE")
@click.option("-i", "--input", "texts", type=pair, multiple=True, metavar="NAME=VALUE", help="An input, many times.")
@click.option("--inputs", "file", metavar="FILE", help="Inputs as one JSON object; - is standard input.")
@click.option(
    "--given",
    "answers",
    metavar="FILE",
    help="JSON: step to result, list of results, {error} or {decision}; - is standard input.",
)
@click.option(
    "--took", "took", type=pair, multiple=True, metavar="STEP=DURATION", help="How long a step takes, many times."
)
@click.option(
    "--failures", type=float, default=0.0, show_default=True, metavar="RATE", help="The share of attempts that fail."
)
@click.option("--seed", type=click.IntRange(min=0), metavar="N", help="Show the path of this seed alone.")
@click.option(
    "--seeds", type=click.IntRange(min=1), default=100, show_default=True, metavar="N", help="How many seeds to run."
)
@click.option("--strict", is_flag=True, help="Exit 1 when a seed failed though nothing was drawn or given to fail.")
@format_option("text", "json")
@placed
def simulate(
    *,
    target: str,
    texts: tuple[tuple[str, str], ...],
    file: str | None,
    answers: str | None,
    took: tuple[tuple[str, str], ...],
    failures: float,
    seed: int | None,
    seeds: int,
    strict: bool,
    output: str,
    place: Place,
) -> int:
    """Run a plan on a virtual clock: which paths, how long, what it would cost.

    The runtime that drives real runs drives these, with a store in memory. Inputs and results that are not given are
    made up from the seed, to fit their schemas and to meet the workflow's own comparisons. Nothing is called, and the
    same seed gives the same output.

    FILE is a .flow file, FILE#NAME for one workflow of it, a .plan.json, or the NAME of a published workflow (NAME@2
    for one of its versions). Exits 0 when it was simulated, 1 under
    --strict when a seed shows a fault, 2 for what does not fit, 3 when there is no plan.
    """
    from headgate.api.inputs import Given
    from headgate.api.simulating import Question
    from headgate.cli.run import read_object, unique

    if file == answers == "-":
        raise click.UsageError("standard input can hold the inputs or the answers, not both")
    question = Question(
        target,
        Given(unique(texts), read_object(file, "one value for each input") if file else {}),
        read_object(answers, "an answer for each step") if answers else {},
        {name: duration(text) for name, text in took},
        failures,
    )
    if seed is None:
        return _study(question, seeds, place, strict=strict, output=output)
    return _play(question, seed, place, strict=strict, output=output)


def _play(question: Question, seed: int, place: Place, *, strict: bool, output: str) -> int:
    from headgate.api.simulating import play
    from headgate.cli.output import colour_wanted, columns, print_json, say
    from headgate.render.simulation_json import played_json
    from headgate.render.simulation_text import played_text

    played = play(question, seed, place)
    if output == "json":
        print_json(played_json(played.plan, played.run, played.cost, played.notes))
    else:
        say(played.notes)
        print(played_text(played.run, played.cost, width=columns(), colour=colour_wanted()), end="")
    return int(strict and played.run.unexpected)


def _study(question: Question, seeds: int, place: Place, *, strict: bool, output: str) -> int:
    from headgate.api.simulating import study
    from headgate.cli.output import colour_wanted, columns, print_json, say
    from headgate.render.simulation_json import studied_json
    from headgate.render.simulation_text import studied_text

    studied = study(question, seeds, place, _progress if sys.stderr.isatty() else None)
    if output == "json":
        print_json(studied_json(studied.plan, studied.tally, studied.bound_ms, studied.notes))
    else:
        say(studied.notes)
        text = studied_text(studied.plan, studied.tally, studied.bound_ms, width=columns(), colour=colour_wanted())
        print(text, end="")
    return int(strict and bool(studied.tally.faults))


def _progress(done: int, seeds: int) -> None:
    """One line that is written over, and wiped at the end."""
    if done == seeds:
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)
    elif done % PROGRESS_EVERY == 0:
        print(f"\rsimulated {done} of {seeds} seeds", end="", file=sys.stderr, flush=True)
