"""AR02, AR06, AR07: every failure code is raised by something real, is retried or not, and says what to do."""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest
from command_line import headgate
from desk import Desk
from servers.chat_server import chat_server
from servers.http_server import http_server
from test_stopping_runs import driven, end, slow

from headgate.api import publishing
from headgate.api.explaining import explain
from headgate.api.publishing import Because
from headgate.records import NamedTuple
from headgate.runtime.failure_codes import FAILURE_CODES
from headgate.runtime.view import RunView

BAD_MCP = Path(__file__).parent.parent / "servers" / "bad_mcp.py"


class World(NamedTuple):
    """Where the servers are that let steps down."""

    http: str
    models: str


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with http_server() as http, chat_server() as models:
        yield World(http.url, models.url)


@pytest.fixture
def desk(tmp_path: Path, world: World) -> Desk:
    """A workspace with a model that refuses, servers that let down, and a secret."""
    return Desk(tmp_path / "desk", WORKSPACE.replace("MODELS", world.models).replace("HTTP", world.http))


WORKSPACE: Final = f"""
[secrets]
TOKEN = {{ env = "HOME" }}
[models.fast]
base_url = "MODELS"
model = "status 400"
[instances.bad]
command = [{json.dumps(sys.executable)}, {json.dumps(str(BAD_MCP))}, "tool-error"]
[instances.login]
server_url = "HTTP/status/401"
"""


class Raised(NamedTuple):
    """How a code is raised: the step `s` of this workflow, which may be retried once; its class, its attempts."""

    steps: str
    kind: str
    attempts: int = 1
    policy: str = ""


ONCE: Final = "retry = { max = 1, backoff = [1ms] }"
STEPS: Final[dict[str, Raised]] = {
    "MCP_TOOL_FAILED": Raised(f"step s = mcp bad.echo {{ {ONCE} }}", "permanent"),
    "LLM_REQUEST_FAILED": Raised(f'step s = llm fast {{ prompt = "x", {ONCE} }}', "permanent"),
    "HTTP_REQUEST_FAILED": Raised(f'step s = http GET "HTTP/status/503" {{ {ONCE} }}', "transient", 2),
    "LUA_FAILED": Raised(f'step s = lua {{ script = "error(1)", {ONCE} }}', "permanent"),
    "TEMPLATE_FAILED": Raised(f"step s = set {{ a = {{{{ inputs.o.nothing }}}}, {ONCE} }}", "permanent"),
    "CONFIG_INVALID": Raised("step s = delay { until = {{ inputs.text }} }", "permanent"),
    "STEP_TIMED_OUT": Raised(f'step s = http GET "HTTP/hang" {{ timeout = 50ms, {ONCE} }}', "in_doubt", 2),
    "AUTH_REAUTH_REQUIRED": Raised(f"step s = mcp login.echo {{ {ONCE} }}", "permanent"),
    "RESULT_INVALID": Raised(
        f'step s = lua {{ script = "return {{ 1 }}", result = list<string>, {ONCE} }}', "permanent"
    ),
    "WORKFLOW_FAILED": Raised('step s = fail "no stock"', "permanent"),
    "UPSTREAM_ERROR": Raised(
        f'step s = ledger {{ book = "BOOK", line = "x", broken = true, reversibility = safe, {ONCE} }}', "permanent"
    ),
    "DEPENDENCY_UNAVAILABLE": Raised(f'step s = http GET "http://127.0.0.1:1/" {{ {ONCE} }}', "transient", 2),
    "PLATFORM_REJECTED": Raised(
        f'step s = lua {{ script = "return args", args = {{ t = {{{{ secrets.TOKEN }}}} }}, {ONCE} }}', "policy"
    ),
    "LIMIT_EXCEEDED": Raised(
        "step s = each {{ inputs.list }} as n { limit = 2\n step one = set { n = {{ n }} } }", "permanent"
    ),
    "EFFECT_IN_DOUBT": Raised(f'step s = http POST "HTTP/drop" {{ in_doubt = fail, {ONCE} }}', "permanent"),
    "SUBRUN_FAILED": Raised("step s = call other", "permanent"),
}
FLOW: Final = """
workflow w {
  input o: object = {}
  input text: string = "soon"
  input list: list<integer> = [1, 2, 3]
  POLICY
  STEPS
}
workflow other {
  step no = fail "no"
}
"""


def text_of(raised: Raised, world: World) -> str:
    return FLOW.replace("STEPS", raised.steps).replace("POLICY", raised.policy).replace("HTTP", world.http)


