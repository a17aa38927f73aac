"""TJ: agents that work with tools, and agents elsewhere that call back; in real stores, with real servers."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from desk import Desk
from servers import ledger_mcp
from servers.chat_server import Server as ChatServer
from servers.chat_server import chat_server
from servers.http_server import Server, http_server

from headgate.api import history, signalling
from headgate.api.faults import Refused
from headgate.api.place import Driving, Rest


@pytest.fixture
def outsider() -> Iterator[Server]:
    with http_server() as server:
        yield server


@pytest.fixture
def models() -> Iterator[ChatServer]:
    with chat_server() as server:
        yield server


def employing(folder: Path, url: str) -> Desk:
    headers = '{ X-Key = { env = "AGENT_KEY" } }'
    return Desk(folder, f'[agents.writer]\nurl = "{url}"\ninstructions = "You write."\nheaders = {headers}\n')


def asking(**given: str) -> str:
    more = "\n".join(f"    {name} = {value}" for name, value in given.items())
    return f"""
workflow ask {{
  input topic: string = "tea"
  step write = agent writer {{
    instructions = "Write about it."
    input        = {{{{ inputs.topic }}}}
{more}
  }}
  step keep = set after write {{ said = {{{{ steps.write.result.text }}}}, data = {{{{ steps.write.result.data }}}} }}
  output {{ said = {{{{ steps.keep.result.said }}}}, data = {{{{ steps.keep.result.data }}}} }}
}}
"""


def task(server: Server) -> dict[str, Any]:
    return json.loads(server.seen[-1].body)


def call_back(desk: Desk, token: str, payload: Any) -> Rest:
    return signalling.callback(token, payload, None, desk.place, Driving())


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENT_KEY", "agent-key-9f8e7d")


def test_TJ03_a_waiting_run_goes_on_when_its_outside_agent_calls_back(tmp_path: Path, outsider: Server) -> None:
    desk = employing(tmp_path / "desk", f"{outsider.url}/echo")
    rest = desk.run(asking())
    assert (rest.view.status, rest.view.detail, rest.exit_code) == ("waiting", "callback", 5)
    sent = task(outsider)
    assert {**sent, "callback": 0} == {
        "run": rest.view.run,
        "workflow": "ask",
        "step": "write",
        "attempt": 1,
        "agent": "writer",
        "instructions": "You write.\n\nWrite about it.",
        "input": "tea",
        "max_rounds": 10,
        "callback": 0,
    }
    assert outsider.seen[-1].headers["x-key"] == "agent-key-9f8e7d"
    token = sent["callback"]["token"]
    assert sent["callback"]["command"] == f"headgate callback {token} --data JSON"
    code, _, _ = desk.cli("callback", token, "--data", '{"text": "Tea is old.", "usage": {"input_tokens": 7}}')
    assert code == 0
    done = desk.show(rest.view.run)
    assert (done.status, done.output) == ("completed", {"said": "Tea is old.", "data": None})
    assert done.steps["write"].result == {
        "text": "Tea is old.",
        "data": None,
        "rounds": 1,
        "usage": {"input_tokens": 7, "output_tokens": 0, "total_tokens": 7},
    }
    kept = b"".join(path.read_bytes() for path in (desk.folder / ".headgate").iterdir() if path.is_file())
    assert token.encode() not in kept, "of a token only its digest is kept"
    assert b"agent-key-9f8e7d" not in kept
    with pytest.raises(Refused, match="before"):
        call_back(desk, token, "again")


@pytest.mark.parametrize(
    ("payload", "said", "data"),
    [("plain", "plain", None), ({"n": 3}, "", {"n": 3}), ([1, 2], "", [1, 2]), ({"text": "a", "data": 5}, "a", 5)],
)
def test_an_answer_is_taken_as_text_data_or_part_by_part(
    tmp_path: Path, outsider: Server, payload: Any, said: str, data: Any
) -> None:
    desk = employing(tmp_path / "desk", f"{outsider.url}/echo")
    desk.run(asking())
    rest = call_back(desk, task(outsider)["callback"]["token"], payload)
    assert rest.view.output == {"said": said, "data": data}


def test_an_answer_is_held_to_the_schema_of_the_step(tmp_path: Path, outsider: Server) -> None:
    schema = '```json\n{"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}\n```'
    desk = employing(tmp_path / "desk", f"{outsider.url}/echo")
    desk.run(asking(schema=schema))
    good = call_back(desk, task(outsider)["callback"]["token"], '{"n": 4}')
    assert good.view.output == {"said": '{"n": 4}', "data": {"n": 4}}
    desk.run(asking(schema=schema))
    assert task(outsider)["schema"]["required"] == ["n"]
    bad = call_back(desk, task(outsider)["callback"]["token"], {"n": "four"})
    assert bad.view.failure is not None
    assert (bad.view.failure.code, bad.view.failure.message) == (
        "RESULT_INVALID",
        'the answer of the agent is not what was declared: at `n`: expected integer, got "four"',
    )


def test_an_agent_that_calls_back_with_an_error_fails_its_step(tmp_path: Path, outsider: Server) -> None:
    desk = employing(tmp_path / "desk", f"{outsider.url}/echo")
    desk.run(asking())
    rest = call_back(desk, task(outsider)["callback"]["token"], {"error": {"message": "no idea"}})
    assert rest.view.failure is not None
    assert (rest.view.failure.code, rest.view.failure.message) == ("UPSTREAM_ERROR", "no idea")


def test_an_agent_that_never_calls_back_fails_its_step(tmp_path: Path, outsider: Server) -> None:
    desk = employing(tmp_path / "desk", f"{outsider.url}/echo")
    rest = desk.run(asking(callback_expires="200ms"), wait_ms=10_000)
    assert rest.view.failure is not None
    assert (rest.view.status, rest.view.failure.code) == ("failed", "STEP_TIMED_OUT")
    assert rest.view.failure.message == "attempt 1 of `write` was not called back in time"


def test_a_task_that_was_not_taken_is_tried_again_and_refused_for_good(tmp_path: Path, outsider: Server) -> None:
    desk = employing(tmp_path / "desk", f"{outsider.url}/flaky/a?times=1")
    rest = desk.run(asking(retry="{ max = 1, backoff = [1ms] }"), wait_ms=10_000)
    assert (rest.view.status, rest.view.detail, rest.view.steps["write"].attempts) == ("waiting", "callback", 2)
    away = employing(tmp_path / "away", f"{outsider.url}/status/404")
    refused = away.run(asking())
    assert refused.view.failure is not None
    assert refused.view.failure.code == "HTTP_REQUEST_FAILED"
    kept = b"".join(path.read_bytes() for path in (away.folder / ".headgate").iterdir() if path.is_file())
    assert task(outsider)["callback"]["token"].encode() not in kept, "nor in the error that shows the request"


def test_a_task_that_may_have_arrived_is_in_doubt_until_somebody_says_so_or_it_calls_back(
    tmp_path: Path, outsider: Server
) -> None:
    desk = employing(tmp_path / "desk", f"{outsider.url}/drop")
    first = desk.run(asking())
    assert (first.view.status, first.view.detail) == ("paused", "in_doubt: write")
    answered = call_back(desk, task(outsider)["callback"]["token"], "it did arrive")
    assert (answered.view.status, answered.view.output) == ("completed", {"said": "it did arrive", "data": None})
    second = desk.run(asking())
    token = task(outsider)["callback"]["token"]
    parked = desk.act(second.view.run, "confirm", "write", done=True)
    assert (parked.view.status, parked.view.detail) == ("waiting", "callback")
    assert call_back(desk, token, "late, but there").view.status == "completed"


def test_what_an_agent_did_is_told_round_by_round(tmp_path: Path, models: ChatServer) -> None:
    book = tmp_path / "book.txt"
    desk = Desk(
        tmp_path / "desk",
        f'[instances.book]\ncommand = ["{sys.executable}", "{ledger_mcp.__file__}", "{book}"]\n'
        f'[models.m]\nbase_url = "{models.url}"\nmodel = "script"\nprice = {{ input = 1.0, output = 2.0 }}\n'
        '[agents.clerk]\nmodel = "m"\ntools = ["book.look", "book.note"]\n',
    )
    script = [
        {"call": [["book__look", {"line": "a"}], ["book__burn", {}]]},
        {"call": [["book__note", {"line": "b"}]]},
        {"say": "both done"},
    ]
    text = f"""
