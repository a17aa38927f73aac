"""Why a step has no result in a run, in a few words and with the place that says so."""

from __future__ import annotations

from headgate.compiler.graph import Node
from headgate.compiler.outcomes import BLOCKED, CUT, DENIED, FAILED, OPEN, PASSED, UNTAKEN
from headgate.compiler.paths import CounterRun
from headgate.source import Span

_LONGEST = 10_000


def why_missing(run: CounterRun) -> tuple[str, Span]:
    """What kept the source of a run from leaving its result: `` `size` takes another case ``, and where."""
    node = run.source
    for _ in range(_LONGEST):
        way = run.way(node)
        end = run.facts.stages[run.facts.position[node.name]].possible if way is None else way.end
        if end & OPEN:
            return f"`{node.name}` may still be running", node.step.name.span
        if end & (FAILED | DENIED | PASSED) and not end & (UNTAKEN | CUT | BLOCKED):
            return _own_end(node, end), node.step.name.span
        if way is not None and way.optional:
            return f"the `when` of `{node.name}` is false", node.step.name.span
        before = _cause(run, node, end)
        if before is None:
            break
        above, on, span = before
        if on in ("case", "else") and _completed(run, above):
            return f"`{above.name}` takes another case", span
        if on in ("failed", "denied") and not _ended(run, above) & (CUT | BLOCKED | UNTAKEN):
            return f"`{above.name}` was not {'denied' if on == 'denied' else 'failing'}", span
        node = above
    return f"`{run.source.name}` did not run", run.source.step.name.span


def _own_end(node: Node, end: int) -> str:
    if end & PASSED:
        return f"`{node.name}` is disabled"
    return f"`{node.name}` fails" if end & FAILED else f"`{node.name}` is denied"


def _completed(run: CounterRun, node: Node) -> bool:
    own = run.facts.stages[run.facts.position[node.name]].own
    return bool(_ended(run, node) & (own.completed | PASSED))


def _ended(run: CounterRun, node: Node) -> int:
    way = run.way(node)
    return run.facts.stages[run.facts.position[node.name]].possible if way is None else way.end


def _cause(run: CounterRun, node: Node, end: int) -> tuple[Node, str, Span] | None:
    """The edge by which a step that never started was kept from it."""
    stage = run.facts.stages[run.facts.position[node.name]]
    edges = [edge for edge in node.edges if edge.on != "read"]
    for edge, arrow in zip(edges, stage.arrows, strict=True):
        dead = arrow.ends.branch if end & UNTAKEN else arrow.ends.denial if end & CUT else arrow.ends.failure
        if _ended(run, run.scope.nodes[edge.source]) & dead:
            return run.scope.nodes[edge.source], edge.on, edge.span
    return None
