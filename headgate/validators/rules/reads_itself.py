"""HG203: a step that reads itself, or the loop it is in."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.diagnostics import Label, Severity
from headgate.validators.rule import Context, Finding, Rule
from headgate.validators.templates import Read, loops_around, reads, step_reads


def check(context: Context) -> Iterator[Finding]:
    yield from _steps(context)
    yield from _lets(context)


def _lets(context: Context) -> Iterator[Finding]:
    """A `let` whose value needs itself, directly or by way of others; each ring is told once."""
    needs: dict[str, list[Read]] = {let.name.text: [] for let in context.workflow.lets}
    for read in reads(context):
        if read.site.sort == "let" and read.segments[0].name == "vars" and len(read.segments) > 1:
            needs[read.site.attribute].append(read)
    for ring in _rings(needs):
        names = [read.segments[1].name for read in ring]
        way = " -> ".join(f"`{name}`" for name in (names[-1], *names))
        said = f"`let {names[0]}` reads itself" if len(ring) == 1 else f"constants need each other: {way}"
        yield RULE.finding(said, ring[0].place(1), note="has no value yet")


def _rings(needs: dict[str, list[Read]]) -> Iterator[list[Read]]:
    """Rings of reads, each found where a walk along the reads comes back to where it has been; in linear time."""
    done: set[str] = set()
    for root, first in needs.items():
        way: list[tuple[str, Read | None, Iterator[Read]]] = []
        if root not in done:
            way.append((root, None, iter(first)))
        on_way = {root: 0}
        while way:
            name, _, rest = way[-1]
            read = next(rest, None)
            if read is None:
                done.add(name)
                del on_way[name]
                way.pop()
                continue
            target = read.segments[1].name
            if target in on_way:
                reads_on_way = [entered for _, entered, _ in way[on_way[target] + 1 :] if entered is not None]
                yield [*reads_on_way, read]
            elif target in needs and target not in done:
                on_way[target] = len(way)
                way.append((target, read, iter(needs[target])))


def _steps(context: Context) -> Iterator[Finding]:
    for read in step_reads(context):
        node = read.site.node
        if node is None or len(read.segments) == 1 or read.segments[1].number is not None:
            continue
        name = read.segments[1].name
        if read.site.scope is None or read.site.scope.find(name) is None:
            continue
        member = read.segments[2].name if len(read.segments) > 2 else ""
        if name == node.name and member not in read.site.own:
            yield RULE.finding(
                f"step `{name}` reads itself: it has no {_part(member)} before it has run",
                read.place(1),
                note="reads itself",
                advice=_advice(node.kind),
            )
        for loop in loops_around(node.scope):
            if loop.name == name:
                yield RULE.finding(
                    f"step `{node.name}` reads the loop `{name}` around it, which has no {_part(member)} yet",
                    read.place(1),
                    note="still running here",
                    labels=(Label(loop.step.name.span, f"`{name}` is around it"),),
                    advice="read a step of the same round, or `previous.STEP` inside a `repeat`",
                )
                break


def _part(member: str) -> str:
    return {"error": "error", "status": "status of its own", "input": "input of its own"}.get(member, "result")


def _advice(kind: str) -> str:
    if kind == "repeat":
        return "`until` and `while` read the steps inside the loop: `steps.INNER.result`"
    return "name another step, or take the value from where this step takes it"


RULE = Rule(
    code="HG203",
    name="reads-itself",
    severity=Severity.ERROR,
    summary="a step that reads itself, or the loop it is in; a `let` that needs itself",
    explanation="""\
A step's values are evaluated before it runs, so there is nothing of it to read yet; nor is there of a loop while its
steps run. A gate may show the step's `input`, and a gate after it the `result`. Longer rings are HG101.""",
    wrong="""\
workflow order {
  step count = set { n = {{ steps.count.result.n + 1 }} }
}
""",
    right="""\
workflow order {
  step first = set { n = 1 }
  step count = set { n = {{ steps.first.result.n + 1 }} }
}
""",
    check=check,
)
