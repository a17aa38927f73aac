"""One piece of an agent's work, against a real chat server and a real MCP server: what is asked, what comes of it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attempts import attempt, perform_all
from servers.chat_server import Server, chat_server

from headgate.plan import Json, JsonObject
from headgate.runtime.conversation import Round
from headgate.runtime.errors import ErrorClass, StepError
from headgate.runtime.events import EventType
from headgate.runtime.performers import Attempt, Partial
from headgate.workspace import EMPTY, Agent, Instance, Model, SecretSource, ToolOverride, Workspace

BAD = str(Path(__file__).parent / "servers" / "bad_mcp.py")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with chat_server() as running:
        yield running


@pytest.fixture
def shop(server: Server, tmp_path: Path) -> Workspace:
    return bound(server, tmp_path)


def bound(server: Server, root: Path, model: str = "script", **changes: object) -> Workspace:
    command = (sys.executable, "-m", "headgate.demo.server", "books.json")
    one = Instance("shop", None, command, {}, None, {}, None, active=True, tools={})
    agent = Agent("clerk", "m", ("shop.get_order", "shop.send_email"), None, "You work in a shop.")
    return EMPTY._replace(
        root=root,
        instances={"shop": one},
        models={"m": Model("m", server.url, model, None, {"input": 1.0, "output": 2.0})},
        agents={"clerk": agent},
    )._replace(**changes)  # type: ignore[arg-type]


def asking(script: Json = None, rounds: tuple[Round, ...] = (), **given: Json) -> Attempt:
    work: JsonObject = {"agent": "clerk", "input": script, **given}
    return attempt("agent", work, scope={"rounds": rounds, "call": None, "tokens": (0, 0)})


def calling(tool: str, arguments: JsonObject, **changes: object) -> Attempt:
    call: JsonObject = {"id": "c", "name": "x", "tool": tool, "arguments": arguments, "in_doubt": "retry"}
    before = Round("", (call,), [], False, 1, 1, None)
    return attempt("agent", {"agent": "clerk"}, scope={"rounds": (before,), "call": call, "tokens": (1, 1)}, **changes)  # type: ignore[arg-type]


def did(one: Attempt, workspace: Workspace, **environ: str) -> Any:
    return perform_all(one, workspace=workspace, environ=environ)[0]


def failure(result: object, code: str, kind: ErrorClass) -> StepError:
    assert isinstance(result, StepError), result
    assert (result.code, result.error_class) == (code, kind), result
    return result


def test_the_model_is_told_of_its_tools_as_their_server_describes_them(shop: Workspace, server: Server) -> None:
    did(asking([{"say": "hello"}], instructions="Be brief."), shop)
    asked = server.seen[-1]
    assert asked["messages"] == [
        {"role": "system", "content": "You work in a shop.\n\nBe brief."},
        {"role": "user", "content": '[{"say": "hello"}]'},
    ]
    names = {each["function"]["name"]: each["function"] for each in asked["tools"]}
    assert set(names) == {"shop__get_order", "shop__send_email"}
    assert names["shop__get_order"]["parameters"]["required"] == ["order"]
    assert names["shop__get_order"]["description"]


def test_instructions_alone_are_what_it_works_on(shop: Workspace, server: Server) -> None:
    did(attempt("agent", {"agent": "clerk", "instructions": '[{"say": "x"}]'}, scope={"rounds": ()}), shop)
    assert server.seen[-1]["messages"] == [
        {"role": "system", "content": "You work in a shop."},
        {"role": "user", "content": '[{"say": "x"}]'},
    ]


def test_an_answer_without_calls_is_the_result(shop: Workspace) -> None:
    ended = did(asking([{"say": "hello"}]), shop)
    usage = {"input_tokens": 120, "output_tokens": 20, "total_tokens": 140}
    assert ended == Partial(
        EventType.AGENT_ANSWERED,
        {
            "round": 1,
            "usage": usage,
            "cost": 0.00016,
            "result": {"text": "hello", "data": None, "rounds": 1, "usage": usage},
        },
    )


def test_calls_are_held_against_the_tools_before_they_are_recorded(shop: Workspace) -> None:
    script: Json = [
        {
            "call": [
                ["shop__get_order", {"order": "A-1042"}],
                ["shop__send_email", {"to": "a", "subject": "b", "body": "c"}],
                ["shop__create_refund", {"order": "A-1042"}],
                ["shop__get_order", "{bad"],
                ["shop__get_order", "[1]"],
                ["shop__get_order", {"order": 5}],
            ],
            "say": "let me look",
        }
    ]
    ended = did(asking(script), shop)
    assert (ended.event, ended.data["text"]) == (EventType.AGENT_ANSWERED, "let me look")
    calls = ended.data["calls"]
    assert calls[0] == {
        "id": "call-0-0",
        "name": "shop__get_order",
        "tool": "shop.get_order",
        "arguments": {"order": "A-1042"},
        "in_doubt": "retry",
    }
    assert calls[1]["in_doubt"] == "retry"
    cut = "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"
    assert [call.get("error") for call in calls[2:]] == [
        "there is no tool `shop__create_refund`; there are `shop__get_order`, `shop__send_email`",
        f"the arguments of `shop__get_order` are no JSON: {cut}",
        "the arguments of `shop__get_order` must be a JSON object",
        "the arguments of `shop__get_order` do not fit: at `order`: expected string, got 5",
    ]


def test_what_a_lost_call_means_is_by_the_tools_annotations_and_the_workspace(server: Server, tmp_path: Path) -> None:
    agent = Agent("clerk", "m", ("shop.get_order", "shop.create_refund"), None, None)
    script: Json = [{"call": [["shop__create_refund", {"order": "A-1042", "amount": 1, "key": "k"}]]}]
    annotated = bound(server, tmp_path, agents={"clerk": agent})
    assert did(asking(script), annotated).data["calls"][0]["in_doubt"] == "retry", "its server says it is idempotent"
    override = {"create_refund": ToolOverride("irreversible", idempotent=False)}
    stated = annotated._replace(instances={"shop": annotated.instances["shop"]._replace(tools=override)})
    assert did(asking(script), stated).data["calls"][0]["in_doubt"] == "hold"


def test_a_step_narrows_its_agents_tools_and_never_widens_them(shop: Workspace, server: Server) -> None:
    did(asking([{"say": "x"}], tools=["shop.get_order"]), shop)
    assert [each["function"]["name"] for each in server.seen[-1]["tools"]] == ["shop__get_order"]
    did(asking([{"say": "x"}], tools=[]), shop)
    assert "tools" not in server.seen[-1]
    error = failure(did(asking([], tools=["shop.create_refund"]), shop), "CONFIG_INVALID", ErrorClass.PERMANENT)
    assert error.message == (
        "`it` names the tool `shop.create_refund`, which the agent `clerk` may not use; add it to `tools` of "
        "[agents.clerk] in headgate.toml, or leave it out"
    )
    error = failure(did(calling("shop.create_refund", {}), shop), "CONFIG_INVALID", ErrorClass.PERMANENT)
    assert "may not use any more" in error.message


def test_a_tool_that_its_server_does_not_have_is_a_fault_of_the_workspace(server: Server, tmp_path: Path) -> None:
    agent = Agent("clerk", "m", ("shop.get_ordr",), None, None)
    error = failure(
        did(asking([]), bound(server, tmp_path, agents={"clerk": agent})), "CONFIG_INVALID", ErrorClass.PERMANENT
    )
    assert error.message == (
        "the instance `shop` has no tool `get_ordr`; it has `create_refund`, `get_order`, `send_email`"
    )


def test_the_conversation_goes_on_with_what_the_tools_returned(shop: Workspace, server: Server) -> None:
    calls: tuple[JsonObject, ...] = (
        {"id": "a", "name": "shop__get_order", "tool": "shop.get_order", "arguments": {"order": "1"}},
        {"id": "b", "name": "nope", "arguments": "{bad", "error": "no"},
        {"id": "c", "name": "shop__get_order", "tool": "shop.get_order", "arguments": {}},
    )
    told: list[JsonObject] = [
        {"result": {"id": 1}},
        {"error": "no"},
        {"result": {"text": "plain", "content": [{"type": "text", "text": "plain"}]}},
    ]
    rounds = (Round("hm", calls, told, False, 1, 1, None), Round("{", (), [], True, 1, 1, None))
    ended = did(asking([{"say": "x"}], rounds), shop)
    assert server.seen[-1]["messages"][2:] == [
        {
            "role": "assistant",
            "content": "hm",
            "tool_calls": [
                {
                    "id": "a",
                    "type": "function",
                    "function": {"name": "shop__get_order", "arguments": '{"order": "1"}'},
                },
                {"id": "b", "type": "function", "function": {"name": "nope", "arguments": "{bad"}},
                {"id": "c", "type": "function", "function": {"name": "shop__get_order", "arguments": "{}"}},
            ],
        },
        {"role": "tool", "tool_call_id": "a", "content": '{"id": 1}'},
        {"role": "tool", "tool_call_id": "b", "content": "Error: no"},
        {"role": "tool", "tool_call_id": "c", "content": "plain"},
    ]
    assert ended.data["round"] == 3


def test_an_answer_by_a_schema_is_data_and_one_that_breaks_it_fails_with_its_usage(
    server: Server, tmp_path: Path
) -> None:
    schema: JsonObject = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    shop = bound(server, tmp_path)
    good = did(asking([{"say": '{"n": 3}'}], schema=schema), shop)
    assert good.data["result"]["data"] == {"n": 3}
    assert server.seen[-1]["response_format"]["json_schema"]["schema"] == schema
    bad = did(asking([{"say": '{"n": "x"}'}], schema=schema), shop)
    assert (bad.event, bad.data["error"]["code"]) == (EventType.AGENT_ANSWERED, "RESULT_INVALID")
    assert (bad.data["usage"]["total_tokens"], bad.data["text"]) == (140, '{"n": "x"}')


def test_a_tool_returns_its_result_and_its_errors_are_for_the_model(shop: Workspace) -> None:
    good = did(calling("shop.get_order", {"order": "A-1043"}), shop)
    assert (good.event, good.data["result"]["customer"]) == (EventType.TOOL_RETURNED, "Bob Example")
    assert {**good.data, "result": 0} == {"round": 1, "call": "c", "tool": "shop.get_order", "result": 0}
    bad = did(calling("shop.get_order", {"order": "Z"}), shop)
    assert "there is no order `Z`" in bad.data["error"]


def test_a_call_that_breaks_off_is_in_doubt_and_a_server_that_is_away_is_not(server: Server, tmp_path: Path) -> None:
    shop = bound(server, tmp_path)
    broken = Instance("shop", None, (sys.executable, BAD, "die"), {}, None, {}, None, active=True, tools={})
    agent = {"clerk": Agent("clerk", "m", ("shop.echo",), None, None)}
    dies = shop._replace(instances={"shop": broken}, agents=agent)
    failure(did(calling("shop.echo", {}), dies), "UPSTREAM_ERROR", ErrorClass.IN_DOUBT)
    away = shop._replace(instances={"shop": broken._replace(command=("nowhere-to-be-found",))}, agents=agent)
    failure(did(calling("shop.echo", {}), away), "DEPENDENCY_UNAVAILABLE", ErrorClass.PERMANENT)


def test_a_model_that_fails_fails_as_one_of_an_llm_step(server: Server, tmp_path: Path) -> None:
    for model, code, kind in (
        ("status 503", "LLM_REQUEST_FAILED", ErrorClass.TRANSIENT),
        ("status 400", "LLM_REQUEST_FAILED", ErrorClass.PERMANENT),
        ("refuses", "LLM_REQUEST_FAILED", ErrorClass.PERMANENT),
    ):
        failure(did(asking("hi"), bound(server, tmp_path, model)), code, kind)


def test_a_cost_that_nobody_can_count_is_refused_before_anything_is_spent(server: Server, tmp_path: Path) -> None:
    shop = bound(server, tmp_path, models={"m": Model("m", server.url, "script", None, None)})
    before = len(server.seen)
    error = failure(did(asking([], max_cost=1.5), shop), "CONFIG_INVALID", ErrorClass.PERMANENT)
    assert error.message == "`max_cost` of `it` cannot be kept: the model `m` has no `price` in headgate.toml"
    assert len(server.seen) == before


def test_no_secret_is_left_in_a_round(server: Server, tmp_path: Path) -> None:
    shop = bound(server, tmp_path, secrets={"KEY": SecretSource("env", "KEY")})
    script: Json = [{"call": [["shop__get_order", {"order": "s3cr3t-value"}]], "say": "it is s3cr3t-value"}]
    ended = did(asking(script), shop, KEY="s3cr3t-value")
    assert (ended.data["text"], ended.data["calls"][0]["arguments"]) == ("it is ***", {"order": "***"})
    lost = did(calling("shop.get_order", {"order": "s3cr3t-value"}), shop, KEY="s3cr3t-value")
    assert "s3cr3t" not in str(lost.data)
    assert "***" in lost.data["error"]
