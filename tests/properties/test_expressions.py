"""Expressions under generated texts and data: held against Jinja2 itself, and against what must always hold."""

from __future__ import annotations

import json
import re
from typing import Any

from expression_texts import EXPRESSIONS, NAMES
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jinja2 import TemplateError, nodes
from jinja2.parser import Parser
from jinja2.runtime import StrictUndefined, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from headgate.expressions import (
    Absent,
    ExpressionError,
    Hole,
    ResultMissing,
    Secrets,
    TemplateFailed,
    evaluate,
    lua_references,
    parse,
    render,
    split,
    tree,
)

MODEST = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
JINJA = ImmutableSandboxedEnvironment(undefined=StrictUndefined)

PIECES = (
    "a b.c 1 2.5 'x' \"y\" ( ) [ ] { } { : , . | is in not and or if else + - * ** / // % ~ == < >= = "
    "defined none upper default join('') round(1) true none a[0] ['k'] .x  "
)
TOKENS = st.sampled_from(PIECES.split(" "))
SOUP = st.lists(TOKENS, max_size=12).map(" ".join)
ANYTHING = st.one_of(st.text(max_size=40), SOUP, st.text("{}()[]'\"|.%~_-+ab1 \n\\", max_size=30))


@given(EXPRESSIONS)
@MODEST
def test_every_link_of_every_reference_is_where_it_says(text: str) -> None:
    expression = parse(text)
    for reference in expression.references:
        written = text[reference.start : reference.end]
        for segment in reference.segments:
            assert names(text[segment.start : segment.end], segment)
            assert reference.start <= segment.start <= segment.end <= reference.end
        assert written.startswith((reference.root, "("))


@given(EXPRESSIONS)
@MODEST
def test_every_node_lies_within_the_one_that_holds_it(text: str) -> None:
    for node in tree.nodes(parse(text).root):
        assert 0 <= node.start < node.end <= len(text)
        for part in tree.children(node):
            assert node.start <= part.start
            assert part.end <= node.end


@given(ANYTHING)
@MODEST
def test_reading_raises_nothing_but_its_own_error_with_a_place_inside_the_text(text: str) -> None:
    error = refusal(text)
    if error is not None:
        assert 0 <= error.start <= error.end <= len(text)
        assert error.code in ("HG207", "HG208")
        assert error.message
        assert "\n" not in error.message


@given(st.one_of(EXPRESSIONS, SOUP))
@settings(MODEST, max_examples=400)
def test_what_is_accepted_reads_as_jinja2_reads_it(text: str) -> None:
    try:
        ours = shape(parse(text).root)
    except ExpressionError:
        return
    if re.search(r"\bis\s+(not\s+)?(defined|none)\s+(if|in|not|is)\b", text):
        return  # Jinja2 takes the word behind a test for its argument
    assert ours == jinja_shape(read_by_jinja(text))


@given(EXPRESSIONS)
@MODEST
def test_what_jinja2_reads_is_accepted(text: str) -> None:
    try:
        read_by_jinja(text)
    except TemplateError:
        return
    parse(text)


JSON = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(10**18), 10**18),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(max_size=5),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.sampled_from(["a", "b2", "x_y"]), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(JSON, st.lists(st.sampled_from(["a", "b2", "x_y", 0, 1, -1]), max_size=5))
@settings(MODEST, max_examples=400)
def test_a_path_leads_where_jinja2_leads_it(data: Any, links: list[str | int]) -> None:
    text = "root" + "".join(f".{link}" if isinstance(link, str) else f"[{link}]" for link in links)
    theirs = JINJA.compile_expression(text, undefined_to_none=False)
    try:
        expected = theirs(root=data)
    except TemplateError:
        expected = None
        missing = True
    else:
        missing = isinstance(expected, Undefined)
    try:
        ours = evaluate(text, {"root": data})
    except TemplateFailed:
        assert missing
    else:
        assert not missing
        assert ours == expected
        assert type(ours) is type(expected)


@given(EXPRESSIONS, st.dictionaries(NAMES, st.one_of(JSON, st.just(Absent("gone")), st.just(Secrets())), max_size=5))
@settings(MODEST, max_examples=300)
def test_evaluating_gives_json_or_one_of_two_failures(text: str, scope: dict[str, object]) -> None:
    before = repr(scope)
    failures: list[str] = []
    try:
        json.dumps(evaluate(text, scope), allow_nan=False)
    except TemplateFailed as failed:
        failures = failed.message.split("\n")
    except ResultMissing as missing:
        failures = [missing.step]
    assert len(failures) <= 1
    assert repr(scope) == before


