"""The demo's shop over streamable HTTP, in a process of its own, for tests."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

DROPS = '''
class Drop:
    """Closes the connection in the middle of a call."""

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        message = await receive()
        if b'"tools/call"' in message.get("body", b""):
            headers = [(b"content-length", b"100"), (b"content-type", b"application/json")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": b"half", "more_body": True})
            return
        first = [message]
        async def again():
            return first.pop() if first else await receive()
        await self.app(scope, again, send)
'''
GUARDS = '''
class Guard:
    """Answers 401, or 403, to the tokens that the file lists: a line each, of status and token."""

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        sent = dict(scope["headers"]).get(b"authorization", b"").decode().removeprefix("Bearer ")
        refused = dict(line.split(" ")[::-1] for line in Path(sys.argv[3]).read_text().splitlines())
        status = 401 if not sent else int(refused.get(sent, "200"))
        if status == 200:
            return await self.app(scope, receive, send)
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})
'''
RUN = """
import sys, uvicorn
from pathlib import Path
from headgate.demo.server import build
app = build(Path(sys.argv[1])).streamable_http_app()
{wrap}
sock = __import__("socket").socket(fileno=int(sys.argv[2]))
uvicorn.Server(uvicorn.Config(app, log_level="critical", timeout_graceful_shutdown=1)).run(sockets=[sock])
"""


@contextmanager
def mcp_over_http(file: Path, *, drop_calls: bool = False, refuses: Path | None = None) -> Iterator[str]:
    """The address of a server that is up: its socket listens before the process starts.

    With `refuses` it wants a bearer token, and none of those in that file.
    """
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(64)
        listening.set_inheritable(True)
        wrap = f"{DROPS}\napp = Drop(app)" if drop_calls else ""
        if refuses is not None:
            wrap += f"{GUARDS}\napp = Guard(app)"
        code = RUN.format(wrap=wrap)
        with subprocess.Popen(
            [sys.executable, "-c", code, str(file), str(listening.fileno()), str(refuses)],
            pass_fds=[listening.fileno()],
        ) as child:
            try:
                yield f"http://127.0.0.1:{listening.getsockname()[1]}/mcp"
            finally:
                child.kill()
