"""Findings as SARIF, GitHub, GitLab and JUnit read them.

`tests/cases/sarif` holds the official schema of SARIF 2.1.0 (rtm.5) as the npm package `@microsoft/jest-sarif` has it.
"""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import jsonschema
import pytest
from gate_cases import CASES, gate, read

from headgate.api.checking import check
from headgate.api.locations import in_repository
from headgate.api.surroundings import Options
from headgate.diagnostics import Diagnostic, Edit, Fix, Label, Safety, Severity, WitnessStep
from headgate.render.findings_concise import findings_concise
from headgate.render.findings_github import findings_github
from headgate.render.findings_gitlab import findings_gitlab
from headgate.render.findings_junit import findings_junit
from headgate.render.findings_sarif import findings_sarif
from headgate.source import Source, Span
from headgate.validators.report import CheckedFile, CheckReport, Gap, Unreadable

SARIF = jsonschema.Draft4Validator(
    json.loads(
        (Path(__file__).parent.parent / "cases" / "sarif" / "sarif-2.1.0-rtm.5.json").read_text(encoding="utf-8")
    )
)
PATHS = sorted(CASES.glob("*.flow"))
TEXT = 'workflow w {\n  step 漢字 = set { text = "👍" }\n  step b = bad\n}\n'


def report(path: Path) -> CheckReport:
    case = read(path)
    examined = gate(case.text, case.toml, case.lock, case.environment)
    file = CheckedFile(
        Source(path.name, case.text),
        examined.diagnostics,
        examined.suppressed,
        examined.skipped,
        gaps=examined.gaps,
        rules=examined.rules,
    )
    return CheckReport((file,))


def one(
    message: str = "says", path: str = "a.flow", severity: Severity = Severity.ERROR, **more: object
) -> CheckReport:
    at = TEXT.index("bad")
    found = Diagnostic("HG006", "unknown-kind", severity, message, Span(at, at + 3), **more)  # type: ignore[arg-type]
    return CheckReport((CheckedFile(Source(path, TEXT), (found,), rules=9),))


def run_of(report: CheckReport) -> dict:
    log = json.loads(findings_sarif(report))
    SARIF.validate(log)
    (run,) = log["runs"]
    return run


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_sarif_passes_its_schema_and_has_every_finding_with_its_rule(path: Path) -> None:
    run = run_of(report(path))
    (file,) = report(path).files
    assert len(run["results"]) == len(file.diagnostics) + len(file.suppressed)
    rules = run["tool"]["driver"]["rules"]
    for result in run["results"]:
        rule = rules[result["ruleIndex"]]
        assert rule["id"] == result["ruleId"]
        assert rule["help"]["text"]
        assert rule["defaultConfiguration"]["level"] in {"error", "warning", "note"}


def test_sarif_counts_columns_in_code_points_and_ends_are_exclusive() -> None:
    run = run_of(one())
    assert run["columnKind"] == "unicodeCodePoints"
    region = run["results"][0]["locations"][0]["physicalLocation"]["region"]
    assert region == {"startLine": 3, "startColumn": 12, "endLine": 3, "endColumn": 15}


def test_sarif_carries_labels_the_path_and_the_fixes() -> None:
    at = TEXT.index("bad")
    name = TEXT.index("漢字")
    run = run_of(
        one(
            labels=(Label(Span(name, name + 2), "the first"),),
            witness=(WitnessStep("漢字", "", Span(name, name + 2)), WitnessStep("b", "else", Span(at, at + 3))),
            fixes=(
                Fix("write `set`", Safety.SAFE, (Edit(Span(at, at + 3), "set"),)),
                Fix("add a line", Safety.UNSAFE, (Edit(Span(at + 4, at + 4), "  x\n"), Edit(Span(0, 0), "# y\n"))),
            ),
        )
    )
    (result,) = run["results"]
    (related,) = result["relatedLocations"]
    assert related["message"]["text"] == "the first"
    assert related["physicalLocation"]["region"]["startColumn"] == 8
    stops = result["codeFlows"][0]["threadFlows"][0]["locations"]
    assert [stop["location"]["message"]["text"] for stop in stops] == ["漢字", "else: b"]
    first, second = result["fixes"]
    (change,) = first["artifactChanges"]
    assert change["replacements"][0]["insertedContent"] == {"text": "set"}
    assert change["replacements"][0]["deletedRegion"]["startColumn"] == 12
    assert (first["properties"], second["properties"]) == ({"safety": "safe"}, {"safety": "unsafe"})
    lines = [each["deletedRegion"]["startLine"] for each in second["artifactChanges"][0]["replacements"]]
    assert lines == [1, 4]


