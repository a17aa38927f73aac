"""HG506: a handler of a failure reads the result that the failed step does not have."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.compiler.inference import STEP_ERROR
from headgate.compiler.references import holder_in
from headgate.diagnostics import Fix, Label, Severity, replace
from headgate.validators.handlers import reads_what_failed
from headgate.validators.result_reads import ResultRead, result_reads
from headgate.validators.rule import Context, Finding, Rule
from headgate.validators.templates import in_text


def check(context: Context) -> Iterator[Finding]:
    for read in result_reads(context.source, context.graph):
        if reads_what_failed(context, read):
            yield _finding(context, read)


def _finding(context: Context, read: ResultRead) -> Finding:
    source, reader = read.source.name, read.reader.name
    holder = holder_in(read.reader, read.source.scope)
    assert holder is not None, "a handler stands beside what it handles, or inside such a step"
    edge = next(edge for edge in holder.control if edge.on == "failed" and edge.source == source)
    return RULE.finding(
        f"`{reader}` runs when `{source}` has failed, so `{source}` has no result; expected `steps.{source}.error`",
        read.span,
        note="never there",
        labels=(Label(edge.span, f"runs only when `{source}` fails"),),
        advice=f"read `steps.{source}.error.message`, or `failure.error` of whatever failed",
        fixes=_fixes(context, read),
    )


def _fixes(context: Context, read: ResultRead) -> tuple[Fix, ...]:
    """The field of the same name where an error has one; else the message in a text, and the whole error elsewhere."""
    if read.template is None:
        return ()
    field = read.segments[3].name if len(read.segments) > 3 else None
    path = f"steps.{read.source.name}.error"
    if field in STEP_ERROR.fields:
        path += f".{field}"
    elif in_text(context.source.text, read.template):
        path += ".message"
    return (replace(f"write `{path}`", read.span, path),)


RULE = Rule(
    code="HG506",
    name="handler-reads-result",
    severity=Severity.ERROR,
    summary="a step that runs when another failed reads the result of that one",
    explanation="""\
A step `after failed x` runs only when `x` has failed, and a failed step has no result: the handler would stop where it
reads it. `steps.x.error` says what went wrong (`code`, `message`, `class`, `provider_status`, `retryable`, `detail`),
and `failure` is the step that failed and its error, also in a catch-all.""",
    wrong="""\
workflow refund {
  step pay = http POST "https://shop.example.com/refunds"
  step alert = set after failed pay { text = "no refund: {{ steps.pay.result.body }}" }
}
""",
    right="""\
workflow refund {
  step pay = http POST "https://shop.example.com/refunds"
  step alert = set after failed pay { text = "no refund: {{ steps.pay.error.message }}" }
}
""",
    check=check,
)
