"""Steps of the language as steps of a JSON graph."""

from __future__ import annotations

from typing import Final

from headgate.compiler.encoding import encode
from headgate.compiler.written import Written, of_step
from headgate.diagnostics import Severity
from headgate.exchange.export_templates import export_expression, export_script, export_text
from headgate.exchange.finding import Finding
from headgate.exchange.foreign_templates import stretches
from headgate.exchange.naming import Naming
from headgate.expressions import literal
from headgate.grammar import ast
from headgate.plan import RAW, Json, JsonObject
from headgate.source import Source, Span

TYPES: Final = {
    "mcp": "mcp_call",
    "llm": "llm_call",
    "agent": "agent_call",
    "human": "human_task",
    "lua": "lua_script",
    "each": "for_each",
    "repeat": "while",
    "call": "workflow_call",
}
MEMBERS: Final = {
    "mcp": {
        "instance": "instance_id",
        "server_url": "server_url",
        "tool": "tool_name",
        "args": "tool_args",
        "idempotency_arg": "idempotency_arg",
    },
    "llm": {"model": "model_ref", "system": "system_prompt", "prompt": "prompt", "schema": "response_schema"},
    "agent": {
        "agent": "agent_id",
        "instructions": "prompt",
        "input": "agent_input",
        "tools": "tools",
        "schema": "response_schema",
        "max_rounds": "max_rounds",
        "max_cost": "max_cost",
    },
    "lua": {"args": "script_args"},
    "each": {"over": "for_each_items", "limit": "for_each_limit", "concurrency": "for_each_max_parallel"},
    "repeat": {"max": "while_max_iterations"},
    "call": {"workflow": "workflow_id", "inputs": "inputs", "detach": "detach"},
    "human": {"kind": "task_type"},
}
"""Attributes of each kind, and the members that say the same."""

PARAMETERS: Final = frozenset({"temperature", "max_tokens"})
PAYLOAD: Final = ("title", "body", "assignees", "escalate_to", "on_expiry", "channel")
POLICIES: Final = {"fail": "fail_fast", "continue": "continue", "pause": "pause"}
OWN: Final = ("owner", "on_failure", "reversibility", "in_doubt", "join", "idempotency_key")
"""Attributes of every step that only Headgate reads: other products will not know them."""


