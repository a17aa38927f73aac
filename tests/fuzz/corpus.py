"""The inputs that the fuzzer found interesting: one JSON text a line, its characters standing for bytes."""

from __future__ import annotations

import json
from pathlib import Path

FOLDER = Path(__file__).parent / "corpus"
MOST = 1200
WORDS = (
    *("workflow w {", "step a = ", "input x: ", "let y = ", "trigger t = ", "output {", "gate approval", "gate review"),
    *(" after ", " failed ", " denied ", " finished ", "case ", "else -> ", " -> ", " as item ", "set {", "switch {"),
    *("mcp stripe.get_charge", "mcp stripe.create_refund", "http POST ", "lua ```lua", "```", "each {{ ", "repeat {"),
    *("human approval", "llm fast", "agent triage", "delay 3d", "wait ", "call w", "memory put", "fail ", "finish"),
    *("{{ steps.a.result", "{{ inputs.x", " }}", "previous.a", "iteration", "index", "secrets.TOKEN", "trigger.body"),
    *(" | default(", " | omit", " | length", " is defined", " and ", " not in ", " if ", " == ", "null", "true"),
    *("webhook", "schedule ", "0 2 * * *", "poll ", "event ", "timezone = ", "Europe/Berlin", "retry = 3"),
    *(
        "until = ",
        "max = 3",
        "while = ",
        "on_failure = continue",
        "on_expiry = proceed",
        "reversibility = irreversible",
    ),
    *("join = any", "when = ", "enabled = false", "idempotency_key = ", "timeout = 5s", "expires = 1h", "args = {"),
    *("# headgate: ignore[HG503] why", "list<string>", "enum(", "result = ", "schema = ", "steps.a.result.items"),
    *(
        "[instances.stripe]",
        "server_url = ",
        "command = [",
        "connection = ",
        "[environments.prod",
        "[limits]",
        "[check]",
    ),
    *("inputSchema", "outputSchema", "annotations", "properties", "required", "anyOf", "$ref", "#/$defs/a", "enum"),
    *('\\"steps\\":', '\\"id\\":', '\\"type\\":', "mcp_call", "llm_call", "agent_call", "human_task", "lua_script"),
    *(
        "for_each",
        "while",
        "workflow_call",
        "depends_on",
        "enabled",
        "retry_count",
        "timeout_s",
        "tool_name",
        "tool_args",
    ),
    *(
        "tool_args",
        "server_url",
        "instance_id",
        "model_ref",
        "llm_params",
        "task_type",
        "task_payload",
        "for_each_items",
    ),
    *("for_each_body_steps", "for_each_max_parallel", "for_each_error_policy", "while_mode", "while_condition"),
    *("while_eval_script", "while_max_iterations", "while_body_steps", "condition", "{{input.x}}", "{{item}}"),
    *("{{foreach.index}}", "{{body.a.f}}", "{{while.prev.a.f}}", '{{a | b | \\"c\\"}}', "| omit"),
)


def load(target: str) -> list[bytes]:
    """The corpus of a target; empty when there is none."""
    path = FOLDER / f"{target}.jsonl"
    if not path.exists():
        return []
    return [json.loads(line).encode("latin-1") for line in path.read_text(encoding="utf-8").splitlines()]


def save(target: str, contents: list[bytes]) -> None:
    """Replace the corpus of a target, the shortest inputs first."""
    FOLDER.mkdir(exist_ok=True)
    chosen = sorted(set(contents), key=lambda content: (len(content), content))[:MOST]
    lines = [json.dumps(content.decode("latin-1")) + "\n" for content in chosen]
    (FOLDER / f"{target}.jsonl").write_text("".join(lines), encoding="utf-8")
