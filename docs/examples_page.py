"""`examples/README.md` from the examples themselves: what each is for, what it needs, how it is run, its graph."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

from headgate.api.compiling import compile_target
from headgate.render.graph_mermaid import graph_mermaid
from headgate.render.picture import picture

EXAMPLES = Path(__file__).parent.parent / "examples"
INTRODUCTION = """\
# Examples

Workflows that a team might have, on servers that nobody here wrote. Each folder is a workspace of its own, with its
`headgate.toml` and `headgate.lock`; `example.json` says what must come of it. `python -m examples.run_all`, from the
root of the repository, checks and runs them all.

What they need, to be installed once:

```sh
npm install -g @modelcontextprotocol/server-filesystem @modelcontextprotocol/server-everything \\
  @modelcontextprotocol/server-memory
pipx install mcp-server-git && pipx install mcp-server-time
python examples/office.py &                    # the HTTP API that some of them call
python tests/servers/chat_server.py 8712 &     # a stand-in for a model; any server that speaks the chat API will do
```
"""
NAMES = {
    "chat": "a server that speaks the OpenAI chat API",
    "office": "the office's HTTP API (`office.py`)",
    "mcp-server-filesystem": "`@modelcontextprotocol/server-filesystem`",
    "mcp-server-everything": "`@modelcontextprotocol/server-everything`",
    "mcp-server-memory": "`@modelcontextprotocol/server-memory`",
    "mcp-server-git": "`mcp-server-git`",
    "mcp-server-time": "`mcp-server-time`",
}


def page() -> str:
    """The whole page."""
    found = sorted(path.parent for path in EXAMPLES.glob("*/example.json"))
    return "\n".join([INTRODUCTION, *(_example(folder) for folder in found)])


def _example(folder: Path) -> str:
    facts: dict[str, Any] = json.loads((folder / "example.json").read_text(encoding="utf-8"))
    flow = folder / f"{folder.name}.flow"
    about = flow.read_text(encoding="utf-8").splitlines()[0].removeprefix("## ")
    target = f"{flow.name}#{facts['workflow']}" if "workflow" in facts else flow.name
    inputs = [f"-i {shlex.quote(f'{name}={_text(value)}')}" for name, value in facts.get("inputs", {}).items()]
    needs = ", ".join(NAMES[need] for need in facts.get("needs", [])) or "nothing"
    plan = compile_target(str(folder / target), None).plan
    assert plan is not None, f"{flow} passes the gate"
    commands = [f"cd examples/{folder.name}", *facts.get("setup", []), " ".join(["headgate run", target, *inputs])]
    script = "\n".join(commands)
    return f"""\
## [{folder.name}]({folder.name}/{flow.name})

{about} Needs {needs}.

```sh
{script}
```

```mermaid
{graph_mermaid(picture(plan))}```
"""


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
