"""What a check imports, and how its work grows with the text."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from gate_cases import gate

HEAVY = (
    *("jsonschema", "networkx", "lupa", "httpx", "asyncio", "jinja2", "lark", "click", "cronsim", "sqlite3", "openai"),
    *(
        "mcp",
        "rich",
        "rfc8785",
        "hashlib",
        "logging",
        "datetime",
        "importlib.metadata",
        "difflib",
        "inspect",
        "dataclasses",
    ),
)
PLAIN = """\
workflow plain {
  input x: integer = 1
  step a = http GET "https://example.com"
  step b = set after a { y = {{ inputs.x }} }
}
"""
NEEDS = {
    "networkx": "workflow w {\n  step a = set after b { x = 1 }\n  step b = set after a { x = 1 }\n}\n",
    "lupa": "workflow w {\n  step a = lua ```lua\n    return {}\n  ```\n}\n",
    "difflib": "workflow w {\n  step a = sett { x = 1 }\n}\n",
    "importlib.metadata": "workflow w {\n  step a = nothing_like_it { x = 1 }\n}\n",
    "zoneinfo": """\
workflow w {
  trigger t = schedule "0 9 * * *" { timezone = "Europe/Berlin" }
  step a = set { x = 1 }
}
""",
}
PROGRAM = """
import sys
from pathlib import Path
from headgate.api.checking import check
from headgate.api.surroundings import Options
check(sys.argv[1:], Options(start=Path(sys.argv[1]).parent, today="2026-11-20"))
import json
print(json.dumps(sorted(sys.modules)))
"""


def imported_by_checking(folder: Path, text: str) -> set[str]:
    path = folder / "a.flow"
    path.write_text(text)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(path)], check=True, capture_output=True, text=True, cwd=folder
    )
    return set(json.loads(done.stdout))


def test_a_check_of_plain_steps_imports_nothing_heavy(tmp_path: Path) -> None:
    imported = imported_by_checking(tmp_path, PLAIN)
    assert {name for name in imported if name in HEAVY} == set()
    assert not {name for name in imported if name.startswith("headgate.runtime")}


@pytest.mark.parametrize("module", NEEDS)
def test_what_is_heavy_comes_with_what_needs_it(tmp_path: Path, module: str) -> None:
    assert module not in imported_by_checking(tmp_path, PLAIN)
    assert module in imported_by_checking(tmp_path, NEEDS[module])


def chain(length: int) -> str:
    """Steps in a row, some with cases, templates, retries and an approval in them."""
    lines = ["workflow long {", "  deadline = 900d", "  input x: integer = 1", "  step s0 = set { v = {{ inputs.x }} }"]
    for number in range(1, length):
        before = f"s{number - 1}"
        if number % 3 == 0:
            lines.append(f'  step s{number} = http GET "https://example.com/{number}" after {before} {{ retry = 2 }}')
        elif number % 3 == 1:
            lines.append(f"  step s{number} = set after {before} {{ v = {{{{ steps.{before}.status }}}} }}")
        else:
            lines.append(f'  step s{number} = human approval after {before} {{ title = "Go on?" }}')
    return "\n".join([*lines, "}"]) + "\n"


def calls_of_a_check(length: int) -> int:
    """How many Python functions one check calls: a measure that no other process disturbs."""
    text = chain(length)
    assert gate(text).diagnostics == ()
    calls = 0

    def count(frame: object, event: str, argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    sys.setprofile(count)
    try:
        gate(text)
    finally:
        sys.setprofile(None)
    return calls


def test_twice_the_text_is_twice_the_work() -> None:
    assert calls_of_a_check(600) < 2.3 * calls_of_a_check(300)
