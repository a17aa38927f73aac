"""Which steps may run at the same time: neither reaches the other, and no choice of a run lets only one of them run."""

from __future__ import annotations

from functools import lru_cache

from headgate.compiler.graph import Graph, GraphEdge, Node, Scope
from headgate.compiler.references import holder_in
from headgate.grammar import ast

MOST_STEPS = 10_000
"""The largest scope whose closure is made: bit sets grow with the square of the steps."""

_CONCURRENCY = 10

_MOST_TRIED = 500
"""So many partial runs are looked at before two steps are taken to overlap."""


class TooManyStepsError(Exception):
    """A scope has more than `MOST_STEPS` steps."""


class Overlap:
    """The pairs of a graph's steps that may overlap. Raises TooManyStepsError where the closure would be too large."""

    def __init__(self, graph: Graph) -> None:
        self._scopes: dict[int, _Closure] = {}
        for scope in graph.scopes:
            if len(scope.nodes) > MOST_STEPS:
                raise TooManyStepsError
        self._graph = graph

    def may_overlap(self, one: Node, other: Node) -> bool:
        """Whether two steps may run at the same time; a step overlaps itself where items of a loop around it do."""
        around = _shared_loop(one, other)
        while around is not None:
            if _concurrent(around):
                return True
            around = around.scope.loop
        scope: Scope | None = one.scope
        while scope is not None and holder_in(other, scope) is None:
            scope = scope.parent
        if scope is None:
            return False
        left, right = holder_in(one, scope), holder_in(other, scope)
        if left is None or right is None or left is right:
            return False  # a step and itself, or a loop and what is in it
        return self._closure(scope).may_overlap(left, right)

    def _closure(self, scope: Scope) -> _Closure:
        found = self._scopes.get(id(scope))
        if found is None:
            found = self._scopes[id(scope)] = _Closure(scope)
        return found


