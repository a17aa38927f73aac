"""How a step may end, as bits, and what each end does to the edges that leave it (`language.md`, Edges)."""

from __future__ import annotations

from headgate.compiler.graph import GraphEdge, Node
from headgate.compiler.places import step_templates
from headgate.grammar import ast
from headgate.records import NamedTuple

FAILED, DENIED, PASSED, UNTAKEN, CUT, BLOCKED, OPEN, COMPLETED = (1 << bit for bit in range(8))
"""`PASSED` is a disabled step, `UNTAKEN` one whose branch was not taken or whose `when` was false, `CUT` one behind a
denial, `OPEN` one that has not ended. A switch has a bit of its own from `COMPLETED` on for each way it may lead."""

CALM = frozenset({"set", "delay"})
"""Kinds that cannot fail when nothing in them is evaluated."""


class Takers(NamedTuple):
    """Which edges take a step's failure up: any at all, one that names the step, one that is `failed` and names it."""

    any: bool = False
    named: bool = False
    expecting: bool = False


UNSEEN = frozenset({"switch", "repeat"})
"""Kinds of which a gate shows nothing that is evaluated only later."""


class Own(NamedTuple):
    """What a step's own text says of its end, whatever comes before it.

    `completed` are the bits of its completion: one, or for a switch one for each of `ways`: a step's name, None for no
    case. `ran` are all ends it may come to once it has started. `fruitful` are those that leave a result, `read` those
    before which it has read what it needs: a step that needs a result stops for want of it before it fails of anything
    else. `optional`: its `when` may skip it. `rough`: it may fail, but only a catch-all takes that up.
    """

    completed: int
    ran: int
    fruitful: int
    read: int
    optional: bool
    ways: tuple[str | None, ...] = (None,)
    rough: bool = False

    def taking(self, target: str) -> int:
        """The bit of the end in which the switch leads to `target`."""
        return COMPLETED << self.ways.index(target) if target in self.ways else 0


class Ends(NamedTuple):
    """Which ends of its source make an edge live, or dead by branch, denial or failure."""

    live: int
    branch: int
    denial: int
    failure: int


def own_ends(node: Node, takers: Takers, policy: str) -> Own:
    """What the step says itself; `policy` is the workflow's `on_failure`."""
    said = node.written
    enabled, when = said.get("enabled"), said.get("when")
    optional = when is not None and not (isinstance(when, ast.Boolean) and when.value)
    ways: tuple[str | None, ...] = (None,)
    if node.kind == "switch":
        targets = dict.fromkeys(case.target.text for case in node.step.cases)
        without = not any(case.condition is None for case in node.step.cases)
        ways = (*targets, None) if without or not targets else tuple(targets)
    completed = ((1 << len(ways)) - 1) * COMPLETED
    if isinstance(enabled, ast.Boolean) and not enabled.value:
        return Own(completed, PASSED, completed, completed, optional, ways)
    ran = 0 if node.kind in ("fail", "finish") else completed
    fruitful = completed
    if node.kind == "human":
        fruitful |= DENIED
    if node.kind == "human" or any(_before(gate) for gate in node.step.gates):
        ran |= DENIED
    continues = _continues(node, policy)
    if (takers.any or continues) and _fallible(node, takers):
        ran |= FAILED
    read = completed | FAILED | (0 if node.kind in UNSEEN else DENIED)
    return Own(completed, ran, fruitful, read, optional, ways, not (takers.named or continues))


def _before(gate: ast.Gate) -> bool:
    return gate.position.text == "before" if gate.position is not None else gate.kind.text == "approval"


def _continues(node: Node, policy: str) -> bool:
    """Whether other steps of its scope may still start when it has failed and no edge takes that up."""
    loop = node.scope.loop
    if loop is not None:
        return loop.written.word("on_item_failure") != "pause"
    own = node.written.word("on_failure")
    return own == "continue" or (own is None and policy == "continue" and node.kind != "fail")


def _fallible(node: Node, takers: Takers) -> bool:
    """A question to people ends with their decision, unless somebody expects it to fail."""
    if node.kind == "human":
        return takers.expecting
    evaluates = any(True for _ in step_templates(node.step))
    return node.kind not in CALM or evaluates or bool(node.step.gates) or node.step.broken


def edge_ends(edge: GraphEdge, source: Own) -> Ends:
    """What each end of an edge's source does to it."""
    every = source.completed
    match edge.on:
        case "completed":
            return Ends(every | PASSED, UNTAKEN, DENIED | CUT, FAILED | BLOCKED)
        case "case" | "else":
            taken = source.taking(edge.target)
            return Ends(taken, (every & ~taken) | PASSED | UNTAKEN, DENIED | CUT, FAILED | BLOCKED)
        case "failed":
            return Ends(FAILED, every | DENIED | PASSED | UNTAKEN | CUT, 0, BLOCKED)
        case "denied":
            return Ends(DENIED, every | PASSED | UNTAKEN | CUT, 0, FAILED | BLOCKED)
        case _:
            if edge.star:
                return Ends(every | FAILED | DENIED | PASSED | UNTAKEN | CUT | BLOCKED, 0, 0, 0)
            return Ends(every | FAILED | DENIED | PASSED, UNTAKEN, CUT, BLOCKED)
