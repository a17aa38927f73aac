"""HG005: an attribute that its block does not have."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from headgate.compiler.graph import Graph
from headgate.compiler.values import descend, key_span
from headgate.compiler.written import Said
from headgate.diagnostics import Diagnostic, Edit, Fix, Safety, Severity, nearest, replace
from headgate.grammar import ast
from headgate.source import Span
from headgate.validators import foreign
from headgate.validators.edits import behind_header, without_item
from headgate.validators.rule import Context, Finding, Rule
from headgate.validators.values import Block, ValueFault


def check(context: Context) -> Iterator[Finding]:
    for block in context.blocks:
        if block.written.kind is None:
            continue
        for said in (*block.written.attributes.values(), *block.written.repeated):
            unknown = (
                block.written.known(said.name) is None
                or _only_on_top(context, block, said.name)
                or _from_elsewhere(context, block, said)
            )
            if said.by_name is not None and unknown:
                yield _attribute(context, block, said, said.by_name)
        if block.sort == "step" and block.step is not None:
            yield from _parts(block, block.step)
    for fault in context.faults:
        if fault.fault.rule == "unknown":
            yield _key(fault)


def _only_on_top(context: Context, block: Block, name: str) -> bool:
    """Whether an attribute is one that nested steps do not have."""
    if name != "on_failure" or block.sort != "step" or block.step is None:
        return False
    node = context.graph.node(block.step)
    return node is not None and node.scope.loop is not None


def _from_elsewhere(context: Context, block: Block, said: Said) -> bool:
    """Whether a name that may be given here freely is no data: edges to steps, or an `if` with a condition."""
    kind = block.written.kind
    if block.sort != "step" or kind is None or kind.rest is None or said.name in kind.attributes:
        return False
    return (said.name == "if" and isinstance(said.value, ast.Template)) or foreign.edges_meant(
        said.name, said.value, _steps(context.graph)
    )


@lru_cache(maxsize=4)
def _steps(graph: Graph) -> frozenset[str]:
    """The names of all steps."""
    return frozenset(name for scope in graph.scopes for name in scope.nodes)


def _attribute(context: Context, block: Block, said: Said, place: Span) -> Diagnostic:
    if block.step is not None and block.sort == "step" and said.name in foreign.EDGES:
        return _edges(context, block.step, said, place)
    nested = block.sort == "step" and said.name == "on_failure"
    if nested:
        message = "a step in a loop has no `on_failure`; what its failure means is said by the loop's `on_item_failure`"
        return RULE.finding(message, place, note="not on nested steps")
    if said.name in foreign.FOLLOWERS:
        sentence = "the step that follows names this one: `step NEXT = KIND after THIS`"
        return RULE.finding(f"no attribute `{said.name}`: {sentence}", place, note="edges point backwards here")
    known = block.written.names
    meant = foreign.meant_by(said.name, known)
    if meant is None and said.name in foreign.SENTENCES:
        return RULE.finding(f"no attribute `{said.name}`: {foreign.SENTENCES[said.name]}", place)
    guess = foreign.guess(said.name, known)
    free = guess is not None and guess not in block.written.attributes
    same_value = meant not in ("enabled", "timeout", "retry", "when", "on_failure") or said.name in ("retries", "if")
    fixes: tuple[Fix, ...] = (replace(f"write `{guess}`", place, guess),) if guess and free and same_value else ()
    expected = f"; here it is called `{guess}`" if meant else f"; did you mean `{guess}`?" if guess else ""
    advice = "" if guess else _expected(known)
    message = f"{block.called} has no attribute `{said.name}`{expected}"
    return RULE.finding(message, place, note="no such attribute", advice=advice, fixes=fixes)


def _edges(context: Context, step: ast.Step, said: Said, place: Span) -> Diagnostic:
    """`depends_on = [a, b]`: the edge list that it stands for, put where edges stand."""
    names = list(foreign.step_names(said.value))
    shown = ", ".join(names) or "STEP"
    fixes: tuple[Fix, ...] = ()
    written = next((one for one in step.attributes if one.name.span == place), None)
    if names and written is not None and not step.fence:
        gone = Edit(without_item(context.source.text, written.span), "")
        title = f"write `after {shown}` behind the kind"
        fixes = (Fix(title, Safety.SAFE, (*_edges_in_the_header(step, names), gone)),)
    return RULE.finding(
        f"no attribute `{said.name}`: edges stand behind the kind, `step {step.name.text} = ... after {shown}`",
        place,
        note="expected `after` in the header",
        fixes=fixes,
    )


def _edges_in_the_header(step: ast.Step, names: list[str]) -> Iterator[Edit]:
    """Put the edges to `names` where edges stand, beside those that stand there already."""
    there = {edge.target.text for edge in step.edges if edge.on == "completed"}
    missing = ", ".join(name for name in names if name not in there)
    if not step.edges:
        yield Edit(behind_header(step), f" after {missing}")
    elif missing:
        end = step.edges[-1].span.end
        yield Edit(Span(end, end), f", {missing}")


def _parts(block: Block, step: ast.Step) -> Iterator[Diagnostic]:
    """Cases, nested steps, a fence and `as` are for the kinds that have them."""
    kind = block.written.kind
    assert kind is not None, "blocks of unknown kinds are left out"
    if step.cases and "case" not in kind.blocks:
        yield RULE.finding(f"{block.called} has no cases; only a `switch` does", step.cases[0].span)
    if step.steps and "step" not in kind.blocks:
        message = f"{block.called} holds no steps; only `each` and `repeat` do"
        yield RULE.finding(message, step.steps[0].name.span, advice="put the step beside this one, with `after`")
    if step.fence is not None and kind.fence is None:
        message = f"{block.called} takes no fence; name the attribute that the text is for"
        yield RULE.finding(message, step.fence.span)
    if step.as_name is not None and not kind.takes_as:
        yield RULE.finding(f"{block.called} has no `as`; only `each` names its item", step.as_name.span)


def _key(fault: ValueFault) -> Diagnostic:
    """A key of a map whose keys are known."""
    name = str(fault.fault.path[-1])
    place = key_span(fault.value, fault.fault.path)
    guess = nearest(name, fault.fault.expected)
    expected = f"; did you mean `{guess}`?" if guess else ""
    advice = "" if guess else _expected(fault.fault.expected)
    outer = descend(fault.value, fault.fault.path[:-1])
    taken = isinstance(outer, ast.Map) and any(entry.key.text == guess for entry in outer.entries)
    fixes: tuple[Fix, ...] = (replace(f"write `{guess}`", place, guess),) if guess and not taken else ()
    message = f"`{fault.name}` has no key `{name}`{expected}"
    return RULE.finding(message, place, note="no such key", advice=advice, fixes=fixes)


def _expected(known: tuple[str, ...]) -> str:
    return "expected one of " + ", ".join(f"`{name}`" for name in known) if known else "it has none"


RULE = Rule(
    code="HG005",
    name="unknown-attribute",
    severity=Severity.ERROR,
    summary="an attribute that the kind's schema does not have",
    explanation="""\
Each kind has its attributes, and some are common to every step. An attribute that nobody reads would look as if it did
something. Names from other tools, such as `depends_on` and `if`, are recognised, and what does it here is named.""",
    wrong="""\
workflow order {
  step pick = http GET "https://shop.example.com/orders" { timeuot = 5s }
}
""",
    right="""\
workflow order {
  step pick = http GET "https://shop.example.com/orders" { timeout = 5s }
}
""",
    check=check,
)
