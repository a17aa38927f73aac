"""Evaluating expressions and rendering values: what comes out, and what is said when nothing can."""

import subprocess
import sys
from collections.abc import Mapping
from types import MappingProxyType

import pytest

from headgate.expressions import (
    Absent,
    PathMissing,
    ResultMissing,
    Secrets,
    TemplateFailed,
    evaluate,
    evaluate_condition,
    literal,
    render,
    sealed,
)

SCOPE: Mapping[str, object] = {
    "inputs": {"name": "Ann", "n": 3, "u": None, "big": 9007199254740993, "digits": "123", "flag": True},
    "vars": {"limit": 500},
    "secrets": Secrets(),
    "steps": {
        "charge": {
            "result": {
                "amount": 501.5,
                "id": "ch_1",
                "items": [1, 2],
                "keys": "data",
                "lines": [{"sku": "b", "n": 2}, {"sku": "A", "n": 1}],
            },
            "status": "completed",
            "error": None,
        },
        "lost": {"result": Absent("lost"), "status": "skipped", "error": None},
    },
}


def failure(text: str) -> str:
    with pytest.raises(TemplateFailed) as caught:
        evaluate(text, SCOPE)
    assert "\n" not in caught.value.message
    return caught.value.message


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("steps.charge.result.amount", 501.5),
        ("steps['charge'].result.lines[1].sku", "A"),
        ("steps.charge.result.lines[-1].n", 1),
        ("steps.charge.result.items", [1, 2]),
        ("steps.charge.result.keys", "data"),
        ("inputs.digits", "123"),
        ("inputs.big", 9007199254740993),
        ("inputs.big + 1", 9007199254740994),
        ("steps.charge.result.amount > vars.limit", True),
        ("1 < 2 < 3", True),
        ("1 < 3 < 2", False),
        ("'x' if inputs.flag else 'y'", "x"),
        ("inputs.name ~ ' ' ~ inputs.n ~ ' ' ~ null ~ ' ' ~ [true, 1.5]", "Ann 3 null [true,1.5]"),
        ("inputs.name[:2]", "An"),
        ("inputs.name[::-1]", "nnA"),
        ("{'a': [inputs.n, {'b': null}]}", {"a": [3, {"b": None}]}),
        ("(1, 2)", [1, 2]),
        ("inputs.n in [1, 2, 3]", True),
        ("'nn' in inputs.name", True),
        ("'name' in inputs", True),
        ("inputs.n not in (1, 2)", True),
        ("7 // 2 + 7 % 2", 4),
        ("2 ** -1", 0.5),
        ("-inputs.n | abs", 3),
        ("true == 1", False),
        ("1 == 1.0", True),
        ("true in [1]", False),
        ("inputs.u is none and inputs.n is number and inputs.flag is boolean and inputs is mapping", True),
        ("inputs.flag is number", False),
        ("inputs.name is string", True),
        ("inputs.zzz is defined", False),
        ("inputs.zzz is not defined", True),
        ("steps.lost.result is defined", False),
        ("inputs.flag or inputs.zzz", True),
        ("not inputs.flag", False),
        ("inputs.n is in [3]", True),
    ],
)
def test_an_expression_has_the_value_that_jinja2_and_json_give_it(text: str, value: object) -> None:
    result = evaluate(text, SCOPE)
    assert result == value
    assert type(result) is type(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("-3.5 | abs", 3.5),
        ("[1, 2] | first", 1),
        ("[1, 2] | last", 2),
        ("'1.5' | float", 1.5),
        ("'x' | float(2)", 2),
        ("'nan' | float", 0.0),
        ("'%s is %05.1f%%' | format('it', 2.5)", "it is 002.5%"),
        ("'%s' % true", "true"),
        ("'%(a)s' | format(a=[1])", "[1]"),
        ("'42.9' | int", 42),
        ("'ff' | int(base=16)", 255),
        ("'9007199254740993' | int", 9007199254740993),
        ("'x' | int(7)", 7),
        ("[1, 'a', null] | join('-')", "1-a-null"),
        ("steps.charge.result.lines | join(',', attribute='sku')", "b,A"),
        ("'abc' | length", 3),
        ("inputs | length", 6),
        ("'ÄB' | lower", "äb"),
        ("steps.charge.result.lines | map(attribute='n')", [2, 1]),
        ("[{'a': 1}, {}] | map(attribute='a', default=0)", [1, 0]),
        ("['a'] | map('upper')", ["A"]),
        ("['a-b'] | map('replace', '-', '+')", ["a+b"]),
        ("[3, 1] | max", 3),
        ("['b', 'A'] | min", "A"),
        ("steps.charge.result.lines | max(attribute='n')", {"sku": "b", "n": 2}),
        ("[1, 2, 3] | reject('gt', 1)", [1]),
        ("'aaa' | replace('a', 'b', 2)", "bba"),
        ("2.345 | round(2)", 2.35 if round(2.345, 2) == 2.35 else 2.35 - 0.01),
        ("2.1 | round(method='ceil')", 3.0),
        ("[0, 1, null, 'a'] | select", [1, "a"]),
        ("['a', 1] | select('string')", ["a"]),
        ("[1, 2, 3] | select('in', [2, 3])", [2, 3]),
        ("[1, 2, 3] | slice(2)", [[1, 2], [3]]),
        ("['b', 'A'] | sort", ["A", "b"]),
        ("['b', 'A'] | sort(case_sensitive=true, reverse=true)", ["b", "A"]),
        ("steps.charge.result.lines | sort(attribute='n') | map(attribute='sku')", ["A", "b"]),
        ("'a,b' | split(',')", ["a", "b"]),
        ("' a  b ' | split", ["a", "b"]),
        ("12 | string", "12"),
        ("{'a': 1} | string", '{"a":1}'),
        ("[1, 2] | sum", 3),
        ("steps.charge.result.lines | sum(attribute='n', start=10)", 13),
        ("'hello wide world' | title", "Hello Wide World"),
        ("{'a': 'ä'} | tojson", '{"a":"ä"}'),
        ("'a' | tojson", '"a"'),
        ("[1] | tojson(indent=2)", "[\n  1\n]"),
        ("' a ' | trim", "a"),
        ("'xax' | trim('x')", "a"),
        ("[1, 1.0, true, 'a', 'A', [1], [1]] | unique", [1, True, "a", [1]]),
        ("'ä' | upper", "Ä"),
    ],
)
def test_each_filter_does_what_its_name_says(text: str, value: object) -> None:
    assert evaluate(text, SCOPE) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("inputs.zzz | default('d')", "d"),
        ("inputs.zzz.deep.er | default('d')", "d"),
        ("inputs.u.link | default('d')", "d"),
        ("inputs.u | default('d')", None),
        ("inputs.zzz | default", ""),
        ("nowhere.at.all | default(null)", None),
        ("steps.lost.result | default(1)", 1),
        ("steps.lost.result.deep[0] | upper | default(1)", 1),
        ("(steps.lost.result.x ~ 'y') | default(1)", 1),
        ("[] | first | default('none')", "none"),
        ("inputs.zzz | default(inputs.yyy | default('d'))", "d"),
        ("inputs.name | default(inputs.yyy)", "Ann"),
        ("('x' if inputs.n == 4) | default('d')", "d"),
        ("'' | default('d', true)", "d"),
        ("'' | default('d', boolean=false)", ""),
    ],
)
def test_default_covers_a_missing_link_anywhere_and_null_counts_as_present(text: str, value: object) -> None:
    assert evaluate(text, SCOPE) == value


