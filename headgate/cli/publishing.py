"""Versions and dispatch: publish, activate, deactivate, disable, enable, archive, workflows."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from headgate.cli.options import format_option, placed, reason_option, request_option
from headgate.cli.output import colour_wanted, columns, print_findings_json, print_json, say

if TYPE_CHECKING:
    from headgate.api.faults import CompilationFailed
    from headgate.api.place import Place
    from headgate.api.publishing import Because, Done

    Act = Callable[[str, Because, Place], Done]


@click.command("publish")
@click.argument("target", metavar="FILE")
@click.option("--strict", is_flag=True, help="Warnings stop it too.")
@click.option("--online", is_flag=True, help="Ask the servers: a tool that is not as locked stops it.")
@click.option("--draft", is_flag=True, help="Keep it as a draft: it need only compile, and nothing starts it.")
@click.option("--no-activate", is_flag=True, help="Publish it, and leave the active version as it is.")
@click.option("--note", metavar="TEXT", help="What this version is about; lists show it.")
@reason_option
@request_option
@format_option("text", "json")
@placed
def publish(
    *,
    target: str,
    strict: bool,
    online: bool,
    draft: bool,
    no_activate: bool,
    note: str | None,
    reason: str | None,
    request_id: str | None,
    output: str,
    place: Place,
) -> int:
    """Publish a workflow through the gate, and make it the active version.

    FILE is a .flow file, or FILE#NAME for one workflow of it. `run NAME` and the workflow's triggers start the active
    version; runs that are open stay on theirs. A plan that is active already makes no new version. Exit codes: 0
    published or unchanged, 1 the gate refused (an error, or a rule that could not run), 2 wrong usage, 3 the file
    cannot be read, 6 refused because of how the workflow stands. With --format json, findings of the gate are printed
    as `check` prints them.
    """
    from headgate.api import publishing
    from headgate.api.faults import CompilationFailed
    from headgate.api.passing import Publishing
    from headgate.api.publishing import Because

    how = Publishing(strict, online, draft, not no_activate, note)
    try:
        done = publishing.publish(target, how, Because(reason, request_id), place)
    except CompilationFailed as fault:
        return _failed(fault, output)
    return _answer(done, output)


@click.command("activate")
@click.argument("name")
@click.argument("version", required=False, type=click.IntRange(min=1))
@reason_option
@request_option
@format_option("text", "json")
@placed
def activate(
    *, name: str, version: int | None, reason: str | None, request_id: str | None, output: str, place: Place
) -> int:
    """Make a VERSION of workflow NAME the active one; an older one to roll back.

    NAME@2 says the version too. Without one, it is the draft, which goes through the gate and is published, or the
    version that was active before. Runs that are open stay on theirs.
    """
    from headgate.api import publishing
    from headgate.api.faults import CompilationFailed
    from headgate.api.publishing import Because

    name, version = _with_version(name, version)
    try:
        done = publishing.activate(name, version, Because(reason, request_id), place)
    except CompilationFailed as fault:
        return _failed(fault, output)
    return _answer(done, output)


@click.command("deactivate")
@click.argument("name")
@reason_option
@request_option
@format_option("text", "json")
@placed
def deactivate(*, name: str, reason: str | None, request_id: str | None, output: str, place: Place) -> int:
    """Leave workflow NAME without an active version: it is a draft, and nothing starts it."""
    from headgate.api import publishing

    return _plain(publishing.deactivate, name, reason, request_id, output, place)


@click.command("disable")
@click.argument("name")
@reason_option
@request_option
@format_option("text", "json")
@placed
def disable(*, name: str, reason: str | None, request_id: str | None, output: str, place: Place) -> int:
    """Switch workflow NAME off: nothing starts it, and runs that are open go on."""
    from headgate.api import publishing

    return _plain(publishing.disable, name, reason, request_id, output, place)


@click.command("enable")
@click.argument("name")
@reason_option
@request_option
@format_option("text", "json")
@placed
def enable(*, name: str, reason: str | None, request_id: str | None, output: str, place: Place) -> int:
    """Switch workflow NAME on again; an archived one comes back as a draft."""
    from headgate.api import publishing

    return _plain(publishing.enable, name, reason, request_id, output, place)


@click.command("archive")
@click.argument("name")
@click.option("--cancel-runs", is_flag=True, help="Cancel the open runs that need it (DEPENDENCY_REMOVED).")
@reason_option
@request_option
@format_option("text", "json")
@placed
def archive(
    *, name: str, cancel_runs: bool, reason: str | None, request_id: str | None, output: str, place: Place
) -> int:
    """Put workflow NAME away with all its versions, or NAME@2 one of them that is not active.

    Refused while open runs need it, with a list of them. Its runs stay in the history, and `enable` brings it back.
    """
    from headgate.api import publishing
    from headgate.api.publishing import Because

    name, version = _with_version(name, None)
    because = Because(reason, request_id)
    return _answer(publishing.archive(name, version, because, place, cancel_runs=cancel_runs), output)


@click.command("workflows")
@click.argument("name", required=False)
@click.option("--status", "statuses", multiple=True, metavar="STATUS", help="Those in this status; many times.")
@format_option("text", "json")
@placed
def workflows(*, name: str | None, statuses: tuple[str, ...], output: str, place: Place) -> None:
    """List the workflows that were published, with their status and their open runs; or one, with its versions."""
    from headgate.api import workflows as reading
    from headgate.render.workflow_json import workflow_object
    from headgate.render.workflows_text import workflow_text, workflows_text

    wanted = _statuses(statuses)
    if name is not None:
        view = reading.workflow(name, place)
        if output == "json":
            print_json(workflow_object(view))
        else:
            print(workflow_text(view, width=columns(), colour=colour_wanted()), end="")
        return
    views = [view for view in reading.workflows(place) if not wanted or view.status in wanted]
    if output == "json":
        print_json([workflow_object(view) for view in views])
    else:
        print(workflows_text(views, width=columns(), colour=colour_wanted()), end="")


def _statuses(given: tuple[str, ...]) -> frozenset[str]:
    from headgate.runtime.workflow_status import WorkflowStatus

    names = [name.strip() for each in given for name in each.split(",") if name.strip()]
    for name in names:
        if name not in set(WorkflowStatus):
            from headgate.diagnostics import nearest

            guess = nearest(name, tuple(WorkflowStatus))
            hint = f"did you mean `{guess}`?" if guess else "expected one of " + ", ".join(WorkflowStatus)
            raise click.BadParameter(f"no status `{name}`; {hint}")
    return frozenset(names)


def _with_version(name: str, version: int | None) -> tuple[str, int | None]:
    """`NAME@2`, or the name with a number beside it."""
    name, at, number = name.partition("@")
    if not at:
        return name, version
    if not number.isdecimal() or version is not None:
        raise click.BadParameter(f"`{name}@{number}` names no version; expected NAME@NUMBER")
    return name, int(number)


def _plain(act: Act, name: str, reason: str | None, request_id: str | None, output: str, place: Place) -> int:
    from headgate.api.publishing import Because

    return _answer(act(name, Because(reason, request_id), place), output)


def _answer(done: Done, output: str) -> int:
    from headgate.render.workflow_json import done_object

    if output == "json":
        print_json(done_object(done.view, done.message, done.version, changed=done.changed, suppressed=done.suppressed))
        say(done.notes)
        return 0
    _show_findings(done.report)
    print(done.message)
    for finding in done.suppressed:
        print(f"  published with a suppressed finding: {finding}")
    say(done.notes)
    return 0


def _failed(fault: CompilationFailed, output: str) -> int:
    if output == "json":
        print_findings_json(fault.report)
    else:
        _show_findings(fault.report)
    print(f"headgate: {fault.message}", file=sys.stderr)
    return fault.exit_code


def _show_findings(report: object) -> None:
    """What the gate found, also what does not stand in the way."""
    from headgate.cli.output import findings_text
    from headgate.validators.report import CheckReport

    if isinstance(report, CheckReport) and any(each.diagnostics for each in report.files):
        print(findings_text(report, sys.stderr), end="", file=sys.stderr)
