"""A plan's graph, turned round once: who follows a step, and how many edges a step waits for."""

from __future__ import annotations

from headgate.plan import Plan, PlanBody, PlanEdge, PlanStep
from headgate.records import NamedTuple

READ = "read"


class OutEdge(NamedTuple):
    """An edge seen from its source."""

    target: str
    edge: PlanEdge


class Node(NamedTuple):
    """A step with what follows it. `before` and `after` are the places of its gates on either side of the action.

    `handled` says that a `failed` or `finished` edge takes up its failure.
    """

    name: str
    kind: str
    step: PlanStep
    out: tuple[OutEdge, ...]
    control_count: int
    read_count: int
    any_join: bool
    handled: bool
    before: tuple[int, ...]
    after: tuple[int, ...]
    body: Topology | None


class Topology(NamedTuple):
    """The steps of one scope, in the plan's order. `roots` are those without an edge."""

    nodes: dict[str, Node]
    roots: tuple[str, ...]


def topology(plan: Plan) -> Topology:
    """The topology of the workflow's own steps; those of loops hang from their nodes. O(steps + edges)."""
    return _scope(PlanBody(plan.steps, plan.order))


def _scope(body: PlanBody) -> Topology:
    out: dict[str, list[OutEdge]] = {name: [] for name in body.steps}
    for name in body.order:
        for edge in body.steps[name].edges:
            out[edge.source].append(OutEdge(name, edge))
    nodes: dict[str, Node] = {}
    for name in body.order:
        step = body.steps[name]
        reads = sum(1 for edge in step.edges if edge.on == READ)
        nodes[name] = Node(
            name=name,
            kind=step.kind,
            step=step,
            out=tuple(out[name]),
            control_count=len(step.edges) - reads,
            read_count=reads,
            any_join=step.join == "any",
            handled=any(each.edge.on in ("failed", "finished") for each in out[name]),
            before=tuple(n for n, gate in enumerate(step.gates) if gate.when == "before"),
            after=tuple(n for n, gate in enumerate(step.gates) if gate.when == "after"),
            body=None if step.body is None else _scope(step.body),
        )
    return Topology(nodes, tuple(name for name in body.order if not body.steps[name].edges))


__all__ = ["READ", "Node", "OutEdge", "Topology", "topology"]
