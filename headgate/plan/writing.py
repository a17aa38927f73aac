"""A plan as JSON, always in the same bytes."""

from __future__ import annotations

from hashlib import sha256

from headgate.plan.nouns import FORMAT, Json, JsonObject, Plan, PlanEdge, PlanGate, PlanStep, Policies

BESIDE = ("digest", "source")
"""What the digest does not cover: itself, and what layout and comments change."""

_LARGEST = 2**53


def canonical(value: Json) -> bytes:
    """A value as canonical JSON (RFC 8785). Raises ValueError for what JSON cannot hold."""
    import rfc8785

    try:
        return bytes(rfc8785.dumps(value))
    except rfc8785.IntegerDomainError:
        return bytes(rfc8785.dumps(_exact(value)))


def _exact(value: Json) -> Json:
    """The value with ±2^53 as floats: both are exact, the language has them, and RFC 8785 writes them as they are."""
    match value:
        case int() if not isinstance(value, bool) and abs(value) == _LARGEST:
            return float(value)
        case list():
            return [_exact(item) for item in value]
        case dict():
            return {key: _exact(item) for key, item in value.items()}
    return value


def dump(plan: Plan) -> bytes:
    """The plan as canonical JSON in UTF-8."""
    return canonical(to_json(plan))


def with_digest(plan: Plan) -> Plan:
    """The plan with its digest."""
    return plan._replace(digest=digest_of(to_json(plan)))


def digest_of(written: JsonObject) -> str:
    """`sha256:` of a plan's canonical JSON without `digest` and `source`."""
    covered: JsonObject = {name: value for name, value in written.items() if name not in BESIDE}
    return digest_of_bytes(canonical(covered))


def digest_of_bytes(content: bytes) -> str:
    return f"sha256:{sha256(content).hexdigest()}"


def to_json(plan: Plan) -> JsonObject:
    """The plan in the words of its format."""
    return {
        "format": FORMAT,
        "workflow": plan.workflow,
        "title": plan.title,
        "digest": plan.digest,
        "entryStepId": plan.entry,
        "inputs": plan.inputs,
        "vars": plan.vars,
        "triggers": plan.triggers,
        "policies": _policies(plan.policies),
        "requires": plan.requires,
        "steps": {name: _step(step) for name, step in plan.steps.items()},
        "order": [*plan.order],
        "outputs": plan.outputs,
        "source": plan.source,
    }


def _policies(policies: Policies) -> JsonObject:
    return {
        "on_failure": policies.on_failure,
        "timeout": policies.timeout,
        "deadline": policies.deadline,
        "throughput": policies.throughput,
        "concurrency": policies.concurrency,
        "resume_on_reconnect": policies.resume_on_reconnect,
    }


def _step(step: PlanStep) -> JsonObject:
    body: JsonObject | None = None
    if step.body is not None:
        body = {"steps": {name: _step(one) for name, one in step.body.steps.items()}, "order": [*step.body.order]}
    return {
        "kind": step.kind,
        "title": step.title,
        "owner": step.owner,
        "config": step.config,
        "edges": [_edge(edge) for edge in step.edges],
        "join": step.join,
        "when": step.when,
        "enabled": step.enabled,
        "retry": {"max": step.retry.max, "backoff": [*step.retry.backoff]},
        "timeout": step.timeout,
        "on_failure": step.on_failure,
        "in_doubt": step.in_doubt,
        "reversibility": step.reversibility,
        "idempotency_key": step.idempotency_key,
        "result": step.result,
        "gates": [_gate(gate) for gate in step.gates],
        "body": body,
    }


def _edge(edge: PlanEdge) -> JsonObject:
    on: Json = {"case": edge.case} if edge.on == "case" else edge.on
    written: JsonObject = {"from": edge.source, "on": on}
    if edge.star:
        written["star"] = True
    return written


def _gate(gate: PlanGate) -> JsonObject:
    return {
        "kind": gate.kind,
        "when": gate.when,
        "ask": gate.ask,
        "assignees": gate.assignees,
        "expires": gate.expires,
        "on_expiry": gate.on_expiry,
        "escalate_to": gate.escalate_to,
        "channel": gate.channel,
    }
