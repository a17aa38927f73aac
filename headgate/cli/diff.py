"""`headgate diff`: two plans by what they mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from headgate.cli.options import format_option, placed

if TYPE_CHECKING:
    from headgate.api.place import Place


@click.command("diff")
@click.argument("old")
@click.argument("new")
@format_option("text", "json")
@placed
def diff(*, old: str, new: str, output: str, place: Place) -> int:
    """Compare two plans by what they mean, and say whom the change breaks.

    OLD and NEW are .flow files, FILE#NAME, .plan.json files, versions of a published workflow (NAME@2, or NAME for the
    active one), or files at a revision of git: REV:PATH as git writes it, or the revision alone, for the other one's
    file (`headgate diff main refund.flow`). Of an OLD version it is said how many open runs are on it.

    Exits 1 when callers or waiting approvals break, 0 otherwise. NEW has to pass the gate; of OLD it is enough that it
    compiles.
    """
    from headgate.api.comparing import compare_targets
    from headgate.cli.output import colour_wanted, print_json, say

    compared = compare_targets(old, new, place)
    if output == "json":
        from headgate.render.diff_json import diff_json

        print_json(diff_json(compared.old, compared.new, compared.comparison, compared.judgement))
    else:
        from headgate.render.diff_text import diff_text

        text = diff_text(compared.old, compared.new, compared.comparison, compared.judgement, colour=colour_wanted())
        print(text, end="")
    if compared.in_flight:
        stay = "run stays on it and finishes" if compared.in_flight == 1 else "runs stay on it and finish"
        say([f"{compared.in_flight} open {stay}: {compared.old.shown}"])
    return compared.exit_code
