"""HG212: an expression whose work has no bound that the text shows."""

from __future__ import annotations

import re
from collections.abc import Iterator

from headgate.compiler import types
from headgate.compiler.inference import Inference
from headgate.compiler.uses import Use, uses
from headgate.diagnostics import Severity
from headgate.expressions import limits, tree
from headgate.source import Span
from headgate.validators.rule import Context, Finding, Rule
from headgate.validators.templates import inference_of

_LARGEST_EXPONENT = 64
_MOST_REPEATS = 10_000
_CONVERSION = re.compile(r"%(?:\([^)]*\))?[#0\- +]*(\*|\d+)?(?:\.(\*|\d+))?")
_ARGUMENTS = {
    "round": ("precision", limits.MOST_DIGITS),
    "slice": ("slices", limits.MOST_SLICES),
    "tojson": ("indent", limits.WIDEST_INDENT),
}


def check(context: Context) -> Iterator[Finding]:
    inference = inference_of(context)
    for use in uses(context.graph):
        if use.expression is None or isinstance(use.expression.root, tree.Path):
            continue
        for node in tree.nodes(use.expression.root):
            message = _unbounded(node, use, inference)
            if message:
                start = use.template.inner.start
                place = Span(start + node.start, start + node.end)
                yield RULE.finding(message, place, note="no bound", advice=_ADVICE)
                break


_ADVICE = "compute it in a `lua` step, which has limits of its own, or use a number that is written out"


def _unbounded(node: tree.Node, use: Use, inference: Inference) -> str:
    match node:
        case tree.Binary(operator="**"):
            return _power(node)
        case tree.Binary(operator="*"):
            for repeated, times in ((node.left, node.right), (node.right, node.left)):
                kind = inference.type_of(repeated, use.site)
                if kind.only(types.TEXT, types.LIST) and not _small(times, _MOST_REPEATS):
                    what = "a text" if kind.only(types.TEXT) else "a list"
                    return f"`*` repeats {what} without a bound; at most {_MOST_REPEATS:,} times, as a number, is safe"
            return ""
        case tree.Binary(operator="%", left=tree.Const(value=str(template))):
            return _format(template)
        case tree.Filter(name="format", target=tree.Const(value=str(template))):
            return _format(template)
        case tree.Filter():
            return _argument(node)
        case _:
            return ""


def _power(node: tree.Binary) -> str:
    nested = any(isinstance(part, tree.Binary) and part.operator == "**" for part in tree.nodes(node.left))
    if nested or not _small(node.right, _LARGEST_EXPONENT):
        return f"`**` can make a number of any size; an exponent up to {_LARGEST_EXPONENT}, as a number, is safe"
    return ""


def _small(node: tree.Node, limit: int) -> bool:
    if isinstance(node, tree.Unary) and node.operator == "-":
        node = node.operand
    return isinstance(node, tree.Const) and isinstance(node.value, (int, float)) and node.value <= limit


def _format(template: str) -> str:
    for conversion in _CONVERSION.finditer(template.replace("%%", "")):
        for width in conversion.groups():
            if width is not None and (width == "*" or len(width) > 6 or int(width) > limits.WIDEST_FORMAT):
                return (
                    f"a `%` conversion may be {limits.WIDEST_FORMAT:,} characters wide; `{conversion.group()}` is wider"
                )
    return ""


def _argument(node: tree.Filter) -> str:
    name, limit = _ARGUMENTS.get(node.name, ("", 0))
    given = node.arguments[0] if node.arguments else None
    if given is None:
        given = next((keyword.value for keyword in node.keywords if keyword.name == name), None)
    if name and isinstance(given, tree.Const) and isinstance(given.value, (int, float)) and given.value > limit:
        return f"`{name}` of `{node.name}` may be at most {limit:,}"
    return ""


RULE = Rule(
    code="HG212",
    name="unsafe-expression",
    severity=Severity.ERROR,
    summary="unbounded work in an expression: `**`, repetition by a variable, wide `%` formats",
    explanation="""\
An expression is evaluated where the run is driven, so that nothing in it may take any amount of time or memory. What
is not seen here is bounded when it is evaluated: sizes of texts, lists and numbers, and the work of one expression.""",
    wrong="""\
workflow line {
  input width: integer
  step draw = set { line = {{ "-" * inputs.width }} }
}
""",
    right="""\
workflow line {
  step draw = set { line = {{ "-" * 40 }} }
}
""",
    check=check,
)
