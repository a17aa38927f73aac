"""What stands inside the values of the tree: other values, texts, templates."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.grammar import ast
from headgate.source import Span


def within(value: ast.Value) -> Iterator[ast.Value]:
    """A value and every value inside it."""
    waiting = [value]
    while waiting:
        inner = waiting.pop()
        yield inner
        if isinstance(inner, ast.List):
            waiting.extend(reversed(inner.items))
        elif isinstance(inner, ast.Map):
            waiting.extend(entry.value for entry in reversed(inner.entries))


def texts_in(value: ast.Value) -> Iterator[ast.Text]:
    """Every quoted text of a value."""
    return (inner for inner in within(value) if isinstance(inner, ast.Text))


def templates_in(value: ast.Value) -> Iterator[ast.Template]:
    """Every template of a value, in the order of the text."""
    for inner in within(value):
        if isinstance(inner, ast.Template):
            yield inner
        elif isinstance(inner, ast.Text):
            yield from (part for part in inner.parts if isinstance(part, ast.Template))


def step_templates(step: ast.Step) -> Iterator[tuple[str, ast.Template]]:
    """Every template of a step without the steps nested in it, each with the attribute it stands in.

    A positional's is given as `""`, a case's condition as `case`, and what stands in a gate as `gate`.
    """
    for positional in step.positionals:
        for template in templates_in(positional):
            yield "", template
    for attribute in step.attributes:
        for template in templates_in(attribute.value):
            yield attribute.name.text, template
    for gate in step.gates:
        for attribute in gate.attributes:
            for template in templates_in(attribute.value):
                yield "gate", template
    for case in step.cases:
        if case.condition is not None:
            yield "case", case.condition


def workflow_templates(workflow: ast.Workflow) -> Iterator[ast.Template]:
    """Every template of a workflow, its steps', triggers' and outputs' included."""
    for attribute in workflow.attributes:
        yield from templates_in(attribute.value)
    for let in workflow.lets:
        yield from templates_in(let.value)
    for trigger in workflow.triggers:
        for positional in trigger.positionals:
            yield from templates_in(positional)
        for attribute in trigger.attributes:
            yield from templates_in(attribute.value)
    for step in workflow.steps:
        yield from nested_templates(step)
    for output in workflow.outputs:
        for entry in output.entries:
            yield from templates_in(entry.value)


def nested_templates(step: ast.Step) -> Iterator[ast.Template]:
    """Every template of a step and of the steps nested in it."""
    for _, template in step_templates(step):
        yield template
    for inner in step.steps:
        yield from nested_templates(inner)


def script_of(step: ast.Step) -> ast.Fence | None:
    """The Lua script of a step, None when it is not `lua` or has none."""
    if step.kind.text != "lua":
        return None
    if step.fence is not None:
        return step.fence
    for attribute in step.attributes:
        if attribute.name.text == "script" and isinstance(attribute.value, ast.Fence):
            return attribute.value
    return None


def script_span(fence: ast.Fence, start: int, end: int) -> Span:
    """The place in the file of a stretch of a fence's text that stands on one line.

    The tree does not hold the white space of blank lines: where a fence has some, the place is the whole fence.
    """
    lines = fence.text.split("\n")
    written = sum(len(line) + fence.indent for line in lines if line) + len(lines)
    length = fence.raw.end - fence.raw.start
    if length not in (written, written + len(lines)):
        return fence.span
    line_end = 1 if length == written else 2
    offset, at = fence.raw.start, 0
    for line in lines:
        if start <= at + len(line):
            offset += fence.indent + start - at
            return Span(offset, offset + end - start)
        offset += (len(line) + fence.indent if line else 0) + line_end
        at += len(line) + 1
    return fence.span
