"""Which steps can act although nobody has approved: one walk along the order of each scope.

Only what every run proves counts. A switch on a decision, `when`, `after denied`, `after finished` and `join = any` are
followed as the language says; a condition that is made of a decision in a way that cannot be followed is believed.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from functools import lru_cache
from typing import TypeAlias

from headgate.compiler.decisions import Left, asks, both, left_by
from headgate.compiler.denials import ignored_denials
from headgate.compiler.graph import CUT, LONGEST_WAY, Graph, GraphEdge, Node, Scope
from headgate.compiler.reading import certain_results
from headgate.compiler.regions import Choice, Parts, Region, Regions
from headgate.grammar import ast
from headgate.records import NamedTuple

_LAST = frozenset({"finish", "fail"})
_MOST = 24
"""How many steps of a way are told: a chain of as many findings must not be told again and again."""


Path: TypeAlias = tuple[tuple[Node, GraphEdge | str | None], ...]
"""Steps in the order of a run, each with the edge it was entered by."""


class Standing(NamedTuple):
    """Whether somebody has certainly approved before a step starts, before its action, and once it has completed.

    `came` is the edge of a way to it, one without an approval where there is one. `turns` are where it has its turn.
    `settled` are regions in which somebody has approved by the time it is known whether it starts, unless a failure or
    a denial keeps it from starting.
    """

    start: bool
    action: bool
    completed: bool
    came: GraphEdge | None
    turns: Parts
    settled: Parts


class _Arrival(NamedTuple):
    """A control edge that can be live: `approved` when it is, and not dead by a branch in `turns`.

    `settled` are regions in which somebody has approved once it is resolved, unless it keeps its target from starting.
    """

    edge: GraphEdge
    approved: bool
    turns: Parts
    settled: Parts


class Approvals:
    """What is approved in one graph. With `silence`, a question that expires to `proceed` counts as approved.

    `ignored` are questions whose denial is no denial: what follows them counts as approved, since a finding of its own
    says what is wrong there.
    """

    def __init__(self, graph: Graph, *, silence: bool, ignored: Container[str] = ()) -> None:
        self._silence = silence
        self._regions = Regions()
        self._ignored = ignored
        self._standing: dict[int, Standing] = {}
        self._cases: dict[tuple[int, int | None], bool] = {}
        for scope in graph.scopes:
            self._walk(scope)

    def stands(self, node: Node) -> bool:
        """Whether an approval certainly stands before the action of a step. What is not known to lack one counts."""
        found = self._standing.get(id(node))
        return found is None or found.action

    def stands_after(self, node: Node) -> bool:
        """Whether an approval certainly stands once a step has completed."""
        found = self._standing.get(id(node))
        return found is None or found.completed

    def path(self, node: Node) -> Path:
        """A way to a step from the first of its run, one without an approval if there is one; of a long one its end."""
        steps: list[tuple[Node, GraphEdge | str | None]] = []
        while len(steps) < LONGEST_WAY:
            found = self._standing.get(id(node))
            came = found.came if found is not None else None
            steps.append((node, came))
            if came is not None:
                node = node.scope.nodes[came.source]
            elif node.scope.loop is not None:
                node = node.scope.loop
            else:
                return tuple(reversed(steps))
        steps[-1] = (steps[-1][0], CUT)
        return tuple(reversed(steps))

    def _walk(self, scope: Scope) -> None:
        loop = scope.loop
        if loop is not None and id(loop) not in self._standing:
            return  # where the loop stands is not known, nor then where its steps do
        entered = loop is not None and (self.stands(loop) or self._proves(_condition(loop, "while"), loop.body))
        for name in scope.order:
            node = scope.nodes[name]
            if not node.dangling and all(id(scope.nodes[edge.source]) in self._standing for edge in node.edges):
                self._standing[id(node)] = self._stand(node, entered=entered)

    def _stand(self, node: Node, *, entered: bool) -> Standing:
        arrivals = list(self._arrivals(node, entered=entered))
        came: GraphEdge | None = None
        turns: Parts = (None,)
        start = entered
        if arrivals:
            came = self._without(node, arrivals)
            start = came is None
            came = came or arrivals[0].edge
            turns = self._regions.union(_each(arrivals), ("join", id(node)))
        elif any(edge.on != "read" for edge in node.edges):
            start = True  # it never has its turn
            turns = self._regions.within((None,), ("join", id(node)), "never")
        when = _condition(node, "when")
        action = start or node.step.broken or self._proves(when, node.scope) or self._reads_approved(node)
        completed = start if disabled(node) else action or self._grants(node, after=True) or self._ends_approved(node)
        settled = () if node.join == "any" else _some(region for one in arrivals for region in one.settled)
        settled = _some((*turns, *settled)) if start else settled
        if when is not None:
            turns = self._regions.within(turns, ("when", id(node)), "true")
        turns = self._needing(node, turns)
        return Standing(start, action or self._grants(node, after=False), completed, came, turns, settled)

    def _without(self, node: Node, arrivals: list[_Arrival]) -> GraphEdge | None:
        """The edge by which a step can start without an approval; None when it cannot."""
        lacking = [one for one in arrivals if not one.approved]
        if lacking and node.join == "all":
            cover = self._regions.cover([region for one in arrivals for region in one.settled])
            lacking = [one for one in lacking if not all(cover.covers(part) for part in one.turns)]
        return lacking[0].edge if lacking else None

    def _arrivals(self, node: Node, *, entered: bool) -> Iterator[_Arrival]:
        """The control edges that can be live."""
        taken: dict[str, bool] = {}
        for edge in node.edges:
            if edge.on in ("case", "else"):
                taken[edge.source] = taken.get(edge.source, True) and self._case(edge, node.scope)
        for edge in node.edges:
            source = node.scope.nodes[edge.source]
            found = self._standing[id(source)]
            done = _some((*found.turns, *found.settled)) if found.completed else found.settled
            match edge.on:
                case "completed" if source.kind not in _LAST or disabled(source):
                    yield _Arrival(edge, found.completed, found.turns, done)
                case "case" | "else" if not disabled(source):
                    inside = self._regions.within(found.turns, self._switch(source), node.name)
                    proved = inside if taken[edge.source] else ()
                    yield _Arrival(edge, found.completed or taken[edge.source], inside, (*proved, *done))
                case "failed" | "denied" if not disabled(source):
                    inside = self._regions.within(found.turns, ("end", id(source)), edge.on)
                    yield _Arrival(edge, found.start, inside, inside if found.start else ())
                case "finished" if edge.star:
                    yield _Arrival(edge, entered, (None,), (None,) if entered else ())
                case "finished" if source.name in self._ignored:
                    yield _Arrival(edge, found.completed, found.turns, done)
                case "finished":
                    yield _Arrival(edge, found.start, found.turns, found.settled)

    def _switch(self, switch: Node) -> Choice:
        """The choice that a switch makes; an `else` makes it one of those that are written."""
        choice = ("case", id(switch))
        if choice not in self._regions.options and any(case.condition is None for case in switch.step.cases):
            self._regions.options[choice] = frozenset(case.target.text for case in switch.step.cases)
        return choice

    def _case(self, edge: GraphEdge, scope: Scope) -> bool:
        """Whether a case is taken only when somebody has approved."""
        switch = scope.nodes[edge.source]
        if (id(switch), edge.case) not in self._cases:
            self._cases[id(switch), None] = False
            rest: Left = {}
            number = 0
            for case in switch.step.cases:
                if case.condition is None:
                    self._cases[id(switch), None] = self._enough(rest)
                    continue
                self._cases[id(switch), number] = self._enough(both(rest, left_by(case.condition, scope, holds=True)))
                rest = both(rest, left_by(case.condition, scope, holds=False))
                number += 1
        return self._cases[id(switch), edge.case]

    def _proves(self, condition: ast.Template | None, scope: Scope | None) -> bool:
        return condition is not None and scope is not None and self._enough(left_by(condition, scope, holds=True))

    def _enough(self, left: Left) -> bool:
        """Whether what is left possible holds only where somebody has approved."""
        for (node, field), values in left.items():
            if field == "read":
                return True
            if field == "status":
                if values <= {"completed"} and id(node) in self._standing and self.stands_after(node):
                    return True
            elif disabled(node):
                return True  # a decision that nobody is asked for never lets anything act
            else:
                silent = self._silence and expires_to_proceed(node.step.attributes)
                if values <= ({"approved", "expired"} if silent else {"approved"}):
                    return True
        return False

    def _grants(self, node: Node, *, after: bool) -> bool:
        """Whether a step's own question approves: before its action, or by the time it has completed."""
        if node.step.broken:
            return True
        if after and asks(node) and self._counts(node.step.attributes):
            return True
        return any(self._counts(gate.attributes) for gate in node.step.gates if after or stands_before(gate))

    def _counts(self, question: tuple[ast.Attribute, ...]) -> bool:
        return self._silence or not expires_to_proceed(question)

    def _reads_approved(self, node: Node) -> bool:
        """Whether it reads a result that there is only when somebody has approved."""
        found = [(source, self._standing.get(id(source))) for source in certain_results(node)]
        return any(
            one is not None and (one.action if source.kind == "human" else one.completed) for source, one in found
        )

    def _ends_approved(self, node: Node) -> bool:
        """Whether a `repeat` ends only when its condition says that somebody has approved."""
        if node.kind != "repeat" or node.body is None or word(node.step.attributes, "on_max") == "continue":
            return False
        until = _condition(node, "until")
        if until is None:
            return False
        own = {one: values for one, values in left_by(until, node.body, holds=True).items() if one.field != "status"}
        return self._enough(own)

    def _needing(self, node: Node, turns: Parts) -> Parts:
        """The parts of a step's turns in which the results that it cannot do without are there."""
        for read in node.references:
            source = node.scope.nodes[read.source]
            found = self._standing.get(id(source))
            if read.soft or found is None:
                continue
            there = self._regions.cover(found.turns)
            if disabled(source) or not all(there.covers(part) for part in turns):
                return self._regions.within(turns, ("read", id(node)), "there")
        return turns


