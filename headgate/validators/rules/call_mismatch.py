"""HG307: a call that does not fit the workflow it calls, and workflows that call each other in a ring."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.compiler.callees import Callee, known_inputs
from headgate.compiler.graph import Graph
from headgate.compiler.written import of_step
from headgate.diagnostics import Severity, WitnessStep
from headgate.grammar import ast
from headgate.plan import JsonObject
from headgate.records import NamedTuple
from headgate.source import Span
from headgate.validators.arguments import dotted, expected_of, is_explained, key_fix, misspelt, static_types, value_fix
from headgate.validators.fitting import Fitting, Misfit
from headgate.validators.rule import Context, Finding, Rule, all_steps
from headgate.validators.templates import inference_of, step_reads, suggestion
from headgate.validators.values import Block


def check(context: Context) -> Iterator[Finding]:
    calls = [block for block in context.blocks if block.sort == "step" and _kind(block) == "call"]
    for block in calls:
        yield from _inputs(context, block)
    if calls:
        yield from _outputs(context)
    if context.is_first:
        yield from _rings(context)


def _kind(block: Block) -> str | None:
    return None if block.written.kind is None else block.written.kind.name


def _inputs(context: Context, block: Block) -> Iterator[Finding]:
    name, place = block.written.word("workflow"), block.written.get("workflow")
    schema = None if name is None else _schema(context, name)
    if name is None or place is None or schema is None:
        return  # HG407 says it, or nobody knows what it takes
    given = block.written.get("inputs")
    fitting = Fitting(schema, static_types(context), context.source.text)
    if given is None:
        found = () if block.broken else tuple(fitting.missing(place.span, frozenset()))
    else:
        found = tuple(fitting.misfits(given))
    for one in found:
        if one.sort != "missing" or not is_explained(one, found):
            yield _misfit(name, one, found, place.span)


def _schema(context: Context, name: str) -> JsonObject | None:
    """What a workflow takes; None when nobody knows it, or all of it."""
    callee = context.callees.find(name)
    if callee is not None:
        return None if callee.graph.workflow.broken else known_inputs(callee.graph.workflow)
    locked = context.lock.workflows.get(name) if context.lock is not None else None
    if locked is None or "properties" not in locked.inputs:
        return None
    return {"additionalProperties": False, **locked.inputs}


def _misfit(name: str, one: Misfit, found: tuple[Misfit, ...], place: Span) -> Finding:
    path = dotted(one.path)
    match one.sort:
        case "unknown":
            guess = misspelt(one, found)
            expected = f"did you mean `{guess}`?" if guess else expected_of(one.known)
            what = f"workflow `{name}` has no input" if len(one.path) == 1 else f"`{dotted(one.path[:-1])}` has no key"
            return RULE.finding(
                f"{what} `{one.path[-1]}`; {expected}",
                one.span,
                note="not declared there",
                fixes=key_fix(one, guess),
                severity=Severity.WARNING if one.free else Severity.ERROR,
            )
        case "missing":
            said = "" if one.said == "a value" else f": {one.said}"
            outermost = len(one.path) == 1
            what = f"workflow `{name}` needs the input" if outermost else f"`{dotted(one.path[:-1])}` needs"
            return RULE.finding(
                f"{what} `{one.path[-1]}`{said}",
                place if outermost else one.span,
                note=f"`{one.path[-1]}` is missing",
                advice="write it into `inputs`, or give it a default in the workflow that is called",
            )
        case _:
            what = f"the input `{path}` of workflow `{name}`" if path else f"`inputs` of workflow `{name}`"
            return RULE.finding(f"{what} {one.said}", one.span, note="as declared there", fixes=value_fix(one))


def _outputs(context: Context) -> Iterator[Finding]:
    """Reads of what a called workflow does not give."""
    inference = inference_of(context)
    for read in step_reads(context):
        if len(read.segments) < 4 or read.segments[2].name != "result" or read.site.scope is None:
            continue
        node = read.site.scope.find(read.segments[1].name)
        if node is None or node.kind != "call" or context.said(node.step).get("result") is not None:
            continue
        resolution = inference.resolve(read.segments, read.site)
        if resolution.broken_at != 3:
            continue
        name = context.said(node.step).word("workflow")
        said, fixes = suggestion(read.segments[3].name, resolution.known, read.place(3))
        expected = said if resolution.known else "it has no `output`"
        yield RULE.finding(
            f"workflow `{name}` gives no `{read.segments[3].name}`; {expected}",
            read.place(3),
            note="not among its outputs",
            fixes=fixes,
        )


class _Call(NamedTuple):
    """One call: the step that makes it, where it names the workflow, and the workflow."""

    step: ast.Step
    place: Span
    callee: Callee


def _rings(context: Context) -> Iterator[Finding]:
    """Workflows that come to call themselves, each ring once, at its first workflow of this file."""
    here = [graph for graph in context.graphs.values() if any(_calling(graph.workflow))]
    here.sort(key=lambda graph: graph.workflow.span)
    done: set[int] = set()
    for graph in here:
        yield from _rings_from(context, Callee(graph, context.graphs), done)


def _calling(workflow: ast.Workflow) -> Iterator[ast.Step]:
    return (step for step in all_steps(workflow.steps) if step.kind.text == "call")


def _calls(context: Context, caller: Callee) -> list[_Call]:
    found: list[_Call] = []
    for step in _calling(caller.graph.workflow):
        written = of_step(step)
        name, place = written.word("workflow"), written.get("workflow")
        callee = None if name is None else context.callees.find(name, caller.siblings)
        if place is not None and callee is not None:
            found.append(_Call(step, place.span, callee))
    return found


def _rings_from(context: Context, start: Callee, done: set[int]) -> Iterator[Finding]:
    """A walk in depth: a call back to a workflow on the way closes a ring."""
    if id(start.graph) in done:
        return
    way: list[tuple[Callee, Iterator[_Call]]] = [(start, iter(_calls(context, start)))]
    taken: list[_Call] = []
    while way:
        caller, rest = way[-1]
        call = next(rest, None)
        if call is None:
            done.add(id(caller.graph))
            way.pop()
            if taken:
                taken.pop()
            continue
        at = next((index for index, (one, _) in enumerate(way) if one.graph is call.callee.graph), None)
        if at is not None:
            yield _ring(context, [one for one, _ in way[at:]], [*taken[at:], call])
        elif id(call.callee.graph) not in done:
            taken.append(call)
            way.append((call.callee, iter(_calls(context, call.callee))))


def _ring(context: Context, callers: list[Callee], calls: list[_Call]) -> Finding:
    own = [index for index, one in enumerate(callers) if _is_here(context, one.graph)]
    first = min(own, key=lambda index: callers[index].graph.workflow.span, default=0)
    callers, calls = callers[first:] + callers[:first], calls[first:] + calls[:first]
    names = [one.name for one in callers]
    shown = names if len(names) <= 8 else [*names[:7], "..."]
    path = " -> ".join([*shown, names[0]])
    witness = tuple(
        WitnessStep(f"{caller.name}.{call.step.name.text}", "calls", call.place)
        for caller, call in zip(callers, calls, strict=True)
        if _is_here(context, caller.graph)
    )
    return RULE.finding(
        f"workflow `{names[0]}` comes to call itself: `{path}`",
        calls[0].place,
        note="a ring of calls",
        witness=witness,
        advice="repeat within one workflow by a `repeat` step, which has a limit",
    )


def _is_here(context: Context, graph: Graph) -> bool:
    return context.graphs.get(graph.workflow.name.text) is graph


RULE = Rule(
    code="HG307",
    name="call-mismatch",
    severity=Severity.ERROR,
    summary="a call whose inputs or outputs are not those of the workflow, or a ring of calls",
    explanation="""\
`call NAME` is held against the workflow of that name: in the same file, in another file of the workspace, or published
and in `headgate.lock`. Inputs that it does not declare, required ones that are not given, values that it can never
take, and outputs that it does not give are errors. So are workflows that come to call themselves.""",
    wrong="""\
workflow order {
  step book = call shipping { inputs = { weihgt = 3 } }
}

workflow shipping {
  input weight: number
  step pack = set { box = {{ inputs.weight }} }
}
""",
    right="""\
workflow order {
  step book = call shipping { inputs = { weight = 3 } }
}

workflow shipping {
  input weight: number
  step pack = set { box = {{ inputs.weight }} }
}
""",
    check=check,
)
