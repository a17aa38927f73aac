"""HG806: a trigger that leaves a required input without a value."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.diagnostics import Label, Severity, nearest
from headgate.grammar import ast
from headgate.validators.rule import Context, Finding, Rule
from headgate.validators.values import Block

_ASKING = frozenset({"manual", "form"})
"""Kinds of triggers that ask a person for what is missing."""


def check(context: Context) -> Iterator[Finding]:
    required = [one for one in context.workflow.inputs if one.default is None]
    if not required or context.workflow.broken:
        return
    for block in context.blocks:
        kind = block.written.kind
        if block.sort != "trigger" or kind is None or kind.name in _ASKING or block.broken or _is_off(block):
            continue
        filled = _filled(block.written.get("inputs"))
        if filled is None:
            continue
        misspelt = {nearest(name, tuple(one.name.text for one in context.workflow.inputs)) for name in filled}
        missing = [one for one in required if one.name.text not in filled and one.name.text not in misspelt]
        if missing:
            yield _finding(block, kind.name, missing)


def _is_off(block: Block) -> bool:
    value = block.written.get("enabled")
    return isinstance(value, ast.Boolean) and not value.value


def _filled(value: ast.Value | None) -> frozenset[str] | None:
    """The inputs that a trigger fills; None where only a run can tell."""
    if value is None:
        return frozenset()
    return frozenset(entry.key.text for entry in value.entries) if isinstance(value, ast.Map) else None


def _finding(block: Block, kind: str, missing: list[ast.Input]) -> Finding:
    names = [one.name.text for one in missing]
    listed = ", ".join(f"`{name}`" for name in names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
    source = "{{ trigger.at }}" if kind == "schedule" else f"{{{{ trigger.body.{names[0]} }}}}"
    nobody = "nobody is there to ask" if kind == "schedule" else "the run could not start"
    return RULE.finding(
        f"{block.called} leaves the required input{'s'[: len(names) > 1]} {listed} without a value: {nobody}",
        block.place,
        note="no `inputs` for it" if len(names) == 1 else "no `inputs` for them",
        labels=tuple(Label(one.name.span, "required: it has no default") for one in missing),
        advice=f"write `inputs = {{ {names[0]} = {source} }}` into the trigger, or give the input a default",
    )


RULE = Rule(
    code="HG806",
    name="input-without-source",
    severity=Severity.ERROR,
    summary="a trigger that cannot fill a required input",
    explanation="""\
An input without a default must get a value when a run starts; `T?` allows null, and is no default. A person who starts
a run by hand or by a form is asked; an event, a schedule, a poll or a webhook can only fill what its `inputs` take out
of its payload.""",
    wrong="""\
workflow report {
  input region: string
  trigger nightly = schedule "0 6 * * *"
  step write = set { text = "Report for {{ inputs.region }}" }
}
""",
    right="""\
workflow report {
  input region: string
  trigger nightly = schedule "0 6 * * *" { inputs = { region = "north" } }
  step write = set { text = "Report for {{ inputs.region }}" }
}
""",
    check=check,
)
