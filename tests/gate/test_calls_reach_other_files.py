"""Workflows that call those of other files: their inputs and outputs are known, and read only when somebody calls."""

from __future__ import annotations

from pathlib import Path

from headgate.api.checking import check, check_text
from headgate.api.neighbours import Neighbours
from headgate.api.surroundings import Options
from headgate.validators.report import CheckReport

CHILD = """\
workflow child {
  input size: integer
  step make = http GET "https://example.com"
  output { code = {{ steps.make.result.status }} }
}
"""
CALLER = """\
workflow caller {
  step go = call child { inputs = { size = "5" } }
  step note = http POST "https://example.com" { body = { code = {{ steps.go.result.cdoe }} } }
}
"""


def write(folder: Path, **files: str) -> Path:
    (folder / "headgate.toml").write_text("")
    for name, text in files.items():
        (folder / f"{name}.flow").write_text(text)
    return folder


def run(folder: Path, *names: str) -> CheckReport:
    return check(
        names, Options(start=folder, today="2026-11-20", select=("HG2", "HG3"), ignore=("HG211",), cache=False)
    )


def said(report: CheckReport) -> list[str]:
    assert report.faults == ()
    return [one.message for file in report.files for one in file.diagnostics]


def test_a_call_is_held_against_the_workflow_in_another_file(tmp_path: Path) -> None:
    write(tmp_path, child=CHILD, caller=CALLER)
    assert said(run(tmp_path, "caller.flow")) == [
        'the input `size` of workflow `child` expects a whole number, not `"5"`',
        "workflow `child` gives no `cdoe`; did you mean `code`?",
    ]


def test_a_ring_through_files_is_said_in_each_of_them_once(tmp_path: Path) -> None:
    one = "workflow one {\n  step go = call two\n}\n"
    write(tmp_path, one=one, two=one.replace("one", "three").replace("two", "one").replace("three", "two"))
    assert said(run(tmp_path)) == [
        "workflow `one` comes to call itself: `one -> two -> one`",
        "workflow `two` comes to call itself: `two -> one -> two`",
    ]


def test_what_stands_in_an_editor_goes_before_the_file_of_that_name(tmp_path: Path) -> None:
    ring = "workflow one {\n  step go = call two\n}\n"
    write(tmp_path, one=ring, two="workflow two {\n  step go = call one\n}\n")
    mended = "workflow one {\n  step go = set { x = 1 }\n}\n"
    report = check_text(mended, tmp_path / "one.flow", Options(start=tmp_path, today="2026-11-20", select=("HG3",)))
    assert said(report) == []


def test_nothing_is_said_of_a_workflow_that_cannot_be_read_whole(tmp_path: Path) -> None:
    write(
        tmp_path,
        child="workflow child {\n  input size: = integer\n  %%% ?\n  step a = set { x = 1 }\n}\n",
        caller=CALLER,
    )
    assert said(run(tmp_path, "caller.flow")) == []


def test_a_file_is_parsed_when_one_of_its_workflows_is_called_and_then_once(tmp_path: Path) -> None:
    write(tmp_path, child=CHILD, caller=CALLER)
    neighbours = Neighbours(tmp_path)
    assert neighbours.find("nobody") is None
    found = neighbours.find("child")
    assert found is not None
    assert neighbours.find("child") is found


def test_long_chains_and_wide_fans_of_calls_are_read_in_time(tmp_path: Path) -> None:
    fan = [
        f"workflow w{number} {{\n  step a = call w{number + 1}\n  step b = call w{number + 1}\n"
        "  output { x = {{ steps.a.result.x }}, y = {{ steps.b.result.x }} }\n}\n"
        for number in range(300)
    ]
    write(
        tmp_path,
        fan="\n".join([*fan, "workflow w300 {\n  step a = set { x = 1 }\n  output { x = {{ steps.a.result.x }} }\n}"]),
    )
    assert said(run(tmp_path)) == []
