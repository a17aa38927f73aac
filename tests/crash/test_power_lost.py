"""The power goes: what the disk has of the log of writes ends anywhere, and what is read then is a legal beginning."""

from __future__ import annotations

import shutil
import sqlite3
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from crash_plans import PLANS
from test_killed_anywhere import Workflow

from headgate.runtime.auditing import audit
from headgate.runtime.store import RunFilter, Store, reader_of

WAL_HEADER, FRAME_HEADER = 32, 24


@contextmanager
def nothing_is_checkpointed(store: Path) -> Iterator[None]:
    """A reader of the empty store keeps every later write in the log of writes."""
    Store(store).close()
    connection = sqlite3.connect(store, isolation_level=None)
    connection.execute("BEGIN")
    connection.execute("SELECT count(*) FROM runs").fetchone()
    try:
        yield
    finally:
        connection.execute("ROLLBACK")
        connection.close()


def lived(folder: Path, name: str) -> tuple[Path, dict[str, list[tuple[int, str]]]]:
    """A folder with a copy of a store and its log of writes after a whole life, and the events that it holds."""
    workflow = Workflow(folder / "life", name)
    store = workflow.place.folder / ".headgate" / "headgate.db"
    store.parent.mkdir()
    copy = folder / "copy"
    copy.mkdir()
    with nothing_is_checkpointed(store):
        assert workflow.finish() == "completed"
        for end in ("", "-wal"):
            shutil.copy(store.with_name(store.name + end), copy / f"headgate.db{end}")
        whole = events_of(store)
    return copy, whole


def events_of(store: Path) -> dict[str, list[tuple[int, str]]]:
    read = reader_of(store)
    assert read is not None
    found = {row.id: read.events(row.id) for row in read.runs(RunFilter())}
    read.close()
    return found


def cuts(log: bytes) -> Iterator[int]:
    """After each frame, in the middle of each frame, and within its header."""
    (size,) = struct.unpack(">I", log[8:12])
    frame = FRAME_HEADER + size
    yield 0
    yield WAL_HEADER
    for start in range(WAL_HEADER, len(log), frame):
        yield start + FRAME_HEADER // 2
        yield start + frame // 2
        yield start + frame


@pytest.mark.parametrize("name", ["sequence", "approval", "call"])
def test_a_log_of_writes_that_ends_anywhere_is_a_legal_beginning(name: str, tmp_path: Path) -> None:
    assert name in PLANS
    copy, whole = lived(tmp_path, name)
    log = (copy / "headgate.db-wal").read_bytes()
    lengths: set[int] = set()
    for number, cut in enumerate(cuts(log)):
        folder = tmp_path / f"cut-{number}"
        folder.mkdir()
        store = folder / "headgate.db"
        shutil.copy(copy / "headgate.db", store)
        (folder / "headgate.db-wal").write_bytes(log[:cut])
        read = reader_of(store)
        assert read is not None, "the store itself was there before"
        assert list(audit(read, lambda _done, _of: None)) == [], f"cut at {cut}"
        for row in read.runs(RunFilter()):
            events = read.events(row.id)
            assert events, f"run {row.id} is there without an event, cut at {cut}"
            assert events == whole[row.id][: len(events)]
            lengths.add(len(events))
        read.close()
        shutil.rmtree(folder)
    assert len(lengths) > 3, "it was cut between commits, too"
    assert max(lengths) == max(len(events) for events in whole.values())


def test_a_run_goes_on_from_wherever_the_power_was_lost(tmp_path: Path) -> None:
    copy, _ = lived(tmp_path, "sequence")
    log = (copy / "headgate.db-wal").read_bytes()
    for number, cut in enumerate(list(cuts(log))[2::3]):
        workflow = Workflow(tmp_path / f"again-{number}", "sequence")
        state = workflow.place.folder / ".headgate"
        state.mkdir()
        shutil.copy(copy / "headgate.db", state / "headgate.db")
        (state / "headgate.db-wal").write_bytes(log[:cut])
        assert workflow.finish() == "completed"
        read = reader_of(state / "headgate.db")
        assert read is not None
        assert list(audit(read, lambda _done, _of: None)) == []
        read.close()
