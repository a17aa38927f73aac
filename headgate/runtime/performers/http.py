"""Sends an HTTP request and says, when it fails, whether the request may have arrived."""

from __future__ import annotations

import json
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING, TypeAlias

import httpx

from headgate import __version__
from headgate.records import NamedTuple
from headgate.runtime.errors import ErrorClass, StepError, StepFailure
from headgate.runtime.performers.exchange import Exchange, readable, retry_after_ms

if TYPE_CHECKING:
    from collections.abc import Iterator

    from headgate.plan import Json, JsonObject
    from headgate.runtime.connections import World
    from headgate.runtime.credentials import Credential
    from headgate.runtime.performers import Attempt

CONNECT_SECONDS = 10.0
BODY_LIMIT = 8 << 20
REDIRECTS = 5
DEFAULT_SECONDS = 60.0
_TRANSIENT = frozenset({408, 425, 429})
_REFUSED = frozenset({401, 403})
_REDIRECT = frozenset({301, 302, 303, 307, 308})
_READING = frozenset({"GET", "HEAD"})

Statuses: TypeAlias = "range | frozenset[int]"


class Ask(NamedTuple):
    """A request before it is sent. `content` is None for no body."""

    method: str
    url: httpx.URL
    headers: httpx.Headers
    content: bytes | None


class Http:
    """One client for the steps of a driver: connections are kept, cookies are not."""

    def __init__(self) -> None:
        self.client = httpx.AsyncClient(
            timeout=httpx.Timeout(None, connect=CONNECT_SECONDS),
            headers={"User-Agent": f"headgate/{__version__}"},
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
            follow_redirects=False,
        )

    async def close(self) -> None:
        await self.client.aclose()


class Performance:
    """Performs `http`."""

    async def perform(self, attempt: Attempt, world: World) -> Json:
        """`{status, headers, body}`; raises `StepFailure`.

        HTTP_REQUEST_FAILED: an answer outside `expect`, transient for 408, 425, 429 and 5xx; or an exchange that broke
        after it was sent, in doubt unless the step is safe. DEPENDENCY_UNAVAILABLE: nothing was sent.

        With a connection, a 401 or 403 has its token refreshed once and is asked once more. AUTH_REAUTH_REQUIRED: that
        was refused for good, or a 401 remains. A 403 that remains is about what was asked, and fails as any other.
        """
        ask, expected = _ask(attempt), _expected(attempt.input.get("expect"))
        name = attempt.input.get("connection")
        if not isinstance(name, str):
            return await send(ask, attempt, world, expected)
        bound = world.bound(name)
        used = await world.credentials.of(bound, attempt.seconds(DEFAULT_SECONDS))
        answer = await _exchanged(_borne(ask, used), attempt, world, expected)
        if answer.response.status_code not in expected and answer.response.status_code in _REFUSED:
            again = await world.credentials.again(bound, used, attempt.seconds(DEFAULT_SECONDS))
            if again is not None:
                used, answer = again, await _exchanged(_borne(ask, again), attempt, world, expected)
            if answer.response.status_code == 401 and 401 not in expected:
                said = f"{answer.exchange.named} answered 401 {answer.response.reason_phrase}".rstrip()
                raise world.credentials.refuse(bound, used, said)
        return _result(answer, expected, world)


async def send(ask: Ask, attempt: Attempt, world: World, expected: Statuses) -> JsonObject:
    """What came back, `{status, headers, body}`; raises as `Performance.perform` does."""
    return _result(await _exchanged(ask, attempt, world, expected), expected, world)


class Answer(NamedTuple):
    """The last answer of an exchange, read to its end."""

    response: httpx.Response
    body: Json
    exchange: Exchange


async def _exchanged(ask: Ask, attempt: Attempt, world: World, expected: Statuses) -> Answer:
    client = world.live("http", Http).client
    exchange = Exchange(attempt, ask, world)
    try:
        response = await _send(client, ask, exchange, expected)
        return Answer(response, await _body(response, exchange), exchange)
    except httpx.HTTPError as error:
        raise exchange.broken(error) from None


def _result(answer: Answer, expected: Statuses, world: World) -> JsonObject:
    response, body, exchange = answer
    if response.status_code not in expected:
        raise _refused(response, body, exchange, world)
    return {"status": response.status_code, "headers": _headers(response), "body": body}


def _borne(ask: Ask, credential: Credential) -> Ask:
    """The request with what its connection sends; it goes before a header that the step wrote itself."""
    headers = httpx.Headers(ask.headers)
    headers.update(dict(credential.headers))
    url = ask.url.copy_merge_params(dict(credential.query)) if credential.query else ask.url
    return ask._replace(headers=headers, url=url)


async def _send(
    client: httpx.AsyncClient, ask: Ask, exchange: Exchange, expected: range | frozenset[int]
) -> httpx.Response:
    """The last answer of a chain of redirects, its body still to be read."""
    for _ in range(REDIRECTS + 1):
        request = client.build_request(
            ask.method, ask.url, headers=ask.headers, content=ask.content, extensions={"trace": exchange.trace}
        )
        response = await client.send(request, stream=True)
        following = None if response.status_code in expected else _redirected(ask, response)
        if following is None:
            return response
        await response.aclose()
        ask = following
    message = f"{exchange.named} redirects more than {REDIRECTS} times"
    raise StepFailure(StepError("HTTP_REQUEST_FAILED", message, ErrorClass.PERMANENT, response.status_code))


