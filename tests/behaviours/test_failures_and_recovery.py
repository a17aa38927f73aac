"""AR and RL: what a failure does to a run, and the ways on from there."""

from __future__ import annotations

import json
import signal
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from desk import Desk
from servers.http_server import http_server

from headgate.api import forking
from headgate.api.faults import Refused

SIBLINGS = """
workflow w {
  on_failure = POLICY
  step done = ledger { book = "BOOK", line = "done", reversibility = recoverable }
  step slow = ledger after done { book = "BOOK", line = "slow", seconds = SECONDS, reversibility = recoverable }
  step bad  = ledger after done { book = "BOOK", line = "bad", broken = true, reversibility = recoverable }
  step next = ledger after bad { book = "BOOK", line = "next", reversibility = recoverable }
  step tail = ledger after slow { book = "BOOK", line = "tail", reversibility = recoverable }
}
"""


REFUSED = """
workflow w {
  input n: integer
  step s = http POST "URL" { body = { order = {{ inputs.n }} } }
}
"""


def siblings(policy: str, seconds: float) -> str:
    return SIBLINGS.replace("POLICY", policy).replace("SECONDS", str(seconds))


def statuses(desk: Desk, run: str) -> dict[str, str]:
    return {path: step.status for path, step in desk.show(run).steps.items()}


def test_AR01_fail_fast_cancels_what_ran_beside_and_keeps_what_was_done(desk: Desk) -> None:
    rest = desk.run(siblings("fail", 30))
    assert (rest.view.status, rest.exit_code) == ("failed", 1)
    assert statuses(desk, rest.view.run) == {
        "done": "completed",
        "slow": "cancelled",
        "bad": "failed",
        "next": "blocked",
        "tail": "blocked",
    }
    assert rest.view.steps["done"].result == {"line": "done"}
    (cancelled,) = desk.events(rest.view.run, "step_cancelled")
    assert (cancelled.step, cancelled.data["cause"]) == ("slow", "bad")
    assert rest.view.failure is not None
    assert (rest.view.failure.code, rest.view.failure.step) == ("UPSTREAM_ERROR", "bad")


def test_AR04_a_transient_failure_is_retried_and_counted(desk: Desk) -> None:
    rest = desk.run(
        'workflow w { step s = ledger { book = "BOOK", line = "x", fail = 2, '
        "retry = { max = 2, backoff = [1ms] }, reversibility = safe } }"
    )
    assert rest.view.status == "completed"
    assert rest.view.steps["s"].attempts == 3
    assert desk.lines() == ["s 1 x", "s 2 x", "s 3 x"]


def test_AR04_retries_end_when_they_are_used_up(desk: Desk) -> None:
    rest = desk.run(
        'workflow w { step s = ledger { book = "BOOK", line = "x", fail = 9, '
        "retry = { max = 1, backoff = [1ms] }, reversibility = safe } }"
    )
    assert rest.view.status == "failed"
    assert desk.performed() == ["s", "s"]


def test_RL04_a_permanent_error_is_not_retried(desk: Desk) -> None:
    rest = desk.run('workflow w { step s = ledger { book = "BOOK", line = "x", broken = true, retry = 5 } }')
    assert rest.view.status == "failed"
    assert desk.performed() == ["s"]


def test_RL04_a_missing_variable_is_not_retried(desk: Desk) -> None:
    rest = desk.run(
        "workflow w { input o: object = {}\n"
        'step s = ledger { book = "BOOK", line = {{ inputs.o.missing }}, retry = 5 } }'
    )
    assert rest.view.status == "failed"
    assert rest.view.failure is not None
    assert (rest.view.failure.code, rest.view.failure.step) == ("TEMPLATE_FAILED", "s")
    assert desk.lines() == []


def test_AR17_a_redrive_goes_on_from_the_failure_and_keeps_what_was_done(desk: Desk) -> None:
    text = """
    workflow w {
      input go: boolean = false
      step a = ledger { book = "BOOK", line = "a", reversibility = recoverable }
      step b = ledger after a { book = "BOOK", line = "b", fail = 1, retry = 0, reversibility = recoverable }
      step c = ledger after b { book = "BOOK", line = "c", reversibility = recoverable }
    }
    """
    run = desk.run(text).view.run
    assert statuses(desk, run) == {"a": "completed", "b": "failed", "c": "blocked"}
    assert forking.preview("redrive", run, forking.Changes(), desk.place).again == ("b", "c")
    assert desk.performed() == ["a", "b"]
    rest = desk.act(run, "redrive")
    assert (rest.view.run, rest.view.status, rest.view.epoch) == (run, "completed", 1)
    assert desk.performed() == ["a", "b", "b", "c"]


