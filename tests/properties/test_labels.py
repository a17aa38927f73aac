"""Labels against brute force: what a marked value shows up in, and what random workflows hand on."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

from expression_texts import EXPRESSIONS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headgate.compiler.carrying import carried, is_narrow
from headgate.compiler.cells import INPUT, ITEM, OUTPUT, RESULT, TRIGGER, VAR, Cell
from headgate.compiler.graph import build
from headgate.compiler.inference import Known
from headgate.compiler.label_sources import UNTRUSTED
from headgate.compiler.labels import Labels
from headgate.compiler.types import from_schema
from headgate.expressions import TemplateFailed, evaluate, parse
from headgate.grammar.parse import parse as parse_file
from headgate.source import Source

MODEST = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
MARK = "☃"
FORMS = ("{{{{ {0} }}}}", '"x {{{{ {0} }}}}"', "{{{{ [{0}, 1] | join }}}}", '{{{{ {0} ~ "!" }}}}')
NAMES = ("a", "b2", "steps", "inputs", "order_id", "Items", "x_y")
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.text("ab", max_size=3)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.sampled_from(NAMES), inner, max_size=3)),
    max_leaves=8,
)


def marked(value: Any) -> Any:
    """The value with a mark in each of its texts."""
    match value:
        case str():
            return value + MARK
        case list():
            return [marked(item) for item in value]
        case dict():
            return {key: marked(item) for key, item in value.items()}
        case _:
            return value


@given(EXPRESSIONS, st.lists(VALUES, min_size=len(NAMES), max_size=len(NAMES)), st.sampled_from(NAMES))
@settings(MODEST, max_examples=400)
def test_a_mark_in_the_value_of_an_expression_came_by_a_path_that_is_carried(
    text: str, values: list[Any], name: str
) -> None:
    scope = dict(zip(NAMES, values, strict=True))
    scope[name] = marked(scope[name])
    try:
        value = evaluate(text, scope)
    except TemplateFailed:
        return
    if MARK in json.dumps(value, ensure_ascii=False):
        root = parse(text).root
        assert name in {path.segments[0].name for path in carried(root, lambda _: False)}


def schema(value: Any) -> dict[str, Any]:
    """What a declared schema says of values like this one: of a text only that it is one."""
    match value:
        case bool():
            return {"type": "boolean"}
        case int():
            return {"type": "integer"}
        case str():
            return {"type": "string"}
        case list():
            return {"type": "array", "items": {"anyOf": [schema(item) for item in value]} if value else {}}
        case dict():
            fields = {key: schema(item) for key, item in value.items()}
            return {"type": "object", "properties": fields, "additionalProperties": False}
        case _:
            return {"type": "null"}


@given(VALUES)
@MODEST
def test_a_type_that_may_hold_any_text_clears_nothing(value: Any) -> None:
    narrow = is_narrow(from_schema(schema(value)))
    assert not (narrow and MARK in json.dumps(marked(value), ensure_ascii=False))


@given(st.lists(st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.text("ab")), min_size=1, max_size=4))
@MODEST
def test_dates_numbers_and_choices_clear_what_they_hold(values: list[Any]) -> None:
    dates = json.loads(json.dumps(schema(values)).replace('"string"', '"string", "format": "date"'))
    assert is_narrow(from_schema(dates))
    assert is_narrow(from_schema({"enum": values}))


class Made:
    """A workflow that is put together by chance, and the edges of its cells, written down beside it."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.edges: dict[str, set[str]] = {}
        self.readable: list[tuple[str, str]] = [
            ("trigger.body.x", "trigger"),
            ("inputs.filled", "inputs.filled"),
            ("inputs.kept", "inputs.kept"),
            ("vars.first", "vars.first"),
        ]

    def add(self, target: str, sources: list[str]) -> None:
        for source in sources:
            self.edges.setdefault(target, set()).add(source)

    def reached(self, cell: str) -> bool:
        """Whether some way leads back to the trigger: all ways are tried."""
        ways, seen = [cell], set()
        while ways:
            here = ways.pop()
            if here == "trigger":
                return True
            if here not in seen:
                seen.add(here)
                ways.extend(self.edges.get(here, ()))
        return False

    @property
    def text(self) -> str:
        return "\n".join(
            [
                "workflow w {",
                "  input filled: string",
                '  input kept: string = "x"',
                "  trigger hook = webhook { inputs = { filled = {{ trigger.body.filled }} } }",
                *self.lines,
                "}",
                "workflow child {",
                "  input given: string",
                '  input other: string = "x"',
                "  step inner = set { one = {{ inputs.given }}, two = {{ inputs.other }} }",
                "  output {",
                "    one = {{ steps.inner.result.one }}",
                "    two = {{ steps.inner.result.two }}",
                "  }",
                "}\n",
            ]
        )


def shown(draw: st.DrawFn, read: str) -> str:
    """A template around a path which hands it on."""
    return draw(st.sampled_from(FORMS)).format(read)


@st.composite
def workflows(draw: st.DrawFn) -> Made:
    made = Made()
    made.add("inputs.filled", ["trigger"])
    read, cell = draw(st.sampled_from(made.readable[:3]))
    made.lines.append(f"  let first = {shown(draw, read)}")
    made.add("vars.first", [cell])
    for number in range(draw(st.integers(1, 7))):
        _step(draw, made, f"s{number}")
    return made


