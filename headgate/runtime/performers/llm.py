"""Asks a language model, on any server that speaks the OpenAI chat API."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import httpx2
from openai import APIConnectionError, APIResponseValidationError, APIStatusError, APITimeoutError, AsyncOpenAI

from headgate import __version__
from headgate.runtime.errors import ErrorClass, StepError, StepFailure
from headgate.runtime.fitting import fit
from headgate.runtime.performers.exchange import retry_after_ms

if TYPE_CHECKING:
    from headgate.plan import Json, JsonObject
    from headgate.runtime.connections import World
    from headgate.runtime.performers import Attempt
    from headgate.workspace import Model

CONNECT_SECONDS = 10.0
DEFAULT_SECONDS = 180.0
NO_KEY = "none"
_TRANSIENT = frozenset({408, 409, 425, 429})
_REFUSED = frozenset({401, 403})
_PAYMENT_REQUIRED = 402


class Client:
    """The client of one model's server, kept for the steps of a driver. It does not retry: the run does."""

    def __init__(self, base_url: str, api_key: str) -> None:
        self.api = AsyncOpenAI(
            base_url=base_url,
            api_key=api_key,
            max_retries=0,
            timeout=httpx2.Timeout(None, connect=CONNECT_SECONDS),
            default_headers={"User-Agent": f"headgate/{__version__}"},
        )

    async def close(self) -> None:
        await self.api.close()


class Performance:
    """Performs `llm`."""

    async def perform(self, attempt: Attempt, world: World) -> Json:
        """`{text, data, usage, model}`; `data` is the answer as JSON where the step has a `schema`, else null.

        Raises `StepFailure`: DEPENDENCY_UNAVAILABLE, LLM_REQUEST_FAILED, STEP_TIMED_OUT, or RESULT_INVALID for an
        answer that breaks the schema. Asking twice does no harm, so nothing is ever in doubt.
        """
        name = attempt.input.get("model")
        if not isinstance(name, str):
            raise _failure("CONFIG_INVALID", "`model` must name a model of headgate.toml", ErrorClass.PERMANENT)
        model = world.model(name)
        answer = await complete(request_of(attempt.input, model), model, attempt, world)
        try:
            return result_of(answer, attempt.input.get("schema"), model)
        except StepFailure as failure:  # the answer is of no use, and was paid for all the same
            detail = {**(failure.error.detail or {}), "usage": usage_of(answer)}
            raise StepFailure(failure.error._replace(detail=detail)) from None


async def complete(request: dict[str, Any], model: Model, attempt: Attempt, world: World) -> JsonObject:
    """The completion as the server wrote it, within the time of the attempt; raises `StepFailure`."""
    client = world.live(f"llm:{model.name}", lambda: _client(model, world))
    try:
        async with asyncio.timeout(attempt.seconds(DEFAULT_SECONDS)):
            raw = await client.api.chat.completions.with_raw_response.create(**request)
            return _parsed(raw.http_response.content, model.name)
    except TimeoutError:
        message = f"the model `{model.name}` did not answer within {attempt.limit(DEFAULT_SECONDS):g}s"
        raise _failure("STEP_TIMED_OUT", message, ErrorClass.TRANSIENT) from None
    except APIStatusError as error:
        raise _refused(error, model, world) from None
    except APIConnectionError as error:
        raise _unreachable(error, model) from None
    except APIResponseValidationError as error:
        raise _nonsense(model.name, error.message) from None


def request_of(given: JsonObject, model: Model) -> dict[str, Any]:
    """The arguments of the call: the messages, and what the step sets beside them."""
    messages: list[dict[str, str]] = []
    if given.get("system") is not None:
        messages.append({"role": "system", "content": _text(given["system"])})
    messages.append({"role": "user", "content": _text(given.get("prompt", ""))})
    request: dict[str, Any] = {"model": model.model, "messages": messages}
    request |= {key: given[key] for key in ("temperature", "max_tokens") if given.get(key) is not None}
    return request | response_format(given.get("schema"))


def response_format(schema: Json) -> dict[str, Any]:
    """What asks the server for an answer by a schema; nothing without one."""
    if not isinstance(schema, dict):
        return {}
    described = {"name": "result", "schema": schema, "strict": _is_strict(schema)}
    return {"response_format": {"type": "json_schema", "json_schema": described}}


def result_of(answer: JsonObject, schema: Json, model: Model) -> JsonObject:
    """The step's result from the server's answer; raises `StepFailure`."""
    message = message_of(answer, model)
    text = text_of(message)
    data = data_of(text, schema, answer, model)
    return {"text": text, "data": data, "usage": usage_of(answer), "model": answer.get("model", model.model)}


def message_of(answer: JsonObject, model: Model) -> JsonObject:
    """What the model said; raises `StepFailure` when it refused, or said nothing."""
    choices = answer.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(choice, dict) or not isinstance(message, dict):
        raise _nonsense(model.name, "it has no `choices[0].message`")
    if isinstance(message.get("refusal"), str) and message["refusal"]:
        said = f"the model `{model.name}` refused: {_short(str(message['refusal']))}"
        raise _failure("LLM_REQUEST_FAILED", said, ErrorClass.PERMANENT)
    return message


def text_of(message: JsonObject) -> str:
    """The text of what the model said."""
    content = message.get("content")
    return content if isinstance(content, str) else ""


