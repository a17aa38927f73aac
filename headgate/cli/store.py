"""The store itself: check, backup, vacuum, export, prune."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from headgate.cli.options import duration, format_option, placed, when, yes_option
from headgate.cli.output import print_json, say, writing
from headgate.cli.progress import progress

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from headgate.api.history import WholeRun
    from headgate.api.place import Place
    from headgate.api.upkeep import Audited, Pruned
    from headgate.plan import Json
    from headgate.runtime.store import Entry

SHOWN = 50


@click.group("store")
def store() -> None:
    """Look after the database of runs: is it what its logs say, copies, its size, old runs."""


@store.command("check")
@click.option("--repair", is_flag=True, help="Write the list entries that differ from their logs anew.")
@format_option("text", "json")
@placed
def check(*, repair: bool, output: str, place: Place) -> int:
    """Make every list entry anew from the event logs and compare; check plans, families and the file itself.

    Nothing is changed without --repair, and drivers may go on meanwhile. Exit code 1 when something is wrong.
    """
    from headgate.api import upkeep

    audited = upkeep.check_store(place, progress(), repair=repair)
    if output == "json":
        print_json(_audited_object(audited))
    else:
        _say_audited(audited)
    return audited.exit_code


def _audited_object(audited: Audited) -> Json:
    return {
        "path": str(audited.path),
        "runs": audited.runs,
        "mended": audited.mended,
        "differences": [
            {
                "kind": each.kind,
                "object": each.object,
                "message": each.message,
                "stored": each.stored,
                "rebuilt": each.rebuilt,
            }
            for each in audited.differences
        ],
    }


def _say_audited(audited: Audited) -> None:
    for each in audited.differences[:SHOWN]:
        print(f"{each.kind} {each.object}: {each.message}")
        if each.stored is not None:
            print(f"  stored:  {each.stored}\n  rebuilt: {each.rebuilt}")
    if len(audited.differences) > SHOWN:
        print(f"... and {len(audited.differences) - SHOWN} more; --format json lists them all")
    looked = f"{_counted(audited.runs, 'run')} of {audited.path}"
    if not audited.differences:
        print(f"{looked}: every list entry is what its log says")
        return
    wrong = _counted(len(audited.differences), "thing")
    mended = f"; {audited.mended} mended" if audited.mended else ""
    print(f"{looked}: {wrong} wrong{mended}")
    if not audited.mended and any(each.row is not None for each in audited.differences):
        say(["`headgate store check --repair` writes the list entries anew from their logs"])


@store.command("backup")
@click.argument("target", metavar="FILE")
@format_option("text", "json")
@placed
def backup(*, target: str, output: str, place: Place) -> None:
    """Copy the store to FILE while it is in use; the copy is one moment of it, and is checked.

    FILE is a store of its own: `--store FILE` reads it. The key that secret inputs and tokens are sealed with is not in
    it; keep that elsewhere.
    """
    from pathlib import Path

    from headgate.api import upkeep

    copied = upkeep.backup(Path(target), place, progress("copying"))
    if output == "json":
        print_json({"path": str(copied.path), "target": str(copied.target), "bytes": copied.size})
    else:
        print(f"{copied.target}: {_size(copied.size)}, a copy of {copied.path}")


@store.command("vacuum")
@format_option("text", "json")
@placed
def vacuum(*, output: str, place: Place) -> None:
    """Give the space of what was deleted back to the disk, and empty the write-ahead log."""
    from headgate.api import upkeep

    done = upkeep.vacuum(place)
    if output == "json":
        print_json({"path": str(done.path), "before": done.sizes.before, "after": done.sizes.after})
    else:
        print(f"{done.path}: {_size(done.sizes.before)} before, {_size(done.sizes.after)} now")


@store.command("export")
@click.option("-o", "target", metavar="FILE", help="Write it there, else to standard output.")
@click.option("--workflow", metavar="NAME", help="Only runs of this workflow.")
@click.option("--since", type=when, metavar="TIME", help="Created at or after: a date, a time, or `24h` ago.")
@click.option("--until", type=when, metavar="TIME", help="Created before.")
@click.option("--journal", is_flag=True, help="Then also what happened to workflows, connections and limits, by line.")
@placed
def export(
    *, target: str | None, workflow: str | None, since: int | None, until: int | None, journal: bool, place: Place
) -> None:
    """Write runs with their events as JSON, one run a line, the newest first; secrets are masked.

    Each line is what `show --format json` prints, with `events` as `events --format json` prints them. A line of the
    journal has a `subject`, such as `workflow/refund`, in place of a `run`.
    """
    from itertools import chain

    from headgate.api import history
    from headgate.runtime.store import RunFilter

    chosen = RunFilter(workflow=workflow, since=since, until=until)
    entries = history.journal(chosen, place) if journal else ()
    runs, told = _lines(history.whole_runs(chosen, place)), _entries(entries)
    if target is None:
        for line in chain(runs, told):
            print(line)
        return
    with writing(place.folder / target) as file:
        count = sum(1 for line in runs if file.write(f"{line}\n"))
        more = sum(1 for line in told if file.write(f"{line}\n"))
    said = f" and {_counted(more, 'entry', 'entries')} of the journal" if journal else ""
    say([f"{target}: {_counted(count, 'run')}{said}"])


def _entries(found: Iterable[Entry]) -> Iterator[str]:
    from json import dumps

    from headgate.runtime.times import iso

    for entry in found:
        told = {**entry._asdict(), "at": iso(entry.at)}
        yield dumps(told, ensure_ascii=False)


def _lines(found: Iterable[WholeRun]) -> Iterator[str]:
    from json import dumps

    from headgate.render.run_json import events_list, run_object

    for whole in found:
        yield dumps({**run_object(whole.view), "events": events_list(whole.events)}, ensure_ascii=False)


@store.command("prune")
@click.option("--older-than", "older", type=duration, required=True, metavar="DURATION", help="Ended before, as `90d`.")
@click.option("--workflow", "workflows", multiple=True, metavar="NAME", help="Only runs of this workflow; many times.")
@click.option("--archive", metavar="FILE", help="First copy them to the store FILE, which `--store FILE` reads.")
@click.option("--dry-run", is_flag=True, help="Say what would go; change nothing.")
@yes_option
@format_option("text", "json")
@placed
def prune(
    *,
    older: int,
    workflows: tuple[str, ...],
    archive: str | None,
    dry_run: bool,
    yes: bool,
    output: str,
    place: Place,
) -> None:
    """Delete the runs that ended long ago, each with its sub-runs and only when all of them did.

    Open runs are never touched. What goes cannot be read, redriven or replayed any more, but from the archive. The file
    stays as large as it is until `store vacuum`.
    """
    from pathlib import Path

    from headgate.api import upkeep

    file: Path | None = None if archive is None else Path(archive)
    if not dry_run and archive is None and not yes:
        planned = upkeep.prune(place, older, workflows, None, dry_run=True)
        _agree(len(planned.families), sum(each.runs for each in planned.families))
    pruned = upkeep.prune(place, older, workflows, file, dry_run=dry_run)
    if output == "json":
        print_json(_pruned_object(pruned, dry_run=dry_run))
    else:
        _say_pruned(pruned, archive, dry_run=dry_run)


def _agree(families: int, runs: int) -> None:
    """What is deleted without an archive is gone: a person agrees, or --yes does."""
    if families == 0:
        return
    if not sys.stdin.isatty():
        raise click.UsageError(f"{_counted(runs, 'run')} would be deleted for good: add --yes, or --archive FILE")
    click.confirm(f"Delete {_counted(runs, 'run')} for good?", abort=True, err=True)


def _pruned_object(pruned: Pruned, *, dry_run: bool) -> Json:
    return {
        "dry_run": dry_run,
        "runs": [{"run": each.root, "workflow": each.workflow, "runs": each.runs} for each in pruned.families],
        "kept": pruned.kept,
        "plans": pruned.plans,
    }


def _say_pruned(pruned: Pruned, archive: str | None, *, dry_run: bool) -> None:
    counts: dict[str, int] = {}
    for each in pruned.families:
        counts[each.workflow] = counts.get(each.workflow, 0) + each.runs
    for workflow, runs in counts.items():
        print(f"{workflow}: {_counted(runs, 'run')}")
    total = _counted(sum(counts.values()), "run")
    where = f", archived in {archive}" if archive is not None and counts else ""
    print(f"{total} would be deleted" if dry_run else f"{total} deleted{where}")
    if pruned.kept:
        say([f"{_counted(pruned.kept, 'family', 'families')} of runs were taken up again meanwhile and stay"])


def _counted(number: int, noun: str, plural: str | None = None) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {plural or noun + 's'}"


def _size(count: int) -> str:
    return f"{count / 1024:.0f} KiB" if count < 1024 * 1024 else f"{count / 1024 / 1024:.1f} MiB"
