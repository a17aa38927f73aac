"""Every value of a workflow against the schema of its place: facts that several rules report, found once."""

from __future__ import annotations

import re
from collections.abc import Iterator

from headgate import kinds
from headgate.compiler.schemas import schema_of
from headgate.compiler.values import locate, neutral
from headgate.compiler.written import Written, of_block, of_trigger
from headgate.grammar import ast
from headgate.kinds import Attribute, Fault, Schema
from headgate.records import NamedTuple
from headgate.source import Span

_FREE = Attribute("", {"template": True}, {}, required=False)


class Block(NamedTuple):
    """Something with attributes: a workflow, an input, a trigger, a step or a gate.

    `sort` says what it is ("step", "gate", ...), `called` names it for a sentence ("an `http` step"); `place` is where
    its kind or its name stands. `step` is the step it is or belongs to, if any. `broken`: an item inside did not parse,
    so nothing may be said to be missing.
    """

    sort: str
    called: str
    place: Span
    written: Written
    step: ast.Step | None = None
    broken: bool = False


class ValueFault(NamedTuple):
    """One thing wrong with one value. `name` is the attribute, input, `let` or output that holds it."""

    name: str
    value: ast.Value
    fault: Fault

    @property
    def span(self) -> Span:
        """The place of what is wrong inside the value."""
        return locate(self.value, self.fault.path)

    @property
    def said(self) -> str:
        """The sentence: the path to the value, then what it was expected to be."""
        path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in self.fault.path)
        return f"`{self.name}{path}` {self.fault.message}"


def blocks(workflow: ast.Workflow, steps: tuple[tuple[ast.Step, Written], ...]) -> tuple[Block, ...]:
    """All blocks of a workflow, in the order of the file for each sort."""
    head = workflow.name.span
    found = [
        Block("workflow", "a workflow", head, of_block("workflow", workflow.attributes), None, broken=workflow.broken)
    ]
    found += [
        Block("input", "an input", one.name.span, of_block("input", one.attributes), None, broken=one.broken)
        for one in workflow.inputs
    ]
    found += [
        Block("trigger", _called(one.kind.text, "trigger"), one.kind.span, of_trigger(one), None, broken=one.broken)
        for one in workflow.triggers
    ]
    for step, said in steps:
        found.append(Block("step", _called(step.kind.text, "step"), step.kind.span, said, step, broken=step.broken))
        found += [
            Block("gate", "a gate", gate.kind.span, of_block("gate", gate.attributes), step, broken=gate.broken)
            for gate in step.gates
        ]
    return tuple(found)


def value_faults(workflow: ast.Workflow, all_blocks: tuple[Block, ...]) -> tuple[ValueFault, ...]:
    """Everything wrong with the values of a workflow. Attributes that nobody knows are left to HG005."""
    found: list[ValueFault] = []
    for block in all_blocks:
        written = block.written
        if written.kind is None:
            continue  # HG006 says it; what its attributes mean is not known
        for said in (*written.attributes.values(), *written.repeated):
            attribute = written.known(said.name)
            if attribute is not None:
                found += _faults(said.name, said.value, attribute)
    for one in workflow.inputs:
        if one.default is not None and not _unknown_names(one.type):
            schema: Schema = {**schema_of(one.type), **_bounds(one)}
            found += _faults(one.name.text, one.default, Attribute(one.name.text, schema, schema, required=False))
    for let in workflow.lets:
        found += _faults(let.name.text, let.value, _FREE)
    for output in workflow.outputs:
        for entry in output.entries:
            found += _faults(entry.key.text, entry.value, _FREE)
    return tuple(found)


def values(workflow: ast.Workflow, all_blocks: tuple[Block, ...]) -> Iterator[ast.Value]:
    """Every value of a workflow, outermost ones only: of attributes, defaults, `let`s and outputs."""
    for block in all_blocks:
        for said in (*block.written.attributes.values(), *block.written.repeated):
            yield said.value
        yield from block.written.surplus
    yield from (one.default for one in workflow.inputs if one.default is not None)
    yield from (let.value for let in workflow.lets)
    for output in workflow.outputs:
        yield from (entry.value for entry in output.entries)


def _bounds(one: ast.Input) -> Schema:
    """What the attributes of an input say about its values, where they say it rightly."""
    found: Schema = {}
    for attribute in one.attributes:
        name, value = attribute.name.text, neutral(attribute.value)
        if (name in ("minimum", "maximum") and isinstance(value, int | float)) or (
            name == "pattern" and isinstance(value, str) and regex_fault(value) is None
        ):
            found[name] = value
    return found


def regex_fault(pattern: str) -> str | None:
    """Why a regular expression cannot be used, None when it can."""
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        return str(error)
    return None


def _faults(name: str, value: ast.Value, attribute: Attribute) -> Iterator[ValueFault]:
    for fault in attribute.faults(neutral(value)):
        yield ValueFault(name, value, fault)


def _unknown_names(type_: ast.TypeRef) -> bool:
    return type_.name.text not in kinds.TYPES or any(_unknown_names(argument) for argument in type_.arguments)


def _called(kind: str, sort: str) -> str:
    return f"{'an' if kind[:1] in 'aeio' or kind in ('http', 'mcp', 'llm') else 'a'} `{kind}` {sort}"
