"""check, fmt, compile, graph, explain, schema and init, as their users call them."""

import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ET

import pytest
from command_line import headgate
from jsonschema import Draft202012Validator

GOOD = """\
workflow greet {
  input name: string

  step hello = set { text = "Hello {{ inputs.name }}" }

  output { text = {{ steps.hello.result.text }} }
}
"""
TYPO = GOOD.replace("steps.hello.result", "steps.helo.result")
TWO = GOOD + '\nworkflow other {\n  step one = set { text = "1" }\n}\n'


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "good.flow").write_text(GOOD)
    (tmp_path / "typo.flow").write_text(TYPO)
    (tmp_path / "two.flow").write_text(TWO)
    return tmp_path


def test_a_clean_file_exits_0_and_says_so(folder):
    said = headgate("check", "good.flow", cwd=folder)
    assert (said.code, said.err) == (0, "")
    assert re.fullmatch(r"no findings in 1 file \(\d+ rules\)\n", said.out)


def test_findings_exit_1_and_point_at_the_place(folder):
    said = headgate("check", "typo.flow", cwd=folder)
    assert said.code == 1
    assert "error[HG201]" in said.out
    assert "--> typo.flow:6:28" in said.out
    assert "did you mean `hello`?" in said.out
    assert "\x1b[" not in said.out


def test_findings_as_json_follow_their_published_schema(folder):
    said = headgate("check", "typo.flow", "good.flow", "--format", "json", cwd=folder)
    schema = headgate("schema", "findings", cwd=folder).json
    Draft202012Validator(schema).validate(said.json)
    assert said.code == 1
    assert said.json["files"] == 2
    assert said.json["summary"]["verdict"] == "findings"
    assert said.json["diagnostics"][0]["range"]["start"] == {"line": 6, "column": 28}


def test_findings_one_a_line_for_editors(folder):
    said = headgate("check", "typo.flow", "--format", "concise", cwd=folder)
    assert said.out.startswith("typo.flow:6:28: error[HG201] ")


def test_standard_input_is_checked_like_a_file(folder):
    assert headgate("check", "-", cwd=folder, stdin=GOOD).code == 0
    said = headgate("check", "-", cwd=folder, stdin=TYPO)
    assert said.code == 1
    assert "<stdin>:6:28" in said.out
    assert headgate("check", "-", "good.flow", cwd=folder, stdin=GOOD).code == 2


def test_an_editors_buffer_is_checked_as_the_file_that_it_is(folder):
    (folder / "flows").mkdir()
    (folder / "flows" / "headgate.toml").write_text("[check]\nstrict = true\n")
    roots = "workflow w {\n  step a = set { x = 1 }\n  step b = set { x = 1 }\n}\n"
    said = headgate("check", "-", "--stdin-filename", "flows/new.flow", "--format", "concise", cwd=folder, stdin=roots)
    assert (said.code, said.out.partition(":")[0]) == (1, "new.flow")
    assert headgate("check", "-", cwd=folder, stdin=roots).code == 0
    assert headgate("check", "good.flow", "--stdin-filename", "a.flow", cwd=folder).code == 2


def test_a_filter_fixes_standard_input(folder):
    said = headgate("check", "-", "--fix", cwd=folder, stdin=TYPO.replace("\n", "\r\n"))
    assert (said.code, said.out) == (0, GOOD.replace("\n", "\r\n"))
    assert "no findings in" in said.err
    said = headgate("check", "-", "--diff", cwd=folder, stdin=TYPO)
    assert said.code == 1
    assert "+  output { text = {{ steps.hello.result.text }} }" in said.out


@pytest.mark.parametrize("output", ["text", "json", "concise", "sarif", "github", "gitlab", "junit"])
def test_a_reader_that_leaves_is_no_fault(folder, output):
    many = "".join(f"workflow w{n} {{\n  step a = nothing_like_it_{n}\n}}\n" for n in range(2000))
    (folder / "many.flow").write_text(many)
    command = f"{sys.executable} -m headgate check many.flow --format {output} | head -n 1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], cwd=folder, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout.splitlines()[-1] in {"0", "1", "141"}