workflow keep {{
  step keep = agent clerk {{
    input = ```json
      {json.dumps(script)}
    ```
    max_rounds = 2
  }}
}}
"""
    rest = desk.run(text)
    assert (rest.view.status, rest.view.detail) == ("waiting", "approval")
    run = rest.view.run
    assert "Let `keep` go on after 2 rounds?" in desk.cli("why", run)[1]
    assert desk.cli("approve", run, "keep")[0] == 0
    _, shown, _ = desk.cli("show", run)
    assert "  round 1: book.look, book__burn (failed); 130 tokens, 0.00015 USD\n" in shown
    assert "  round 2: book.note; 160 tokens, 0.00018 USD\n" in shown
    assert "  round 3: answered; 180 tokens, 0.0002 USD\n" in shown
    _, chart, _ = desk.cli("timeline", run)
    assert "    round 1: book.look, book__burn (failed); 130 tokens, 0.00015 USD\n" in chart
    _, log, _ = desk.cli("events", run)
    assert "round=1 tools=book.look, book__burn tokens=130 cost=0.00015" in log
    _, told, _ = desk.cli("logs", run)
    assert "keep: round 1: the model asks for book.look, book__burn, 130 tokens\n" in told
    assert "keep: book.note is called\n" in told
    assert 'keep: book.note returned {"did": "note b"}\n' in told
    assert "keep: round 3: the model answered, 180 tokens\n" in told
    assert book.read_text() == "look a\nnote b\n"
    assert [len(models.seen), history.show(run, desk.place).steps["keep"].attempts] == [3, 1]


def working(models: ChatServer, folder: Path, command: list[str], model: str = "script") -> Desk:
    listed = ", ".join(f'"{word}"' for word in command)
    return Desk(
        folder,
        f'[instances.book]\ncommand = [{listed}]\n[instances.book.tools.echo]\nreversibility = "recoverable"\n'
        f'[models.m]\nbase_url = "{models.url}"\nmodel = "{model}"\n'
        '[agents.clerk]\nmodel = "m"\ntools = ["book.echo"]\n',
    )


BAD = str(Path(ledger_mcp.__file__).with_name("bad_mcp.py"))
CALLING = """
workflow call {
  step call = agent clerk {
    input   = "[{\\"call\\": [[\\"book__echo\\", {}]]}, {\\"say\\": \\"done\\"}]"
    timeout = LIMIT
    retry   = 0
  }
}
"""


def test_the_time_limit_is_for_a_round_and_names_who_was_late(tmp_path: Path, models: ChatServer) -> None:
    slow = working(models, tmp_path / "model", [sys.executable, BAD, "good"], "hang")
    rest = slow.run(CALLING.replace("LIMIT", "5s"), wait_ms=20_000)
    assert rest.view.failure is not None
    assert (rest.view.failure.code, rest.view.failure.message) == (
        "STEP_TIMED_OUT",
        "the model `m` did not answer within 5s",
    )
    silent = working(models, tmp_path / "tool", [sys.executable, BAD, "silent-call"])
    rest = silent.run(CALLING.replace("LIMIT", "5s"), wait_ms=20_000)
    assert rest.view.failure is not None
    assert (rest.view.failure.code, rest.view.failure.message) == (
        "STEP_TIMED_OUT",
        "the MCP server `book` did not answer `echo` within 5s",
    )
    (answered,) = silent.events(rest.view.run, "agent_answered")
    assert answered.data["round"] == 1


def test_a_stop_cancels_the_call_that_is_out(tmp_path: Path, models: ChatServer) -> None:
    desk = working(models, tmp_path / "desk", [sys.executable, BAD, "silent-call"])
    desk.write(CALLING.replace("LIMIT", "60s"))
    running = desk.command("run", "flow.flow", "--format", "json")
    while not (desk.runs() and desk.events(desk.runs()[0].run, "tool_called")):
        assert running.poll() is None, running.communicate()
    run = desk.runs()[0].run
    assert desk.cli("stop", run, "--now", "--reason", "enough")[0] == 0
    running.communicate()
    view = desk.show(run)
    assert (view.status, running.returncode) == ("cancelled", 1)
    assert [event.type for event in desk.events(run) if event.step][-1] == "step_cancelled"
