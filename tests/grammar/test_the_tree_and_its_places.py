"""What a text means to the parser, to the character."""

from __future__ import annotations

import gc
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from strategies.flow import files

from headgate.grammar import ast
from headgate.grammar.parse import parse, parse_value
from headgate.source import Source, Span

FENCE = "`" * 3
EXAMPLE = Path(__file__).parent.parent / "cases" / "tree" / "refund.flow"


def tree(text: str) -> ast.File:
    file, found = parse(Source("x.flow", text))
    assert found == [], text
    return file


def broken(text: str) -> ast.Workflow:
    file, found = parse(Source("x.flow", text))
    assert found
    return file.workflows[0]


def value(text: str) -> ast.Value:
    made, found = parse_value(text)
    assert found == [], text
    assert made is not None
    return made


def text_of(node: ast.Value) -> str:
    assert isinstance(node, ast.Text)
    return "".join(
        part.text if isinstance(part, ast.Literal) else f"<{part.expression.strip()}>" for part in node.parts
    )


def nodes(node: object) -> Iterator[tuple[object, Span]]:
    if isinstance(node, tuple) and not isinstance(node, Span):
        if isinstance(span := getattr(node, "span", None), Span):
            yield node, span
        for part in node:
            yield from nodes(part)


def test_every_node_stands_where_it_was_written() -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    for node, span in nodes(tree(text)):
        written = text[span.start : span.end]
        match node:
            case ast.Name():
                assert written.strip('"') == node.text
            case ast.Template():
                assert written == f"{{{{{node.expression}}}}}"
                assert text[node.inner.start : node.inner.end] == node.expression
            case ast.Word():
                assert written == node.text
            case ast.Step():
                assert written.startswith(f"step {node.name.text} = {node.kind.text}")
                assert text[node.head.start : node.head.end] == written[: node.head.end - node.head.start]
            case ast.Text():
                assert written[0] == written[-1] == '"'
            case ast.Fence():
                assert written.startswith(FENCE)
                assert written.endswith(FENCE)
                assert text[node.raw.start : node.raw.end].splitlines()[0][node.indent :] == node.text.splitlines()[0]
            case ast.Attribute() | ast.Entry():
                assert span.end == node.value.span.end
            case ast.Map() | ast.Workflow() | ast.Gate():
                assert written.endswith("}")


@given(files())
@settings(max_examples=100, deadline=None)
def test_names_and_expressions_stand_where_they_were_written_in_any_file(text: str) -> None:
    for node, span in nodes(tree(text)):
        written = text[span.start : span.end]
        if isinstance(node, ast.Template):
            assert written == f"{{{{{node.expression}}}}}"
            assert text[node.inner.start : node.inner.end] == node.expression
        elif isinstance(node, ast.Name):
            assert written.strip('"') == node.text
        elif isinstance(node, ast.Fence):
            raw = text[node.raw.start : node.raw.end].replace("\r\n", "\n").split("\n")
            for line, own in zip(node.text.split("\n"), raw, strict=False):
                assert line == own[node.indent :] or not own.strip()


def test_the_example_of_the_language_is_read_whole() -> None:
    workflow = tree(EXAMPLE.read_text(encoding="utf-8")).workflows[0]
    assert workflow.doc == "Refunds an order. Above 500, finance agrees first."
    assert [step.name.text for step in workflow.steps] == [
        *("charge", "size", "ask", "small", "refund", "voucher", "total", "notify", "apologise")
    ]
    steps = {step.name.text: step for step in workflow.steps}
    assert [(edge.on, edge.target.text) for edge in steps["apologise"].edges] == [
        ("failed", "refund"),
        ("denied", "ask"),
    ]
    assert [case.target.text for case in steps["size"].cases] == ["ask", "small"]
    assert steps["notify"].as_name is not None
    assert [step.name.text for step in steps["notify"].steps] == ["send"]
    assert steps["total"].fence is not None
    assert steps["total"].fence.text.startswith("local sum = 0\nfor _, l in")
    assert steps["voucher"].positionals[0] == ast.Word(("POST",), steps["voucher"].positionals[0].span)


