"""Must have run: what certainly completed before a step, and the run that shows where it did not.

`surely_completed` answers yes only when every run agrees: a failure that the run survives, a denial, a case that is not
taken, a `when`, a disabled step and an `any` join all count; what operators skip by hand does not. Relations between
values do not count either: two switches over one value are taken to choose freely, and whoever reports a run should ask
`headgate.compiler.correlation` whether it may be one that the conditions rule out. But for those it is exact, unless a
search is given up; then the answer is no, without a run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache

from headgate.compiler.certainty import Certainty, Way
from headgate.compiler.counter_runs import GaveUp, Search
from headgate.compiler.graph import CUT, LONGEST_WAY, MOST_TOLD, Graph, GraphEdge, Node, Scope
from headgate.compiler.outcomes import DENIED, FAILED, OPEN, Own
from headgate.compiler.references import holder_in
from headgate.records import NamedTuple


class CounterRun(NamedTuple):
    """A run in which `target` starts without the result of `source`: how each step that matters in `scope` ended.

    `reader` is the step that was asked about: `target`, or a step in its body.
    """

    graph: Graph
    facts: Certainty
    scope: Scope
    ways: Mapping[int, Way]
    source: Node
    target: Node
    reader: Node

    def way(self, node: Node) -> Way | None:
        """How a step of the scope ended, None for one that does not matter."""
        return self.ways.get(self.facts.position.get(node.name, -1))

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The steps that matter, in an order they can run in."""
        return tuple(self.scope.nodes[self.facts.order[at]] for at in sorted(self.ways))

    def path(self) -> list[tuple[Node, GraphEdge | str | None]]:
        """From the first step to the reader, each with the edge it was entered by; the body's steps come last."""
        here = _up(self.facts, self.ways, self.target)
        return [*_outside(self.graph, self.target), *here, *_inside(self)]


class Answer(NamedTuple):
    """`surely` in every run; otherwise `run` is one that shows it. `gave_up`: there are too many runs to look at."""

    surely: bool
    run: CounterRun | None = None
    gave_up: bool = False


def surely_completed(graph: Graph, source: Node, target: Node) -> bool:
    """Whether `source` has left a result whenever `target` starts: it completed, or is a `human` step that was denied.

    The steps may stand in different scopes. The body of an `each`, or of a `repeat` with `while`, may run zero times.
    """
    return ask(graph, source, target).surely


def counter_run(graph: Graph, source: Node, target: Node) -> CounterRun | None:
    """A run in which `target` starts though `source` has left no result; None when there is none, or none was found."""
    return ask(graph, source, target).run


def ask(graph: Graph, source: Node, target: Node, *, missing: tuple[Node, ...] = (), plain: bool = False) -> Answer:
    """Both answers at once. `missing` are steps, beside `source`, that leave no result either.

    With `plain` only runs count in which no step before stops for want of a result that it reads (what it stops in turn
    is a consequence of that), and none fails whose failure only a catch-all takes up (what needs it is blocked then, as
    its author expects).
    """
    holder = holder_in(target, source.scope)
    if holder is None:
        return _after_a_loop(graph, source, target)
    facts = certainty(graph, source.scope)
    if holder is source or not {holder.name, *(node.name for node in (source, *missing))} <= facts.position.keys():
        return Answer(surely=False)
    at, reader = facts.position[source.name], facts.position[holder.name]
    needed = facts.stages[reader].needed if holder is not target else ()
    if facts.surely(at, reader) or at in needed:
        return Answer(surely=True)
    without = {each: ~facts.stages[each].own.fruitful for each in (facts.position[node.name] for node in missing)}
    modes = ((False, ~facts.stages[at].own.fruitful), (True, OPEN))
    for pending, end in modes if at < reader else modes[1:]:
        search = Search(facts, lambda step: facts.started(at, step), plain=plain, pending=pending)
        try:
            found = search.start_of(reader, {**without, at: end}, needed)
        except GaveUp:
            return Answer(surely=False, gave_up=True)
        if found is not None:
            return Answer(False, CounterRun(graph, facts, source.scope, found, source, holder, target))
    return Answer(surely=True)


def never_completed(graph: Graph, source: Node, target: Node) -> bool:
    """Whether `source` has left no result in any run in which `target` starts; no where it is not known."""
    return not may_have_ended(graph, source, target, lambda own: own.fruitful)


def may_have_ended(graph: Graph, source: Node, target: Node, ends: Callable[[Own], int]) -> bool:
    """Whether a run is possible in which `target` starts and `source` ended so; yes where it is not known."""
    holder = holder_in(target, source.scope)
    facts = certainty(graph, source.scope)
    if holder is None or holder is source or not {holder.name, source.name} <= facts.position.keys():
        return True
    at, reader = facts.position[source.name], facts.position[holder.name]
    try:
        return Search(facts, lambda _: False).start_of(reader, {at: ends(facts.stages[at].own)}, ()) is not None
    except GaveUp:
        return True


def never_starts(graph: Graph, node: Node) -> bool:
    """Whether no fate of the steps before makes the edges of a step live; no where it is not known."""
    facts = certainty(graph, node.scope)
    if node.name not in facts.position:
        return False
    at = facts.position[node.name]
    try:
        return not facts.stages[at].starts or Search(facts, lambda _: False).start_of(at, {}, ()) is None
    except GaveUp:
        return False


