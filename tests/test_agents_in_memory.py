"""Agents: rounds, tool calls that are made once, limits, doubt, and what holds stop; decided in memory."""

from __future__ import annotations

from typing import Any

import pytest
from memory_runs import MemoryRun, error, plan, step

from headgate.plan import Json, JsonObject
from headgate.runtime.commands import Record
from headgate.runtime.decider import Refusal, derive
from headgate.runtime.errors import StepError
from headgate.runtime.events import EventType
from headgate.runtime.view import run_view

ASK = {"agent": "clerk"}


def call(name: str, in_doubt: str = "retry") -> JsonObject:
    return {"id": f"c-{name}", "name": name, "tool": f"shop.{name}", "arguments": {}, "in_doubt": in_doubt}


class Agent(MemoryRun):
    """A run of one agent whose model answers as its `turns` say: tool calls, an answer, or an error.

    `tools` says what calls come to; a tool that is not in it answers `ok`, None leaves the call out.
    """

    def __init__(self, turns: list[Any], tools: dict[str, Any] | None = None, **given: Any) -> None:
        config = {**ASK, **given.pop("config", {})}
        one = step("work", "agent", config=config, **{"in_doubt": "hold", "reversibility": "unknown", **given})
        self.turns, self.tools, self.called = turns, tools or {}, []
        super().__init__(plan(one, step("next", "set", "work", config={"x": 1})), world=lambda *_: None)
        self.verify = True

    def end(self, path: str, attempt: int, outcome: Json | StepError) -> None:
        if path != "work":
            return super().end(path, attempt, outcome)
        talk = self["work"].talk
        assert talk is not None
        pending = talk.pending()
        if pending is None:
            return self._answer(attempt, len(talk.rounds) + 1)
        self.called.append(pending["name"])
        result = self.tools.get(str(pending["name"]), "ok")
        if result is None:
            return None
        if isinstance(result, StepError):
            return super().end(path, attempt, result)
        data = {"attempt": attempt, "round": len(talk.rounds), "call": pending["id"], "tool": pending["tool"]}
        return self.append(Record(EventType.TOOL_RETURNED, {**data, "result": result}, "work"))

    def _answer(self, attempt: int, number: int) -> None:
        turn = self.turns.pop(0)
        if turn is None:
            return None
        if isinstance(turn, StepError):
            return super().end("work", attempt, turn)
        usage = {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15}
        data: JsonObject = {"attempt": attempt, "round": number, "usage": usage, "cost": 0.25}
        if isinstance(turn, str):
            data["result"] = {"text": turn, "data": None, "rounds": number, "usage": usage}
        else:
            data["calls"] = turn
        return self.append(Record(EventType.AGENT_ANSWERED, data, "work"))

    def lose(self) -> Agent:
        """The process that drove the run died."""
        for path, attempt in list(self.state.in_flight.items()):
            self.append(Record(EventType.ATTEMPT_LOST, {"attempt": attempt}, path))
        self.drive()
        return self


def kinds(run: MemoryRun) -> list[str]:
    return [str(event.type) for event in run.events if event.step == "work"]


def test_rounds_go_on_until_the_model_answers_and_every_piece_is_an_event() -> None:
    run = Agent([[call("a"), call("b")], [call("c")], "done"])
    run.drive()
    assert (run.phase, run.called, run.statuses["work"]) == ("completed", ["a", "b", "c"], "completed")
    assert kinds(run) == [
        "step_dispatched",
        *("agent_answered", "tool_called", "tool_returned", "tool_called", "tool_returned", "agent_asked"),
        *("agent_answered", "tool_called", "tool_returned", "agent_asked", "agent_answered"),
    ]
    assert (run["work"].result["text"], run["work"].result["rounds"], run["work"].attempts) == ("done", 3, 1)


def test_a_call_of_what_cannot_be_called_is_answered_by_its_error() -> None:
    bad: JsonObject = {"id": "x", "name": "nope", "arguments": "{}", "error": "there is no tool `nope`"}
    run = Agent([[bad, call("a"), {**bad, "id": "y"}], [bad], "done"])
    run.drive()
    assert (run.phase, run.called) == ("completed", ["a"])
    rounds = run_view(run.state).steps["work"].rounds
    assert [[tool.error for tool in each.tools] for each in rounds] == [
        ["there is no tool `nope`", None, "there is no tool `nope`"],
        ["there is no tool `nope`"],
        [],
    ]