def test_sarif_names_what_a_comment_silences_with_its_reason(tmp_path: Path) -> None:
    text = "workflow w {\n  step a = set\n  # headgate: ignore[HG111] both at once\n  step b = set { x = 1 }\n}\n"
    (tmp_path / "a.flow").write_text(text)
    run = run_of(check(("a.flow",), Options(start=tmp_path)))
    silenced = [result for result in run["results"] if "suppressions" in result]
    assert [result["ruleId"] for result in silenced] == ["HG111"]
    assert silenced[0]["suppressions"] == [{"kind": "inSource", "status": "accepted", "justification": "both at once"}]


def test_sarif_names_the_step_that_a_finding_stands_in() -> None:
    (result,) = run_of(one())["results"]
    assert result["locations"][0]["logicalLocations"] == [{"fullyQualifiedName": "w.b", "kind": "step"}]


def test_sarif_is_no_success_when_a_file_could_not_be_read_or_a_setting_is_wrong() -> None:
    whole = CheckReport((), (Unreadable("b c.flow", "no file `b c.flow`"),), ("headgate.toml:2: `x` is no key",))
    (invocation,) = run_of(whole)["invocations"]
    assert invocation["executionSuccessful"] is False
    (missed,) = invocation["toolExecutionNotifications"]
    assert missed["message"]["text"] == "no file `b c.flow`"
    assert missed["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "b%20c.flow"
    assert invocation["toolConfigurationNotifications"][0]["level"] == "error"


GAPPED = CheckReport(
    (CheckedFile(Source("a.flow", TEXT), (), gaps=(Gap("HG403", "there is no lock"),), skipped=("HG403",)),)
)


def test_no_format_is_silent_about_a_rule_that_could_not_run_even_when_its_note_is_ignored() -> None:
    said = "`HG403` unknown-tool was not checked: there is no lock"
    (invocation,) = run_of(GAPPED)["invocations"]
    assert invocation["toolExecutionNotifications"][0]["message"]["text"] == said
    assert findings_github(GAPPED) == f"::notice file=a.flow,title=headgate::{said}\n"
    assert json.loads(findings_gitlab(GAPPED))[0]["description"] == said
    assert findings_concise(GAPPED) == f"a.flow:1:1: note[HG904] {said}\n"
    (case,) = ET.fromstring(findings_junit(GAPPED)).iter("testcase")
    assert [(each.tag, each.get("message")) for each in case] == [("skipped", said)]
    (case,) = ET.fromstring(findings_junit(GAPPED, strict=True)).iter("testcase")
    assert [(each.tag, each.get("message")) for each in case] == [("failure", said)]


def test_github_gets_one_escaped_command_a_finding() -> None:
    said = findings_github(one("100% of\r\nit: a,b", path="odd,na:me%.flow", help="do it"))
    assert said == (
        "::error file=odd%2Cna%3Ame%25.flow,line=3,col=12,endLine=3,endColumn=15,"
        "title=HG006 unknown-kind::100%25 of%0D%0Ait: a,b%0Ado it\n"
    )


@pytest.mark.parametrize(("severity", "command"), [("error", "error"), ("warning", "warning"), ("note", "notice")])
def test_github_knows_each_severity(severity: str, command: str) -> None:
    assert findings_github(one(severity=Severity(severity))).startswith(f"::{command} file=")


def test_github_gets_no_columns_for_a_place_of_several_lines() -> None:
    found = one().files[0].diagnostics[0]._replace(span=Span(0, len(TEXT) - 1))
    said = findings_github(CheckReport((CheckedFile(Source("a.flow", TEXT), (found,)),)))
    assert said.startswith("::error file=a.flow,line=1,endLine=4,title=")


def test_github_and_gitlab_say_what_could_not_be_read_or_used() -> None:
    whole = CheckReport((), (Unreadable("b.flow", "no file `b.flow`"),), ("headgate.toml:2: `x` is no key",))
    assert findings_github(whole).splitlines() == [
        "::error title=headgate::headgate.toml:2: `x` is no key",
        "::error file=b.flow,title=headgate::no file `b.flow`",
    ]
    issues = json.loads(findings_gitlab(whole))
    assert [(issue["severity"], issue["location"]["path"]) for issue in issues] == [
        ("blocker", "headgate.toml"),
        ("blocker", "b.flow"),
    ]
    assert issues[0]["location"]["lines"]["begin"] == 2


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_gitlab_has_what_it_wants_and_no_fingerprint_twice(path: Path) -> None:
    issues = json.loads(findings_gitlab(report(path)))
    assert len({issue["fingerprint"] for issue in issues}) == len(issues) == len(report(path).files[0].diagnostics)
    for issue in issues:
        assert issue["severity"] in {"info", "minor", "major", "critical", "blocker"}
        assert issue["check_name"]
        assert issue["description"]
        assert issue["location"]["path"] == path.name
        assert issue["location"]["lines"]["begin"] >= 1


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_fingerprint_stays_when_lines_move(path: Path) -> None:
    case = read(path)
    moved = Source(path.name, "# a new line\n\n" + case.text)
    examined = gate(moved.text, case.toml, case.lock, case.environment)
    before = [issue["fingerprint"] for issue in json.loads(findings_gitlab(report(path)))]
    after = json.loads(findings_gitlab(CheckReport((CheckedFile(moved, examined.diagnostics),))))
    assert [issue["fingerprint"] for issue in after] == before


def test_the_same_finding_of_two_steps_has_two_fingerprints() -> None:
    text = "workflow w {\n  step a = bad\n  step b = bad after a\n}\n"
    examined = gate(text)
    issues = json.loads(findings_gitlab(CheckReport((CheckedFile(Source("a.flow", text), examined.diagnostics),))))
    assert len({issue["fingerprint"] for issue in issues}) == 2


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_junit_parses_and_fails_exactly_what_blocks(path: Path) -> None:
    for strict in (False, True):
        root = ET.fromstring(findings_junit(report(path), strict=strict))
        (file,) = report(path).files
        blocking = [d for d in file.diagnostics if d.severity == "error" or (strict and d.severity == "warning")]
        failures = list(root.iter("failure"))
        assert len(failures) == len(blocking) + (len(file.gaps) if strict else 0)
        assert bool(failures) == file._replace(strict=strict).blocks
        assert root.get("tests") == "1"


def test_junit_survives_what_xml_cannot_hold() -> None:
    odd = one('a \x1b[31m <b> & "c" ]]> \x00 \ufffe', path="x\x07<&>.flow")
    (case,) = ET.fromstring(findings_junit(odd)).iter("testcase")
    assert case.get("name") == "x␇<&>.flow"
    assert case[0].get("message") == 'a ␛[31m <b> & "c" ]]> ␀ <U+FFFE>'


def test_junit_counts_what_could_not_be_read_as_an_error_and_passes_what_is_clean() -> None:
    clean = CheckedFile(Source("a.flow", TEXT), ())
    whole = CheckReport((clean,), (Unreadable("b.flow", "no file `b.flow`"),), ("`--select` names no rule",))
    root = ET.fromstring(findings_junit(whole))
    assert [root.get(name) for name in ("tests", "failures", "errors", "skipped")] == ["3", "0", "2", "0"]
    assert [len(case) for case in root.iter("testcase")] == [1, 1, 0]


def test_paths_for_services_begin_at_the_repository(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    flows = tmp_path / "deep" / "flows"
    flows.mkdir(parents=True)
    (flows / "headgate.toml").write_text("")
    (flows / "a.flow").write_text(TEXT)
    found = check(("flows", "gone.flow"), Options(start=tmp_path / "deep"))
    assert [file.source.path for file in found.files] == ["a.flow"]
    moved = in_repository(found, tmp_path / "deep")
    assert [file.source.path for file in moved.files] == ["deep/flows/a.flow"]
    assert [each.path for each in moved.unreadable] == ["deep/gone.flow"]
