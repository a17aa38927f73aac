"""Each and repeat: items, rounds, limits, failures inside, and what goes on after a failure."""

from __future__ import annotations

from typing import Any

import pytest
from memory_runs import START, MemoryRun, error, human, plan, step

from headgate.plan import Json, PlanStep
from headgate.runtime.decider import derive, next_wake


def each(
    *body: PlanStep,
    over: Json = "{{ inputs.items }}",
    name: str = "loop",
    given: dict[str, Any] | None = None,
    **config: Json,
) -> PlanStep:
    kept: dict[str, Json] = {"over": over, "as": "x", "limit": 500, "concurrency": 10, "on_item_failure": "fail"}
    return step(name, "each", config={**kept, **config}, body=list(body), **(given or {}))


def repeat(*body: PlanStep, **config: Json) -> PlanStep:
    return step("loop", "repeat", config={"max": 5, "on_max": "fail", **config}, body=list(body))


def bad_items(*bad: int):
    def world(path: str, attempt: int, shown: Json):
        return error() if any(path.startswith(f"loop.{index}.") for index in bad) else {"path": path}

    return world


def test_each_runs_its_steps_for_every_item_and_adds_the_results_up_in_order():
    body = (
        step("one", config={"v": "{{ x }}", "at": "{{ index }}"}),
        step("two", "set", "one", config={"w": "{{ steps.one.input.v * 2 }}"}),
    )
    run = MemoryRun(plan(each(*body)), {}, {"items": [3, 4]}).drive()
    assert run["loop.1.one"].input == {"v": 4, "at": 1}
    assert run["loop"].result == {
        "count": 2,
        "succeeded": 2,
        "failed": 0,
        "results": [
            {"index": 0, "status": "completed", "result": {"one": {}, "two": {"w": 6}}, "error": None},
            {"index": 1, "status": "completed", "result": {"one": {}, "two": {"w": 8}}, "error": None},
        ],
    }


def test_no_more_items_are_open_than_the_loops_concurrency():
    run = MemoryRun(plan(each(step("s"), concurrency=2)), None, {"items": [1, 2, 3, 4]})
    run.drive()
    assert list(run.state.in_flight) == ["loop.0.s", "loop.1.s"]
    run.end("loop.1.s", 1, {})
    run.drive()
    assert list(run.state.in_flight) == ["loop.0.s", "loop.2.s"]


def test_an_empty_list_completes_at_once():
    run = MemoryRun(plan(each(step("s"))), {}, {"items": []}).drive()
    assert run["loop"].result == {"count": 0, "succeeded": 0, "failed": 0, "results": []}


def test_over_the_limit_the_loop_fails_and_nothing_is_cut_off():
    run = MemoryRun(plan(each(step("s"), limit=2)), {}, {"items": [1, 2, 3]}).drive()
    assert (run.phase, run.state.failure_code, run.performed) == ("failed", "LIMIT_EXCEEDED", [])


def test_what_is_no_list_fails_the_loop():
    assert MemoryRun(plan(each(step("s"))), {}, {"items": "abc"}).drive().state.failure_code == "TEMPLATE_FAILED"


def test_a_failed_item_stops_new_ones_lets_running_ones_finish_and_fails_the_loop():
    run = MemoryRun(plan(each(step("s"), step("t", "noop", "s"), concurrency=2)), None, {"items": [1, 2, 3]})
    run.drive()
    run.end("loop.0.s", 1, error())
    run.drive()
    assert run.phase == "active"
    run.world = bad_items()
    run.end("loop.1.s", 1, {})
    run.drive()
    assert run.statuses["loop.1.t"] == "completed"
    assert "loop.2.s" not in run.statuses
    assert (run.phase, run.state.failed_step, run.state.failure_code) == ("failed", "loop", "MCP_TOOL_FAILED")
    assert run.state.failure_message == "it broke"


def test_failed_items_are_counted_when_the_loop_goes_on():
    run = MemoryRun(plan(each(step("s"), on_item_failure="continue")), bad_items(1), {"items": [1, 2, 3]}).drive()
    result = run["loop"].result
    assert (result["succeeded"], result["failed"]) == (2, 1)
    assert result["results"][1]["error"]["code"] == "MCP_TOOL_FAILED"
    assert [each["status"] for each in result["results"]] == ["completed", "failed", "completed"]
    assert (run.phase, run.state.outcome) == ("completed", "with_failures")


def test_a_failed_item_may_hold_the_run_at_the_nested_step():
    run = MemoryRun(plan(each(step("s"), on_item_failure="pause")), bad_items(1), {"items": [1, 2]}).drive()
    assert derive(run.state) == ("paused", "step_failed: loop.1.s")
    run.world = bad_items()
    run.ask("retry", "loop.1.s")
    assert (run.phase, run["loop"].result["failed"], run.state.outcome) == ("completed", 0, "clean")


