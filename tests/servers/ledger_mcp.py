"""An MCP server over stdio whose effects count themselves: `python ledger_mcp.py BOOK`. It speaks JSON-RPC by hand.

`look` only reads, `note` can be made good, `pay` cannot; each writes a line with its name and its `line` into BOOK.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

_HINTS: dict[str, dict[str, bool]] = {
    "look": {"readOnlyHint": True},
    "note": {"readOnlyHint": False, "destructiveHint": False},
    "pay": {"readOnlyHint": False, "destructiveHint": True},
}
TOOLS = [
    {
        "name": name,
        "description": f"{name}s, and writes that it did",
        "inputSchema": {"type": "object", "properties": {"line": {"type": "string"}}, "required": ["line"]},
        "annotations": hints,
    }
    for name, hints in _HINTS.items()
]


def write(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()


def call(name: str, line: str) -> dict[str, Any]:
    """What it did is on the disk before it answers."""
    descriptor = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(descriptor, f"{name} {line}\n".encode())
    os.close(descriptor)
    return {"content": [{"type": "text", "text": "ok"}], "structuredContent": {"did": f"{name} {line}"}}


def answer(message: dict[str, Any]) -> None:
    match message["method"]:
        case "initialize":
            version = message["params"]["protocolVersion"]
            info = {"name": "ledger", "version": "1"}
            result = {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": info}
            write({"id": message["id"], "result": result})
        case "tools/list":
            write({"id": message["id"], "result": {"tools": TOOLS}})
        case "tools/call":
            params = message["params"]
            write({"id": message["id"], "result": call(params["name"], params["arguments"]["line"])})
        case _ if "id" in message:
            write({"id": message["id"], "error": {"code": -32601, "message": "Method not found"}})


if __name__ == "__main__":
    for text in sys.stdin:
        answer(json.loads(text))