def test_colour_can_be_forced_and_no_color_goes_before_it(folder):
    assert "\x1b[" in headgate("check", "typo.flow", cwd=folder, FORCE_COLOR="1", NO_COLOR="").out
    assert "\x1b[" not in headgate("check", "typo.flow", cwd=folder, FORCE_COLOR="1", NO_COLOR="1").out
    assert "\x1b[" not in headgate("check", "typo.flow", cwd=folder, FORCE_COLOR="0", NO_COLOR="").out


def test_the_last_line_says_what_was_checked_and_what_was_not(folder):
    (folder / "headgate.toml").write_text(
        '[instances.stripe]\nserver_url = "https://mcp.stripe.com"\n[check]\nignore = ["HG904"]\n'
    )
    (folder / "call.flow").write_text("workflow call {\n  step get = mcp stripe.get_charge\n}\n")
    said = headgate("check", "call.flow", cwd=folder)
    assert said.code == 0
    assert "; not checked: " in said.out
    assert "HG403 (there is no headgate.lock)" in said.out


def test_a_baseline_is_written_used_and_pruned(folder):
    flow = folder / "roots.flow"
    flow.write_text("workflow w {\n  step a = set { x = 1 }\n  step b = set { x = 1 }\n}\n")
    assert headgate("check", "roots.flow", "--strict", cwd=folder).code == 1
    said = headgate("check", "roots.flow", "--strict", "--write-baseline=known.json", cwd=folder)
    assert said.code == 0
    assert "known.json knows 1 finding: 1 new, 0 gone" in said.err
    said = headgate("check", "roots.flow", "--strict", "--baseline", "known.json", cwd=folder)
    assert said.code == 0
    assert "; 1 known to known.json" in said.out
    flow.write_text(flow.read_text().replace("b = set", "b = set after a"))
    said = headgate("check", "roots.flow", "--baseline", "known.json", cwd=folder)
    assert "which knows 1 that are gone: `headgate check --prune-baseline` forgets them" in said.out
    assert (
        "0 new, 1 gone" in headgate("check", "--baseline=known.json", "--prune-baseline", "roots.flow", cwd=folder).err
    )


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("missing.flow", None, "no file `missing.flow`"),
        ("empty.flow", b"", "`empty.flow` is empty"),
        ("latin.flow", b"# caf\xe9\nworkflow a {}\n", "is not UTF-8"),
        ("binary.flow", b"\x7fELF\x00\x01", "is no text"),
    ],
)
def test_what_cannot_be_read_exits_3_with_one_sentence(folder, name, content, words):
    if content is not None:
        (folder / name).write_bytes(content)
    said = headgate("check", name, cwd=folder)
    assert said.code == 3
    assert words in said.err
    assert said.err.count("\n") == 1
    assert "Traceback" not in said.err


def test_an_unknown_key_of_the_workspace_exits_2_and_names_the_nearest(folder):
    (folder / "headgate.toml").write_text('[project]\nnmae = "x"\n')
    said = headgate("check", "good.flow", cwd=folder)
    assert said.code == 2
    assert "headgate.toml:2" in said.err
    assert "`name`" in said.err


def test_fix_applies_the_safe_fixes_and_checks_again(folder):
    said = headgate("check", "--diff", "typo.flow", cwd=folder)
    assert said.code == 1
    assert "-  output { text = {{ steps.helo.result.text }} }" in said.out
    assert "+  output { text = {{ steps.hello.result.text }} }" in said.out
    assert (folder / "typo.flow").read_text() == TYPO
    said = headgate("check", "--fix", "typo.flow", cwd=folder)
    assert said.code == 0
    assert said.out.startswith("no findings in 1 file (")
    assert (folder / "typo.flow").read_text() == GOOD


def test_fmt_lays_a_file_out_once(folder):
    (folder / "good.flow").write_text(GOOD.replace("  step hello = set", "step   hello=set"))
    assert headgate("fmt", "--check", "good.flow", cwd=folder).code == 1
    diff = headgate("fmt", "--diff", "good.flow", cwd=folder)
    assert diff.code == 1
    assert "+  step hello = set" in diff.out
    assert headgate("fmt", "good.flow", cwd=folder).code == 0
    assert (folder / "good.flow").read_text() == GOOD
    again = headgate("fmt", "--check", "good.flow", "--format", "json", cwd=folder)
    assert (again.code, again.json["changed"]) == (0, [])