def test_AR17_a_redrive_from_a_step_runs_what_follows_again_but_asks_before_the_irreversible(desk: Desk) -> None:
    text = """
    workflow w {
      step a = ledger { book = "BOOK", line = "a", reversibility = recoverable }
      # headgate: ignore[HG601] the ledger is a file of the test
      step pay = ledger after a { book = "BOOK", line = "p", reversibility = irreversible }
      step bad = ledger after pay { book = "BOOK", line = "b", broken = true }
    }
    """
    run = desk.run(text).view.run
    with pytest.raises(Refused, match="pay"):
        desk.act(run, "redrive", "a")
    assert desk.performed() == ["a", "pay", "bad"]
    desk.act(run, "redrive", "a", yes=True)
    assert desk.performed() == ["a", "pay", "bad", "a", "pay", "bad"]


def test_AR17_a_redrive_of_a_caller_redrives_the_same_sub_run(desk: Desk) -> None:
    text = """
    workflow parent {
      step sub = call child
      step end = ledger after sub { book = "BOOK", line = "end", reversibility = recoverable }
    }
    workflow child {
      step a = ledger { book = "BOOK", line = "a", reversibility = recoverable }
      step b = ledger after a { book = "BOOK", line = "b", fail = 1, retry = 0, reversibility = recoverable }
    }
    """
    parent = desk.run(text).view
    assert parent.failure is not None
    assert (parent.status, parent.failure.code) == ("failed", "SUBRUN_FAILED")
    child = next(view for view in desk.runs() if view.workflow == "child")
    assert desk.act(parent.run, "redrive").view.status == "completed"
    assert (desk.show(child.run).status, desk.show(child.run).epoch) == ("completed", 1)
    assert len(desk.runs()) == 2
    assert desk.performed() == ["a", "b", "b", "end"]


@pytest.mark.parametrize("target", ["parent", "child"])
def test_AR17_a_redrive_after_a_cancel_asks_before_it_repeats_what_was_in_doubt(desk: Desk, target: str) -> None:
    desk.write(
        "workflow parent { step sub = call child }\n"
        'workflow child { step s = ledger { book = "BOOK", line = "x", seconds = 0.5 } }'
    )
    driver = desk.command("run", f"flow.flow#{target}")
    wait_for(desk, 1)
    driver.kill()
    driver.communicate()
    desk.drive()
    run = next(view.run for view in desk.runs() if view.workflow == target)
    desk.act(run, "cancel")
    with pytest.raises(Refused, match=r"`s` may have happened already: running it again needs `--yes`"):
        desk.act(run, "redrive")
    assert (desk.status(run), desk.performed()) == ("cancelled", ["s"])
    assert desk.act(run, "redrive", yes=True).view.status == "completed"
    assert desk.performed() == ["s", "s"]


def test_AR19_on_failure_pause_holds_and_siblings_go_on(desk: Desk) -> None:
    rest = desk.run(siblings("pause", 0.05))
    assert (rest.view.status, rest.view.detail, rest.exit_code) == ("paused", "step_failed: bad", 5)
    assert statuses(desk, rest.view.run) == {
        "done": "completed",
        "slow": "completed",
        "bad": "failed",
        "next": "pending",
        "tail": "ready",
    }
    after = desk.act(rest.view.run, "skip", "bad")
    assert after.view.status == "completed"
    assert set(desk.performed()) == {"done", "slow", "bad", "next", "tail"}


def test_AR19_on_failure_continue_blocks_only_what_depends_on_it(desk: Desk) -> None:
    rest = desk.run(siblings("continue", 0.01))
    assert (rest.view.status, rest.view.outcome, rest.exit_code) == ("completed", "with_failures", 0)
    assert statuses(desk, rest.view.run) == {
        "done": "completed",
        "slow": "completed",
        "bad": "failed",
        "next": "blocked",
        "tail": "completed",
    }


def test_RL05_a_graceful_stop_marks_what_ran_interrupted_and_it_goes_on(desk: Desk) -> None:
    desk.write(
        'workflow w { step s = ledger { book = "BOOK", line = "x", seconds = 0.5, reversibility = safe }\n'
        'step t = ledger after s { book = "BOOK", line = "y", reversibility = recoverable } }'
    )
    driver = desk.command("run", "flow.flow")
    wait_for(desk, 1)
    driver.send_signal(signal.SIGINT)
    _, said = driver.communicate()
    (view,) = desk.runs()
    assert view.status == "interrupted"
    assert f"headgate drive {view.run}" in said
    assert desk.status(view.run, "s") == "interrupted"
    assert [event.type for event in desk.events(view.run)][-3:] == ["hold_opened", "attempt_lost", "step_interrupted"]
    assert desk.drive().rests[0].view.status == "completed"
    assert desk.performed() == ["s", "s", "t"]


