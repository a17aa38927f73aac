"""A check without options skips the parser of options, and nobody can tell."""

import pytest
from command_line import headgate
from test_start_up import imported

WRONG = "workflow w {\n  step a = set after nowhere { x = 1 }\n}\n"
WARNS = "workflow w {\n  step a = set { x = 1 }\n  step b = set { x = {{ inputs.y }} }\n  input y: string\n}\n"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "wrong.flow").write_text(WRONG)
    (tmp_path / "warns.flow").write_text(WARNS)
    (tmp_path / "empty.flow").write_text("")
    (tmp_path / "-odd.flow").write_text(WARNS)
    return tmp_path


@pytest.mark.parametrize(
    "arguments",
    [
        (), ("wrong.flow",), ("warns.flow",), ("warns.flow", "--strict"), ("--no-cache", "wrong.flow", "warns.flow"),
        ("gone.flow",), ("empty.flow",), ("warns.flow#w",), ("warns.flow#none",), (".",), ("./-odd.flow",),
    ],
)  # fmt: skip
def test_it_says_what_the_parsed_check_says(folder, arguments):
    plain = headgate("check", *arguments, cwd=folder)
    parsed = headgate("check", "--format", "text", *arguments, cwd=folder)
    assert (plain.code, plain.out, plain.err) == (parsed.code, parsed.out, parsed.err)


def test_an_environment_from_outside_is_heard(folder):
    said = headgate("check", "warns.flow", cwd=folder, HEADGATE_ENV="prod")
    assert said.code == 2
    assert "no environment `prod`" in said.err


def test_options_are_still_read_and_misspelt_ones_named(folder):
    assert "--strict" in headgate("check", "--stirct", cwd=folder).err
    assert headgate("check", "--help", cwd=folder).out.startswith("Usage: headgate check")
    assert headgate("check", "-", cwd=folder).code == 3


def test_it_imports_no_click_and_an_answer_that_is_kept_no_gate(folder):
    assert "click" not in imported(["check", "warns.flow"], folder)
    modules = imported(["check", "warns.flow"], folder)
    assert not {
        name for name in modules if name.startswith(("headgate.grammar", "headgate.compiler", "headgate.kinds"))
    }
    assert "headgate.validators.gate" not in modules
