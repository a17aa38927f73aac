"""A local HTTP server that misbehaves on request: `with http_server() as server`, or `python http_server.py [PORT]`.

| path | does |
|---|---|
| `/echo` | answers with what it was sent, as JSON |
| `/status/N` | answers with status N; `?retry_after=2` adds the header, `?message=...` a JSON error |
| `/flaky/NAME?times=2` | 503 so many times, then 200 |
| `/hang` | answers when the server is closed |
| `/watch` | never answers, and notices when the client has gone |
| `/drop` | reads the request and closes the connection |
| `/cut` | promises a body and closes in the middle of it |
| `/ledger` | POST: an effect, once for each `Idempotency-Key`; GET: how many there were |
| `/redirect?to=URL&status=302` | redirects; `/again` to itself |
| `/text`, `/bytes`, `/nothing`, `/broken-json`, `/big?bytes=N` | bodies of all sorts |
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit


class Seen(NamedTuple):
    method: str
    path: str
    headers: dict[str, str]
    body: str


class Server(ThreadingHTTPServer):
    """`seen` holds every request, in order; `effects` what the ledger did."""

    daemon_threads = True

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.seen: list[Seen] = []
        self.effects: list[str] = []
        self.ledger: dict[str, dict[str, object]] = {}
        self.failures: dict[str, int] = {}
        self.arrived = threading.Semaphore(0)
        self.gone = threading.Semaphore(0)
        self.closing = threading.Event()
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, _request: object, _address: object) -> None:
        """A client that goes away is what some tests are about."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def log_message(self, *_: object) -> None:
        """Quiet."""

    def __getattr__(self, name: str) -> object:
        """Every method goes the same way."""
        if name.startswith("do_"):
            return self.answer_any
        raise AttributeError(name)

    def answer_any(self) -> None:
        parts = urlsplit(self.path)
        self.query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode("utf-8", "replace")
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.seen.append(Seen(self.command, self.path, headers, self.body))
        self.server.arrived.release()
        name, _, rest = parts.path.strip("/").partition("/")
        getattr(self, f"on_{name.replace('-', '_')}", self.on_unknown)(rest)

    def answer(self, status: int, value: object = None, **headers: str) -> None:
        self.answer_bytes(status, json.dumps(value).encode(), "application/json", **headers)

    def answer_bytes(self, status: int, content: bytes, kind: str, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def on_unknown(self, _rest: str) -> None:
        self.answer(404, {"error": "no such path"})

    def on_echo(self, _rest: str) -> None:
        seen = self.server.seen[-1]
        self.answer(200, {"method": seen.method, "path": seen.path, "headers": seen.headers, "body": seen.body})

    def on_status(self, rest: str) -> None:
        extra = {"Retry_After": self.query["retry_after"]} if "retry_after" in self.query else {}
        self.answer(int(rest), {"error": {"message": self.query.get("message", "as you wish")}}, **extra)

    def on_flaky(self, rest: str) -> None:
        with self.server.lock:
            failed = self.server.failures.get(rest, 0)
            self.server.failures[rest] = failed + 1
        if failed < int(self.query.get("times", "1")):
            self.answer(503, {"error": "not yet"}, Retry_After="0")
        else:
            self.answer(200, {"tries": failed + 1})

    def on_hang(self, _rest: str) -> None:
        self.server.closing.wait()
        self.close_connection = True

    def on_watch(self, _rest: str) -> None:
        """A client that waits for its answer sends nothing more, so what comes is its end."""
        if self.connection.recv(1) == b"":
            self.server.gone.release()
        self.close_connection = True

    def on_drop(self, _rest: str) -> None:
        self.close_connection = True
        self.connection.shutdown(2)

    def on_cut(self, _rest: str) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b"half of it")
        self.close_connection = True

    def on_ledger(self, _rest: str) -> None:
        if self.command == "GET":
            self.answer(200, {"effects": len(self.server.effects)})
            return
        key = self.headers.get("Idempotency-Key")
        with self.server.lock:
            known = self.server.ledger.get(key) if key else None
            if known is None:
                self.server.effects.append(self.body)
                known = {"number": len(self.server.effects)}
                if key:
                    self.server.ledger[key] = known
        self.answer(200, known)

    def on_redirect(self, _rest: str) -> None:
        self.answer(int(self.query.get("status", "302")), None, Location=self.query["to"])

    def on_again(self, _rest: str) -> None:
        self.answer(302, None, Location="/again")

    def on_text(self, _rest: str) -> None:
        self.answer_bytes(200, "grüß Gott".encode("latin-1"), "text/plain; charset=iso-8859-1")

    def on_bytes(self, _rest: str) -> None:
        self.answer_bytes(200, b"\x00\xff\xfe", "application/octet-stream")

    def on_nothing(self, _rest: str) -> None:
        self.send_response(204)
        self.end_headers()

    def on_broken_json(self, _rest: str) -> None:
        self.answer_bytes(200, b'{"n": NaN}', "application/json")

    def on_big(self, _rest: str) -> None:
        self.answer_bytes(200, b"x" * int(self.query["bytes"]), "text/plain")

    def on_cookie(self, _rest: str) -> None:
        self.answer(200, self.headers.get("Cookie"), Set_Cookie="session=1")


@contextmanager
def http_server(port: int = 0) -> Iterator[Server]:
    server = Server(port)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.closing.set()
        server.shutdown()
        server.server_close()


if __name__ == "__main__":
    with http_server(int(sys.argv[1]) if len(sys.argv) > 1 else 0) as running:
        print(running.url, flush=True)
        threading.Event().wait()
