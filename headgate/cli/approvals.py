"""The inbox: approvals, approve, deny, answer, extend."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from headgate.cli.answers import follow
from headgate.cli.options import Manner, Why, acting, driving, duration, format_option, pair, placed
from headgate.cli.output import colour_wanted, columns, print_json
from headgate.cli.run import read_object, unique

if TYPE_CHECKING:
    from headgate.api.deciding import Chosen
    from headgate.api.operating import Act
    from headgate.api.place import Driving, Place, Rest

STATUSES = ("pending", "approved", "denied", "expired", "cancelled")
ALL = "all"

names_argument = click.argument("names", nargs=-1, metavar="APPROVAL | RUN STEP")
token_option = click.option("--token", metavar="TOKEN", help="A one-time link's, in place of APPROVAL.")
comment_option = click.option("--comment", metavar="TEXT", help="What to say with it.")


@click.command("approvals")
@click.option("--status", "statuses", type=click.Choice((*STATUSES, ALL)), multiple=True, help="Those in this status.")
@click.option("--run", "run", metavar="RUN", help="Those of this run, whatever their status.")
@click.option("--details", is_flag=True, help="Also the fields, the channel, and your own one-time link.")
@format_option("text", "json")
@placed
def approvals(*, statuses: tuple[str, ...], run: str | None, details: bool, output: str, place: Place) -> None:
    """List the approvals that wait for somebody.

    Where a channel other than the inbox asks, --details shows the token that --as NAME decides with, once. Headgate
    does not send it to anybody yet.
    """
    from headgate.api import history

    found = history.approvals(place, run, STATUSES if ALL in statuses else statuses or None)
    if output == "json":
        from headgate.render.approvals import approval_object

        print_json([approval_object(each._asdict(), details=details) for each in found])
    else:
        from headgate.render.approvals import approvals_text

        rows = [each._asdict() for each in found]
        print(approvals_text(rows, width=columns(), colour=colour_wanted(), details=details), end="")


def _decision(verb: str, doc: str) -> click.Command:
    """The command that decides an approval one way."""

    @click.command(verb, help=doc)
    @names_argument
    @token_option
    @comment_option
    @acting
    @driving
    @placed
    def decide(
        *,
        names: tuple[str, ...],
        token: str | None,
        comment: str | None,
        why: Why,
        manner: Manner,
        place: Place,
    ) -> int:
        from headgate.api import deciding

        chosen = _chosen(names, token)
        act = _act(verb, comment, why)
        return follow(lambda how: deciding.decide(chosen, act, place, how), manner)

    return decide


approve = _decision("approve", "Approve, and drive the run on.")
deny = _decision("deny", "Deny, and drive the run on: what was asked about does not run.")


@click.command("answer")
@names_argument
@click.option("-i", "--input", "texts", type=pair, multiple=True, metavar="NAME=VALUE", help="A field, many times.")
@click.option("--inputs", "file", metavar="FILE", help="Fields as one JSON object; - is standard input.")
@token_option
@comment_option
@acting
@driving
@placed
def answer(
    *,
    names: tuple[str, ...],
    texts: tuple[tuple[str, str], ...],
    file: str | None,
    token: str | None,
    comment: str | None,
    why: Why,
    manner: Manner,
    place: Place,
) -> int:
    """Fill in what is asked for, and drive the run on.

    Fields of type string and enum are taken verbatim, others as JSON; what is left out has its default. Exit code 2
    names each field that does not fit.
    """
    from headgate.api import deciding
    from headgate.api.faults import UsageFault
    from headgate.api.inputs import Given

    chosen = _chosen(names, token)
    given = Given(unique(texts), read_object(file, "one value for each field") if file else {})
    act = _act("answer", comment, why)

    def do(how: Driving) -> Rest:
        return deciding.answer(chosen, given, act, place, how)

    try:
        return follow(do, manner)
    except UsageFault as fault:
        raise click.UsageError(fault.message) from None


@click.command("extend")
@click.argument("names", nargs=-1, required=True, metavar="APPROVAL DURATION | RUN STEP DURATION")
@acting
@driving
@placed
def extend(
    *,
    names: tuple[str, ...],
    why: Why,
    manner: Manner,
    place: Place,
) -> int:
    """Give people DURATION more before an approval expires."""
    from headgate.api import deciding, operating

    if len(names) < 2:
        raise click.UsageError("give an approval's id, or a run and a step, and how much longer, such as `24h`")
    chosen, ms = _chosen(names[:-1], None), duration(names[-1])
    act = operating.Act("extend", reason=why.reason, request_id=why.request_id)
    return follow(lambda how: deciding.extend(chosen, ms, act, place, how), manner)


def _act(verb: str, comment: str | None, why: Why) -> Act:
    """The act with what is said with it: the comment, or the reason where there is none."""
    from headgate.api.operating import Act

    said = comment if comment is not None else why.reason
    return Act(verb, args={"comment": said} if said else {}, reason=why.reason, request_id=why.request_id)


def _chosen(names: tuple[str, ...], token: str | None) -> Chosen:
    from headgate.api.deciding import Chosen

    if token is not None:
        if names:
            raise click.UsageError("give an approval or --token, not both: the token says what it is for")
        return Chosen(token=token)
    if not 1 <= len(names) <= 2:
        raise click.UsageError("give an approval's id, or a run and a step, or --token")
    return Chosen(names[0], names[1] if len(names) > 1 else None)
