"""A server that changes its tools: what `lock`, `lock --check` and `check --online` say before and after."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from headgate.api.asking import Listener, ask
from headgate.api.checking import check
from headgate.api.locking import lock
from headgate.api.place import Place
from headgate.api.surroundings import Options
from headgate.diagnostics import Diagnostic, Severity
from headgate.plan import JsonObject
from headgate.workspace import FILE_NAME, load

BAD = Path(__file__).parent / "servers" / "bad_mcp.py"
FLOW = """\
workflow refund {
  input charge: string
  step pay = mcp shop.create_refund { args = { charge = {{ inputs.charge }} } }
}
"""
BEFORE: JsonObject = {"type": "object", "properties": {"charge": {"type": "string"}}, "required": ["charge"]}
AFTER: JsonObject = {
    "type": "object",
    "properties": {"charge": {"type": "string"}, "currency": {"type": "string"}},
    "required": ["charge", "currency"],
}


class Shop:
    """A workspace with one server, whose tools are what its file says at the moment."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.instance("shop", "tools", str(folder / "tools.json"))
        (folder / "refund.flow").write_text(FLOW)
        self.says(BEFORE)

    def instance(self, name: str, *arguments: str, more: str = "") -> None:
        with (self.folder / FILE_NAME).open("a") as file:
            file.write(f"[instances.{name}]\ncommand = {json.dumps([sys.executable, str(BAD), *arguments])}\n{more}\n")

    def says(self, schema: JsonObject, annotations: JsonObject | None = None) -> None:
        tool: JsonObject = {"name": "create_refund", "inputSchema": schema, "annotations": annotations}
        (self.folder / "tools.json").write_text(json.dumps([tool]))

    def lock(self, *, compare: bool = False) -> tuple[int, tuple[str, ...]]:
        report = lock(Place(self.folder), compare=compare)
        return report.exit_code, report.differences

    def check(self, *, online: bool = True) -> list[Diagnostic]:
        report = check(["refund.flow"], Options(start=self.folder, today="2026-11-20", online=online))
        assert report.faults == ()
        return [one for one in report.files[0].diagnostics if one.code in ("HG306", "HG904")]


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    made = Shop(tmp_path)
    assert made.lock()[0] == 0
    return made


def test_a_server_that_says_what_is_locked_has_not_drifted(shop: Shop) -> None:
    assert shop.lock(compare=True) == (0, ())
    assert shop.check() == []


def test_what_changed_is_told_at_the_step_with_what_it_means_for_the_call(shop: Shop) -> None:
    shop.says(AFTER, {"destructiveHint": True})
    code, differences = shop.lock(compare=True)
    assert code == 1
    assert differences == ("the tool `shop.create_refund` has another `inputSchema`, `annotations`",)
    (found,) = shop.check()
    assert (found.code, found.severity) == ("HG306", Severity.WARNING)
    assert FLOW[found.span.start : found.span.end] == "create_refund"
    assert "`currency` is now required, and this call does not give it" in found.message
    assert "`destructiveHint` is now true" in found.help


def test_without_online_nobody_is_asked(shop: Shop) -> None:
    shop.says(AFTER)
    assert shop.check(online=False) == []


def test_a_new_lock_ends_the_drift(shop: Shop) -> None:
    shop.says(AFTER)
    assert shop.lock()[0] == 0
    assert shop.check() == []


def test_a_server_that_does_not_answer_leaves_the_rule_unchecked(shop: Shop) -> None:
    (shop.folder / FILE_NAME).unlink()
    shop.instance("shop", "exit")
    (found,) = shop.check()
    assert found.code == "HG904"
    assert found.message == (
        "`HG306` schema-drift was not checked: the MCP server `shop` ended before it answered: cannot read config.json"
    )


def test_a_server_that_no_step_calls_is_not_asked(shop: Shop) -> None:
    shop.instance("other", "exit")
    assert shop.check() == []


def test_an_inactive_instance_is_not_asked(shop: Shop) -> None:
    (shop.folder / FILE_NAME).unlink()
    shop.instance("shop", "exit", more='profile = "inactive"')
    (found,) = shop.check()
    assert found.message.endswith("the instance `shop` is inactive and was not asked")


def test_who_keeps_others_waiting_is_named_while_they_wait(shop: Shop) -> None:
    shop.instance("slow", "hang")
    workspace, faults = load(shop.folder / FILE_NAME)
    assert faults == []
    waited: list[Sequence[str]] = []
    listener = Listener(waiting=waited.append, patience=0.6)
    answers = asyncio.run(ask(workspace, list(workspace.instances.values()), listener, seconds=1.5))
    assert [answer.tools is None for answer in answers] == [False, True]
    assert waited[-1] == ("slow",)