def _step(draw: st.DrawFn, made: Made, name: str) -> None:
    sort = draw(st.sampled_from(["set", "set", "lua", "each", "repeat", "call", "narrow"]))
    (one, first), (two, second) = draw(st.lists(st.sampled_from(made.readable), min_size=2, max_size=2))
    a, b, whole = f"{name}.a", f"{name}.b", f"{name}."
    match sort:
        case "set":
            made.lines.append(f"  step {name} = set {{ a = {shown(draw, one)}, b = {shown(draw, two)} }}")
            made.add(a, [first])
            made.add(b, [second])
            made.add(whole, [a, b])
            made.readable += [(f"steps.{name}.result.a", a), (f"steps.{name}.result.b", b)]
        case "narrow":
            made.lines.append(f"  step {name} = set {{ a = {{{{ {one} | length }}}}, b = {{{{ {two} == 1 }}}} }}")
            made.readable += [(f"steps.{name}.result.a", a), (f"steps.{name}.result.b", b)]
        case "lua":
            script = "" if one.startswith("trigger") else f"local x = {one}"
            made.lines += [
                f"  step {name} = lua ```lua",
                f"    {script}",
                "    return { x = x, y = args.y }",
                f"  ``` {{ args = {{ y = {shown(draw, two)} }} }}",
            ]
            if "[0]" in one:  # behind an index a script's read is that of the whole result
                first = f"{one.split('.')[1]}."
            made.add(whole, [second, *([first] if script else [])])
        case "each":
            made.lines += [
                f"  step {name} = each {{{{ [{one}] }}}} as item_{name} {{",
                f"    step {name}_in = set {{ a = {{{{ item_{name} }}}}, b = {shown(draw, two)} }}",
                "  }",
            ]
            made.add(f"{name}_in.a", [first])
            made.add(f"{name}_in.b", [second])
            made.add(f"{name}_in.", [f"{name}_in.a", f"{name}_in.b"])
            made.add(whole, [f"{name}_in."])
            made.readable.append((f"steps.{name}.result.results[0].result.{name}_in.b", f"{name}_in.b"))
        case "repeat":
            made.lines += [
                f"  step {name} = repeat {{",
                "    max   = 2",
                "    until = {{ iteration > 0 }}",
                f"    step {name}_x = set {{ a = {{{{ previous.{name}_y.a | default(0) }}}} }}",
                f"    step {name}_y = set {{ a = {{{{ previous.{name}_z.a | default(0) }}}} }}",
                f"    step {name}_z = set {{ a = {shown(draw, one)}, b = {{{{ previous.{name}_x.a | default(0) }}}} }}",
                "  }",
            ]
            x, y, z = f"{name}_x.a", f"{name}_y.a", f"{name}_z.a"
            made.add(x, [y])
            made.add(y, [z])
            made.add(z, [first])
            made.add(f"{name}_z.b", [x])
            made.add(f"{name}_x.", [x])
            made.add(f"{name}_y.", [y])
            made.add(f"{name}_z.", [z, f"{name}_z.b"])
            made.add(whole, [f"{name}_x.", f"{name}_y.", f"{name}_z."])
            made.readable.append((f"steps.{name}.result.last.{name}_x.a", x))
        case _:
            inputs = f"given = {shown(draw, one)}, other = {shown(draw, two)}"
            made.lines.append(f"  step {name} = call child {{ inputs = {{ {inputs} }} }}")
            made.add("child.given", [first])
            made.add("child.other", [second])
            made.add(a, ["child.given"])
            made.add(b, ["child.other"])
            made.add(whole, [a, b])
            made.readable += [(f"steps.{name}.result.one", a), (f"steps.{name}.result.two", b)]
    if sort != "narrow":
        made.readable.append((f"steps.{name}.result", whole))


def _called(cell: Cell) -> str:
    """A cell as the oracle calls it."""
    child = cell.graph.workflow.name.text == "child"
    fields = {"one": "a", "two": "b"}
    match cell.sort:
        case _ if cell.sort == TRIGGER:
            return "trigger"
        case _ if cell.sort == INPUT:
            return f"child.{cell.name}" if child else f"inputs.{cell.name}"
        case _ if cell.sort == VAR:
            return f"vars.{cell.name}"
        case _ if cell.sort == RESULT and not child:
            return f"{cell.name}.{fields.get(cell.field, cell.field)}"
        case _:
            return ""


@given(workflows())
@MODEST
def test_the_cells_that_a_label_reaches_are_those_from_which_some_way_leads_back(made: Made) -> None:
    file, found = parse_file(Source("x.flow", made.text))
    assert found == [], found
    graphs = {workflow.name.text: build(workflow)[0] for workflow in file.workflows}
    flows = Labels(graphs, Known()).flows(UNTRUSTED)
    found_cells = {name for cell in flows if (name := _called(cell))}
    expected = {cell for cell in made.edges if made.reached(cell)} | {"trigger"}
    assert found_cells == expected


@given(workflows())
@MODEST
def test_the_way_of_a_label_starts_at_its_origin_and_goes_along_what_is_read(made: Made) -> None:
    file, _ = parse_file(Source("x.flow", made.text))
    graphs = {workflow.name.text: build(workflow)[0] for workflow in file.workflows}
    for cell, flow in Labels(graphs, Known()).flows(UNTRUSTED).items():
        stages = flow.stages()
        assert stages[0].cell == flow.origin.cell
        assert stages[-1].cell == cell
        assert len({stage.cell for stage in stages}) == len(stages)
        named = [name for stage in stages if (name := _called(stage.cell)) and stage.cell.sort not in (ITEM, OUTPUT)]
        for source, target in pairwise(named):
            assert source in made.edges[target]
