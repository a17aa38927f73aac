"""Reading expressions: the tree, the places in it, and what is said about what cannot be read."""

import pytest

from headgate.expressions import ExpressionError, parse, split
from headgate.expressions.text import Hole, literal
from headgate.expressions.tree import Binary, Compare, Conditional, Const, Filter, Index, ListOf, Logic, Path, Unary


def refusal(text: str) -> ExpressionError:
    with pytest.raises(ExpressionError) as caught:
        parse(text)
    return caught.value


def names(text: str) -> list[list[str]]:
    return [[segment.name for segment in reference.segments] for reference in parse(text).references]


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("steps.charge.result.amount", ["steps", "charge", "result", "amount"]),
        ("  inputs.order_id ", ["inputs", "order_id"]),
        ('steps["charge"].result', ["steps", "charge", "result"]),
        ("steps['charge'].result.lines[0].sku", ["steps", "charge", "result", "lines", "0", "sku"]),
        ("trigger.headers['x-id']", ["trigger", "headers", "x-id"]),
        ("a.0.b", ["a", "0", "b"]),
        ("a[-1]", ["a", "-1"]),
        ('a["_id"]', ["a", "_id"]),
        ("a.items.keys", ["a", "items", "keys"]),
    ],
)
def test_a_written_out_path_is_one_reference_with_a_place_for_each_link(text: str, path: list[str]) -> None:
    expression = parse(text)
    assert isinstance(expression.root, Path)
    [reference] = expression.references
    assert [segment.name for segment in reference.segments] == path
    assert [text[segment.start : segment.end] for segment in reference.segments] == path
    assert text[reference.start : reference.end] == text.strip()


def test_every_path_of_an_expression_is_listed_in_the_order_of_the_text() -> None:
    text = "inputs.a ~ (steps.b.result if vars.c else [trigger.body, run.id][index])"
    assert names(text) == [
        ["inputs", "a"],
        ["steps", "b", "result"],
        ["vars", "c"],
        ["trigger", "body"],
        ["run", "id"],
        ["index"],
    ]


@pytest.mark.parametrize(
    ("text", "defaulted"),
    [
        ("a.b", [False]),
        ("a.b | default(c.d)", [True, False]),
        ("a.b | upper | default('')", [True]),
        ("a.b | default('') | upper", [True]),
        ("a.b | omit", [True]),
        ("a.b is defined", [True]),
        ("a.b is not defined and a.c", [True, False]),
        ("(a.b ~ c.d) | default('')", [True, True]),
        ("x.y if a.b is defined else z.q", [False, True, False]),
    ],
)
def test_a_reference_knows_whether_a_missing_link_is_allowed_for(text: str, defaulted: list[bool]) -> None:
    assert [reference.defaulted for reference in parse(text).references] == defaulted


def test_operators_bind_as_in_jinja2() -> None:
    product = parse("1 + 2 * 3").root
    assert isinstance(product, Binary)
    assert (product.operator, product.left) == ("+", Const(1, 0, 1))
    power = parse("2 ** 3 ** 2").root
    assert isinstance(power, Binary)
    assert isinstance(power.left, Binary)
    logic = parse("a or b and not c == d").root
    assert isinstance(logic, Logic)
    assert logic.operator == "or"
    assert isinstance(logic.right, Logic)
    assert isinstance(logic.right.right, Unary)
    assert isinstance(logic.right.right.operand, Compare)


def test_a_filter_applies_to_a_signed_number_and_not_to_its_digits() -> None:
    root = parse("-1 | abs").root
    assert isinstance(root, Filter)
    assert isinstance(root.target, Unary)


def test_a_conditional_reads_as_in_jinja2() -> None:
    root = parse("a if b else c if d else e").root
    assert isinstance(root, Conditional)
    assert isinstance(root.otherwise, Conditional)


def test_null_and_none_are_the_same() -> None:
    assert parse("null").root == Const(None, 0, 4)
    assert parse("none").root == Const(None, 0, 4)
    assert parse("x is null").root[1] == parse("x is none").root[1]


def test_text_in_quotes_has_its_escapes_resolved() -> None:
    assert parse(r'"a\n\"\u00e4\\" ').root == Const('a\n"ä\\', 0, 15)
    assert parse(r"'\d'").root == Const(r"\d", 0, 4)
    assert parse("'a' \"b\"").root == Const("ab", 0, 7)
    assert parse(r"'\ud83d\ude00'").root == Const("😀", 0, 14)


def test_a_computed_link_ends_the_written_out_path() -> None:
    root = parse("steps.a.result[inputs.k].name").root
    assert isinstance(root, Index)
    assert names("steps.a.result[inputs.k].name") == [["steps", "a", "result"], ["inputs", "k"]]