@given(
    st.lists(st.integers(-5, 5), max_size=6),
    st.sampled_from(
        [
            "sort",
            "unique",
            "sum",
            "max",
            "min",
            "first",
            "last",
            "length",
            "join('-')",
            "slice(2)",
            "sort(reverse=true)",
            "select('gt', 0)",
            "reject('eq', 1)",
            "map('abs')",
            "map('string') | map('upper')",
        ]
    ),
)
@MODEST
def test_filters_over_numbers_agree_with_jinja2(data: list[int], name: str) -> None:
    agree(data, name)


@given(
    st.text("aAbB -_.é", max_size=10),
    st.sampled_from(
        [
            "upper",
            "lower",
            "title",
            "trim",
            "length",
            "int",
            "float",
            "first",
            "last",
            "replace('a', 'bb')",
            "replace('a', '', 1)",
            "trim('a')",
            "string",
            "format",
            "default('x')",
            "default('x', true)",
            "sort",
            "unique",
        ]
    ),
)
@MODEST
def test_filters_over_text_agree_with_jinja2(data: str, name: str) -> None:
    agree(data, name)


@given(
    st.floats(-1e6, 1e6, allow_nan=False),
    st.sampled_from(["abs", "int", "float", "round", "round(2)", "round(1, 'ceil')", "round(1, 'floor')", "round(-2)"]),
)
@MODEST
def test_filters_over_a_number_agree_with_jinja2(data: float, name: str) -> None:
    agree(data, name)


@given(st.text("{}a '\"\\\n", max_size=20))
@MODEST
def test_a_text_is_its_literal_stretches_and_its_templates(text: str) -> None:
    written = "".join("{{" + part.text + "}}" if isinstance(part, Hole) else part for part in split(text))
    assert written == text


@given(st.text(max_size=30))
@MODEST
def test_a_text_without_templates_is_rendered_as_it_is(text: str) -> None:
    if "{{" not in text:
        assert render(text, {}) == text
    assert render({"$raw": text}, {}) == text
    assert render("{{ x }}", {"x": text}) == text
    assert render("<{{ x }}>", {"x": text}) == f"<{text}>"


@given(st.text("steps.[]\"'-= \nab_", max_size=40))
@MODEST
def test_scanning_lua_finds_names_that_are_in_the_text(script: str) -> None:
    for reference in lua_references(script):
        assert script[reference.start : reference.end] == reference.step


def names(written: str, segment: tree.Segment) -> bool:
    """Whether a stretch of the text stands for a link: as it is, as a number, or as the inside of quotes."""
    if segment.number is not None:
        return evaluate(written, {}) == segment.number
    return segment.name == written or segment.name in (quoted(f'"{written}"'), quoted(written))


def quoted(written: str) -> object:
    try:
        root = parse(written).root
    except ExpressionError:
        return None
    return root.value if isinstance(root, tree.Const) else None


def refusal(text: str) -> ExpressionError | None:
    try:
        parse(text)
    except ExpressionError as error:
        return error
    return None


def agree(data: object, name: str) -> None:
    """Jinja2's own filter and ours give the same value, or both none."""
    text = f"x | {name}"
    try:
        theirs = JINJA.compile_expression(f"(x | {name}) | list" if lazy(name) else text, undefined_to_none=False)
        expected = theirs(x=data)
    except (TemplateError, TypeError, ValueError):
        return
    if isinstance(expected, Undefined):
        expected = None
    try:
        ours = evaluate(text, {"x": data})
    except TemplateFailed:
        ours = None
    assert ours == expected


def lazy(name: str) -> bool:
    return name.startswith(("unique", "slice", "select", "reject", "map"))


def read_by_jinja(text: str) -> nodes.Expr:
    parser = Parser(JINJA, text, state="variable")
    expression = parser.parse_expression()
    if not parser.stream.eos:
        parser.fail("more than one expression")
    return expression


