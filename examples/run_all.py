"""Check and run every example against real servers, and compare what comes out: `python -m examples.run_all [NAME...]`.

Each folder's `example.json` says what the example needs, its inputs, who approves what, and what must come of it.
Examples are copied before they run. The MCP servers must be on the PATH; the office and the model are started here.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from examples.office import PORT, office
from tests.servers.chat_server import chat_server

HERE = Path(__file__).parent
CHAT_PORT = 8712
AT_REST = 5


class Differs(Exception):  # noqa: N818 - it says what differs
    """An example did not do what its `example.json` says."""


def names() -> list[str]:
    """The folders that hold an example."""
    return sorted(path.parent.name for path in HERE.glob("*/example.json"))


def missing(name: str) -> list[str]:
    """The servers that an example needs and that are not installed here."""
    needs = _facts(name).get("needs", [])
    return [need for need in needs if need not in {"chat", "office"} and shutil.which(need) is None]


def run(name: str) -> str:
    """Check and run one example; returns a line that says what came of it. Raises `Differs`."""
    facts = _facts(name)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=f"headgate-{name}-"))) / name
        shutil.copytree(HERE / name, folder, ignore=shutil.ignore_patterns(".headgate", "example.json"))
        ports = {
            PORT: stack.enter_context(office()).server_address[1],
            CHAT_PORT: stack.enter_context(chat_server()).server_address[1],
        }
        for file in (*folder.glob("*.flow"), folder / "headgate.toml"):
            _rewrite(file, ports)
        for command in facts.get("setup", []):
            subprocess.run(["bash", "-c", command], cwd=folder, check=True)
        return _play(name, facts, folder)


def _play(name: str, facts: dict[str, Any], folder: Path) -> str:
    flow = f"{name}.flow"
    _headgate(folder, 0, "fmt", "--check")
    _headgate(folder, 0, "check", "--strict")
    target = f"{flow}#{facts['workflow']}" if "workflow" in facts else flow
    (folder / "inputs.json").write_text(json.dumps(facts.get("inputs", {})), encoding="utf-8")
    approvals = dict(facts.get("approve", {}))
    view = _headgate(folder, AT_REST if approvals else 0, "run", target, "--inputs", "inputs.json")
    while approvals:
        (step, actor), *others = approvals.items()
        approvals = dict(others)
        code = AT_REST if approvals else 0
        view = _headgate(folder, code, "approve", view["run"], step, "--as", actor)
    _compare("status", view["status"], "completed")
    _compare("outcome", view["outcome"], facts.get("outcome", "clean"))
    _compare("output", view["output"], facts["output"])
    for path, words in facts.get("files", {}).items():
        text = (folder / path).read_text(encoding="utf-8")
        if words not in text:
            raise Differs(f"{path} does not hold {words!r}: {text!r}")
    return f"{name}: {view['status']} ({view['outcome']}), {len(view['steps'])} steps"


def _headgate(folder: Path, code: int, *arguments: str) -> Any:
    """What a command line prints as JSON; it must exit with `code`."""
    command = [sys.executable, "-m", "headgate", *arguments, "--format", "json"]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("HEADGATE_")}
    done = subprocess.run(
        command, cwd=folder, env={**environment, "LLM_KEY": "none"}, capture_output=True, text=True, check=False
    )
    if done.returncode != code:
        raise Differs(
            f"`headgate {' '.join(arguments)}` exits {done.returncode}, not {code}:\n{done.stdout}{done.stderr}"
        )
    return json.loads(done.stdout)


def _compare(what: str, found: object, expected: object) -> None:
    if found != expected:
        raise Differs(f"{what} is {json.dumps(found)}, not {json.dumps(expected)}")


def _rewrite(file: Path, ports: dict[int, int]) -> None:
    text = file.read_text(encoding="utf-8")
    for written, real in ports.items():
        text = text.replace(f"127.0.0.1:{written}", f"127.0.0.1:{real}")
    file.write_text(text, encoding="utf-8")


def _facts(name: str) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads((HERE / name / "example.json").read_text(encoding="utf-8"))
    return facts


def _reports(chosen: list[str]) -> Iterator[tuple[bool, str]]:
    for name in chosen:
        lacking = missing(name)
        if lacking:
            yield False, f"{name}: needs {', '.join(lacking)} on the PATH"
            continue
        try:
            yield True, run(name)
        except Differs as difference:
            yield False, f"{name}: {difference}"


def main(arguments: list[str]) -> int:
    """Run the named examples, or all; returns 0 when each did what it says."""
    chosen = arguments or names()
    failed = 0
    for good, line in _reports(chosen):
        print(("ok    " if good else "FAILED ") + line, flush=True)
        failed += not good
    print(f"{len(chosen) - failed} of {len(chosen)} examples did what they say")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
