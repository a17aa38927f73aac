"""`headgate graph`: the drawing."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from headgate.cli.options import placed

if TYPE_CHECKING:
    from headgate.api.place import Place
    from headgate.plan import Plan
    from headgate.render.picture import Picture

FORMATS = {".svg": "svg", ".mmd": "mermaid", ".md": "mermaid", ".dot": "dot", ".gv": "dot", ".txt": "text"}


@click.command("graph")
@click.argument("file")
@click.option(
    "--format",
    "output",
    type=click.Choice(["svg", "mermaid", "dot", "text", "json"]),
    help="How to draw it; by default what the name after -o says, else svg.",
)
@click.option("-o", "--output", "target", type=click.Path(path_type=Path), help="Write the drawing there.")
@click.option("--run", "run", metavar="RUN", help="Colour it by the statuses of this run.")
@placed
def graph(*, file: str, output: str | None, target: Path | None, run: str | None, place: Place) -> None:
    """Draw a workflow: its steps, what leads to them, what they repeat, where people decide.

    FILE is a .flow file, FILE#NAME for one workflow of it, a .plan.json, or the NAME of a published workflow, NAME@2
    for one of its versions.
    """
    from headgate.cli.output import write_file
    from headgate.render.picture import picture

    plan = _plan(file, place)
    statuses = {}
    if run is not None:
        from headgate.api import history

        statuses = {path: step.status for path, step in history.show(run, place).steps.items()}
    title = f"{plan.workflow}: {plan.title}" if plan.title else plan.workflow
    chosen = output or FORMATS.get(target.suffix if target else ".svg", "svg")
    text = _draw(picture(plan, statuses), chosen, title)
    if target is None:
        print(text, end="")
        return
    write_file(target, text.encode(), file)
    print(f"{target}: {chosen}", file=sys.stderr)


def _plan(file: str, place: Place) -> Plan:
    from headgate.api import compiling
    from headgate.api.faults import NothingStarted
    from headgate.api.published import named, read_published
    from headgate.api.site import Site

    version = named(file)
    if version is not None:
        return read_published(version, Site(place)).plan
    if file.endswith(".json"):
        from headgate.api.reading import Unreadable
        from headgate.plan import PlanIntegrity, load

        try:
            return load(Path(file).read_bytes())
        except OSError as error:
            raise NothingStarted(f"`{file}` cannot be read: {error.strerror}") from None
        except (PlanIntegrity, Unreadable) as damage:
            raise NothingStarted(str(damage)) from None
    compiled = compiling.compile_target(file, place.environment)
    if compiled.report.unreadable:
        raise NothingStarted("; ".join(each.message for each in compiled.report.unreadable))
    if compiled.plan is None:
        raise NothingStarted("there is nothing to draw until this is put right", compiled.report)
    return compiled.plan


def _draw(drawn: Picture, output: str, title: str) -> str:
    if output == "svg":
        from headgate.render.graph_svg import graph_svg

        return graph_svg(drawn, title)
    if output == "mermaid":
        from headgate.render.graph_mermaid import graph_mermaid

        return graph_mermaid(drawn)
    if output == "dot":
        from headgate.render.graph_dot import graph_dot

        return graph_dot(drawn, title)
    if output == "json":
        from headgate.render.graph_json import graph_json

        return graph_json(drawn)
    from headgate.render.graph_text import graph_text

    return graph_text(drawn, title)
