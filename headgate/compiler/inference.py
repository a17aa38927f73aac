"""Which type an expression has at its site: from declared inputs, the kinds' results, the lock and written values."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from headgate import kinds
from headgate.compiler import types
from headgate.compiler.callees import Callees, input_schema
from headgate.compiler.encoding import encode_fields, encode_schema
from headgate.compiler.expression_types import ExpressionTypes
from headgate.compiler.graph import Graph, Node, Scope
from headgate.compiler.places import templates_in
from headgate.compiler.types import A_BOOLEAN, A_TEXT, AN_INTEGER, ANY, Type, constant, list_of, map_of, nullable, union
from headgate.compiler.uses import RUN_NAMES, Site, item_name
from headgate.compiler.written import Written
from headgate.expressions import Segment, tree
from headgate.grammar import ast
from headgate.records import NamedTuple
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
_DEEPEST = 20
_STATUS = union(constant(status) for status in STEP_STATUSES)
_ERROR = nullable(STEP_ERROR)
_RUN = map_of({"id": A_TEXT, "workflow": A_TEXT, "version": ANY, "started_at": A_TEXT}, closed=True)
_FAILURE = map_of({"step": A_TEXT, "error": STEP_ERROR}, closed=True)

_SHORT = 60
"""How many steps a workflow may have whose types are found by recursion alone."""


class Resolution(NamedTuple):
    """What is known of a path. `broken_at` is the number of the link that leads nowhere for certain, else None.

    `known` are then the keys that there are, and `type` is that of what the link was looked for in.
    """

    type: Type
    broken_at: int | None = None
    known: tuple[str, ...] = ()


class Known(NamedTuple):
    """What is known beside the workflow. `callees` finds the workflows whose outputs a `call` returns.

    `siblings` are those that it looks among first, None for those of the file that is checked; `depth` counts the calls
    on the way to this one.
    """

    workspace: Workspace = EMPTY
    lock: Lock | None = None
    callees: Callees = Callees()
    siblings: Mapping[str, Graph] | None = None
    depth: int = 0


class Inference:
    """Types in one workflow."""

    def __init__(self, graph: Graph, known: Known) -> None:
        self._graph = graph
        self._known = known
        self._results: dict[int, Type] = {}
        self._steps: dict[int, Type] = {}
        self._tools: dict[tuple[str, str], Type] = {}
        self._open: set[int] = set()
        self._settled = False
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

        def type_of_path(path: tree.Path) -> Type:
            found = self.resolve(path.segments, site)
            return ANY if found.broken_at is not None else found.type

        return ExpressionTypes(type_of_path).of(node)

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
        known = self._steps.get(id(node))
        if known is None:
            result = self.result_type(node)
            known = map_of({"result": result, "input": ANY, "status": _STATUS, "error": _ERROR}, closed=True)
            if id(node) in self._results:  # else it is still being found
                self._steps[id(node)] = known
        return known

    def result_type(self, node: Node) -> Type:
        """The type of what a step returns when it completes."""
        key = id(node)
        if key in self._results:
            return self._results[key]
        if key in self._open:
            return ANY
        if not self._settled:
            self._settled = True
            self._settle(self._graph.scope)
            return self.result_type(node)
        self._open.add(key)
        self._results[key] = self._result(node)
        self._open.discard(key)
        return self._results[key]

    def _settle(self, scope: Scope) -> None:
        """The results of a long workflow in the order of its run, so that each chain of them is followed link by link.

        Of steps that wait for each other, and of what follows them, nothing is said.
        """
        if len(self._graph.by_step) <= _SHORT:
            return
        for name in scope.order:
            node = scope.nodes[name]
            if node.body is not None:
                self._settle(node.body)
            self.result_type(node)
        for name in scope.nodes.keys() - set(scope.order):
            self._results.setdefault(id(scope.nodes[name]), ANY)

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
                fields[one.name.text] = types.from_schema(input_schema(one))
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
                over = loop.written.get("over")
                if over is None:
                    return ANY
                items = self.value_type(over, Site("step", "over", site.names, loop.scope, loop.step, loop))
                return items.items or ANY if items.only(types.LIST) else ANY
        return ANY

    def _result(self, node: Node) -> Type:
        written = node.written
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
            case "switch":
                return _with(base, {"taken": _taken(node)})
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
        if locked is None or locked.output_schema is None:
            return ANY
        key = (instance, tool)
        if key not in self._tools:
            self._tools[key] = types.from_schema(locked.output_schema)
        return self._tools[key]

    def _call(self, written: Written) -> Type:
        name = written.word("workflow")
        if name is None or written.get("detach") is not None:
            return ANY
        callee = self._known.callees.find(name, self._known.siblings)
        if callee is None:
            return self._locked(name)
        if callee.graph.workflow.broken or self._known.depth >= _DEEPEST:
            return ANY
        known = self._known._replace(siblings=callee.siblings, depth=self._known.depth + 1)
        return self._known.callees.output(callee, Inference(callee.graph, known).output_type)

    def _locked(self, name: str) -> Type:
        """What a published workflow gives, by the lock."""
        locked = self._known.lock.workflows.get(name) if self._known.lock is not None else None
        return ANY if locked is None or "properties" not in locked.outputs else types.from_schema(locked.outputs)

    def output_type(self) -> Type:
        """The type of what a run of the workflow gives: its outputs, or those of the `finish` that ends it."""
        workflow = self._graph.workflow
        site = Site("output", "", RUN_NAMES, self._graph.scope)
        entries = {entry.key.text: entry.value for output in reversed(workflow.outputs) for entry in output.entries}
        fields = {name: self._lenient(value, site) for name, value in entries.items()}
        found = [map_of(fields, closed=True) if entries else types.NOTHING]
        for node in self._graph.by_step.values():
            output = node.written.get("output") if node.kind == "finish" else None
            if output is not None:
                found.append(self._lenient(output, Site("step", "output", RUN_NAMES, node.scope, node.step, node)))
        return union(found)

    def _lenient(self, value: ast.Value, site: Site) -> Type:
        """The type of a value whose parts are null where they come from a step that did not run."""
        match value:
            case ast.Map():
                fields = {entry.key.text: self._lenient(entry.value, site) for entry in reversed(value.entries)}
                return map_of(fields, closed=True)
            case ast.List():
                made = [self._lenient(item, site) for item in value.items]
                return list_of(union(made)) if made else types.A_LIST
            case ast.Template() | ast.Text() if any("steps" in one.expression for one in templates_in(value)):
                return nullable(self.value_type(value, site))
            case _:
                return self.value_type(value, site)

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


def _taken(node: Node) -> Type:
    """The names of the steps that a switch may take, and null when it may take none."""
    targets = [constant(case.target.text) for case in node.step.cases]
    has_else = any(case.condition is None for case in node.step.cases)
    return union(targets if has_else else [*targets, types.NOTHING])


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
