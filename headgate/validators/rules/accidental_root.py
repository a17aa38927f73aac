"""HG111: a second first step."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.diagnostics import Edit, Fix, Label, Safety, Severity
from headgate.grammar.tokens import WORDS
from headgate.validators import foreign
from headgate.validators.edits import behind_header
from headgate.validators.rule import Context, Finding, Rule
from headgate.validators.templates import reads_unknown_steps


def check(context: Context) -> Iterator[Finding]:
    """Every first step but the one that stands first in the file; not with `entry`, where HG103 speaks."""
    scope = context.graph.scope
    if context.workflow.broken or any(attribute.name.text == "entry" for attribute in context.workflow.attributes):
        return
    roots = [node for node in scope.nodes.values() if node.name in scope.roots and node.is_root]
    if len(roots) < 2:
        return
    names = list(scope.nodes)
    turn = {name: number for number, name in enumerate(scope.order)}
    written = {attribute.name.text for step in context.workflow.steps for attribute in step.attributes}
    if written & foreign.FOLLOWERS:
        return  # edges written the other way round: HG005 says how they are written here
    unclear = reads_unknown_steps(context)
    for node in roots[1:]:
        if id(node) in unclear:
            continue  # HG201 says which step it would come after
        if any(attribute.name.text in foreign.EDGES for attribute in node.step.attributes):
            continue
        before = names[node.index - 1]
        if turn.get(before, len(turn)) > turn[node.name]:
            before = roots[0].name  # the one above it in the file follows it already
        fix = Fix(f"run it after `{before}`", Safety.UNSAFE, (Edit(behind_header(node.step), f" after {before}"),))
        yield RULE.finding(
            f"`{node.name}` comes after no step, so it runs in parallel with `{roots[0].name}` from the start",
            node.step.name.span,
            note="no `after`, case or reference",
            labels=(Label(roots[0].step.name.span, "the run starts here too"),),
            advice=f"write `after {before}` when it is to wait; order in the file means nothing",
            fixes=() if before in WORDS else (fix,),  # a reserved word, of which HG001 speaks
        )


RULE = Rule(
    code="HG111",
    name="accidental-root",
    severity=Severity.WARNING,
    summary="a step without edge or reference beside another first step: it runs in parallel from the start",
    explanation="""\
Order in the file means nothing: what has no `after`, no case that leads to it and no reference starts at once, beside
the other first steps. That is often an edge that was forgotten. When it is meant, say so:
`# headgate: ignore[HG111] both reports are independent`.""",
    wrong="""\
workflow order {
  step pick = set { from = 1 }
  step pack = set { box = 1 }
}
""",
    right="""\
workflow order {
  step pick = set { from = 1 }
  step pack = set after pick { box = 1 }
}
""",
    check=check,
)