@pytest.mark.parametrize("code", STEPS)
def test_AR02_a_step_fails_with_its_code_and_is_retried_only_when_it_may_pass(
    desk: Desk, world: World, code: str
) -> None:
    raised = STEPS[code]
    rest = desk.run(text_of(raised, world))
    view = rest.view
    assert view.failure is not None
    assert (rest.exit_code, view.status, view.failure.code, view.failure.step) == (1, "failed", code, "s")
    error = view.steps["s"].error
    assert isinstance(error, dict)
    assert (error["code"], error["class"], error["retryable"]) == (code, raised.kind, raised.kind == "transient")
    assert view.steps["s"].attempts == raised.attempts
    assert view.failure.message == error["message"]


def rejected(desk: Desk) -> RunView:
    run = desk.run('workflow w {\n  step s = set { a = 1\n  gate review { ask = "Good?" } }\n}').view.run
    return desk.act(run, "deny", "s").view


def unpaid(desk: Desk) -> RunView:
    file = desk.folder / "headgate.toml"
    file.write_text(file.read_text() + "[limits]\ncredits = { trial = 0 }\n")
    return desk.run("workflow w {\n  step s = set { a = 1 }\n}").view


def stalled(desk: Desk) -> RunView:
    step = 'step s = ledger { book = "BOOK", line = "x", seconds = 60, reversibility = safe }'
    return desk.run(f"workflow w {{\n  timeout = 200ms\n  {step}\n}}").view


def late(desk: Desk) -> RunView:
    return desk.run('workflow w {\n  deadline = 100ms\n  step s = human approval { title = "?" }\n}', 5_000).view


def not_drained(desk: Desk) -> RunView:
    driver, run = driven(desk, slow(60), desk.lines)
    desk.act(run, "stop", graceful=True, deadline_ms=1)
    end(driver)
    return desk.show(run)


WAITS: Final = 'workflow w {\n  step s = human approval { title = "?" }\n}'


def stopped(desk: Desk) -> RunView:
    return desk.act(desk.run(WAITS).view.run, "stop").view


def removed(desk: Desk) -> RunView:
    desk.publish(WAITS)
    run = desk.start("w").view.run
    publishing.archive("w", None, Because(), desk.place, cancel_runs=True)
    return desk.show(run)


def damaged(desk: Desk) -> RunView:
    run = desk.run(WAITS).view.run
    with sqlite3.connect(desk.folder / ".headgate" / "headgate.db") as connection:
        connection.execute("UPDATE plans SET body = replace(body, 'human', 'hooman')")
    desk.drive()
    return desk.show(run)


RUNS: Final[dict[str, tuple[tuple[Callable[[Desk], RunView], ...], str]]] = {
    "HUMAN_TASK_FAILED": ((rejected,), "failed"),
    "INSUFFICIENT_CREDITS": ((unpaid,), "failed"),
    "RUN_STALLED_OR_TIMED_OUT": ((stalled, late), "failed"),
    "DRAIN_TIMEOUT": ((not_drained,), "failed"),
    "RUN_STOPPED": ((stopped,), "cancelled"),
    "DEPENDENCY_REMOVED": ((removed,), "cancelled"),
    "PLAN_INTEGRITY": ((damaged,), "failed"),
}


@pytest.mark.parametrize(
    ("code", "way", "status"), [(code, way, status) for code, (ways, status) in RUNS.items() for way in ways]
)
def test_AR02_a_run_ends_with_its_code(desk: Desk, code: str, way: Callable[[Desk], RunView], status: str) -> None:
    view = way(desk)
    assert (view.status, view.detail) == (status, code)


def test_AR02_every_code_of_the_table_is_raised_by_something_real() -> None:
    assert {*STEPS, *RUNS} == set(FAILURE_CODES)


def test_AR06_no_progress_within_the_timeout_ends_a_run_and_says_which_step_was_open(desk: Desk) -> None:
    view = stalled(desk)
    assert view.failure is not None
    assert (view.failure.code, view.failure.step) == ("RUN_STALLED_OR_TIMED_OUT", None)
    assert view.failure.message == "the run made no progress within its timeout"
    assert view.steps["s"].status == "cancelled"
    (cancelled,) = desk.events(view.run, "step_cancelled")
    assert (cancelled.step, cancelled.data["cause"]) == ("s", "RUN_STALLED_OR_TIMED_OUT")


def test_AR06_time_that_is_spent_waiting_for_people_is_no_lack_of_progress(desk: Desk) -> None:
    run = desk.run(WAITS.replace("{\n", "{\n  timeout = 1ms\n", 1)).view.run
    assert desk.status(run) == "waiting"
    assert desk.act(run, "approve", "s").view.status == "completed"


