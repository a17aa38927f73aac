"""`headgate simulate`, as people call it: paths, times, costs and coverage on a virtual clock, with nothing called."""

import json
import re
import time
from pathlib import Path

import pytest
from command_line import headgate

ROOT = Path(__file__).parents[2]
WORKSPACE = """\
[project]
name = "shop"

[instances.stripe]
server_url = "http://127.0.0.1:1/mcp"

[models.fast]
base_url = "http://127.0.0.1:1/v1"
model    = "small"
price    = { input = 1.0, output = 2.0 }
"""
REFUND = """\
workflow refund {
  input order: string

  step charge = mcp stripe.get_charge {
    args          = { order = {{ inputs.order }} }
    reversibility = safe
  }

  step size = switch after charge {
    case {{ steps.charge.result.amount > 500 }} -> ask
    else -> small
  }

  step ask = human approval {
    title     = "Refund {{ steps.charge.result.amount }}?"
    assignees = ["finance"]
    expires   = 24h
  }

  step small = set { reason = "below" }

  step refund = mcp stripe.create_refund after ask {
    args          = { charge = {{ steps.charge.result.id }} }
    reversibility = irreversible
    retry         = 0
  }

  step apologise = set after failed refund { sorry = true }

  output { refund = {{ steps.refund.result.id | default(null) }} }
}
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "headgate.toml").write_text(WORKSPACE)
    (tmp_path / "refund.flow").write_text(REFUND)
    return tmp_path


def simulate(folder, *arguments, text=None, given=None):
    if text is not None:
        (folder / "refund.flow").write_text(text)
    if given is not None:
        (folder / "given.json").write_text(json.dumps(given))
        arguments = ("--given", "given.json", *arguments)
    return headgate("simulate", "refund.flow", "--format", "json", *arguments, cwd=folder)


def ran(found):
    return {each["step"]: each["ran"] for each in found["steps"]}


def test_both_sides_of_a_comparison_and_every_decision_are_met(folder):
    said = simulate(folder)
    assert (said.code, said.err) == (0, "")
    found = said.json
    assert found["seeds"] == 100
    assert sum(found["outcomes"].values()) == 100
    assert {"completed clean", "completed denied"} == set(found["outcomes"])
    taken = {(each["case"], each["to"]): each["taken"] for each in found["cases"]}
    assert taken[0, "ask"] + taken[None, "small"] == 100
    assert min(taken.values()) > 10
    assert found["faults"] == []


def test_the_same_seed_gives_the_same_bytes_and_another_gives_others(folder):
    first, again = simulate(folder, "--failures", "0.2"), simulate(folder, "--failures", "0.2")
    assert first.out == again.out
    one, same, other = (simulate(folder, "--seed", seed).out for seed in ("5", "5", "6"))
    assert one == same != other


def test_nothing_is_left_on_the_disk(folder):
    simulate(folder)
    assert sorted(path.name for path in folder.iterdir()) == ["headgate.toml", "refund.flow"]


def test_what_is_never_reached_is_named_with_what_would_reach_it(folder):
    found = simulate(folder).json
    assert ran(found)["apologise"] == 0
    (apologise,) = [each for each in found["unreached"] if each["what"] == "step apologise"]
    assert "--failures" in apologise["hint"]
    assert ran(simulate(folder, "--failures", "0.3").json)["apologise"] > 0


def test_given_results_errors_and_decisions_are_taken(folder):
    answers = {
        "charge": {"id": "ch_1", "amount": 900},
        "ask": {"decision": "approved"},
        "refund": {"error": {"code": "MCP_TOOL_FAILED", "message": "no money"}},
    }
    found = simulate(folder, "--seed", "1", given=answers).json
    steps = found["steps"]
    assert steps["charge"]["result"] == answers["charge"]
    assert steps["ask"]["status"] == "completed"
    assert steps["refund"]["error"]["message"] == "no money"
    assert steps["apologise"]["status"] == "completed"
    assert (found["status"], found["outcome"]) == ("completed", "with_failures")
    denied = simulate(folder, "--seed", "1", given={**answers, "ask": {"decision": "denied"}}).json
    assert (denied["outcome"], denied["steps"]["refund"]["status"]) == ("denied", "skipped")
    expired = simulate(folder, "--seed", "1", given={**answers, "ask": {"decision": "expired"}}).json
    assert expired["took_ms"] >= 86_400_000
    assert expired["outcome"] == "denied"


def test_a_list_of_answers_is_given_one_an_attempt(folder):
    text = REFUND.replace("    retry         = 0\n", "    in_doubt      = retry\n")
    fault = {"error": {"code": "DEPENDENCY_UNAVAILABLE", "class": "transient"}}
    answers = {"charge": {"id": 1, "amount": 900}, "ask": {"decision": "approved"}, "refund": [fault, fault, {"id": 7}]}
    found = simulate(folder, "--seed", "1", text=text, given=answers).json
    assert found["steps"]["refund"]["attempts"] == 3
    assert found["output"] == {"refund": 7}


def test_a_step_takes_as_long_as_was_said_and_times_out_when_that_is_too_long(folder):
    answers = {"charge": {"id": 1, "amount": 1}}
    found = simulate(folder, "--seed", "1", "--took", "charge=7s", given=answers).json
    assert found["steps"]["charge"]["ended_ms"] == 7000
    found = simulate(folder, "--seed", "1", "--took", "charge=2m", given=answers).json
    assert found["failure"]["code"] == "STEP_TIMED_OUT"
    assert found["steps"]["charge"]["attempts"] == 4


def test_days_of_waiting_cost_no_time(folder):
    text = "workflow refund {\n  step a = delay 30d\n  step b = delay 40d\n  step c = set after a, b { x = 1 }\n}\n"
    began = time.monotonic()
    found = simulate(folder, "--seeds", "3", text=text).json
    assert time.monotonic() - began < 20
    day = 86_400_000
    assert found["time_ms"] == {
        "expected": 40 * day,
        "p50": 40 * day,
        "p95": 40 * day,
        "worst": 40 * day,
        "bound": 40 * day,
    }


def test_an_event_that_comes_too_late_does_not_come(folder):
    text = 'workflow refund {\n  step a = wait "paid" { expires = 2h }\n  step b = set after failed a { x = 1 }\n}\n'
    found = simulate(folder, "--seed", "1", "--took", "a=3h", text=text).json
    assert (found["took_ms"], found["outcome"]) == (7_200_000, "with_failures")
    text = text.replace("expires = 2h", "expires = 2h, on_expiry = continue")
    found = simulate(folder, "--seed", "1", "--took", "a=3h", text=text).json
    assert (found["steps"]["a"]["status"], found["steps"]["a"]["result"]) == ("completed", None)
    assert found["notes"] == []


def test_what_nobody_bounds_has_no_bound_and_no_seed_exceeds_one(folder):
    found = simulate(folder, "--failures", "0.4").json
    assert found["time_ms"]["worst"] <= found["time_ms"]["bound"]
    text = "workflow refund {\n  step a = call child\n}\nworkflow child {\n  step b = set { x = 1 }\n}\n"
    (folder / "two.flow").write_text(text)
    said = headgate("simulate", "two.flow#refund", "--format", "json", cwd=folder)
    assert said.json["time_ms"]["bound"] is None
    assert said.json["outcomes"] == {"completed clean": 100}


def test_the_rounds_of_an_agent_cost_what_its_model_costs(folder):
    (folder / "headgate.toml").write_text(WORKSPACE + '\n[agents.clerk]\nmodel = "fast"\ntools = []\n')
    schema = '```json\n{"type": "object", "properties": {"sort": {"enum": ["a", "b"]}}, "required": ["sort"]}\n```'
    text = f"""workflow refund {{
  step a = agent clerk {{
    input      = "0123456789012345"
    schema     = {schema}
    max_rounds = 2
  }}
  step b = switch after a {{
    case {{{{ steps.a.result.data.sort == "a" }}}} -> c
    case {{{{ steps.a.result.rounds == 1 }}}} -> d
    else -> e
  }}
  step c = set {{ x = 1 }}
  step d = set {{ x = 2 }}
  step e = set {{ x = 3 }}
}}
"""
    found = simulate(folder, "--seed", "1", text=text).json
    result = found["steps"]["a"]["result"]
    assert result["rounds"] in (1, 2)
    assert result["data"]["sort"] in ("a", "b")
    tokens = result["usage"]
    assert found["cost_usd"] == pytest.approx((tokens["input_tokens"] * 1.0 + tokens["output_tokens"] * 2.0) / 1e6)
    many = simulate(folder).json
    assert many["unreached"] == []
    said = {"text": "given", "data": {"sort": "b"}, "rounds": 9, "usage": {"input_tokens": 1, "output_tokens": 1}}
    given = simulate(folder, "--seed", "1", given={"a": said}).json
    assert given["steps"]["a"]["result"] == said


def test_models_cost_what_their_prices_say(folder):
    text = 'workflow refund {\n  step a = llm fast { prompt = "0123456789012345", max_tokens = 10 }\n}\n'
    found = simulate(folder, "--seed", "1", text=text).json
    usage = found["steps"]["a"]["result"]["usage"]
    assert usage == {"input_tokens": 4, "output_tokens": 10, "total_tokens": 14}
    assert found["cost_usd"] == pytest.approx((4 * 1.0 + 10 * 2.0) / 1e6)
    many = simulate(folder).json
    assert many["cost_usd"]["worst"] == pytest.approx(24e-6)
    (folder / "headgate.toml").write_text(WORKSPACE.replace("price    = { input = 1.0, output = 2.0 }\n", ""))
    assert simulate(folder).json["cost_usd"] is None


def test_effects_are_counted_by_what_they_do_to_the_world(folder):
    answers = {"charge": {"id": 1, "amount": 900}, "ask": {"decision": "approved"}}
    found = simulate(folder, given=answers).json
    assert {level: spread["worst"] for level, spread in found["effects"].items()} == {"safe": 1, "irreversible": 1}


def test_made_up_inputs_fit_and_given_ones_are_kept(folder):
    text = """workflow refund {
  input order: string { pattern = "^ord_[0-9]{3}$" }
  input mode: enum("fast", "slow")
  input many: list<integer>
  input none: boolean?
  input size: integer { minimum = 3, maximum = 5 }
  step size = switch {
    case {{ inputs.mode == "slow" }} -> a
    else -> b
  }
  step a = set { x = {{ inputs.many | length }} }
  step b = set { x = {{ inputs.order }} }
}
"""
    for seed in range(4):
        found = simulate(folder, "--seed", seed, "-i", "mode=slow", text=text).json
        inputs = found["inputs"]
        assert found["status"] == "completed"
        assert inputs["mode"] == "slow"
        assert re.fullmatch("ord_[0-9]{3}", inputs["order"])
        assert all(isinstance(each, int) for each in inputs["many"])
        assert inputs["none"] in (True, False, None)
        assert 3 <= inputs["size"] <= 5


def test_a_script_runs_for_real(folder):
    text = """workflow refund {
  input lines: list<object>
  step sum = lua ```lua
    local sum = 0
    for _, line in ipairs(inputs.lines) do sum = sum + line.amount end
    return { sum = sum }
  ```
  step big = switch after sum {
    case {{ steps.sum.result.sum > 100 }} -> yes
    else -> no
  }
  step yes = set { x = 1 }
  step no = set { x = 2 }
}
"""
    found = simulate(folder, "--seed", "1", "-i", 'lines=[{"amount": 60}, {"amount": 70}]', text=text).json
    assert found["steps"]["sum"]["result"] == {"sum": 130}
    assert min(each["taken"] for each in simulate(folder).json["cases"]) > 0


def test_loops_gates_and_retries_run_as_the_runtime_runs_them(folder):
    text = """workflow refund {
  step list = mcp stripe.list { reversibility = safe }
  step all = each {{ steps.list.result.lines }} as line {
    step pay = mcp stripe.pay {
      args          = { amount = {{ line.amount }} }
      reversibility = irreversible
      gate approval { ask = "Pay {{ line.amount }}?" }
    }
  }
}
"""
    answers = {"list": {"lines": [{"amount": 1}, {"amount": 2}]}, "all.pay": {"decision": "approved"},
               "all.1.pay": {"decision": "denied"}}  # fmt: skip
    steps = simulate(folder, "--seed", "1", text=text, given=answers).json["steps"]
    assert (steps["all.0.pay"]["status"], steps["all.1.pay"]["status"]) == ("completed", "skipped")
    assert steps["all.1.pay"]["detail"] == "denied"


def test_a_failure_of_the_workflows_own_is_a_fault_and_strict_exits_1(folder):
    text = "workflow refund {\n  input x: number\n  step a = set { y = {{ 1 / inputs.x }} }\n}\n"
    said = simulate(folder, "-i", "x=0", text=text)
    assert said.code == 0
    (fault,) = said.json["faults"]
    assert (fault["code"], fault["step"], fault["seeds"]) == ("TEMPLATE_FAILED", "a", 100)
    assert simulate(folder, "-i", "x=0", "--strict").code == 1
    assert simulate(folder, "-i", "x=0", "--strict", "--seed", "3").code == 1
    assert simulate(folder, "-i", "x=1", "--strict").code == 0


def test_a_failure_that_was_drawn_given_or_meant_is_no_fault(folder):
    assert simulate(folder, "--failures", "0.5", "--strict").code == 0
    assert simulate(folder, "--strict", given={"charge": {"error": "MCP_TOOL_FAILED"}}).code == 0
    assert simulate(folder, "--strict", text='workflow refund {\n  step a = fail "no"\n}\n').code == 0


def test_what_fails_a_called_workflow_is_looked_for_there(folder):
    text = "workflow refund {\n  step a = call child\n}\nworkflow child {\n  STEP\n}\n"
    for step, code in (('step b = fail "no"', 0), ("step b = set { x = {{ 1 / (1 - 1) }} }", 1)):
        (folder / "two.flow").write_text(text.replace("STEP", step))
        said = headgate("simulate", "two.flow#refund", "--strict", "--seeds", "3", cwd=folder)
        assert said.code == code
        assert "3  failed SUBRUN_FAILED" in said.out


def test_a_run_that_a_person_would_have_to_release_is_at_rest(folder):
    text = REFUND.replace("workflow refund {", "workflow refund {\n  on_failure = pause")
    found = simulate(folder, "--seed", "1", text=text, given={"charge": {"error": "MCP_TOOL_FAILED"}}).json
    assert (found["status"], found["detail"]) == ("paused", "step_failed: charge")


@pytest.mark.parametrize(
    ("arguments", "given", "code", "words"),
    [
        ((), {"chrage": 1}, 2, "did you mean `charge`?"),
        ((), {"small": {"reason": "x"}}, 2, "computes by itself"),
        ((), {"ask": {"decision": "maybe"}}, 2, "approved, denied, expired"),
        ((), {"ask": 1}, 2, "must be a decision"),
        ((), {"charge": {"decision": "denied"}}, 2, "asks nobody"),
        ((), {"charge": []}, 2, "empty list"),
        ((), {"charge": {"error": {"code": "X", "class": "odd"}}}, 2, "`class` of transient"),
        (("--took", "chrage=1s"), None, 2, "did you mean `charge`?"),
        (("--took", "charge=1"), None, 2, "no duration"),
        (("--failures", "1.5"), None, 2, "a share between 0 and 1"),
        (("--seeds", "0"), None, 2, "0"),
        (("-i", "ordr=1"), None, 2, "did you mean `order`?"),
    ],
)
def test_what_does_not_fit_is_one_clear_sentence(folder, arguments, given, code, words):
    said = simulate(folder, *arguments, given=given)
    assert said.code == code
    assert words in said.err
    assert "Traceback" not in said.err


def test_what_does_not_pass_the_gate_is_not_simulated(folder):
    said = simulate(folder, text=REFUND.replace("after ask {", "after aks {"))
    assert said.code == 3
    assert "HG104" in said.err
    assert headgate("simulate", "none.flow", cwd=folder).code == 3


def test_the_page_about_simulating_shows_what_is_printed(tmp_path):
    page = (ROOT / "docs" / "simulating.md").read_text(encoding="utf-8")
    files = re.findall(r"`([a-z.]+)`:\n\n````?(?:text|toml|json)\n(.*?)````?\n", page, re.DOTALL)
    for name, content in files:
        (tmp_path / name).write_text(content)
    shown = re.findall(r"```console\n\$ headgate ([^\n]+)\n(.*?)```", page, re.DOTALL)
    assert len(files) >= 2
    assert len(shown) >= 2
    for command, output in shown:
        said = headgate(*command.split(), cwd=tmp_path)
        assert said.code == 0, said.err
        assert said.out == output


WAITS = """\
workflow waits {
  input order: string

  step paid = wait "paid" { match = {{ event.order == inputs.order and event.kind == "sale" }}, expires = 7d }
  step big = switch after paid {
    case {{ steps.paid.result.amount > 100 }} -> ask
    else -> done
  }
  step ask = set { v = 1 }
  step done = set { v = 2 }

  output { event = {{ steps.paid.result }} }
}
"""


def test_waits_get_events_that_fit_their_match(tmp_path):
    (tmp_path / "waits.flow").write_text(WAITS)
    said = headgate("simulate", "waits.flow", "--seed", "1", "-i", "order=A7", "--format", "json", cwd=tmp_path)
    assert said.code == 0, said.err
    assert "not a name here" not in said.out
    told = headgate("simulate", "waits.flow", "--seeds", "30", "--format", "json", cwd=tmp_path)
    assert told.code == 0, told.err
    assert said.json["status"] == "completed"
    event = said.json["output"]["event"]
    assert (event["order"], event["kind"]) == ("A7", "sale")