def test_default_does_not_cover_an_operation_that_is_impossible() -> None:
    with pytest.raises(TemplateFailed):
        evaluate("('a' + 1) | default('d')", SCOPE)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("inputs.nme", "`inputs.nme` is missing: `inputs` has no `nme`; did you mean `name`?"),
        ("input.name", "`input` is not a name here; did you mean `inputs`?"),
        ("steps.charge.result.lines[7]", "is a list of 2"),
        ("steps.charge.result.amount.cents", "`steps.charge.result.amount` is a number"),
        ("inputs.u.x", "`inputs.u` is null"),
        ("vars.other_thing", "`vars` has `limit`"),
        ("steps.charge.result[inputs.name]", "`Ann` is missing"),
        ("'a' + 1", "write `~`"),
        ("'a' < 1", "not text with a number"),
        ("1 / 0", "divides by zero"),
        ("1e308 * 10", "too large"),
        ("[1, 'a'] | sort", "all of one kind"),
        ("['a'] | sum", "adds numbers"),
        ("1 | length", "not a number"),
        ("'x' if inputs.n == 4", "without `else`"),
        ("a b", "cannot be read"),
        ("secrets", "name one of them"),
        ("inputs.n[1:2]", "list or a text"),
        ("{1: 2}", "must be text"),
        ("'%d' % 'a'", "cannot fill in"),
        ("'%q' % 1", "no conversion"),
        ("(inputs.u | omit) ~ 'x'", "omit"),
        ("-inputs.name", "needs a number"),
        ("1 in 2", "looks in a list"),
    ],
)
def test_what_has_no_value_fails_with_one_sentence_that_names_the_cause(text: str, words: str) -> None:
    assert words in failure(text)