def failed_before(graph: Graph, source: Node, target: Node) -> Answer:
    """Whether `source` has failed whenever `target` starts, so that its error is there to be read."""
    holder = holder_in(target, source.scope)
    facts = certainty(graph, source.scope)
    if holder is None or holder is source or not {holder.name, source.name} <= facts.position.keys():
        return Answer(surely=False)
    at, reader = facts.position[source.name], facts.position[holder.name]
    needed = facts.stages[reader].needed if holder is not target else ()
    try:
        found = Search(facts, lambda _: False, plain=True).start_of(reader, {at: ~FAILED}, needed)
    except GaveUp:
        return Answer(surely=False, gave_up=True)
    if found is None:
        return Answer(surely=True)
    return Answer(False, CounterRun(graph, facts, source.scope, found, source, holder, target))


def after_a_round(graph: Graph, source: Node) -> Answer:
    """Whether a step of a `repeat` has left a result whenever a round has ended well."""
    facts = certainty(graph, source.scope)
    if source.name not in facts.position:
        return Answer(surely=False)
    at = facts.position[source.name]
    ends = {step: ~OPEN if _handled(source.scope, name) else ~(OPEN | FAILED) for name, step in facts.position.items()}
    ends[at] &= ~facts.stages[at].own.fruitful
    if not facts.stages[at].possible & ends[at]:
        return Answer(surely=True)
    try:
        found = Search(facts, lambda step: facts.started(at, step), plain=True).end_of(ends)
    except GaveUp:
        return Answer(surely=False, gave_up=True)
    if found is None:
        return Answer(surely=True)
    return Answer(False, CounterRun(graph, facts, source.scope, found, source, source, source))


def certainty(graph: Graph, scope: Scope) -> Certainty:
    """The facts of a scope, found once for each graph."""
    known = _known(graph)
    if id(scope) not in known:
        known[id(scope)] = Certainty(graph, scope)
    return known[id(scope)]


@lru_cache(maxsize=4)
def _known(graph: Graph) -> dict[int, Certainty]:
    del graph
    return {}


def _handled(scope: Scope, name: str) -> bool:
    edges = (edge for node in scope.nodes.values() for edge in node.edges)
    return any(edge.source == name and edge.on in ("failed", "finished") for edge in edges)


def _after_a_loop(graph: Graph, source: Node, target: Node) -> Answer:
    """A step inside a loop has run when the loop surely completed after at least one round that ended well."""
    loop = source.scope.loop
    if loop is None or loop.kind != "repeat" or loop.written.get("while") is not None:
        return Answer(surely=False)
    return Answer(after_a_round(graph, source).surely and ask(graph, loop, target).surely)


def way_to(graph: Graph, node: Node) -> list[tuple[Node, GraphEdge | str | None]]:
    """One way from a first step of the workflow to a step, through the loops around it, each with its edge.

    No step on it stands against it by itself, but whether all of it fits together is only known of a counter-run.
    """
    facts = certainty(graph, node.scope)
    here = _up(facts, {}, node) if node.name in facts.position else [(node, None)]
    return [*_outside(graph, node), *here]


def _outside(graph: Graph, node: Node) -> list[tuple[Node, GraphEdge | str | None]]:
    """The way to the loop around a step's scope, from the outermost scope on."""
    loop = node.scope.loop
    return [] if loop is None else way_to(graph, loop)


def _up(facts: Certainty, ways: Mapping[int, Way], target: Node) -> list[tuple[Node, GraphEdge | str | None]]:
    """Up the live edges from a step to a first one of its scope, in the order of the run; of a long way its end."""
    scope = target.scope
    found: list[tuple[Node, GraphEdge | str | None]] = []
    at: int | None = facts.position[target.name]
    longest = len(facts.order) if facts.told < MOST_TOLD else LONGEST_WAY
    while at is not None and len(found) < longest:
        node, stage = scope.nodes[facts.order[at]], facts.stages[at]
        number = ways[at].entered if at in ways else None
        if number is None:
            number = _live(facts, ways, at)
        if number is None:
            found.append((node, None))
            at = None
            continue
        arrow = stage.arrows[number]
        edges = [edge for edge in node.edges if edge.on != "read"]
        end = ways[arrow.source].end if arrow.source in ways else 0
        worded = {FAILED: "failed", DENIED: "denied"}.get(end) if arrow.on == "finished" else None
        found.append((node, worded or edges[number]))
        at = arrow.source
    facts.told += len(found)
    if at is not None:
        found[-1] = (found[-1][0], CUT)
    found.reverse()
    return found


def _live(facts: Certainty, ways: Mapping[int, Way], at: int) -> int | None:
    """The number of an edge that was live, of a step that had no choice."""
    for number, arrow in enumerate(facts.stages[at].arrows):
        ended = ways[arrow.source].end if arrow.source in ways else facts.stages[arrow.source].possible
        if ended & arrow.ends.live:
            return number
    return None


def _inside(run: CounterRun) -> list[tuple[Node, GraphEdge | str | None]]:
    """The way from a loop to the step inside it that reads."""
    found: list[tuple[Node, GraphEdge | str | None]] = []
    node = run.reader
    while node is not run.target and node.scope is not run.scope:
        found.insert(0, (node, None))
        loop = node.scope.loop
        assert loop is not None, "the reader stands inside the target"
        node = loop
    return found
