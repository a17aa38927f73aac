"""How a rule's case file is read.

`tests/cases/rules/<rule with underscores>.flow` holds workflows, and beside each line that must be found the codes:

    step x = foo  #! HG006
    step y = mcp  #! HG402, HG111

`#!v HG903` on a line of its own expects the code on the next line.

Every finding of the rule that the file is named after must be expected on its line, and every expected code must be
found there. Workflows whose name starts with `fires` must have a finding of the rule, those that start with `silent`
none. Notes of other rules need not be expected. A comment block at the top may hold the workspace, the lock and the
name of an environment, between fences of the comment:

    #!toml
    # [instances.stripe]
    # server_url = "https://mcp.stripe.com"
    #!lock
    # {"version": 1, ...}
    #!live
    # {"version": 1, ...}
    #!env
    # prod
    #!end

`live` is the lock that the servers would give now: with it, the gate is asked as by `--online`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from headgate.source import Source
from headgate.validators.gate import Examined, Setting, examine
from headgate.validators.rule import Live
from headgate.validators.selection import Selection
from headgate.workspace import EMPTY, Answer, Lock, for_environment, parse, parse_lock

CASES = Path(__file__).parent.parent / "cases" / "rules"
TODAY = "2026-11-20"
EVERYTHING = Selection()
_EXPECTATION = re.compile(r"#!(?P<below>v?) (?P<codes>HG\d{3}(?:, HG\d{3})*)")


class Case(NamedTuple):
    path: Path
    text: str
    toml: str
    lock: str
    environment: str | None
    live: str

    @property
    def rule(self) -> str:
        return self.path.stem.replace("_", "-")

    @property
    def expected(self) -> list[tuple[int, str]]:
        """Line and code, each as often as it is expected."""
        return sorted(
            (number + len(match["below"]), code)
            for number, line in enumerate(self.text.split("\n"), 1)
            if (match := _EXPECTATION.search(line))
            for code in match["codes"].split(", ")
        )


def read(path: Path) -> Case:
    text = path.read_text(encoding="utf-8")
    parts: dict[str, list[str]] = {"toml": [], "lock": [], "live": [], "env": []}
    section = ""
    for line in text.split("\n"):
        if line.startswith("#!"):
            section = line[2:].strip()
            if section == "end":
                break
        elif section in parts:
            parts[section].append(line.removeprefix("#").removeprefix(" "))
    toml, lock, live = ("\n".join(parts[name]) for name in ("toml", "lock", "live"))
    return Case(path, text, toml, lock, "".join(parts["env"]).strip() or None, live)


def gate(
    text: str,
    toml: str = "",
    lock: str = "",
    environment: str | None = None,
    selection: Selection = EVERYTHING,
    live: str = "",
) -> Examined:
    """The gate's answer for a text with a workspace, a lock and what servers say now, all given as text."""
    workspace, faults = parse(toml, Path("/workspace")) if toml else (EMPTY, [])
    assert not faults, f"the case's own workspace is wrong: {faults}"
    if environment is not None:
        workspace = for_environment(workspace, environment)
    setting = Setting(workspace, parse_lock(lock.encode()) if lock.strip() else None, environment, TODAY, selection)
    if live.strip():
        setting = setting._replace(live=_servers(parse_lock(live.encode())))
    return examine(Source("case.flow", text), setting)


def gate_of(case: Case, text: str | None = None) -> Examined:
    """The gate's answer for a case, or for another text in its place."""
    return gate(case.text if text is None else text, case.toml, case.lock, case.environment, live=case.live)


def _servers(now: Lock) -> Live:
    """Servers that say what a lock holds; of others, that they do not answer."""

    def answers(names: tuple[str, ...]) -> Mapping[str, Answer]:
        silent = "the MCP server does not answer"
        return {name: Answer(now.instances[name]) if name in now.instances else Answer(None, silent) for name in names}

    return answers
