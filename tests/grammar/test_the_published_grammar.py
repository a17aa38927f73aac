"""The published grammar, read by Lark itself, and the parser of the product take the same files."""

from __future__ import annotations

from functools import cache

from hypothesis import example, given, settings
from lark import Lark
from lark.exceptions import UnexpectedInput
from strategies.flow import files, mutated

from headgate.grammar import tables
from headgate.grammar.parse import parse
from headgate.grammar.recover import recover
from headgate.source import Source


@cache
def lark() -> Lark:
    return tables.published()


def lark_takes(text: str) -> bool:
    try:
        lark().parse(text)
    except (UnexpectedInput, tables.TooDeepError):
        return False
    return True


def test_the_tables_are_those_of_the_grammar() -> None:
    fresh = tables.compile_tables()
    assert tables.DATA.read_text(encoding="utf-8") == fresh, "run `python -m headgate.grammar.tables`"


@given(files())
@settings(max_examples=150, deadline=None)
@example("workflow a{step a=set after a ```\n```, a = 1}")
def test_a_valid_file_is_taken_by_lark_by_the_parser_and_item_by_item(text: str) -> None:
    file, found = parse(Source("x.flow", text))
    assert found == []
    assert lark_takes(text)
    again, wrong = recover(text)
    assert wrong == []
    assert again == file


@given(mutated(files(2)))
@settings(max_examples=300, deadline=None)
@example("workflow a {\n  step s = set after b,\n\n c\n}")
@example("workflow a { x = [ list\n<\nstring> ] }")
@example("workflow a { x = " + "[" * 63 + "]" * 63 + " }")
@example("workflow a { x = " + "[" * 64 + "]" * 64 + " }")
@example("workflow a { x = " + "list<" * 63 + "string" + ">" * 63 + " }")
@example("workflow a { x = " + "list<" * 64 + "string" + ">" * 64 + " }")
@example('workflow a { x = """ a "b" \\""" """ }')
@example('workflow a { x = ""\n"" }')
@example("workflow a { x = {{ { { { { 1 } } } } }} }")
@example("workflow a { x = {{ { { { { { 1 } } } } } }} }")
@example("workflow a { step s = delay 5minutes }")
@example("workflow a { step s = mcp a.b-1 }")
@example("workflow a { step s = mcp a. b }")
@example("workflow a { step before = set after before }")
@example("workflow a { before = 1, failed = 2 }")
@example("workflow a { step failed = set }")
@example('workflow a { x = "\\ud83d" }')
@example('workflow a { x = "\\ud83d\\ude00" }')
@example("workflow a { x = a.step.true }")
@example("workflow a { x = 01 }")
@example('workflow a { x = { "k{{ a }}" = 1 } }')
def test_lark_and_the_parser_take_and_refuse_the_same_files(text: str) -> None:
    _, found = parse(Source("x.flow", text))
    assert lark_takes(text) == (not found), found