def test_a_nested_handler_comes_before_the_loops_policy():
    body = (step("s"), step("h", "set", "failed s", config={"of": "{{ failure.step }}"}))
    run = MemoryRun(plan(each(*body)), bad_items(0), {"items": [1]}).drive()
    assert (run.phase, run.state.outcome, run["loop"].result["failed"]) == ("completed", "with_failures", 0)
    assert run["loop.0.h"].result == {"of": "loop.0.s"}


def test_the_loops_own_policy_decides_last_and_a_retry_keeps_the_items_that_completed():
    made = plan(each(step("s"), step("t", "noop", "s"), concurrency=1), on_failure="pause")
    run = MemoryRun(made, bad_items(1), {"items": [1, 2, 3]}).drive()
    assert derive(run.state) == ("paused", "step_failed: loop")
    run.world = bad_items()
    run.ask("retry", "loop")
    assert run.phase == "completed"
    assert [path for path, _ in run.performed] == [
        "loop.0.s",
        "loop.0.t",
        "loop.1.s",
        "loop.1.s",
        "loop.1.t",
        "loop.2.s",
        "loop.2.t",
    ]
    assert run["loop.1.s"].attempts == 2


def test_a_redrive_keeps_the_items_that_completed_and_the_recorded_list():
    made = plan(each(step("s"), concurrency=1), step("after", "noop", "loop"))
    run = MemoryRun(made, bad_items(1), {"items": [1, 2, 3]}).drive()
    assert run.phase == "failed"
    run.world = bad_items()
    run.ask("redrive")
    assert (run.phase, run.state.epoch, run.state.outcome) == ("completed", 1, "clean")
    assert run.performed == [("loop.0.s", 1), ("loop.1.s", 1), ("loop.1.s", 2), ("loop.2.s", 1), ("after", 1)]


def test_a_redrive_from_the_loop_starts_it_over():
    run = MemoryRun(plan(each(step("s"))), bad_items(), {"items": [1]}).drive()
    assert run.ask("redrive").code == "ALREADY_COMPLETED"
    failed = MemoryRun(plan(each(step("s")), step("b", "noop", "loop")), {"b": error()}, {"items": [1]}).drive()
    failed.ask("redrive", "loop")
    assert failed.performed == [("loop.0.s", 1), ("b", 1), ("loop.0.s", 2), ("b", 2)]


def test_loops_nest_and_see_the_names_around_them():
    inner = step(
        "inner",
        "each",
        config={"over": "{{ x.ys }}", "as": "y"},
        body=[step("s", "set", config={"v": "{{ x.n ~ y }}", "i": "{{ index }}"})],
    )
    run = MemoryRun(plan(each(inner)), {}, {"items": [{"n": 1, "ys": ["a", "b"]}, {"n": 2, "ys": []}]}).drive()
    assert run["loop.0.inner.1.s"].result == {"v": "1b", "i": 1}
    assert run["loop"].result["results"][1]["result"]["inner"]["count"] == 0


def test_a_body_sees_steps_outside_its_loop():
    made = plan(
        step("a", "set", config={"k": 5}),
        each(step("s", "set", config={"v": "{{ steps.a.result.k + x }}"}), given={}, over=[1])._replace(
            edges=plan(step("a"), step("b", "noop", "a")).steps["b"].edges
        ),
    )
    assert MemoryRun(made).drive()["loop.0.s"].result == {"v": 6}


def test_a_run_whose_items_all_wait_is_waiting():
    run = MemoryRun(plan(each(human("ask"))), None, {"items": [1, 2]}).drive()
    assert derive(run.state) == ("waiting", "approval")
    run.ask("approve", "loop.0.ask")
    run.ask("approve", "loop.1.ask")
    assert run.phase == "completed"


def test_repeat_until_is_tested_after_a_round_and_sees_the_bodys_steps():
    body = step("n", "set", config={"v": "{{ iteration }}", "was": "{{ previous.n.v | default(none) }}"})
    run = MemoryRun(plan(repeat(body, until="{{ steps.n.result.v == 2 }}"))).drive()
    assert run["loop"].result == {"iterations": 3, "stopped": "until", "last": {"n": {"v": 2, "was": 1}}}
    assert run["loop.0.n"].result == {"v": 0, "was": None}


def test_repeat_while_is_tested_before_a_round():
    body = step("n", "set", config={"v": "{{ iteration }}"})
    run = MemoryRun(plan(repeat(body, **{"while": "{{ iteration < 2 }}"}))).drive()
    assert run["loop"].result["iterations"] == 2
    assert run["loop"].result["stopped"] == "while"
    never = MemoryRun(plan(repeat(body, **{"while": "{{ false }}"}))).drive()
    assert never["loop"].result == {"iterations": 0, "stopped": "while", "last": {}}


