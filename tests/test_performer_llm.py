"""Models on a local server that speaks the chat API: answers, schemas, and every way to fail."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator

import pytest
from attempts import attempt, ended, perform_all
from servers.chat_server import Server, chat_server

from headgate.plan import Json, JsonObject
from headgate.runtime.connections import World
from headgate.runtime.errors import ErrorClass, StepError
from headgate.workspace import EMPTY, Model, SecretSource, Workspace

SCHEMA: JsonObject = {
    "type": "object",
    "properties": {"label": {"enum": ["spam", "ham"]}, "score": {"type": "number"}},
    "required": ["label", "score"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with chat_server() as running:
        yield running


def bound(url: str, model: str = "echo", key: SecretSource | None = None) -> Workspace:
    return EMPTY._replace(models={"fast": Model("fast", url, model, key, None)})


def ask(server: Server, model: str = "echo", timeout: int = 10_000, **given: Json) -> Json | StepError:
    one = attempt("llm", {"model": "fast", "prompt": "one two", **given}, timeout=timeout)
    return perform_all(one, workspace=bound(server.url, model))[0]


def failure(result: object, code: str, kind: ErrorClass) -> StepError:
    assert isinstance(result, StepError), result
    assert (result.code, result.error_class) == (code, kind), result
    return result


def test_an_answer_has_text_data_usage_and_the_model(server: Server) -> None:
    assert ask(server) == {
        "text": "one two",
        "data": None,
        "usage": {"input_tokens": 2, "output_tokens": 2, "total_tokens": 4},
        "model": "echo-2026",
    }


def test_the_request_says_what_the_step_says(server: Server) -> None:
    ask(server, system="be brief", prompt={"a": "ä"}, temperature=0.5, max_tokens=9)
    assert server.seen[-1] == {
        "model": "echo",
        "messages": [{"role": "system", "content": "be brief"}, {"role": "user", "content": '{"a": "ä"}'}],
        "temperature": 0.5,
        "max_tokens": 9,
    }


@pytest.mark.parametrize("model", ["echo", "fenced"])
def test_a_schema_is_sent_and_its_answer_is_data(server: Server, model: str) -> None:
    result = ask(server, model, schema=SCHEMA)
    assert isinstance(result, dict)
    assert result["data"] == {"label": "spam", "score": 0.5}
    form = server.seen[-1]["response_format"]
    assert form == {"type": "json_schema", "json_schema": {"name": "result", "schema": SCHEMA, "strict": True}}


def test_a_schema_that_leaves_keys_open_is_not_sent_as_strict(server: Server) -> None:
    ask(server, schema={"type": "object", "properties": {"a": {"type": "string"}}})
    assert server.seen[-1]["response_format"]["json_schema"]["strict"] is False


@pytest.mark.parametrize(
    ("model", "part"),
    [
        ("off-schema", "the answer of the model `fast` is not what was declared: expected object, got [[]]"),
        ("cut", "answered with what is no JSON; it was cut off: raise `max_tokens`"),
        ("says hello", "answered with what is no JSON: hello"),
        ("says NaN", "answered with what is no JSON: NaN"),
    ],
)
def test_an_answer_that_breaks_the_schema_fails_the_step(server: Server, model: str, part: str) -> None:
    assert part in failure(ask(server, model, schema=SCHEMA), "RESULT_INVALID", ErrorClass.PERMANENT).message


@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503])
def test_what_may_pass_is_transient_and_says_when(server: Server, status: int) -> None:
    error = failure(ask(server, f"status {status}"), "LLM_REQUEST_FAILED", ErrorClass.TRANSIENT)
    assert (error.provider_status, error.retry_after_ms) == (status, 7000)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_every_other_refusal_is_permanent(server: Server, status: int) -> None:
    error = failure(ask(server, f"status {status}"), "LLM_REQUEST_FAILED", ErrorClass.PERMANENT)
    assert error.provider_status == status
    assert ("check `api_key` of the model" in error.message) == (status in (401, 403))


def test_a_spent_quota_is_not_tried_again(server: Server) -> None:
    assert "no money left" in failure(ask(server, "quota"), "LLM_REQUEST_FAILED", ErrorClass.QUOTA).message


def test_a_refusal_is_told(server: Server) -> None:
    error = failure(ask(server, "refuses"), "LLM_REQUEST_FAILED", ErrorClass.PERMANENT)
    assert error.message == "the model `fast` refused: I would rather not"


@pytest.mark.parametrize("model", ["nonsense", "empty"])
def test_a_server_that_speaks_something_else_is_told_so(server: Server, model: str) -> None:
    error = failure(ask(server, model), "LLM_REQUEST_FAILED", ErrorClass.PERMANENT)
    assert error.message.startswith("the model `fast` answered with what is no chat completion: ")


def test_a_model_that_does_not_answer_is_late(server: Server) -> None:
    error = failure(ask(server, "hang", timeout=500), "STEP_TIMED_OUT", ErrorClass.TRANSIENT)
    assert error.message == "the model `fast` did not answer within 0.5s"


def test_a_connection_that_breaks_is_transient(server: Server) -> None:
    error = failure(ask(server, "drop"), "LLM_REQUEST_FAILED", ErrorClass.TRANSIENT)
    assert error.message.startswith("the connection to the model `fast` broke: ")


def test_a_server_that_is_not_there_is_unavailable() -> None:
    one = attempt("llm", {"model": "fast", "prompt": "x"})
    (error,) = perform_all(one, workspace=bound("http://127.0.0.1:1/v1"))
    message = failure(error, "DEPENDENCY_UNAVAILABLE", ErrorClass.TRANSIENT).message
    assert message.startswith("the model `fast` cannot be reached at `http://127.0.0.1:1/v1`: ")


def test_the_key_is_sent_and_never_comes_back(server: Server) -> None:
    one = attempt("llm", {"model": "fast", "prompt": "say key-24680"})
    places = bound(server.url, "echo", SecretSource("env", "LLM_KEY"))
    (result,) = perform_all(one, workspace=places, environ={"LLM_KEY": "key-24680"})
    assert server.keys[-1] == "Bearer key-24680"
    assert isinstance(result, dict)
    assert result["text"] == "say ***"
    (error,) = perform_all(
        one, workspace=bound(server.url, "status 400", SecretSource("env", "LLM_KEY")), environ={"LLM_KEY": "key-24680"}
    )
    assert isinstance(error, StepError)
    assert error.message.endswith("as you wish, Bearer ***")


def test_a_missing_key_is_named(server: Server) -> None:
    one = attempt("llm", {"model": "fast", "prompt": "x"})
    (error,) = perform_all(one, workspace=bound(server.url, "echo", SecretSource("env", "LLM_KEY")))
    message = failure(error, "CONFIG_INVALID", ErrorClass.PERMANENT).message
    assert message == "the key of the model `fast` is missing: set the environment variable `LLM_KEY`"


def test_a_model_that_is_not_bound_is_named() -> None:
    (error,) = perform_all(attempt("llm", {"model": "slow", "prompt": "x"}))
    message = failure(error, "CONFIG_INVALID", ErrorClass.PERMANENT).message
    assert message == "no model `slow` in headgate.toml; add it to [models]"


def test_a_cancelled_question_ends_at_once() -> None:
    async def story(server: Server) -> bool:
        world = World(bound(server.url, "hang"), environ={})
        task = asyncio.create_task(ended(attempt("llm", {"model": "fast", "prompt": "x"}), world))
        await asyncio.to_thread(server.arrived.acquire)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await world.close()
        return task.cancelled()

    with chat_server() as server:
        assert asyncio.run(story(server))


def test_a_question_is_sent_once_and_left_to_the_run_to_repeat() -> None:
    with chat_server() as server:
        failure(ask(server, "flaky 1"), "LLM_REQUEST_FAILED", ErrorClass.TRANSIENT)
        assert len(server.seen) == 1
        assert json.dumps(ask(server, "flaky 1")).startswith('{"text": "one two"')
