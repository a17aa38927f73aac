"""The graph: what runs after what, with the place in the text that says so.

`build` makes it from the tree; the passes (`headgate.compiler.passes`) add order and reachability. Names that lead
nowhere are kept as `Dangling`, for rules to report: building never fails.
"""

from __future__ import annotations

from headgate.compiler.written import Written, of_step
from headgate.diagnostics import Diagnostic
from headgate.grammar import ast
from headgate.records import NamedTuple
from headgate.source import Span

STAR = "*"
LONGEST_WAY = 50
"""So many steps a way through the graph tells when many ways are told: else they would not be linear in the text."""
MOST_TOLD = 20_000
"""From so many steps told on, ways are cut."""
CUT = "..."
"""How the first step of a way was entered of which the beginning is not told."""
STATUS_ONLY = frozenset({"status", "error"})


class GraphEdge(NamedTuple):
    """`target` waits for `source`. `on` is `completed`, `failed`, `denied`, `finished`, `read`, `case` or `else`.

    `case` is the number of the case, from 0. `star` marks an edge that came from `*`. `origin` is `after`, `case` or
    `reference`, and `span` is where the text says so.
    """

    source: str
    target: str
    on: str
    span: Span
    origin: str
    case: int | None = None
    star: bool = False


class ReferenceEdge(NamedTuple):
    """`target`, or a step nested in it named `reader`, reads `steps.source`.

    `segments` are the names after `steps.source` (`("result", "amount")`). `defaulted`: it stands under `default`.
    `soft`: it does not need a result (defaulted, or only `.status` or `.error`).
    """

    source: str
    target: str
    reader: str
    span: Span
    segments: tuple[str, ...]
    defaulted: bool
    soft: bool


class Dangling(NamedTuple):
    """An `after` or `->` that names no step it could follow: `reason` is `unknown`, `self` or `outside`.

    `outside` is a step of another level: of an enclosing one or of another loop's body. `origin` is `after` or `case`;
    a dangling case belongs to its switch, a dangling `after` to the step that has it.
    """

    name: str
    span: Span
    origin: str
    reason: str


class Duplicate(NamedTuple):
    """A step whose name is taken, in its own scope or in one around it; it is not in the graph."""

    step: ast.Step
    first: ast.Step


class Ring(NamedTuple):
    """Steps that wait for each other: each edge's target is the next one's source, and the last leads to the first."""

    edges: tuple[GraphEdge, ...]


class Node:
    """One step. `index` is its bit in the scope's bit sets. Edge lists hold what comes in, in the order of the text.

    `control` are its `after` edges and the cases that name it, stars expanded; `references` are its reads of steps of
    its own scope, those of its body included. `edges`, set by the passes, are what the plan says: control edges, then
    one edge per step it reads. `join` is `all` or `any`, its default applied.
    """

    __slots__ = (
        "body",
        "control",
        "dangling",
        "edges",
        "index",
        "join",
        "name",
        "references",
        "scope",
        "stars",
        "step",
        "told",
    )

    def __init__(self, step: ast.Step, scope: Scope, index: int) -> None:
        self.name = step.name.text
        self.step = step
        self.scope = scope
        self.index = index
        self.body: Scope | None = None
        self.control: list[GraphEdge] = []
        self.stars: list[ast.Edge] = []
        self.references: list[ReferenceEdge] = []
        self.dangling: list[Dangling] = []
        self.edges: list[GraphEdge] = []
        self.join = "all"
        self.told: Written | None = None

    @property
    def kind(self) -> str:
        return self.step.kind.text

    @property
    def written(self) -> Written:
        """What the step says, positionals and fence sorted in: found once."""
        if self.told is None:
            self.told = of_step(self.step)
        return self.told

    @property
    def is_root(self) -> bool:
        """Nothing comes before it, and nothing was meant to."""
        return not (self.edges or self.control or self.stars or self.dangling)


class Scope:
    """The steps of one level: the workflow's own, or a loop's body (`loop` is then the step that holds it).

    Set by the passes: `order` is a topological order, the file's where it is free, without the steps of a ring and what
    follows them; `rings` names each ring; `roots` start when the scope does.
    """

    __slots__ = ("duplicates", "loop", "nodes", "order", "rings", "roots")

    def __init__(self, loop: Node | None = None) -> None:
        self.loop = loop
        self.nodes: dict[str, Node] = {}
        self.duplicates: list[Duplicate] = []
        self.order: tuple[str, ...] = ()
        self.rings: tuple[Ring, ...] = ()
        self.roots: tuple[str, ...] = ()

    @property
    def parent(self) -> Scope | None:
        """The scope that holds the loop, None for the workflow's own."""
        return self.loop.scope if self.loop else None

    def find(self, name: str) -> Node | None:
        """The step that `steps.name` means here: of this scope or of one around it."""
        scope: Scope | None = self
        while scope is not None:
            node = scope.nodes.get(name)
            if node is not None:
                return node
            scope = scope.parent
        return None


class Graph:
    """One workflow's graph. `scopes` are all scopes, outer ones first; `node` finds the node of a step of the tree.

    Set by the passes: `entry` is the step that starts the run, `$entry` when several do, None when none can;
    `reachable` are the names of the top level that it leads to.
    """

    __slots__ = ("by_step", "entry", "reachable", "scope", "scopes", "workflow")

    def __init__(self, workflow: ast.Workflow, scope: Scope) -> None:
        self.workflow = workflow
        self.scope = scope
        self.scopes: list[Scope] = [scope]
        self.by_step: dict[int, Node] = {}
        self.entry: str | None = None
        self.reachable: frozenset[str] = frozenset()

    def node(self, step: ast.Step) -> Node | None:
        """The node of this very step of the tree; None for one whose name was taken."""
        return self.by_step.get(id(step))


def build(workflow: ast.Workflow) -> tuple[Graph, list[Diagnostic]]:
    """The graph of a workflow, through all passes. It has no findings of its own yet; rules read the facts."""
    from headgate.compiler.passes import analyse

    graph = Graph(workflow, Scope())
    _fill(graph, graph.scope, workflow.steps)
    return analyse(graph), []


def _fill(graph: Graph, scope: Scope, steps: tuple[ast.Step, ...]) -> None:
    for step in steps:
        name = step.name.text
        taken = scope.find(name)
        if taken is not None:
            scope.duplicates.append(Duplicate(step, taken.step))
            continue
        node = Node(step, scope, len(scope.nodes))
        scope.nodes[name] = node
        graph.by_step[id(step)] = node
    for node in list(scope.nodes.values()):
        if node.step.steps:
            node.body = Scope(node)
            graph.scopes.append(node.body)
            _fill(graph, node.body, node.step.steps)