def test_RL05_what_is_irreversible_and_was_interrupted_waits_for_a_person(desk: Desk) -> None:
    desk.write(
        "# headgate: ignore[HG601] the ledger is a file of the test\n"
        'workflow w { step s = ledger { book = "BOOK", line = "x", seconds = 9, reversibility = irreversible } }'
    )
    driver = desk.command("run", "flow.flow")
    wait_for(desk, 1)
    driver.terminate()
    driver.communicate()
    (rest,) = desk.drive().rests
    assert (rest.view.status, rest.view.detail) == ("paused", "in_doubt: s")
    assert desk.act(rest.view.run, "confirm", "s", done=True, output={"line": "x"}).view.status == "completed"
    assert desk.performed() == ["s"]


def test_RL07_completed_is_honest_about_failures_that_were_handled(desk: Desk) -> None:
    text = """
    workflow w {
      step bad = ledger { book = "BOOK", line = "bad", broken = true }
      step mend = ledger after failed bad { book = "BOOK", line = {{ failure.step }}, reversibility = recoverable }
    }
    """
    rest = desk.run(text)
    assert (rest.view.status, rest.view.outcome) == ("completed", "with_failures")
    assert rest.view.steps["bad"].status == "failed"
    assert desk.lines()[-1] == "mend 1 bad"


def test_RL08_a_failed_http_step_shows_what_it_got_and_what_it_was_told(desk: Desk) -> None:
    class Refusing(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(422)
            self.send_header("content-type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps({"why": "no such order"}).encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
    Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/orders"
    rest = desk.run(
        f'workflow w {{ input n: integer\n step s = http POST "{url}" {{ body = {{ order = {{{{ inputs.n }}}} }} }} }}',
        n=4,
    )
    server.shutdown()
    server.server_close()
    step = rest.view.steps["s"]
    assert step.status == "failed"
    assert isinstance(step.input, dict)
    assert step.input["body"] == {"order": 4}
    assert step.error is not None
    assert (step.error["code"], step.error["provider_status"]) == ("HTTP_REQUEST_FAILED", 422)
    assert "no such order" in json.dumps(step.error)


def test_RL12_a_result_that_breaks_its_declaration_fails_the_step(desk: Desk) -> None:
    text = """
    workflow w {
      step s = ledger {
        book = "BOOK"
        line = "x"
        result = ```json
          {"type": "object", "required": ["total"]}
        ```
      }
    }
    """
    rest = desk.run(text)
    assert rest.view.status == "failed"
    assert rest.view.failure is not None
    assert (rest.view.failure.code, rest.view.failure.step) == ("RESULT_INVALID", "s")
    assert desk.performed() == ["s"]


def wait_for(desk: Desk, lines: int) -> None:
    """Until the effects have written so many lines; the test's own time limit ends a wait that never does."""
    from threading import Event

    while len(desk.lines()) < lines:
        Event().wait(0.02)


def moment(text: str) -> int:
    """The time in ms."""
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def test_RL03_the_backoff_is_5_s_1_min_5_min_with_jitter_of_a_tenth_and_a_server_may_say_another(desk: Desk) -> None:
    with http_server() as server:
        desk.write(
            f"""
            workflow busy {{ step call = http GET "{server.url}/status/503" }}
            workflow told {{ step call = http GET "{server.url}/status/503?retry_after=1234" }}
            """
        )

        def waited(run: str) -> list[float]:
            events = json.loads(desk.cli("events", run, "--format", "json")[1])
            armed = [event for event in events if event["type"] == "step_retrying"]
            return [(event["data"]["at"] - moment(event["at"])) / 1000 for event in armed]

        run = json.loads(desk.cli("run", "flow.flow#busy", "--wait", "0s", "--format", "json")[1])["run"]
        for left in ("retrying", "retrying", "failed"):
            code, out, _ = desk.cli("retry", run, "call", "--format", "json")
            assert (code, json.loads(out)["status"]) == (1 if left == "failed" else 5, left)
        found = waited(run)
        assert all(0.9 <= seconds / usual <= 1.1 for seconds, usual in zip(found, (5, 60, 300), strict=True)), found
        run = json.loads(desk.cli("run", "flow.flow#told", "--wait", "0s", "--format", "json")[1])["run"]
        assert waited(run) == [pytest.approx(1234, abs=0.01)]
