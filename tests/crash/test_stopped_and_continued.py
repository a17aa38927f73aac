"""A driver that is stopped past its lease and then goes on is a zombie: nothing that it writes is taken."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import pytest
from desk import Desk

from headgate.api import site
from headgate.runtime.clock import SystemClock
from headgate.runtime.store.leases import LEASE_MS

TEXT = """
workflow w {
  # headgate: ignore[HG601] the ledger is a file of the test
  step a = ledger { book = "BOOK", line = "a", seconds = 0.5, reversibility = REVERSIBILITY }
  step b = ledger after a { book = "BOOK", line = "b", reversibility = recoverable }
}
"""


class PastTheLease(SystemClock):
    """The clock of a machine for which the stopped driver's lease is over."""

    def now_ms(self) -> int:
        return super().now_ms() + LEASE_MS + 1_000


@contextmanager
def stopped(desk: Desk, reversibility: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A driver that is stopped while its first attempt is out; it goes on behind the block, and ends."""
    desk.write(TEXT.replace("REVERSIBILITY", reversibility))
    driver = desk.command("run", "flow.flow", "--format", "json")
    while not desk.lines():
        assert driver.poll() is None, driver.communicate()
        Event().wait(0.02)
    os.kill(driver.pid, signal.SIGSTOP)
    yield driver, desk.runs()[0].run
    os.kill(driver.pid, signal.SIGCONT)
    driver.communicate(timeout=60)


def test_a_stopped_driver_that_lives_is_not_robbed_before_its_lease_is_over(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "desk")
    with stopped(desk, "recoverable") as (_, run):
        before = desk.events(run)
        assert desk.drive(run, wait_ms=0).rests[0].view.status == "running"
        assert desk.events(run) == before
    assert desk.status(run) == "completed"
    assert desk.performed() == ["a", "b"]


def test_the_run_of_a_stopped_driver_is_taken_over_and_its_own_writes_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(tmp_path / "desk")
    with stopped(desk, "recoverable") as (_, run):
        monkeypatch.setattr(site, "SystemClock", PastTheLease)
        (rest,) = desk.drive(run, wait_ms=5_000).rests
        assert rest.view.status == "completed"
        before = desk.events(run)
        assert [event.type.value for event in before].count("attempt_lost") == 1
    assert desk.events(run) == before, "the zombie wrote"
    assert desk.lines() == ["a 1 a", "a 2 a", "b 1 b"], "the zombie acted"


def test_what_a_stopped_driver_had_out_is_in_doubt_when_it_cannot_be_undone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(tmp_path / "desk")
    with stopped(desk, "irreversible") as (_, run):
        monkeypatch.setattr(site, "SystemClock", PastTheLease)
        (rest,) = desk.drive(run).rests
        assert (rest.view.status, rest.view.detail) == ("paused", "in_doubt: a")
        before = desk.events(run)
    assert desk.events(run) == before, "the zombie wrote"
    assert desk.act(run, "confirm", "a", done=True).view.status == "completed"
    assert desk.lines() == ["a 1 a", "b 1 b"]
