"""`check`: which files, against which workspace, with which verdict and exit code."""

from __future__ import annotations

from pathlib import Path

import pytest

from headgate.api.checking import check, check_text
from headgate.api.surroundings import Options
from headgate.validators.report import CheckReport

GOOD = "workflow good {\n  step a = set { x = 1 }\n}\n"
WARNS = "workflow warns {\n  step a = set { x = 1 }\n  step b = set { x = 1 }\n}\n"
WRONG = "workflow wrong {\n  step a = set after nowhere { x = 1 }\n}\n"
BROKEN = "workflow broken {\n  step a = set { x = }\n}\n"
CALLS = "workflow calls {\n  step a = mcp stripe.get_charge\n}\n"
TOML = '[instances.stripe]\nserver_url = "https://mcp.stripe.com"\n'
LOCK = """{"version": 1, "instances": {"stripe": {"tools":
  {"get_charge": {"inputSchema": {}, "annotations": {"readOnlyHint": true}}}}}}"""


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_flow", ".flow")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def run(folder: Path, *paths: str, **options: object) -> CheckReport:
    return check(paths, Options(start=folder, today="2026-11-20", **options))  # type: ignore[arg-type]


def codes(report: CheckReport) -> list[str]:
    return [one.code for file in report.files for one in file.diagnostics]


@pytest.mark.parametrize(
    ("text", "exit_code", "strict_exit_code", "verdict"),
    [
        (GOOD, 0, 0, "clean"),
        (WARNS, 0, 1, "findings"),
        (WRONG, 1, 1, "findings"),
        (BROKEN, 1, 1, "findings"),
        (CALLS, 0, 1, "incomplete"),
        ("", 3, 3, "incomplete"),
        ("# headgate: ignore[HG507] nothing is here\n", 3, 3, "incomplete"),
    ],
)
def test_exit_code_and_verdict(tmp_path: Path, text: str, exit_code: int, strict_exit_code: int, verdict: str) -> None:
    write(tmp_path, a_flow=text)
    (tmp_path / "headgate.toml").write_text(TOML)
    assert run(tmp_path, "a.flow").exit_code() == exit_code
    assert run(tmp_path, "a.flow", strict=True).exit_code() == strict_exit_code
    assert run(tmp_path, "a.flow").exit_code(strict=True) == strict_exit_code
    assert run(tmp_path, "a.flow").verdict == verdict


def test_of_several_exit_codes_2_comes_before_3_and_3_before_1(tmp_path: Path) -> None:
    write(tmp_path, wrong_flow=WRONG)
    assert run(tmp_path, "wrong.flow", "missing.flow").exit_code() == 3
    assert run(tmp_path, "wrong.flow", "missing.flow", select=("HG999",)).exit_code() == 2


def test_without_a_path_the_workspace_is_checked_and_tools_folders_are_not(tmp_path: Path) -> None:
    write(tmp_path, a_flow=GOOD, sub__b_flow=GOOD, node_modules__c_flow=WRONG)
    write(tmp_path / ".venv", d_flow=WRONG)
    write(tmp_path / ".headgate", e_flow=WRONG)
    write(tmp_path / ".git", f_flow=WRONG)
    (tmp_path / "headgate.toml").write_text("")
    report = run(tmp_path / "sub")
    assert [file.source.path for file in report.files] == ["a.flow", "sub/b.flow"]
    assert report.exit_code() == 0


def test_an_empty_workspace_is_nothing_to_check(tmp_path: Path) -> None:
    report = run(tmp_path)
    assert report.exit_code() == 3
    assert "no `.flow` file" in report.unreadable[0].message


def test_paths_are_shown_from_the_workspace_or_else_from_the_current_folder(tmp_path: Path) -> None:
    write(tmp_path, sub__a_flow=GOOD)
    assert run(tmp_path / "sub", "a.flow").files[0].source.path == "a.flow"
    (tmp_path / "headgate.toml").write_text("")
    assert run(tmp_path / "sub", "a.flow").files[0].source.path == "sub/a.flow"


def test_a_file_named_twice_is_checked_once(tmp_path: Path) -> None:
    write(tmp_path, a_flow=GOOD)
    assert len(run(tmp_path, "a.flow", "a.flow").files) == 1


