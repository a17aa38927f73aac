"""How a server is reached, over stdio or HTTP, and what is heard on the way: its end, nonsense, its last words."""

from __future__ import annotations

import asyncio
import logging
import os
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, Self

from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client
from pydantic import ValidationError

if TYPE_CHECKING:
    from pathlib import Path

    import httpx2

    from headgate.runtime.credentials import Credential
    from headgate.workspace import Instance

# The SDK logs what a server does wrong; here that is told as the error of a step and not on the terminal.
for _name in ("mcp", "client"):
    logging.getLogger(_name).addHandler(logging.NullHandler())

LAST_LINES = 20
LINE_LIMIT = 500
CONNECT_SECONDS = 10.0
_INHERITED = ("LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "TZ", "VIRTUAL_ENV", "NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE")
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")


class Stderr:
    """Keeps the last lines that a server wrote to its standard error, and the terminal clean of them."""

    def __init__(self) -> None:
        self.ended = asyncio.Event()
        self._lines: deque[str] = deque(maxlen=LAST_LINES)
        self._rest = b""
        self._loop = asyncio.get_running_loop()
        self._reader, writer = os.pipe()
        os.set_blocking(self._reader, False)
        self.writer = os.fdopen(writer, "w", encoding="utf-8")
        self._loop.add_reader(self._reader, self._read)

    def _read(self) -> None:
        try:
            chunk = os.read(self._reader, 65536)
        except BlockingIOError:
            return
        except OSError:
            chunk = b""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        if not chunk:
            lines.append(self._rest)
        self._rest = self._rest[-65536:]
        for line in lines:
            text = line.decode("utf-8", "replace").strip()
            if text:
                self._lines.append(text[:LINE_LIMIT])
        if not chunk:
            self.close()

    def close(self) -> None:
        """Ends the reading; what was read is kept."""
        if not self.ended.is_set():
            self.ended.set()
            self._loop.remove_reader(self._reader)
            os.close(self._reader)
            self.writer.close()

    @property
    def lines(self) -> list[str]:
        return list(self._lines)


class Heard:
    """The stream of a server's messages, listened to on the way to the session."""

    def __init__(self, inner: Any, link: Link) -> None:
        self._inner = inner
        self._link = link

    @property
    def last_context(self) -> Any:
        return getattr(self._inner, "last_context", None)

    async def receive(self) -> Any:
        return self._note(await self._inner.receive())

    def __aiter__(self) -> Heard:
        return self

    async def __anext__(self) -> Any:
        try:
            return self._note(await self._inner.__anext__())
        except StopAsyncIteration:
            self._link.end()
            raise

    def _note(self, item: Any) -> Any:
        if isinstance(item, Exception):
            self._link.nonsense = _snippet(item)
            self._link.confused.set()
        return item

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def __aenter__(self) -> Self:
        await self._inner.__aenter__()
        return self

    async def __aexit__(self, *failure: object) -> Any:
        return await self._inner.__aexit__(*failure)


class Link:
    """One connection to one server. `settings` are its environment variables, or headers over HTTP."""

    def __init__(self, instance: Instance, root: Path, settings: dict[str, str], environ: dict[str, str]) -> None:
        self.instance = instance
        self.over_http = instance.server_url is not None
        self.ended = False
        self.nonsense: str | None = None
        self.confused = asyncio.Event()
        self.refusal: tuple[int, str] | None = None
        self._root = root
        self._settings = settings
        self._environ = environ
        self._stderr: Stderr | None = None
        self._when_ended: Callable[[], None] | None = None
        self._credential: Credential | None = None

    def bear(self, credential: Credential | None) -> None:
        """Every request to the server carries this from now on."""
        self._credential = credential

    @property
    def name(self) -> str:
        return self.instance.name

    @property
    def last_words(self) -> list[str]:
        return [] if self._stderr is None else self._stderr.lines

    async def silence(self) -> None:
        """Waits a moment for the rest of what a server that ended had to say."""
        if self._stderr is not None and self.ended:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stderr.ended.wait(), 0.3)

    def when_ended(self, act: Callable[[], None]) -> None:
        self._when_ended = act
        if self.ended:
            act()

    def end(self) -> None:
        self.ended = True
        if self._when_ended is not None:
            self._when_ended()

    @asynccontextmanager
    async def transport(self) -> AsyncIterator[tuple[Any, Any]]:
        """The two streams of a session; raises OSError when a command cannot be started."""
        if self.over_http:
            async with self._client() as client:
                url = self.instance.server_url or ""
                async with streamable_http_client(url, http_client=client) as (reading, writing):
                    yield Heard(reading, self), writing
            return
        self._stderr = stderr = Stderr()
        try:
            async with stdio_client(self._parameters(), errlog=stderr.writer) as (reading, writing):
                stderr.writer.close()
                yield Heard(reading, self), writing
        finally:
            if not stderr.writer.closed:
                stderr.writer.close()
            with suppress(TimeoutError):
                await asyncio.wait_for(stderr.ended.wait(), 0.1)
            stderr.close()

    def _parameters(self) -> StdioServerParameters:
        command, *args = self.instance.command
        inherited = {name: self._environ[name] for name in (*_INHERITED, *_PROXIES) if name in self._environ}
        folder = self._root / (self.instance.cwd or ".")
        return StdioServerParameters(command=command, args=args, env=inherited | self._settings, cwd=folder)

    def _client(self) -> httpx2.AsyncClient:
        import httpx2

        async def note(response: httpx2.Response) -> None:
            if response.is_error:
                self.refusal = (response.status_code, response.reason_phrase)

        async def bear(request: httpx2.Request) -> None:
            if self._credential is not None:
                request.headers.update(dict(self._credential.headers))
                if self._credential.query:
                    request.url = request.url.copy_merge_params(dict(self._credential.query))

        timeout = httpx2.Timeout(None, connect=CONNECT_SECONDS)
        hooks: dict[str, list[Callable[..., Any]]] = {"request": [bear], "response": [note]}
        return httpx2.AsyncClient(headers=self._settings, timeout=timeout, event_hooks=hooks)


def _snippet(fault: Exception) -> str:
    """The beginning of what a server wrote in place of a message."""
    if isinstance(fault, ValidationError) and fault.errors():
        return str(fault.errors()[0]["input"])[:80]
    return str(fault)[:80]
