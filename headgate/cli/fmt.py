"""`headgate fmt`: the layout."""

from __future__ import annotations

import sys

import click

from headgate.cli.options import format_option


@click.command("fmt")
@click.argument("paths", nargs=-1, metavar="[PATH...]")
@click.option("--check", "only_check", is_flag=True, help="Change nothing; exit 1 when a file is laid out otherwise.")
@click.option("--diff", is_flag=True, help="Change nothing; show what would change.")
@format_option("text", "json")
def fmt(*, paths: tuple[str, ...], only_check: bool, diff: bool, output: str) -> int:
    """Lay files out. There is one layout, and nothing to configure.

    PATH is a .flow file, a folder, or - to read standard input and write standard output; without one, the workspace.
    A file that does not parse is left as it is (exit 1).
    """
    from headgate.api import formatting
    from headgate.cli.output import findings_text, print_json

    if "-" in paths and len(paths) > 1:
        raise click.UsageError("`-` stands alone")
    through = paths == ("-",)
    layout = formatting.lay_out_text(sys.stdin.buffer.read()) if through else formatting.lay_out(paths)
    changed = [each for each in layout.files if each.changed]
    if not (only_check or diff):
        formatting.write(changed)
    if output == "json":
        print_json(
            {
                "files": len(layout.files),
                "changed": [each.path for each in changed],
                "broken": [file.source.path for file in layout.broken.files],
                "written": not (only_check or diff or through),
            }
        )
    elif diff:
        print("".join(each.diff() for each in changed), end="")
    elif through and not only_check:
        print("".join(each.after for each in layout.files), end="")
    for each in changed if output == "text" and not (diff or through) else ():
        print(f"{'would lay out' if only_check else 'laid out'} {each.path}", file=sys.stderr)
    for message in layout.unreadable:
        print(f"headgate: {message}", file=sys.stderr)
    if layout.broken.files:
        print(findings_text(layout.broken, sys.stderr), end="", file=sys.stderr)
    if layout.unreadable:
        return 3
    return 1 if layout.broken.files or (changed and (only_check or diff)) else 0
