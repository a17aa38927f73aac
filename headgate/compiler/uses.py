"""Every value of a workflow with its site: which names are in scope there, and which steps can be read."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from headgate.compiler.graph import Graph, Node, Scope
from headgate.compiler.places import script_of, templates_in
from headgate.expressions import Expression, ExpressionError, parse
from headgate.grammar import ast
from headgate.records import NamedTuple

RUN_NAMES = frozenset({"inputs", "vars", "steps", "trigger", "run", "secrets"})
LOOP_NAMES = frozenset({"index", "previous", "iteration"})
HANDLED = frozenset({"failed", "denied", "finished"})
TESTS_OF_A_LOOP = frozenset({"until", "while"})

_SETTINGS = frozenset({"inputs", "vars", "trigger", "run", "secrets"})
_TRIGGER = frozenset({"trigger", "vars", "run", "secrets"})


class Site(NamedTuple):
    """Where a value stands. `sort` is `step`, `gate`, `case`, `output`, `let`, `trigger` or `workflow`.

    `attribute` is its name, `""` for a positional. `step` is the step it belongs to, `node` that step's node, None when
    its name was taken. `scope` holds the steps that can be read, None where no step has run. `names` are in scope;
    `own` says which parts of the step itself can be read: what is known of it when the value is evaluated.
    """

    sort: str
    attribute: str
    names: frozenset[str]
    scope: Scope | None = None
    step: ast.Step | None = None
    node: Node | None = None
    own: frozenset[str] = frozenset()


class Use(NamedTuple):
    """One template. `expression` is None when it cannot be read; then `error` says why."""

    template: ast.Template
    expression: Expression | None
    error: ExpressionError | None
    site: Site


class Script(NamedTuple):
    """One Lua script and where it stands."""

    fence: ast.Fence
    site: Site


@lru_cache(maxsize=4)
def sites(graph: Graph) -> tuple[tuple[Site, ast.Value], ...]:
    """Every value in which a template may stand, with its site, in the order of the file for each sort."""
    return tuple(_workflow_sites(graph))


@lru_cache(maxsize=4)
def uses(graph: Graph) -> tuple[Use, ...]:
    """Every template of a workflow with its site, read once."""
    return tuple(_use(template, site) for site, value in sites(graph) for template in templates_in(value))


@lru_cache(maxsize=4)
def scripts(graph: Graph) -> tuple[Script, ...]:
    """Every Lua script of a workflow with its site."""
    return tuple(
        Script(value, site)
        for site, value in sites(graph)
        if isinstance(value, ast.Fence) and site.step is not None and script_of(site.step) is value
    )


def _use(template: ast.Template, site: Site) -> Use:
    try:
        return Use(template, parse(template.expression), None, site)
    except ExpressionError as error:
        return Use(template, None, error, site)


def _workflow_sites(graph: Graph) -> Iterator[tuple[Site, ast.Value]]:
    workflow = graph.workflow
    for attribute in workflow.attributes:
        yield Site("workflow", attribute.name.text, _SETTINGS), attribute.value
    for let in workflow.lets:
        yield Site("let", let.name.text, _SETTINGS), let.value
    for trigger in workflow.triggers:
        names = _TRIGGER | {"item"} if trigger.kind.text == "poll" else _TRIGGER
        for value in trigger.positionals:
            yield Site("trigger", "", names), value
        for attribute in trigger.attributes:
            yield Site("trigger", attribute.name.text, names), attribute.value
    yield from _scope_sites(graph, workflow.steps, graph.scope, RUN_NAMES)
    for output in workflow.outputs:
        for entry in output.entries:
            yield Site("output", entry.key.text, RUN_NAMES, graph.scope), entry.value


def _scope_sites(
    graph: Graph, steps: tuple[ast.Step, ...], scope: Scope, names: frozenset[str]
) -> Iterator[tuple[Site, ast.Value]]:
    for step in steps:
        node = graph.node(step)
        here = names | {"failure"} if any(edge.on in HANDLED for edge in step.edges) else names
        yield from _step_sites(step, node, scope, here)
        if step.steps and node is not None and node.body is not None:
            yield from _scope_sites(graph, step.steps, node.body, here | names_inside(step))


def _step_sites(
    step: ast.Step, node: Node | None, scope: Scope, names: frozenset[str]
) -> Iterator[tuple[Site, ast.Value]]:
    site = Site("step", "", names, scope, step, node)
    for value in step.positionals:
        yield site, value
    if step.fence is not None:
        yield site, step.fence
    for attribute in step.attributes:
        name = attribute.name.text
        here = site._replace(attribute=name)
        if name in TESTS_OF_A_LOOP and node is not None and node.body is not None:
            here = here._replace(names=names | names_inside(step), scope=node.body)
        elif name == "match":
            here = here._replace(names=names | {"event"})
        yield here, attribute.value
    for gate in step.gates:
        position = gate.position.text if gate.position else "after" if gate.kind.text == "review" else "before"
        own = frozenset({"input", "result"} if position == "after" else {"input"})
        for attribute in gate.attributes:
            yield Site("gate", attribute.name.text, names, scope, step, node, own), attribute.value
    for case in step.cases:
        if case.condition is not None:
            yield site._replace(sort="case", attribute="case"), case.condition


def item_name(step: ast.Step) -> str | None:
    """The name that an `each` gives to its item, None when it gives none."""
    if step.kind.text != "each":
        return None
    if step.as_name is not None:
        return step.as_name.text
    for attribute in step.attributes:
        if attribute.name.text == "as" and isinstance(attribute.value, ast.Word):
            return attribute.value.text
    return None


def names_inside(step: ast.Step) -> frozenset[str]:
    """The names that a loop adds to the scope of its body."""
    if step.kind.text == "repeat":
        return frozenset({"previous", "iteration"})
    if step.kind.text != "each":
        return frozenset()
    name = item_name(step)
    return frozenset({"index"} if name is None else {"index", name})
