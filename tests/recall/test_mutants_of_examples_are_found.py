"""Faults put into the examples are found, and shown on the line they stand on."""

from __future__ import annotations

import pytest
from mutations import OPERATORS
from report import Verdict, examples, verdicts


@pytest.fixture(scope="module")
def judged() -> list[Verdict]:
    return list(verdicts(examples()))


@pytest.mark.parametrize("operator", OPERATORS)
def test_nearly_every_mutant_is_found_on_its_line(judged: list[Verdict], operator: str) -> None:
    mine = [one for one in judged if one.mutant.operator == operator]
    missed = [f"{one.path.name}: {one.mutant.what}: {one.said}" for one in mine if not one.placed]
    assert len(mine) >= 15
    assert len(missed) <= len(mine) // 20, missed


def test_what_is_unbalanced_never_passes(judged: list[Verdict]) -> None:
    assert all(one.found for one in judged if one.mutant.operator == "unbalance")
