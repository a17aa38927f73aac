"""Which type an expression has at its site: from declared inputs, the kinds' results, the lock and written values."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import NamedTuple

from headgate import kinds
from headgate.compiler import types
from headgate.compiler.encoding import encode_fields, encode_schema
from headgate.compiler.graph import Graph, Node, Scope
from headgate.compiler.operators import FILTER_TYPES, binary_type
from headgate.compiler.schemas import schema_of
from headgate.compiler.types import A_BOOLEAN, A_TEXT, AN_INTEGER, ANY, Type, constant, list_of, map_of, nullable, union
from headgate.compiler.uses import Site, item_name
from headgate.compiler.written import Written, of_step
from headgate.expressions import Segment, tree
from headgate.grammar import ast
from headgate.workspace import EMPTY, Lock, Workspace

STEP_STATUSES = (
    *("pending", "ready", "running", "retrying", "waiting", "held", "interrupted"),
    *("completed", "failed", "skipped", "blocked", "cancelled"),
)
STEP_ERROR = map_of(
    {
        "code": A_TEXT,
        "message": A_TEXT,
        "class": A_TEXT,
        "provider_status": ANY,
        "retryable": A_BOOLEAN,
        "detail": ANY,
    },
    closed=True,
)
_STATUS = union(constant(status) for status in STEP_STATUSES)
_RUN = map_of({"id": A_TEXT, "workflow": A_TEXT, "version": ANY, "started_at": A_TEXT}, closed=True)
_FAILURE = map_of({"step": A_TEXT, "error": STEP_ERROR}, closed=True)


class Resolution(NamedTuple):
    """What is known of a path. `broken_at` is the number of the link that leads nowhere for certain, else None.

    `known` are then the keys that there are, and `type` is that of what the link was looked for in.
    """

    type: Type
    broken_at: int | None = None
    known: tuple[str, ...] = ()


class Known(NamedTuple):
    """What is known beside the workflow. `siblings` are the workflows of its file, whose outputs a `call` returns."""

    workspace: Workspace = EMPTY
    lock: Lock | None = None
    siblings: Mapping[str, ast.Workflow] = MappingProxyType({})


class Inference:
    """Types in one workflow."""

    def __init__(self, graph: Graph, known: Known) -> None:
        self._graph = graph
        self._known = known
        self._results: dict[int, Type] = {}
        self._open: set[int] = set()
        self._inputs: Type | None = None
        self._vars: Type | None = None

    def resolve(self, segments: tuple[Segment, ...], site: Site) -> Resolution:
        """The type of a written-out path at a site."""
        type_ = self._root(segments[0].name, site)
        at = 1
        if segments[0].name == "steps" and len(segments) > 1:
            node = site.scope.find(segments[1].name) if site.scope is not None else None
            if node is None:
                return Resolution(ANY)
            type_, at = self.step_type(node), 2
        while at < len(segments):
            link = types.member(type_, segments[at].key)
            if link.type is None:
                return Resolution(type_, at, link.known)
            type_ = link.type
            at += 1
        return Resolution(type_)

    def type_of(self, node: tree.Node, site: Site) -> Type:
        """The type of an expression at a site; `ANY` where nothing is known."""
        match node:
            case tree.Path():
                found = self.resolve(node.segments, site)
                return ANY if found.broken_at is not None else found.type
            case tree.Const():
                return constant(node.value)
            case tree.Compare() | tree.Test():
                return A_BOOLEAN
            case tree.Unary():
                return A_BOOLEAN if node.operator == "not" else types.A_NUMBER
            case tree.Logic():
                return union((self.type_of(node.left, site), self.type_of(node.right, site)))
            case tree.Conditional():
                then = self.type_of(node.then, site)
                return then if node.otherwise is None else union((then, self.type_of(node.otherwise, site)))
            case tree.Binary():
                return binary_type(node.operator, self.type_of(node.left, site), self.type_of(node.right, site))
            case tree.ListOf():
                return list_of(union(self.type_of(item, site) for item in node.items)) if node.items else types.A_LIST
            case tree.MapOf():
                return self._map(node, site)
            case tree.Slice():
                target = self.type_of(node.target, site)
                return target if target.only(types.LIST) else A_TEXT if target.only(types.TEXT) else ANY
            case tree.Index():
                key = node.key.value if isinstance(node.key, tree.Const) else None
                usable = isinstance(key, str | int) and not isinstance(key, bool)
                found_type = types.member(self.type_of(node.target, site), key).type if usable else None  # type: ignore[arg-type]
                return found_type or ANY
            case tree.Filter():
                return self._filter(node, site)

    def value_type(self, value: ast.Value, site: Site) -> Type:
        """The type of a written value, its templates evaluated."""
        match value:
            case ast.Template():
                expression = _read(value)
                return ANY if expression is None else self.type_of(expression, site)
            case ast.Text():
                return A_TEXT if value.plain is None else constant(value.plain)
            case ast.Number() | ast.Boolean():
                return constant(value.value)
            case ast.Null():
                return constant(None)
            case ast.List():
                return (
                    list_of(union(self.value_type(item, site) for item in value.items)) if value.items else types.A_LIST
                )
            case ast.Map():
                fields = {entry.key.text: self.value_type(entry.value, site) for entry in reversed(value.entries)}
                return map_of(fields, closed=True)
            case _:
                return ANY

    def step_type(self, node: Node) -> Type:
        """The type of `steps.NAME`."""
        fields = {"result": self.result_type(node), "input": ANY, "status": _STATUS, "error": nullable(STEP_ERROR)}
        return map_of(fields, closed=True)

    def result_type(self, node: Node) -> Type:
        """The type of what a step returns when it completes."""
        key = id(node)
        if key in self._results:
            return self._results[key]
        if key in self._open:
            return ANY
        self._open.add(key)
        self._results[key] = self._result(node)
        self._open.discard(key)
        return self._results[key]

    def _root(self, name: str, site: Site) -> Type:
        match name:
            case "inputs":
                return self._input_types()
            case "vars":
                return self._var_types(site)
            case "run":
                return _RUN
            case "failure":
                return _FAILURE
            case "index" | "iteration":
                return AN_INTEGER if name in site.names else ANY
            case "previous":
                return self._previous(site)
            case _:
                return self._item(name, site)

    def _input_types(self) -> Type:
        if self._inputs is None:
            fields: dict[str, Type] = {}
            for one in reversed(self._graph.workflow.inputs):
                more = any(attribute.name.text == "schema" for attribute in one.attributes)
                fields[one.name.text] = ANY if more else types.from_schema(schema_of(one.type))
            self._inputs = map_of(fields, closed=False)
        return self._inputs

    def _var_types(self, site: Site) -> Type:
        if self._vars is None:
            self._vars = ANY
            lets = self._graph.workflow.lets
            fields = {let.name.text: self.value_type(let.value, site._replace(scope=None)) for let in reversed(lets)}
            self._vars = map_of(fields, closed=False)
        return self._vars

    def _loops(self, site: Site) -> list[Node]:
        """The loops around a site, the innermost first."""
        found: list[Node] = []
        scope: Scope | None = site.scope
        while scope is not None and scope.loop is not None:
            found.append(scope.loop)
            scope = scope.parent
        return found

    def _previous(self, site: Site) -> Type:
        for loop in self._loops(site):
            if loop.kind == "repeat" and loop.body is not None:
                fields = {name: nullable(self.result_type(inner)) for name, inner in loop.body.nodes.items()}
                return map_of(fields, closed=False)
        return ANY

    def _item(self, name: str, site: Site) -> Type:
        for loop in self._loops(site):
            if item_name(loop.step) == name:
                over = of_step(loop.step).get("over")
                if over is None:
                    return ANY
                items = self.value_type(over, Site("step", "over", site.names, loop.scope, loop.step, loop))
                return items.items or ANY if items.only(types.LIST) else ANY
        return ANY

    def _map(self, node: tree.MapOf, site: Site) -> Type:
        fields: dict[str, Type] = {}
        closed = True
        for key, value in node.pairs:
            if isinstance(key, tree.Const) and isinstance(key.value, str):
                fields[key.value] = self.type_of(value, site)
            else:
                closed = False
        return map_of(fields, closed=closed)

    def _filter(self, node: tree.Filter, site: Site) -> Type:
        target = self.type_of(node.target, site)
        if node.name == "default":
            given = node.arguments[0] if node.arguments else None
            if given is None:
                given = next((keyword.value for keyword in node.keywords if keyword.name == "default_value"), None)
            otherwise = A_TEXT if given is None else self.type_of(given, site)
            return union((target, otherwise))
        rule = FILTER_TYPES.get(node.name)
        return ANY if rule is None else rule(target)

    def _result(self, node: Node) -> Type:
        written = of_step(node.step)
        declared = written.get("result")
        if declared is not None:
            return _declared(declared)
        if written.kind is None or node.step.broken:
            return ANY
        kind = written.kind
        base = _kind_result(kind.name)
        match kind.name:
            case "set":
                return self._set(node, written)
            case "mcp":
                return self._tool(written)
            case "call":
                return self._call(written)
            case "llm" | "agent":
                schema = written.get("schema")
                return base if schema is None else _with(base, {"data": _declared(schema)})
            case "human":
                fields = written.get("fields")
                return _with(base, {"fields": nullable(_form(fields))}) if isinstance(fields, ast.Map) else base
            case "each":
                return self._each(base, node)
            case "repeat":
                return _with(base, {"last": self._body(node)})
            case _:
                return base

    def _set(self, node: Node, written: Written) -> Type:
        site = Site("step", "", frozenset(), node.scope, node.step, node)
        names = [name for name in written.attributes if name not in written.common.attributes]
        fields = {name: self.value_type(written.attributes[name].value, site) for name in names}
        return map_of(fields, closed=True)

    def instance_of(self, written: Written) -> str | None:
        """The instance that an `mcp` step calls, by its name or by its `server_url`; None when nobody knows it."""
        name, url = written.word("instance"), written.word("server_url")
        if name is not None or url is None:
            return name
        instances = self._known.workspace.instances.items()
        return next(
            (name for name, one in instances if one.server_url and one.server_url.rstrip("/") == url.rstrip("/")), None
        )

    def _tool(self, written: Written) -> Type:
        instance, tool = self.instance_of(written), written.word("tool")
        if self._known.lock is None or instance is None or tool is None:
            return ANY
        locked = self._known.lock.instances.get(instance, {}).get(tool)
        return ANY if locked is None or locked.output_schema is None else types.from_schema(locked.output_schema)

    def _call(self, written: Written) -> Type:
        name = written.word("workflow")
        if name is None or written.get("detach") is not None:
            return ANY
        sibling = self._known.siblings.get(name)
        if sibling is None or sibling.broken:
            return ANY
        return map_of({entry.key.text: ANY for output in sibling.outputs for entry in output.entries}, closed=True)

    def _body(self, node: Node) -> Type:
        if node.body is None:
            return types.A_MAP
        return map_of({name: self.result_type(inner) for name, inner in node.body.nodes.items()}, closed=True)

    def _each(self, base: Type, node: Node) -> Type:
        results = base.fields.get("results")
        if results is None or results.items is None:
            return base
        return _with(base, {"results": list_of(_with(results.items, {"result": self._body(node)}))})


@cache
def _kind_result(name: str) -> Type:
    kind = kinds.kind(name)
    return ANY if kind is None or kind.result is None else types.from_schema(kind.result)


def _with(type_: Type, fields: Mapping[str, Type]) -> Type:
    return type_._replace(fields={**type_.fields, **fields})


def _read(template: ast.Template) -> tree.Node | None:
    from headgate.expressions import ExpressionError, parse

    try:
        return parse(template.expression).root
    except ExpressionError:
        return None


def _declared(value: ast.Value) -> Type:
    """The type that a written schema stands for; what is no schema is reported elsewhere."""
    try:
        return types.from_schema(encode_schema(value))
    except (AssertionError, ValueError):
        return ANY


def _form(fields: ast.Map) -> Type:
    try:
        return types.from_schema(encode_fields(fields))
    except (AssertionError, ValueError, KeyError):
        return ANY
