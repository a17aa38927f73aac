"""A run that nothing will ever move is a fault of ours: it is said, and the others go on."""

from __future__ import annotations

from pathlib import Path

import pytest
from desk import Desk
from memory_runs import MemoryRun, human, plan, step

from headgate.runtime.decider import derive, wake_sources
from headgate.runtime.fleet import Fleet
from headgate.runtime.marks import disarm
from headgate.runtime.state import RunState
from headgate.runtime.store import Reader, reader_of
from headgate.runtime.store.journal import open_notices
from headgate.runtime.wakes import is_forgotten
from headgate.runtime.why import reasons

TEXT = "workflow NAME { step nap = delay 200ms\n step s = set after nap { a = 1 } }"


def lose_timers(state: RunState) -> None:
    for timer in list(state.timers):
        disarm(state, timer)


@pytest.fixture
def _as_in_production(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the check that all other tests run under."""
    original = Fleet.writes.__closure__
    assert original is not None
    (writes,) = [cell.cell_contents for cell in original if callable(cell.cell_contents)]
    monkeypatch.setattr(Fleet, "writes", writes)


def test_a_run_without_a_wake_source_is_stalled_and_why_says_so():
    asks = MemoryRun(plan(step("nap", "delay", config={"for": 5_000}), human("ask"))).drive()
    lose_timers(asks.state)
    assert not is_forgotten(asks.state), "a person may still answer"

    run = MemoryRun(plan(step("nap", "delay", config={"for": 5_000}))).drive()
    assert not is_forgotten(run.state)
    lose_timers(run.state)
    assert is_forgotten(run.state)
    assert list(wake_sources(run.state)) == []
    assert derive(run.state) == ("stalled", None)
    (reason,) = reasons(run.state)
    assert (reason.kind, reason.command) == ("stalled", "headgate cancel R")


def _notices(read: Reader | None) -> list[tuple[str, str]]:
    assert read is not None
    found = [(each.kind, each.subject) for each in open_notices(read._connection)]
    read.close()
    return found


@pytest.mark.usefixtures("_as_in_production")
def test_a_stalled_run_is_told_of_and_stops_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(tmp_path / "desk")
    store = desk.folder / ".headgate" / "headgate.db"
    bad = desk.run(TEXT.replace("NAME", "bad"), wait_ms=0).view.run
    good = desk.run(TEXT.replace("NAME", "good"), wait_ms=0).view.run
    settle = Fleet.settle

    def forgetful(self: Fleet, at: int, *, record_only: bool) -> None:
        settle(self, at, record_only=record_only)
        if bad in self.runs and "nap" in self.runs[bad].state.waiting:
            lose_timers(self.runs[bad].state)

    monkeypatch.setattr(Fleet, "settle", forgetful)
    desk.act(bad, "pause")
    desk.act(bad, "resume")
    desk.drive(wait_ms=2_000)
    assert (desk.runs()[-1].status, desk.status(good)) == ("stalled", "completed")
    assert _notices(reader_of(store)) == [("stalled", bad)]
    monkeypatch.setattr(Fleet, "settle", settle)
    desk.drive(wait_ms=2_000)
    assert desk.status(bad) == "completed", "its log still knows the timer"
    assert _notices(reader_of(store)) == []