@pytest.mark.parametrize(
    ("written", "text"),
    [
        (r'"a\n\t\r\"\\\u00e9"', 'a\n\t\r"\\é'),
        (r'"\ud83d\ude00"', "😀"),
        ('"Hi {{ n | default("you") }}!"', 'Hi <n | default("you")>!'),
        ('"{{ {"a": {"b": "}}"}} }}"', '<{"a": {"b": "}}"}}>'),
        ('"{ a } # {# b #}"', "{ a } # {# b #}"),
        ('""', ""),
        ('"""a"""', "a"),
        ('"""\n    a\n      b\n\n    c\n    """', "a\n  b\n\nc"),
        ('"""\n  a\n    \n  b"""', "a\n\nb"),
        ('"""  a\n    b"""', "a\n  b"),
        ('"""\n  {{ x }} a\n    {{ y\n }}\n  """', "<x> a\n  <y>"),
        ('"""\r\n  a\r\n  b\r\n"""', "a\nb"),
        ('"""\n\ta\n\tb\n"""', "a\nb"),
        ('"""\n  a\\u0041\\n\n  "" \\" b\n"""', 'aA\n\n"" " b'),
        ('"""\n"""', ""),
        ('""""""', ""),
    ],
)
def test_texts_lose_their_escapes_and_indentation(written: str, text: str) -> None:
    assert text_of(value(written)) == text


@pytest.mark.parametrize(
    ("written", "word", "text"),
    [
        (f"{FENCE}lua\n  a\n    b\n  {FENCE}", "lua", "a\n  b"),
        (f"{FENCE}\n{FENCE}", None, ""),
        (f"{FENCE}json\r\n\t{{}}\r\n{FENCE}", "json", "{}"),
        (f"{FENCE}\n  a {FENCE}\n\n  {{{{ b }}}}\n{FENCE}", None, f"a {FENCE}\n\n{{{{ b }}}}"),
    ],
)
def test_fences_lose_their_indentation_and_nothing_else(written: str, word: str | None, text: str) -> None:
    fence = value(written)
    assert isinstance(fence, ast.Fence)
    assert (fence.word, fence.text) == (word, text)


@pytest.mark.parametrize(
    ("written", "made"),
    [
        ("3", ast.Number(3, Span(0, 1))),
        ("-2", ast.Number(-2, Span(0, 2))),
        ("0.5", ast.Number(0.5, Span(0, 3))),
        ("1e3", ast.Number(1000.0, Span(0, 3))),
        ("500ms", ast.Duration(500, "500ms", Span(0, 5))),
        ("1.5h", ast.Duration(5_400_000, "1.5h", Span(0, 4))),
        ("7d", ast.Duration(604_800_000, "7d", Span(0, 2))),
        ("true", ast.Boolean(True, Span(0, 4))),
        ("null", ast.Null(Span(0, 4))),
        ("deny", ast.Word(("deny",), Span(0, 4))),
        ('a."b-c".true', ast.Word(("a", "b-c", "true"), Span(0, 12))),
        ("[ 1,\n# c\n2, ]", ast.List((ast.Number(1, Span(2, 3)), ast.Number(2, Span(9, 10))), Span(0, 13))),
        ("{{ a }}", ast.Template(" a ", Span(2, 5), Span(0, 7))),
    ],
)
def test_values_are_what_they_say(written: str, made: ast.Value) -> None:
    assert value(written) == made


@pytest.mark.parametrize("written", ["", "1 2", "a =", "output", '"a', "[1", "{{ a", "step a = set"])
def test_a_text_that_is_no_value_is_told(written: str) -> None:
    made, found = parse_value(written)
    assert made is None
    assert found


def test_types_and_their_nulls() -> None:
    inputs = (
        tree('workflow a { input b: list<enum("x", "y")?>? = null { secret = true }, input c: string }')
        .workflows[0]
        .inputs
    )
    outer = inputs[0].type
    assert (outer.name.text, outer.nullable, inputs[0].attributes[0].name.text) == ("list", True, "secret")
    inner = outer.arguments[0]
    assert ([text_of(member) for member in inner.members], inner.nullable) == (["x", "y"], True)
    assert (inputs[1].type.name.text, inputs[1].type.nullable) == ("string", False)


def test_reserved_words_are_free_before_an_equal_sign() -> None:
    step = (
        tree("workflow a { step b = finish { output = 1, step = 2, case = 3, gate = 4, else = 5, after = 6 } }")
        .workflows[0]
        .steps[0]
    )
    assert [attribute.name.text for attribute in step.attributes] == ["output", "step", "case", "gate", "else", "after"]


