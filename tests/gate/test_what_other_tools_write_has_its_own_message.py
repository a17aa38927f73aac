"""What people who come from other tools write: each has a message of its own, and a fix where it is one token."""

from __future__ import annotations

import pytest
from gate_cases import gate

from headgate.diagnostics import Diagnostic, Safety

AROUND = "workflow w {{\n  step a = set {{ x = 1 }}\n  step b = set after a {{ x = 1 }}\n{0}\n}}\n"


def first(line: str) -> tuple[str, Diagnostic]:
    """The text, and the first finding on the line that was put into it."""
    text = AROUND.format(line)
    start = text.index(line)
    return text, next(one for one in gate(text).diagnostics if one.span.start >= start and one.severity == "error")


@pytest.mark.parametrize(
    ("line", "code", "says", "meant"),
    [
        ("step c = set after a b { x = 1 }", "HG001", "separated by `,`", "step c = set after a, b { x = 1 }"),
        ("step c = set after [a] { x = 1 }", "HG001", "without brackets", "step c = set after a { x = 1 }"),
        ("step c = set after [a, b] { x = 1 }", "HG001", "without brackets", "step c = set after a, b { x = 1 }"),
        ("step c = set after = [a] { x = 1 }", "HG001", "without `=` and brackets", "step c = set after a { x = 1 }"),
        (
            "step c = set { after = [a, b], x = 1 }",
            "HG005",
            "no attribute `after`",
            "step c = set after a, b { x = 1 }",
        ),
        ("step c = set { depends_on = [a], x = 1 }", "HG005", "edges stand behind", "step c = set after a { x = 1 }"),
        ('step c = set { x = 1, needs = ["a"] }', "HG005", "edges stand behind", "step c = set after a { x = 1 }"),
        (
            'step c = http GET "https://e.com" { depends_on = [a] }',
            "HG005",
            "no attribute `depends_on`",
            'step c = http GET "https://e.com" after a {}',
        ),
        (
            'step c = http GET "https://e.com" after a { if = {{ steps.a.result.x == 1 }} }',
            "HG005",
            "here it is called `when`",
            'step c = http GET "https://e.com" after a { when = {{ steps.a.result.x == 1 }} }',
        ),
        ("step c = set after a { x: 1 }", "HG001", "with `=`, not with `:`", "step c = set after a { x = 1 }"),
        ("step c = set after a { x = 'text' }", "HG001", "double quotes", 'step c = set after a { x = "text" }'),
        (
            'step c = switch { case {{ steps.a.result.x == 1 }} -> "d", else -> d }\n  step d = set { x = 1 }',
            "HG001",
            "a step is named without quotes",
            "step c = switch { case {{ steps.a.result.x == 1 }} -> d, else -> d }\n  step d = set { x = 1 }",
        ),
        (
            "step send-mail = set after a { x = 1 }",
            "HG001",
            "names hold no `-`",
            "step send_mail = set after a { x = 1 }",
        ),
        ("step c = delay 3 days after a", "HG007", "expected `3d`", "step c = delay 3d after a"),
        ("step c = delay 1h30m after a", "HG001", "one number and one unit", "step c = delay 90m after a"),
        (
            "step c = set after a { x = steps.a.result.x }",
            "HG007",
            "a reference stands in braces",
            "step c = set after a { x = {{ steps.a.result.x }} }",
        ),
        (
            "step c = set after a { x = ${{ steps.a.result.x }} }",
            "HG001",
            "without a `$`",
            "step c = set after a { x = {{ steps.a.result.x }} }",
        ),
        (
            'step c = set after a { x = "${{ steps.a.result.x }}" }',
            "HG209",
            "the `$` would stay in the text",
            'step c = set after a { x = "{{ steps.a.result.x }}" }',
        ),
        (
            "step c = set after a { x = {{ steps.a.output.x }} }",
            "HG209",
            "what a step returns is its `result`",
            "step c = set after a { x = {{ steps.a.result.x }} }",
        ),
        (
            "step c = set after a\n  {\n    x = 1\n  }",
            "HG001",
            "stands on the line of the item",
            "step c = set after a {\n    x = 1\n  }",
        ),
        ("step c = stop after a", "HG006", "here it is called `finish`", "step c = finish after a"),
    ],
)
def test_it_is_said_in_words_of_its_own_and_a_safe_fix_writes_what_was_meant(
    line: str, code: str, says: str, meant: str
) -> None:
    text, finding = first(line)
    assert (finding.code, says in finding.message) == (code, True), finding.message
    fix = finding.fixes[0]
    assert fix.safety is Safety.SAFE
    for edit in sorted(fix.edits, key=lambda edit: edit.span, reverse=True):
        text = text[: edit.span.start] + edit.text + text[edit.span.end :]
    assert text == AROUND.format(meant)
    assert [one for one in gate(text).diagnostics if one.severity == "error"] == []
