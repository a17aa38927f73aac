"""validate: the gate with the servers asked, and each binding looked at, as its users call it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from command_line import headgate

BAD = Path(__file__).parent.parent / "servers" / "bad_mcp.py"
FLOW = """\
workflow get {
  step echo = mcp good.echo
  step tell = http GET "https://example.com" after echo { headers = { authorization = {{ secrets.TOKEN }} } }
}
"""
TOML = f"""\
[instances.good]
command = {json.dumps([sys.executable, str(BAD), "good"])}
connection = "wire"

[connections.wire]
app = "Echo"

[secrets]
TOKEN = {{ env = "ECHO_TOKEN" }}

[environments.idle.instances]
good = {{ profile = "inactive" }}

[environments.down.instances]
good = {{ command = {json.dumps([sys.executable, str(BAD), "exit"])} }}
"""


LOOSE = '\n[environments.loose.instances]\ngood = { connection = "nowhere" }\n'


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "headgate.toml").write_text(TOML)
    (tmp_path / "a.flow").write_text(FLOW)
    assert headgate("lock", cwd=tmp_path).code == 0
    return tmp_path


def bindings(said):
    return {(one["subject"], one["verdict"]): one["message"] for one in said.json["bindings"]}


def test_what_can_be_used_is_said_thing_by_thing(folder):
    said = headgate("validate", "a.flow", cwd=folder, ECHO_TOKEN="t-123456")
    assert said.code == 0
    assert "`TOKEN` can be read" in said.out
    assert "`good` is active and answers, by the connection `wire`, with 2 tools" in said.out
    assert "t-123456" not in said.out + said.err


def test_a_secret_without_a_value_is_found_although_the_gate_is_content(folder):
    said = headgate("validate", "a.flow", "--format", "json", cwd=folder)
    assert said.code == 1
    assert said.json["summary"]["errors"] == 0
    assert bindings(said)["secret", "error"] == "the secret `TOKEN` is missing"


@pytest.mark.parametrize(
    ("environment", "code", "message"),
    [
        ("idle", "HG405", "`good` is inactive in environment `idle`"),
        ("loose", "HG404", "`good` is wired to the connection `nowhere`, which is not defined in environment `loose`"),
        ("down", "HG904", "the MCP server `good` ended before it answered: cannot read config.json"),
    ],
)
def test_what_an_environment_lacks_is_found(folder, environment, code, message):
    (folder / "headgate.toml").write_text(TOML + LOOSE)
    said = headgate("validate", "a.flow", "--env", environment, "--format", "json", cwd=folder, ECHO_TOKEN="t-123456")
    assert said.code == 1
    assert code in {one["code"] for one in said.json["diagnostics"]}
    assert bindings(said)["instance", "error"] == message


def test_a_tool_that_the_server_does_not_list_is_found(folder):
    lock = json.loads((folder / "headgate.lock").read_text())
    lock["instances"]["good"]["tools"]["old"] = {"inputSchema": {"type": "object"}}
    (folder / "headgate.lock").write_text(json.dumps(lock))
    (folder / "b.flow").write_text("workflow b {\n  step a = mcp good.old\n}\n")
    said = headgate("validate", "b.flow", "--format", "json", cwd=folder)
    assert said.code == 1
    assert "HG306" in {one["code"] for one in said.json["diagnostics"]}
    assert bindings(said)["instance", "error"] == "`good` answers, and does not have `old`"


def test_one_workflow_of_a_file_is_looked_at_alone(folder):
    with (folder / "a.flow").open("a") as file:
        file.write("\nworkflow quiet {\n  step x = set { y = 1 }\n}\n")
    said = headgate("validate", "a.flow#quiet", "--format", "json", cwd=folder)
    assert (said.code, said.json["bindings"]) == (0, [])


def test_a_file_that_is_not_there_and_an_unknown_environment_are_told(folder):
    assert headgate("validate", "b.flow", cwd=folder).code == 3
    said = headgate("validate", "a.flow", "--env", "prd", cwd=folder)
    assert said.code == 2
    assert "no environment `prd`" in said.err
