"""HG103: a step that no run can come to."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.compiler.graph import GraphEdge, Node
from headgate.compiler.sorting import entry_attribute
from headgate.diagnostics import Edit, Fix, Label, Safety, Severity
from headgate.grammar import ast
from headgate.validators.edits import behind_header, whole_item
from headgate.validators.rule import Context, Finding, Rule

_LAST = frozenset({"finish", "fail"})


def check(context: Context) -> Iterator[Finding]:
    yield from _off_the_entry(context)
    for scope in context.graph.scopes:
        named = {edge.source for node in scope.nodes.values() for edge in node.control}
        named |= {read.source for node in scope.nodes.values() for read in node.references}
        for node in scope.nodes.values():
            edges = [edge for edge in node.edges if edge.on != "read"]
            ends = [edge for edge in edges if _ends_the_run(scope.nodes[edge.source], edge)]
            if ends and (node.join == "all" or len(ends) == len(edges)):
                fixes = () if node.name in named else _removed(context.source.text, node)
                yield _behind_the_end(node, ends[0], scope.nodes[ends[0].source], fixes)


def _off_the_entry(context: Context) -> Iterator[Finding]:
    """With `entry`, every step that nothing leads to; what only follows such a step is not said again."""
    graph = context.graph
    entry = entry_attribute(context.workflow)
    if entry is None or context.workflow.broken:
        return
    for node in graph.scope.nodes.values():
        if node.name in graph.reachable or node.edges:
            continue
        fix = Fix(
            f"run it after `{graph.entry}`", Safety.UNSAFE, (Edit(behind_header(node.step), f" after {graph.entry}"),)
        )
        yield RULE.finding(
            f"no run reaches `{node.name}`: the run starts at `{graph.entry}`, and no path leads from there to it",
            node.step.name.span,
            note="no `after`, case or reference",
            labels=(Label(entry.span, "the run starts here"),),
            advice="put an edge to it, or remove `entry` so that all first steps start the run",
            fixes=(fix,),
        )


def _ends_the_run(source: Node, edge: GraphEdge) -> bool:
    """Whether an edge waits for the end of a step that ends the whole run; a disabled step ends nothing."""
    disabled = any(
        attribute.name.text == "enabled" and isinstance(attribute.value, ast.Boolean) and not attribute.value.value
        for attribute in source.step.attributes
    )
    return source.kind in _LAST and edge.on == "completed" and not disabled


def _removed(text: str, node: Node) -> tuple[Fix, ...]:
    edit = Edit(whole_item(text, node.step.span), "")
    return (Fix(f"remove the step `{node.name}`", Safety.UNSAFE, (edit,)),)


def _behind_the_end(node: Node, edge: GraphEdge, last: Node, fixes: tuple[Fix, ...]) -> Finding:
    return RULE.finding(
        f"no run reaches `{node.name}`: the run is over when `{last.name}` has ended",
        node.step.name.span,
        note="comes after the end",
        labels=(Label(edge.span, f"waits for the `{last.kind}` step here"),),
        advice=f"put it before `{last.name}`, or remove it",
        fixes=fixes,
    )


RULE = Rule(
    code="HG103",
    name="unreachable-step",
    severity=Severity.ERROR,
    summary="a step to which no live path leads from the entry",
    explanation="""\
A workflow that names its `entry` starts there and nowhere else; every step must then lie on a path from it. A step
behind a `finish` or `fail` is never reached either: the run is over by then.""",
    wrong="""\
workflow order {
  entry = pick
  step pick = set { from = 1 }
  step pack = set { box = 1 }
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
