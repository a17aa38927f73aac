"""What people who know other tools write here, and what this language says instead."""

from __future__ import annotations

import re
from collections.abc import Collection

from headgate.diagnostics import nearest
from headgate.grammar import ast

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

KINDS: dict[str, str] = {
    **dict.fromkeys(("stop", "end", "exit", "return", "done", "terminate", "succeed", "success"), "finish"),
    **dict.fromkeys(("if", "condition", "branch", "choice", "router", "match", "conditional"), "switch"),
    **dict.fromkeys(("foreach", "for_each", "for", "map", "iterate", "loop", "batch"), "each"),
    **dict.fromkeys(("while", "until", "do_while", "dowhile", "poll"), "repeat"),
    **dict.fromkeys(("sleep", "pause", "timer", "wait_for"), "delay"),
    **dict.fromkeys(("approval", "approve", "review", "form", "task", "manual", "confirm", "input"), "human"),
    **dict.fromkeys(("request", "fetch", "curl", "get", "post", "rest", "api", "webhook"), "http"),
    **dict.fromkeys(("tool", "uses", "action", "plugin", "mcp_tool"), "mcp"),
    **dict.fromkeys(("script", "code", "function", "python", "javascript", "js", "eval"), "lua"),
    **dict.fromkeys(("ai", "chat", "prompt", "model", "gpt", "openai", "completion", "generate"), "llm"),
    **dict.fromkeys(("subflow", "subworkflow", "sub_workflow", "invoke", "run_workflow", "flow"), "call"),
    **dict.fromkeys(("assign", "variable", "variables", "var", "vars", "const", "transform", "pass", "noop"), "set"),
    **dict.fromkeys(("error", "raise", "throw", "abort"), "fail"),
    **dict.fromkeys(("event", "signal", "receive"), "wait"),
}
"""Kinds of other tools, and the kind that does it here."""

NO_SUCH_KIND: dict[str, str] = {
    **dict.fromkeys(
        ("run", "shell", "bash", "sh", "command", "exec"),
        "no step runs shell commands; call a tool of an MCP server with `mcp`, or compute with `lua`",
    ),
    "parallel": "steps without an edge or reference between them run side by side; `parallel` is not needed",
    "sequence": "`after` puts steps one behind the other; `sequence` is not needed",
}

EDGES = frozenset(
    {"depends_on", "dependsOn", "depends", "needs", "requires", "after", "dependencies", "run_after", "runAfter"}
)
"""Attributes of other tools that name the steps before this one."""

FOLLOWERS = frozenset({"next", "then", "goto", "on_success", "before", "to"})
"""Attributes of other tools that name the steps behind this one."""

TRIGGERS: dict[str, str] = {
    **dict.fromkeys(("cron", "timer", "interval", "every", "scheduled", "at"), "schedule"),
    **dict.fromkeys(("hook", "http", "request", "api", "push", "http_request"), "webhook"),
    **dict.fromkeys(("signal", "message", "queue", "topic", "on"), "event"),
    **dict.fromkeys(("polling", "watch", "sensor"), "poll"),
    **dict.fromkeys(("button", "click", "hand", "workflow_dispatch", "dispatch"), "manual"),
}
"""Kinds of triggers of other tools, and the kind that does it here."""

ATTRIBUTES: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "when",
        (
            "if",
            "condition",
            "run_if",
            "only_if",
            "unless",
            "skip_if",
        ),
    ),
    (
        "on_failure",
        (
            "on_error",
            "onError",
            "catch",
            "continue_on_error",
            "error_policy",
        ),
    ),
    (
        "retry",
        (
            "retries",
            "max_retries",
            "retry_policy",
            "max_attempts",
            "attempts",
        ),
    ),
    (
        "timeout",
        (
            "timeout_ms",
            "timeout_seconds",
            "timeout_minutes",
            "time_limit",
        ),
    ),
    (
        "args",
        (
            "with",
            "params",
            "parameters",
            "arguments",
            "input",
            "inputs",
            "args",
        ),
    ),
    (
        "idempotency_key",
        (
            "idempotencyKey",
            "dedupe_key",
        ),
    ),
    (
        "title",
        (
            "name",
            "label",
            "display_name",
        ),
    ),
    (
        "description",
        (
            "desc",
            "comment",
            "note",
            "notes",
            "summary",
        ),
    ),
    (
        "enabled",
        (
            "disabled",
            "skip",
            "active",
        ),
    ),
    (
        "concurrency",
        (
            "max_parallel",
            "parallel",
            "parallelism",
            "max_concurrency",
        ),
    ),
    (
        "over",
        (
            "items",
            "for_each",
            "foreach",
            "in",
            "list",
            "loop",
        ),
    ),
    (
        "as",
        (
            "item",
            "var",
            "as_name",
        ),
    ),
    (
        "max",
        (
            "max_items",
            "max_rounds",
            "max_iterations",
            "times",
            "count",
        ),
    ),
    (
        "result",
        (
            "output_schema",
            "output",
            "outputs",
            "returns",
            "response_schema",
        ),
    ),
    (
        "script",
        (
            "code",
            "source",
            "run",
            "inline",
        ),
    ),
    (
        "method",
        (
            "verb",
            "type",
        ),
    ),
    (
        "url",
        (
            "uri",
            "endpoint",
            "href",
        ),
    ),
    (
        "body",
        (
            "json",
            "data",
            "payload",
        ),
    ),
    (
        "query",
        (
            "params",
            "query_params",
            "qs",
        ),
    ),
    (
        "for",
        (
            "duration",
            "seconds",
            "time",
        ),
    ),
    (
        "instance",
        (
            "server",
            "connector",
            "provider",
        ),
    ),
    (
        "tool",
        (
            "action",
            "function",
            "method",
            "operation",
        ),
    ),
    (
        "server_url",
        (
            "url",
            "serverUrl",
            "server",
        ),
    ),
    (
        "cron",
        (
            "schedule",
            "expression",
        ),
    ),
    (
        "timezone",
        (
            "tz",
            "time_zone",
            "timeZone",
        ),
    ),
    (
        "every",
        (
            "interval",
            "frequency",
            "period",
        ),
    ),
    (
        "ask",
        (
            "message",
            "question",
            "text",
        ),
    ),
    (
        "assignees",
        (
            "approvers",
            "reviewers",
            "assignee",
            "users",
        ),
    ),
    (
        "entry",
        (
            "start",
            "start_at",
            "StartAt",
            "first",
            "entrypoint",
            "entryStepId",
        ),
    ),
    (
        "default",
        (
            "optional",
            "nullable",
        ),
    ),
)
"""Attributes here, and what other tools call them; the first that is known at the place is meant."""