def shape(node: tree.Node) -> object:
    """Our tree without places, paths as the lookups they stand for."""
    match node:
        case tree.Const():
            return ("const", repr(node.value))
        case tree.Path():
            made: object = ("name", node.segments[0].name)
            for segment in node.segments[1:]:
                made = ("item", made, ("const", repr(segment.key)))
            return made
        case tree.Index():
            return ("item", shape(node.target), shape(node.key))
        case tree.Slice():
            return ("slice", shape(node.target), *(part and shape(part) for part in (node.low, node.high, node.step)))
        case tree.Filter():
            keywords = tuple((keyword.name, shape(keyword.value)) for keyword in node.keywords)
            return ("filter", node.name, shape(node.target), tuple(map(shape, node.arguments)), keywords)
        case tree.Test():
            made = ("test", node.name, shape(node.target), tuple(map(shape, node.arguments)))
            return ("not", made) if node.negated else made
        case tree.Compare():
            chain = tuple((one.operator, shape(one.operand)) for one in node.operations)
            return ("compare", shape(node.first), chain)
        case tree.Binary():
            return (node.operator, shape(node.left), shape(node.right))
        case tree.Unary():
            if node.operator == "not":
                return ("not", shape(node.operand))
            return ("sign", node.operator, shape(node.operand))
        case tree.Logic():
            return (node.operator, shape(node.left), shape(node.right))
        case tree.Conditional():
            return ("if", shape(node.condition), shape(node.then), node.otherwise and shape(node.otherwise))
        case tree.ListOf():
            return ("list", tuple(map(shape, node.items)))
        case tree.MapOf():
            return ("map", tuple((shape(key), shape(value)) for key, value in node.pairs))


COMPARED = {"eq": "==", "ne": "!=", "lt": "<", "lteq": "<=", "gt": ">", "gteq": ">=", "in": "in", "notin": "not in"}


def jinja_shape(node: Any) -> object:
    """Jinja2's tree in the same words."""
    match node:
        case nodes.Const():
            return ("const", repr(node.value))
        case nodes.Name():
            return ("name", node.name)
        case nodes.Getattr():
            return ("item", jinja_shape(node.node), ("const", repr(node.attr)))
        case nodes.Getitem(arg=nodes.Slice()):
            bounds = (node.arg.start, node.arg.stop, node.arg.step)
            return ("slice", jinja_shape(node.node), *(part and jinja_shape(part) for part in bounds))
        case nodes.Getitem():
            target = jinja_shape(node.node)
            key = node.arg.node if isinstance(node.arg, nodes.Neg) else None
            if isinstance(key, nodes.Const) and isinstance(key.value, int) and is_path(target):
                return ("item", target, ("const", repr(-key.value)))
            return ("item", target, jinja_shape(node.arg))
        case nodes.Filter():
            keywords = tuple((keyword.key, jinja_shape(keyword.value)) for keyword in node.kwargs)
            return ("filter", node.name, jinja_shape(node.node), tuple(map(jinja_shape, node.args)), keywords)
        case nodes.Test():
            return ("test", node.name, jinja_shape(node.node), tuple(map(jinja_shape, node.args)))
        case nodes.Compare():
            return (
                "compare",
                jinja_shape(node.expr),
                tuple((COMPARED[op.op], jinja_shape(op.expr)) for op in node.ops),
            )
        case nodes.Concat():
            made, *rest = map(jinja_shape, node.nodes)
            for part in rest:
                made = ("~", made, part)
            return made
        case nodes.And():
            return ("and", jinja_shape(node.left), jinja_shape(node.right))
        case nodes.Or():
            return ("or", jinja_shape(node.left), jinja_shape(node.right))
        case nodes.BinExpr():
            return (node.operator, jinja_shape(node.left), jinja_shape(node.right))
        case nodes.Not():
            return ("not", jinja_shape(node.node))
        case nodes.UnaryExpr():
            return ("sign", node.operator, jinja_shape(node.node))
        case nodes.CondExpr():
            otherwise = node.expr2 and jinja_shape(node.expr2)
            return ("if", jinja_shape(node.test), jinja_shape(node.expr1), otherwise)
        case nodes.List() | nodes.Tuple():
            return ("list", tuple(map(jinja_shape, node.items)))
        case nodes.Dict():
            return ("map", tuple((jinja_shape(pair.key), jinja_shape(pair.value)) for pair in node.items))
    raise AssertionError(f"Jinja2 reads a {type(node).__name__}, which has no place here")


def is_path(made: object) -> bool:
    while isinstance(made, tuple) and made[0] == "item" and isinstance(made[2], tuple) and made[2][0] == "const":
        made = made[1]
    return isinstance(made, tuple) and made[0] == "name"
