"""`import`: any step graph becomes text that parses, and what it lost is said with its place in the JSON."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies.step_graphs import graphs, odd_graphs

from headgate.exchange.conversion import Choices
from headgate.exchange.importing import import_text
from headgate.exchange.json_tree import read
from headgate.exchange.names import TEMPLATE_WORDS, is_name, name_for
from headgate.exchange.writing import Hole, fence, long_text, text
from headgate.grammar import ast
from headgate.grammar.format import format_source
from headgate.grammar.parse import parse, parse_value
from headgate.source import Source

CASES = sorted((Path(__file__).parents[1] / "cases/imports").glob("*.json"))
SERVERS = {"https://mcp.stripe.com": "stripe"}
LINK = re.compile(r"\[(\d+)\]|\[\"((?:[^\"\\]|\\.)*)\"\]|\.?([A-Za-z_][A-Za-z0-9_]*)")


def at(value, path):
    """The value at a JSON path of a finding; fails when there is none."""
    path = path.removeprefix("$")
    while path:
        link = LINK.match(path)
        assert link, path
        if link[1] is not None:
            value = value[int(link[1])]
        else:
            value = value[link[3] if link[3] is not None else json.loads(f'"{link[2]}"')]
        path = path[link.end() :]
    return value


def holds(written: str) -> None:
    """What every answer holds to: the text parses, is laid out, and each finding has a place."""
    made = import_text(written.encode())
    graph = json.loads(written)
    for finding in made.findings:
        at(graph, finding.path)
        assert 1 <= finding.line <= written.count("\n") + 1
        assert "\n" not in finding.message
    if made.text is not None:
        source = Source("x.flow", made.text)
        _, found = parse(source)
        assert found == [], made.text
        assert format_source(source) == (made.text, [])


@settings(max_examples=200, deadline=None)
@given(graphs())
def test_a_graph_becomes_text_that_parses(written):
    holds(written)


@settings(max_examples=300, deadline=None)
@given(odd_graphs())
def test_a_graph_with_anything_in_it_is_answered(written):
    holds(written)


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.binary(), st.text().map(str.encode), odd_graphs().map(lambda made: made.encode()[:-7])))
def test_any_bytes_are_answered(content):
    made = import_text(content)
    assert made.text is not None or made.findings


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=200, deadline=None)
@given(JSON, st.sampled_from(("steps", "id", "type", "tool_args", "inputs", "outputs", "x")))
def test_any_json_is_answered(value, key):
    holds(json.dumps(value))
    holds(json.dumps({key: value}))
    holds(json.dumps({"steps": [{"id": "a", "type": "mcp_call", key: value}]}))


def plain(value: ast.Value):
    """A value of the tree as JSON; whole templates as their expression."""
    match value:
        case ast.Map():
            return {entry.key.text: plain(entry.value) for entry in value.entries}
        case ast.List():
            return [plain(item) for item in value.items]
        case ast.Text():
            return "".join(part.text if isinstance(part, ast.Literal) else part.expression for part in value.parts)
        case ast.Template():
            return int(value.expression)
        case ast.Null():
            return None
        case _:
            return value.value


def without_templates(value) -> bool:
    return "{{" not in json.dumps(value)


@settings(max_examples=200, deadline=None)
@given(JSON.filter(without_templates))
def test_every_value_survives(value):
    made = import_text(json.dumps({"steps": [{"id": "a", "type": "mcp_call", "tool_args": {"x": value}}]}).encode())
    assert made.text is not None
    file, _ = parse(Source("x.flow", made.text))
    args = next(one.value for one in file.workflows[0].steps[0].attributes if one.name.text == "args")
    assert plain(args) == {"x": value}


SIGNS = (*'ab{}"\\\n\r\t #`%é😀', "\u2028", "\x00", "{{", "}}")
LITERALS = st.lists(st.sampled_from(SIGNS), max_size=80).map("".join)


@settings(max_examples=500, deadline=None)
@given(st.lists(LITERALS.filter(bool) | st.just(Hole("inputs.x")), max_size=4))
def test_a_text_reads_back_as_it_was(parts):
    joined = []
    for part in parts:
        if joined and isinstance(part, str) and isinstance(joined[-1], str):
            joined[-1] += part
        else:
            joined.append(part)
    for written in (text(joined), long_text(joined)):
        value, found = parse_value(written)
        assert found == []
        assert isinstance(value, ast.Text)
        read_back = [one.text if isinstance(one, ast.Literal) else Hole(one.expression.strip()) for one in value.parts]
        assert read_back == joined


@settings(max_examples=300, deadline=None)
@given(LITERALS)
def test_a_fence_holds_exactly_its_text_or_is_refused(content):
    written = fence(content, "lua")
    if written is not None:
        value, found = parse_value(written)
        assert found == []
        assert isinstance(value, ast.Fence)
        assert value.text == content


@settings(max_examples=200, deadline=None)
@given(JSON)
def test_json_is_read_as_python_reads_it(value):
    from headgate.exchange.json_tree import plain as without_places

    assert without_places(read(json.dumps(value))) == value


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_cases_become_the_text_that_stands_beside_them(case):
    made = import_text(case.read_bytes(), Choices(SERVERS if b"mcp.stripe.com" in case.read_bytes() else {}))
    said = "".join(f"{one.line}: {one.path}: {one.severity}: {one.message}\n" for one in made.findings)
    assert said == case.with_suffix(".txt").read_text(encoding="utf-8")
    assert (made.text or "") == case.with_suffix(".flow").read_text(encoding="utf-8")


@pytest.mark.parametrize("fallback", ["step", "input", "workflow", "item", "kind"])
@pytest.mark.parametrize("given", ["", "_", "日本", "step", "input", "as", "2nd", "a-b", "__x", "steps", " a "])
def test_every_name_is_one_of_the_language(given, fallback):
    name = name_for(given, {"a_b"}, fallback)
    assert is_name(name)
    assert name not in TEMPLATE_WORDS
    assert name != "a_b"


def test_the_example_of_the_guide_is_the_case():
    page = (Path(__file__).parents[2] / "docs/importing.md").read_text(encoding="utf-8")
    for name in ("refund.json", "refund.flow"):
        assert (Path(__file__).parents[1] / "cases/imports" / name).read_text(encoding="utf-8").rstrip() in page


def test_the_guide_says_what_is_said():
    page = (Path(__file__).parents[2] / "docs/importing.md").read_text(encoding="utf-8")
    step = {"id": "draft", "type": "llm_call", "model_ref": "fast", "prompt": "It is {{ now() }}."}
    graph = {"steps": [{**step, "llm_params": {"temperature": 0.2, "top_p": 0.9}}]}
    for finding in import_text(json.dumps(graph).encode()).findings:
        assert f"{finding.severity}: {finding.message}\n" in page
        assert f" at {finding.path}\n" in page
