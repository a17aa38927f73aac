"""An office's HTTP API for the examples: orders by page, tickets, invoices, accounts. `python office.py [PORT]`."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

PORT = 8711
ORDERS = [{"id": f"o{number}", "total": 10 * number, "paid": number != 4} for number in range(1, 8)]
PAGE = 3


class Office(ThreadingHTTPServer):
    """`books` hold what was posted, by the first part of its path; `keys` the answers already given to a key."""

    daemon_threads = True

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Desk)
        self.books: dict[str, list[Any]] = {}
        self.keys: dict[str, tuple[int, Any]] = {}
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Desk(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Office

    def log_message(self, *_: object) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        """`/orders?page=N`, from 1, a few at a time; `/tickets`, `/invoices`, `/accounts`: what was posted."""
        parts = urlsplit(self.path)
        if parts.path == "/orders":
            page = int(parse_qs(parts.query).get("page", ["1"])[0])
            found = ORDERS[(page - 1) * PAGE : page * PAGE]
            self._answer(200, {"orders": found, "more": page * PAGE < len(ORDERS)})
        else:
            self._answer(200, self.server.books.get(parts.path.strip("/"), []))

    def do_POST(self) -> None:
        """Keeps what is posted and answers with its number; an invoice for an order that is not paid is refused."""
        name = urlsplit(self.path).path.strip("/")
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"null")
        key = f"{name} {self.headers.get('Idempotency-Key')}" if self.headers.get("Idempotency-Key") else None
        with self.server.lock:
            status, value = self.server.keys.get(key or "") or self._keep(name, body)
            if key:
                self.server.keys[key] = (status, value)
        self._answer(status, value)

    def _keep(self, name: str, body: Any) -> tuple[int, Any]:
        order = next((each for each in ORDERS if isinstance(body, dict) and each["id"] == body.get("order")), None)
        if name == "invoices" and order is not None and not order["paid"]:
            return 409, {"error": f"order {order['id']} is not paid"}
        book = self.server.books.setdefault(name, [])
        book.append(body)
        return 201, {"number": len(book)}

    def _answer(self, status: int, value: Any) -> None:
        content = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@contextmanager
def office(port: int = 0) -> Iterator[Office]:
    """The office, open as long as the block runs."""
    server = Office(port)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


if __name__ == "__main__":
    with office(int(sys.argv[1]) if len(sys.argv) > 1 else PORT) as running:
        print(running.url, flush=True)
        threading.Event().wait()
