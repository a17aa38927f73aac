"""How a run is said to have ended."""

from __future__ import annotations

from memory_runs import MemoryRun, error, human, plan, step

from headgate.render.runs_text import next_commands, run_text
from headgate.runtime.view import run_view


def said(run: MemoryRun) -> list[str]:
    text = run_text(run_view(run.state), 0, width=None, colour=False)
    return [line for line in text.splitlines() if ": " in line and "  " not in line]


def test_a_stopped_run_is_cancelled_and_the_reason_is_said():
    run = MemoryRun(plan(human("ask"))).drive()
    run.ask("stop", now=True)
    assert said(run) == ["cancelled: RUN_STOPPED: a person stopped the run"]


def test_a_failed_run_names_its_step_and_what_it_said():
    run = MemoryRun(plan(step("a")), {"a": error()}).drive()
    assert said(run) == ["failed at `a`: MCP_TOOL_FAILED: it broke"]


def test_who_waits_for_another_run_is_told_where_to_look():
    made = plan(step("sub", "call", config={"workflow": "child", "inputs": {}, "detach": False}))
    run = MemoryRun(made).drive()
    assert run_view(run.state).detail == "subrun"
    assert list(next_commands(run_view(run.state))) == ["headgate why R"]
    assert list(next_commands(run_view(MemoryRun(plan(step("a"))).state))) == ["headgate why R"], "it is queued"
