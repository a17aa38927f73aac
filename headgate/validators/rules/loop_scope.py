"""HG206: a name of a loop used outside it."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.compiler.graph import Node
from headgate.compiler.uses import LOOP_NAMES, item_name
from headgate.diagnostics import Label, Severity
from headgate.validators.rule import Context, Finding, Rule
from headgate.validators.templates import Read, loops_with, reads, step_reads

_NEEDS = {"index": "each", "previous": "repeat", "iteration": "repeat"}


def check(context: Context) -> Iterator[Finding]:
    for read in step_reads(context):
        if len(read.segments) == 1 or read.segments[1].number is not None or read.site.scope is None:
            continue
        name = read.segments[1].name
        loops = loops_with(context.graph, name)
        if loops and read.site.scope.find(name) is None:
            yield _inner_step(read, name, loops[0])
    items = {item_name(step): step for step in reversed(context.steps)}
    for read in reads(context):
        name = read.segments[0].name
        if name in read.site.names:
            continue
        if name in LOOP_NAMES:
            loop = _NEEDS[name]
            other = " (inside `each` the number of the item is `index`)" if name == "iteration" else ""
            yield RULE.finding(
                f"`{name}` is known only inside {'an' if loop == 'each' else 'a'} `{loop}`{other}",
                read.place(0),
                note=f"outside any `{loop}`",
            )
        elif name in items:
            step = items[name]
            yield RULE.finding(
                f"`{name}` is the item of the loop `{step.name.text}`, and known only inside it",
                read.place(0),
                note="outside the loop",
                labels=(Label(step.name.span, "the loop"),),
            )


def _inner_step(read: Read, name: str, loop: Node) -> Finding:
    if loop.kind == "repeat":
        advice = f"outside, read the last round: `steps.{loop.name}.result.last.{name}`"
    else:
        advice = f"outside, read all rounds: `steps.{loop.name}.result.results`, each with `result.{name}`"
    return RULE.finding(
        f"step `{name}` is inside the loop `{loop.name}`, where it has a result for each round",
        read.place(1),
        note="outside the loop",
        labels=(Label(loop.step.name.span, "the loop"),),
        advice=advice,
    )


RULE = Rule(
    code="HG206",
    name="loop-scope",
    severity=Severity.ERROR,
    summary="a step, the item or the counter of a loop, used outside it",
    explanation="""\
The steps of a loop run once for each item or round, so that outside it `steps.inner` means none of them: read
`steps.LOOP.result`. The name after `as`, and `index`, are known in an `each`; `previous` and `iteration` in a
`repeat`.""",
    wrong="""\
workflow greet {
  input names: list<string>
  step all = each {{ inputs.names }} as name {
    step one = set { text = "Hello {{ name }}" }
  }
  output { text = {{ steps.one.result.text }} }
}
""",
    right="""\
workflow greet {
  input names: list<string>
  step all = each {{ inputs.names }} as name {
    step one = set { text = "Hello {{ name }}" }
  }
  output { results = {{ steps.all.result.results }} }
}
""",
    check=check,
)
