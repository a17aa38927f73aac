"""Tools of real servers over stdio and HTTP, and every way in which a server can let a step down."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from attempts import attempt, ended, perform_all
from servers.http_server import http_server
from servers.mcp_over_http import mcp_over_http

from headgate.plan import Json, JsonObject
from headgate.runtime.connections import World
from headgate.runtime.errors import ErrorClass, StepError
from headgate.runtime.performers import Attempt
from headgate.workspace import EMPTY, Instance, SecretSource, Workspace

BAD = str(Path(__file__).parent / "servers" / "bad_mcp.py")


def instance(*command: str, name: str = "it", url: str | None = None, **changes: object) -> Instance:
    plain = Instance(name, url, command, {}, None, {}, None, active=True, tools={})
    return plain._replace(**changes)  # type: ignore[arg-type]


def bad(*mode: str) -> Workspace:
    return workspace(instance(sys.executable, BAD, *mode))


def workspace(*instances: Instance, root: Path | None = None) -> Workspace:
    return EMPTY._replace(root=root, instances={one.name: one for one in instances})


def call(tool: str = "echo", args: JsonObject | None = None, **changes: object) -> Attempt:
    given: JsonObject = {"instance": "it", "tool": tool, "args": args or {}}
    return attempt("mcp", given, **changes)  # type: ignore[arg-type]


def failure(result: object, code: str, kind: ErrorClass) -> StepError:
    assert isinstance(result, StepError), result
    assert (result.code, result.error_class) == (code, kind), result
    return result


def fails(mode: str, code: str, kind: ErrorClass, **changes: object) -> StepError:
    return failure(perform_all(call(**changes), workspace=bad(mode))[0], code, kind)  # type: ignore[arg-type]


@pytest.fixture
def shop(tmp_path: Path) -> Workspace:
    return workspace(instance(sys.executable, "-m", "headgate.demo.server", "books.json"), root=tmp_path)


def test_structured_content_is_the_result(shop: Workspace) -> None:
    (order,) = perform_all(call("get_order", {"order": "A-1043"}), workspace=shop)
    assert order == {
        "id": "A-1043",
        "customer": "Bob Example",
        "email": "bob@example.com",
        "lines": [{"item": "spoon", "quantity": 2, "price": 3}],
        "refunded": 0,
    }


def test_without_structured_content_the_result_is_text_and_content() -> None:
    (result,) = perform_all(call("echo", {"a": [1, None]}), workspace=bad("good"))
    assert result == {"text": '{"a": [1, null]}', "content": [{"type": "text", "text": '{"a": [1, null]}'}]}


def test_a_tool_that_says_it_failed_fails_the_step_for_good(shop: Workspace) -> None:
    error = perform_all(call("get_order", {"order": "Z"}), workspace=shop)[0]
    assert (
        "there is no order `Z`; there are A-1042, A-1043"
        in failure(error, "MCP_TOOL_FAILED", ErrorClass.PERMANENT).message
    )
    assert (
        fails("tool-error", "MCP_TOOL_FAILED", ErrorClass.PERMANENT).message == "the tool `echo` failed: no such order"
    )


def test_a_refused_call_is_the_tools_failure() -> None:
    error = fails("refuse", "MCP_TOOL_FAILED", ErrorClass.PERMANENT)
    assert error.message == "the tool `echo` failed: Unknown tool: nope (error -32602)"


def test_the_key_goes_into_the_argument_that_the_step_names(shop: Workspace, tmp_path: Path) -> None:
    given: JsonObject = {
        "instance": "it",
        "tool": "create_refund",
        "args": {"order": "A-1043", "amount": 2},
        "idempotency_arg": "key",
    }
    first, second = perform_all(attempt("mcp", given, key="k"), attempt("mcp", given, key="k"), workspace=shop)
    assert first == second == {"id": "R-1", "order": "A-1043", "amount": 2}
    assert '"k"' in (tmp_path / "books.json").read_text()


def test_steps_of_one_world_share_a_session_also_at_once() -> None:
    async def story() -> list[Json | StepError]:
        world = World(bad("good"), environ=dict(os.environ))
        results = await asyncio.gather(*(ended(call("pid"), world) for _ in range(20)))
        results.append(await ended(call("pid"), world))
        await world.close()
        return results

    results = asyncio.run(story())
    assert isinstance(results[0], dict)
    assert results == [results[0]] * 21
    assert isinstance(results[0]["pid"], int)
    assert not Path(f"/proc/{results[0]['pid']}").exists()


def test_a_server_that_ends_before_it_answers_is_unavailable_with_its_last_word() -> None:
    error = fails("exit", "DEPENDENCY_UNAVAILABLE", ErrorClass.PERMANENT)
    assert error.message == "the MCP server `it` ended before it answered: cannot read config.json"
    assert error.detail == {"stderr": ["cannot read config.json"]}


@pytest.mark.parametrize("command", ["/no/such/server", "no-such-server-anywhere"])
def test_a_command_that_is_not_there_is_named(command: str) -> None:
    one = call()
    error = perform_all(one, workspace=workspace(instance(command)))[0]
    message = failure(error, "DEPENDENCY_UNAVAILABLE", ErrorClass.PERMANENT).message
    expected = f"the MCP server `it` did not start: `{command}` is not found; install it, or correct `command`"
    assert message == f"{expected} in headgate.toml"
    assert not one.departure.may_have_left


def test_a_server_that_hangs_at_its_greeting_is_late_and_not_in_doubt() -> None:
    one = call(timeout=500)
    error = failure(perform_all(one, workspace=bad("hang"))[0], "STEP_TIMED_OUT", ErrorClass.TRANSIENT)
    assert error.message == "the MCP server `it` did not answer when it was started within 0.5s"
    assert not one.departure.may_have_left


def test_a_server_that_answers_nonsense_is_quoted() -> None:
    error = fails("garbage", "STEP_TIMED_OUT", ErrorClass.TRANSIENT, timeout=600)
    assert error.message.endswith("; what it wrote is no MCP: `<html>hello</html>`")


def test_log_lines_on_the_wrong_stream_do_no_harm() -> None:
    assert perform_all(call("echo", {"a": 1}), workspace=bad("chatty")) == [
        {"text": '{"a": 1}', "content": [{"type": "text", "text": '{"a": 1}'}]}
    ]


def test_a_server_that_dies_in_a_call_leaves_it_in_doubt() -> None:
    one = call()
    error = failure(perform_all(one, workspace=bad("die"))[0], "UPSTREAM_ERROR", ErrorClass.IN_DOUBT)
    assert error.message == "the MCP server `it` ended in the middle of `echo`: panic: the disk is on fire"
    assert one.departure.may_have_left


def test_a_server_that_died_is_started_again_for_the_next_call(tmp_path: Path) -> None:
    died, answered = perform_all(call(), call(), workspace=bad("die-once", str(tmp_path / "died")))
    failure(died, "UPSTREAM_ERROR", ErrorClass.IN_DOUBT)
    assert answered == {"text": "{}", "content": [{"type": "text", "text": "{}"}]}


def test_a_call_that_is_never_answered_is_late_and_in_doubt() -> None:
    error = fails("silent-call", "STEP_TIMED_OUT", ErrorClass.IN_DOUBT, timeout=1500)
    assert error.message == "the MCP server `it` did not answer `echo` within 1.5s"


def test_an_answer_of_the_wrong_shape_leaves_the_call_in_doubt() -> None:
    error = fails("wrong-result", "UPSTREAM_ERROR", ErrorClass.IN_DOUBT)
    assert error.message.startswith("the MCP server `it` answered `echo` with what is no MCP: `content`")


def test_an_answer_beyond_the_limit_is_not_kept() -> None:
    fails("big", "LIMIT_EXCEEDED", ErrorClass.PERMANENT)


def test_what_the_lock_promises_is_checked(shop: Workspace) -> None:
    one = call("get_order", {"order": "A-1043"}, output_schema={"type": "object", "required": ["currency"]})
    error = failure(perform_all(one, workspace=shop)[0], "RESULT_INVALID", ErrorClass.PERMANENT)
    assert error.message == "the result is not what was declared: `currency` is missing"


def test_a_cancelled_call_ends_at_once_and_the_session_lives_on() -> None:
    async def story() -> tuple[bool, object]:
        world = World(bad("good"), environ=dict(os.environ))
        first = await ended(call("pid"), world)
        task = asyncio.create_task(ended(call("pid"), world))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        again = await ended(call("pid"), world)
        await world.close()
        return task.cancelled(), first == again

    assert asyncio.run(story()) == (True, True)


def test_a_server_that_ignores_its_end_is_killed() -> None:
    async def story() -> int:
        world = World(bad("deaf"), environ=dict(os.environ))
        result = await ended(call("pid"), world)
        await world.close()
        assert isinstance(result, dict)
        pid = result["pid"]
        assert isinstance(pid, int)
        return pid

    assert not Path(f"/proc/{asyncio.run(story())}").exists()


def test_a_world_closes_while_a_server_hangs_at_its_greeting() -> None:
    async def story() -> bool:
        world = World(bad("hang"), environ=dict(os.environ))
        task = asyncio.create_task(ended(call(), world))
        while "mcp:it" not in world.kept:  # noqa: ASYNC110 - it is there after a turn or two of the loop
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await world.close()
        return task.cancelled()

    assert asyncio.run(story())


def test_a_server_that_was_given_up_is_killed_too() -> None:
    error = fails("stuck", "STEP_TIMED_OUT", ErrorClass.TRANSIENT, timeout=2000)
    assert error.detail is not None
    assert isinstance(error.detail["stderr"], list)
    (pid,) = error.detail["stderr"]
    assert not Path(f"/proc/{pid}").exists()


def test_a_server_gets_the_variables_it_is_given_and_no_others(tmp_path: Path) -> None:
    script = tmp_path / "env.py"
    script.write_text(Path(BAD).read_text().replace("str(value)", "' '.join(sorted(os.environ.keys() - _BORN))"))
    script.write_text(f"_BORN = ()\n{script.read_text()}".replace("from __future__ import annotations\n", ""))
    one = instance(sys.executable, str(script), "good", env={"PLAIN": "x", "KEY": SecretSource("env", "SHOP_KEY")})
    environ = {**os.environ, "SHOP_KEY": "sekret-1", "UNRELATED": "u"}
    (result,) = perform_all(call(), workspace=workspace(one), environ=environ)
    assert isinstance(result, dict), result
    names = str(result["text"]).split()
    assert {"PLAIN", "KEY", "PATH"} <= set(names)
    assert not {"UNRELATED", "SHOP_KEY"} & set(names)


def test_a_missing_variable_is_named_before_anything_starts() -> None:
    one = instance(sys.executable, BAD, "good", env={"KEY": SecretSource("env", "SHOP_KEY")})
    error = failure(perform_all(call(), workspace=workspace(one))[0], "CONFIG_INVALID", ErrorClass.PERMANENT)
    assert error.message == "`KEY` of the instance `it` is missing: set the environment variable `SHOP_KEY`"


def test_instances_that_are_not_there_or_inactive_are_not_used() -> None:
    error = failure(perform_all(call(), workspace=workspace())[0], "CONFIG_INVALID", ErrorClass.PERMANENT)
    assert error.message == "no instance `it` in headgate.toml; add it to [instances]"
    off = workspace(instance("x", active=False))
    error = failure(perform_all(call(), workspace=off)[0], "CONFIG_INVALID", ErrorClass.PERMANENT)
    assert error.message == "the instance `it` is inactive; set its profile to `active` to use it"


@pytest.fixture(scope="module")
def remote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with mcp_over_http(tmp_path_factory.mktemp("shop") / "books.json") as url:
        yield url


def test_a_server_over_http_is_called_by_its_name_or_its_url(remote: str) -> None:
    bound = workspace(instance(url=remote))
    by_url = attempt("mcp", {"server_url": remote, "tool": "get_order", "args": {"order": "A-1043"}})
    named, found = perform_all(call("get_order", {"order": "A-1043"}), by_url, workspace=bound)
    assert isinstance(named, dict)
    assert named == found
    assert named["customer"] == "Bob Example"


def test_a_url_that_no_instance_has_is_refused(remote: str) -> None:
    one = attempt("mcp", {"server_url": remote, "tool": "get_order"})
    error = failure(perform_all(one)[0], "CONFIG_INVALID", ErrorClass.PERMANENT)
    assert error.message == f"no instance with the server_url `{remote}` in headgate.toml; add it to [instances]"


def test_a_server_that_cannot_be_reached_is_unavailable() -> None:
    bound = workspace(instance(url="http://127.0.0.1:1/mcp"))
    error = failure(perform_all(call(), workspace=bound)[0], "DEPENDENCY_UNAVAILABLE", ErrorClass.TRANSIENT)
    assert error.message.startswith("the MCP server `it` cannot be reached at `http://127.0.0.1:1/mcp`: ")


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (401, "AUTH_REAUTH_REQUIRED", ErrorClass.PERMANENT),
        (403, "AUTH_REAUTH_REQUIRED", ErrorClass.PERMANENT),
        (404, "DEPENDENCY_UNAVAILABLE", ErrorClass.PERMANENT),
        (503, "DEPENDENCY_UNAVAILABLE", ErrorClass.TRANSIENT),
        (500, "UPSTREAM_ERROR", ErrorClass.TRANSIENT),
    ],
)
def test_a_status_in_place_of_a_session_says_what_to_do(status: int, code: str, kind: ErrorClass) -> None:
    with http_server() as server:
        bound = workspace(instance(url=f"{server.url}/status/{status}"))
        error = failure(perform_all(call(), workspace=bound)[0], code, kind)
    assert f"with {status}" in error.message
    assert error.provider_status == status


def test_headers_carry_secrets_that_never_come_back() -> None:
    with http_server() as server:
        one = instance(
            url=f"{server.url}/status/401?message=bad+key-98765", headers={"X-Key": SecretSource("env", "K")}
        )
        error = perform_all(call(), workspace=workspace(one), environ={"K": "key-98765"})[0]
        assert server.seen[0].headers["x-key"] == "key-98765"
    assert "key-98765" not in repr(error)


def test_a_page_that_is_no_mcp_server_is_told_so() -> None:
    with http_server() as server:
        error = perform_all(call(), workspace=workspace(instance(url=f"{server.url}/text")))[0]
    message = failure(error, "UPSTREAM_ERROR", ErrorClass.PERMANENT).message
    assert message.startswith("the MCP server `it` answered the greeting with what is no MCP: Unexpected content type")


def test_a_connection_dropped_during_a_call_leaves_it_in_doubt(tmp_path: Path) -> None:
    with mcp_over_http(tmp_path / "books.json", drop_calls=True) as url:
        one = call("get_order", {"order": "A-1043"})
        error = perform_all(one, workspace=workspace(instance(url=url)))[0]
    failure(error, "UPSTREAM_ERROR", ErrorClass.IN_DOUBT)
