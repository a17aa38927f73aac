"""`headgate import` and `headgate export` from the command line."""

import json
from pathlib import Path

import pytest
from command_line import headgate

GRAPH = {
    "name": "greet",
    "steps": [
        {"id": "get-it", "type": "mcp_call", "server_url": "https://crm.example.com/?a=1", "tool_name": "get"},
        {
            "id": "say",
            "type": "llm_call",
            "model_ref": "fast",
            "prompt": "Hi {{steps.get-it.result.name}}",
            "depends_on": ["get-it"],
        },
    ],
}
WORKSPACE = """[project]
name = "greet"
[instances.crm]
server_url = "https://crm.example.com/?a=1"
[models.fast]
base_url = "http://127.0.0.1:1/v1"
model = "small"
"""
CASES = Path(__file__).parents[1] / "cases/imports"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "headgate.toml").write_text(WORKSPACE)
    (tmp_path / "greet.json").write_text(json.dumps(GRAPH))
    return tmp_path


def test_a_graph_that_can_be_carried_over_is_clean(folder):
    said = headgate("import", "greet.json", "--map", "https://crm.example.com/?a=1=crm", "-o", "greet.flow", cwd=folder)
    assert said.code == 0, said.err
    assert said.out == ""
    text = (folder / "greet.flow").read_text()
    assert "step get_it = mcp crm.get" in text
    assert 'prompt = "Hi {{ steps.get_it.result.name }}"' in text
    assert headgate("check", "greet.flow", cwd=folder).code == 0
    assert headgate("fmt", "--check", "greet.flow", cwd=folder).code == 0


def test_without_a_target_the_text_goes_to_standard_output_and_findings_do_not(folder):
    (folder / "headgate.toml").unlink()
    said = headgate("import", "greet.json", cwd=folder)
    assert said.code == 1
    assert said.out.startswith("workflow greet {\n")
    assert "error[HG409]" in said.err
    assert "--map" in said.err


def test_standard_input_is_read_and_a_name_given(folder):
    said = headgate("import", "-", "--name", "other", cwd=folder, stdin=json.dumps(GRAPH))
    assert said.out.startswith("workflow other ")
    assert headgate("import", "-", "--name", "step", cwd=folder, stdin=json.dumps(GRAPH)).code == 2


def test_nothing_is_written_over_unless_it_is_forced(folder):
    (folder / "greet.flow").write_text("mine")
    said = headgate("import", "greet.json", "-o", "greet.flow", cwd=folder)
    assert (said.code, (folder / "greet.flow").read_text()) == (2, "mine")
    assert "--force" in said.err
    assert headgate("import", "greet.json", "-o", "greet.flow", "--force", cwd=folder).code == 0
    assert headgate("import", "greet.json", "-o", "greet.json", "--force", cwd=folder).code == 2


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b'{"steps": [\x00]}', b"\x80", b"{'steps': []}"])
def test_what_is_no_json_is_unreadable(folder, content):
    said = headgate("import", "-", cwd=folder, stdin=content)
    assert said.code == 3
    assert said.out == ""
    assert said.err
    assert "Traceback" not in said.err


def test_a_file_that_is_not_there_is_unreadable(folder):
    assert headgate("import", "none.json", cwd=folder).code == 3


@pytest.mark.parametrize("content", ["3", "{}", '{"steps": 3}', "null", '[{"id": 1}]'])
def test_json_of_another_shape_is_a_finding(folder, content):
    said = headgate("import", "-", cwd=folder, stdin=content)
    assert said.code == 1
    assert " at " in said.err


def test_findings_as_json_have_the_path_in_the_json(folder):
    said = headgate("import", CASES / "wrong_shapes.json", "--format", "json", cwd=folder)
    assert said.code == 1
    found = said.json["findings"]
    assert {"severity", "path", "line", "column", "message", "help"} == set(found[0])
    assert "steps[4].depends_on[1]" in [one["path"] for one in found]
    assert said.json["text"].startswith("workflow imported {\n")
    assert said.json["gate"]["version"] == 1


def test_what_the_import_has_said_the_gate_does_not_say_again(folder):
    said = headgate("import", CASES / "wrong_shapes.json", cwd=folder)
    assert "wait for each other" in said.err
    assert "HG101" not in said.err
    assert "HG104" not in said.err
    assert "HG006" not in said.err


def test_a_binding_that_nothing_asks_for_is_said(folder):
    said = headgate("import", "greet.json", "--map", "https://other.example.com=crm", cwd=folder)
    assert "no step calls the server `https://other.example.com`" in said.err
    assert headgate("import", "greet.json", "--map", "crm", cwd=folder).code == 2


def test_an_import_is_exported_and_imported_with_the_same_plan(folder):
    headgate("import", "greet.json", "--map", "https://crm.example.com/?a=1=crm", "-o", "greet.flow", cwd=folder)
    said = headgate("export", "greet.flow", "-o", "again.json", cwd=folder)
    assert said.code == 0, said.err
    assert headgate("import", "again.json", "-o", "again.flow", cwd=folder).code == 0
    assert (folder / "again.flow").read_text() == (folder / "greet.flow").read_text()
    digests = [headgate("compile", name, cwd=folder).json["digest"] for name in ("greet.flow", "again.flow")]
    assert digests[0] == digests[1]


def test_an_export_says_what_it_cannot_and_exits_1(folder):
    (folder / "pay.flow").write_text(
        'workflow pay {\n  step pay = mcp crm.pay {\n    gate approval { ask = "Pay?" }\n  }\n}\n'
    )
    said = headgate("export", "pay.flow", cwd=folder)
    assert said.code == 1
    assert json.loads(said.out)["steps"] == [
        {"id": "pay", "type": "mcp_call", "instance_id": "crm", "tool_name": "pay"}
    ]
    page = (Path(__file__).parents[2] / "docs/importing.md").read_text(encoding="utf-8")
    assert said.err.strip() in page


def test_exports_ask_for_a_name_and_keep_what_is_there(folder):
    (folder / "two.flow").write_text("workflow a { step x = mcp crm.get }\nworkflow b { step x = mcp crm.get }\n")
    said = headgate("export", "two.flow", cwd=folder)
    assert said.code == 2
    assert "`two.flow#a`" in said.err
    assert headgate("export", "two.flow#b", cwd=folder).json["id"] == "b"
    assert headgate("export", "two.flow#b", "-o", "greet.json", cwd=folder).code == 2
    assert headgate("export", "none.flow", cwd=folder).code == 3
    said = headgate("export", "two.flow#b", "--format", "json", cwd=folder)
    assert (said.json["graph"]["id"], said.json["findings"]) == ("b", [])


def test_what_does_not_parse_is_not_exported(folder):
    (folder / "bad.flow").write_text("workflow a { step x = }\n")
    said = headgate("export", "bad.flow", cwd=folder)
    assert (said.code, said.out) == (1, "")
    assert "HG001" in said.err
