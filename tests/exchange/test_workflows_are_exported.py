"""`export`: what a step graph can say comes back the same, and what it cannot is said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from strategies.flow import files, plans
from strategies.step_graphs import graphs

from headgate.api.compiling import compile_target
from headgate.api.exporting import export_target
from headgate.diagnostics import Severity
from headgate.exchange.exporting import export_workflow
from headgate.exchange.importing import import_text
from headgate.grammar.parse import parse
from headgate.source import Source

ROOT = Path(__file__).parents[2]
FLOWS = sorted([*ROOT.glob("examples/**/*.flow"), *ROOT.glob("tests/cases/runs/*.flow")])
CASES = sorted((ROOT / "tests/cases/imports").glob("*.json"))
EVERYTHING = """workflow everything "All of it" {
  on_failure = pause
  deadline   = 48h

  input who: string? = null {
    description = "whom"
    schema = ```json
      {"minLength": 3}
    ```
  }
  input size: enum("S", "M") = "S"
  input rows: list<object>

  ## Looks
  ## it up.
  step look_up = mcp crm."get-it" {
    title         = "Look {{ inputs.who }} up"
    owner         = "ann"
    args          = { a = {{ inputs.who | default("x") }}, "b-c" = [1, { d = null }], big = {{ 12345678901234567890 }} }
    retry         = 0
    timeout       = 1.5s
    reversibility = safe
  }

  step say = llm fast after look_up {
    when        = {{ steps.look_up.result.a.b["c d"] > 3 and not inputs.size in ["S"] }}
    prompt      = "{{ steps.look_up.result | tojson }} costs { 3 }"
    system      = "{{ inputs.who }}"
    temperature = 0.5
    max_tokens  = 10
    schema = ```json
      {"type": "object"}
    ```
  }

  step ask = human form after say {
    title     = "Which?"
    body      = { text = {{ steps.say.result.text }} }
    assignees = ["ann", "bob"]
    expires   = 12h
    on_expiry = proceed
    fields    = { n = integer, why = { type = list<string>, required = false }, size = enum("S", "M") }
  }

  step sum = lua after ask ```lua
    local inputs = inputs
    return { n = #inputs.rows, x = steps.ask.result.fields.n }

  ``` {
    args = { a = {{ inputs.rows }} }
  }

  step all = each {{ inputs.rows }} as row after sum {
    limit           = 7
    on_item_failure = pause
    step rounds = repeat {
      max   = 3
      until = {{ steps.get.result.done | default(false) }}
      step get = mcp crm.get {
        enabled = false
        args = {
          row    = {{ row.id }}
          at     = {{ index }}
          before = {{ previous.get.x | default(null) }}
          n      = {{ iteration }}
        }
      }
    }
  }

  step help = agent triage after all {
    instructions = "Help."
    tools        = [crm.get]
    max_rounds   = 2
  }

  step go = call other {
    inputs = { n = {{ steps.all.result.count }} }
    detach = true
  }

  output { sum = {{ steps.sum.result.n | default(null) }} }
}

