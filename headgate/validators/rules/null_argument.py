"""HG304: an argument that is null, or not there, on some path, of a tool that does not take that."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.compiler import types
from headgate.compiler.correlation import is_looked_at, may_be_ruled_out
from headgate.compiler.graph import GraphEdge, Node
from headgate.compiler.paths import ask, way_to
from headgate.compiler.uses import Use, uses
from headgate.diagnostics import Edit, Fix, Safety, Severity
from headgate.expressions import tree
from headgate.expressions.evaluated import paths
from headgate.grammar import ast
from headgate.plan import Json, JsonObject
from headgate.records import NamedTuple
from headgate.source import Span
from headgate.validators.arguments import checked_calls, dotted
from headgate.validators.reasons import why_missing
from headgate.validators.rule import Context, Finding, Rule
from headgate.validators.schema_shapes import Shapes, required
from headgate.validators.splits import written
from headgate.validators.templates import inference_of
from headgate.validators.witness import witness

_EMPTY = {"string": '""', "number": "0", "integer": "0", "boolean": "false", "array": "[]", "object": "{}"}


class _Argument(NamedTuple):
    """One template that is an argument, or a part of one. `wanted` is what its schema takes."""

    name: str
    template: ast.Template
    schema: JsonObject
    wanted: types.Type
    required: bool


class _Null(NamedTuple):
    """Why it is null or, with `omit`, not there; `path` leads to where it is so."""

    why: str
    path: list[tuple[Node, GraphEdge | str | None]]


def check(context: Context) -> Iterator[Finding]:
    found: dict[Span, Use] = {}
    for checked in checked_calls(context):
        call = checked.call
        locked = None if checked.missed else (context.lock and context.lock.instances[call.resolved or ""])
        args = call.block.written.get("args")
        if not locked or not isinstance(args, ast.Map) or call.block.sort != "step":
            continue
        root = locked[call.tool or ""].input_schema
        found = found or {use.template.span: use for use in uses(context.graph)}
        for argument in _arguments(args, root, root, ()):
            use = found.get(argument.template.span)
            if use is not None and use.site.node is not None and use.expression is not None:
                yield from _judged(context, argument, use, checked.name)


def _arguments(value: ast.Map, schema: Json, root: JsonObject, path: tuple[str, ...]) -> Iterator[_Argument]:
    """The templates that stand alone in a map whose keys the schema names, with all maps inside it."""
    shapes = Shapes(root)
    plain = shapes.plain(schema)
    properties = plain.get("properties")
    if len(shapes.branches(plain)) > 1 or not isinstance(properties, dict):
        return
    for entry in value.entries:
        name = entry.key.text
        if name not in properties:
            continue
        inner = shapes.plain(properties[name])
        if isinstance(entry.value, ast.Map):
            yield from _arguments(entry.value, inner, root, (*path, name))
        elif isinstance(entry.value, ast.Template):
            wanted = types.from_schema(inner, root)
            if inner.get("nullable") is not True:
                yield _Argument(dotted((*path, name)), entry.value, inner, wanted, name in required(plain))


def _judged(context: Context, argument: _Argument, use: Use, tool: str) -> Iterator[Finding]:
    assert use.expression is not None, "it can be read"
    root = use.expression.root
    omitted = isinstance(root, tree.Filter) and root.name == "omit"
    if omitted:
        if not argument.required:
            return
    elif argument.wanted.may_be(types.NULL):
        return
    null = _null(context, root, use)
    if null is not None:
        yield _finding(context, argument, use, tool, null)


def _null(context: Context, root: tree.Node, use: Use) -> _Null | None:
    match root:
        case tree.Path():
            return _nullable(context, root, use)
        case tree.Filter(name="omit"):
            missing = _missing(context, root.target, use)
            if missing is None and isinstance(root.target, tree.Path):
                return _nullable(context, root.target, use)
            return missing
        case tree.Filter(name="default") if _gives_null(root):
            return _missing(context, root.target, use)
        case _:
            return None


def _gives_null(default: tree.Filter) -> bool:
    given = [*default.arguments, *(keyword.value for keyword in default.keywords)]
    return len(given) == 1 and isinstance(given[0], tree.Const) and given[0].value is None


def _missing(context: Context, target: tree.Node, use: Use) -> _Null | None:
    """A run in which what stands under `default` or `omit` is the result of a step that has none."""
    reader, scope = use.site.node, use.site.scope
    if reader is None or scope is None:
        return None
    for path in paths(target) if isinstance(target, tree.Path) else ():
        names = [segment.name for segment in path.segments]
        source = scope.find(names[1]) if names[0] == "steps" and names[2:3] == ["result"] else None
        if source is None or source is reader or source.dangling or source.step.broken:
            continue
        run = ask(context.graph, source, reader, plain=True).run
        if run is None or any(node.dangling or node.step.broken for node in run.nodes):
            continue
        if not may_be_ruled_out(context.graph, run, asked=use.site.attribute):
            return _Null(f"`{source.name}` may have no result: {why_missing(run)[0]}", run.path())
    return None


def _nullable(context: Context, path: tree.Path, use: Use) -> _Null | None:
    """A value of a type that says null, where no condition before has looked at it."""
    reader, scope = use.site.node, use.site.scope
    names = tuple(segment.name for segment in path.segments)
    if reader is None or scope is None or names[2:3] == ("error",):
        return None
    resolution = inference_of(context).resolve(path.segments, use.site)
    known = resolution.type
    if resolution.broken_at is not None or known.is_any or not known.may_be(types.NULL) or known.only(types.NULL):
        return None
    if is_looked_at(context.graph, reader, names):
        return None
    source = scope.find(names[1]) if names[0] == "steps" and len(names) > 1 else None
    if source is not None and not ask(context.graph, source, reader, plain=True).surely:
        return None  # HG204 says it, or it is not known
    return _Null(f"`{written(path)}` may be null", way_to(context.graph, reader))


def _finding(context: Context, argument: _Argument, use: Use, tool: str, null: _Null) -> Finding:
    assert use.expression is not None, "it can be read"
    root = use.expression.root
    omitted = isinstance(root, tree.Filter) and root.name == "omit"
    gone, not_taken = ("may be left out", "requires it") if omitted else ("may be null", "does not take null")
    return RULE.finding(
        f"`{argument.name}` {gone}, and `{tool}` {not_taken}: {null.why}",
        argument.template.span,
        note="not on every path",
        advice=_advice(argument),
        fixes=_fixes(argument, root),
        witness=witness(context.workflow, null.path),
    )


def _advice(argument: _Argument) -> str:
    if argument.required:
        return "give a value that the tool takes, or let the step run only where there is one"
    return "`| omit` leaves the argument out when there is no value"


def _fixes(argument: _Argument, root: tree.Node) -> tuple[Fix, ...]:
    """Leave out what may be left out; for the rest a value of its type."""
    start, end = argument.template.inner.start, root.end
    inside = root.target.end if isinstance(root, tree.Filter) else end
    place = Span(start + inside, start + end)
    if not argument.required:
        return (Fix("leave it out then: `| omit`", Safety.UNSAFE, (Edit(place, " | omit"),)),)
    empty = _EMPTY.get(str(argument.schema.get("type")))
    if empty is None or "enum" in argument.schema:
        return ()
    given = (
        f"default({empty}, true)" if not isinstance(root, tree.Filter) or root.name == "omit" else f"default({empty})"
    )
    return (Fix(f"send `{empty}` then", Safety.UNSAFE, (Edit(place, f" | {given}"),)),)


RULE = Rule(
    code="HG304",
    name="null-argument",
    severity=Severity.ERROR,
    summary="an argument that is null or missing on a path, where the tool's schema does not take that",
    explanation="""\
headgate.lock says which arguments of a tool may be null and which must be there. An argument is null where a nullable
input or field is passed on, and where `| default(null)` stands for the result of a step that has not run on some path;
`| omit` leaves a required argument out there. The path is printed. A value that a condition on the way looks at is
taken to be right.""",
    wrong="""\
workflow refund {
  input note: string?
  step pay = mcp stripe.create_refund { args = { charge = "ch_1", note = {{ inputs.note }} } }
}
""",
    right="""\
workflow refund {
  input note: string?
  step pay = mcp stripe.create_refund { args = { charge = "ch_1", note = {{ inputs.note | omit }} } }
}
""",
    check=check,
    workspace='[instances.stripe]\nserver_url = "https://mcp.stripe.com"\n',
    lock="""\
{"version": 1, "instances": {"stripe": {"server_url": "https://mcp.stripe.com", "tools": {"create_refund": {
  "inputSchema": {"type": "object", "properties": {"charge": {"type": "string"}, "note": {"type": "string"}},
    "required": ["charge"], "additionalProperties": false},
  "annotations": {"readOnlyHint": true}}}}}, "workflows": {}}
""",
)