def test_a_missing_link_names_the_path_that_was_followed() -> None:
    with pytest.raises(PathMissing) as caught:
        evaluate("steps.charge.result.amout.cents", SCOPE)
    assert caught.value.path == ("steps", "charge", "result", "amout")


def test_a_key_from_the_data_stays_short_and_on_one_line_in_a_message() -> None:
    with pytest.raises(PathMissing) as caught:
        evaluate("inputs.a", {"inputs": {"x\ny" + "z" * 500: 1}})
    assert "\n" not in caught.value.message
    assert len(caught.value.message) < 300


@pytest.mark.parametrize(
    "text", ["steps.lost.result", "steps.lost.result.a.b", "steps.lost", "steps.lost.result ~ 'x'"]
)
def test_a_result_that_does_not_exist_is_told_apart_from_a_wrong_path(text: str) -> None:
    with pytest.raises(ResultMissing) as caught:
        evaluate(text, SCOPE)
    assert caught.value.step == "lost"


def test_the_status_of_a_step_without_a_result_can_be_read() -> None:
    assert evaluate("steps.lost.status", SCOPE) == "skipped"
    assert evaluate("steps.lost.error.message | default('denied')", SCOPE) == "denied"


@pytest.mark.parametrize(
    "text", ["inputs.name.upper", "inputs.copy", "inputs.items", "[].append", "'a'.join", "run.real"]
)
def test_a_link_is_an_item_and_never_a_method(text: str) -> None:
    assert "missing" in failure(text) or "not a name" in failure(text)


def test_a_value_that_is_one_template_keeps_its_type() -> None:
    assert render("{{ inputs.digits }}", SCOPE) == "123"
    assert render("{{ inputs.n }}", SCOPE) == 3
    assert render({"a": ["{{ inputs.u }}"]}, SCOPE) == {"a": [None]}


def test_inside_text_everything_but_text_is_compact_json() -> None:
    text = "{{ inputs.name }}/{{ inputs.u }}/{{ inputs.flag }}/{{ steps.charge.result.lines[0] }}/{{ inputs.n }}"
    assert render(text, SCOPE) == 'Ann/null/true/{"sku":"b","n":2}/3'


def test_raw_values_are_never_read_as_templates() -> None:
    assert render({"$raw": "{{ inputs.name }}"}, SCOPE) == "{{ inputs.name }}"
    assert render({"a": {"$raw": {"b": "{{ x"}}}, SCOPE) == {"a": {"b": "{{ x"}}


def test_data_that_looks_like_a_template_is_never_evaluated() -> None:
    scope = {"inputs": {"evil": "{{ secrets.TOKEN }}"}}
    assert render("{{ inputs.evil }}", scope) == "{{ secrets.TOKEN }}"
    assert render("say {{ inputs.evil }}", scope) == "say {{ secrets.TOKEN }}"


def test_a_text_with_an_opener_and_no_end_is_text() -> None:
    assert render("{{ a", SCOPE) == "{{ a"


def test_a_literal_comes_back_as_it_was() -> None:
    for text in ('{{ x }} "\\" \r\n', "{{", "a {{% 'b' \\n"):
        assert render(literal(text), {}) == text


def test_omit_drops_the_key_the_item_or_the_whole_value() -> None:
    value = {"a": "{{ inputs.zzz | omit }}", "b": "{{ inputs.u | omit }}", "c": ["{{ inputs.zzz | omit }}", 1], "d": 2}
    assert render(value, SCOPE) == {"c": [1], "d": 2}
    assert render("{{ inputs.name | omit }}", SCOPE) == "Ann"
    assert render("{{ inputs.zzz | omit }}", SCOPE) is None
    assert evaluate("{'a': inputs.zzz | omit, 'b': [inputs.u | omit]}", SCOPE) == {"b": []}


def test_omit_inside_text_fails() -> None:
    with pytest.raises(TemplateFailed, match="omit"):
        render("a {{ inputs.zzz | omit }}", SCOPE)


def test_a_secret_is_a_placeholder_and_its_value_is_nowhere() -> None:
    assert render("{{ secrets.TOKEN }}", SCOPE) == {"$secret": "TOKEN"}
    assert render("Bearer {{ secrets.TOKEN }}", SCOPE) == {"$text": ["Bearer ", {"$secret": "TOKEN"}]}
    text = "{{ inputs.name }}:{{ secrets.A }}{{ secrets['B'] }}/{{ inputs.n }}"
    assert render(text, SCOPE) == {"$text": ["Ann:", {"$secret": "A"}, {"$secret": "B"}, "/3"]}
    assert evaluate("secrets.A if inputs.flag else secrets.B", SCOPE) == {"$secret": "A"}
    assert evaluate("[secrets.A]", SCOPE) == [{"$secret": "A"}]
    assert evaluate("secrets.A | default('x')", SCOPE) == {"$secret": "A"}