@lru_cache(maxsize=4)
def approvals_of(graph: Graph, *, silence: bool = True) -> Approvals:
    """The approvals of a graph, found once."""
    return Approvals(graph, silence=silence, ignored=ignored_denials(graph))


def disabled(node: Node) -> bool:
    """Whether a step is switched off in the text."""
    return any(
        one.name.text == "enabled" and isinstance(one.value, ast.Boolean) and not one.value.value
        for one in node.step.attributes
    )


def stands_before(gate: ast.Gate) -> bool:
    """Whether a gate asks before the action; an `approval` does unless it says otherwise, a `review` does not."""
    return gate.position.text == "before" if gate.position is not None else gate.kind.text != "review"


def expires_to_proceed(question: tuple[ast.Attribute, ...]) -> bool:
    """Whether nobody's answer to a question is taken for consent."""
    return word(question, "on_expiry") == "proceed"


def word(attributes: tuple[ast.Attribute, ...], name: str) -> str | None:
    """The bare word that an attribute gives, None when it is not written as one."""
    for attribute in attributes:
        if attribute.name.text == name:
            return attribute.value.text if isinstance(attribute.value, ast.Word) else None
    return None


def _condition(node: Node, name: str) -> ast.Template | None:
    for attribute in node.step.attributes:
        if attribute.name.text == name and isinstance(attribute.value, ast.Template):
            return attribute.value
    return None


def _each(arrivals: list[_Arrival]) -> Parts:
    return tuple(dict.fromkeys(part for one in arrivals for part in one.turns))


def _some(regions: Iterable[Region | None]) -> Parts:
    """A few of the regions, each once: to leave one out is never to take for approved what is not."""
    return tuple(dict.fromkeys(regions))[:_MOST]
