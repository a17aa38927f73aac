"""HG108: a case that is always, never or already taken."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.diagnostics import Edit, Fix, Label, Safety, Severity
from headgate.expressions import tree
from headgate.expressions.evaluated import paths
from headgate.validators.edits import whole_line
from headgate.validators.rule import Context, Finding, Rule
from headgate.validators.splits import Domain, Opaque, Scalar, domain, holds, only_path, shown
from headgate.validators.switches import ReadCase, ReadSwitch, switches


def check(context: Context) -> Iterator[Finding]:
    for switch in switches(context):
        earlier: list[ReadCase] = []
        for number, case in enumerate(switch.cases):
            if case.root is None:
                continue
            finding = _constant(context, switch, number) or _repeated(context, earlier, case)
            finding = finding or _covered(context, switch, earlier, case)
            if finding is not None:
                yield finding
            else:
                earlier.append(case)


def _constant(context: Context, switch: ReadSwitch, number: int) -> Finding | None:
    """A condition without a name in it; a last one that is true is an `else` in other words."""
    case = switch.cases[number]
    assert case.root is not None, "it can be read"
    if any(True for _ in paths(case.root)):
        return None
    try:
        always = holds(case.root, None)
    except Opaque:
        return None
    last = number + 1 == len(switch.node.step.cases)
    said = "always true: no case after it is ever tried" if always and not last else "always true"
    message = f"this case is {said if always else 'never taken: its condition is always false'}"
    return _finding(context, case, message, always=always and last)


def _repeated(context: Context, earlier: list[ReadCase], case: ReadCase) -> Finding | None:
    for other in earlier:
        if other.root is not None and case.root is not None and _shape(other.root) == _shape(case.root):
            return _finding(context, case, "this case is never taken: an earlier one has the same condition", other)
    return None


def _covered(context: Context, switch: ReadSwitch, earlier: list[ReadCase], case: ReadCase) -> Finding | None:
    """A condition that is true only of values which earlier cases take, or of none."""
    assert case.root is not None, "it can be read"
    path = only_path([case.root])
    if path is None:
        return None
    before = [one for one in earlier if one.root is not None and _shape_of_path(one.root) == _shape_of_path(case.root)]
    conditions = [one.root for one in (*before, case) if one.root is not None]
    values = domain(context, path, switch.site, conditions)
    if values is None:
        return None
    try:
        mine = [value for value in values.values if holds(case.root, value)]
        if not mine:
            return _never(context, case, values)
        takers = [next((one for one in before if one.root and holds(one.root, value)), None) for value in mine]
    except Opaque:
        return None
    if any(taker is None for taker in takers):
        return None
    first = next(taker for taker in takers if taker is not None)
    many = len({id(taker) for taker in takers}) > 1
    said = "earlier ones take all its values" if many else "an earlier one takes all its values"
    return _finding(context, case, f"this case is never taken: {said}", first)


def _never(context: Context, case: ReadCase, values: Domain) -> Finding | None:
    """No value makes it true; where it asks for one that there is not at all, HG305 speaks."""
    assert case.root is not None, "it can be read"
    ruled_out = [value for value in values.ruled_out if holds(case.root, value)]
    if ruled_out:
        value = shown(ruled_out[0])
        message = f"this case is never taken: no step that ended `{value}` leads here"
        return _finding(context, case, message, advice=_decided_advice())
    constants: list[Scalar] = [node.value for node in tree.nodes(case.root) if isinstance(node, tree.Const)]
    if not constants or any(isinstance(one, str) and one not in values.values for one in constants):
        return None
    return _finding(context, case, "this case is never taken: no value makes its condition true")


def _decided_advice() -> str:
    return "a switch on a decision goes `after finished STEP`; a plain `after` waits for consent"


def _finding(
    context: Context,
    case: ReadCase,
    message: str,
    other: ReadCase | None = None,
    *,
    always: bool = False,
    advice: str = "remove it, or say what tells it from the others",
) -> Finding:
    condition = case.case.condition
    assert condition is not None, "it has a condition"
    labels = () if other is None or other.case.condition is None else (Label(other.case.span, "takes them first"),)
    if always:
        edit = Edit(case.case.span._replace(end=condition.span.end), "else")
        fix = Fix("write `else`", Safety.UNSAFE, (edit,))
        advice = "write `else`"
    else:
        fix = Fix("remove the case", Safety.UNSAFE, (Edit(whole_line(context.source.text, case.case.span), ""),))
    return RULE.finding(message, condition.span, note="dead", labels=labels, advice=advice, fixes=(fix,))


def _shape_of_path(condition: tree.Node) -> object:
    path = only_path([condition])
    return None if path is None else tuple(segment.key for segment in path.segments)


def _shape(node: tree.Node) -> object:
    """A condition without the places of its parts."""
    match node:
        case tree.Path():
            return ("path", tuple(segment.key for segment in node.segments))
        case tree.Const():
            return ("const", type(node.value), node.value)
        case tree.Compare():
            return (
                "compare",
                _shape(node.first),
                tuple((one.operator, _shape(one.operand)) for one in node.operations),
            )
        case tree.Filter():
            named = tuple((one.name, _shape(one.value)) for one in node.keywords)
            return ("filter", node.name, _shape(node.target), tuple(_shape(one) for one in node.arguments), named)
        case tree.Test():
            return ("test", node.name, node.negated, _shape(node.target), tuple(_shape(one) for one in node.arguments))
        case tree.Binary() | tree.Logic():
            return (type(node), node.operator, _shape(node.left), _shape(node.right))
        case tree.Unary():
            return ("unary", node.operator, _shape(node.operand))
        case _:
            return (type(node), tuple(_shape(part) for part in tree.children(node)))


RULE = Rule(
    code="HG108",
    name="dead-case",
    severity=Severity.WARNING,
    summary="a case with a constant condition, or one that earlier cases leave nothing",
    explanation="""\
Cases are tried in order, and the first true one is taken. A condition without a name in it never changes; one that
stands above already, or is true only of values that the cases above it take, is never tried with success. The step it
leads to then never runs that way.""",
    wrong="""\
workflow refund {
  input amount: number
  step size = switch {
    case {{ inputs.amount > 100 }} -> ask
    case {{ inputs.amount > 500 }} -> board
    else -> small
  }
  step ask = human approval { title = "Refund it?" }
  step board = human approval { title = "Refund so much?" }
  step small = set { reason = "below the limit" }
}
""",
    right="""\
workflow refund {
  input amount: number
  step size = switch {
    case {{ inputs.amount > 500 }} -> board
    case {{ inputs.amount > 100 }} -> ask
    else -> small
  }
  step ask = human approval { title = "Refund it?" }
  step board = human approval { title = "Refund so much?" }
  step small = set { reason = "below the limit" }
}
""",
    check=check,
)
