"""Several processes on one store: who drives, who asks, and what a driver that came too late may do."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import time
from pathlib import Path
from threading import Event

import pytest
from desk import Desk

from headgate.api import running
from headgate.api.compiling import compile_target
from headgate.api.faults import NothingStarted, Refused
from headgate.api.inputs import NOTHING_GIVEN
from headgate.api.place import Driving
from headgate.plan import dump

SLOW = """
workflow w {
  step a = ledger { book = "BOOK", line = "a", seconds = SECONDS, reversibility = recoverable }
  step b = ledger after a { book = "BOOK", line = "b", reversibility = recoverable }
}
"""


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "desk")


def started(desk: Desk, seconds: float) -> tuple[subprocess.Popen[str], str]:
    """A process that drives a run whose first effect has happened, and the run."""
    desk.write(SLOW.replace("SECONDS", str(seconds)))
    driver = desk.command("run", "flow.flow", "--format", "json")
    while not desk.lines():
        assert driver.poll() is None, driver.communicate()
        Event().wait(0.02)
    return driver, desk.runs()[0].run


def test_a_live_driver_sees_what_others_ask_within_a_second(desk: Desk) -> None:
    driver, run = started(desk, 1.5)
    began = time.monotonic()
    rest = desk.act(run, "pause", reason="stop here")
    assert time.monotonic() - began < 1.0
    assert (rest.view.status, rest.exit_code) == ("paused", 0)
    out, _ = driver.communicate()
    assert (driver.returncode, json.loads(out)["status"]) == (5, "paused")
    assert desk.performed() == ["a"]
    assert desk.act(run, "resume").view.status == "completed"
    assert desk.performed() == ["a", "b"]


def test_a_live_driver_refuses_what_is_not_allowed_to_whoever_asked(desk: Desk) -> None:
    driver, run = started(desk, 1.0)
    with pytest.raises(Refused) as refusal:
        desk.act(run, "resume")
    assert refusal.value.code == "NOT_PAUSED"
    driver.communicate()
    assert driver.returncode == 0


def test_a_cancel_from_another_process_stops_the_attempt_that_is_out(desk: Desk) -> None:
    driver, run = started(desk, 60)
    assert desk.act(run, "cancel").exit_code == 0
    out, _ = driver.communicate(timeout=20)
    assert (driver.returncode, json.loads(out)["status"]) == (1, "cancelled")
    assert desk.status(run, "a") == "cancelled"


def test_drive_on_a_run_that_another_process_drives_follows_it(desk: Desk) -> None:
    driver, run = started(desk, 1.0)
    (rest,) = desk.drive(run).rests
    assert rest.view.status == "completed"
    driver.communicate()
    assert desk.performed() == ["a", "b"]


def test_a_killed_drivers_run_is_taken_at_once(desk: Desk) -> None:
    driver, run = started(desk, 60)
    driver.kill()
    driver.communicate()
    desk.write(SLOW.replace("SECONDS", "0"))
    began = time.monotonic()
    with sqlite3.connect(desk.folder / ".headgate" / "headgate.db") as connection:
        connection.execute("UPDATE leases SET expires_at = expires_at + 3600000")
    cancelled = desk.act(run, "cancel")
    assert time.monotonic() - began < 5
    assert cancelled.view.status == "cancelled"
    assert [event.type.value for event in desk.events(run)].count("attempt_lost") == 1


def test_the_late_write_of_a_driver_that_lost_its_lease_is_refused(desk: Desk) -> None:
    driver, run = started(desk, 1.0)
    path = desk.folder / ".headgate" / "headgate.db"
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE leases SET fence = fence + 1, owner = 'elsewhere-1-00'")
    before = desk.events(run)
    driver.terminate()
    driver.communicate()
    assert desk.events(run) == before, "a zombie wrote"
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE leases SET owner = NULL")
    (rest,) = desk.drive().rests
    assert rest.view.steps["a"].attempts == 2


def test_an_act_that_is_asked_twice_is_done_once(desk: Desk) -> None:
    text = 'workflow w { step ask = human approval { title = "?" }\n step s = set after ask { a = 1 } }'
    run = desk.run(text).view.run
    first = desk.act(run, "pause", request_id="r1")
    second = desk.act(run, "pause", request_id="r1")
    assert first.notes == second.notes
    assert len(desk.events(run, "hold_opened")) == 1


def test_a_request_id_is_not_used_for_another_act(desk: Desk) -> None:
    run = desk.run('workflow w { step ask = human approval { title = "?" } }').view.run
    desk.act(run, "pause", request_id="r1")
    with pytest.raises(Exception, match="was used for another act"):
        desk.act(run, "cancel", request_id="r1")


def test_an_act_on_a_machine_that_lacks_a_binding_is_recorded_and_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(tmp_path / "desk", '[secrets]\nTOKEN = { env = "DESK_TOKEN" }\n')
    text = """
    workflow w {
      step ask = human approval { title = "?" }
      step call = http GET "http://127.0.0.1:9/" after ask { headers = { auth = {{ secrets.TOKEN }} }, retry = 0 }
    }
    """
    monkeypatch.setenv("DESK_TOKEN", "x")
    run = desk.run(text).view.run
    monkeypatch.delenv("DESK_TOKEN")
    rest = desk.act(run, "approve", "ask")
    assert rest.exit_code == 5
    assert any("TOKEN" in note for note in rest.notes)
    assert rest.view.steps["ask"].status == "completed"
    assert rest.view.steps["call"].attempts == 0
    (again,) = desk.drive().rests
    assert (again.exit_code, again.view.steps["call"].attempts) == (5, 0)
    monkeypatch.setenv("DESK_TOKEN", "x")
    assert desk.drive().rests[0].view.failure is not None


def test_a_run_that_lacks_a_binding_is_made_and_waits_for_it(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "desk", '[secrets]\nTOKEN = { env = "DESK_TOKEN_2" }\n')
    rest = desk.run(
        'workflow w { step s = http GET "http://127.0.0.1:9/" { headers = { auth = {{ secrets.TOKEN }} } } }'
    )
    assert (rest.exit_code, rest.view.status) == (5, "queued")
    assert any("DESK_TOKEN_2" in note for note in rest.notes)


# Damage


def test_a_damaged_plan_file_starts_nothing(desk: Desk) -> None:
    compiled = compile_target(desk.write("workflow w { step s = set { a = 1 } }"), start=desk.folder)
    assert compiled.plan is not None
    plan = desk.folder / "w.plan.json"
    plan.write_bytes(dump(compiled.plan).replace(b'"a":1', b'"a":2'))
    with pytest.raises(NothingStarted, match="PLAN_INTEGRITY"):
        running.run("w.plan.json", NOTHING_GIVEN, desk.place, Driving())
    assert desk.runs() == []
    plan.write_bytes(dump(compiled.plan))
    assert running.run("w.plan.json", NOTHING_GIVEN, desk.place, Driving()).exit_code == 0


def test_a_damaged_stored_plan_fails_its_run_and_harms_no_other(desk: Desk) -> None:
    text = 'workflow NAME { step ask = human approval { title = "?" }\n step s = set after ask { a = "NAME" } }'
    bad = desk.run(text.replace("NAME", "bad")).view.run
    good = desk.run(text.replace("NAME", "good")).view.run
    path = desk.folder / ".headgate" / "headgate.db"
    with sqlite3.connect(path) as connection:
        digest = connection.execute("SELECT plan_digest FROM runs WHERE id=?", (bad,)).fetchone()[0]
        connection.execute("UPDATE plans SET body = replace(body, 'human', 'hooman') WHERE digest=?", (digest,))
    drove = desk.drive()
    assert {rest.view.run: rest.view.status.value for rest in drove.rests} == {bad: "failed", good: "waiting"}
    view = desk.show(bad)
    assert view.failure is not None
    assert view.failure.code == "PLAN_INTEGRITY"
    assert "fault of the plan and not of" in str(view.failure.message)
    with pytest.raises(Refused, match="damaged"):
        desk.act(bad, "redrive")
    assert desk.act(good, "approve", "ask").view.status == "completed"


def test_a_damaged_log_is_named_and_the_other_runs_go_on(desk: Desk) -> None:
    text = "workflow NAME { step nap = delay 100ms\n step s = set after nap { a = 1 } }"
    bad = desk.run(text.replace("NAME", "bad"), wait_ms=0).view.run
    good = desk.run(text.replace("NAME", "good"), wait_ms=0).view.run
    path = desk.folder / ".headgate" / "headgate.db"
    with sqlite3.connect(path) as connection:
        number = connection.execute("SELECT n FROM runs WHERE id=?", (bad,)).fetchone()[0]
        connection.execute("UPDATE events SET body='[1,2' WHERE key=?", ((number << 32) + 2,))
    drove = desk.drive(wait_ms=2_000)
    assert drove.exit_code == 4
    assert f"run {bad}, event 2" in drove.faults[0]
    assert desk.status(good) == "completed"


def test_a_run_of_a_store_that_is_full_loses_nothing(desk: Desk) -> None:
    from headgate.api import site
    from headgate.runtime.store import Store
    from headgate.runtime.store.opening import open_for_writing

    limit = {"pages": 0}

    def on_a_small_disk(at: Path) -> sqlite3.Connection:
        connection = open_for_writing(at)
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count={pages + limit['pages']}")
        return connection

    class SmallStore(Store):
        def __init__(self, path: Path) -> None:
            super().__init__(path, on_a_small_disk)

    text = """
    workflow w {
      step ask = human approval { title = "?" }
      step big = ledger after ask { book = "BOOK", line = {{ inputs.said }}, reversibility = recoverable }
      input said: string
    }
    """
    run = desk.run(text, said="x" * 50_000).view.run
    whole = site.Store
    site.Store = SmallStore  # type: ignore[misc]
    try:
        with pytest.raises(NothingStarted, match="the disk is full"):
            desk.act(run, "approve", "ask")
    finally:
        site.Store = whole  # type: ignore[misc]
    assert len(desk.lines()) <= 1
    desk.drive()
    assert desk.status(run) == "completed"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('step s = memory search { query = "x" }', "`memory`"),
    ],
)
def test_what_is_not_run_yet_is_named_and_no_run_is_made(tmp_path: Path, text: str, named: str) -> None:
    desk = Desk(tmp_path / "desk", '[agents.triage]\nmodel = "m"\n[models.m]\nbase_url = "http://x/v1"\nmodel = "m"\n')
    with pytest.raises(NothingStarted, match=r"not run yet|is run yet|are run yet") as fault:
        desk.run(f"workflow w {{ {text} }}")
    assert named.strip("`") in fault.value.message
    assert fault.value.exit_code == 3
    assert desk.runs() == []


def test_what_a_called_workflow_needs_and_is_not_run_yet_is_named_before_a_run_is_made(desk: Desk) -> None:
    with pytest.raises(NothingStarted, match="`memory`"):
        desk.run('workflow w { step s = call v }\nworkflow v { step t = memory search { query = "x" } }')
    assert desk.runs() == []


def test_workflows_that_call_themselves_end_at_a_limit(desk: Desk) -> None:
    rest = desk.run("# headgate: ignore[HG307] to see where it ends\nworkflow w { step s = call w }")
    assert rest.view.status == "failed"
    assert len(desk.runs()) <= 16
    deepest = desk.runs()[0].failure
    assert deepest is not None
    assert deepest.code == "LIMIT_EXCEEDED"


def test_a_detached_sub_run_lives_on_its_own(desk: Desk) -> None:
    text = """
    workflow parent {
      step sub = call child { detach = true }
      step s = set after sub { a = 1 }
    }
    workflow child { step ask = human approval { title = "?" } }
    """
    rest = desk.run(text)
    assert rest.view.status == "completed"
    child = next(view for view in desk.runs() if view.workflow == "child")
    assert child.status == "waiting"
    assert rest.view.steps["sub"].result == {"run": child.run}
    assert desk.act(child.run, "approve", "ask").view.status == "completed"


def test_pause_resume_and_cancel_pass_to_attached_sub_runs(desk: Desk) -> None:
    text = """
    workflow parent { step sub = call child }
    workflow child {
      step nap = delay 200ms
      step ask = human approval after nap { title = "?" }
    }
    """
    parent = desk.run(text, wait_ms=0).view.run
    child = next(view.run for view in desk.runs() if view.workflow == "child")
    desk.act(parent, "pause")
    assert [desk.status(parent), desk.status(child)] == ["paused", "paused"]
    desk.act(parent, "resume")
    assert [desk.status(parent), desk.status(child)] == ["waiting", "waiting"]
    desk.act(parent, "cancel")
    assert [desk.status(parent), desk.status(child)] == ["cancelled", "cancelled"]
    assert desk.runs(open_only=True) == []


def test_drive_exits_0_when_no_run_is_open(desk: Desk) -> None:
    assert desk.drive().exit_code == 0
    desk.run("workflow w { step s = set { a = 1 } }")
    assert desk.drive() == running.Drove((), (), 0)


def test_the_command_line_goes_on_with_a_run_that_was_killed(desk: Desk) -> None:
    driver, run = started(desk, 60)
    driver.kill()
    driver.communicate()
    assert desk.status(run) == "running"
    (desk.folder / "flow.flow").unlink()
    slow = desk.command("drive", run)
    while len(desk.lines()) < 2:
        assert slow.poll() is None, slow.communicate()
        Event().wait(0.02)
    slow.kill()
    slow.communicate()
    code, out, _ = desk.cli("cancel", run, "--format", "json")
    assert (code, json.loads(out)["status"]) == (0, "cancelled")
    assert desk.lines() == ["a 1 a", "a 2 a"]


def test_a_sub_run_is_refused_inputs_that_do_not_fit(desk: Desk) -> None:
    text = """
    workflow parent {
      input any_value: any
      step sub = call child { inputs = { n = {{ inputs.any_value }} } }
    }
    workflow child { input n: integer\n step s = set { a = 1 } }
    """
    rest = desk.run(text, any_value="seven")
    assert rest.view.failure is not None
    assert (rest.view.failure.code, rest.view.failure.step) == ("CONFIG_INVALID", "sub")
    assert "`n` does not fit" in str(rest.view.failure.message)
    assert len(desk.runs()) == 1
    assert desk.run(text, any_value=7).view.status == "completed"


def test_a_workflow_that_is_gone_when_it_is_called_fails_the_call(desk: Desk) -> None:
    desk.write("workflow child { step s = set { a = 1 } }", "child.flow")
    text = """
    workflow parent {
      step ask = human approval { title = "?" }
      step sub = call child after ask
    }
    """
    run = desk.run(text).view.run
    (desk.folder / "child.flow").unlink()
    rest = desk.act(run, "approve", "ask")
    assert rest.view.failure is not None
    assert (rest.view.failure.code, rest.view.failure.step) == ("CONFIG_INVALID", "sub")
    desk.write("workflow child { step s = set { a = 1 } }", "child.flow")
    assert desk.act(run, "redrive").view.status == "completed"
