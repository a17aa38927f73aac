"""HG107 and HG108 against trying every number, and what their fixes leave."""

from __future__ import annotations

from gate_cases import gate
from hypothesis import given, settings
from hypothesis import strategies as st

OPERATORS = {
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    "==": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
}
TESTS = st.tuples(st.sampled_from(sorted(OPERATORS)), st.integers(-2, 2))


def text_of(cases: list[tuple[str, int]]) -> str:
    lines = "\n".join(f"    case {{{{ inputs.n {operator} {number} }}}} -> a" for operator, number in cases)
    return f"workflow w {{\n  input n: integer\n  step s = switch {{\n{lines}\n  }}\n  step a = set {{ x = 1 }}\n}}\n"


def codes(text: str) -> list[str]:
    return [one.code for one in gate(text).diagnostics if one.code in ("HG001", "HG107", "HG108")]


@settings(max_examples=80, deadline=None)
@given(st.lists(TESTS, min_size=1, max_size=4))
def test_a_gap_and_a_dead_case_are_found_exactly_where_there_is_one(cases: list[tuple[str, int]]) -> None:
    takes = [{n for n in range(-9, 10) if OPERATORS[operator](n, number)} for operator, number in cases]
    gap = set(range(-9, 10)) - set().union(*takes)
    dead = [at for at, values in enumerate(takes) if values <= set().union(*takes[:at])]
    found = codes(text_of(cases))
    assert ("HG107" in found) == bool(gap)
    assert found.count("HG108") == len(dead)


def fixed(text: str, code: str) -> str:
    (one,) = (one for one in gate(text).diagnostics if one.code == code)
    (fix,) = one.fixes
    for edit in sorted(fix.edits, key=lambda edit: edit.span, reverse=True):
        text = text[: edit.span.start] + edit.text + text[edit.span.end :]
    return text


def test_the_fix_of_a_gap_lets_the_last_case_take_what_is_left() -> None:
    text = fixed(text_of([(">", 1), ("<", 1)]), "HG107")
    assert "    else -> a\n" in text
    assert codes(text) == []


def test_the_fix_of_one_case_alone_leads_all_else_to_a_new_step() -> None:
    text = fixed(text_of([(">", 1)]), "HG107")
    assert "    else -> s_else\n  }\n  step s_else = set\n" in text
    assert codes(text) == []


def test_the_fix_of_a_dead_case_takes_its_line_away() -> None:
    text = fixed(text_of([(">", 0), (">", 1), ("<=", 0)]), "HG108")
    assert "> 1" not in text
    assert codes(text) == []
