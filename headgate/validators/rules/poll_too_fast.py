"""HG804: a poll below the workspace's least interval."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.diagnostics import Severity, replace
from headgate.grammar import ast
from headgate.validators.rule import Context, Finding, Rule
from headgate.validators.spelling import duration


def check(context: Context) -> Iterator[Finding]:
    least = context.workspace.limits.poll_ms
    for block in context.blocks:
        kind, every = block.written.kind, block.written.get("every")
        if block.sort != "trigger" or kind is None or kind.name != "poll" or not isinstance(every, ast.Duration):
            continue
        if 0 < every.milliseconds < least:
            spelt = duration(least)
            yield RULE.finding(
                f"a poll every `{every.text}` is faster than the least interval `{spelt}`",
                every.span,
                note=f"expected `{spelt}` or more",
                advice="`[limits] poll` in headgate.toml is the least interval",
                fixes=(replace(f"write `{spelt}`", every.span, spelt),),
            )


RULE = Rule(
    code="HG804",
    name="poll-too-fast",
    severity=Severity.ERROR,
    summary="a poll below the workspace's least interval",
    explanation="""\
`[limits] poll` in `headgate.toml` is the least time between two polls (10 s unless written): a faster one loads its
server and trips the safety breaker.""",
    wrong="""\
workflow news {
  trigger fresh = poll "https://shop.example.com/orders" { every = 2s }
  step note = set { seen = {{ trigger.at }} }
}
""",
    right="""\
workflow news {
  trigger fresh = poll "https://shop.example.com/orders" { every = 1m }
  step note = set { seen = {{ trigger.at }} }
}
""",
    check=check,
)
