"""A request and its answer as people see them in an error: named, shortened, with nothing secret in them."""

from __future__ import annotations

import json
import ssl
from base64 import b64encode
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Protocol

from headgate.runtime.errors import ErrorClass, StepError, StepFailure
from headgate.runtime.masking import STARS

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

    from headgate.plan import Json, JsonObject
    from headgate.runtime.connections import World
    from headgate.runtime.performers import Attempt

SHOWN = 4096
SAID = 200
_LONGEST_WAIT_MS = 24 * 3_600_000
_HIDDEN_FIELDS = frozenset(
    {"authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key", "api-key", "x-auth-token"}
)
_HIDDEN_WORDS = ("token", "secret", "password", "signature", "api_key", "apikey", "access_key")


class Sendable(Protocol):
    """What is asked of whom."""

    @property
    def method(self) -> str: ...
    @property
    def url(self) -> httpx.URL: ...
    @property
    def headers(self) -> httpx.Headers: ...
    @property
    def content(self) -> bytes | None: ...


class Exchange:
    """One attempt's exchange. `named` is what it is called in sentences: the method and the URL without its query."""

    def __init__(self, attempt: Attempt, ask: Sendable, world: World) -> None:
        self._attempt = attempt
        self._ask = ask
        self._world = world
        self.named = f"`{ask.method} {ask.url.copy_with(userinfo=b'', query=None, fragment=None)}`"

    async def trace(self, event: str, _info: Mapping[str, object]) -> None:
        """Told by the transport what it does; from the first byte on the request may have arrived."""
        if event.endswith("send_request_headers.started"):
            self._attempt.departure.mark()

    def broken(self, error: httpx.HTTPError) -> StepFailure:
        """What a transport's error means: nothing was sent, or nobody knows."""
        import httpx

        reason = str(error) or type(error).__name__
        if isinstance(error, httpx.LocalProtocolError | httpx.UnsupportedProtocol | httpx.DecodingError):
            return self._failed("HTTP_REQUEST_FAILED", f"{self.named} failed: {reason}", ErrorClass.PERMANENT)
        if not self._attempt.departure.may_have_left:
            untrusted = any(isinstance(cause, ssl.SSLCertVerificationError) for cause in _causes(error))
            kind = ErrorClass.PERMANENT if untrusted else ErrorClass.TRANSIENT
            host = f"{self._ask.url.host}:{self._ask.url.port or self._ask.url.scheme}"
            return self._failed("DEPENDENCY_UNAVAILABLE", f"`{host}` cannot be reached: {reason}", kind)
        safe = self._ask.method in ("GET", "HEAD") or self._attempt.plan_step.reversibility == "safe"
        kind = ErrorClass.TRANSIENT if safe else ErrorClass.IN_DOUBT
        message = f"{self.named} broke after the request was sent: {reason}"
        return self._failed("HTTP_REQUEST_FAILED", message, kind)

    def _failed(self, code: str, message: str, kind: ErrorClass) -> StepFailure:
        return StepFailure(StepError(code, message, kind, None, self.detail(None)))

    def detail(self, response: JsonObject | None) -> JsonObject:
        """The request and the response, shortened and without credentials."""
        ask = self._ask
        request: JsonObject = {
            "method": ask.method,
            "url": self._shown_url(ask.url),
            "headers": _redacted({name.lower(): value for name, value in ask.headers.items()}),
            "body": self._shortened(readable(ask.content or b"", ask.headers.get("Content-Type", ""))),
        }
        if response is None:
            return {"request": request, "response": None}
        headers = response["headers"]
        assert isinstance(headers, dict), "the headers of a response are a map"
        shown = response | {"headers": _redacted(headers), "body": self._shortened(response["body"])}
        return {"request": request, "response": shown}

    def said(self, body: Json) -> str:
        """The server's own word on what went wrong, when it is short text or in the usual place of a JSON answer."""
        for key in ("error", "message", "detail", "error_description"):
            if isinstance(body, dict) and isinstance(body.get(key), str | dict):
                body = body[key]
        return str(self._world.mask(body))[:SAID].strip() if isinstance(body, str) and "<html" not in body else ""

    def _shortened(self, value: Json) -> Json:
        """Masked before it is cut, so that no half of a secret is left at the end."""
        masked = self._world.mask(value)
        text = masked if isinstance(masked, str) else json.dumps(masked, ensure_ascii=False)
        return masked if len(text) <= SHOWN else text[:SHOWN] + "..."

    def _shown_url(self, url: httpx.URL) -> str:
        hidden = {name: STARS for name in url.params if _is_hidden(name)}
        return str(url.copy_with(userinfo=b"").copy_merge_params(hidden) if hidden else url.copy_with(userinfo=b""))


def _causes(error: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    at: BaseException | None = error
    while at is not None and len(found) < 10:
        found.append(at)
        at = at.__cause__ or at.__context__
    return found


def _redacted(fields: Mapping[str, Json]) -> JsonObject:
    return {name: STARS if name in _HIDDEN_FIELDS or _is_hidden(name) else value for name, value in fields.items()}


def _is_hidden(name: str) -> bool:
    lower = name.lower().replace("-", "_")
    return any(word in lower for word in _HIDDEN_WORDS) and lower != "idempotency_key"


def readable(content: bytes, content_type: str) -> Json:
    """JSON where the type says that it is, text where it is text, else `{"base64": ...}`; null for nothing."""
    kind, _, parameters = content_type.lower().partition(";")
    kind = kind.strip()
    if not content:
        return "" if kind.startswith("text/") else None
    charset = parameters.partition("charset=")[2].strip(' "').partition(";")[0] or "utf-8"
    try:
        text = content.decode(charset)
    except (LookupError, UnicodeDecodeError):
        return {"base64": b64encode(content).decode("ascii")}
    if kind == "application/json" or kind.endswith("+json"):
        try:
            value: Json = json.loads(text, parse_constant=_refuse_constant)
        except (ValueError, RecursionError):
            return text
        return value
    return text


def _refuse_constant(name: str) -> Json:
    raise ValueError(f"{name} is no JSON")


def retry_after_ms(headers: Mapping[str, str], now_ms: int) -> int | None:
    """What `Retry-After` asks for, in seconds or as a date; None without one, a day at most."""
    text = headers.get("Retry-After", "").strip()
    if not text:
        return None
    try:
        wait = round(float(text) * 1000)
    except ValueError:
        try:
            wait = round(parsedate_to_datetime(text).timestamp() * 1000) - now_ms
        except (ValueError, TypeError):
            return None
    except OverflowError:
        return None
    return min(max(wait, 0), _LONGEST_WAIT_MS)
