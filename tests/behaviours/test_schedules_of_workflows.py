"""SP02 and RL: what the clock starts, what is overdue, and what an outage leaves."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from threading import Barrier

import pytest
from desk import INSTALLED, Desk, TurnedClock

from headgate.api import publishing, scheduling
from headgate.api.driving import Drive
from headgate.api.place import Driving
from headgate.api.publishing import Because
from headgate.api.session import Session
from headgate.api.site import Site
from headgate.runtime.store import RunWrite
from headgate.runtime.times import iso

HOUR = 3_600_000
BECAUSE = Because()


def hourly(attributes: str = "", more: str = "") -> str:
    return f"""
workflow tidy {{
  input at: string
  trigger hourly = schedule "0 * * * *" {{ inputs = {{ at = {{{{ trigger.at }}}} }}, {attributes} }}
  {more}
  step note = set {{ at = {{{{ inputs.at }}}} }}
  output {{ at = {{{{ steps.note.result.at }}}} }}
}}
"""


def published(desk: Desk, attributes: str = "", more: str = "") -> int:
    """Publishes it; the first hour that is due."""
    desk.publish(hourly(attributes, more))
    found = desk.workflow("tidy").triggers[0].next_at
    assert found is not None
    return found


def seen(desk: Desk) -> list[tuple[str, str | None]]:
    """Of each run, from the oldest: its status, and the time that it was for or why it was skipped."""
    views = [desk.show(view.run) for view in reversed(desk.runs())]
    return [(view.status.value, view.output["at"] if isinstance(view.output, dict) else view.detail) for view in views]


def test_SP02_a_schedule_starts_without_anybody(desk: Desk) -> None:
    first = published(desk)
    assert desk.turned(first - 1000).rests == ()
    drove = desk.turned(first + 1000)
    assert (len(drove.rests), drove.exit_code) == (1, 0)
    view = drove.rests[0].view
    assert (view.trigger, view.version, view.output) == ("hourly", 1, {"at": iso(first)})
    created = desk.events(view.run)[0]
    assert (created.actor, created.data["due_at"]) == ("system", first)
    assert desk.turned(first + 2000).rests == (), "each occurrence is met once"


def test_SP02_a_filter_lets_an_occurrence_pass_by(desk: Desk) -> None:
    first = published(desk, "when = {{ trigger.at == 'never' }}")
    assert desk.turned(first + 1000).rests == ()
    last = desk.workflow("tidy").triggers[0].last
    assert last is not None
    assert (last.due_at, last.run) == (first, None), "it was met, and no run came of it"


def test_SP02_inputs_that_cannot_be_made_fail_a_run_that_says_so(desk: Desk) -> None:
    desk.publish(
        'workflow tidy {\n  input n: integer\n  trigger hourly = schedule "0 * * * *" {\n'
        "    inputs = { n = {{ trigger.at }} }\n  }\n"
        "  step s = set { n = {{ inputs.n }} }\n}\n"
    )
    first = desk.workflow("tidy").triggers[0].next_at
    assert first is not None
    view = desk.turned(first + 1000).rests[0].view
    assert view.failure is not None
    assert view.failure.code == "CONFIG_INVALID"
    assert "trigger `hourly`: the input `n` does not fit" in str(view.failure.message)


@pytest.mark.parametrize("act", ["disable", "deactivate", "archive"])
def test_TJ25_a_workflow_that_does_not_dispatch_receives_nothing(desk: Desk, act: str) -> None:
    first = published(desk)
    match act:
        case "disable":
            publishing.disable("tidy", BECAUSE, desk.place)
        case "deactivate":
            publishing.deactivate("tidy", BECAUSE, desk.place)
        case _:
            publishing.archive("tidy", None, BECAUSE, desk.place)
    assert desk.turned(first + HOUR).rests == ()
    assert desk.workflow("tidy").triggers == () or desk.workflow("tidy").triggers[0].next_at is None


def test_TJ25_a_draft_or_an_inactive_version_receives_nothing(desk: Desk) -> None:
    desk.publish(hourly(), activate=False)
    desk.publish(hourly("enabled = true", "let x = 1"), draft=True)
    view = desk.workflow("tidy")
    assert ([each.status for each in view.versions], view.status) == (["inactive", "draft"], "draft")
    assert desk.turned(view.since + 10 * HOUR).rests == ()


def test_what_was_due_while_it_was_disabled_was_refused(desk: Desk) -> None:
    first = published(desk)
    publishing.disable("tidy", BECAUSE, desk.place)
    publishing.enable("tidy", BECAUSE, desk.place)
    desk.turned(first + 1000)
    assert seen(desk) == [("completed", iso(first))]


def test_RL06_after_an_outage_every_time_is_run_when_the_policy_says_run(desk: Desk) -> None:
    first = published(desk)
    desk.turned(first + 4 * HOUR + 1000)
    assert seen(desk) == [("completed", iso(first + hour * HOUR)) for hour in range(5)]


def test_RL06_the_latest_runs_and_the_others_are_skipped_as_missed(desk: Desk) -> None:
    first = published(desk, "late = latest")
    desk.turned(first + 2 * HOUR + 1000)
    assert seen(desk) == [("skipped", "missed"), ("skipped", "missed"), ("completed", iso(first + 2 * HOUR))]


def test_RL06_what_is_late_beyond_the_window_is_skipped_as_missed(desk: Desk) -> None:
    first = published(desk, "late = { policy = skip, window = 90m }")
    drove = desk.turned(first + 3 * HOUR + 1000)
    assert [status for status, _ in seen(desk)] == ["skipped", "skipped", "completed", "completed"]
    assert drove.exit_code == 1


def test_RL06_a_version_that_keeps_the_schedule_loses_nothing_that_was_due(desk: Desk) -> None:
    first = published(desk)
    desk.publish(hourly("", "let other = 1"))
    assert desk.workflow("tidy").active == 2
    desk.turned(first + 1000)
    assert seen(desk) == [("completed", iso(first))]


WAITING = 'step ask = human approval { title = "Go?", assignees = ["finance"] }'


def test_overlap_skip_skips_while_the_run_before_is_open(desk: Desk) -> None:
    first = published(desk, "overlap = skip", WAITING)
    desk.turned(first + 1000)
    desk.turned(first + HOUR + 1000)
    assert [status for status, _ in seen(desk)] == ["waiting", "skipped"]
    assert seen(desk)[1] == ("skipped", "overlap")


def test_overlap_queue_waits_until_the_run_before_has_ended(desk: Desk) -> None:
    first = published(desk, "overlap = queue", WAITING)
    desk.turned(first + 2 * HOUR + 1000)
    assert [status for status, _ in seen(desk)] == ["waiting"]
    for number in count(1):
        desk.act(desk.runs()[0].run, "approve", "ask")
        desk.turned(first + 2 * HOUR + 2000 + number)
        if len(desk.runs()) == number:
            break
    assert seen(desk) == [("completed", iso(first + hour * HOUR)) for hour in range(3)]


def test_overlap_queue_runs_one_after_the_other_in_one_drive(desk: Desk) -> None:
    first = published(desk, "overlap = queue")
    desk.turned(first + 3 * HOUR + 1000)
    assert seen(desk) == [("completed", iso(first + hour * HOUR)) for hour in range(4)]


def test_RL06_two_drivers_at_once_meet_each_time_once(desk: Desk) -> None:
    first = published(desk)
    together = Barrier(2)

    def drive() -> int:
        together.wait()
        return len(desk.turned(first + 19 * HOUR + 1000).rests)

    with ThreadPoolExecutor(2) as pool:
        drivers = [pool.submit(drive) for _ in range(2)]
        counts = [driver.result() for driver in drivers]
    assert sum(counts) >= 20, counts
    assert seen(desk) == [("completed", iso(first + hour * HOUR)) for hour in range(20)]


def test_RL06_an_occurrence_that_another_met_in_between_is_refused_with_its_run(desk: Desk) -> None:
    first = published(desk)
    site = Site(desk.place)
    store = site.existing_store()
    with Session(site, store, Driving()) as session:
        driven = scheduling.admit_due(session, first + HOUR - 1, at_most=0)
        assert driven == scheduling.Admitted((), 0)
        commit = store.commit

        def after_another(writes: Sequence[RunWrite]) -> frozenset[str]:
            row = ("tidy", "hourly", str(first + HOUR), first + HOUR, "another", first)
            with sqlite3.connect(site.store_path) as other:
                other.execute("INSERT OR IGNORE INTO occurrences VALUES (?,?,?,?,?,?)", row)
            return commit(writes)

        store.commit = after_another  # type: ignore[method-assign]
        admitted = scheduling.admit_due(session, first + 2 * HOUR)
        assert (len(admitted.runs), admitted.tried) == (2, 3)
    assert len(desk.runs()) == 2


def test_RL06_several_hundred_runs_that_are_due_at_once_go_in_lots(desk: Desk) -> None:
    first = published(desk)
    clock = TurnedClock(first + 249 * HOUR + 1000)
    site = Site(desk.place)
    site.clock = clock
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        clock.turn(seconds)

    drove = Drive(site, Driving(), wait).all()
    assert (len(drove.rests), drove.exit_code) == (250, 0)
    assert len(waits) == 2, "three lots, of which the second and the third wait for their turn"
    assert len({view.run for view in desk.runs()}) == 250
    made = sorted(desk.events(view.run, "run_created")[0].at for view in desk.runs())
    for earlier, later in zip(made, made[scheduling.ADMITTED_AT_ONCE :], strict=False):
        assert later - earlier >= 900, "never more than a lot within a second"


KILLED = """
import os, signal, sys
from pathlib import Path
from desk import Desk
from headgate.runtime.store import Store
folder, at, number, moment = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
desk = Desk.__new__(Desk)
desk.folder, desk.actor, desk.book = folder, "ann", folder / "book.txt"
commit, count = Store.commit, 0

def counted(self, writes):
    global count
    count += 1
    if count == number and moment == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    refused = commit(self, writes)
    if count == number:
        os.kill(os.getpid(), signal.SIGKILL)
    return refused

Store.commit = counted
desk.turned(at)
"""


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_RL06_a_driver_killed_at_a_commit_meets_nothing_twice_and_loses_nothing(
    desk: Desk, number: int, moment: str
) -> None:
    first = published(desk, "", 'step book = ledger { book = "BOOK", line = {{ inputs.at }}, reversibility = safe }')
    at = first + 4 * HOUR + 1000
    environment = {**os.environ, "PYTHONPATH": f"{INSTALLED}:{INSTALLED.parent}"}
    words = [sys.executable, "-c", KILLED, str(desk.folder), str(at), str(number), moment]
    died = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert died.returncode == -signal.SIGKILL, died.stderr
    desk.turned(at + 1000)
    assert sorted(seen(desk)) == [("completed", iso(first + hour * HOUR)) for hour in range(5)]
    assert {line.split(" ")[-1] for line in desk.lines()} == {iso(first + hour * HOUR) for hour in range(5)}
