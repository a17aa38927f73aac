"""A rule that is not asked had nothing to say: with every rule asked, a text has the same findings."""

from __future__ import annotations

from pathlib import Path

import pytest
from gate_cases import CASES, gate, read
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies.flow import files

from headgate.validators import registry
from headgate.validators.gate import Examined
from headgate.validators.rule import Rule

FILES = sorted(CASES.glob("*.flow"))
TEXTS = [read(path).text for path in FILES]


def everything(monkeypatch: pytest.MonkeyPatch, text: str, toml: str = "", lock: str = "") -> Examined:
    """The gate's answer when every rule is asked."""
    with monkeypatch.context() as patch:
        patch.setattr(registry, "concerned", lambda _: registry.rules())
        return gate(text, toml, lock)


def workflows(text: str) -> list[str]:
    """The workflows of a case, each as a file of its own: a text that holds few words."""
    head, *bodies = ("\n" + text).split("\nworkflow ")
    return [head, *(f"workflow {body}" for body in bodies)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_case_has_no_finding_that_was_not_looked_for(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    case = read(path)
    for text in workflows(case.text):
        asked = gate(text, case.toml, case.lock)
        assert asked.diagnostics == everything(monkeypatch, text, case.toml, case.lock).diagnostics, text


@pytest.mark.parametrize("rule", registry.rules(), ids=lambda rule: rule.code)
def test_the_example_of_a_rule_concerns_it(rule: Rule) -> None:
    elsewhere = {"HG001", "HG002", "HG903", "HG904"}  # found by the parser and the gate itself
    assert rule.code in elsewhere or rule in registry.concerned(rule.wrong)


@settings(max_examples=40, deadline=None)
@given(files())
def test_whatever_is_written_nothing_is_overlooked(text: str) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        assert gate(text).diagnostics == everything(monkeypatch, text).diagnostics


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(TEXTS).flatmap(lambda text: st.sampled_from(workflows(text))), st.data())
def test_a_case_with_a_stretch_cut_out_has_the_same_findings(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 40)))
    cut = text[:start] + text[end:]
    with pytest.MonkeyPatch.context() as monkeypatch:
        assert gate(cut).diagnostics == everything(monkeypatch, cut).diagnostics
