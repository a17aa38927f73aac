"""HG503: a step that is tried again although doing it twice may be doing it twice."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.compiler.effects import Effect
from headgate.compiler.graph import Node
from headgate.diagnostics import Edit, Fix, Safety, Severity, replace
from headgate.grammar import ast
from headgate.kinds import IRREVERSIBLE, SAFE, UNKNOWN
from headgate.validators.questions import acts, unlocked
from headgate.validators.rule import Context, Finding, Rule


def check(context: Context) -> Iterator[Finding]:
    for step in context.steps:
        retry = next((one for one in step.attributes if one.name.text == "retry"), None)
        node = context.graph.node(step) if retry is not None and _again(retry.value) else None
        if retry is None or node is None or not acts(node):
            continue
        kind = context.said(step).kind
        if kind is None or not kind.effect:
            continue  # it does nothing outside, or what it does is not known
        effect = context.effect(node)
        if effect.reversibility == SAFE or effect.repeatable:
            continue
        missing = unlocked(context, node) if effect.reversibility == UNKNOWN else None
        yield missing or _finding(context, node, retry, effect)


def _again(value: ast.Value) -> bool:
    """Whether a written `retry` is more than none."""
    if isinstance(value, ast.Map):
        value = next((entry.value for entry in value.entries if entry.key.text == "max"), value)
    return isinstance(value, ast.Number) and value.value > 0


def _finding(context: Context, node: Node, retry: ast.Attribute, effect: Effect) -> Finding:
    certain = effect.reversibility == IRREVERSIBLE
    how = "is irreversible" if certain else "is no safe step"
    return RULE.finding(
        f"`{node.name}` {how}, and a retry after an answer that was lost would do it twice",
        retry.span,
        note="tried again",
        advice="give it an `idempotency_key` that is delivered, say in headgate.toml that its tool is idempotent, "
        "or take the retry away",
        fixes=(_fix(context, node, retry),),
        severity=Severity.ERROR if certain else Severity.WARNING,
    )


def _fix(context: Context, node: Node, retry: ast.Attribute) -> Fix:
    """A key where every kind of it is delivered; else no retry."""
    text = context.source.text
    key = _key(node)
    if node.kind == "http" and key is not None:
        line = text.rfind("\n", 0, retry.span.start) + 1
        alone = not text[line : retry.span.start].strip()
        between = "\n" + text[line : retry.span.start] if alone else ", "
        edit = Edit(retry.span._replace(start=retry.span.end), f"{between}idempotency_key = {key}")
        return Fix("add an `idempotency_key`", Safety.UNSAFE, (edit,))
    return replace("try it once: `retry = 0`", retry.value.span, "0", Safety.UNSAFE)


def _key(node: Node) -> str | None:
    """A key that is another for each run, and each item or round; None in a loop in a loop."""
    loop = node.scope.loop
    if loop is None:
        return f'"{node.name}-{{{{ run.id }}}}"'
    number = "index" if loop.kind == "each" else "iteration"
    return None if loop.scope.loop is not None else f'"{node.name}-{{{{ run.id }}}}-{{{{ {number} }}}}"'


RULE = Rule(
    code="HG503",
    name="retry-not-idempotent",
    severity=Severity.WARNING,
    summary="a written `retry` on a step that is not safe, keyed, or by a tool known to be idempotent",
    explanation="""\
A request whose answer was lost, or that failed after it had its effect, is sent again by a retry, and the effect
happens twice. Doing a step again is doing it once only when it is safe, when its idempotency key is delivered (`http`
sends it; `mcp` needs `idempotency_arg`), or when its tool says that it is idempotent. On an irreversible step it is an
error.""",
    wrong="""\
workflow order {
  input id: string
  step pay = http POST "https://shop.example.com/payments" {
    body  = { order = {{ inputs.id }} }
    retry = 3
  }
}
""",
    right="""\
workflow order {
  input id: string
  step pay = http POST "https://shop.example.com/payments" {
    body            = { order = {{ inputs.id }} }
    retry           = 3
    idempotency_key = {{ inputs.id }}
  }
}
""",
    check=check,
)