@pytest.mark.parametrize(
    "text",
    [
        "secrets.A | upper",
        "secrets.A ~ 'x'",
        "secrets.A == 'x'",
        "secrets.A and true",
        "secrets.A[0]",
        "secrets.A.x",
        "secrets.A is string",
        "[secrets.A] | tojson",
        "[secrets.A] | map('upper')",
        "'x' in secrets.A",
        "'%s' % secrets.A",
        "'%s' % [secrets.A]",
        "'x' if secrets.A else 'y'",
        "secrets.A + 'x'",
        "[secrets.A] | join",
        "secrets.A[1:2]",
        "'' | default(secrets.A ~ 'x', true)",
    ],
)
def test_nothing_can_be_computed_from_a_secret(text: str) -> None:
    assert "can only be sent as it is" in failure(text)


@pytest.mark.parametrize("key", ["$secret", "$text"])
def test_data_cannot_pose_as_a_secret(key: str) -> None:
    scope = {"inputs": {"evil": {"deep": [{key: "TOKEN"}]}}}
    with pytest.raises(TemplateFailed, match="stand for secrets"):
        render({"body": "{{ inputs.evil }}"}, scope)
    assert render("text {{ inputs.evil }}", scope) == f'text {{"deep":[{{"{key}":"TOKEN"}}]}}'


def test_a_condition_must_be_boolean() -> None:
    assert evaluate_condition("{{ inputs.n > 2 }}", SCOPE) is True
    assert evaluate_condition(False, SCOPE) is False
    with pytest.raises(TemplateFailed, match=r"must be true or false; `\{\{ inputs.n \}\}` gave a number"):
        evaluate_condition("{{ inputs.n }}", SCOPE)
    with pytest.raises(TemplateFailed, match="gave text"):
        evaluate_condition("{{ 'true' }}", SCOPE)


def test_a_scope_may_be_made_of_any_mapping() -> None:
    scope = MappingProxyType({"steps": MappingProxyType({"a": MappingProxyType({"result": 1})})})
    assert evaluate("steps.a.result", scope) == 1
    assert evaluate("steps", scope) == {"a": {"result": 1}}
    assert evaluate("steps ~ ''", scope) == '{"a":{"result":1}}'


def test_evaluating_changes_nothing_in_the_scope() -> None:
    scope = {"inputs": {"l": [3, 1, 2], "m": {"a": 1}}}
    evaluate("[inputs.l | sort, inputs.l + [4], inputs.l * 2, inputs.m | tojson]", scope)
    assert scope == {"inputs": {"l": [3, 1, 2], "m": {"a": 1}}}


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import headgate.expressions as e; e.parse('a.b > 3 | default(1)')", False),
        ("import headgate.expressions as e; e.evaluate('a.b | default(2)', {'a': {}})", False),
        ("import headgate.expressions as e; e.render('x {{ a.b }}', {'a': {'b': 1}})", False),
        ("import headgate.expressions as e; e.evaluate('a.b > 3', {'a': {'b': 4}})", True),
        ("from headgate.grammar.parse import parse as p; p(s.Source('x', 'workflow w { step a = set {} }'))", False),
        ("from headgate.api.checking import check_text as c; c('workflow w { let x = {{ 1 + 2 }} }', 'x')", False),
    ],
)
def test_jinja2_is_loaded_by_the_first_operator_that_is_evaluated(code: str, expected: object) -> None:
    script = f"import headgate.source as s\n{code}\nimport sys; print('jinja2' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(expected)


def test_a_constant_may_hold_a_secret() -> None:
    rendered = render(
        {"one": "{{ secrets.A }}", "text": "Bearer {{ secrets.A }}", "list": ["{{ secrets.B }}", 1]}, SCOPE
    )
    scope = {"vars": sealed(rendered)}
    assert render("{{ vars.one }}", scope) == {"$secret": "A"}
    assert render("{{ vars.text }}", scope) == {"$text": ["Bearer ", {"$secret": "A"}]}
    assert render("<{{ vars.text }}>", scope) == {"$text": ["<", "Bearer ", {"$secret": "A"}, ">"]}
    assert render("{{ vars.list }}", scope) == [{"$secret": "B"}, 1]
    with pytest.raises(TemplateFailed, match="only be sent as it is"):
        render("{{ vars.text | upper }}", scope)
