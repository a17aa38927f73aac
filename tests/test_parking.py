"""Runs that wait are not kept in memory: what is due is loaded, what rests is dropped."""

from __future__ import annotations

from pathlib import Path

import pytest
from desk import Desk
from test_costs import statements  # noqa: F401 - a fixture

from headgate.api.place import Driving
from headgate.api.running import Origin, creation, read_target
from headgate.api.session import Session
from headgate.api.site import Site
from headgate.runtime.driven import DrivenRun
from headgate.runtime.judging import Request
from headgate.runtime.parking import KEPT_IN_MEMORY, LED_AT_ONCE
from headgate.runtime.patience import Patience
from headgate.runtime.store import RunFilter, StoredRequest
from headgate.runtime.verdicts import body_of

MANY = 400
ASKS = 'workflow w { step ask = human approval { title = "?" } }'
NAPS = "workflow w { step nap = delay 300ms }"


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "desk")


class Counted(dict[str, DrivenRun]):
    """Remembers how many there were at most."""

    most = 0

    def __setitem__(self, run: str, driven: DrivenRun) -> None:
        super().__setitem__(run, driven)
        self.most = max(self.most, len(self))


def session_of(desk: Desk) -> Session:
    site = Site(desk.place)
    return Session(site, site.open_store(), Driving())


def make(session: Session, desk: Desk, text: str, count: int) -> list[str]:
    """New runs of a workflow, not stored before the session drives."""
    target = read_target(desk.write(text), session.site)
    fleet = session.executor.fleet
    fleet.shelf.keep(target.plan)
    record = creation(target.plan, {}, {"name": "manual", "kind": "manual", "payload": None}, Origin("ann", None))
    return [fleet.create(record, target.content, session.site.clock.now_ms()).id for _ in range(count)]


def waiting(desk: Desk, text: str, count: int) -> list[str]:
    with session_of(desk) as session:
        made = make(session, desk, text, count)
        session.drive(None, Patience(until=0))
        assert len(session.executor.fleet.runs) <= KEPT_IN_MEMORY
    return made


def test_what_rests_is_dropped_and_its_lease_given_up(desk: Desk) -> None:
    made = waiting(desk, ASKS, MANY)
    with session_of(desk) as session:
        read = session.store.read
        assert len(read.runs(RunFilter(("waiting",)))) == MANY
        assert {read.lease_holder(run) for run in made} == {None}


def test_drive_leads_nothing_that_is_not_due(
    desk: Desk,
    statements: list[str],  # noqa: F811
) -> None:
    waiting(desk, ASKS, 20)
    due = desk.run("workflow d { step nap = delay 1ms\n step s = set after nap { x = 1 } }", wait_ms=0).view.run
    statements.clear()
    drove = desk.drive()
    taken = [text for text in statements if text.startswith("UPDATE leases SET fence")]
    assert len(taken) == 1
    assert due in taken[0]
    assert sorted(rest.view.status for rest in drove.rests) == ["completed", *["waiting"] * 20]
    assert drove.exit_code == 5


def test_timers_wake_what_was_dropped_a_lot_at_a_time(desk: Desk) -> None:
    count = LED_AT_ONCE + 100
    waiting(desk, NAPS, count)
    with session_of(desk) as session:
        held = session.executor.fleet.runs = Counted()
        patience = Patience(session.site.clock.now_ms() + 60_000)
        for row in session.store.read.runs(RunFilter(open_only=True)):
            session.executor.parking.park(row.root, row.wake_at)
        session.drive(None, patience)
        assert len(session.store.read.runs(RunFilter(("completed",)))) == count
    assert 0 < held.most <= LED_AT_ONCE + KEPT_IN_MEMORY


def test_an_act_on_what_was_dropped_is_answered(desk: Desk) -> None:
    (run,) = waiting(desk, ASKS, 1)
    with session_of(desk) as session:
        session.executor.parking.park(run, None)
        body = body_of(Request("cancel", "bob"))
        session.store.put_request(StoredRequest("now", run, session.site.clock.now_ms(), body, None))
        session.drive(None, Patience(until=0))
        answered = session.store.read.request("now")
    assert answered is not None
    assert answered.answer is not None
    assert answered.answer["verdict"] == "accepted"
    assert desk.status(run) == "cancelled"


def test_a_run_that_is_dropped_in_its_drive_is_still_told_of(desk: Desk) -> None:
    made = waiting(desk, ASKS, KEPT_IN_MEMORY + 5)
    drove = desk.drive(*made)
    assert {rest.view.status for rest in drove.rests} == {"waiting"}
    assert len(drove.rests) == len(made)
