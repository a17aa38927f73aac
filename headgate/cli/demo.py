"""`headgate demo`: from text to a finished run, each stage shown as it happens."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from textwrap import fill, indent
from typing import TYPE_CHECKING

import click

from headgate.cli import answers
from headgate.cli.options import Manner, login_name
from headgate.cli.output import colour_wanted, columns

if TYPE_CHECKING:
    from headgate.api.place import Driving, Place, Rest
    from headgate.plan import Plan

DEFAULT = "headgate-demo"
WIDTH = 96
AT_REST = 5
NOTE = "approved by the demo itself: nobody was there to ask"


@click.command("demo")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=Path(DEFAULT))
@click.option("--yes", is_flag=True, help="Approve without asking.")
def demo(*, folder: Path, yes: bool) -> int:
    """See a workflow go from text to a finished run, with no set-up: text, gate, plan, run, approval, timeline.

    It works in FOLDER, ./headgate-demo unless said otherwise, and brings its own small MCP server. Where nobody can be
    asked, it approves itself and says so.
    """
    from headgate.api.demonstrating import lay_out_demo
    from headgate.api.place import Place

    flow = lay_out_demo(folder)
    place = Place(folder.resolve(), None, None, login_name())
    _write(flow, place)
    _check(flow)
    plan = _compile(flow)
    rest = _run(flow, place)
    if rest.exit_code == AT_REST:
        rest = _approve(rest, place, asked=not yes and sys.stdin.isatty())
    _look_back(rest, place)
    _close(folder, rest, plan)
    return rest.exit_code


def _stage(title: str, text: str) -> None:
    heading = f"== {title} "
    heading += "=" * max(3, WIDTH - len(heading))
    print(f"\n\x1b[1m{heading}\x1b[0m" if colour_wanted() else f"\n{heading}")
    print(fill(" ".join(text.split()), WIDTH) + "\n", flush=True)


def _write(flow: Path, place: Place) -> None:
    _stage(
        "1. text",
        f"""A workflow is text. This one, {flow}, looks an order up in a shop (an MCP server), adds up its lines
        (a Lua script), asks a person, pays the money back, and writes to the customer.""",
    )
    print(indent(flow.read_text(encoding="utf-8").rstrip(), "    "))
    from headgate.api.locking import lock

    lock(place)
    print("\n`headgate lock` has asked the shop for its tools; headgate.lock remembers them, so the gate is offline.")


def _check(flow: Path) -> None:
    from headgate.api.checking import check, check_text
    from headgate.api.demonstrating import misspelt
    from headgate.render.findings_text import findings_text

    _stage("2. the gate", "Nothing runs that has not passed the gate. Here is what it says of a typo:")
    report = check_text(misspelt(flow.read_text(encoding="utf-8")), flow)
    print(indent(findings_text(report, colour=colour_wanted()), "    "))
    print("And of the file as it is (`headgate check`):\n")
    print(indent(findings_text(check([str(flow)]), colour=colour_wanted()), "    "), end="")


def _compile(flow: Path) -> Plan:
    from headgate.api.compiling import compile_target
    from headgate.render.graph_svg import graph_svg
    from headgate.render.graph_text import graph_text
    from headgate.render.picture import picture

    _stage("3. the plan", "What passed compiles to a plan: canonical JSON with a digest, all that the runtime needs.")
    plan = compile_target(str(flow), None).plan
    assert plan is not None, "the demo's workflow passes the gate"
    drawn = picture(plan)
    drawing = flow.with_suffix(".svg")
    drawing.write_text(graph_svg(drawn, f"{plan.workflow}: {plan.title}"), encoding="utf-8")
    print(indent(f"digest {plan.digest}\n{graph_text(drawn, plan.workflow)}", "    "))
    print(f"`headgate graph` draws it; see {drawing}.")
    return plan


def _run(flow: Path, place: Place) -> Rest:
    from headgate.api import running
    from headgate.api.inputs import Given

    _stage(
        "4. the run",
        """`headgate run` starts it. Every event is on the disk before the next effect starts: kill the process at any
        point, and `headgate drive` goes on from there. This run will stop where a person has to decide.""",
    )

    def start(how: Driving) -> Rest:
        return running.run(str(flow.resolve()), Given({}, {}), place, how)

    return _followed(start)


def _approve(rest: Rest, place: Place, *, asked: bool) -> Rest:
    from headgate.api import deciding, history, operating

    approval = history.approvals(place, rest.view.run)[0]
    _stage("5. the approval", "The refund cannot be undone, so its step has a gate. Nothing was paid yet.")
    print(f"    {approval.title}\n")
    verb, comment = "approve", NOTE
    if asked:
        verb = "approve" if click.confirm("    Do you approve?", default=True) else "deny"
        comment = "decided in the demo"
    else:
        print(f"    {NOTE}; `headgate approve {approval.id}` does the same.")
    print()
    act = operating.Act(verb, args={"comment": comment})
    return _followed(lambda how: deciding.decide(deciding.Chosen(approval.id), act, place, how))


def _look_back(rest: Rest, place: Place) -> None:
    from headgate.api import history
    from headgate.render.timeline import timeline_text
    from headgate.runtime.clock import SystemClock

    _stage("6. the timeline", "What happened, from the log (`headgate timeline`): full bars ran, light ones waited.")
    events = history.events(rest.view.run, place)
    chart = timeline_text(
        rest.view, events, SystemClock().now_ms(), width=columns() or WIDTH + 4, colour=colour_wanted()
    )
    print(indent(chart, "    "), end="")


def _close(folder: Path, rest: Rest, plan: Plan) -> None:
    _stage("now you", f"Everything is in {folder}, the shop's books in shop.json and every event in .headgate/.")
    print(f"    cd {folder}")
    run = rest.view.run
    for command, about in (
        (f"show {run}", "the run, its steps and its output"),
        (f"events {run}", "its log"),
        ("run demo.flow -i order=A-1043", f"`{plan.workflow}` once more, for another order"),
        ("init ../mine", "a workspace of your own"),
    ):
        print(f"    {_program()} {command:<46} # {about}")


def _program() -> str:
    """How this program is called here: by its name when the shell finds it, else by its path."""
    return "headgate" if shutil.which("headgate") else str(Path(sys.argv[0]).resolve())


def _followed(act: answers.Doing) -> Rest:
    """Do `act` with a live list on a terminal, and print how the run stands."""
    rest = answers.watch(act, Manner("text", None, detach=False))
    print(indent(_standing(rest), "    "), end="", flush=True)
    return rest


def _standing(rest: Rest) -> str:
    from headgate.render.runs_text import run_text
    from headgate.runtime.clock import SystemClock

    return run_text(rest.view, SystemClock().now_ms(), width=columns(), colour=colour_wanted())