@pytest.mark.parametrize(
    ("step", "code"),
    [
        ('step s = http GET "http://127.0.0.1:1/" { retry = 0 }', "DEPENDENCY_UNAVAILABLE"),
        ("step s = mcp gone.echo { retry = 0 }", "DEPENDENCY_UNAVAILABLE"),
        ("step s = mcp broken.echo { retry = 0 }", "UPSTREAM_ERROR"),
    ],
)
def test_AR07_a_service_that_cannot_be_reached_or_is_at_fault_is_told_apart_from_a_refusal(
    desk: Desk, world: World, step: str, code: str
) -> None:
    file = desk.folder / "headgate.toml"
    gone = (
        f'[instances.gone]\ncommand = ["no-such-command"]\n[instances.broken]\nserver_url = "{world.http}/status/500"\n'
    )
    file.write_text(file.read_text() + gone)
    view = desk.run(text_of(Raised(step, ""), world)).view
    assert view.failure is not None
    assert (view.status, view.failure.code, view.failure.step) == ("failed", code, "s")


@pytest.mark.parametrize("code", FAILURE_CODES)
def test_AR02_explain_says_what_a_code_means_and_what_to_do(code: str) -> None:
    (found,) = explain(code)
    facts = FAILURE_CODES[code]
    assert (found.code, found.meaning, found.remedy) == (code, facts.meaning, facts.remedy)
    assert facts.remedy.split()


def test_AR02_the_command_line_says_what_to_do(desk: Desk) -> None:
    said = headgate("explain", "EFFECT_IN_DOUBT", cwd=desk.folder)
    assert (said.code, said.err) == (0, "")
    assert f"What to do: {FAILURE_CODES['EFFECT_IN_DOUBT'].remedy}" in " ".join(said.out.split())


# The classes, row by row (`docs/statuses.md`, Errors of a step)


def test_a_transient_error_is_tried_again(desk: Desk, world: World) -> None:
    view = desk.run(text_of(Raised(f'step s = http GET "HTTP/flaky/a?times=1" {{ {ONCE} }}', ""), world)).view
    assert (view.status, view.steps["s"].attempts) == ("completed", 2)


def test_a_permanent_error_fails_at_once(desk: Desk, world: World) -> None:
    view = desk.run(text_of(Raised(f'step s = http GET "HTTP/status/404" {{ {ONCE} }}', ""), world)).view
    assert view.failure is not None
    assert (view.failure.code, view.steps["s"].attempts) == ("HTTP_REQUEST_FAILED", 1)


def test_a_quota_that_is_used_up_fails_at_once_or_holds_the_run_as_the_workspace_says(desk: Desk, world: World) -> None:
    text = text_of(Raised(f'step s = http GET "HTTP/status/402" {{ {ONCE} }}', ""), world)
    failed = desk.run(text).view
    assert failed.failure is not None
    assert (failed.status, failed.failure.code, failed.steps["s"].attempts) == ("failed", "HTTP_REQUEST_FAILED", 1)
    file = desk.folder / "headgate.toml"
    file.write_text(file.read_text() + '[limits]\non_quota = "hold"\n')
    held = desk.run(text).view
    assert (held.status, held.detail, held.steps["s"].status) == ("paused", "credits: s", "held")


@pytest.mark.parametrize(
    ("policy", "stands"),
    [
        ("retry", ("failed", "HTTP_REQUEST_FAILED", "failed", 2)),
        ("hold", ("paused", "in_doubt: s", "held", 1)),
        ("fail", ("failed", "EFFECT_IN_DOUBT", "failed", 1)),
    ],
)
def test_an_error_in_doubt_leads_where_its_step_says(
    desk: Desk, world: World, policy: str, stands: tuple[str, str, str, int]
) -> None:
    text = text_of(Raised(f'step s = http POST "HTTP/drop" {{ in_doubt = {policy}, {ONCE} }}', ""), world)
    view = desk.run(text).view
    assert (view.status, view.detail, view.steps["s"].status, view.steps["s"].attempts) == stands


def test_what_a_server_asks_for_with_retry_after_is_waited(desk: Desk, world: World) -> None:
    text = text_of(Raised(f'step s = http GET "HTTP/status/429?retry_after=7" {{ {ONCE} }}', ""), world)
    run = desk.run(text, 0).view.run
    (failed,) = desk.events(run, "attempt_failed")
    (retrying,) = desk.events(run, "step_retrying")
    assert retrying.data["at"] == failed.at + 7_000
