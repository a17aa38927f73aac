"""`headgate instances`: what is bound to what, and whether it could be used."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from headgate.cli.connections import banner
from headgate.cli.options import format_option, placed
from headgate.cli.output import colour_wanted, columns, print_json

if TYPE_CHECKING:
    from headgate.api.place import Place


@click.command("instances")
@click.option("--validate", is_flag=True, help="Ask each: reachable, connection wired, profile active, tools listed.")
@format_option("text", "json")
@placed
def instances(*, validate: bool, output: str, place: Place) -> int:
    """List the instances of headgate.toml as an environment binds them.

    With --validate the exit code is 1 when one is not right.
    """
    from headgate.api.instances import instances as bound
    from headgate.render.instances import instance_object, instances_text

    found = bound(place, validate=validate)
    banner(place)
    if output == "json":
        print_json([instance_object(view) for view in found])
    else:
        print(instances_text(found, width=columns(), colour=colour_wanted()), end="")
    return 1 if any(view.valid is False for view in found) else 0
