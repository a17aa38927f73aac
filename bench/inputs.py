"""The same workflow, by steps and edges, as each tool's own language: what the check benchmark feeds."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

TOOL = {
    "inputSchema": {
        "type": "object",
        "properties": {"value": {"type": "string"}, "order": {"type": "string"}},
        "required": ["value", "order"],
    },
    "outputSchema": {"type": "object", "properties": {"status": {"type": "string"}}, "required": ["status"]},
    "annotations": {"readOnlyHint": False, "destructiveHint": False, "idempotentHint": True},
}
WORKSPACE = '[project]\nname = "bench"\n\n[instances.shop]\nserver_url = "https://shop.example.com/mcp"\n'
LOCK = {
    "version": 1,
    "instances": {"shop": {"server_url": "https://shop.example.com/mcp", "tools": {"post": TOOL, "put": TOOL}}},
    "workflows": {},
}


def flow(steps: int) -> str:
    """A chain of `steps` calls, of tools and over HTTP in turn, each reading the one before it."""
    lines = ["workflow bench {", "  input order: string", ""]
    for n in range(steps):
        after = f" after s{n - 1}" if n else ""
        value = (
            "{{ inputs.order }}" if not n else f"{{{{ steps.s{n - 1}.result.{'body' if n % 2 == 0 else 'status'} }}}}"
        )
        arguments = f"{{ value = {value}, order = {{{{ inputs.order }}}} }}"
        if n % 2 == 0:
            lines += [f"  step s{n} = mcp shop.post{after} {{", f"    args    = {arguments}"]
        else:
            lines += [
                f'  step s{n} = http POST "https://example.com/{n}"{after} {{',
                f"    body    = {arguments}",
                "    reversibility = recoverable",
            ]
        lines += ["    timeout = 30s", "  }", ""]
    return "\n".join([*lines, f"  output {{ last = {{{{ steps.s{steps - 1}.result }}}} }}", "}", ""])


def wdl(steps: int) -> str:
    """The chain as a WDL workflow: one task, called `steps` times."""
    lines = [
        "version 1.0",
        "task post {",
        "  input { String value String order }",
        "  command <<< echo ~{value} ~{order} >>>",
        "  output { String status = read_string(stdout()) }",
        "}",
        "workflow bench {",
        "  input { String order }",
    ]
    for n in range(steps):
        value = f"s{n - 1}.status" if n else "order"
        lines.append(f"  call post as s{n} {{ input: value = {value}, order = order }}")
    return "\n".join([*lines, "}", ""])


def actions(steps: int) -> str:
    """The chain as the jobs of a GitHub workflow."""
    lines = ["---", "name: bench", "on:", "  workflow_dispatch:", "    inputs:", "      order:", "        type: string"]
    lines += ["permissions: {}", "jobs:"]
    for n in range(steps):
        value = f"needs.s{n - 1}.outputs.status" if n else "inputs.order"
        lines += [
            f"  s{n}:",
            *([f"    needs: s{n - 1}"] if n else []),
            "    runs-on: ubuntu-24.04",
            "    timeout-minutes: 1",
            "    outputs:",
            "      status: ${{ steps.post.outputs.status }}",
            "    steps:",
            "      - id: post",
            f'        run: curl -d "$VALUE $ORDER" https://example.com/{n}',
            "        env:",
            f"          VALUE: ${{{{ {value} }}}}",
            "          ORDER: ${{ inputs.order }}",
        ]
    return "\n".join([*lines, ""])


LANGUAGES: dict[str, Callable[[int], str]] = {
    "w{n:05}.flow": flow,
    "w{n:05}.wdl": wdl,
    ".github/workflows/w{n:05}.yml": actions,
}


def write(folder: Path, steps: int, files: int = 1) -> dict[str, list[str]]:
    """Writes `files` files of `steps` steps for each tool, with workspace and lock; returns their paths by suffix."""
    (folder / "headgate.toml").write_text(WORKSPACE, encoding="utf-8")
    (folder / "headgate.lock").write_text(json.dumps(LOCK, indent=2) + "\n", encoding="utf-8")
    written: dict[str, list[str]] = {}
    for name, language in LANGUAGES.items():
        text = language(steps)
        for n in range(files):
            path = folder / name.format(n=n)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            written.setdefault(path.suffix, []).append(str(path))
    return written
