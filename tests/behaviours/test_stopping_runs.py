"""AR05, SP08, TJ26: ending a run by a person's word, and what that does to real calls."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread

import pytest
from desk import Desk
from servers.http_server import http_server

from headgate.api import history
from headgate.api.faults import Refused
from headgate.api.place import Rest

BAD_MCP = Path(__file__).parents[1] / "servers" / "bad_mcp.py"
SLOW = """
workflow w {
  step slow = ledger { book = "BOOK", line = "slow", seconds = SECONDS, reversibility = recoverable, EXTRA }
  step next = ledger after slow { book = "BOOK", line = "next", reversibility = recoverable }
  step ask  = human approval { title = "?" }
}
"""


def slow(seconds: float, extra: str = "retry = 0") -> str:
    return SLOW.replace("SECONDS", str(seconds)).replace("EXTRA", extra)


def until(done: Callable[[], object], process: subprocess.Popen[str]) -> None:
    while not done():
        assert process.poll() is None, process.communicate()
        Event().wait(0.02)


def driven(desk: Desk, text: str, begun: Callable[[], object]) -> tuple[subprocess.Popen[str], str]:
    """A process that drives a run of `text` of which something has begun, and the run."""
    desk.write(text)
    driver = desk.command("run", "flow.flow", "--format", "json")
    until(begun, driver)
    return driver, desk.runs()[0].run


def end(driver: subprocess.Popen[str]) -> dict[str, object]:
    out, said = driver.communicate(timeout=30)
    assert out, said
    found: dict[str, object] = json.loads(out)
    return found


def test_AR05_a_graceful_stop_lets_what_runs_finish_and_starts_nothing_new(desk: Desk) -> None:
    driver, run = driven(desk, slow(3), desk.lines)
    code, out, said = desk.cli("stop", run, "--reason", "enough", "--format", "json")
    assert (code, json.loads(out)["status"]) == (0, "draining")
    assert "`slow` may finish until" in said
    with pytest.raises(Refused) as refusal:
        desk.act(run, "approve", "ask")
    assert refusal.value.code in {"STOPPING", "ALREADY_DECIDED"}
    again = desk.act(run, "stop", graceful=True)
    assert (again.exit_code, "draining already" in again.notes[0]) == (0, True)
    found = end(driver)
    assert (driver.returncode, found["status"], found["detail"]) == (1, "cancelled", "RUN_STOPPED")
    assert desk.performed() == ["slow"]
    view = desk.show(run)
    assert {path: step.status for path, step in view.steps.items()} == {
        "slow": "completed",
        "next": "cancelled",
        "ask": "cancelled",
    }
    assert view.steps["slow"].result == {"line": "slow"}
    (drained,) = desk.events(run, "run_draining")
    assert (drained.actor, drained.reason) == ("ann", "enough")


def test_AR05_a_graceful_stop_is_escalated_to_an_immediate_one(desk: Desk) -> None:
    driver, run = driven(desk, slow(60), desk.lines)
    assert desk.act(run, "stop", graceful=True).view.status == "draining"
    code, _, _ = desk.cli("stop", run, "--now")
    found = end(driver)
    assert (code, found["status"], found["detail"]) == (0, "cancelled", "RUN_STOPPED")
    assert desk.status(run, "slow") == "cancelled"


def test_AR05_past_its_deadline_a_drain_ends_with_drain_timeout(desk: Desk) -> None:
    driver, run = driven(desk, slow(60), desk.lines)
    code, _, _ = desk.cli("stop", run, "--graceful", "--deadline", "300ms")
    found = end(driver)
    assert (code, driver.returncode, found["status"]) == (0, 1, "failed")
    assert found["failure"] == {
        "code": "DRAIN_TIMEOUT",
        "step": "slow",
        "message": "`slow` did not finish before the drain's deadline",
    }


def test_AR05_what_a_stopped_run_called_was_stopped_too_and_what_a_cancelled_one_called_was_cancelled(
    desk: Desk,
) -> None:
    text = """
    workflow w { step sub = call middle }
    workflow middle { step sub = call child }
    workflow child { step ask = human approval { title = "Go?" } }
    """
    for verb, code in (("stop", "RUN_STOPPED"), ("cancel", None)):
        run = desk.run(text).view.run
        desk.act(run, verb)
        family = desk.runs(limit=3)
        assert {view.workflow: (view.status, view.detail) for view in family} == dict.fromkeys(
            ("w", "middle", "child"), ("cancelled", code)
        )


def test_AR05_a_stop_passes_to_attached_sub_runs_and_waits_for_them(desk: Desk) -> None:
    text = """
    workflow w {
      step sub = call child
      step next = set after sub { a = 1 }
    }
    workflow child {
      step slow = ledger { book = "BOOK", line = "slow", seconds = 2.5, reversibility = recoverable }
      step more = ledger after slow { book = "BOOK", line = "more", reversibility = recoverable }
    }
    """
    desk.write(text)
    driver = desk.command("run", "flow.flow#w", "--format", "json")
    until(desk.lines, driver)
    (run,) = (view.run for view in desk.runs(workflow="w"))
    desk.act(run, "stop", graceful=True)
    (child,) = (view.run for view in desk.runs(workflow="child"))
    assert (desk.status(run), desk.status(child)) == ("draining", "draining")
    found = end(driver)
    assert (found["status"], found["detail"]) == ("cancelled", "RUN_STOPPED")
    assert (desk.status(child), desk.status(child, "slow"), desk.performed()) == ("cancelled", "completed", ["slow"])


def test_AR05_what_has_not_started_and_what_nobody_drives_is_ended_at_once(desk: Desk) -> None:
    run = desk.run('workflow w { step ask = human approval { title = "?" } }').view.run
    rest = desk.act(run, "stop", graceful=True)
    assert (rest.view.status, rest.view.detail, rest.exit_code) == ("cancelled", "RUN_STOPPED", 0)
    code, out, said = desk.cli("stop", run)
    assert (code, out) == (6, "")
    assert "TERMINAL" in said
    assert "`redrive`" in said
    code, _, said = desk.cli("stop", run, "--now", "--deadline", "5m")
    assert (code, "--now waits for nothing" in said) == (2, True)


def test_AR19_drain_lets_siblings_finish_and_then_fails_the_run(desk: Desk) -> None:
    text = """
    workflow w {
      on_failure = drain
      step slow = ledger { book = "BOOK", line = "slow", seconds = 0.4, reversibility = recoverable }
      step bad  = ledger { book = "BOOK", line = "bad", broken = true, reversibility = recoverable }
      step tail = ledger after slow { book = "BOOK", line = "tail", reversibility = recoverable }
      step next = ledger after bad { book = "BOOK", line = "next", reversibility = recoverable }
    }
    """
    rest = desk.run(text)
    assert rest.view.failure is not None
    assert (rest.exit_code, rest.view.failure.code, rest.view.failure.step) == (1, "UPSTREAM_ERROR", "bad")
    assert {path: step.status for path, step in rest.view.steps.items() if path != "$entry"} == {
        "slow": "completed",
        "bad": "failed",
        "tail": "blocked",
        "next": "blocked",
    }
    assert sorted(desk.performed()) == ["bad", "slow"]


# Real calls end, and the other side sees it


@pytest.mark.parametrize("verb", [["stop", "--now"], ["cancel"]], ids=["stop --now", "cancel"])
def test_AR05_an_immediate_stop_hangs_up_on_a_server(desk: Desk, verb: list[str]) -> None:
    with http_server() as server:
        text = f'workflow w {{ step s = http GET "{server.url}/watch" {{ timeout = 10m }} }}'
        driver, run = driven(desk, text, lambda: server.arrived.acquire(blocking=False))
        assert desk.cli(verb[0], run, *verb[1:])[0] == 0
        assert server.gone.acquire(timeout=20), "the server still has its client"
        assert (end(driver)["status"], desk.status(run, "s")) == ("cancelled", "cancelled")


@pytest.mark.parametrize("verb", [["stop", "--now"], ["cancel"]], ids=["stop --now", "cancel"])
def test_AR05_an_immediate_stop_tells_the_mcp_server_and_ends_its_process(desk: Desk, verb: list[str]) -> None:
    diary = desk.folder / "diary.txt"
    command = json.dumps([sys.executable, str(BAD_MCP), "diary", str(diary)])
    (desk.folder / "headgate.toml").write_text(f'[project]\nname = "desk"\n[instances.it]\ncommand = {command}\n')
    lock = {
        "version": 1,
        "instances": {"it": {"tools": {"echo": {"inputSchema": {"type": "object"}}}}},
        "workflows": {},
    }
    (desk.folder / "headgate.lock").write_text(json.dumps(lock))

    def called() -> bool:
        return diary.exists() and "tools/call" in diary.read_text()

    text = "workflow w {\n  step s = mcp it.echo { timeout = 10m, reversibility = safe }\n}\n"
    driver, run = driven(desk, text, called)
    assert desk.cli(verb[0], run, *verb[1:])[0] == 0
    assert (end(driver)["status"], desk.status(run, "s")) == ("cancelled", "cancelled")
    said = diary.read_text().split()
    assert said[said.index("tools/call") + 1 :] == ["notifications/cancelled", "end"]


@pytest.mark.parametrize("verb", [["stop", "--now"], ["cancel"]], ids=["stop --now", "cancel"])
def test_AR05_an_immediate_stop_kills_the_child_that_runs_a_script(desk: Desk, verb: list[str]) -> None:
    desk.write('workflow w { step s = lua { timeout = 10m, script = "while true do end" } }')
    driver = desk.command("run", "flow.flow", "--format", "json")
    until(lambda: scripts(driver.pid), driver)
    (child,) = scripts(driver.pid)
    run = desk.runs()[0].run
    assert desk.cli(verb[0], run, *verb[1:])[0] == 0
    assert (end(driver)["status"], desk.status(run, "s")) == ("cancelled", "cancelled")
    assert not Path(f"/proc/{child}").exists()


def scripts(process: int) -> list[int]:
    """The children of a process that run scripts."""
    found = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return [int(pid) for pid in found if "lua_child" in Path(f"/proc/{pid}/cmdline").read_text()]


def test_AR05_an_attempt_that_does_not_heed_its_cancellation_keeps_neither_run_nor_driver(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headgate.runtime.judging.CANCEL_GRACE_MS", 200)
    monkeypatch.setattr("headgate.runtime.attempts.GRACE_SECONDS", 0.2)
    monkeypatch.setattr("headgate.api.session.LEAVE_SECONDS", 0.1)
    rests: list[Rest] = []
    driver = Thread(target=lambda: rests.append(desk.run(slow(60, "retry = 0, deaf = true"))))
    driver.start()
    while not desk.lines():
        Event().wait(0.02)
    run = desk.runs()[0].run
    desk.act(run, "stop")
    driver.join(timeout=20)
    assert not driver.is_alive(), "the driver waits for what does not heed it"
    assert (rests[0].view.status, rests[0].view.detail) == ("cancelled", "RUN_STOPPED")
    assert desk.status(run, "slow") == "cancelled"


# Force-advance


STUCK = """
workflow w {
  step stuck = ledger { book = "BOOK", line = "x", broken = true, on_failure = pause, reversibility = recoverable }
  step pay = ledger after stuck { book = "BOOK", line = "pay", reversibility = recoverable
    gate approval { ask = "pay?", assignees = ["finance"] }
  }
  step last = ledger after pay { book = "BOOK", line = "last", reversibility = recoverable }
}
"""


def test_SP08_an_admin_forces_a_run_past_a_stuck_step_and_approves_where_it_waits(desk: Desk) -> None:
    run = desk.run(STUCK).view.run
    code, _, said = desk.cli("force-advance", run, "stuck", "--reason", "go")
    assert code == 6
    assert "NOT_ADMIN" in said
    assert "admins (root)" in said
    code, _, said = desk.as_("root").cli("force-advance", run, "stuck")
    assert (code, "--reason" in said) == (2, True)
    forced = desk.as_("root").act(run, "force_advance", "stuck", reason="the ledger is closed today")
    assert (forced.view.steps["stuck"].status, forced.view.steps["stuck"].detail) == ("skipped", "forced")
    assert (forced.view.status, forced.view.detail) == ("waiting", "approval")
    code, out, _ = desk.as_("root").cli("force-advance", run, "pay", "--reason", "month end", "--format", "json")
    found = json.loads(out)
    assert (code, found["status"], found["outcome"]) == (0, "completed", "forced")
    assert desk.performed() == ["stuck", "pay", "last"]
    (decided,) = desk.events(run, "approval_decided")
    assert (decided.actor, decided.reason, decided.data["via"]) == ("root", "month end", "force")
    (approval,) = history.approvals(desk.place, run)
    assert (approval.status, approval.decided_by, approval.comment) == ("approved", "root", "month end")
    with pytest.raises(Refused) as refusal:
        desk.as_("root").act(run, "force_advance", "pay", reason="again")
    assert refusal.value.code == "ALREADY_COMPLETED"


def test_SP08_what_a_forced_step_still_brings_is_recorded_and_changes_nothing(desk: Desk) -> None:
    text = """
    workflow w {
      step slow = ledger { book = "BOOK", line = "slow", seconds = 2, deaf = true, reversibility = recoverable }
      step next = ledger after slow { book = "BOOK", line = "next", seconds = 2.5, reversibility = recoverable }
    }
    """
    driver, run = driven(desk, text, desk.lines)
    desk.as_("root").act(run, "force_advance", "slow", reason="it hangs")
    found = end(driver)
    assert (found["status"], found["outcome"]) == ("completed", "forced")
    view = desk.show(run).steps["slow"]
    assert (view.status, view.detail, view.result) == ("skipped", "forced", None)
    kinds = [event.type.value for event in desk.events(run) if event.step == "slow"]
    assert kinds == ["step_dispatched", "step_skipped", "attempt_succeeded"]


# Why


def test_TJ26_why_tells_of_a_drain_and_of_a_stopped_run(desk: Desk) -> None:
    driver, run = driven(desk, slow(4), desk.lines)
    desk.act(run, "stop", graceful=True)
    code, out, _ = desk.cli("why", run, "--format", "json")
    (reason,) = (each for each in json.loads(out) if each["kind"] == "phase")
    assert (code, reason["command"]) == (0, f"headgate stop {run} --now")
    assert "it drains, as it was stopped: 1 attempt is still out" in reason["message"]
    end(driver)
    code, out, _ = desk.cli("why", run)
    assert (code, "it was stopped" in out) == (0, True)


def test_TJ20_a_call_that_the_platform_refuses_fails_the_run_and_is_not_resumable(desk: Desk) -> None:
    (desk.folder / "headgate.toml").write_text('[project]\nname = "desk"\n[secrets]\nTOKEN = { env = "HOME" }\n')
    plan = """
    workflow w {
      on_failure = pause
      step s = lua { script = "return args", args = { t = {{ secrets.TOKEN }} } }
    }
    """
    rest = desk.run(plan)
    assert rest.view.failure is not None
    assert (rest.view.status, rest.view.failure.code, rest.view.failure.step) == ("failed", "PLATFORM_REJECTED", "s")
    error = rest.view.steps["s"].error
    assert isinstance(error, dict)
    assert (error["class"], rest.view.steps["s"].attempts) == ("policy", 1)
    for verb in ("resume", "retry"):
        with pytest.raises(Refused) as refusal:
            desk.act(rest.view.run, verb, "s" if verb == "retry" else None)
        assert refusal.value.code == "TERMINAL"