def test_fmt_leaves_alone_what_does_not_parse(folder):
    broken = "workflow a {\n  step = \n"
    (folder / "broken.flow").write_text(broken)
    said = headgate("fmt", "broken.flow", cwd=folder)
    assert said.code == 1
    assert "HG00" in said.err
    assert (folder / "broken.flow").read_text() == broken


def test_fmt_is_a_filter_for_editors(folder):
    said = headgate("fmt", "-", cwd=folder, stdin=GOOD.replace("  step", "      step"))
    assert (said.code, said.out) == (0, GOOD)


def test_compile_writes_the_same_bytes_each_time_and_they_pass_their_schema(folder):
    assert headgate("compile", "good.flow", "-o", "a.plan.json", cwd=folder).code == 0
    said = headgate("compile", "good.flow", cwd=folder)
    assert said.code == 0
    assert (folder / "a.plan.json").read_text() == said.out
    plan = json.loads(said.out)
    assert plan["format"] == "headgate.plan/1"
    assert plan["entryStepId"] == "hello"
    Draft202012Validator(headgate("schema", "plan", cwd=folder).json).validate(plan)


def test_compile_writes_no_plan_of_what_does_not_pass(folder):
    said = headgate("compile", "typo.flow", "-o", "a.plan.json", cwd=folder)
    assert said.code == 1
    assert "HG201" in said.err
    assert not (folder / "a.plan.json").exists()


def test_a_verb_that_needs_one_workflow_lists_them_when_there_are_several(folder):
    said = headgate("compile", "two.flow", cwd=folder)
    assert said.code == 2
    assert "`two.flow#greet`" in said.err
    assert "`two.flow#other`" in said.err
    assert json.loads(headgate("compile", "two.flow#other", cwd=folder).out)["workflow"] == "other"


@pytest.mark.parametrize(
    ("form", "beginning"),
    [("svg", "<svg "), ("mermaid", "flowchart TD\n"), ("dot", "digraph "), ("text", "greet\n"), ("json", "{\n")],
)
def test_graph_draws_in_every_format(folder, form, beginning):
    said = headgate("graph", "good.flow", "--format", form, cwd=folder)
    assert said.code == 0
    assert said.out.startswith(beginning)
    assert "hello" in said.out


def test_graph_takes_the_format_from_the_files_name(folder):
    assert headgate("graph", "good.flow", "-o", "g.mmd", cwd=folder).code == 0
    assert (folder / "g.mmd").read_text().startswith("flowchart TD")
    assert headgate("graph", "good.flow", "-o", "g.svg", cwd=folder).code == 0
    assert ET.parse(folder / "g.svg").getroot().tag.endswith("svg")
    assert headgate("graph", "typo.flow", cwd=folder).code == 3


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("HG201", "unknown-step-reference"),
        ("dependency-cycle", "HG101"),
        ("waiting", "run status"),
        ("MCP_TOOL_FAILED", "What to do"),
        ("NOT_PAUSED", "refusal"),
        ("step_failed", "headgate retry RUN STEP"),
        ("overdue", "never stored"),
        ("missed", "`late`"),
        ("expired", "approval status"),
        ("degraded", "connection status"),
        ("with_failures", "outcome of a completed run"),
        ("branch_not_taken", "detail of a skipped step"),
        ("transient", "class of an error"),
    ],
)
def test_explain_knows_rules_statuses_codes_and_holds(folder, word, says):
    said = headgate("explain", word, cwd=folder)
    assert said.code == 0
    assert says in said.out
    assert headgate("explain", word, "--format", "json", cwd=folder).json["code"]


def test_every_rule_says_what_why_an_example_and_what_to_do():
    from headgate.api.explaining import explain
    from headgate.render.explanations import explanation_text
    from headgate.validators import registry

    for rule in registry.rules():
        first = explain(rule.code)[0]
        assert all((first.meaning, first.remedy, first.wrong, first.right)), rule.code
        assert ("cannot be suppressed" in first.remedy) == (
            rule.severity == "error" and rule.code[:3] in {"HG0", "HG1", "HG2", "HG4"}
        )
        text = explanation_text({key: str(value) for key, value in first._asdict().items()})
        assert "What to do: " in text
        assert ("With this headgate.lock:" in text) == bool(rule.lock)