def test_the_round_limit_asks_people_and_a_yes_gives_as_many_rounds_again() -> None:
    turns: list[Any] = [[call("a")] for _ in range(5)]
    run = Agent([*turns, "done"], config={"max_rounds": 2})
    run.drive()
    assert (derive(run.state), len(run.called)) == (("waiting", "approval"), 2)
    asked = run.state.approvals["R-1"]
    assert (asked.title, asked.when) == ("Let `work` go on after 2 rounds?", "between")
    assert asked.input == {
        "rounds": 2,
        "usage": {"input_tokens": 20, "output_tokens": 10, "total_tokens": 30},
        "cost": 0.5,
        "last_called": ["a"],
    }
    run.ask("approve", "work")
    assert (derive(run.state), len(run.called), run["work"].attempts) == (("waiting", "approval"), 4, 1)
    run.ask("approve", "work")
    assert (run.phase, len(run.called)) == ("completed", 5)


def test_ten_rounds_are_the_limit_when_the_step_names_none() -> None:
    run = Agent([[call("a")] for _ in range(10)])
    run.drive()
    assert (len(run.called), run.state.approvals["R-1"].title) == (10, "Let `work` go on after 10 rounds?")


@pytest.mark.parametrize("how", ["deny", "expire"])
def test_an_agent_that_may_not_go_on_has_exceeded_its_limit(how: str) -> None:
    run = Agent([[call("a")]], config={"max_rounds": 1}, on_failure="pause")
    run.drive()
    if how == "deny":
        run.ask("deny", "work", comment="it goes in circles")
        said = "`work` had no answer after 1 rounds, and ann denied that it goes on: it goes in circles"
    else:
        run.wait()
        said = "`work` had no answer after 1 rounds, and nobody let it go on in time"
    assert (run["work"].error.code, run["work"].error.message) == ("LIMIT_EXCEEDED", said)
    run.turns = [[call("b")], "done"]
    run.ask("retry", "work")
    assert derive(run.state) == ("waiting", "approval"), "a retry keeps the rounds, and asks again"
    run.ask("approve", "work")
    run.ask("approve", "work")
    assert (run.phase, run.called) == ("completed", ["a", "b"])


def test_a_cost_that_is_reached_stops_the_agent_before_its_tools_act() -> None:
    run = Agent([[call("a")], [call("b")], "done"], config={"max_cost": 0.5}, on_failure="pause")
    run.drive()
    assert run.called == ["a"]
    failed = run["work"].error
    assert (failed.code, failed.message) == (
        "LIMIT_EXCEEDED",
        "`work` has cost 0.5 USD, its `max_cost` is 0.5 USD; it went no further",
    )
    run.ask("retry", "work")
    assert (run["work"].status, run.called) == ("failed", ["a"])
    run.ask("retry", "work", edit={"max_cost": 5})
    assert (run.phase, run.called) == ("completed", ["a", "b"])


def test_an_answer_that_costs_the_last_of_it_still_counts() -> None:
    run = Agent(["done"], config={"max_cost": 0.1})
    run.drive()
    assert run.phase == "completed"


def test_a_pause_stops_an_agent_between_two_pieces_of_its_work() -> None:
    run = Agent([[call("a"), call("b")], "done"], tools={"a": None})
    run.drive()
    run.ask("pause")
    run.tools = {}
    run.end("work", 1, None)
    run.drive()
    assert (derive(run.state).status, run.called, run.statuses["work"]) == ("paused", ["a", "a"], "ready")
    run.ask("resume")
    assert (run.phase, run.called) == ("completed", ["a", "a", "b"])


def test_a_graceful_stop_lets_an_agent_finish_and_closes_what_it_would_wait_for() -> None:
    def stopped(turns: list[Any], **config: Json) -> Agent:
        run = Agent([[call("a"), call("b")], *turns], tools={"a": None}, config=config)
        run.drive()
        run.ask("stop", graceful=True)
        assert run.phase == "draining"
        run.tools = {}
        run.end("work", 1, None)
        run.drive()
        return run

    run = stopped(["done"])
    assert (run.phase, run.state.failure_code, run.called) == ("cancelled", "RUN_STOPPED", ["a", "a", "b"])
    assert (run.statuses["work"], run["work"].result["text"]) == ("completed", "done")
    waits = stopped([], max_rounds=1)
    assert (waits.phase, waits.statuses["work"], waits.called) == ("cancelled", "cancelled", ["a", "a", "b"])
    spent = stopped([[call("c")]], max_cost=0.5)
    assert (spent.phase, spent.called) == ("cancelled", ["a", "a", "b"])
    spent.turns = [["unused"]]
    spent.ask("redrive")
    assert (spent.phase, spent.state.failure_code) == ("failed", "LIMIT_EXCEEDED")


def test_an_agent_that_is_paused_between_two_pieces_is_not_out_when_its_run_is_stopped() -> None:
    run = Agent([[call("a"), call("b")], "done"], tools={"a": None})
    run.drive()
    run.ask("pause")
    run.tools = {}
    run.end("work", 1, None)
    run.drive()
    run.ask("stop", graceful=True)
    run.drive()
    assert (run.phase, run.statuses["work"], run.called) == ("cancelled", "cancelled", ["a", "a"])
    run.ask("redrive")
    assert (run.phase, run.called) == ("completed", ["a", "a", "b"])


