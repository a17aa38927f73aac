"""`headgate lock`: what the live instances say."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from headgate.cli.options import format_option, placed
from headgate.cli.output import print_json, say, say_waiting

if TYPE_CHECKING:
    from headgate.api.asking import Asked
    from headgate.api.place import Place


@click.command("lock")
@click.argument("instances", nargs=-1, metavar="[INSTANCE...]")
@click.option("--check", "compare", is_flag=True, help="Change nothing; exit 1 when the servers differ from the lock.")
@format_option("text", "json")
@placed
def lock(*, instances: tuple[str, ...], compare: bool, output: str, place: Place) -> int:
    """Write headgate.lock from what the live instances say of their tools, so that `check` is exact and offline.

    The published workflows that are called from here are written down too, with their inputs and outputs. Without an
    INSTANCE, all active ones are asked. Exit codes: 0 written or the same, 1 it differs (--check), 3 an instance said
    nothing, and nothing was written.
    """
    from headgate.api import locking
    from headgate.api.asking import NOBODY, Listener

    listener = Listener(_tell, say_waiting) if output == "text" and sys.stderr.isatty() else NOBODY
    report = locking.lock(place, instances, compare=compare, listener=listener)
    say(report.faults)
    if output == "json":
        print_json(
            {
                "path": str(report.path),
                "instances": list(report.instances),
                "tools": report.tools,
                "workflows": list(report.workflows),
                "differences": list(report.differences),
                "faults": list(report.faults),
                "written": report.written,
            }
        )
        return report.exit_code
    for difference in report.differences:
        print(difference)
    if report.faults:
        return report.exit_code
    many = f"{_counted(report.tools, 'tool')} of {_counted(len(report.instances), 'instance')}"
    state = "written" if report.written else "differs from the servers" if report.exit_code else "up to date"
    if report.workflows:
        many += f", {_counted(len(report.workflows), 'published workflow')}"
    print(f"{report.path.name}: {many}; {state}")
    return report.exit_code


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _tell(asked: Asked) -> None:
    if asked.tools is not None:
        say([f"{asked.name}: {_counted(len(asked.tools), 'tool')}"])