def test_one_workflow_of_a_file_can_be_named(tmp_path: Path) -> None:
    write(tmp_path, two_flow=GOOD + WRONG)
    assert run(tmp_path, "two.flow").exit_code() == 1
    assert run(tmp_path, "two.flow#good").exit_code() == 0
    assert run(tmp_path, "two.flow#wrong").exit_code() == 1
    missing = run(tmp_path, "two.flow#none")
    assert missing.exit_code() == 3
    assert missing.unreadable[0].message == "no workflow `none` in `two.flow`; it has `good`, `wrong`"


def test_a_file_whose_name_holds_a_hash_is_itself(tmp_path: Path) -> None:
    (tmp_path / "a.flow#good").write_text(GOOD)
    assert run(tmp_path, "a.flow#good").exit_code() == 0


def test_an_unreadable_file_does_not_hide_the_findings_of_the_others(tmp_path: Path) -> None:
    write(tmp_path, wrong_flow=WRONG)
    report = run(tmp_path, "missing.flow", "wrong.flow")
    assert codes(report) == ["HG104"]
    assert report.exit_code() == 3


def test_the_lock_makes_the_check_complete(tmp_path: Path) -> None:
    write(tmp_path, a_flow=CALLS)
    (tmp_path / "headgate.toml").write_text(TOML)
    without = run(tmp_path, "a.flow")
    assert codes(without) == ["HG904", "HG904", "HG904"]
    assert without.rules_skipped == ("HG302", "HG403", "HG601")
    (tmp_path / "headgate.lock").write_text(LOCK)
    with_lock = run(tmp_path, "a.flow", strict=True)
    assert (codes(with_lock), with_lock.exit_code(), with_lock.verdict) == ([], 0, "clean")


@pytest.mark.parametrize(
    ("toml", "says"),
    [
        (
            "[instnaces.stripe]\n",
            "headgate.toml:1: `instnaces` is not a key of `headgate.toml`; did you mean `instances`?",
        ),
        ("[check\n", "headgate.toml:1: `headgate.toml` is not TOML"),
        ('[check]\nignore = ["HG101"]\n', "[check] ignore cannot ignore `HG101` dependency-cycle"),
        ('[check]\nignore = ["HG5O3"]\n', "names no rule `HG5O3`; did you mean `HG503`?"),
    ],
)
def test_a_wrong_workspace_file_is_exit_2_and_one_sentence(tmp_path: Path, toml: str, says: str) -> None:
    write(tmp_path, a_flow=CALLS)
    (tmp_path / "headgate.toml").write_text(toml)
    report = run(tmp_path, "a.flow")
    assert report.exit_code() == 2
    assert [says in fault for fault in report.faults] == [True]
    assert report.verdict != "clean"


def test_what_leans_on_a_wrong_workspace_file_is_not_said_again(tmp_path: Path) -> None:
    write(tmp_path, a_flow=CALLS, b_flow=WRONG)
    (tmp_path / "headgate.toml").write_text("[instnaces.stripe]\n")
    assert codes(run(tmp_path)) == ["HG104"]


def test_a_damaged_lock_is_exit_2_and_one_sentence(tmp_path: Path) -> None:
    write(tmp_path, a_flow=CALLS)
    (tmp_path / "headgate.toml").write_text(TOML)
    (tmp_path / "headgate.lock").write_text('{"version": 1, "instan')
    report = run(tmp_path, "a.flow")
    assert (report.exit_code(), codes(report), len(report.faults)) == (2, [], 1)
    assert "`headgate.lock` is damaged" in report.faults[0]


def test_an_unknown_environment_is_exit_2_and_names_the_nearest(tmp_path: Path) -> None:
    write(tmp_path, a_flow=GOOD)
    assert "no environment `prod`" in run(tmp_path, "a.flow", environment="prod").faults[0]
    (tmp_path / "headgate.toml").write_text(TOML + '[environments.prod.instances]\nstripe = { profile = "active" }\n')
    report = run(tmp_path, "a.flow", environment="prdo")
    assert report.exit_code() == 2
    assert "did you mean `prod`?" in report.faults[0]
    assert run(tmp_path, "a.flow", environment="prod").exit_code() == 0


def test_the_workspace_of_the_environment_is_the_one_checked(tmp_path: Path) -> None:
    write(tmp_path, a_flow=CALLS)
    (tmp_path / "headgate.lock").write_text(LOCK)
    (tmp_path / "headgate.toml").write_text(
        TOML + '[connections.test]\napp = "Stripe"\n[environments.prod.instances]\nstripe = { connection = "live" }\n'
    )
    assert codes(run(tmp_path, "a.flow", environment="prod")) == ["HG404"]


