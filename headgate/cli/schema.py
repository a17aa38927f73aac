"""`headgate schema`."""

from __future__ import annotations

import click


@click.command("schema")
@click.argument("name", required=False)
def schema(*, name: str | None) -> None:
    """Print the JSON Schema of one of the formats: plan, events, workspace, findings.

    Without a NAME, list the names.
    """
    from headgate.api import schemas
    from headgate.cli.output import print_json

    if name is None:
        print("\n".join(schemas.NAMES))
    else:
        print_json(schemas.schema(name))