workflow other {
  input n: integer
  step get = mcp crm.get { args = { n = {{ inputs.n }} } }
}
"""
WORKSPACE = """[project]
name = "x"
[instances.crm]
server_url = "https://crm.example.com"
[instances.my-crm]
server_url = "https://mcp.example.com"
[models.fast]
base_url = "http://127.0.0.1:1/v1"
model = "small"
[models.gpt-4o]
base_url = "http://127.0.0.1:1/v1"
model = "small"
[agents.triage]
model = "fast"
tools = ["crm.get"]
"""


def exported(text: str):
    source = Source("x.flow", text)
    file, found = parse(source)
    assert found == []
    return export_workflow(file.workflows[0], source)


def write(folder: Path, text: str, monkeypatch) -> str:
    (folder / "headgate.toml").write_text(WORKSPACE)
    (folder / "x.flow").write_text(text)
    monkeypatch.chdir(folder)
    return "x.flow"


def test_everything_that_a_graph_can_say_comes_back_with_the_same_plan(tmp_path, monkeypatch):
    made = export_target(f"{write(tmp_path, EVERYTHING, monkeypatch)}#everything")
    assert not made.report.files[0].blocks
    assert [one for one in made.findings if one.severity is not Severity.NOTE] == []
    steps = {step["id"]: step for step in made.graph["steps"]}
    assert steps["all"]["for_each_as"] == "row"
    body = steps["all"]["for_each_body_steps"][0]["while_body_steps"][0]
    assert body["tool_args"] == {
        "row": "{{item.id}}",
        "at": "{{foreach.index}}",
        "before": "{{while.prev.get.x | null}}",
        "n": "{{while.index}}",
    }
    assert steps["look_up"]["tool_args"]["a"] == '{{input.who | "x"}}'
    again = import_text(made.text.encode())
    assert exported(again.text).graph == made.graph
    other = EVERYTHING[EVERYTHING.index("workflow other") :]
    (tmp_path / "y.flow").write_text(f"{again.text}{other}")
    plans_of_both = [compile_target(f"{file}#everything").plan for file in ("x.flow", "y.flow")]
    assert plans_of_both[0].digest == plans_of_both[1].digest


@settings(max_examples=150, deadline=None)
@given(graphs())
def test_a_graph_that_was_imported_is_exported_and_imported_as_the_same_text(written):
    first = import_text(written.encode())
    assert first.text is not None
    made = exported(first.text)
    if not any(one.severity is Severity.ERROR for one in (*first.findings, *made.findings)):
        second = import_text(json.dumps(made.graph).encode())
        assert second.text == first.text


@settings(max_examples=100, deadline=None)
@given(graphs())
def test_an_export_of_any_workflow_is_json(written):
    graph = exported(import_text(written.encode()).text).graph
    assert json.loads(json.dumps(graph, allow_nan=False)) == graph


@settings(max_examples=50, deadline=None)
@given(plans())
def test_steps_of_kinds_that_a_graph_does_not_know_are_said(text):
    made = exported(text)
    assert {one.path for one in made.findings if one.severity is Severity.ERROR} >= {"steps.s0"}
    assert all("set" in one.message for one in made.findings if one.path == "steps.s0")


@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: f"{flow.parent.name}/{flow.stem}")
def test_real_workflows_lose_nothing_in_silence(flow):
    from headgate.api.faults import UsageFault

    try:
        made = export_target(str(flow))
    except UsageFault:
        made = export_target(f"{flow}#{parse(Source('x', flow.read_text()))[0].workflows[0].name.text}")
    assert not [one.message for one in made.findings if one.message.startswith("imported again")]


@pytest.mark.parametrize(
    ("step", "says"),
    [
        ("step b = set after failed a { x = 1 }", "`after failed a`"),
        ('step b = http GET "https://example.com" after a', "a step of the kind `http`"),
        ('step b = mcp crm.x after a {\n gate approval { ask = "Sure?" }\n }', "`gate approval`"),
        ("step b = mcp crm.x after a { retry = { max = 3, backoff = [5s] } }", "`retry` of a `mcp` step"),
        ("step b = mcp crm.x after a { result = object }", "`result` of a `mcp` step"),
        (
            "step b = repeat after a { max = 2, every = 5s, until = {{ true }}\n step c = mcp crm.x\n }",
            "`every` of a `repeat`",
        ),
    ],
)
def test_what_a_graph_has_no_word_for_is_said(step, says):
    made = exported(f"workflow w {{\n  step a = mcp crm.get\n  {step}\n}}\n")
    assert any(says in one.message and one.severity is Severity.ERROR for one in made.findings), made.findings


@pytest.mark.parametrize(
    ("item", "says"),
    [
        ("let x = 1", "the constant `x`"),
        ("trigger t = manual", "the trigger `t`"),
        ('labels = { a = "b" }', "`labels` of a workflow"),
    ],
)
def test_what_a_graph_has_no_word_for_in_a_workflow_is_said(item, says):
    made = exported(f"workflow w {{\n  {item}\n  step a = mcp crm.get\n}}\n")
    assert any(says in one.message for one in made.findings)
    assert [one.line for one in made.findings] == [2]


def test_a_text_with_braces_of_its_own_is_said(tmp_path, monkeypatch):
    text = 'workflow w {\n  step a = mcp crm.get { args = { x = "a \\u007b\\u007b b \\u007d\\u007d" } }\n}\n'
    made = export_target(write(tmp_path, text, monkeypatch))
    assert [one.path for one in made.findings] == ["steps.a.args.x"]
    assert made.graph["steps"][0]["tool_args"] == {"x": '{{ "a {{ b }}" }}'}


@settings(max_examples=60, deadline=None)
@given(files())
def test_what_the_gate_refuses_is_not_exported(text):
    import tempfile

    from headgate.api.faults import Fault
    from headgate.api.reading import Unreadable

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.flow"
        path.write_text(text, newline="")
        try:
            made = export_target(str(path))
        except (Fault, Unreadable):
            return
        assert made.graph is None or json.dumps(made.graph)
