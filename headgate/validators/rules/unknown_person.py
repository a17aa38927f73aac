"""HG411: a person or group that `[people]` does not know."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.diagnostics import Severity
from headgate.grammar import ast
from headgate.source import Span
from headgate.validators.names import quoted, unresolved
from headgate.validators.rule import Context, Finding, Rule

_ASKED = ("assignees", "escalate_to")


def check(context: Context) -> Iterator[Finding]:
    workspace = context.workspace
    if not workspace.people and "people" not in workspace.declared:
        return
    members = (one for group in workspace.people.values() for one in group)
    people = tuple(dict.fromkeys((*workspace.people, *members)))
    owners = tuple(dict.fromkeys((*people, *workspace.agents)))
    for uses, known in ((_asked(context), people), (_owners(context), owners)):
        for one in unresolved(uses, known, "`[people]`", spelt=quoted):
            yield RULE.finding(
                f"`[people]` of headgate.toml does not know `{one.name}`; {one.expected}",
                one.place,
                note="nobody of that name",
                labels=one.labels,
                advice="add the name to a group of `[people]`, or a group of that name",
                fixes=one.fixes,
            )


def _asked(context: Context) -> Iterator[tuple[str, Span]]:
    """Who is to answer, in approvals and gates; in other kinds these names are data."""
    for block in context.blocks:
        kind = block.written.kind
        if block.sort == "gate" or (block.sort == "step" and kind is not None and kind.name == "human"):
            for attribute in _ASKED:
                value = block.written.get(attribute)
                for item in value.items if isinstance(value, ast.List) else ():
                    if isinstance(item, ast.Text) and item.plain:
                        yield item.plain, item.span


def _owners(context: Context) -> Iterator[tuple[str, Span]]:
    for block in context.blocks:
        value = block.written.get("owner") if block.sort == "step" else None
        if isinstance(value, ast.Text) and value.plain:
            yield value.plain, value.span


RULE = Rule(
    code="HG411",
    name="unknown-person",
    severity=Severity.WARNING,
    summary="an assignee or owner that `[people]` does not know",
    explanation="""\
Where headgate.toml has `[people]`, every assignee, every `escalate_to` and every owner is one of its groups or one of
their members; an owner may also be an agent. A question to a name that nobody has waits until it expires.""",
    wrong="""\
workflow order {
  step ask = human approval { title = "Ship it?", assignees = ["finanse"] }
}
""",
    right="""\
workflow order {
  step ask = human approval { title = "Ship it?", assignees = ["finance"] }
}
""",
    check=check,
    workspace='[people]\nfinance = ["ann", "bob"]\n',
)
