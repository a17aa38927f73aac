"""`headgate import` and `export`: step graphs in JSON become workflows, and workflows step graphs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from headgate.cli.options import format_option

if TYPE_CHECKING:
    from headgate.api.exchanging import ImportReport
    from headgate.api.exporting import ExportReport
    from headgate.plan import JsonObject


def binding(text: str) -> tuple[str, str]:
    """The two sides of `URL=INSTANCE`; an address may hold `=` itself."""
    server, equals, instance = text.rpartition("=")
    if not equals or not server.strip() or not instance.strip():
        raise click.BadParameter(f"`{text}` is no URL=INSTANCE")
    return server.strip(), instance.strip()


@click.command("import")
@click.argument("file")
@click.option("-o", "--output", "target", type=click.Path(path_type=Path), help="Write the workflow there.")
@click.option("--force", is_flag=True, help="Write over what is there.")
@click.option(
    "--map",
    "servers",
    multiple=True,
    type=binding,
    metavar="URL=INSTANCE",
    help="Call the server at this address, or of this id, by an instance of headgate.toml.",
)
@click.option("--name", metavar="NAME", help="The workflow's name, else the one that the graph has.")
@format_option("text", "json")
def import_command(
    *, file: str, target: Path | None, force: bool, servers: tuple[tuple[str, str], ...], name: str | None, output: str
) -> int:
    """Make a workflow of a JSON step graph, {"steps": [...]}, and check it.

    FILE is a .json file, or - for standard input. Without -o the workflow goes to standard output. What cannot be
    carried over is said with its place in the JSON, and then what the gate says of the workflow. Exit codes: 0 clean, 1
    something blocks, 2 wrong usage, 3 unreadable.
    """
    from headgate.api import exchanging
    from headgate.api.faults import NothingStarted
    from headgate.api.reading import Unreadable
    from headgate.cli.output import write_file

    _keep(target, force=force)
    try:
        if file == "-":
            made = exchanging.import_bytes(sys.stdin.buffer.read(), dict(servers), name=name, target=target)
        else:
            made = exchanging.import_file(file, dict(servers), name=name, target=target)
    except Unreadable as reason:
        raise NothingStarted(str(reason)) from None
    if target is not None and made.text is not None:
        write_file(target, made.text.encode(), file)
    if output == "json":
        from headgate.cli.output import print_json

        print_json(_object(made, target))
        return made.exit_code()
    if target is None and made.text is not None:
        print(made.text, end="")
        sys.stdout.flush()
    _say(made, target)
    return made.exit_code()


def _say(made: ImportReport, target: Path | None) -> None:
    from headgate.cli.output import colour_wanted, findings_text
    from headgate.render.exchange_text import exchange_text

    print(exchange_text(made.path, made.findings, colour=colour_wanted(sys.stderr)), end="", file=sys.stderr)
    report = made.report
    if report is not None:
        for message in report.faults:
            print(f"headgate: {message}", file=sys.stderr)
        if any(each.diagnostics for each in report.files):
            print(findings_text(report, sys.stderr), end="", file=sys.stderr)
    if target is not None and made.text is not None:
        print(f"{target}: workflow `{made.workflow}`", file=sys.stderr)


def _object(made: ImportReport, target: Path | None) -> JsonObject:
    from headgate.render.exchange_json import exchange_objects
    from headgate.render.findings_json import findings_object

    return {
        "version": 1,
        "path": made.path,
        "workflow": made.workflow if made.text is not None else None,
        "output": None if target is None or made.text is None else str(target),
        "text": made.text,
        "findings": [*exchange_objects(made.findings)],
        "gate": None if made.report is None else findings_object(made.report),
    }


@click.command("export")
@click.argument("file")
@click.option("-o", "--output", "target", type=click.Path(path_type=Path), help="Write the step graph there.")
@click.option("--force", is_flag=True, help="Write over what is there.")
@format_option("text", "json")
def export(*, file: str, target: Path | None, force: bool, output: str) -> int:
    """Make a JSON step graph, {"steps": [...]}, of a workflow.

    FILE is a .flow file, FILE#NAME one workflow of it. Without -o the graph goes to standard output. What a step graph
    has no words for is said; a workflow that passes the gate is imported again to see that its plan is the same. Exit
    codes: 0 nothing is lost, 1 something is or the file has errors, 2 wrong usage, 3 unreadable.
    """
    from headgate.api import exporting
    from headgate.api.faults import NothingStarted
    from headgate.api.reading import Unreadable
    from headgate.cli.output import colour_wanted, findings_text, print_json, write_file
    from headgate.render.exchange_text import exchange_text

    _keep(target, force=force)
    try:
        made = exporting.export_target(file)
    except Unreadable as reason:
        raise NothingStarted(str(reason)) from None
    if target is not None and made.graph is not None:
        write_file(target, made.text.encode(), file)
    if output == "json":
        print_json(_graph_object(made, target))
        return made.exit_code
    if made.graph is None:
        print(findings_text(made.report, sys.stderr), end="", file=sys.stderr)
        return made.exit_code
    if target is None:
        print(made.text, end="")
        sys.stdout.flush()
    print(exchange_text(made.path, made.findings, colour=colour_wanted(sys.stderr)), end="", file=sys.stderr)
    if target is not None:
        print(f"{target}: {len(made.findings) or 'no'} findings", file=sys.stderr)
    return made.exit_code


def _keep(target: Path | None, *, force: bool) -> None:
    """Raises UsageFault for a file that is there, unless it may be written over."""
    from headgate.api.faults import UsageFault

    if target is not None and target.exists() and not force:
        raise UsageFault(f"`{target}` is there already; `--force` writes over it")


def _graph_object(made: ExportReport, target: Path | None) -> JsonObject:
    from headgate.render.exchange_json import exchange_objects
    from headgate.render.findings_json import findings_object

    return {
        "version": 1,
        "path": made.path,
        "workflow": made.workflow,
        "output": None if target is None or made.graph is None else str(target),
        "graph": made.graph,
        "findings": [*exchange_objects(made.findings)],
        "gate": findings_object(made.report),
    }
