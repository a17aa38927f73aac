"""Findings as text, one line each, and JSON. Whole outputs stand in tests/cases/findings."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from gate_cases import CASES, gate, read

from headgate.diagnostics import Diagnostic, Fix, Label, Severity, WitnessStep, replace
from headgate.render.findings_concise import findings_concise
from headgate.render.findings_json import findings_json
from headgate.render.findings_text import finding_text, findings_text
from headgate.source import Source, Span
from headgate.validators.report import CheckedFile, CheckReport, Unreadable

GOLDEN = Path(__file__).parent.parent / "cases" / "findings"
SCHEMA = json.loads((Path(__file__).parents[2] / "headgate" / "schemas" / "findings.json").read_text())


def report(path: Path) -> CheckReport:
    case = read(path)
    examined = gate(case.text, case.toml, case.lock)
    source = Source(path.name, case.text)
    return CheckReport((CheckedFile(source, examined.diagnostics, examined.suppressed, examined.skipped),))


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.flow")), ids=lambda path: path.stem)
def test_the_text_is_the_golden_one(path: Path) -> None:
    assert findings_text(report(path)) == path.with_suffix(".txt").read_text(encoding="utf-8")


def finding(text: str, marked: str, note: str = "here", **more: object) -> tuple[Source, Diagnostic]:
    start = text.index(marked)
    span = Span(start, start + len(marked))
    return Source("a.flow", text), Diagnostic("HG007", "wrong-value", Severity.ERROR, "says", span, note, **more)  # type: ignore[arg-type]


def snippet(text: str, marked: str) -> list[str]:
    """The line with the text and the line with the carets, without their margins."""
    source, diagnostic = finding(text, marked)
    lines = finding_text(source, diagnostic).split("\n")
    return [line.split("| ", 1)[1] for line in lines[3:5]]


def columns(shown: str) -> int:
    """The width of a text on a terminal, counted by another table than the product's."""
    wide, joined = "漢字👍👨👩👧\u1100", "\u0301\u200d\u1161\u11a8"
    return sum(2 if one in wide else 0 if one in joined else 1 for one in shown)


@pytest.mark.parametrize(
    ("before", "marked"),
    [
        ("x = ", "bad"),
        ("\tx = ", "bad"),
        ("ab\tx\t= ", "bad"),
        ("漢字 = ", "bad"),
        ("e\u0301 = ", "bad"),
        ("👍 = ", "bad"),
        ("x = ", "漢字"),
        ("x = ", "e\u0301"),
        ("👨\u200d👩\u200d👧 = ", "bad"),
        ("x = ", "👨\u200d👩\u200d👧"),
        ("❤\ufe0f = ", "bad"),
        ("\u1100\u1161\u11a8 = ", "bad"),
    ],
)
def test_carets_stand_under_what_they_mark(before: str, marked: str) -> None:
    shown, carets = snippet(f"{before}{marked} end", marked)
    visible = marked.replace("\u200d", "")
    at = shown.index(visible)
    assert columns(carets.split("^")[0]) == columns(shown[:at])
    assert carets.count("^") == columns(visible)
    assert carets.endswith(" here")


def test_a_file_cannot_steer_the_terminal() -> None:
    source, diagnostic = finding("x = \x1b[31mbad\u202e\x07", "bad")
    text = finding_text(source, diagnostic._replace(message="no `\x1b[2J`", help="\x9b31m"))
    assert not set(text) & set("\x1b\x07\x9b\u202e")
    assert "\u241b[31mbad<U+202E>\u2407" in text


def test_colour_only_comes_when_it_is_asked_for() -> None:
    source, diagnostic = finding("x = bad", "bad")
    coloured = finding_text(source, diagnostic, colour=True)
    assert "\x1b[1;31merror[HG007]\x1b[0m" in coloured
    assert "\x1b" not in finding_text(source, diagnostic)


def test_a_span_over_several_lines_is_marked_to_the_end_of_its_first_line() -> None:
    shown, carets = snippet("x = [\n  1,\n]\n", "[\n  1,\n]")
    assert (shown, carets) == ("x = [", "    ^ here")


def test_the_end_of_the_file_can_be_marked() -> None:
    source = Source("a.flow", "x =")
    text = finding_text(source, Diagnostic("HG001", "syntax-error", Severity.ERROR, "says", Span(3, 3), "expected"))
    assert "1 | x =\n  |    ^ expected\n" in text
    assert " --> a.flow:1:4\n" in text