class Exporter:
    """The findings of one export."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.findings: list[Finding] = []

    def lose(self, span: Span, path: str, what: str, *, lost_only: bool = False) -> None:
        """Say that a step graph has no word for something; `lost_only` where the plan stays the same without it."""
        severity = Severity.NOTE if lost_only else Severity.ERROR
        self._say(severity, span, path, f"a step graph has no word for {what}; it is left out")

    def own(self, span: Span, path: str, name: str) -> None:
        """Say that only Headgate will read a member."""
        self._say(Severity.NOTE, span, path, f"only Headgate reads `{name}` of a step; others leave it out")

    def refuse(self, span: Span, path: str) -> None:
        """Say that a template would not come back as it is."""
        self._say(Severity.ERROR, span, path, "this would be read as another expression; it is written as it stands")

    def _say(self, severity: Severity, span: Span, path: str, message: str) -> None:
        where = self.source.position(span.start)
        self.findings.append(Finding(severity, path, where.line, where.column, message))

    def value(self, value: Json, naming: Naming, span: Span, path: str) -> Json:
        """A value of the plan as a graph writes it."""
        match value:
            case str():
                found = export_text(value, naming)
                if found is None:
                    self.refuse(span, path)
                return value if found is None else found
            case list():
                return [self.value(one, naming, span, f"{path}[{index}]") for index, one in enumerate(value)]
            case dict() if set(value) == {RAW}:
                return self._raw(value[RAW], span, path)
            case dict():
                return {name: self.value(one, naming, span, f"{path}.{name}") for name, one in value.items()}
            case _:
                return value

    def _raw(self, value: Json, span: Span, path: str) -> Json:
        """A value that holds no template although it looks so: only a template can say a text with braces."""
        if isinstance(value, str) and all(inside is None for _, inside in stretches(value)):
            return value
        if isinstance(value, str):
            message = "a step graph would read `{{ }}` in this text as a template; it becomes one that gives the text"
            self._say(Severity.ERROR, span, path, message)
            return literal(value)
        if isinstance(value, list):
            return [self._raw(one, span, path) if _has_braces(one) else one for one in value]
        if isinstance(value, dict):
            return {name: self._raw(one, span, path) if _has_braces(one) else one for name, one in value.items()}
        return value

    @staticmethod
    def seconds(milliseconds: int) -> Json:
        """Milliseconds as seconds."""
        return milliseconds // 1000 if milliseconds % 1000 == 0 else milliseconds / 1000


def export_steps(
    steps: tuple[ast.Step, ...], exporter: Exporter, outer: Naming, path: str
) -> tuple[list[Json], Naming]:
    """The steps of one level, and what may be read behind them."""
    own = {step.name.text: step.name.text for step in steps}
    naming = outer._replace(steps={**outer.steps, **own})
    return [_Step(step, exporter, naming, f"{path}.{step.name.text}").export() for step in steps], naming


def _has_braces(value: Json) -> bool:
    if isinstance(value, str):
        return "{{" in value
    inner = value if isinstance(value, list) else value.values() if isinstance(value, dict) else ()
    return any(_has_braces(one) for one in inner)


class _Step:
    """One step on its way; `done` are the attributes that were said."""

    def __init__(self, step: ast.Step, exporter: Exporter, naming: Naming, path: str) -> None:
        self.step = step
        self.exporter = exporter
        self.naming = naming
        self.path = path
        self.written: Written = of_step(step)
        self.done: set[str] = set()
        self.kind = step.kind.text

    def export(self) -> JsonObject:
        """The step as JSON; what it cannot say is a finding."""
        found: JsonObject = {"id": self.step.name.text, "type": TYPES.get(self.kind, self.kind)}
        self._common(found)
        if self.kind not in TYPES:
            self.exporter.lose(self.step.kind.span, self.path, f"a step of the kind `{self.kind}`")
            return found | {name: self._value(name) for name in self.written.attributes if name not in self.done}
        for name, member in MEMBERS[self.kind].items():
            if name in self.written.attributes:
                found[member] = self._value(name)
        match self.kind:
            case "llm":
                parameters: JsonObject = {
                    name: self._value(name) for name in self.written.attributes if name in PARAMETERS
                }
                found |= {"llm_params": parameters} if parameters else {}
            case "human":
                self._human(found)
            case "lua":
                self._script(found)
            case "each":
                self._each(found)
            case "repeat":
                self._repeat(found)
        self._rest()
        return found

    def _value(self, name: str) -> Json:
        said = self.written.attributes[name]
        self.done.add(name)
        known = self.written.known(name)
        encoded = encode(said.value) if known is None else encode(said.value, known.schema)
        if known is not None and known.format in ("type", "schema"):
            return encoded[RAW] if isinstance(encoded, dict) and set(encoded) == {RAW} else encoded
        return self.exporter.value(encoded, self.naming, said.value.span, f"{self.path}.{name}")

    def _condition(self, name: str, naming: Naming) -> Json:
        """A condition as a template, or as what it is."""
        said = self.written.attributes[name]
        self.done.add(name)
        if not isinstance(said.value, ast.Template):
            return self.exporter.value(encode(said.value), naming, said.value.span, f"{self.path}.{name}")
        inside = export_expression(said.value.expression, naming)
        if inside is None:
            self.exporter.refuse(said.value.span, f"{self.path}.{name}")
            inside = said.value.expression.strip()
        return f"{{{{{inside}}}}}"

    def _common(self, found: JsonObject) -> None:
        """What any step may have."""
        written, step = self.written, self.step
        if "title" in written.attributes and self.kind != "human":
            found["name"] = self._value("title")
        description = written.word("description") or step.doc
        self.done.add("description")
        if description:
            found["description"] = description
        plain = [edge.target.text for edge in step.edges if edge.on == "completed"]
        if plain:
            found["depends_on"] = [*plain]
        for edge in step.edges:
            if edge.on != "completed":
                self.exporter.lose(edge.span, self.path, f"`after {edge.on} {edge.target.text}`")
        if "when" in written.attributes:
            found["condition"] = self._condition("when", self.naming)
        enabled = written.get("enabled")
        self.done.add("enabled")
        if isinstance(enabled, ast.Boolean) and not enabled.value:
            found["enabled"] = False
        self._times(found)
        for name in OWN:
            if name in written.attributes:
                found[name] = self._value(name)
                self.exporter.own(written.attributes[name].value.span, f"{self.path}.{name}", name)

    def _times(self, found: JsonObject) -> None:
        retry, timeout = self.written.get("retry"), self.written.milliseconds("timeout")
        if isinstance(retry, ast.Number) and TYPES.get(self.kind) not in (None, "human_task", "for_each", "while"):
            found["retry_count"] = int(retry.value)
            self.done.add("retry")
        if timeout is not None and self.kind != "human":
            found["timeout_s"] = self.exporter.seconds(timeout)
            self.done.add("timeout")

    def _human(self, found: JsonObject) -> None:
        payload: JsonObject = {name: self._value(name) for name in PAYLOAD if name in self.written.attributes}
        fields = self.written.get("fields")
        if isinstance(fields, ast.Map):
            self.done.add("fields")
            payload["fields"] = {entry.key.text: _field(entry.value) for entry in fields.entries}
        found["task_payload"] = payload
        expires = self.written.milliseconds("expires")
        if expires is not None:
            self.done.add("expires")
            found["timeout_s"] = self.exporter.seconds(expires)

    def _script(self, found: JsonObject) -> None:
        script = self.written.get("script")
        content = (
            script.text if isinstance(script, ast.Fence) else script.plain if isinstance(script, ast.Text) else None
        )
        if script is None or content is None:
            return
        self.done.add("script")
        said = export_script(content, self.naming)
        if said is None:
            self.exporter.refuse(script.span, f"{self.path}.script")
        found["script"] = content if said is None else said

    def _each(self, found: JsonObject) -> None:
        name, policy = self.written.word("as") or "item", self.written.word("on_item_failure")
        self.done |= {"as", "on_item_failure"}
        if name != "item":
            found["for_each_as"] = name
        if policy is not None:
            found["for_each_error_policy"] = POLICIES.get(policy, policy)
        inside = self.naming._replace(item=name, items=self.naming.items | {name})
        found["for_each_body_steps"], _ = export_steps(self.step.steps, self.exporter, inside, self.path)

    def _repeat(self, found: JsonObject) -> None:
        body, inside = export_steps(self.step.steps, self.exporter, self.naming, self.path)
        for name in ("while", "until"):
            if name in self.written.attributes and "while_condition" not in found:
                found["while_mode"] = name
                found["while_condition"] = self._condition(name, inside)
        found["while_body_steps"] = body

    def _rest(self) -> None:
        """What nobody said."""
        for name, said in self.written.attributes.items():
            if name not in self.done:
                place = said.by_name or said.value.span
                self.exporter.lose(place, f"{self.path}.{name}", f"`{name}` of a `{self.kind}` step as it is here")
        for gate in self.step.gates:
            self.exporter.lose(
                gate.kind.span, f"{self.path}.gate", f"`gate {gate.kind.text}`: put a `human` step before it"
            )


def _field(value: ast.Value) -> Json:
    """A field of a form: its type as JSON Schema, and what else is said of it."""
    if not isinstance(value, ast.Map):
        return _schema(value)
    found: JsonObject = {}
    for entry in value.entries:
        found |= _schema(entry.value) if entry.key.text == "type" else {entry.key.text: encode(entry.value)}
    return found


def _schema(value: ast.Value) -> JsonObject:
    encoded = encode(value, {"format": "type"})
    return encoded if isinstance(encoded, dict) else {}