def test_the_workspace_decides_what_is_ignored_and_what_is_strict(tmp_path: Path) -> None:
    write(tmp_path, a_flow=WARNS)
    (tmp_path / "headgate.toml").write_text("[check]\nstrict = true\n")
    assert run(tmp_path, "a.flow").exit_code() == 1
    (tmp_path / "headgate.toml").write_text('[check]\nstrict = true\nignore = ["HG111"]\n')
    assert run(tmp_path, "a.flow").exit_code() == 0


def test_select_runs_only_those_rules_and_always_the_syntax(tmp_path: Path) -> None:
    text = "workflow w {\n  step a = set after nowhere { x = 1 }\n  step b = sett { x = 1 }\n}\n"
    write(tmp_path, a_flow=text, b_flow=BROKEN)
    assert codes(run(tmp_path, "a.flow", select=("HG1",))) == ["HG104"]
    assert codes(run(tmp_path, "a.flow", select=("hg006,HG104",))) == ["HG104", "HG006"]
    assert codes(run(tmp_path, "b.flow", select=("HG8",))) == ["HG001"]


def test_errors_that_later_stages_rely_on_cannot_be_ignored(tmp_path: Path) -> None:
    write(tmp_path, a_flow=WRONG, b_flow=WARNS)
    assert "cannot ignore `HG104`" in run(tmp_path, "a.flow", ignore=("HG104",)).faults[0]
    assert codes(run(tmp_path, ignore=("HG1",))) == ["HG104"]


def test_a_call_finds_the_workflows_beside_it(tmp_path: Path) -> None:
    write(tmp_path, a_flow="workflow a {\n  step s = call good\n}\n", sub__b_flow=GOOD)
    assert codes(run(tmp_path, "a.flow")) == ["HG407"]
    (tmp_path / "headgate.toml").write_text("")
    assert codes(run(tmp_path, "a.flow")) == []


def test_a_text_is_checked_as_if_it_stood_in_its_folder(tmp_path: Path) -> None:
    (tmp_path / "headgate.toml").write_text(TOML)
    (tmp_path / "headgate.lock").write_text(LOCK)
    report = check_text(CALLS, "new.flow", Options(start=tmp_path))
    assert (report.exit_code(), report.files[0].source.path) == (0, "new.flow")


def test_suppressed_findings_are_counted_and_do_not_block(tmp_path: Path) -> None:
    text = WARNS.replace("step b", "# headgate: ignore[HG111] meant so\n  step b")
    write(tmp_path, a_flow=text)
    report = run(tmp_path, "a.flow", strict=True)
    assert (report.exit_code(), report.suppressed, report.verdict) == (0, 1, "clean")


def test_a_suppression_of_a_rule_that_was_not_run_is_not_called_unused(tmp_path: Path) -> None:
    write(tmp_path, a_flow=GOOD.replace("step", "# headgate: ignore[HG507] meant so\n  step"))
    assert codes(run(tmp_path, "a.flow")) == ["HG903"]
    assert codes(run(tmp_path, "a.flow", select=("HG1", "HG9"))) == []


def test_findings_come_in_the_order_of_the_text(tmp_path: Path) -> None:
    write(tmp_path, a_flow="workflow w {\n  step a = sett\n  step b = set after c\n  step d = sett\n}\n")
    spans = [one.span for one in run(tmp_path, "a.flow").files[0].diagnostics]
    assert spans == sorted(spans)


def test_half_a_character_is_no_text(tmp_path: Path) -> None:
    report = check_text("workflow w {\n  # \ud800\n}\n", "-", Options(start=tmp_path))
    assert (report.exit_code(), len(report.unreadable)) == (3, 1)


def test_compiled_lua_is_refused_without_being_read(tmp_path: Path) -> None:
    write(tmp_path, a_flow="workflow w {\n  step a = lua ```lua\n\x1bLuaS\n  ```\n}\n")
    report = run(tmp_path, "a.flow")
    assert codes(report) == ["HG901"]


def test_what_only_follows_from_a_syntax_error_is_not_said_beside_it(tmp_path: Path) -> None:
    write(tmp_path, a_flow="workflow w {\n  step a = send-mail\n}\n")
    assert codes(run(tmp_path, "a.flow")) == ["HG001"]
