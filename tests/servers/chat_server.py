"""A local server that speaks the OpenAI chat API: `with chat_server() as server`, or `python chat_server.py [PORT]`.

What it does depends on the model it is asked for:

| model | does |
|---|---|
| `echo`, and any other | answers with the prompt; with a schema, with JSON that fits it |
| `says TEXT` | answers with TEXT |
| `script` | does what the first prompt says: a JSON list with a turn for each answer, the last repeated |
| `fenced` | like `echo`, its JSON in a fence |
| `off-schema` | answers with JSON that fits no schema |
| `cut` | answers with half of it, `finish_reason` = `length` |
| `refuses` | refuses |
| `status N` | answers with status N; `Retry-After` is 7 |
| `flaky N` | 503 N times, then like `echo` |
| `quota` | 429 with the code `insufficient_quota` |
| `hang`, `drop` | never answers, closes the connection |
| `nonsense`, `empty` | a page, a completion without choices |

Given tools, `echo` first calls the first of them, with the prompt for every text, and then answers with what came back.
A turn of a script is `{"say": TEXT}` or `{"call": [[NAME, ARGUMENTS], ...], "say": TEXT}`; ARGUMENTS that are text are
sent as they are. Which turn it is, the conversation tells: a
server that is started anew goes on where the last one was.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ANSWERS = frozenset({"says", "fenced", "off-schema", "cut", "refuses", "empty"})
"""The models that answer whatever tools they are given."""


class Server(ThreadingHTTPServer):
    """`seen` holds the requests, `keys` their Authorization headers, in order."""

    daemon_threads = True

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.seen: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.failures = 0
        self.arrived = threading.Semaphore(0)
        self.closing = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def handle_error(self, _request: object, _address: object) -> None:
        """A client that goes away is what some tests are about."""


def instance_of(schema: dict[str, Any], text: str = "text") -> object:
    """The plainest value that fits a schema; `text` stands for every text in it."""
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type", "object")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        return {name: instance_of(inner, text) for name, inner in schema.get("properties", {}).items()}
    if kind == "array":
        return [instance_of(schema.get("items", {}), text)] * schema.get("minItems", 1)
    return {"string": text, "integer": 1, "number": 0.5, "boolean": True}.get(kind)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def log_message(self, *_: object) -> None:
        """Quiet."""

    def __getattr__(self, name: str) -> object:
        if name == "do_POST":
            return self.answer_post
        raise AttributeError(name)

    def answer_post(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
        self.server.seen.append(request)
        self.server.keys.append(self.headers.get("Authorization"))
        self.server.arrived.release()
        name, _, rest = request["model"].partition(" ")
        if self.path != "/v1/chat/completions":
            self.answer(404, {"error": {"message": f"no such path {self.path}"}})
        elif name == "status" or (name == "flaky" and self.server.failures < int(rest)):
            self.server.failures += 1
            status = int(rest) if name == "status" else 503
            self.answer(status, {"error": {"message": f"as you wish, {self.headers.get('Authorization')}"}})
        elif name == "quota":
            self.answer(429, {"error": {"message": "no money left", "code": "insufficient_quota"}})
        elif name == "hang":
            self.server.closing.wait()
            self.close_connection = True
        elif name == "drop":
            self.close_connection = True
            self.connection.shutdown(2)
        elif name == "nonsense":
            self.answer_bytes(200, b"<html>hello</html>", "text/html")
        else:
            self.answer(200, self.completion(request, name, rest))

    def completion(self, request: dict[str, Any], name: str, rest: str) -> dict[str, Any]:
        prompt = request["messages"][-1]["content"] or ""
        if name == "script":
            return self.turn(request)
        if request.get("tools") and request["messages"][-1]["role"] != "tool" and name not in ANSWERS:
            function = request["tools"][0]["function"]
            arguments = instance_of(function["parameters"], prompt)
            return self.said(request, {"call": [[function["name"], arguments]]})
        form = request.get("response_format")
        text = json.dumps(instance_of(form["json_schema"]["schema"])) if form else prompt
        text = {"says": rest, "off-schema": "[[]]", "fenced": f"```json\n{text}\n```", "cut": text[:-1]}.get(name, text)
        message = {"role": "assistant", "content": text, "refusal": "I would rather not" if name == "refuses" else None}
        choice = {"index": 0, "message": message, "finish_reason": "length" if name == "cut" else "stop"}
        usage = {"prompt_tokens": len(prompt.split()), "completion_tokens": len(text.split())}
        return {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 0,
            "model": f"{request['model']}-2026",
            "choices": [] if name == "empty" else [choice],
            "usage": {**usage, "total_tokens": sum(usage.values())},
        }

    def turn(self, request: dict[str, Any]) -> dict[str, Any]:
        messages = request["messages"]
        script = json.loads(next(one["content"] for one in messages if one["role"] == "user"))
        number = sum(one["role"] == "assistant" for one in messages)
        return self.said(request, script[min(number, len(script) - 1)], number)

    def said(self, request: dict[str, Any], turn: dict[str, Any], number: int = 0) -> dict[str, Any]:
        messages = request["messages"]
        message: dict[str, Any] = {"role": "assistant", "content": turn.get("say"), "refusal": None}
        if "call" in turn:
            message["tool_calls"] = [
                {
                    "id": f"call-{number}-{place}",
                    "type": "function",
                    "function": {"name": tool, "arguments": given if isinstance(given, str) else json.dumps(given)},
                }
                for place, (tool, given) in enumerate(turn["call"])
            ]
        return {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 0,
            "model": request["model"],
            "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls" if "call" in turn else "stop"}],
            "usage": {"prompt_tokens": 100 + 10 * len(messages), "completion_tokens": 20, "total_tokens": 0},
        }

    def answer(self, status: int, value: object) -> None:
        self.answer_bytes(status, json.dumps(value).encode(), "application/json")

    def answer_bytes(self, status: int, content: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Retry-After", "7")
        self.end_headers()
        self.wfile.write(content)


@contextmanager
def chat_server(port: int = 0) -> Iterator[Server]:
    server = Server(port)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield server
    finally:
        server.closing.set()
        server.shutdown()
        server.server_close()


if __name__ == "__main__":
    with chat_server(int(sys.argv[1]) if len(sys.argv) > 1 else 0) as running:
        print(running.url, flush=True)
        threading.Event().wait()
