"""What a command line imports: people pay for what they ask."""

import json
import os
import subprocess
import sys

import pytest
from command_line import headgate

HEAVY = {
    "asyncio", "httpx", "jinja2", "jsonschema", "lark", "lupa", "mcp", "networkx", "openai", "pydantic", "rich",
    "rfc8785", "sqlite3",
}  # fmt: skip
OWN = {"headgate.grammar.parse", "headgate.runtime.executor", "headgate.validators.gate", "headgate.api.running"}
PROBE = """
import json, sys
from headgate.cli import main
try:
    main({arguments!r})
except SystemExit:
    pass
print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""


def imported(arguments, cwd):
    done = subprocess.run(
        [sys.executable, "-c", PROBE.format(arguments=arguments)],
        cwd=cwd,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(done.stderr.splitlines()[-1]))


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    folder = tmp_path_factory.mktemp("start")
    assert headgate("init", cwd=folder).code == 0
    return folder


@pytest.mark.parametrize("question", ["--help", "--version", "-h", "-V"])
def test_help_and_version_import_nothing_but_a_table(question, tmp_path):
    modules = imported([question], tmp_path)
    assert "click" not in modules
    assert not modules & (HEAVY | OWN)
    assert {name for name in modules if name.startswith("headgate")} == {
        "headgate",
        "headgate.cli",
        "headgate.cli.verbs",
        "headgate.records",
    }


@pytest.mark.parametrize("verb", ["check", "run", "runs", "fmt", "approve", "graph", "doctor", "diff", "simulate"])
def test_the_help_of_a_verb_imports_click_and_nothing_heavy(verb, tmp_path):
    modules = imported([verb, "--help"], tmp_path)
    assert "click" in modules
    assert not modules & (HEAVY | OWN)


def test_check_does_not_pay_for_the_runtime(workspace):
    modules = imported(["check"], workspace)
    assert "headgate.validators.gate" in modules
    unwanted = {"asyncio", "httpx", "jsonschema", "mcp", "networkx", "openai", "pydantic", "rich", "sqlite3"}
    assert not modules & unwanted
    assert "headgate.runtime.executor" not in modules


def test_lists_do_not_pay_for_the_compiler_or_the_sdks(workspace):
    modules = imported(["runs"], workspace)
    assert not modules & {"lark", "networkx", "mcp", "openai", "httpx", "rich"}


def test_a_run_without_tools_does_not_pay_for_the_sdks(workspace):
    modules = imported(["run", "hello.flow"], workspace)
    assert "headgate.runtime.executor" in modules
    assert not modules & {"mcp", "openai", "httpx", "networkx", "rich"}


def test_help_lists_every_verb_with_its_summary(tmp_path):
    from headgate.cli.verbs import VERBS

    text = " ".join(headgate("--help", cwd=tmp_path).out.split())
    for name, verb in VERBS.items():
        assert f" {name} {' '.join(verb.summary.split())}" in text


def test_the_bare_command_shows_the_help_and_is_wrong_usage(tmp_path):
    said = headgate(cwd=tmp_path)
    assert said.code == 2
    assert "Usage: headgate" in said.err


def test_an_unknown_verb_is_wrong_usage_and_the_nearest_is_named(tmp_path):
    said = headgate("chek", cwd=tmp_path)
    assert said.code == 2
    assert "did you mean `check`?" in said.err


def test_an_unknown_option_is_wrong_usage(tmp_path):
    said = headgate("check", "--stirct", cwd=tmp_path)
    assert said.code == 2
    assert "--strict" in said.err


def test_a_shell_can_complete_verbs(tmp_path):
    said = headgate(cwd=tmp_path, _HEADGATE_COMPLETE="bash_complete", COMP_WORDS="headgate app", COMP_CWORD="1")
    assert [line.partition(",")[2] for line in said.out.splitlines()] == ["approvals", "approve"]
