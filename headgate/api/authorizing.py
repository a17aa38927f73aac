"""How somebody authorizes a connection: at the provider's address, with the answer coming back to this machine."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable
from urllib.parse import parse_qsl, urlsplit

from headgate.api.faults import NothingStarted
from headgate.records import NamedTuple
from headgate.runtime import oauth
from headgate.runtime.credentials import CODE, Bound, fixed
from headgate.runtime.errors import StepFailure
from headgate.runtime.oauth import Authorization
from headgate.runtime.vault import Tokens

HEAD_LIMIT = 16_384
READ_SECONDS = 10.0
_PAGE = "<!doctype html><meta charset=utf-8><title>headgate</title><p style='font:1.2em sans-serif;margin:3em'>{}</p>"


class Person(NamedTuple):
    """Who authorizes, as a shell reaches them.

    `tell` is given lines to read, and the address to open; `browse` opens it, None when nothing is to be opened by
    itself; `answer` asks for the code, or for the address that the browser ended at, where the browser cannot reach
    this machine; `seconds` is how long is waited.
    """

    tell: Callable[[str], None]
    browse: Callable[[str], None] | None = None
    answer: Callable[[], str] | None = None
    seconds: float = 600.0


class _NotYet(Exception):  # noqa: N818
    """What came is not the answer that is waited for."""


def authorized(bound: Bound, person: Person, now_ms: Callable[[], int]) -> Tokens | None:
    """New tokens; None for a connection that has none. Raises `NothingStarted` with why there are none."""
    try:
        if fixed(bound) is not None:
            return None
        client = bound.client()
        if bound.grant != CODE:
            return asyncio.run(oauth.by_credentials(client, now_ms))
        return asyncio.run(_by_person(bound, person, now_ms))
    except StepFailure as failure:
        raise NothingStarted(failure.error.message) from None
    except (oauth.Refused, oauth.Unavailable) as reason:
        raise NothingStarted(f"{bound.called} was not connected: {reason}") from None


async def _by_person(bound: Bound, person: Person, now_ms: Callable[[], int]) -> Tokens:
    client, url = bound.client(), bound.text("authorize_url") or ""
    params = bound.texts("authorize_params")
    wanted = bound.text("redirect_uri")
    listener = None if person.answer is not None else await _listening(wanted)
    redirect = wanted or (listener.address if listener is not None else "http://127.0.0.1/callback")
    given = oauth.authorization(client, url, redirect, params)
    person.tell(f"Open this address to authorize {bound.called}:\n\n  {given.url}\n")
    try:
        if listener is None:
            assert person.answer is not None, "without a listener the person brings the answer"
            code = _pasted(person.answer(), given, bound)
        else:
            person.tell(f"Waiting for the answer at {redirect} ...")
            if person.browse is not None:
                person.browse(given.url)
            code = await _heard(listener, given, bound, person.seconds)
    finally:
        if listener is not None:
            listener.server.close()
    return await oauth.by_code(client, code, given, now_ms)


# The answer, pasted


def _pasted(text: str, given: Authorization, bound: Bound) -> str:
    """The code out of what was pasted: an address with a state that is checked, or the code alone."""
    text = text.strip()
    if "://" not in text and "code=" not in text:
        if not text:
            raise NothingStarted(f"{bound.called} was not connected: no code was given")
        return text
    try:
        return _code_of(urlsplit(text).query or text, given, bound)
    except _NotYet:
        message = "the address is not the answer to this question: its `state` is another; begin again"
        raise NothingStarted(f"{bound.called} was not connected: {message}") from None


def _code_of(query: str, given: Authorization, bound: Bound) -> str:
    """Raises `_NotYet` for an answer to another question, `NothingStarted` for a refusal."""
    answer = dict(parse_qsl(query))
    if not hmac.compare_digest(answer.get("state", "").encode(), given.state.encode()):
        raise _NotYet
    if "error" in answer:
        said = answer.get("error_description") or ""
        reason = f"its provider answers `{answer['error']}`" + (f": {said[:200]}" if said else "")
        raise NothingStarted(f"{bound.called} was not connected: {reason}")
    if not answer.get("code"):
        raise _NotYet
    return answer["code"]


# The answer, heard


class _Listener(NamedTuple):
    server: asyncio.Server
    queries: asyncio.Queue[tuple[str, asyncio.StreamWriter]]
    address: str


async def _listening(wanted: str | None) -> _Listener:
    """Listens on this machine alone, at the port of the address that is registered, or at a free one."""
    parts = urlsplit(wanted or "http://127.0.0.1/callback")
    if parts.hostname not in ("127.0.0.1", "localhost", "::1") or (wanted is not None and parts.port is None):
        message = f"the answer to `{wanted}` cannot be heard here: use `--code`, and paste what the browser ends at"
        raise NothingStarted(message)
    queries: asyncio.Queue[tuple[str, asyncio.StreamWriter]] = asyncio.Queue()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), READ_SECONDS)
        except (TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
            writer.close()
            return
        method, _, rest = head.split(b"\r\n", 1)[0].decode("latin-1").partition(" ")
        asked = urlsplit(rest.partition(" ")[0])
        if method == "GET" and asked.path == (parts.path or "/"):
            queries.put_nowait((asked.query, writer))
        else:
            await _reply(writer, "404 Not Found", "There is nothing here.")

    try:
        server = await asyncio.start_server(serve, parts.hostname, parts.port or 0, limit=HEAD_LIMIT)
    except OSError as error:
        message = f"port {parts.port} of this machine, for the answer, is taken: {error.strerror}"
        raise NothingStarted(message) from None
    port = server.sockets[0].getsockname()[1]
    return _Listener(server, queries, f"http://127.0.0.1:{port}/callback")


async def _heard(listener: _Listener, given: Authorization, bound: Bound, seconds: float) -> str:
    try:
        async with asyncio.timeout(seconds):
            while True:
                query, writer = await listener.queries.get()
                try:
                    code = _code_of(query, given, bound)
                except _NotYet:
                    await _reply(writer, "400 Bad Request", "This is not the answer that is waited for.")
                except NothingStarted:
                    await _reply(writer, "200 OK", "Nothing was allowed. You may close this page.")
                    raise
                else:
                    await _reply(writer, "200 OK", "Thank you. You may close this page and go back to the terminal.")
                    return code
    except TimeoutError:
        message = f"no answer came within {seconds:g}s; begin again, or use `--code` where the browser is elsewhere"
        raise NothingStarted(f"{bound.called} was not connected: {message}") from None


async def _reply(writer: asyncio.StreamWriter, status: str, text: str) -> None:
    body = _PAGE.format(text).encode()
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {len(body)}\r\n"
        "Cache-Control: no-store\r\nConnection: close\r\n\r\n"
    )
    try:
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()
        await writer.wait_closed()
    except ConnectionError:
        return
