"""`headgate init`: a new workspace."""

from __future__ import annotations

from pathlib import Path
from textwrap import indent

import click

from headgate.cli.options import format_option


@click.command("init")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=Path())
@format_option("text", "json")
def init(*, folder: Path, output: str) -> None:
    """Make a workspace in FOLDER, else here: headgate.toml, a first workflow, a pre-commit entry, CI jobs.

    What is there already is kept as it is.
    """
    from headgate.api.starting import make_workspace
    from headgate.cli.output import print_json

    made = make_workspace(folder)
    if output == "json":
        print_json([{"path": each.path, "written": each.written} for each in made])
        return
    for each in made:
        print(f"{'wrote' if each.written else 'kept '} {folder / each.path}")
    for each in made:
        if each.missing:
            print(f"\n{each.path} was there; add this to it:\n\n{indent(each.missing.rstrip(), '    ')}")
    enter = "" if folder == Path() else f"cd {folder} && "
    print(f"\nnow try: {enter}headgate check && headgate run hello.flow -i name=Ada")
