"""`FILE` and `FILE#NAME` to a plan, or to the reason why there is none."""

import pytest

from headgate.api.compiling import compile_target
from headgate.api.faults import UsageFault

ONE = 'workflow one {\n  step a = http GET "https://e.com" {}\n}\n'
TWO = 'workflow two {\n  step b = http POST "https://e.com" {}\n}\n'
WRONG = "workflow wrong {\n  step c = nonsense {}\n}\n"


@pytest.fixture
def write(tmp_path):
    (tmp_path / "headgate.toml").write_text("[environments.prod]\n")

    def file(name, text):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(path)

    return file


def test_the_only_workflow_of_a_file_needs_no_name(write):
    compiled = compile_target(write("a.flow", ONE))
    assert compiled.plan.workflow == "one"
    assert compiled.plan.source["path"] == "a.flow"
    assert compiled.report.exit_code() == 0


def test_a_file_with_several_lists_them(write):
    with pytest.raises(UsageFault) as raised:
        compile_target(write("a.flow", ONE + TWO))
    assert raised.value.message == "`a.flow` holds 2 workflows; name one of them: `a.flow#one`, `a.flow#two`"
    assert compile_target(write("a.flow", ONE + TWO) + "#two").plan.workflow == "two"


def test_an_error_in_another_workflow_of_the_file_does_not_stand_in_the_way(write):
    path = write("a.flow", ONE + WRONG)
    assert compile_target(f"{path}#one").plan.workflow == "one"
    refused = compile_target(f"{path}#wrong")
    assert refused.plan is None
    assert [found.code for file in refused.report.files for found in file.diagnostics] == ["HG006"]


def test_a_call_of_a_workflow_that_has_an_error_is_of_unknown_effect(write):
    path = write("a.flow", "workflow main {\n  step a = call wrong {}\n}\n" + WRONG)
    assert compile_target(f"{path}#main").plan.steps["a"].reversibility == "unknown"


UNREADABLE = [
    ("no.flow", None, "no file `no.flow`"),
    ("a.flow", b"", "`a.flow` is empty"),
    ("a.flow", b"\x00\x01", "`a.flow` is no text"),
    ("a.flow", b"\xff", "`a.flow` is not UTF-8"),
    ("a.flow", "# nothing\n", "`a.flow` holds no workflow"),
]


@pytest.mark.parametrize(("name", "content", "message"), UNREADABLE)
def test_what_holds_no_workflow_says_so(write, tmp_path, name, content, message):
    target = str(tmp_path / name) if content is None else write(name, content)
    compiled = compile_target(target)
    assert compiled.plan is None
    assert compiled.report.unreadable[0].message.startswith(message)
    assert compiled.report.exit_code() == 3


def test_a_name_that_the_file_does_not_have_lists_those_it_has(write):
    compiled = compile_target(write("a.flow", ONE) + "#nope")
    assert compiled.plan is None
    assert compiled.report.unreadable[0].message == "no workflow `nope` in `a.flow`; it has `one`"


def test_an_environment_that_does_not_exist_is_wrong_usage(write):
    path = write("a.flow", ONE)
    compiled = compile_target(path, "prot")
    assert compiled.plan is None
    assert compiled.report.exit_code() == 2
    assert compile_target(path, "prod").plan == compile_target(path).plan


def test_a_workspace_with_a_fault_compiles_nothing(write):
    path = write("a.flow", ONE)
    write("headgate.toml", "[projekt]\n")
    compiled = compile_target(path)
    assert compiled.plan is None
    assert "did you mean `project`?" in compiled.report.faults[0]


def test_strict_lets_no_warning_pass(write):
    path = write("a.flow", "workflow w {\n  step a = set {}\n  step b = set {}\n}\n")
    assert compile_target(path).plan is not None
    assert compile_target(path, strict=True).plan is None


def test_rules_that_a_workspace_leaves_out_of_check_still_stand_before_a_plan(write):
    path = write("a.flow", WRONG)
    write("headgate.toml", '[check]\nselect = ["HG8"]\n')
    assert compile_target(path).plan is None


def test_overrides_of_an_environment_do_not_enter_the_plan(write):
    path = write("a.flow", "workflow w {\n  step a = mcp i.t {}\n}\n")
    write(
        "headgate.toml",
        "[instances.i]\nserver_url = 'x'\n[instances.i.tools.t]\nreversibility = 'safe'\n"
        "[environments.prod.instances.i.tools.t]\nreversibility = 'recoverable'\n",
    )
    assert compile_target(path, "prod").plan.steps["a"].reversibility == "safe"