class _Closure:
    """For each step of a scope, as bit sets: the steps before it, and the outcomes with which it never runs.

    An outcome is a case of a switch, or one way for a step to end. `_branches` are outcomes that leave a step untaken
    on every way to it; `_blocks` are those that keep it from running because a failure or a denial passes down to it.
    `_free` are the steps that some way leads to on which nothing is chosen.
    """

    def __init__(self, scope: Scope) -> None:
        self._before: dict[str, int] = {}
        self._branches: dict[str, int] = {}
        self._blocks: dict[str, int] = {}
        self._groups: dict[tuple[str, str], dict[str, int]] = {}
        self._free: set[str] = set()
        self._count = 0
        self._scope = scope
        for node in scope.nodes.values():
            for edge in node.edges:
                self._name(edge)
        for name in scope.order:
            self._walk(scope.nodes[name])

    def may_overlap(self, one: Node, other: Node) -> bool:
        if one.name not in self._before or other.name not in self._before:
            return False  # it stands in a ring, or behind one
        if self._before[one.name] >> other.index & 1 or self._before[other.name] >> one.index & 1:
            return False
        first = self._branches[one.name] | self._blocks[one.name]
        second = self._branches[other.name] | self._blocks[other.name]
        never = first | second
        groups = (sum(bits.values()) for bits in self._groups.values())
        if first and second and any(bits and never & bits == bits for bits in groups):
            return False
        return self._share_a_run(one.name, other.name)

    def _share_a_run(self, one: str, other: str) -> bool:
        """Whether some choice of outcomes starts both: several choices in a row may rule out what no single one does.

        It goes back from the two along the edges that may have started each step, one choice of outcomes at a time.
        """
        left: list[tuple[tuple[str, ...], dict[tuple[str, str], str]]] = [((one, other), {})]
        for _ in range(_MOST_TRIED):
            if not left:
                return False
            goals, chosen = left.pop()
            goals = tuple(name for name in goals if name not in self._free)
            if not goals:
                return True
            for edge in self._scope.nodes[goals[0]].edges:
                needed = [] if edge.on == "read" else self._needed(edge)
                if edge.on != "read" and all(chosen.get(group, end) == end for group, end in needed):
                    rest = goals[1:] if edge.source in goals else (*goals[1:], edge.source)
                    left.append((rest, {**chosen, **dict(needed)}))
        return True

    def _needed(self, edge: GraphEdge) -> list[tuple[tuple[str, str], str]]:
        """The outcomes without which an edge is not live, of those that are told apart."""
        end = "completed" if edge.on in ("case", "else") else edge.on
        taken = [(("case", edge.source), edge.target)] if edge.on in ("case", "else") else []
        return taken + [(("end", edge.source), end)] * (end != "finished" and ("end", edge.source) in self._groups)

    def _name(self, edge: GraphEdge) -> None:
        """Give a bit to each outcome that an edge tells apart."""
        if edge.on in ("case", "else"):
            switch = self._scope.nodes[edge.source]
            group = self._groups.setdefault(("case", edge.source), {})
            exhaustive = any(case.condition is None for case in switch.step.cases)
            for name in (*(case.target.text for case in switch.step.cases), *(() if exhaustive else ("",))):
                self._bit(group, name)
        elif edge.on in ("failed", "denied"):
            group = self._groups.setdefault(("end", edge.source), {})
            for name in ("completed", "failed", "denied"):
                self._bit(group, name)

    def _bit(self, group: dict[str, int], name: str) -> None:
        if name not in group:
            group[name] = 1 << self._count
            self._count += 1

    def _walk(self, node: Node) -> None:
        before = 0
        branches: int | None = None
        blocks = 0
        every: int | None = None
        for edge in node.edges:
            source = self._scope.nodes[edge.source]
            before |= self._before[edge.source] | 1 << source.index
            if edge.on == "read":
                continue
            branch, block = self._never(edge)
            whole = branch | block
            branches = branch if branches is None else branches & branch
            every = whole if every is None else every & whole
            blocks |= block if edge.on in ("completed", "case", "else") else 0
            if (edge.on == "finished" and edge.star) or (edge.source in self._free and not self._needed(edge)):
                self._free.add(node.name)
        if branches is None:
            self._free.add(node.name)
        self._before[node.name] = before
        self._branches[node.name] = branches or 0
        self._blocks[node.name] = (blocks if node.join == "all" else 0) | (every or 0) & ~(branches or 0)

    def _never(self, edge: GraphEdge) -> tuple[int, int]:
        """The outcomes with which an edge is never live: by a branch, and by a failure or denial."""
        ends = self._groups.get(("end", edge.source), {})
        inherited = (self._branches[edge.source], self._blocks[edge.source])
        if edge.star and edge.on == "finished":
            return 0, 0
        match edge.on:
            case "completed":
                return inherited[0], inherited[1] | ends.get("failed", 0) | ends.get("denied", 0)
            case "case" | "else":
                cases = self._groups["case", edge.source]
                other = sum(bit for name, bit in cases.items() if name != edge.target)
                return inherited[0] | other, inherited[1] | ends.get("failed", 0) | ends.get("denied", 0)
            case "failed" | "denied":
                return inherited[0] | sum(bit for name, bit in ends.items() if name != edge.on) | inherited[1], 0
            case _:
                return inherited


def _shared_loop(one: Node, other: Node) -> Node | None:
    """The innermost loop that both steps are in."""
    loop = one.scope.loop
    while loop is not None and (loop.body is None or holder_in(other, loop.body) is None):
        loop = loop.scope.loop
    return loop


def _concurrent(loop: Node) -> bool:
    """Whether items of a loop run side by side."""
    if loop.kind != "each":
        return False
    for one in loop.step.attributes:
        if one.name.text == "concurrency":
            return not isinstance(one.value, ast.Number) or one.value.value > 1
    return _CONCURRENCY > 1


@lru_cache(maxsize=4)
def overlap_of(graph: Graph) -> Overlap:
    """The overlap of a graph's steps, found once. Raises TooManyStepsError."""
    return Overlap(graph)
