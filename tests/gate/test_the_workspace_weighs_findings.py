"""`[check]`: what findings weigh, which rules are named, and the baseline."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from headgate.api import baselines
from headgate.api.baselines import NAME
from headgate.api.checking import check, check_text
from headgate.api.compiling import compile_target
from headgate.api.faults import NothingStarted, UsageFault
from headgate.api.surroundings import Options
from headgate.render.findings_sarif import findings_log
from headgate.validators.report import CheckReport

TWO_ROOTS = "workflow w {\n  step a = set { x = 1 }\n  step b = set { x = 1 }\n}\n"
THREE_ROOTS = TWO_ROOTS.replace("}\n}", "}\n  step c = set { x = 1 }\n}")
WRONG = "workflow wrong {\n  step a = set after nowhere { x = 1 }\n}\n"


def run(folder: Path, *paths: str, **options: object) -> CheckReport:
    return check(paths, options_of(folder, **options))


def options_of(folder: Path, **options: object) -> Options:
    return Options(start=folder, today="2026-11-20", **options)  # type: ignore[arg-type]


def weighed(report: CheckReport) -> list[tuple[str, str]]:
    return [(one.code, str(one.severity)) for _, one in report.findings()]


def configure(folder: Path, toml: str) -> None:
    (folder / "headgate.toml").write_text(f"[check]\n{toml}\n")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.flow").write_text(TWO_ROOTS)
    return tmp_path


@pytest.mark.parametrize(
    ("severity", "found", "exit_code"),
    [
        ('{ HG111 = "error" }', [("HG111", "error")], 1),
        ('{ HG111 = "note" }', [("HG111", "note")], 0),
        ('{ accidental-root = "error" }', [("HG111", "error")], 1),
        ('{ HG1 = "off", HG111 = "error" }', [("HG111", "error")], 1),
        ('{ HG1 = "error", HG111 = "off" }', [], 0),
        ('{ hg111 = "off" }', [], 0),
    ],
)
def test_a_workspace_says_what_findings_weigh(
    folder: Path, severity: str, found: list[tuple[str, str]], exit_code: int
) -> None:
    configure(folder, f"severity = {severity}")
    assert weighed(run(folder)) == found
    assert weighed(run(folder)) == found, "also when the answer was kept"
    assert run(folder).exit_code() == exit_code
    assert (compile_target("a.flow", start=folder).plan is None) == (exit_code == 1)


@pytest.mark.parametrize(
    ("toml", "says"),
    [
        ('severity = { HG104 = "warning" }', "[check] severity cannot lower `HG104` unknown-dependency"),
        ('severity = { HG104 = "off" }', "[check] severity cannot turn off `HG104` unknown-dependency"),
        ('severity = { HG5O3 = "error" }', "[check] severity names no rule `HG5O3`; did you mean `HG503`?"),
        ('severity = { accidental-rot = "error" }', "names no rule `accidental-rot`; did you mean `accidental-root`?"),
        ('severity = { HG111 = "fatal" }', "headgate.toml:2: `check.severity.HG111`"),
        ('select = ["HG9O"]', "[check] select names no rule `HG9O`"),
        ('sverity = { HG111 = "error" }', "`sverity` is not a key of `check`; did you mean `severity`?"),
        ('basline = "x"', "did you mean `baseline`?"),
    ],
)
def test_what_cannot_be_meant_is_exit_2_and_one_sentence(folder: Path, toml: str, says: str) -> None:
    configure(folder, toml)
    report = run(folder)
    assert report.exit_code() == 2
    assert [says in fault for fault in report.faults] == [True], report.faults


def test_errors_that_later_stages_rely_on_stay_errors_whatever_a_beginning_says(folder: Path) -> None:
    (folder / "b.flow").write_text(WRONG)
    configure(folder, 'severity = { HG1 = "note" }')
    assert weighed(run(folder)) == [("HG111", "note"), ("HG104", "error")]


def test_rules_may_be_named(folder: Path) -> None:
    assert weighed(run(folder, select=("accidental-root",))) == [("HG111", "warning")]
    assert weighed(run(folder, ignore=("Accidental-Root,HG5",))) == []


def test_a_comment_is_not_called_unneeded_because_its_rule_is_ignored(folder: Path) -> None:
    (folder / "a.flow").write_text(TWO_ROOTS.replace("  step b", "  # headgate: ignore[HG111] both at once\n  step b"))
    assert weighed(run(folder, ignore=("HG111",))) == []


def test_a_comment_silences_what_the_workspace_made_an_error(folder: Path) -> None:
    (folder / "a.flow").write_text(TWO_ROOTS.replace("  step b", "  # headgate: ignore[HG111] both at once\n  step b"))
    configure(folder, 'severity = { HG111 = "error" }')
    assert (weighed(run(folder)), run(folder).suppressed) == ([], 1)


def with_baseline(folder: Path, text: str = TWO_ROOTS) -> None:
    (folder / "a.flow").write_text(text)
    configure(folder, f'strict = true\nbaseline = "{NAME}"')
    baselines.write((), options_of(folder))


def test_a_baseline_hides_what_it_knows_and_nothing_new(folder: Path) -> None:
    with_baseline(folder)
    report = run(folder)
    assert (weighed(report), report.exit_code(), report.verdict) == ([], 0, "clean")
    assert [(one.path, one.hidden, one.stale) for one in report.baselines] == [(NAME, 1, 0)]
    (folder / "a.flow").write_text(THREE_ROOTS)
    report = run(folder)
    assert [one.message.split("`")[1] for _, one in report.findings()] == ["c"]
    assert report.exit_code() == 1


def test_a_baseline_matches_when_lines_move_and_steps_are_reordered(folder: Path) -> None:
    with_baseline(folder, THREE_ROOTS)
    lines = THREE_ROOTS.splitlines(keepends=True)
    (folder / "a.flow").write_text("# new\n\n" + "".join([lines[0], lines[1], lines[3], lines[2], lines[4]]))
    report = run(folder)
    assert (weighed(report), report.baselines[0].hidden, report.baselines[0].stale) == ([], 2, 0)


def test_what_is_found_no_more_is_stale_and_can_be_pruned(folder: Path) -> None:
    with_baseline(folder, THREE_ROOTS)
    (folder / "a.flow").write_text(TWO_ROOTS.replace("set {", "set after c {", 1).replace("step b", "step c"))
    report = run(folder)
    assert [(one.hidden, one.stale) for one in report.baselines] == [(0, 2)]
    done = baselines.prune((), options_of(folder))
    assert (done.known, done.added, done.removed) == (0, 0, 2)
    assert json.loads((folder / NAME).read_text())["findings"] == []


def test_pruning_lets_nothing_new_in(folder: Path) -> None:
    with_baseline(folder)
    (folder / "a.flow").write_text(THREE_ROOTS)
    done = baselines.prune((), options_of(folder))
    assert (done.known, done.added, done.removed) == (1, 0, 0)
    assert len(weighed(done.report)) == 1


def test_entries_of_a_file_that_is_gone_are_stale_and_of_one_not_asked_for_are_not(folder: Path) -> None:
    (folder / "b.flow").write_text(TWO_ROOTS)
    with_baseline(folder)
    assert run(folder, "b.flow").baselines[0].stale == 0
    (folder / "a.flow").unlink()
    assert run(folder, "b.flow").baselines[0].stale == 1


@pytest.mark.parametrize("options", [{"select": ("HG5",)}, {"ignore": ("HG111",)}])
def test_an_entry_of_a_rule_that_was_not_asked_for_is_not_stale(folder: Path, options: dict[str, object]) -> None:
    with_baseline(folder)
    assert [(one.hidden, one.stale) for one in run(folder, **options).baselines] == [(0, 0)]


def test_an_entry_of_a_file_that_does_not_parse_is_not_stale(folder: Path) -> None:
    with_baseline(folder)
    (folder / "a.flow").write_text(TWO_ROOTS.replace("{ x = 1 }", "{ x = }", 1))
    assert run(folder).baselines[0].stale == 0


def test_one_more_of_the_same_is_new(folder: Path) -> None:
    loop = 'workflow w {\n  step a = http POST "u" { retry = 3 }\n}\n'
    with_baseline(folder, TWO_ROOTS + loop)
    (folder / NAME).write_text((folder / NAME).read_text().replace('"count": 1', '"count": 0'))
    assert run(folder).exit_code() == 1


def test_errors_that_nobody_may_ignore_are_never_hidden(folder: Path) -> None:
    (folder / "b.flow").write_text(WRONG + "workflow x {\n  step = \n}\n")
    done = baselines.write((), options_of(folder))
    assert {one["code"] for one in json.loads((folder / NAME).read_text())["findings"]} == {"HG111"}
    assert {code for code, _ in weighed(done.report)} == {"HG104", "HG001"}
    assert done.report.exit_code() == 1


def test_a_baseline_is_for_check_and_lets_nothing_be_compiled(folder: Path) -> None:
    configure(folder, f'baseline = "{NAME}"\nseverity = {{ HG111 = "error" }}')
    baselines.write((), options_of(folder))
    assert run(folder).exit_code() == 0
    assert compile_target("a.flow", start=folder).plan is None


def test_a_baseline_hides_the_same_from_an_editor(folder: Path) -> None:
    with_baseline(folder)
    assert weighed(check_text(TWO_ROOTS, "a.flow", options_of(folder))) == []
    assert len(weighed(check_text(TWO_ROOTS, "b.flow", options_of(folder)))) == 1


def test_without_baselines_everything_is_shown(folder: Path) -> None:
    with_baseline(folder)
    assert len(weighed(run(folder, baselines=False))) == 1


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "no baseline `headgate-baseline.json`; `headgate check --write-baseline` makes it"),
        ("{", "`headgate-baseline.json` is no baseline: it is not JSON"),
        ('{"version": 2, "findings": []}', "is no baseline: expected `version` 1 and a list of `findings`"),
        ('{"version": 1, "findings": [{}]}', "is no baseline: `findings[0]` is no entry"),
    ],
)
def test_a_baseline_that_cannot_be_used_is_exit_2_and_hides_nothing(
    folder: Path, content: str | None, says: str
) -> None:
    configure(folder, f'baseline = "{NAME}"')
    if content is not None:
        (folder / NAME).write_text(content)
    report = run(folder)
    assert (report.exit_code(), len(weighed(report))) == (2, 1)
    assert says in report.faults[0]


def test_nothing_else_is_overwritten_by_a_baseline(folder: Path) -> None:
    with pytest.raises(UsageFault, match=r"`a\.flow` is no baseline and is left as it is"):
        baselines.write((), options_of(folder), "a.flow")
    with pytest.raises(UsageFault, match="is a folder, not a baseline"):
        baselines.write((), options_of(folder), ".")
    with pytest.raises(UsageFault, match="a baseline knows whole files"):
        baselines.write(("a.flow#w",), options_of(folder))
    assert (folder / "a.flow").read_text() == TWO_ROOTS


def test_a_read_only_baseline_is_said(folder: Path) -> None:
    with_baseline(folder)
    (folder / NAME).chmod(0o444)
    with pytest.raises(NothingStarted, match="cannot be written: it is read-only"):
        baselines.write((), options_of(folder))


def test_writing_for_some_files_keeps_what_is_known_of_others(folder: Path) -> None:
    (folder / "b.flow").write_text(TWO_ROOTS)
    with_baseline(folder)
    done = baselines.write(("b.flow",), options_of(folder))
    assert (done.known, done.added, done.removed) == (2, 0, 0)


def test_sarif_shows_what_a_baseline_knows_as_suppressed_from_outside(folder: Path) -> None:
    with_baseline(folder)
    text = json.dumps(findings_log(run(folder)))
    (result,) = json.loads(text)["runs"][0]["results"]
    assert [each["kind"] for each in result["suppressions"]] == ["external"]
