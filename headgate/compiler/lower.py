"""Graph to plan: everything the runtime needs and nothing it does not. It asserts what the rules proved."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256

from headgate.compiler.callees import inputs_schema
from headgate.compiler.effects import Surroundings
from headgate.compiler.encoding import encode, encode_fields
from headgate.compiler.graph import Graph, Scope
from headgate.compiler.lower_steps import lower_scope, starter
from headgate.compiler.places import workflow_templates
from headgate.compiler.requirements import requirements
from headgate.compiler.written import Written, of_block, of_trigger
from headgate.grammar import ast
from headgate.plan import ENTRY, Json, JsonObject, Plan, PlanEdge, PlanStep, Policies, with_digest
from headgate.source import Source
from headgate.workspace import Lock, Workspace


def lower(
    graph: Graph, source: Source, workspace: Workspace, lock: Lock | None, graphs: Mapping[str, Graph] | None = None
) -> Plan:
    """The plan of a workflow that the gate has passed, its digest filled in.

    `graphs` are the workflows of the same file by name, for what a `call` of one of them may do. The workspace and the
    lock give facts about tools; nothing of an environment enters the plan. Raises AssertionError for a workflow that
    the gate would not pass.
    """
    workflow = graph.workflow
    known = Surroundings(workspace, lock, graphs or {})
    assert graph.entry is not None, "a rule has seen that a step can start the run"
    steps = lower_scope(graph.scope, known)
    if graph.entry == ENTRY:
        for name in graph.scope.roots:
            steps[name] = steps[name]._replace(edges=(PlanEdge(ENTRY, "completed"),))
        steps = {ENTRY: starter(), **steps}
    triggers: JsonObject = {trigger.name.text: _trigger(trigger) for trigger in workflow.triggers}
    written = of_block("workflow", workflow.attributes)
    return with_digest(
        Plan(
            workflow=workflow.name.text,
            title=None if workflow.title is None else workflow.title.plain,
            digest="",
            entry=graph.entry,
            inputs=inputs_schema(workflow),
            vars={let.name.text: encode(let.value) for let in workflow.lets},
            triggers=triggers,
            policies=_policies(written, steps),
            requires=requirements(steps, triggers, workflow_templates(workflow)),
            steps=steps,
            order=tuple(steps),
            outputs=_outputs(workflow),
            source=_source(graph, source),
        )
    )


def _outputs(workflow: ast.Workflow) -> JsonObject:
    return {entry.key.text: encode(entry.value) for output in workflow.outputs for entry in output.entries}


def _trigger(trigger: ast.Trigger) -> JsonObject:
    written = of_trigger(trigger)
    assert written.kind is not None, "a rule has seen that the trigger's kind exists"
    config: JsonObject = {}
    for name, attribute in written.kind.attributes.items():
        value = written.get(name)
        if isinstance(value, ast.Map) and name == "fields":
            config[name] = encode_fields(value)
        elif value is not None:
            config[name] = encode(value, attribute.schema)
        elif attribute.default is not None:
            config[name] = _default(attribute.default)
    enabled = written.get("enabled")
    inputs, when = written.get("inputs"), written.get("when")
    return {
        "kind": trigger.kind.text,
        "config": config,
        "inputs": None if inputs is None else encode(inputs),
        "when": None if when is None else encode(when),
        "enabled": enabled.value if isinstance(enabled, ast.Boolean) else True,
    }


def _default(value: object) -> Json:
    assert isinstance(value, str | int | bool), "defaults in the kinds' files are plain"
    return value


def _policies(written: Written, steps: Mapping[str, PlanStep]) -> Policies:
    common = written.common.attributes
    timeout = written.milliseconds("timeout")
    default = common["timeout"].default
    assert isinstance(default, int), "the workflow's timeout has a default in ms"
    reconnect = written.get("resume_on_reconnect")
    return Policies(
        on_failure=written.word("on_failure") or "fail",
        timeout=default if timeout is None else timeout,
        deadline=written.milliseconds("deadline"),
        throughput=_table(written, "throughput"),
        concurrency=_table(written, "concurrency"),
        resume_on_reconnect=reconnect.value if isinstance(reconnect, ast.Boolean) else _has_agent(steps),
    )


def _table(written: Written, name: str) -> JsonObject | None:
    value = written.get(name)
    found = None if value is None else encode(value, written.common.attributes[name].schema)
    assert found is None or isinstance(found, dict), "a rule has seen that it is a map"
    return found


def _has_agent(steps: Mapping[str, PlanStep]) -> bool:
    return any(step.kind == "agent" or (step.body and _has_agent(step.body.steps)) for step in steps.values())


def _source(graph: Graph, source: Source) -> JsonObject:
    spans: JsonObject = {}
    _spans(graph.scope, source, "", spans)
    text = sha256(source.text.encode("utf-8", "surrogatepass")).hexdigest()
    return {"path": source.path, "digest": f"sha256:{text}", "spans": spans}


def _spans(scope: Scope, source: Source, prefix: str, found: JsonObject) -> None:
    for node in scope.nodes.values():
        start, end = source.position(node.step.span.start), source.position(node.step.span.end)
        found[prefix + node.name] = {
            "start": {"line": start.line, "column": start.column},
            "end": {"line": end.line, "column": end.column},
        }
        if node.body is not None:
            _spans(node.body, source, f"{prefix}{node.name}.", found)
