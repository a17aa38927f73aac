"""HG407: a call of a workflow that nobody has."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.diagnostics import Fix, Severity, nearest, replace
from headgate.validators.names import written
from headgate.validators.rule import Context, Finding, Rule


def check(context: Context) -> Iterator[Finding]:
    here = {workflow.name.text for workflow in context.file.workflows}
    locked = set(context.lock.workflows) if context.lock else set()
    for block in context.blocks:
        kind, value, name = block.written.kind, block.written.get("workflow"), block.written.word("workflow")
        if kind is None or kind.name != "call" or value is None or not name or name in here or name in locked:
            continue
        beside = context.workflows()
        if name in beside:
            continue
        guess = nearest(name, tuple(sorted(here | locked | set(beside))))
        expected = f"did you mean `{guess}`?" if guess else "expected one of this workspace or of headgate.lock"
        fixes: tuple[Fix, ...] = (replace(f"write `{guess}`", value.span, written(guess)),) if guess else ()
        yield RULE.finding(
            f"workflow not resolved: `{name}`; {expected}",
            value.span,
            note="no such workflow",
            advice="`headgate lock` writes down the published workflows that this one calls",
            fixes=fixes,
        )


RULE = Rule(
    code="HG407",
    name="unknown-workflow",
    severity=Severity.ERROR,
    summary="a `call` of a workflow that is neither in the workspace nor in the lock",
    explanation="""\
`call NAME` runs another workflow: one of this workspace, or a published one that `headgate.lock` holds the inputs and
outputs of. A name that neither knows would fail when the step is dispatched.""",
    wrong="""\
workflow order {
  step book = call shiping
}

workflow shipping {
  step pack = set { box = 1 }
}
""",
    right="""\
workflow order {
  step book = call shipping
}

workflow shipping {
  step pack = set { box = 1 }
}
""",
    check=check,
)
