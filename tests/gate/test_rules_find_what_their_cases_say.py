"""Every rule against its case file, and against the examples that `explain` shows."""

from __future__ import annotations

from pathlib import Path

import pytest
from gate_cases import CASES, Case, gate, gate_of, read

from headgate.diagnostics import Diagnostic, Safety, Severity
from headgate.source import Source
from headgate.validators import registry
from headgate.validators.rule import Rule
from headgate.validators.table import TABLE

FILES = sorted(CASES.glob("*.flow"))
RULES = registry.rules()


def by_code(rule: Rule) -> str:
    return f"{rule.code}-{rule.name}"


def findings(case: Case) -> list[tuple[int, str]]:
    source = Source("case.flow", case.text)
    examined = gate_of(case)
    said = [(source.position(one.span.start).line, one) for one in examined.diagnostics]
    return sorted(
        (line, one.code) for line, one in said if _counts(one, case.rule) or (line, one.code) in case.expected
    )


def _counts(one: Diagnostic, rule: str) -> bool:
    """Whether a finding must be expected: a note of another rule need not be."""
    return one.severity is not Severity.NOTE or one.name == rule


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_case_file_has_exactly_the_findings_it_expects(path: Path) -> None:
    case = read(path)
    assert findings(case) == case.expected


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_case_file_has_three_workflows_that_fire_and_three_that_nearly_do(path: Path) -> None:
    case = read(path)
    rule = registry.find(case.rule)
    assert rule is not None, "the file is named after a rule"
    examined = gate_of(case)
    found = [one.span.start for one in examined.diagnostics if one.code == rule.code]
    fires = silent = 0
    for workflow in examined.file.workflows:
        inside = [at for at in found if workflow.span.start <= at < workflow.span.end]
        if workflow.name.text.startswith("fires"):
            fires += 1
            assert inside, f"{workflow.name.text} has no {rule.code}"
        if workflow.name.text.startswith("silent"):
            silent += 1
            assert not inside, f"{workflow.name.text} has {rule.code}"
    assert (fires >= 3, silent >= 3) == (True, True)


def test_every_rule_of_the_gate_has_a_case_file() -> None:
    elsewhere = {"HG001", "HG002"}  # the parser's, with cases of their own
    missing = [by_code(rule) for rule in RULES if rule.code not in elsewhere and not _file(rule).exists()]
    assert missing == []


def _file(rule: Rule) -> Path:
    return CASES / f"{rule.name.replace('-', '_')}.flow"


@pytest.mark.parametrize("rule", RULES, ids=by_code)
def test_the_wrong_example_of_a_rule_has_its_finding_and_no_other_error(rule: Rule) -> None:
    found = gate(rule.wrong, rule.workspace, rule.lock, rule.environment, live=rule.live).diagnostics
    assert rule.code in {one.code for one in found}
    assert {one.code for one in found if one.severity != "note"} <= {rule.code}


@pytest.mark.parametrize("rule", RULES, ids=by_code)
def test_the_right_example_of_a_rule_has_no_finding(rule: Rule) -> None:
    found = gate(rule.right, rule.workspace, rule.lock, rule.environment, live=rule.live).diagnostics
    assert [one for one in found if _counts(one, rule.name)] == []


@pytest.mark.parametrize("rule", RULES, ids=by_code)
def test_a_rule_is_called_and_weighed_as_the_table_says(rule: Rule) -> None:
    row = TABLE[rule.code]
    assert (rule.name, rule.severity) == (row.name, row.severity)


def test_the_registry_lists_each_code_once_and_in_order() -> None:
    codes = [rule.code for rule in RULES]
    assert codes == sorted(set(codes))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_messages_are_one_lower_case_line_and_name_things_in_back_quotes(path: Path) -> None:
    case = read(path)
    for one in gate_of(case).diagnostics:
        assert "\n" not in one.message + one.help + one.note, one
        assert one.message.count("`") % 2 == 0, one.message
        assert not one.message[0].isupper() or one.message.startswith("Lua"), one.message
        assert not one.message.endswith("."), one.message
        assert len(one.message) <= 200, one.message


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_spans_of_findings_lie_inside_the_file(path: Path) -> None:
    case = read(path)
    for one in gate_of(case).diagnostics:
        spans = [one.span, *(label.span for label in one.labels), *(stop.span for stop in one.witness)]
        spans += [edit.span for fix in one.fixes for edit in fix.edits]
        for span in spans:
            assert 0 <= span.start <= span.end <= len(case.text), one


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_safe_fix_leaves_a_file_that_parses_and_no_longer_has_the_finding(path: Path) -> None:
    case = read(path)
    before = gate_of(case).diagnostics
    for one in before:
        for fix in one.fixes:
            if fix.safety is not Safety.SAFE:
                continue
            text = case.text
            for edit in sorted(fix.edits, key=lambda edit: edit.span, reverse=True):
                text = text[: edit.span.start] + edit.text + text[edit.span.end :]
            after = gate_of(case, text).diagnostics
            assert _syntax_errors(after) <= _syntax_errors(before), (one.message, fix)
            assert _count(one, after) < _count(one, before), (one.message, fix)


def _count(one: Diagnostic, found: tuple[Diagnostic, ...]) -> int:
    return sum((other.code, other.message) == (one.code, one.message) for other in found)


def _syntax_errors(found: tuple[Diagnostic, ...]) -> int:
    return sum(one.code in ("HG001", "HG002") for one in found)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_an_unsafe_fix_leaves_a_file_that_parses_and_no_longer_has_the_finding(path: Path) -> None:
    case = read(path)
    before = gate(case.text, case.toml, case.lock, case.environment).diagnostics
    for one in before:
        for fix in one.fixes:
            if fix.safety is not Safety.UNSAFE:
                continue
            text = case.text
            for edit in sorted(fix.edits, key=lambda edit: edit.span, reverse=True):
                text = text[: edit.span.start] + edit.text + text[edit.span.end :]
            after = gate(text, case.toml, case.lock, case.environment).diagnostics
            assert _syntax_errors(after) <= _syntax_errors(before), (one.message, fix)
            assert _count(one, after) < _count(one, before), (one.message, fix)
