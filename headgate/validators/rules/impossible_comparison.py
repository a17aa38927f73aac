"""HG305: a comparison that always ends the same, because the types or the choices of its sides never meet."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.compiler import types
from headgate.compiler.inference import Inference
from headgate.compiler.types import Type
from headgate.compiler.uses import Use, uses
from headgate.diagnostics import Fix, Severity, nearest, replace
from headgate.expressions import tree
from headgate.records import NamedTuple
from headgate.source import Span
from headgate.validators.rule import Context, Finding, Rule
from headgate.validators.templates import inference_of
from headgate.validators.words import one_of, said_of_type, spelt

_SIGNS = ("==", "!=", "<", ">", "in")
_ENDS = {"==": "never equal", "!=": "always different", "in": "never in it", "not in": "never in it"}
_LONGEST = 50
_LONGEST_LIST = 90


class _Side(NamedTuple):
    """One side of a comparison: its part of the tree, its type, and how it is written."""

    node: tree.Node
    type: Type
    text: str


def check(context: Context) -> Iterator[Finding]:
    inference = inference_of(context)
    for use in uses(context.graph):
        if use.expression is None or not any(sign in use.expression.text for sign in _SIGNS):
            continue
        for node in tree.nodes(use.expression.root):
            if isinstance(node, tree.Compare):
                yield from _compare(inference, use, node)


def _compare(inference: Inference, use: Use, node: tree.Compare) -> Iterator[Finding]:
    left = _side(inference, use, node.first)
    for operation in node.operations:
        right = _side(inference, use, operation.operand)
        if not (isinstance(left.node, tree.Const) and isinstance(right.node, tree.Const)):
            match operation.operator:
                case "==" | "!=":
                    yield from _equal(use, left, right, operation.operator)
                case "in" | "not in":
                    yield from _member(inference, use, left, right, operation.operator)
                case _:
                    yield from _ordered(use, left, right, operation.operator)
        left = right


def _side(inference: Inference, use: Use, node: tree.Node) -> _Side:
    type_ = inference.type_of(node, use.site)
    if isinstance(node, tree.Path) and type_.members is not None and len(type_.members) == 1:
        type_ = type_._replace(members=None)  # a constant is there to be changed
    assert use.expression is not None, "only templates that can be read are looked at"
    return _Side(node, type_, use.expression.text[node.start : node.end].strip())


def _equal(use: Use, left: _Side, right: _Side, operator: str) -> Iterator[Finding]:
    if types.NULL in (_only(left.type), _only(right.type)) or types.overlap(left.type, right.type):
        return  # a look for null is caution, not a mistake
    yield _finding(use, left, right, _ENDS[operator])


def _only(type_: Type) -> str | None:
    return next(iter(type_.kinds)) if len(type_.kinds) == 1 else None


def _member(inference: Inference, use: Use, left: _Side, right: _Side, operator: str) -> Iterator[Finding]:
    if isinstance(right.node, tree.ListOf):
        for item in (_side(inference, use, item) for item in right.node.items):
            constant = isinstance(item.node, tree.Const) and isinstance(left.node, tree.Const)
            if not constant:
                yield from _equal(use, left, item, "==")
        return
    holds = right.type.items if right.type.only(types.LIST) else None
    if holds is not None and not types.overlap(left.type, holds):
        yield _finding(use, left, right, _ENDS[operator])


def _ordered(use: Use, left: _Side, right: _Side, operator: str) -> Iterator[Finding]:
    if any(left.type.may_be(kind) and right.type.may_be(kind) for kind in (types.NUMBER, types.TEXT)):
        return
    sides = f"{said_of_type(left.type)} with {said_of_type(right.type)}"
    yield RULE.finding(
        f"`{operator}` compares two numbers or two texts, not {sides}",
        _place(use, left.node.start, right.node.end),
        note="fails whenever it is evaluated",
        fixes=_fixes(use, left, right),
    )


def _finding(use: Use, left: _Side, right: _Side, ends: str) -> Finding:
    named, other = (right, left) if isinstance(left.node, tree.Const) else (left, right)
    guess = _guess(named, other)
    what = f"`{named.text}`" if len(named.text) <= _LONGEST and "`" not in named.text else "this"
    against = spelt(other.node.value) if isinstance(other.node, tree.Const) else said_of_type(other.type)
    within = "in " if ends == _ENDS["in"] else ""
    said = f"never {within}{against}"
    message = f"{what} is {said}; did you mean `{guess}`?" if guess else f"{what} is {_kinds(named.type)}, {said}"
    return RULE.finding(
        message, _place(use, other.node.start, other.node.end), note=ends, fixes=_fixes(use, left, right)
    )


def _kinds(type_: Type) -> str:
    """What a side is, in a few words."""
    if type_.members is None:
        return said_of_type(type_)
    listed = one_of(list(type_.members))
    return listed if len(listed) <= _LONGEST_LIST else f"one of {len(type_.members)} choices"


def _guess(named: _Side, other: _Side) -> str | None:
    """The member that was probably meant by a written text."""
    if not isinstance(other.node, tree.Const) or not isinstance(other.node.value, str) or named.type.members is None:
        return None
    return nearest(other.node.value, tuple(one for one in named.type.members if isinstance(one, str)))


def _fixes(use: Use, left: _Side, right: _Side) -> tuple[Fix, ...]:
    """The fix that writes the constant side as it was probably meant: another member, or with or without quotes."""
    named, other = (right, left) if isinstance(left.node, tree.Const) else (left, right)
    if not isinstance(other.node, tree.Const):
        return ()
    meant = _meant(named, other, other.node.value)
    if meant is None:
        return ()
    return (replace(f"write `{meant}`", _place(use, other.node.start, other.node.end), meant),)


def _meant(named: _Side, other: _Side, value: object) -> str | None:
    guess = _guess(named, other)
    if guess is not None:
        return _quoted(guess, other.text)
    if isinstance(value, str):
        number = named.type.only(types.NUMBER, types.NULL) and _is_number(value)
        truth = named.type.only(types.BOOLEAN, types.NULL) and value in ("true", "false")
        return value if number or truth else None
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number and named.type.only(types.TEXT, types.NULL) and named.type.members is None:
        return _quoted(other.text, '"')
    return None


def _quoted(text: str, like: str) -> str | None:
    """A text in the quotes of another one; None when it would need an escape."""
    quote = like[:1] if like[:1] in ("'", '"') else '"'
    plain = text.isprintable() and not set(text) & {quote, "\\", "{", "}", "`"}
    return f"{quote}{text}{quote}" if plain else None


def _is_number(text: str) -> bool:
    whole, _, part = text.removeprefix("-").partition(".")
    return whole.isdecimal() and whole.isascii() and (not part or part.isdecimal()) and not text.endswith(".")


def _place(use: Use, start: int, end: int) -> Span:
    offset = use.template.inner.start
    return Span(offset + start, offset + end)


RULE = Rule(
    code="HG305",
    name="impossible-comparison",
    severity=Severity.WARNING,
    summary="a comparison of types or choices that never meet",
    explanation="""\
The types of both sides are known: from inputs, results, the lock and the tables of statuses. Text is never equal to a
number, and a status or a choice is never a word that is not among its members. What is compared with `null` is not
looked at, and neither is what may be of any type.""",
    wrong="""\
workflow order {
  step fetch = http GET "https://shop.example.com/orders/1"
  step note = set after finished fetch { late = {{ steps.fetch.status == "complted" }} }
}
""",
    right="""\
workflow order {
  step fetch = http GET "https://shop.example.com/orders/1"
  step note = set after finished fetch { late = {{ steps.fetch.status == "completed" }} }
}
""",
    check=check,
)
