"""What the language says of edges, written down a second time and naively: a fixpoint over the whole graph.

It knows a plan and how each step would end if it ran, and nothing of the runtime. A verdict is one of `completed`,
`failed`, `denied` (by people, itself), `passed` (disabled), `false` (its condition), and, for steps that never had
their turn, `blocked`, `cut` (a denial before it) or `untaken`; `open` while a step takes its time.
"""

from __future__ import annotations

from collections.abc import Mapping

from headgate.plan import Plan, PlanEdge, PlanStep

LIVE = "live"
OPEN = "open"
SHOWN = {
    "completed": "completed",
    "failed": "failed",
    "denied": "skipped denied",
    "passed": "skipped disabled",
    "false": "skipped condition_false",
    "blocked": "blocked",
    "cut": "skipped denied",
    "untaken": "skipped branch_not_taken",
}


def verdicts(
    plan: Plan,
    fates: Mapping[str, str],
    taken: Mapping[str, str | None],
    needs: Mapping[str, str],
    slow: str | None = None,
) -> dict[str, str]:
    """How each step ends. `fates` says how it ends when it runs, `taken` where a switch leads, `needs` whose result a
    step reads without a default. While the step `slow` has not ended, what waits for it is open too.
    """
    known: dict[str, str] = {}
    while len(known) < len(plan.steps):
        for name, step in plan.steps.items():
            if name not in known and all(edge.source in known for edge in step.edges):
                if name == slow or _waits(step, known, taken):
                    known[name] = OPEN
                    continue
                known[name] = _verdict(step, known, fates, taken, needs)
    return known


def _verdict(
    step: PlanStep,
    known: Mapping[str, str],
    fates: Mapping[str, str],
    taken: Mapping[str, str | None],
    needs: Mapping[str, str],
) -> str:
    control = [edge for edge in step.edges if edge.on != "read"]
    ends = [_edge(edge, step.name, known[edge.source], taken) for edge in control]
    if ends:
        stopped = (
            LIVE not in ends if step.join == "any" else ("failure" in ends or "denial" in ends or LIVE not in ends)
        )
        if stopped:
            return "blocked" if "failure" in ends else "cut" if "denial" in ends else "untaken"
    if fates[step.name] in ("passed", "false"):
        return fates[step.name]
    source = needs.get(step.name)
    if source is not None and known[source] not in ("completed", "denied"):
        return {"failed": "blocked", "blocked": "blocked", "cut": "cut"}.get(known[source], "untaken")
    return fates[step.name]


def _waits(step: PlanStep, known: Mapping[str, str], taken: Mapping[str, str | None]) -> bool:
    """Whether a step is kept by one that has not ended: all that it reads, and its control edges until one is live."""
    open_edges = [edge for edge in step.edges if known[edge.source] == OPEN]
    if step.join != "any" or any(edge.on == "read" for edge in open_edges):
        return bool(open_edges)
    settled = [edge for edge in step.edges if edge.on != "read" and edge not in open_edges]
    live = any(_edge(edge, step.name, known[edge.source], taken) == LIVE for edge in settled)
    return bool(open_edges) and not live


def _edge(edge: PlanEdge, target: str, ended: str, taken: Mapping[str, str | None]) -> str:
    if ended == OPEN:
        return OPEN
    if edge.on == "finished" and (edge.star or ended in ("completed", "failed", "denied", "passed")):
        return LIVE
    if edge.on == "failed" and ended == "failed":
        return LIVE
    if edge.on == "denied" and ended == "denied":
        return LIVE
    if edge.on == "completed" and ended in ("completed", "passed"):
        return LIVE
    if edge.on in ("case", "else") and ended == "completed" and taken[edge.source] == target:
        return LIVE
    if ended in ("failed", "blocked"):
        return "failure"
    if edge.on in ("failed", "denied"):
        return "branch"
    return "denial" if ended in ("denied", "cut") else "branch"


def outcome(plan: Plan, found: Mapping[str, str]) -> str:
    """How a run whose failures all go on ends."""
    if "failed" in found.values():
        return "with_failures"
    return "denied" if "denied" in found.values() else "clean"
