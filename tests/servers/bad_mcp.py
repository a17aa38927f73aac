"""An MCP server over stdio that misbehaves: `python bad_mcp.py MODE`. It speaks JSON-RPC by hand, with no SDK.

| mode | does |
|---|---|
| `good` | everything right: the tools `echo` (its arguments) and `pid` |
| `exit` | says why on stderr and ends before it answers |
| `hang` | reads and never answers |
| `garbage` | writes what is no JSON and never answers |
| `chatty` | writes log lines to stdout between its messages, and answers |
| `die` | ends in the middle of a call, with a last word on stderr |
| `silent-call` | greets, and never answers a call |
| `wrong-result` | answers a call with a result of the wrong shape |
| `refuse` | answers a call with a JSON-RPC error |
| `tool-error` | answers a call with `isError` |
| `tell` | answers a call with `isError`: its environment's `TOLD` and the arguments; says them on stderr too |
| `big` | answers a call with 9 MiB of text |
| `stuck` | tells its process id on stderr, never answers, and ignores the end of its input and SIGTERM |
| `deaf` | ignores the end of its input and SIGTERM |
| `diary FILE` | never answers a call, and writes the method of each message, and the end of its input, to FILE |
| `tools FILE` | lists the tools that FILE holds now |
| `die-once FILE` | like `die` when FILE is not there, which it makes; then good |
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

SCHEMA = {"type": "object", "properties": {}}
TOOLS = [{"name": name, "inputSchema": SCHEMA} for name in ("echo", "pid")]


def write(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()


def text(value: object) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": str(value)}]}


def note(method: str) -> None:
    with Path(sys.argv[2]).open("a") as diary:
        diary.write(f"{method}\n")


def call(mode: str, params: dict[str, Any]) -> dict[str, Any]:
    """The fields of the answer to a call."""
    if mode == "die-once" and not Path(sys.argv[2]).exists():
        Path(sys.argv[2]).touch()
        mode = "die"
    if mode == "die":
        print(os.environ.get("TOLD", ""), file=sys.stderr, flush=True)
        print("panic: the disk is on fire", file=sys.stderr, flush=True)
        os._exit(3)
    if mode == "silent-call":
        threading.Event().wait()
    if mode == "wrong-result":
        return {"result": {"content": "no list"}}
    if mode == "refuse":
        return {"error": {"code": -32602, "message": "Unknown tool: nope"}}
    if mode == "tool-error":
        return {"result": {**text("no such order"), "isError": True}}
    if mode == "tell":
        said = f"{os.environ['TOLD']} {json.dumps(params.get('arguments'))}"
        print(said, file=sys.stderr, flush=True)
        return {"result": {**text(said), "isError": True}}
    if mode == "big":
        return {"result": text("x" * (9 << 20))}
    if params["name"] == "pid":
        return {"result": {**text(os.getpid()), "structuredContent": {"pid": os.getpid()}}}
    return {"result": text(json.dumps(params.get("arguments")))}


def answer(mode: str, message: dict[str, Any]) -> None:
    match message["method"]:
        case "initialize":
            version = message["params"]["protocolVersion"]
            info = {"name": "bad", "version": "1"}
            result = {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": info}
            write({"id": message["id"], "result": result})
        case "tools/list":
            tools = json.loads(Path(sys.argv[2]).read_text()) if mode == "tools" else TOOLS
            write({"id": message["id"], "result": {"tools": tools}})
        case "tools/call":
            write({"id": message["id"], **call(mode, message["params"])})
        case _ if "id" in message:
            write({"id": message["id"], "error": {"code": -32601, "message": "Method not found"}})


def main() -> None:
    mode = sys.argv[1]
    if mode == "exit":
        print("cannot read config.json", file=sys.stderr)
        sys.exit(1)
    if mode == "garbage":
        print("<html>hello</html>", flush=True)
    if mode == "stuck":
        print(os.getpid(), file=sys.stderr, flush=True)
    if mode in ("deaf", "stuck"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    for line in sys.stdin:
        if mode == "chatty":
            print("DEBUG: got a message", flush=True)
        if mode == "diary":
            method = json.loads(line)["method"]
            note(method)
            if method == "tools/call":
                continue
        if mode not in ("hang", "garbage", "stuck"):
            answer(mode, json.loads(line))
    if mode == "diary":
        note("end")
    if mode in ("deaf", "stuck"):
        threading.Event().wait()


if __name__ == "__main__":
    main()
