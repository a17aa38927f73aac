"""HG601: an irreversible step that a run can come to without an approval."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.compiler.approvals import approvals_of
from headgate.compiler.effects import Effect
from headgate.compiler.graph import Node
from headgate.diagnostics import Fix, Safety, Severity
from headgate.kinds import IRREVERSIBLE, UNKNOWN
from headgate.validators.edits import into_block
from headgate.validators.questions import acts, unlocked, worth_showing
from headgate.validators.rule import Context, Finding, Rule
from headgate.validators.witness import witness

_HARMLESS = frozenset({"set", "switch", "lua", "delay", "llm", "human", "each", "repeat", "call", "wait", "finish"})
"""Kinds that are irreversible only when the step says so: what stands inside a loop or a called workflow has its own
finding."""


def check(context: Context) -> Iterator[Finding]:
    for scope in context.graph.scopes:
        for node in scope.nodes.values():
            if not _may_be_irreversible(node) or not acts(node):
                continue
            effect = context.effect(node)
            if effect.reversibility == IRREVERSIBLE and not approvals_of(context.graph).stands(node):
                yield _finding(context, node, effect)
            elif effect.reversibility == UNKNOWN:
                missing = unlocked(context, node)
                if missing is not None and not approvals_of(context.graph).stands(node):
                    yield missing


def _may_be_irreversible(node: Node) -> bool:
    if node.kind == "human":
        return False  # what it says is about what it asks for
    return node.kind not in _HARMLESS or any(one.name.text == "reversibility" for one in node.step.attributes)


def _finding(context: Context, node: Node, effect: Effect) -> Finding:
    shown = worth_showing(node.step)
    question = f"Run {node.name}" + (f" with {', '.join(shown)}?" if shown else "?")
    gate = into_block(context.source.text, node.step, f'gate approval {{ ask = "{question}" }}')
    return RULE.finding(
        f"`{node.name}` is irreversible and can run without an approval",
        node.step.name.span,
        note=_says(effect),
        witness=witness(context.workflow, approvals_of(context.graph).path(node)),
        advice="put `gate approval { ... }` into the step; `headgate check --fix --unsafe` can insert one",
        fixes=(Fix("ask for an approval before the step", Safety.UNSAFE, (gate,)),),
    )


def _says(effect: Effect) -> str:
    match effect.source:
        case "headgate.lock":
            return "destructive, says the tool's annotation (headgate.lock)"
        case "step":
            return "irreversible, says the step"
        case "kind":
            return "irreversible, says its kind"
        case source:
            return f"irreversible, says {source}"


RULE = Rule(
    code="HG601",
    name="ungated-irreversible",
    severity=Severity.ERROR,
    summary="an irreversible step that a run can come to without an approval",
    explanation="""\
What nothing makes good (money, deletion, publication) needs somebody's yes on every path. An approval stands before a
step when it has a `gate approval` or is in a loop that has one, or when every live path to it leads through a step that
only an approval completes. A path that goes `after finished ask`, `after denied ask` or by a case that is also taken
when the decision is `denied` or `expired` proves no approval; a case or `when` that asks for
`steps.ask.result.decision == "approved"` does.

Who says that a step is irreversible stands behind the carets: the step, headgate.toml, or the tool's annotation in
headgate.lock. A tool of which nobody says anything is unknown: HG509 speaks of it, and this rule does not. Without a
lock it is not checked.""",
    wrong="""\
workflow refund {
  input order: string
  trigger nightly = schedule "0 3 * * *" { inputs = { order = "A-1" } }
  step charge = http GET "https://shop.example.com/charges/{{ inputs.order }}"
  step size = switch after charge {
    case {{ steps.charge.result.body.amount > 500 }} -> ask
    else -> small
  }
  step ask = human approval { title = "Refund {{ inputs.order }}?" }
  step small = set { reason = "below the limit" }
  step refund = http POST "https://shop.example.com/refunds" after ask, small {
    body            = { order = {{ inputs.order }} }
    idempotency_key = {{ inputs.order }}
    reversibility   = irreversible
  }
}
""",
    right="""\
workflow refund {
  input order: string
  trigger nightly = schedule "0 3 * * *" { inputs = { order = "A-1" } }
  step charge = http GET "https://shop.example.com/charges/{{ inputs.order }}"
  step size = switch after charge {
    case {{ steps.charge.result.body.amount > 500 }} -> ask
    else -> small
  }
  step ask = human approval { title = "Refund {{ inputs.order }}?" }
  step small = human approval { title = "Refund {{ inputs.order }}, a small one?" }
  step refund = http POST "https://shop.example.com/refunds" after ask, small {
    body            = { order = {{ inputs.order }} }
    idempotency_key = {{ inputs.order }}
    reversibility   = irreversible
  }
}
""",
    check=check,
)
