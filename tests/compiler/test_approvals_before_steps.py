"""Which steps can act although nobody approved: the analysis against every run of small random workflows."""

from __future__ import annotations

from flows import graph_of, plan_of
from hypothesis import given, settings
from random_flows import Flow, flows, runs

from headgate.compiler.approvals import Approvals
from headgate.plan import Plan, PlanEdge


def _unapproved(flow: Flow, plan: Plan) -> set[str]:
    """The steps that act in some run without an approval before."""
    found: set[str] = set()
    for verdicts, taken, _ in runs(flow, plan):
        gone = {name for name, verdict in verdicts.items() if _unreadable(flow, plan, name, verdict, verdicts)}
        if gone:
            continue  # a later case reads a decision that is not there: the switch stops, as other runs show
        known: dict[str, tuple[bool, bool]] = {}
        for name in plan.order:
            known[name] = _approved(plan, name, verdicts, taken, known)
            if (
                name in flow.ends
                and verdicts[name] == "completed"
                and not known[name][0]
                and not plan.steps[name].gates
            ):
                found.add(name)
    return found


def _unreadable(flow: Flow, plan: Plan, name: str, verdict: str, verdicts: dict[str, str]) -> bool:
    if verdict != "completed":
        return False
    reads = [said.split(".")[1] for said, _ in flow.switches.get(name, []) if said.startswith("steps.")]
    return any(verdicts[read] not in ("completed", "denied") for read in reads)


def _approved(
    plan: Plan, name: str, verdicts: dict[str, str], taken: dict[str, str | None], known: dict[str, tuple[bool, bool]]
) -> tuple[bool, bool]:
    """Whether somebody approved before a step started, and by the time it was settled."""
    step = plan.steps[name]
    ran = verdicts[name] in ("completed", "failed", "denied", "passed", "false")
    control = [edge for edge in step.edges if edge.on != "read"]
    start = any(known[edge.source][1] for edge in step.edges if edge.on == "read")
    if step.join == "any" and ran and control:
        start |= all(known[edge.source][1] for edge in control if _live(edge, name, verdicts, taken))
    else:
        start |= any(known[edge.source][1] for edge in control)
    granted = verdicts[name] == "completed" and (step.kind == "human" or bool(step.gates))
    return start, start or granted


def _live(edge: PlanEdge, name: str, verdicts: dict[str, str], taken: dict[str, str | None]) -> bool:
    ended = verdicts[edge.source]
    match edge.on:
        case "completed":
            return ended in ("completed", "passed")
        case "finished":
            return ended in ("completed", "failed", "denied", "passed")
        case "failed" | "denied":
            return ended == edge.on
        case _:
            return ended == "completed" and taken[edge.source] == name


def _claimed(flow: Flow) -> tuple[set[str], set[str]]:
    """The steps that act unapproved by the analysis, and in some run."""
    graph = graph_of(flow.text)
    found = Approvals(graph, silence=False)
    claimed = {name for name, node in graph.scope.nodes.items() if not found.stands(node)}
    return claimed, _unapproved(flow, plan_of(flow.text))


@given(flows(handlers=True))
@settings(max_examples=150, deadline=None)
def test_what_counts_as_approved_is_approved_in_every_run(flow: Flow) -> None:
    claimed, unapproved = _claimed(flow)
    assert unapproved <= claimed


@given(flows(handlers=False))
@settings(max_examples=150, deadline=None)
def test_what_does_not_count_as_approved_acts_unapproved_in_some_run(flow: Flow) -> None:
    claimed, unapproved = _claimed(flow)
    assert claimed == unapproved
