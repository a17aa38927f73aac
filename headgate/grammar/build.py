"""From a rule of the grammar and its parts to a node: one function per action of `flow.lark`.

Each takes the parts of one reduction, signs as offsets, and the doc comments by the offset of their item.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from headgate.grammar import ast
from headgate.source import Span

Parts: TypeAlias = "list[Any]"
Docs: TypeAlias = "dict[int, str]"
Builder: TypeAlias = Callable[[Parts, Docs], object]


def end_of(block: tuple[list[Any], int] | None, otherwise: int) -> int:
    """Where an item ends: behind its block, or where it would end without."""
    return block[1] if block else otherwise


def listed(parts: Parts) -> list[Any]:
    """The one list among the parts; empty when there is none."""
    for part in parts:
        if type(part) is list:
            return part
    return []


def attribute(p: Parts, docs: Docs) -> ast.Attribute:
    name, value = p[0], p[2]
    start = name.span.start
    return ast.Attribute(name, value, Span(start, value.span.end), docs.get(start))


def workflow(p: Parts, docs: Docs) -> ast.Workflow:
    word, name, title, (items, end) = p
    start = word.span.start
    by_type: dict[type, list[Any]] = {}
    for item in items:
        by_type.setdefault(type(item), []).append(item)

    def every(kind: type) -> tuple[Any, ...]:
        return tuple(by_type.get(kind, ()))

    return ast.Workflow(
        name,
        title,
        every(ast.Attribute),
        every(ast.Input),
        every(ast.Let),
        every(ast.Trigger),
        every(ast.Step),
        every(ast.Output),
        Span(start, (title or name).span.end),
        Span(start, end),
        docs.get(start),
    )


def input_(p: Parts, docs: Docs) -> ast.Input:
    word, name, _, type_, default, block = p
    start = word.span.start
    attributes = tuple(block[0]) if block else ()
    return ast.Input(
        name, type_, default, attributes, Span(start, end_of(block, (default or type_).span.end)), docs.get(start)
    )


def let(p: Parts, docs: Docs) -> ast.Let:
    start = p[0].span.start
    return ast.Let(p[1], p[3], Span(start, p[3].span.end), docs.get(start))


def trigger(p: Parts, docs: Docs) -> ast.Trigger:
    word, name, _, kind, positionals, block = p
    start = word.span.start
    end = end_of(block, (positionals[-1] if positionals else kind).span.end)
    attributes = tuple(block[0]) if block else ()
    return ast.Trigger(name, kind, tuple(positionals), attributes, Span(start, end), docs.get(start))


def output(p: Parts, docs: Docs) -> ast.Output:
    start = p[0].span.start
    return ast.Output(p[1].entries, Span(start, p[1].span.end), docs.get(start))


def step(p: Parts, docs: Docs) -> ast.Step:
    word, name, _, kind, positionals, as_name, edges, fence, block = p
    start = word.span.start
    last = edges[-1] if edges else as_name or (positionals[-1] if positionals else kind)
    head = Span(start, last.span.end)
    attributes: list[ast.Attribute] = []
    gates: list[ast.Gate] = []
    cases: list[ast.Case] = []
    steps: list[ast.Step] = []
    if block:
        for item in block[0]:
            sort = type(item)
            if sort is ast.Attribute:
                attributes.append(item)
            elif sort is ast.Step:
                steps.append(item)
            elif sort is ast.Case:
                cases.append(item)
            else:
                gates.append(item)
    end = end_of(block, fence.span.end if fence else head.end)
    return ast.Step(
        name,
        kind,
        tuple(positionals),
        as_name,
        tuple(edges),
        fence,
        tuple(attributes),
        tuple(gates),
        tuple(cases),
        tuple(steps),
        head,
        Span(start, end),
        docs.get(start),
    )


def edge_on(p: Parts, _: Docs) -> ast.Edge:
    return ast.Edge(p[0].text, p[1], Span(p[0].span.start, p[1].span.end))


def gate(p: Parts, docs: Docs) -> ast.Gate:
    word, kind, position, (attributes, end) = p
    start = word.span.start
    return ast.Gate(kind, position, tuple(attributes), Span(start, end), docs.get(start))


def case(p: Parts, docs: Docs) -> ast.Case:
    word, condition, _, target = p
    start = word.span.start
    return ast.Case(condition, target, Span(start, target.span.end), docs.get(start))


def else_case(p: Parts, docs: Docs) -> ast.Case:
    start = p[0].span.start
    return ast.Case(None, p[2], Span(start, p[2].span.end), docs.get(start))


def entry(p: Parts, _: Docs) -> ast.Entry:
    return ast.Entry(p[0], p[2], Span(p[0].span.start, p[2].span.end))


def type_of(p: Parts, _: Docs) -> ast.TypeRef:
    return ast.TypeRef(p[0], tuple(p[2]), (), False, Span(p[0].span.start, p[3] + 1))


def type_members(p: Parts, _: Docs) -> ast.TypeRef:
    return ast.TypeRef(p[0], (), tuple(p[2]), False, Span(p[0].span.start, p[-1] + 1))


def or_null(p: Parts, _: Docs) -> ast.TypeRef:
    return ast.TypeRef(p[0].name, p[0].arguments, p[0].members, True, Span(p[0].span.start, p[1] + 1))


def first(p: Parts, _: Docs) -> list[Any]:
    return [p[0]]


def next_(p: Parts, _: Docs) -> list[Any]:
    found: list[Any] = p[0]
    found.append(p[2])
    return found


def next_line(p: Parts, _: Docs) -> list[Any]:
    found: list[Any] = p[0]
    found.append(p[3])
    return found


def append(p: Parts, _: Docs) -> list[Any]:
    found: list[Any] = p[0]
    found.append(p[1])
    return found


ACTIONS: Final[dict[str, Builder]] = {
    "same": lambda p, _: p[0],
    "second": lambda p, _: p[1],
    "nothing": lambda _p, _: None,
    "empty": lambda _p, _: [],
    "first": first,
    "next": next_,
    "next_line": next_line,
    "append": append,
    "no_workflows": lambda _p, _: [],
    "file": lambda p, _: listed(p),
    "block": lambda p, _: (listed(p), p[-1] + 1),
    "workflow": workflow,
    "attribute": attribute,
    "input": input_,
    "let": let,
    "trigger": trigger,
    "output": output,
    "step": step,
    "edge_completed": lambda p, _: ast.Edge("completed", p[0], p[0].span),
    "edge_on": edge_on,
    "star": lambda p, _: ast.Name("*", Span(p[0], p[0] + 1)),
    "gate": gate,
    "case": case,
    "else_case": else_case,
    "type_name": lambda p, _: ast.TypeRef(p[0], (), (), False, p[0].span),
    "type_name_or_null": lambda p, _: ast.TypeRef(p[0], (), (), True, Span(p[0].span.start, p[1] + 1)),
    "type_of": type_of,
    "type_members": type_members,
    "or_null": or_null,
    "true": lambda p, _: ast.Boolean(True, p[0].span),
    "false": lambda p, _: ast.Boolean(False, p[0].span),
    "null": lambda p, _: ast.Null(p[0].span),
    "bare_word": lambda p, _: ast.Word((p[0].text,), p[0].span),
    "list": lambda p, _: ast.List(tuple(listed(p)), Span(p[0], p[-1] + 1)),
    "map": lambda p, _: ast.Map(tuple(listed(p)), Span(p[0], p[-1] + 1)),
    "entry": entry,
    "quoted_key": lambda p, _: ast.Name(p[0].plain, p[0].span),
}
