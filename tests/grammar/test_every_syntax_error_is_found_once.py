"""The broken files of `tests/cases/syntax`, their expectations on their lines.

`#! HG001 part of the message` at the end of a line expects that finding on it; alone on a line it speaks of the next
one. Several are separated by ` | `. Nothing else may be found.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import pytest

from headgate.diagnostics import Diagnostic, Edit
from headgate.grammar.parse import parse
from headgate.source import Source

CASES = sorted((Path(__file__).parent.parent / "cases" / "syntax").glob("*.flow"))
MARK = re.compile(r"#! (?=HG)(.*)")


class Expected(NamedTuple):
    line: int
    code: str
    part: str


class Score(NamedTuple):
    found: list[Expected]
    missed: list[Expected]
    invented: list[str]


def expectations(text: str) -> list[Expected]:
    lines = text.split("\n")
    found: list[Expected] = []
    for number, line in enumerate(lines, start=1):
        if mark := MARK.search(line):
            alone = line.strip().startswith("#!")
            for part in mark[1].split(" | "):
                code, _, words = part.partition(" ")
                found.append(Expected(number + alone, code, words.strip()))
    return found


def score(text: str) -> Score:
    source = Source("x.flow", text)
    _, findings = parse(source)
    left = list(findings)
    missed: list[Expected] = []
    found: list[Expected] = []
    for expected in expectations(text):
        for finding in left:
            here = source.position(finding.span.start).line == expected.line
            if here and finding.code == expected.code and expected.part in finding.message:
                left.remove(finding)
                found.append(expected)
                break
        else:
            missed.append(expected)
    return Score(found, missed, [f"{source.position(f.span.start).line}: {f.code} {f.message}" for f in left])


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_each_error_is_found_at_its_line_and_no_other_is_invented(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    result = score(text)
    assert 1 <= len(result.found) + len(result.missed) <= 5
    assert (result.missed, result.invented) == ([], [])


def test_the_cases_are_many(record_property: pytest.RecordProperty) -> None:
    results = [score(path.read_text(encoding="utf-8")) for path in CASES]
    found, missed, invented = (sum(len(result[part]) for result in results) for part in range(3))
    record_property("syntax", f"{len(CASES)} files: {found} found, {missed} missed, {invented} invented")
    print(f"\n{len(CASES)} broken files, {found + missed} errors: {found} found, {missed} missed, {invented} invented")
    assert len(CASES) >= 40
    assert (missed, invented) == (0, 0)


def applied(text: str, edits: tuple[Edit, ...]) -> str:
    for edit in sorted(edits, reverse=True):
        text = text[: edit.span.start] + edit.text + text[edit.span.end :]
    return text


def fixable(path: Path) -> list[tuple[str, Diagnostic]]:
    text = path.read_text(encoding="utf-8")
    return [(text, finding) for finding in parse(Source("x.flow", text))[1] if finding.fixes]


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_fix_takes_its_finding_away_and_brings_no_other(path: Path) -> None:
    for text, finding in fixable(path):
        before = [f"{other.code} {other.message}" for other in parse(Source("x.flow", text))[1]]
        fixed = applied(text, finding.fixes[0].edits)
        after = [f"{other.code} {other.message}" for other in parse(Source("x.flow", fixed))[1]]
        before.remove(f"{finding.code} {finding.message}")
        assert sorted(after) == sorted(before), finding.message


def test_a_file_whose_fixes_are_all_applied_parses() -> None:
    text = (Path(__file__).parent.parent / "cases" / "syntax" / "json.flow").read_text(encoding="utf-8")
    while found := parse(Source("x.flow", text))[1]:
        text = applied(text, found[0].fixes[0].edits)
    file, _ = parse(Source("x.flow", text))
    assert [step.name.text for step in file.workflows[0].steps] == ["b"]