def test_a_comma_goes_on_with_edges_and_a_newline_ends_them() -> None:
    steps = tree("workflow a {\n  step b = set after c,\n    # why\n    failed d\n  step e = set\n}").workflows[0].steps
    assert [[edge.on for edge in step.edges] for step in steps] == [["completed", "failed"], []]


def test_doc_comments_belong_to_the_item_below() -> None:
    text = (
        "## One.\n## Two.\nworkflow a {\n  ## In.\n  # plain\n\n  input b: string ## not one\n"
        "  ### nor this\n  let c = 1\n  ## last\n}\n"
    )
    workflow = tree(text).workflows[0]
    assert (workflow.doc, workflow.inputs[0].doc, workflow.lets[0].doc) == ("One.\nTwo.", "In.", None)
    assert [comment.text for comment in tree(text).comments] == [
        *("## One.", "## Two.", "## In.", "# plain", "## not one", "### nor this", "## last")
    ]


def test_a_byte_order_mark_and_crlf_change_places_only() -> None:
    text = "workflow a {\n  step b = set { x = 1 }\n}\n"
    plain = tree(text).workflows[0].steps[0]
    other = tree("\ufeff" + text.replace("\n", "\r\n")).workflows[0].steps[0]
    assert other.name.text == plain.name.text
    assert other.span == Span(plain.span.start + 2, plain.span.end + 2)


def test_a_broken_attribute_leaves_its_step() -> None:
    workflow = broken("workflow a {\n  step b = mcp x.y {\n    args = {\n      k = \n    }\n    timeout = 3s\n  }\n}")
    assert [(step.name.text, step.broken) for step in workflow.steps] == [("b", True)]
    assert [attribute.name.text for attribute in workflow.steps[0].attributes] == ["timeout"]
    assert workflow.broken
    assert workflow.lost == frozenset()


def test_a_broken_head_loses_the_step_and_those_in_it_by_name() -> None:
    workflow = broken(
        "workflow a {\n  step b = each {{ x }} as y after @ {\n    step c = set { z = 1 }\n  }\n"
        "  input d:\n  step e = set\n}"
    )
    assert [step.name.text for step in workflow.steps] == ["e"]
    assert workflow.lost == frozenset({"b", "c", "d"})
    assert workflow.broken


def test_what_can_be_mended_is_kept_as_it_was_meant() -> None:
    workflow = broken("workflow a {\n  step b = set after c d { x: 1, m: { k = 1 } }\n}")
    step = workflow.steps[0]
    assert [edge.target.text for edge in step.edges] == ["c", "d"]
    assert [attribute.name.text for attribute in step.attributes] == ["x", "m"]
    assert isinstance(step.attributes[1].value, ast.Map)
    assert step.attributes[1].value.entries[0].key.text == "k"
    assert not workflow.broken


def test_a_broken_workflow_head_does_not_hide_its_items() -> None:
    workflow = broken("workflow {\n  step b = set { x = 1 }\n}")
    assert [step.name.text for step in workflow.steps] == ["b"]
    assert workflow.broken


def test_the_collector_is_as_it_was_after_a_parse() -> None:
    assert gc.isenabled()
    parse(Source("x.flow", "workflow a {"))
    assert gc.isenabled()


def test_a_file_that_parses_needs_neither_lark_nor_the_recovery() -> None:
    program = (
        "import sys; from headgate.grammar.parse import parse; from headgate.source import Source;"
        "parse(Source('x', 'workflow a { step b = set { x = 1 } }'));"
        "heavy = ('lark', 'headgate.grammar.recover', 'headgate.grammar.layout');"
        "print([name for name in sys.modules if name.startswith(heavy)])"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_prompts_that_talk_of_steps_are_no_items_in_a_broken_file() -> None:
    prompt = '"""\nstep one: say it\ninput x: none\n"""'
    text = f"workflow a {{\n  step b = llm fast {{\n    prompt = {prompt}\n    x: 1\n  }}\n}}\n"
    _, found = parse(Source("x.flow", text))
    assert [finding.message for finding in found] == ["a value is given with `=`, not with `:`: `x = ...`"]