def test_parentheses_with_a_comma_make_a_list() -> None:
    assert isinstance(parse("(1, 2)").root, ListOf)
    assert isinstance(parse("()").root, ListOf)
    assert parse("(1)").root == Const(1, 0, 3)


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("inputs.a.upper()", "inputs.a.upper(", "`| upper`"),
        ("range(3)", "range(", "cannot be called"),
        ("a | uper", "uper", "did you mean `upper`?"),
        ("a is strng", "strng", "did you mean `string`?"),
        ("a is divisibleby(3)", "divisibleby", "there is no test `divisibleby`"),
        ("a._secret", "_secret", "private"),
        ("a.__class__.__mro__", "__class__", "private"),
        ("__import__", "__import__", "private"),
        ("a = 1", "=", "write `==`"),
        ("a === 1", "===", "written `==`"),
        ("a && b", "&&", "written `and`"),
        ("a || b", "||", "written `or`"),
        ("!a", "!", "written `not`"),
        ("a ? b : c", "?", "b if a else c"),
        ("a ?? b", "??", "default"),
        ("$x", "$", "write the name alone"),
        ("a; b", ";", "one value"),
        ("set x", "set", "statement"),
        ("for x in y", "for", "statement"),
        ("(a", "(", "no closing `)`"),
        ("[1, 2", "[", "no closing `]`"),
        ("{'a': 1", "{", "no closing `}`"),
        ("'abc", "'abc", "no closing `'`"),
        ("a b", "b", "stands where"),
        ("a +", "+", "a value was expected"),
        ("a[1, 2]", ",", "one key"),
        ("a.", ".", "a name after `.`"),
        ("a | round(1, 'ceil', 3)", "3", "at most 2 arguments"),
        ("a | replace('x')", "replace", "also needs `new`"),
        ("a | trim(charz='x')", "charz='x'", "takes no `charz`"),
        ("a | select('odd')", "'odd'", "no test `odd`"),
        ("a | map('omit')", "'omit'", "no filter `omit`"),
        ("a | map", "map", "attribute="),
        ("a | map(b)", "b", "in quotes"),
        ("a | join(*b)", "*", "an argument"),
        ("'\\ud800'", "'\\ud800'", "escape"),
        ("- x", "-", "no meaning"),
        ("1e999", "1e999", "too large"),
        ("a @ b", "@", "no meaning"),
        ("a | default(1, default_value=2)", "default_value=2", "takes no `default_value`"),
    ],
)
def test_what_cannot_be_read_is_named_at_its_place(text: str, place: str, words: str) -> None:
    error = refusal(text)
    assert error.code == "HG208"
    assert text[error.start : error.end] == place
    assert words in error.message
    assert "\n" not in error.message


@pytest.mark.parametrize(
    ("text", "place", "replacement"),
    [
        (" {{ inputs.a }} ", "{{ inputs.a }}", "inputs.a"),
        ("{{inputs.a}}", "{{inputs.a}}", "inputs.a"),
        ("a ~ {{ inputs.b }}", "{{ inputs.b }}", "inputs.b"),
        ("a ~ {{", "{{", None),
        ("{ inputs.a }", "{ inputs.a }", " inputs.a "),
        ("{inputs.a}", "{inputs.a}", " inputs.a "),
    ],
)
def test_doubled_braces_have_a_code_of_their_own(text: str, place: str, replacement: str | None) -> None:
    error = refusal(text)
    assert error.code == "HG207"
    assert text[error.start : error.end] == place
    assert error.replacement == replacement


@pytest.mark.parametrize("text", ["{'a': 1}", "{}", " { 'a': {'b': 1} } ", "'{{' ~ a", "{'a': '{{'}"])
def test_a_map_in_an_expression_is_no_doubled_brace(text: str) -> None:
    assert parse(text).text == text


@pytest.mark.parametrize("opener", ["(", "[", "-", "not ", "{'a':", "a[", "a|default("])
def test_nesting_is_bounded_and_never_overflows(opener: str) -> None:
    error = refusal(opener * 900 + "1")
    assert "64 deep" in error.message


@pytest.mark.parametrize("link", [" + 1", " ~ a", " and a", "|abs", "[b]", " if a", " is none", " < 1"])
def test_a_long_chain_is_bounded_and_never_overflows(link: str) -> None:
    assert "64 deep" in refusal("a" + link * 900).message


def test_an_expression_of_any_length_is_answered_quickly() -> None:
    assert "characters" in refusal("a" * 1_000_000).message


def test_brackets_may_nest_as_deep_as_the_language_says() -> None:
    assert parse("(" * 62 + "1" + ")" * 62).references == ()


def test_a_text_is_split_at_its_templates() -> None:
    assert split("Hi {{ a }}, {{ b }}!") == ("Hi ", Hole(" a ", 5), ", ", Hole(" b ", 14), "!")
    assert split("{{ a }}") == (Hole(" a ", 2),)
    assert split("") == ()
    assert split("{{ n | default('}}') }}") == (Hole(" n | default('}}') ", 2),)
    assert split("{{ {'a': {'b': 1}} }}") == (Hole(" {'a': {'b': 1}} ", 2),)
    assert split("{{ {'a': {'b': 1}}}}") == (Hole(" {'a': {'b': 1}}", 2),)
    assert split("no end {{ a }") == ("no end {{ a }",)


def test_a_literal_that_looks_like_a_template_can_be_written_as_one() -> None:
    assert literal("plain") == "plain"
    assert literal('say "{{ x }}"\n') == '{{ "say \\"{{ x }}\\"\n" }}'
