"""Looking after the store: is it what its logs say, copies of it, its size, old runs moved out of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

from headgate.api.faults import NothingStarted, UsageFault
from headgate.api.place import Place
from headgate.api.site import Site, translated
from headgate.records import NamedTuple
from headgate.runtime.auditing import Difference, audit, audit_run
from headgate.runtime.loading import PlanShelf
from headgate.runtime.store import Store, kept, upkeep
from headgate.runtime.store.upkeep import Old, Sizes
from headgate.runtime.store.workflows import mend_workflow

Told = Callable[[int, int], None] | None
"""Is told how many are done, of how many."""


class Audited(NamedTuple):
    """What `store check` found; `mended` of the differences were put right."""

    path: Path
    runs: int
    differences: tuple[Difference, ...]
    mended: int

    @property
    def exit_code(self) -> int:
        return 0 if self.mended == len(self.differences) else 1


class Copied(NamedTuple):
    path: Path
    target: Path
    size: int


class Vacuumed(NamedTuple):
    path: Path
    sizes: Sizes


class Pruned(NamedTuple):
    """`families` are gone, or with `dry_run` would be; `kept` were taken up again while the others went."""

    families: tuple[Old, ...]
    kept: int
    plans: int


def check_store(place: Place, told: Told, *, repair: bool) -> Audited:
    """Makes every projection anew from the log and compares; with `repair`, writes those that differ.

    Raises `NothingStarted` when there is no store or it cannot be read.
    """
    site = Site(place)
    with site.reading() as read:
        if read is None:
            raise NothingStarted(_none(site))
        with read.moment():
            runs = len(read.run_ids())
            found = tuple(audit(read, told or _nobody))
    with translated():
        mended = _repair(site, found) if repair and any(each.row is not None for each in found) else 0
        mended += _repair_workflows(site, found) + _repair_others(site, found) if repair else 0
    return Audited(site.store_path, runs, found, mended)


def _repair(site: Site, found: Sequence[Difference]) -> int:
    """Writes the list entries that differ from their logs, each looked at again where nobody can come between."""
    store = site.existing_store()
    mended = 0
    try:
        for run in dict.fromkeys(_run_of(each) for each in found if each.row is not None):
            with store.transaction() as connection:
                row = store.read.run(run)
                if row is None:
                    continue
                for each in audit_run(store.read, PlanShelf(store.read), row, frozenset()):
                    if each.row is not None:
                        upkeep.mend(connection, each.row)
                        mended += 1
    finally:
        store.close()
    return mended


def _repair_workflows(site: Site, found: Sequence[Difference]) -> int:
    names = [each.object for each in found if each.kind == "workflow" and "@" not in each.object]
    if not names:
        return 0
    store = site.existing_store()
    try:
        with store.transaction() as connection:
            return sum(mend_workflow(connection, name) for name in names)
    finally:
        store.close()


def _repair_others(site: Site, found: Sequence[Difference]) -> int:
    """What is kept beside the runs, looked at again where nobody can come between, and made anew by its kind."""
    if not any(each.kind in _MENDERS for each in found):
        return 0
    store = site.existing_store()
    try:
        with store.transaction() as connection:
            again = [each for each in audit(store.read, _nobody) if each.kind in _MENDERS]
            for each in again:
                _MENDERS[each.kind](connection, each)
            return len(again)
    finally:
        store.close()


def _mend_wait(connection: sqlite3.Connection, each: Difference) -> None:
    run, _, step = each.object.partition(" ")
    kept.mend_wait(connection, run, step, each.rebuilt)


def _mend_signal(connection: sqlite3.Connection, each: Difference) -> None:
    kept.mend_signal(connection, each.object, None if each.rebuilt == "free" else each.rebuilt)


def _mend_connection(connection: sqlite3.Connection, each: Difference) -> None:
    kept.mend_connection(connection, each.object)


def _mend_leftover(connection: sqlite3.Connection, each: Difference) -> None:
    kept.remove_of_run(connection, each.object.partition(" ")[2])


_MENDERS: dict[str, Callable[[sqlite3.Connection, Difference], None]] = {
    "wait": _mend_wait,
    "signal": _mend_signal,
    "connection": _mend_connection,
    "leftover": _mend_leftover,
}


def _run_of(difference: Difference) -> str:
    row = difference.row
    assert row is not None, "only what can be mended is mended"
    return str(row._asdict().get("run", row.id))


def backup(target: Path, place: Place, told: Told) -> Copied:
    """Writes a copy of the store to `target`; drivers go on meanwhile. Raises `UsageFault`, `NothingStarted`."""
    site = Site(place)
    whole = place.folder / target
    if whole.exists():
        raise UsageFault(f"`{target}` exists: name a file that does not, a backup overwrites nothing")
    if not whole.parent.is_dir():
        raise UsageFault(f"the folder `{whole.parent}` does not exist: make it, or name another file")
    store = site.existing_store()
    try:
        with translated():
            store.copy_to(whole, told or _nobody)
    except OSError as error:
        raise NothingStarted(f"`{target}` cannot be written: {error.strerror}") from error
    finally:
        store.close()
    return Copied(site.store_path, whole, whole.stat().st_size)


def vacuum(place: Place) -> Vacuumed:
    """Gives the space of what was deleted back to the disk; raises `NothingStarted`."""
    site = Site(place)
    store = site.existing_store()
    try:
        with translated():
            return Vacuumed(site.store_path, store.vacuum())
    finally:
        store.close()


def prune(place: Place, older_ms: int, workflows: Sequence[str], archive: Path | None, *, dry_run: bool) -> Pruned:
    """Deletes the runs that ended more than `older_ms` ago, whole families of them, of `workflows` or of all.

    With `archive` they are first copied to the store of that name, and on the disk there before the first is deleted.
    """
    site = Site(place)
    store = site.existing_store()
    target = None if archive is None else place.folder / archive
    if target is not None and target.exists() and target.samefile(site.store_path):
        store.close()
        raise UsageFault(f"`{archive}` is the store itself: name another file")
    try:
        with translated():
            now = site.clock.now_ms()
            families = store.old_families(now - older_ms, workflows)
            if dry_run or not families:
                return Pruned(tuple(families), 0, 0)
            roots = [each.root for each in families]
            if target is not None:
                for some in upkeep.batches(roots):
                    store.archive(some, target)
            return _remove(store, families, now - older_ms, now)
    finally:
        store.close()


def _remove(store: Store, families: list[Old], before: int, now_ms: int) -> Pruned:
    gone: set[str] = set()
    for some in upkeep.batches([each.root for each in families]):
        with store.transaction() as connection:
            gone.update(upkeep.remove(connection, some, before, now_ms))
    with store.transaction() as connection:
        plans = upkeep.remove_unused_plans(connection)
    removed = tuple(each for each in families if each.root in gone)
    return Pruned(removed, len(families) - len(removed), plans)


def _nobody(done: int, whole: int) -> None:
    del done, whole


def _none(site: Site) -> str:
    return f"there is no store at `{site.store_path}`: nothing has run here yet"
