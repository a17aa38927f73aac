"""HG204: a step reads what another leaves only when it ran, on a path on which it did not."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.compiler.certainty import BLOCK
from headgate.compiler.correlation import may_be_ruled_out
from headgate.compiler.graph import GraphEdge, Node
from headgate.compiler.outcomes import FAILED
from headgate.compiler.paths import Answer, CounterRun, after_a_round, ask, certainty, failed_before, way_to
from headgate.diagnostics import Edit, Fix, Label, Safety, Severity
from headgate.expressions import tree
from headgate.grammar import ast
from headgate.records import NamedTuple
from headgate.source import Span
from headgate.validators.first_rounds import fail_in_the_first
from headgate.validators.handlers import reads_what_failed
from headgate.validators.reasons import why_missing
from headgate.validators.result_reads import ERROR, RESULT, ResultRead, result_reads
from headgate.validators.rule import Context, Finding, NotChecked, Rule
from headgate.validators.templates import in_text, inference_of
from headgate.validators.witness import witness

DEFAULT = " | default(null)"
_PATH = list[tuple[Node, GraphEdge | str | None]]


class _Proof(NamedTuple):
    """`path` leads to the reader; `why` says what is missing there, and `place` shows it. `failed`: the source did."""

    path: _PATH
    why: str
    place: Span
    failed: bool = False


def check(context: Context) -> Iterator[Finding]:
    groups: dict[tuple[int, int, str], list[ResultRead]] = {}
    for read in result_reads(context.source, context.graph):
        if _is_known(read.source) and _is_known(read.reader) and not reads_what_failed(context, read):
            groups.setdefault((id(read.reader), id(read.source), read.part), []).append(read)
    for reads in sorted(groups.values(), key=lambda reads: _block(context, reads[0])):
        finding = _judged(context, reads)
        if finding is not None:
            yield finding
    for first in fail_in_the_first(context):
        fix = Fix("say that it may be missing", Safety.UNSAFE, (Edit(Span(first.span.end, first.span.end), DEFAULT),))
        yield RULE.finding(
            f"`{first.reader}` reads `{first.path}`, but `previous.{first.step}` is null in the first round",
            first.span,
            note="not there in the first round",
            advice=f"say what to take there, as in `{first.path} | default(0)`",
            fixes=(fix,) if first.alone else (),
        )


def _is_known(node: Node) -> bool:
    """Whether all that the step says was understood; a rule speaks of what was not."""
    return not node.step.broken and not node.dangling


def _block(context: Context, read: ResultRead) -> tuple[int, int]:
    """The order in which the analysis answers at the least cost."""
    position = certainty(context.graph, read.source.scope).position
    return (id(read.source.scope), position.get(read.source.name, 0) // BLOCK)


def _judged(context: Context, reads: list[ResultRead]) -> Finding | None:
    """One finding for all that a step reads of another, at the worst place."""
    weak: tuple[ResultRead, _Proof] | None = None
    for read in sorted(reads, key=lambda read: (bool(read.guards), read.span)):
        answer = _answer(context, read)
        if answer is not None and answer.gave_up:
            return NotChecked(f"the ways to `{read.reader.name}` are too many to look at", read.span)
        proof = _proof(context, read, None if answer is None else answer.run)
        if proof is None:
            continue
        sure = read.sure and not read.guards and read.part == RESULT  # an error that is not there may be what is meant
        if sure or _fills_required(context, read):
            return _finding(context, read, reads, proof)
        weak = weak or (read, proof)
    return None if weak is None else _finding(context, weak[0], reads, weak[1], severity=Severity.WARNING)


def _proof(context: Context, read: ResultRead, run: CounterRun | None) -> _Proof | None:
    graph, source, reader = context.graph, read.source, read.reader
    if read.of_own_body and read.site.attribute == "while":
        if read.guards or read.part == ERROR:
            return None  # what counts rounds knows of the first
        why = f"`while` of `{reader.name}` is tested before the first round"
        return _Proof(way_to(graph, reader), why, source.step.name.span)
    if run is None or not all(_is_known(node) for node in run.nodes):
        return None
    if may_be_ruled_out(graph, run, read.guards, asked=read.site.attribute):
        return None
    if read.of_own_body:
        return _Proof([*way_to(graph, reader), *_round(run)], *why_missing(run))
    if read.part == ERROR:
        return _Proof(run.path(), f"`{source.name}` may not have failed", source.step.name.span)
    way = run.way(source)
    return _Proof(run.path(), *why_missing(run), failed=way is not None and way.end == FAILED)


def _answer(context: Context, read: ResultRead) -> Answer | None:
    """What the analysis says, None where it cannot be asked."""
    graph, source, reader = context.graph, read.source, read.reader
    if read.of_own_body and read.site.attribute == "while":
        return None
    if read.of_own_body:
        return after_a_round(graph, source) if read.part == RESULT and not read.instead_of else None
    if read.part == ERROR:
        return None if read.instead_of or _leads_nowhere(context, read) else failed_before(graph, source, reader)
    missing = [_of_result(read, path) for path in read.instead_of]
    others = tuple(node for node in missing if node is not None)
    if len(others) < len(missing) or any(node.scope is not source.scope for node in others):
        return None  # what it stands in for may be missing of itself
    return ask(graph, source, reader, missing=others, plain=True)


def _leads_nowhere(context: Context, read: ResultRead) -> bool:
    """Whether an error has no such field anyway; HG202 says it."""
    return inference_of(context).resolve(read.segments, read.site).broken_at is not None


def _of_result(read: ResultRead, path: tree.Path) -> Node | None:
    names = [segment.name for segment in path.segments]
    if len(names) < 3 or names[0] != "steps" or names[2] != RESULT or read.site.scope is None:
        return None
    return read.site.scope.find(names[1])


def _round(run: CounterRun) -> _PATH:
    """The step of the body that did not run."""
    return [(run.source, "not run")]


def _fills_required(context: Context, read: ResultRead) -> bool:
    """Whether it stands in an argument that the locked tool cannot do without."""
    if read.reader.kind != "mcp" or read.site.attribute != "args" or context.lock is None:
        return False
    said = context.said(read.reader.step)
    instance, tool, args = inference_of(context).instance_of(said), said.word("tool"), said.get("args")
    locked = context.lock.instances.get(instance or "", {}).get(tool or "")
    required = None if locked is None else locked.input_schema.get("required")
    if not isinstance(required, list) or not isinstance(args, ast.Map):
        return False
    entry = next((one for one in args.entries if one.span.start <= read.span.start < one.span.end), None)
    return entry is not None and entry.key.text in required


def _finding(
    context: Context,
    read: ResultRead,
    reads: list[ResultRead],
    proof: _Proof,
    *,
    severity: Severity = Severity.ERROR,
) -> Finding:
    source, reader = read.source.name, read.reader.name
    if read.part == ERROR:
        message = f"`{reader}` reads what `{source}` failed with, but it may not have failed: then there is none"
    else:
        gone = "which may be missing" if proof.failed else "which may not have run"
        message = f"`{reader}` reads the result of `{source}`, {gone}: {proof.why}"
    others = tuple(Label(one.span, "and here") for one in reads if one.span != read.span)
    shown = () if proof.place == read.span else (Label(proof.place, f"{proof.why}"),)
    return RULE.finding(
        message,
        read.span,
        note="not there on this path",
        labels=(*shown, *others),
        advice=_advice(read),
        fixes=_fixes(context, read, reads),
        witness=witness(context.workflow, proof.path),
        severity=severity,
    )


def _advice(read: ResultRead) -> str:
    if read.of_own_body and read.site.attribute == "while":
        return "test it after the round with `until`, or say what holds before the first: `| default(true)`"
    if read.template is None:
        return f"look first: `if steps.{read.source.name}.{RESULT} then`"
    if read.part == ERROR:
        return '`failure.error` is the error that a handler handles; or say what to take: `| default("")`'
    return (
        f"say what to take then with `| default(...)`, or let `{read.reader.name}` run only after `{read.source.name}`"
    )


def _fixes(context: Context, read: ResultRead, reads: list[ResultRead]) -> tuple[Fix, ...]:
    """A default at each place; a script is for its author."""
    edits = tuple(
        Edit(Span(one.span.end, one.span.end), f" | default({_default(context, one)})")
        for one in reads
        if one.template is not None
    )
    if not edits or read.template is None:
        return ()
    return (Fix(f"add `| default({_default(context, read)})`", Safety.UNSAFE, edits),)


def _default(context: Context, read: ResultRead) -> str:
    """What stands for nothing there: a condition needs true or false, and text shows null as `null`."""
    template, site = read.template, read.site
    assert template is not None, "only a template takes a default"
    alone = read.span == _stripped(template)
    if alone and (site.sort == "case" or site.attribute in ("when", "until", "while")):
        return "true" if site.attribute == "while" else "false"
    return '""' if in_text(context.source.text, template) else "null"


def _stripped(template: ast.Template) -> Span:
    text, start = template.expression, template.inner.start
    return Span(start + len(text) - len(text.lstrip()), start + len(text.rstrip()))


RULE = Rule(
    code="HG204",
    name="may-not-have-run",
    severity=Severity.ERROR,
    summary="a step reads the result of one that has not run on some path",
    explanation="""\
