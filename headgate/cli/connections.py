"""Connections: listing them, authorizing one again, refreshing one, giving one up."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from headgate.cli.options import Manner, driving, duration, format_option, placed
from headgate.cli.output import colour_wanted, columns, print_json, say

if TYPE_CHECKING:
    from headgate.api.place import Place


@click.group("connections", invoke_without_command=True)
@format_option("text", "json")
@placed
@click.pass_context
def connections(context: click.Context, *, output: str, place: Place) -> None:
    """List the connections of headgate.toml: how each stands, and the runs that are held for it."""
    if context.invoked_subcommand is not None:
        return
    from headgate.api import connecting
    from headgate.render.connections import connection_object, connections_text

    found = [each._asdict() for each in connecting.connections(place)]
    banner(place)
    if output == "json":
        print_json([connection_object(view) for view in found])
    else:
        print(connections_text(found, width=columns(), colour=colour_wanted()), end="")


@connections.command("remove")
@click.argument("name")
@click.option("--cancel-runs", is_flag=True, help="Cancel the open runs that need it.")
@format_option("text", "json")
@placed
def remove(*, name: str, cancel_runs: bool, output: str, place: Place) -> None:
    """Give up the tokens of NAME, at its provider too. Refused while open runs need it."""
    from headgate.api import connecting

    message, cancelled = connecting.remove(name, place, cancel_runs=cancel_runs)
    if output == "json":
        print_json({"name": name, "message": message, "cancelled": list(cancelled)})
    else:
        print(message)
        for run in cancelled:
            print(f"cancelled {run}")


@connections.command("revoke")
@click.argument("name")
@format_option("text", "json")
@placed
def revoke(*, name: str, output: str, place: Place) -> None:
    """Give up the tokens of NAME until somebody reconnects it: runs that need it are held."""
    from headgate.api import connecting

    message = connecting.revoke_tokens(name, place)
    if output == "json":
        print_json({"name": name, "message": message})
    else:
        print(message)


@click.command("reconnect")
@click.argument("name")
@click.option("--open", "browse", is_flag=True, help="Open the address in the browser of this machine.")
@click.option(
    "--code", "pasted", is_flag=True, help="Ask for the code, or the address that the browser ended at, elsewhere."
)
@click.option(
    "--timeout", "timeout_ms", type=duration, default="10m", show_default=True, help="How long the answer may take."
)
@driving
@placed
def reconnect(
    *,
    name: str,
    browse: bool,
    pasted: bool,
    timeout_ms: int,
    manner: Manner,
    place: Place,
) -> int:
    """Authorize NAME again. It prints the address to open, and waits for the answer on this machine.

    Runs of agents that were held for it go on by themselves; the others after `headgate resume`.
    """
    from headgate.api import connecting
    from headgate.api.authorizing import Person
    from headgate.api.place import Driving
    from headgate.render.connections import connection_object

    person = Person(_tell, _browse if browse else None, _paste if pasted else None, timeout_ms / 1000)
    done = connecting.reconnect(name, place, person, Driving(manner.wait_ms, manner.detach))
    if manner.output == "json":
        from headgate.render.run_json import listed_object

        went_on = [listed_object(rest.view) for rest in done.went_on]
        print_json({**connection_object(done.view._asdict()), "went_on": [*went_on], "waiting": list(done.waiting)})
        return done.exit_code
    print(done.message)
    for rest in done.went_on:
        detail = f" ({rest.view.detail})" if rest.view.detail else ""
        print(f"went on: {rest.view.workflow} {rest.view.run}  {rest.view.status}{detail}")
    for run in done.waiting:
        print(f"may go on: headgate resume {run}")
    return done.exit_code


@click.command("refresh")
@click.argument("name")
@format_option("text", "json")
@placed
def refresh(*, name: str, output: str, place: Place) -> None:
    """Get NAME a new token now. One that was refused for good has to be reconnected."""
    from headgate.api import connecting
    from headgate.render.connections import connection_object

    view, message = connecting.refresh(name, place)
    if output == "json":
        print_json(connection_object(view._asdict()))
    else:
        print(message)


def banner(place: Place) -> None:
    """What people should know, on standard error: it is no part of the answer."""
    from headgate.api.banners import banners

    say(banners(place))


def _tell(text: str) -> None:
    """Standard error, at once: whoever reads the answer from standard output is not the one who opens the address."""
    print(text, file=sys.stderr, flush=True)


def _browse(url: str) -> None:
    import webbrowser

    if not webbrowser.open(url):
        _tell("no browser could be opened here: open the address yourself")


def _paste() -> str:
    _tell("Paste the code, or the whole address that the browser ended at:")
    return sys.stdin.readline()