def test_repeat_while_may_look_at_the_round_before():
    body = step("n", "set", config={"v": "{{ iteration }}"})
    condition = "{{ (steps.n.result.v | default(0)) < 3 }}"
    assert MemoryRun(plan(repeat(body, **{"while": condition}))).drive()["loop"].result["iterations"] == 4


@pytest.mark.parametrize("condition", [{"until": "{{ false }}"}, {"while": "{{ true }}"}, {}])
def test_at_its_max_a_repeat_fails_unless_it_may_go_on(condition):
    body = step("n", "set", config={"v": 1})
    run = MemoryRun(plan(repeat(body, **condition, max=3))).drive()
    assert (run.phase, run.state.failure_code) == ("failed", "LIMIT_EXCEEDED")
    ok = MemoryRun(plan(repeat(body, **condition, max=3, on_max="continue"))).drive()
    assert (ok["loop"].result["iterations"], ok["loop"].result["stopped"]) == (3, "max")


def test_while_that_ends_exactly_at_the_max_is_no_failure():
    body = step("n", "set", config={"v": 1})
    run = MemoryRun(plan(repeat(body, max=3, **{"while": "{{ iteration < 3 }}"}))).drive()
    assert run["loop"].result["iterations"] == 3


def test_rounds_start_no_closer_than_every():
    body = step("n", "set", config={"v": "{{ iteration }}"})
    run = MemoryRun(plan(repeat(body, until="{{ steps.n.result.v == 1 }}", every=10_000))).drive()
    assert derive(run.state) == ("waiting", "timer")
    assert next_wake(run.state) == START + 10_000
    assert run.wait().phase == "completed"


def test_a_condition_that_reads_a_step_that_did_not_run_fails_the_loop():
    body = step("n", "set", when="{{ false }}", config={"v": 1})
    run = MemoryRun(plan(repeat(body, until="{{ steps.n.result.v == 1 }}"))).drive()
    assert (run.phase, run.state.failure_code) == ("failed", "TEMPLATE_FAILED")


def test_a_failed_round_fails_the_loop_and_a_retry_goes_on_in_that_round():
    calls: list[str] = []

    def world(path: str, attempt: int, shown: Json):
        calls.append(path)
        return error() if path == "loop.1.s" and attempt == 1 else {}

    made = plan(repeat(step("s"), until="{{ iteration == 2 }}"), on_failure="pause")
    run = MemoryRun(made, world).drive()
    assert derive(run.state) == ("paused", "step_failed: loop")
    run.ask("retry", "loop")
    assert calls == ["loop.0.s", "loop.1.s", "loop.1.s", "loop.2.s"]
    assert run["loop"].result["iterations"] == 3


def test_a_finish_inside_a_loop_ends_the_run():
    body = (step("s", "set", config={"v": 1}), step("end", "finish", "s", config={"output": {"x": "{{ x }}"}}))
    run = MemoryRun(plan(each(*body, concurrency=1), step("b", "noop", "loop")), {}, {"items": [7, 8]}).drive()
    assert (run.phase, run.state.output) == ("completed", {"x": 7})
    assert run.statuses["loop"] == "cancelled"
    assert run.statuses["b"] == "skipped branch_not_taken"


def test_a_loop_with_a_body_of_nothing_completes():
    run = MemoryRun(plan(each()), {}, {"items": list(range(400))}).drive()
    assert run["loop"].result["count"] == 400


def test_force_advancing_a_loop_closes_what_is_open_in_it():
    run = MemoryRun(plan(each(step("s")), step("b", "delay", "loop", config={"for": 10})), None, {"items": [1, 2]})
    run.drive()
    run.ask("force_advance", "loop", reason="stuck")
    assert run.state.in_flight == {}
    run.wait()
    assert (run.phase, run.state.outcome) == ("completed", "forced")
    assert run.statuses["loop"] == "skipped forced"
    assert run.statuses["loop.0.s"] == "cancelled"
    assert run.aborted == [("loop.0.s", 1), ("loop.1.s", 1)]


def test_a_run_that_fails_opens_no_further_item():
    run = MemoryRun(plan(each(step("s"), concurrency=1), step("bad")), None, {"items": [1, 2, 3]})
    run.drive()
    run.end("bad", 1, error())
    run.drive()
    assert run.statuses == {"loop": "cancelled", "loop.0.s": "cancelled", "bad": "failed"}


def test_an_item_that_completes_while_the_run_is_cancelled_opens_no_further_one():
    run = MemoryRun(plan(each(step("s"), concurrency=1)), None, {"items": [1, 2]})
    run.drive()
    run.ask("cancel")
    run.end("loop.0.s", 1, {})
    run.drive()
    assert run.phase == "cancelled"
    assert run.statuses == {"loop": "cancelled", "loop.0.s": "completed"}