def test_a_model_call_that_is_lost_is_made_again_and_what_returned_is_not() -> None:
    run = Agent([[call("a", "hold")], None, "done"])
    run.drive()
    run.lose()
    assert (run.phase, run.called, run["work"].attempts) == ("completed", ["a"], 2)


def test_a_lost_call_of_a_harmless_tool_is_made_again() -> None:
    run = Agent([[call("a", "retry"), call("b", "hold")], "done"], tools={"a": None})
    run.drive()
    run.tools = {}
    run.lose()
    assert (run.phase, run.called) == ("completed", ["a", "a", "b"])


def test_a_lost_call_of_any_other_tool_is_in_doubt_and_a_person_says_whether_it_happened() -> None:
    def lost() -> Agent:
        run = Agent([[call("a", "retry"), call("pay", "hold")], "done"], tools={"pay": None})
        run.drive()
        run.tools = {}
        return run.lose()

    run = lost()
    assert derive(run.state) == ("paused", "in_doubt: work")
    run.ask("confirm", "work", done=True, output={"paid": 5})
    assert (run.phase, run.called) == ("completed", ["a", "pay"])
    assert run["work"].talk.rounds[0].results[1] == {"result": {"paid": 5}}
    untold = lost()
    untold.ask("confirm", "work", done=True)
    assert untold["work"].talk.rounds[0].results[1] == {"result": "It was done. What it returned is not known."}
    again = lost()
    again.ask("confirm", "work", done=False)
    assert (again.phase, again.called) == ("completed", ["a", "pay", "pay"])


def test_a_step_that_says_fail_fails_in_doubt() -> None:
    run = Agent([[call("pay", "hold")]], tools={"pay": None}, in_doubt="fail")
    run.drive()
    run.lose()
    assert (run.phase, run.state.failure_code) == ("failed", "EFFECT_IN_DOUBT")


def test_each_round_has_its_retries() -> None:
    from headgate.plan import Retry

    broken = error("transient", "LLM_REQUEST_FAILED")
    run = Agent([broken, [call("a")], broken, [call("b")], broken, "done"], retry=Retry(1, (1000,)))
    run.to_the_end()
    assert (run.phase, run.called, run["work"].attempts) == ("completed", ["a", "b"], 4)


def test_a_tool_that_cannot_be_reached_is_tried_again_without_asking_the_model() -> None:
    from headgate.plan import Retry

    run = Agent([[call("a")], "done"], tools={"a": error("transient", "DEPENDENCY_UNAVAILABLE")}, retry=Retry(1, (1,)))
    run.drive()
    assert run.statuses["work"] == "retrying"
    run.tools = {}
    run.wait()
    assert (run.phase, run.called) == ("completed", ["a", "a"])


def test_a_redrive_goes_on_where_the_rounds_ended_and_from_the_step_it_starts_over() -> None:
    run = Agent([[call("a")], error(code="LLM_REQUEST_FAILED")])
    run.drive()
    assert run.phase == "failed"
    run.turns = ["done"]
    run.ask("redrive")
    assert (run.phase, run.called, run["work"].result["rounds"]) == ("completed", ["a"], 2)
    over = Agent([[call("a")], error(code="LLM_REQUEST_FAILED")])
    over.drive()
    over.turns = [[call("a")], "done"]
    refused = over.ask("redrive", "work")
    assert not isinstance(refused, Refusal)
    assert (over.phase, over.called) == ("completed", ["a", "a"])


def test_cancelling_in_the_middle_of_a_call_and_redriving_needs_a_yes() -> None:
    run = Agent([[call("pay", "hold")], "done"], tools={"pay": None})
    run.drive()
    run.ask("cancel")
    run.attempt_cancelled("work", 1)
    run.drive()
    assert run.phase == "cancelled"
    run.tools = {}
    assert isinstance(run.ask("redrive"), Refusal)
    run.ask("redrive", yes=True)
    assert (run.phase, run.called) == ("completed", ["pay", "pay"])


def test_what_comes_late_changes_nothing() -> None:
    run = Agent([None])
    run.drive()
    run.ask("cancel")
    run.attempt_cancelled("work", 1)
    run.drive()
    before = run["work"].talk.rounds
    usage = {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}
    run.append(Record(EventType.AGENT_ANSWERED, {"attempt": 1, "round": 1, "calls": [], "usage": usage}, "work"))
    assert (run["work"].talk.rounds, run.statuses["work"]) == (before, "cancelled")
