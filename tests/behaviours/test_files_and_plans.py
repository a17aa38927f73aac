"""TJ24, AR11, AR12: what is found in files, graphs and plans before anything runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from desk import Desk

PLAIN = "workflow w {\n  step a = set { x = 1 }\n  step b = set { y = {{ steps.a.result.x }} }\n}\n"
CRM = "https://crm.example.com/mcp"
GRAPH = {
    "name": "shop",
    "steps": [
        {"id": "look", "type": "mcp_call", "server_url": CRM, "tool": "get", "args": {"id": 7}},
        {"id": "keep", "type": "mcp_call", "server_url": CRM, "tool": "put", "args": {}, "depends_on": ["look"]},
    ],
}


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ({"entryStepId": None}, "Missing or invalid entryStepId"),
        ({"entryStepId": "zz"}, "Missing or invalid entryStepId: no step `zz`"),
        ({"format": "headgate.plan/9"}, "its format is `headgate.plan/9`"),
        ({"vars": {"more": 1}}, "its digest does not fit its content"),
    ],
)
def test_TJ24_a_damaged_plan_is_refused_as_a_fault_of_the_plan_and_makes_no_run(
    desk: Desk, damage: dict[str, object], said: str
) -> None:
    desk.write(PLAIN)
    desk.compiled("plan.json")
    plan = json.loads((desk.folder / "plan.json").read_text())
    damaged = {key: value for key, value in {**plan, **damage}.items() if key not in damage or value is not None}
    (desk.folder / "damaged.plan.json").write_text(json.dumps(damaged))
    code, out, err = desk.cli("run", "damaged.plan.json")
    assert (code, out) == (3, "")
    assert err.startswith(f"headgate: PLAN_INTEGRITY: damaged.plan.json: the plan is damaged: {said}")
    assert "a fault of the plan and not of the workflow's author" in err
    assert desk.runs() == []


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ('"{{ {{ inputs.n }} }}"', "HG207"),
        ('"{{{{ inputs.n }}}}"', "HG207"),
        ('"{inputs.n}"', "HG207"),
        ('"{{ inputs.m }}"', "HG210"),
        ('"{{ inptus.n }}"', "HG209"),
    ],
)
def test_AR11_braces_and_variables_that_would_stay_literal_are_found_before_a_run(
    desk: Desk, value: str, code: str
) -> None:
    desk.write(f"workflow w {{\n  input n: integer = 1\n  step a = set {{ x = {value} }}\n}}\n")
    exit_code, said = desk.check("flow.flow")
    assert (exit_code, f"error[{code}]" in said) == (1, True)
    exit_code, _, said = desk.cli("run", "flow.flow")
    assert (exit_code, "does not pass the gate: nothing was started" in said) == (3, True)
    assert desk.runs() == []


def test_AR12_a_json_graph_becomes_a_workflow_and_gives_the_same_plan_when_it_comes_back(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "graphs", '[instances.crm]\nserver_url = "https://crm.example.com/mcp"\n')
    (desk.folder / "graph.json").write_text(json.dumps(GRAPH))
    code, said = desk.plain("import", "graph.json", "-o", "shop.flow", "--map", f"{CRM}=crm")
    assert code == 0, said
    assert desk.plain("export", "shop.flow", "-o", "again.json")[0] == 0
    assert desk.plain("import", "again.json", "-o", "again.flow")[0] == 0
    digests = []
    for name in ("shop", "again"):
        assert desk.plain("compile", f"{name}.flow", "-o", f"{name}.plan.json")[0] == 0
        digests.append(json.loads((desk.folder / f"{name}.plan.json").read_text())["digest"])
    assert digests[0] == digests[1]


def test_AR12_a_graph_that_cannot_pass_says_why_not(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "graphs")
    (desk.folder / "graph.json").write_text(json.dumps(GRAPH))
    code, said = desk.plain("import", "graph.json", "-o", "shop.flow")
    assert code == 1
    assert "HG409" in said
    assert "--map" in said