def test_labels_stand_at_their_own_lines_in_order() -> None:
    source = Source("a.flow", "one\ntwo\n\n\nthree\n")
    diagnostic = Diagnostic(
        "HG003", "duplicate-name", Severity.ERROR, "says", Span(10, 15), "again", (Label(Span(0, 3), "first"),)
    )
    assert finding_text(source, diagnostic).split("\n")[2:8] == [
        "  |",
        "1 | one",
        "  | --- first",
        "...",
        "5 | three",
        "  | ^^^^^ again",
    ]


def test_the_path_that_proves_a_finding_names_its_edges() -> None:
    stops = (("charge", ""), ("size", "after"), ("refund", "else"))
    witness = tuple(WitnessStep(step, edge, Span(0, 1)) for step, edge in stops)
    source, diagnostic = finding("x = bad", "bad", witness=witness)
    assert "  = path: charge -> size (else) -> refund\n" in finding_text(source, diagnostic)


def test_a_very_long_line_is_shown_around_its_mark() -> None:
    shown, carets = snippet("x = " + "a" * 5000 + "bad" + "b" * 5000, "bad")
    assert len(shown) < 200
    assert shown[carets.index("^") :].startswith("bad")


def test_a_safe_fix_is_the_help_when_there_is_no_other() -> None:
    source, diagnostic = finding("x = bad", "bad")
    fixes: tuple[Fix, ...] = (replace("write `good`", diagnostic.span, "good"),)
    assert "  = help: write `good`\n" in finding_text(source, diagnostic._replace(fixes=fixes))


def test_concise_is_one_line_a_finding() -> None:
    lines = findings_concise(report(CASES / "unknown_kind.flow")).splitlines()
    assert lines[0] == "unknown_kind.flow:2:12: error[HG006] no kind `sett`; did you mean `set`?"
    assert len(lines) == len(report(CASES / "unknown_kind.flow").files[0].diagnostics)


@pytest.mark.parametrize("path", sorted(CASES.glob("*.flow")), ids=lambda path: path.stem)
def test_json_passes_its_schema_and_counts_itself(path: Path) -> None:
    read_back = json.loads(findings_json(report(path)))
    jsonschema.validate(read_back, SCHEMA)
    severities = [one["severity"] for one in read_back["diagnostics"]]
    summary = read_back["summary"]
    assert (summary["errors"], summary["warnings"], summary["notes"]) == tuple(
        severities.count(severity) for severity in ("error", "warning", "note")
    )
    assert summary["fixable"] == sum(
        any(fix["safety"] == "safe" for fix in one["fixes"]) for one in read_back["diagnostics"]
    )


def test_json_counts_lines_and_columns_from_1_in_code_points_and_ends_are_exclusive() -> None:
    source, diagnostic = finding("漢字👍 = 1\r\n\tx = bad\r\n", "bad")
    whole = CheckReport((CheckedFile(source, (diagnostic,)),), (Unreadable("b.flow", "no file"),))
    read_back = json.loads(findings_json(whole))
    assert read_back["diagnostics"][0]["range"] == {"start": {"line": 2, "column": 6}, "end": {"line": 2, "column": 9}}
    assert (read_back["files"], read_back["failed"], read_back["version"]) == (2, 1, 1)


def test_several_labels_on_one_line_hang_under_their_marks() -> None:
    source = Source("a.flow", "alpha beta gamma\n")
    labels = (Label(Span(6, 10), "the second"), Label(Span(11, 16), "the third"))
    diagnostic = Diagnostic("HG003", "duplicate-name", Severity.ERROR, "says", Span(0, 5), "the first", labels)
    assert finding_text(source, diagnostic).split("\n")[2:8] == [
        "  |",
        "1 | alpha beta gamma",
        "  | ^^^^^ ---- ----- the third",
        "  | |     |",
        "  | |     the second",
        "  | the first",
    ]


def test_marks_that_overlap_keep_all_their_notes() -> None:
    source = Source("a.flow", "alpha beta\n")
    labels = (Label(Span(0, 10), "all of it"), Label(Span(6, 10), "again"))
    diagnostic = Diagnostic("HG003", "duplicate-name", Severity.ERROR, "says", Span(6, 10), "this", labels)
    text = finding_text(source, diagnostic)
    assert "  | ------^^^^ this\n" in text
    assert all(text.count(note) == 1 for note in ("all of it", "again", "this"))