A result exists when its step completed (that of a `human` step also when it was denied). On a path on which it was not
reached, was denied, was skipped or failed, a step that reads it without a default stops there, as at a dead edge: it
does not run, although its edges say that it should. The path is printed. It is a warning where the value is only read
under a condition of which nothing is known. `.error` is null unless the step failed, so that reading into it stops the
step, too.

`| default(...)` says what to take when there is none; the parts of an `output` need none, they are null then.
Conditions that look at the same value, or at how the step ended, are taken to be right.""",
    wrong="""\
workflow refund {
  step charge = http GET "https://shop.example.com/charges/1"
  step size = switch after charge {
    case {{ steps.charge.result.body.amount > 500 }} -> ask
    else -> small
  }
  step ask = human approval { title = "Refund it?" }
  step small = set { reason = "below the limit" }
  step note = set after ask, small { text = {{ steps.small.result.reason }} }
}
""",
    right="""\
workflow refund {
  step charge = http GET "https://shop.example.com/charges/1"
  step size = switch after charge {
    case {{ steps.charge.result.body.amount > 500 }} -> ask
    else -> small
  }
  step ask = human approval { title = "Refund it?" }
  step small = set { reason = "below the limit" }
  step note = set after ask, small { text = {{ steps.small.result.reason | default("asked") }} }
}
""",
    check=check,
)