def test_explain_names_the_nearest_for_a_word_it_does_not_know(folder):
    said = headgate("explain", "waitin", cwd=folder)
    assert said.code == 2
    assert "did you mean `waiting`?" in said.err


@pytest.mark.parametrize("name", ["plan", "events", "workspace", "findings"])
def test_every_published_schema_is_a_schema(folder, name):
    Draft202012Validator.check_schema(headgate("schema", name, cwd=folder).json)


def test_an_unknown_schema_is_wrong_usage(folder):
    said = headgate("schema", "plans", cwd=folder)
    assert said.code == 2
    assert "did you mean `plan`?" in said.err


def test_init_makes_a_workspace_that_checks_clean_and_runs(tmp_path):
    assert headgate("init", "mine", cwd=tmp_path).code == 0
    mine = tmp_path / "mine"
    assert headgate("check", "--strict", cwd=mine).code == 0
    assert headgate("fmt", "--check", cwd=mine).code == 0
    said = headgate("run", "hello.flow", "-i", "name=Ada", "--format", "json", cwd=mine)
    assert said.code == 0
    assert said.json["output"] == {"greeting": "Hello, Ada!", "letters": 11}
    assert (mine / ".pre-commit-config.yaml").exists()
    assert (mine / ".github/workflows/headgate.yml").exists()
    assert (mine / ".gitlab-ci.yml").exists()


def test_every_command_that_init_puts_into_ci_is_one(tmp_path):
    """Each line of the jobs that calls headgate is run by a shell, on the workspace that `init` makes."""
    assert headgate("init", cwd=tmp_path).code == 0
    jobs = [tmp_path / ".github/workflows/headgate.yml", tmp_path / ".gitlab-ci.yml"]
    lines = [
        line.strip().removeprefix("- ").removeprefix("run: ") for job in jobs for line in job.read_text().splitlines()
    ]
    commands = [line for line in lines if line.startswith("headgate ")]
    assert len(commands) == 6
    for command in commands:
        said = subprocess.run(
            ["bash", "-c", command.replace("headgate ", f"{sys.executable} -m headgate ", 1)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert said.returncode == 0, (command, said)
    assert json.loads((tmp_path / "gl-code-quality-report.json").read_text()) == []
    assert json.loads((tmp_path / "headgate.sarif").read_text())["version"] == "2.1.0"


@pytest.mark.parametrize("name", [".github/workflows/headgate.yml", ".gitlab-ci.yml", ".pre-commit-config.yaml"])
def test_what_init_writes_for_other_tools_is_yaml(tmp_path, name):
    yaml = pytest.importorskip("yaml")
    assert headgate("init", cwd=tmp_path).code == 0
    assert yaml.safe_load((tmp_path / name).read_text())


def test_init_never_overwrites(tmp_path):
    (tmp_path / "hello.flow").write_text("mine")
    (tmp_path / ".pre-commit-config.yaml").write_text("repos: []\n")
    said = headgate("init", cwd=tmp_path)
    assert said.code == 0
    assert (tmp_path / "hello.flow").read_text() == "mine"
    assert (tmp_path / ".pre-commit-config.yaml").read_text() == "repos: []\n"
    assert "add this to it" in said.out
    made = headgate("init", "--format", "json", cwd=tmp_path).json
    assert not any(each["written"] for each in made)


@pytest.mark.parametrize("verb", ["compile", "graph"])
def test_no_verb_writes_over_the_file_it_reads(tmp_path, verb):
    flow = tmp_path / "one.flow"
    flow.write_text("workflow one {\n  step a = set { x = 1 }\n}\n")
    before = flow.read_bytes()
    for target in ("one.flow", "one.flow#one"):
        said = headgate(verb, target, "-o", "one.flow", cwd=tmp_path)
        assert (said.code, said.err) == (2, "headgate: `one.flow` is the file it is made of: name another one\n")
    assert flow.read_bytes() == before


def test_drawing_what_cannot_be_read_says_why(tmp_path):
    said = headgate("graph", "none.flow", cwd=tmp_path)
    assert (said.code, said.err) == (3, "headgate: no file `none.flow`\n")
