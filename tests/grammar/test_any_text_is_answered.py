"""Whatever the text: a tree, findings whose places are inside it, and no work that grows faster than it does."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from strategies.flow import JUNK, files, mutated

from headgate.diagnostics import Diagnostic
from headgate.grammar import ast
from headgate.grammar.format import format_source
from headgate.grammar.parse import parse, parse_value
from headgate.source import Source, Span


def spans(node: object) -> Iterator[Span]:
    if isinstance(node, Span):
        yield node
    elif isinstance(node, tuple):
        for part in node:
            yield from spans(part)


def assert_inside(text: str, file: ast.File | None, found: list[Diagnostic]) -> None:
    for span in spans((file, tuple(found))):
        assert 0 <= span.start <= span.end <= len(text), span
    for finding in found:
        assert finding.code in {"HG001", "HG002", "HG207"}
        assert "\n" not in finding.message
        assert finding.message[0].islower() or finding.message[0] in "`{}"


texts = st.one_of(
    st.text(max_size=200),
    st.lists(st.sampled_from((*JUNK, "a", "step a = set {", '"x"', "{{ a }}", "1", "after a")), max_size=40).map(
        " ".join
    ),
    mutated(files(2)),
    mutated(mutated(files(2))),
)


@given(texts)
@settings(max_examples=300, deadline=None)
@example("\ufeffworkflow a {}")
@example("workflow a {\r\n  x = 1\r\n}\r\n")
@example('workflow a { x = """')
@example("workflow a { x = ```lua\n")
@example("}" * 70)
@example("{" * 70)
@example('workflow a { x = "{{ a" }')
@example("workflow")
@example("step")
@example("workflow a { step s = mcp a-")
def test_no_text_breaks_the_parser_or_puts_a_span_outside(text: str) -> None:
    file, found = parse(Source("x.flow", text))
    assert_inside(text, file, found)
    written, again = format_source(Source("x.flow", text))
    assert again == found
    assert (written is None) == bool(found)


@given(texts)
@settings(max_examples=150, deadline=None)
@example("1")
@example("[1, {a = 1}]")
@example("")
@example("1 2")
@example("a = 1")
def test_no_text_breaks_the_reading_of_a_value(text: str) -> None:
    value, found = parse_value(text)
    assert (value is None) == bool(found)
    assert_inside(text, None, found)


def work(text: str) -> int:
    """The lines of Python that a parse of the text runs: a clock that only the text can move."""
    count = 0

    def trace(_frame: object, event: str, _arg: object) -> object:
        nonlocal count
        count += event == "line"
        return trace

    sys.settrace(trace)
    try:
        parse(Source("x.flow", text))
    finally:
        sys.settrace(None)
    return count


HARD = {
    "opened templates on lines": "x = {{ a\n",
    "opened templates on one line": "{{ a ",
    "templates in opened texts": '"{{ ',
    "templates closed by one brace": "{{ a } ",
    "quotes and templates": "\"{{ '\" {{ '",
    "opened quotes": '" ',
    "opened fences": "x = ```\n",
    "opened block texts": '"""\n',
    "escaped block texts": '\\"""\n',
    "back-ticks": "`",
    "opening braces": "{",
    "closing braces": "}",
    "brackets in braces": "{ [ }",
    "lists": "[",
    "angles": "list<",
    "steps on one line": "step a = set after b, ",
    "names with dots": "a.",
    "hyphens": "a-",
    "digits and letters": "1a",
    "commas": ",",
    "comments": "# a\n",
    "doc comments": "## a\n",
    "deeper and deeper": "x = {\n ",
    "colons": "x: 1\n",
    "two values": "x = 1 2\n",
}


@pytest.mark.parametrize("piece", HARD.values(), ids=HARD.keys())
@pytest.mark.parametrize("head", ["", "workflow a {\n"], ids=["bare", "in a workflow"])
def test_work_grows_no_faster_than_the_text(head: str, piece: str) -> None:
    small, large = (work(head + piece * count) for count in (200, 800))
    assert large < 6 * small + 3000