def _redirected(ask: Ask, response: httpx.Response) -> Ask | None:
    """The request that follows, or None when the answer is to be taken as it is.

    A read follows anywhere, without the step's headers once it leaves the origin they were written for. Anything else
    follows only a redirect that keeps its method and body, and only within the origin.
    """
    target = response.headers.get("Location")
    if response.status_code not in _REDIRECT or target is None:
        return None
    try:
        url = ask.url.join(target)
    except httpx.InvalidURL:
        return None
    same = (url.scheme, url.host, url.port) == (ask.url.scheme, ask.url.host, ask.url.port)
    if ask.method in _READING and url.scheme in ("http", "https"):
        return Ask(ask.method, url, ask.headers if same else httpx.Headers(), ask.content if same else None)
    return Ask(ask.method, url, ask.headers, ask.content) if same and response.status_code in (307, 308) else None


async def _body(response: httpx.Response, exchange: Exchange) -> Json:
    """JSON where the answer says that it is, text where it is text, else `{"base64": ...}`; null for no body."""
    parts: list[bytes] = []
    size = 0
    try:
        async for part in response.aiter_bytes():
            size += len(part)
            if size > BODY_LIMIT:
                message = f"{exchange.named} answered {response.status_code} with more than {BODY_LIMIT >> 20} MiB"
                raise StepFailure(StepError("LIMIT_EXCEEDED", message, ErrorClass.PERMANENT, response.status_code))
            parts.append(part)
    finally:
        await response.aclose()
    return readable(b"".join(parts), response.headers.get("Content-Type", ""))


def _refused(response: httpx.Response, body: Json, exchange: Exchange, world: World) -> StepFailure:
    status = response.status_code
    transient = status in _TRANSIENT or status >= 500
    message = f"{exchange.named} answered {status} {response.reason_phrase}".rstrip()
    if status in _REDIRECT:
        message += f", a redirect that is not followed, to `{response.headers.get('Location', '')}`"
    said = exchange.said(body)
    return StepFailure(
        StepError(
            "HTTP_REQUEST_FAILED",
            f"{message}: {said}" if said else message,
            ErrorClass.QUOTA if status == 402 else ErrorClass.TRANSIENT if transient else ErrorClass.PERMANENT,
            status,
            exchange.detail({"status": status, "headers": dict(_headers(response)), "body": body}),
            retry_after_ms(response.headers, world.clock.now_ms()) if transient else None,
        )
    )


def _headers(response: httpx.Response) -> JsonObject:
    return {name.lower(): value for name, value in response.headers.items()}


def _expected(expect: Json) -> Statuses:
    if isinstance(expect, int) and not isinstance(expect, bool):
        return frozenset({expect})
    if isinstance(expect, list):
        return frozenset(code for code in expect if isinstance(code, int))
    return range(200, 300)


def _ask(attempt: Attempt) -> Ask:
    """Raises `StepFailure` (CONFIG_INVALID) for what can be no request."""
    given = attempt.input
    try:
        url = httpx.URL(str(given.get("url")))
        query = given.get("query")
        if isinstance(query, dict):
            url = url.copy_merge_params(_query(query))
        fields = given.get("headers")
        headers = httpx.Headers([*_fields(fields if isinstance(fields, dict) else {})])
    except (httpx.InvalidURL, UnicodeEncodeError, ValueError) as error:
        raise _invalid(f"the request cannot be made: {error}") from None
    if attempt.idempotency_key is not None:
        headers["Idempotency-Key"] = attempt.idempotency_key
    return _checked(Ask(str(given.get("method", "GET")).upper(), url, headers, _content(given.get("body"), headers)))


def request_of(method: str, address: str, headers: httpx.Headers, content: bytes) -> Ask:
    """A request to an address; raises `StepFailure` (CONFIG_INVALID) for what is none."""
    try:
        url = httpx.URL(address)
    except (httpx.InvalidURL, UnicodeEncodeError) as error:
        raise _invalid(f"the request cannot be made: {error}") from None
    return _checked(Ask(method, url, headers, content))


def _checked(ask: Ask) -> Ask:
    url = ask.url
    if url.scheme not in ("http", "https") or not url.host:
        raise _invalid(f"`{exchange_url(url)}` is no address to send a request to; it starts with http:// or https://")
    return ask


def exchange_url(url: httpx.URL) -> str:
    return str(url.copy_with(userinfo=b""))


def _fields(given: JsonObject) -> Iterator[tuple[bytes, bytes]]:
    """Raises ValueError for what can be no header; a null is left out."""
    for name, value in given.items():
        text = _text(value)
        if any(character in name + text for character in "\r\n\0"):
            raise ValueError(f"the header `{name}` holds a line break")
        if not name or not name.isascii() or any(character in name for character in " :\t"):
            raise ValueError(f"`{name}` is no name of a header")
        if value is not None:
            yield name.encode(), text.encode()


def _query(given: JsonObject) -> dict[str, str | list[str]]:
    """A null is left out; a list is the name several times."""
    return {
        name: [_text(item) for item in value] if isinstance(value, list) else _text(value)
        for name, value in given.items()
        if value is not None
    }


def _text(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _content(body: Json, headers: httpx.Headers) -> bytes | None:
    """Text as it is, anything else as JSON, or as a form where the step's own content type says so."""
    if body is None:
        return None
    if isinstance(body, str):
        headers.setdefault("Content-Type", "text/plain; charset=utf-8")
        return body.encode()
    if isinstance(body, dict) and headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded"):
        return str(httpx.QueryParams(_query(body))).encode()
    headers.setdefault("Content-Type", "application/json")
    return json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _invalid(message: str) -> StepFailure:
    return StepFailure(StepError("CONFIG_INVALID", message, ErrorClass.PERMANENT))
