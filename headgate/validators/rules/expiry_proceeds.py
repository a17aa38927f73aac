"""HG602: a question that nobody has answered, taken for a yes."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.compiler.approvals import approvals_of, expires_to_proceed
from headgate.compiler.graph import Node
from headgate.diagnostics import Safety, Severity, replace
from headgate.kinds import IRREVERSIBLE, SAFE, UNKNOWN
from headgate.records import NamedTuple
from headgate.validators.questions import Question, acts, questions
from headgate.validators.rule import Context, Finding, Rule
from headgate.validators.witness import witness


class _Consent(NamedTuple):
    """What runs because nobody answered, and how bad that is."""

    reversibility: str
    node: Node


def check(context: Context) -> Iterator[Finding]:
    silent = [one for one in questions(context.graph) if expires_to_proceed(one.attributes)]
    if not silent:
        return
    consents = _consents(context)
    for question in silent:
        found = _own(context, question) or consents.get(id(question.node))
        if found is not None:
            yield _finding(context, question, found)


def _own(context: Context, question: Question) -> _Consent | None:
    """What a question says of itself, or the step that a gate stands before."""
    if question.gate is None:
        said = context.said(question.node.step).word("reversibility")
        return None if said is None else _weighed(said, question.node)
    if not question.before:
        return None
    return _weighed(context.effect(question.node).reversibility, question.node)


def _weighed(reversibility: str, node: Node) -> _Consent | None:
    return None if reversibility == SAFE else _Consent(reversibility, node)


def _weight(consent: _Consent) -> int:
    return {IRREVERSIBLE: 2, UNKNOWN: 1}.get(consent.reversibility, 0)


def _consents(context: Context) -> dict[int, _Consent]:
    """The worst that each question lets run when nobody answers it, by the `id` of the step that asks."""
    said, meant = approvals_of(context.graph, silence=False), approvals_of(context.graph)
    worst: dict[int, _Consent] = {}
    for scope in context.graph.scopes:
        for node in scope.nodes.values():
            if said.stands(node) or not meant.stands(node) or not acts(node) or node.kind == "human":
                continue
            effect = context.effect(node)
            found = _weighed(effect.reversibility, node)
            if found is None or effect.source == "inside":
                continue
            for step, _ in said.path(node):
                known = worst.get(id(step))
                if known is None or _weight(found) > _weight(known):
                    worst[id(step)] = found
    return worst


def _finding(context: Context, question: Question, consent: _Consent) -> Finding:
    attribute = question.attribute("on_expiry")
    assert attribute is not None, "the question expires to `proceed`"
    certain = consent.reversibility == IRREVERSIBLE
    runs = f"`{consent.node.name}`, which is irreversible" if certain else f"`{consent.node.name}`"
    if consent.node is question.node and question.gate is None:
        runs = "what is irreversible" if certain else "it"
    path = approvals_of(context.graph, silence=False).path(consent.node)
    return RULE.finding(
        f"nobody's answer to {question.called} would be taken for consent to {runs}",
        attribute.value.span,
        note="nobody says whether it can be made good" if consent.reversibility == UNKNOWN else "silence is no consent",
        witness=witness(context.workflow, path),
        advice="write `on_expiry = deny`, or `escalate` to somebody who answers",
        fixes=(replace("deny when nobody answers", attribute.value.span, "deny", Safety.UNSAFE),),
        severity=Severity.ERROR if certain else Severity.WARNING,
    )


RULE = Rule(
    code="HG602",
    name="expiry-proceeds",
    severity=Severity.ERROR,
    summary="an approval that counts as given when nobody answers, before something irreversible",
    explanation="""\
`on_expiry = proceed` goes on when the time is over and nobody has answered. Before a step that nothing makes good,
silence would be consent. It is an error before an irreversible step, and a warning before one that can be made good or
of which nobody says whether it can; before steps that are safe it is a choice, and nothing is said.""",
    wrong="""\
workflow refund {
  input order: string
  step ask = human approval {
    title     = "Refund {{ inputs.order }}?"
    on_expiry = proceed
  }
  step refund = http POST "https://shop.example.com/refunds" after ask {
    body          = { order = {{ inputs.order }} }
    reversibility = irreversible
  }
}
""",
    right="""\
workflow refund {
  input order: string
  step ask = human approval {
    title     = "Refund {{ inputs.order }}?"
    on_expiry = deny
  }
  step refund = http POST "https://shop.example.com/refunds" after ask {
    body          = { order = {{ inputs.order }} }
    reversibility = irreversible
  }
}
""",
    check=check,
)