SENTENCES: dict[str, str] = {
    "uses": "an MCP tool is named behind the kind: `step x = mcp INSTANCE.TOOL`",
    "run": "no step runs shell commands; call a tool with `mcp`, or compute with `lua`",
    "env": "a step has no environment; a secret is `{{ secrets.NAME }}` where it is sent",
    "kind": "the kind stands behind the `=`: `step x = http GET ...`",
    "type": "the kind stands behind the `=`: `step x = http GET ...`",
    "id": "the name stands in the header: `step NAME = KIND`",
    "steps": "nested steps are written `step NAME = KIND` in the braces of an `each` or `repeat`",
    "required": "an input without a default is required; `T?` allows null",
    "else": "an `else` is written `else -> STEP`",
    "cases": "a case is written `case {{ condition }} -> STEP`",
}
"""Attributes of other tools that need a sentence."""

TYPES: dict[str, str] = {
    **dict.fromkeys(("str", "text", "String", "varchar", "char", "uuid", "date", "datetime", "email", "url"), "string"),
    **dict.fromkeys(("int", "long", "Integer", "int32", "int64", "uint"), "integer"),
    **dict.fromkeys(("float", "double", "decimal", "num", "Number"), "number"),
    **dict.fromkeys(("bool", "Boolean", "flag"), "boolean"),
    **dict.fromkeys(("dict", "map", "json", "record", "struct", "Object"), "object"),
    **dict.fromkeys(("array", "Array", "List", "tuple", "set", "sequence"), "list"),
    **dict.fromkeys(("unknown", "mixed", "Any"), "any"),
}
"""Types of other languages, and the type that is meant."""

JSON_TYPES: dict[str, str] = {
    **dict.fromkeys(("str", "text", "String"), "string"),
    **dict.fromkeys(("int", "long", "Integer"), "integer"),
    **dict.fromkeys(("float", "double", "decimal"), "number"),
    **dict.fromkeys(("bool", "Boolean"), "boolean"),
    **dict.fromkeys(("dict", "map", "record"), "object"),
    **dict.fromkeys(("list", "tuple", "set"), "array"),
    **dict.fromkeys(("none", "None", "nil"), "null"),
}
"""Types of other languages, and the type of JSON Schema that is meant."""


def meant_by(name: str, known: tuple[str, ...]) -> str | None:
    """The attribute, out of those known at a place, that another tool calls `name`."""
    return next((here for here, theirs in ATTRIBUTES if name in theirs and here in known), None)


def guess(name: str, known: tuple[str, ...]) -> str | None:
    """The attribute that was probably meant by a name that is unknown here."""
    return meant_by(name, known) or nearest(name, known)


def edges_meant(name: str, value: ast.Value, steps: Collection[str]) -> bool:
    """Whether an attribute that may have any name is an edge list of another tool: all that it names are steps."""
    named = list(step_names(value)) if name in EDGES else []
    return bool(named) and all(one in steps for one in named)


def step_names(value: ast.Value) -> tuple[str, ...]:
    """The names in a value, or in the list that it is; none when it holds anything else."""
    items = value.items if isinstance(value, ast.List) else (value,)
    found: list[str] = []
    for item in items:
        name = item.text if isinstance(item, ast.Word) else item.plain if isinstance(item, ast.Text) else None
        if name is None or not _NAME.fullmatch(name):
            return ()
        found.append(name)
    return tuple(found)
