"""A workflow of the language as a step graph in JSON."""

from __future__ import annotations

from typing import Final

from headgate.compiler.callees import inputs_schema
from headgate.compiler.encoding import encode
from headgate.compiler.written import of_block
from headgate.exchange.export_steps import Exporter, export_steps
from headgate.exchange.finding import Finding
from headgate.exchange.naming import InputNames, Naming
from headgate.grammar import ast
from headgate.plan import JsonObject
from headgate.records import NamedTuple
from headgate.source import Source

SAID: Final = frozenset({"description", "on_failure", "deadline"})


class Exported(NamedTuple):
    """`graph` is the step graph; `findings` say what of the workflow it has no words for."""

    graph: JsonObject
    findings: tuple[Finding, ...]


def export_workflow(workflow: ast.Workflow, source: Source) -> Exported:
    """The step graph that a workflow stands for; its values fit their places, as rules have seen."""
    exporter = Exporter(source)
    graph: JsonObject = {"id": workflow.name.text}
    title = workflow.title.plain if workflow.title is not None else None
    graph["name"] = title or workflow.name.text
    _settings(workflow, exporter, graph)
    names = InputNames()
    for one in workflow.inputs:
        names[one.name.text] = one.name.text
        if one.doc is not None:
            exporter.lose(one.name.span, f"inputs.{one.name.text}", "the doc comment of an input", lost_only=True)
    if workflow.inputs:
        graph["input_schema"] = inputs_schema(workflow)
    for let in workflow.lets:
        exporter.lose(let.name.span, f"vars.{let.name.text}", f"the constant `{let.name.text}`")
    for trigger in workflow.triggers:
        exporter.lose(trigger.name.span, f"triggers.{trigger.name.text}", f"the trigger `{trigger.name.text}`")
    naming = Naming({}, names)
    graph["steps"], seen = export_steps(workflow.steps, exporter, naming, "steps")
    outputs: JsonObject = {}
    for output in workflow.outputs:
        for entry in output.entries:
            place = f"outputs.{entry.key.text}"
            outputs.setdefault(entry.key.text, exporter.value(encode(entry.value), seen, entry.span, place))
    if outputs:
        graph["outputs"] = outputs
    return Exported(graph, tuple(exporter.findings))


def _settings(workflow: ast.Workflow, exporter: Exporter, graph: JsonObject) -> None:
    """What is said of the workflow as a whole."""
    written = of_block("workflow", workflow.attributes)
    description = written.word("description") or workflow.doc
    if description:
        graph["description"] = description
    policy, deadline = written.word("on_failure"), written.milliseconds("deadline")
    if policy is not None:
        graph["on_failure"] = policy
    if deadline is not None:
        graph["timeout_s"] = exporter.seconds(deadline)
    for name, said in written.attributes.items():
        if name not in SAID:
            exporter.lose(said.by_name or said.value.span, name, f"`{name}` of a workflow")