def data_of(text: str, schema: Json, answer: JsonObject, model: Model) -> Json:
    """The text as JSON that fits the schema, null without one; raises `StepFailure` (RESULT_INVALID)."""
    if not isinstance(schema, dict):
        return None
    try:
        data: Json = json.loads(_unfenced(text), parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        cut = "; it was cut off: raise `max_tokens`" if _was_cut(answer) else ""
        message = f"the model `{model.name}` answered with what is no JSON{cut}: {_short(text)}"
        raise _failure("RESULT_INVALID", message, ErrorClass.PERMANENT, None, {"text": text[:4096]}) from None
    try:
        fit(data, schema)
    except StepFailure as failure:
        told = failure.error.message.replace("the result is", f"the answer of the model `{model.name}` is", 1)
        raise StepFailure(failure.error._replace(message=told, detail={"data": data})) from None
    return data


def _was_cut(answer: JsonObject) -> bool:
    choices = answer.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    return isinstance(choice, dict) and choice.get("finish_reason") == "length"


def _unfenced(text: str) -> str:
    """The JSON inside a fence, as many models write it whatever they are told."""
    bare = text.strip()
    if bare.startswith("```") and bare.endswith("```") and "\n" in bare:
        return bare[bare.index("\n") : -3]
    return bare


def _refuse_constant(name: str) -> Json:
    raise ValueError(f"{name} is no JSON")


def usage_of(answer: JsonObject) -> JsonObject:
    """Tokens: `input_tokens`, `output_tokens`, `total_tokens`; a server that does not count leaves zeros."""
    usage = answer.get("usage")
    counted = usage if isinstance(usage, dict) else {}
    given = {name: counted.get(name) for name in ("prompt_tokens", "completion_tokens")}
    tokens = {name: value if isinstance(value, int) else 0 for name, value in given.items()}
    total = tokens["prompt_tokens"] + tokens["completion_tokens"]
    return {
        "input_tokens": tokens["prompt_tokens"],
        "output_tokens": tokens["completion_tokens"],
        "total_tokens": total,
    }


def _is_strict(schema: Json) -> bool:
    """Whether the server may be held to the schema to the letter: every map is closed and needs all its keys."""
    match schema:
        case dict():
            if schema.get("type") == "object" or "properties" in schema:
                names = schema.get("properties")
                required = schema.get("required")
                all_named = isinstance(names, dict) and isinstance(required, list) and set(names) == set(required)
                if schema.get("additionalProperties") is not False or not all_named:
                    return False
            return all(_is_strict(inner) for inner in schema.values())
        case list():
            return all(_is_strict(inner) for inner in schema)
    return True


def _client(model: Model, world: World) -> Client:
    whose = f"the key of the model `{model.name}`"
    key = NO_KEY if model.api_key is None else world.value_of(model.api_key, whose)
    return Client(model.base_url, key)


def _parsed(content: bytes, name: str) -> JsonObject:
    try:
        answer = json.loads(content)
    except (ValueError, RecursionError):
        raise _nonsense(name, _short(content.decode("utf-8", "replace"))) from None
    if not isinstance(answer, dict):
        raise _nonsense(name, _short(str(answer)))
    return answer


def _refused(error: APIStatusError, model: Model, world: World) -> StepFailure:
    status = error.status_code
    body = error.body if isinstance(error.body, dict) else {}
    said = body.get("message") if isinstance(body.get("message"), str) else None
    message = f"the model `{model.name}` answered {status} {error.response.reason_phrase}".rstrip()
    if status in _REFUSED:
        message += "; check `api_key` of the model in headgate.toml"
    if said:
        message += f": {_short(str(world.mask(said)))}"
    spent = error.code == "insufficient_quota" or status == _PAYMENT_REQUIRED
    transient = (status in _TRANSIENT or status >= 500) and not spent
    kind = ErrorClass.QUOTA if spent else ErrorClass.TRANSIENT if transient else ErrorClass.PERMANENT
    wait = retry_after_ms(error.response.headers, world.clock.now_ms()) if transient else None
    return StepFailure(StepError("LLM_REQUEST_FAILED", message, kind, status, None, wait))


def _unreachable(error: APIConnectionError, model: Model) -> StepFailure:
    cause = error.__cause__
    reason = str(cause) or type(cause).__name__ if cause is not None else error.message
    never = isinstance(cause, httpx2.ConnectError | httpx2.ConnectTimeout) or isinstance(error, APITimeoutError)
    if never:
        message = f"the model `{model.name}` cannot be reached at `{model.base_url}`: {reason}"
        return _failure("DEPENDENCY_UNAVAILABLE", message, ErrorClass.TRANSIENT)
    if isinstance(cause, httpx2.UnsupportedProtocol | httpx2.InvalidURL):
        message = f"`{model.base_url}`, the base_url of the model `{model.name}`, is no address: {reason}"
        return _failure("CONFIG_INVALID", message, ErrorClass.PERMANENT)
    message = f"the connection to the model `{model.name}` broke: {reason}"
    return _failure("LLM_REQUEST_FAILED", message, ErrorClass.TRANSIENT)


def _nonsense(name: str, reason: str) -> StepFailure:
    message = f"the model `{name}` answered with what is no chat completion: {reason}"
    return _failure("LLM_REQUEST_FAILED", message, ErrorClass.PERMANENT)


def _text(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _short(text: str, limit: int = 300) -> str:
    return text if len(text) <= limit else text[:limit] + "..."


def _failure(
    code: str, message: str, kind: ErrorClass, status: int | None = None, detail: JsonObject | None = None
) -> StepFailure:
    return StepFailure(StepError(code, message, kind, status, detail))
