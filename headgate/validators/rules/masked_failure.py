"""HG507: `continue` on the only step that does something."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.diagnostics import Label, Severity
from headgate.grammar import ast
from headgate.source import Span
from headgate.validators.rule import Context, Finding, Rule


def check(context: Context) -> Iterator[Finding]:
    effects = [
        block
        for block in context.blocks
        if block.sort == "step" and block.written.kind is not None and block.written.kind.effect and _acts(block.step)
    ]
    if len(effects) != 1 or context.workflow.broken:
        return
    effect = effects[0].step
    assert effect is not None, "blocks of steps have their step"
    if any(block.sort == "step" and block.written.kind is None for block in context.blocks):
        return  # what an unknown kind does is not known
    hides = _hides(context, effect)
    if hides is None or _taken_up(context, effect):
        return
    name, place = hides
    yield RULE.finding(
        f"`{name} = continue` hides a failure of `{effect.name.text}`, the only step here that does anything",
        place,
        note="the run would end as completed",
        labels=(Label(effect.name.span, "the only effect"),),
        advice="remove `continue`, or handle the failure with a step `after failed`",
    )


def _acts(step: ast.Step | None) -> bool:
    """A script computes; everything else with an effect reaches out."""
    return step is not None and step.kind.text != "lua"


def _hides(context: Context, effect: ast.Step) -> tuple[str, Span] | None:
    """The `continue` that applies when the step fails: its own, its loop's, or the workflow's."""
    node = context.graph.node(effect)
    while node is not None:
        own = _word(node.step.attributes, "on_failure")
        if own is not None:
            return ("on_failure", own.span) if own.text == "continue" else None
        node = node.scope.loop
        if node is not None:
            item = _word(node.step.attributes, "on_item_failure")
            if item is not None and item.text == "continue":
                return ("on_item_failure", item.span)
    whole = _word(context.workflow.attributes, "on_failure")
    return ("on_failure", whole.span) if whole is not None and whole.text == "continue" else None


def _word(attributes: tuple[ast.Attribute, ...], name: str) -> ast.Word | None:
    for attribute in attributes:
        if attribute.name.text == name and isinstance(attribute.value, ast.Word):
            return attribute.value
    return None


def _taken_up(context: Context, effect: ast.Step) -> bool:
    """Whether a `failed` or `finished` edge, or a read of its status or error, looks at how it ended."""
    node = context.graph.node(effect)
    while node is not None:
        for other in node.scope.nodes.values():
            if any(edge.source == node.name and edge.on in ("failed", "finished") for edge in other.edges):
                return True
            if any(
                read.source == node.name and read.segments[:1] in (("status",), ("error",)) for read in other.references
            ):
                return True
        node = node.scope.loop
    return False


RULE = Rule(
    code="HG507",
    name="masked-failure",
    severity=Severity.WARNING,
    summary="`continue` hides the only effect",
    explanation="""\
`on_failure = continue` lets a run go on when a step fails. On the only step that reaches out to the world, it makes a
run that achieved nothing look done. A step `after failed` it, or a look at its `.status`, takes the failure up.""",
    wrong="""\
workflow order {
  step send = http POST "https://shop.example.com/orders" { on_failure = continue }
}
""",
    right="""\
workflow order {
  step send = http POST "https://shop.example.com/orders" { on_failure = continue }
  step sorry = set after failed send { text = "not sent" }
}
""",
    check=check,
)
