"""`headgate diff`: two plans by what they mean."""

from __future__ import annotations

from pathlib import Path

import click

from headgate.cli.options import environment_option, format_option


@click.command("diff")
@click.argument("old")
@click.argument("new")
@format_option("text", "json")
@environment_option
def diff(*, old: str, new: str, output: str, environment: str | None) -> int:
    """Compare two plans by what they mean, and say whom the change breaks.

    OLD and NEW are .flow files, FILE#NAME, .plan.json files, or files at a revision of git: REV:PATH as git writes it,
    or the revision alone, for the other one's file (`headgate diff main refund.flow`).

    Exits 1 when callers or waiting approvals break, 0 otherwise. NEW has to pass the gate; of OLD it is enough that it
    compiles.
    """
    from headgate.api.comparing import compare_targets
    from headgate.api.place import Place
    from headgate.cli.output import colour_wanted, print_json

    compared = compare_targets(old, new, Place(Path.cwd(), environment=environment))
    if output == "json":
        from headgate.render.diff_json import diff_json

        print_json(diff_json(compared.old, compared.new, compared.comparison, compared.judgement))
    else:
        from headgate.render.diff_text import diff_text

        text = diff_text(compared.old, compared.new, compared.comparison, compared.judgement, colour=colour_wanted())
        print(text, end="")
    return compared.exit_code
