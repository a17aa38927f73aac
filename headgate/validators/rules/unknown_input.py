"""HG210: a read of an input that is not declared."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.diagnostics import Severity, replace
from headgate.grammar import ast
from headgate.validators.rule import Context, Finding, Rule
from headgate.validators.scripts import setting_reads
from headgate.validators.templates import reads, suggestion


def check(context: Context) -> Iterator[Finding]:
    declared = tuple(dict.fromkeys(one.name.text for one in context.workflow.inputs))
    lets = {let.name.text for let in context.workflow.lets}
    for read in (*reads(context), *setting_reads(context)):
        if read.segments[0].name != "inputs" or "inputs" not in read.site.names or len(read.segments) == 1:
            continue
        name = read.segments[1].name
        if name in declared or name in context.workflow.lost:
            continue
        said, fixes = suggestion(name, declared, read.place(1))
        if name in lets:
            said, fixes = f"it is a `let`: write `vars.{name}`", (replace("write `vars`", read.place(0), "vars"),)
        elif not declared:
            said = f"write `input {name}: string` into the workflow" if name.isidentifier() else "it has no inputs"
        workflow = context.workflow.name.text
        yield RULE.finding(
            f"workflow `{workflow}` has no input `{name}`; {said}", read.place(1), note="not declared", fixes=fixes
        )
    for block in context.blocks:
        given = block.written.get("inputs") if block.sort == "trigger" else None
        for entry in given.entries if isinstance(given, ast.Map) else ():
            if entry.key.text not in declared and entry.key.text not in context.workflow.lost:
                yield _filled(context, entry.key, declared)


def _filled(context: Context, name: ast.Name, declared: tuple[str, ...]) -> Finding:
    """A trigger fills an input that is not there: its runs could not start."""
    said, fixes = suggestion(name.text, declared, name.span)
    workflow = context.workflow.name.text
    return RULE.finding(
        f"the trigger fills an input that workflow `{workflow}` does not have, `{name.text}`; {said}",
        name.span,
        note="not declared",
        fixes=fixes,
    )


RULE = Rule(
    code="HG210",
    name="unknown-input",
    severity=Severity.ERROR,
    summary="`inputs.X` that is not declared",
    explanation="""\
A workflow's inputs are what it declares with `input NAME: TYPE`; nothing else is ever in `inputs`. What a trigger
brings is in `trigger`, and reaches an input by the trigger's `inputs` map.""",
    wrong="""\
workflow greet {
  input name: string
  step hello = set { text = "Hello {{ inputs.nam }}" }
}
""",
    right="""\
workflow greet {
  input name: string
  step hello = set { text = "Hello {{ inputs.name }}" }
}
""",
    check=check,
)
