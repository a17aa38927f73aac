"""HG102: no step that could start the run."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.diagnostics import Edit, Fix, Safety, Severity, nearest, replace
from headgate.grammar import ast
from headgate.validators.edits import without_item
from headgate.validators.rule import Context, Finding, Rule


def check(context: Context) -> Iterator[Finding]:
    workflow, scope = context.workflow, context.graph.scope
    entry = next((attribute for attribute in workflow.attributes if attribute.name.text == "entry"), None)
    if entry is not None:
        yield from _named(context, entry)
        return
    explained = scope.rings or any(node.dangling for node in scope.nodes.values()) or workflow.broken
    if scope.nodes and not explained and context.graph.entry is None:
        yield RULE.finding(
            f"missing entryStepId: no step of `{workflow.name.text}` can start the run, each waits for another",
            workflow.name.span,
            note="expected a step without `after`",
            advice="take the edges away from the step that comes first",
        )


def _named(context: Context, entry: ast.Attribute) -> Iterator[Finding]:
    names = tuple(context.graph.scope.nodes)
    if not isinstance(entry.value, ast.Word | ast.Text) or not names:
        return  # HG007 says what a step's name looks like, HG106 that there are no steps
    name = entry.value.text if isinstance(entry.value, ast.Word) else entry.value.plain
    if name is None or name in names or name in context.workflow.lost:
        return
    nested = any(step.name.text == name for step in context.steps)
    guess = nearest(name, names)
    if nested:
        problem = f"`entry` names `{name}`, which stands inside a loop; expected a step of the workflow itself"
    else:
        problem = f"`entry` names no step `{name}`" + (f"; did you mean `{guess}`?" if guess else "")
    roots = context.graph.scope.roots
    fixes: tuple[Fix, ...] = ()
    if guess and not nested:
        fixes = (replace(f"write `{guess}`", entry.value.span, guess),)
    elif len(roots) == 1:
        fixes = (
            Fix(
                "remove `entry`: the only first step starts the run",
                Safety.SAFE,
                (Edit(without_item(context.source.text, entry.span), ""),),
            ),
        )
    yield RULE.finding(f"missing entryStepId: {problem}", entry.value.span, note="no such step here", fixes=fixes)


RULE = Rule(
    code="HG102",
    name="missing-entry",
    severity=Severity.ERROR,
    summary="no step can start the run, or `entry` names none",
    explanation="""\
A run starts at the step that nothing comes before, or at the one that `entry` names ("missing entryStepId" when
there is none). When every step waits for another one, or when `entry` names no step of the workflow, no run could
begin.""",
    wrong="""\
workflow order {
  entry = pik
  step pick = set { from = 1 }
  step pack = set after pick { box = 1 }
}
""",
    right="""\
workflow order {
  entry = pick
  step pick = set { from = 1 }
  step pack = set after pick { box = 1 }
}
""",
    check=check,
)
