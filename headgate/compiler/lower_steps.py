"""Steps of the graph as steps of the plan: defaults filled in, facts looked up, edges in one order."""

from __future__ import annotations

from headgate.compiler.effects import Surroundings, effect_of, instance_at
from headgate.compiler.encoding import encode, encode_fields, encode_schema
from headgate.compiler.graph import GraphEdge, Node, Scope
from headgate.compiler.schemas import named
from headgate.compiler.written import Written, of_block
from headgate.grammar import ast
from headgate.plan import Json, JsonObject, PlanBody, PlanEdge, PlanGate, PlanStep, Retry

BACKOFF = (5_000, 60_000, 300_000)
RETRIES = 3
FACTOR = 2.0
HARMLESS = frozenset({"safe", "recoverable"})


def lower_scope(scope: Scope, known: Surroundings) -> dict[str, PlanStep]:
    """The steps of a scope, in an order they can run in."""
    assert len(scope.order) == len(scope.nodes), "a rule has seen that there is no ring"
    return {name: lower_step(scope.nodes[name], known) for name in scope.order}


def starter() -> PlanStep:
    """`$entry`: computes nothing and lets several steps start."""
    return PlanStep(
        name="$entry",
        kind="set",
        title=None,
        owner=None,
        config={},
        edges=(),
        join="all",
        when=None,
        enabled=True,
        retry=Retry(RETRIES, BACKOFF),
        timeout=60_000,
        on_failure=None,
        in_doubt="retry",
        reversibility="safe",
        idempotency_key=None,
        result=None,
        gates=(),
        body=None,
    )


def lower_step(node: Node, known: Surroundings) -> PlanStep:
    """One step and the steps nested in it."""
    written = node.written
    kind = written.kind
    assert kind is not None, "a rule has seen that the kind exists"
    config = _config(node, written, known)
    body = None
    if node.body is not None:
        inner = lower_scope(node.body, known)
        body = PlanBody(inner, tuple(inner))
    effect = effect_of(node, known)
    key = written.get("idempotency_key")
    when, enabled = written.get("when"), written.get("enabled")
    timeout = written.milliseconds("timeout")
    in_doubt = "retry" if effect.repeatable or effect.reversibility in HARMLESS else "hold"
    return PlanStep(
        name=node.name,
        kind=node.kind,
        title=None if "title" in kind.attributes else _text(written, "title"),
        owner=_text(written, "owner"),
        config=config,
        edges=tuple(sorted({_edge(edge) for edge in node.edges}, key=_edge_key)),
        join=node.join,
        when=None if when is None else _template(when),
        enabled=enabled.value if isinstance(enabled, ast.Boolean) else True,
        retry=_retry(written.get("retry")) if kind.retry else Retry(0, ()),
        timeout=kind.timeout_ms if timeout is None else timeout,
        on_failure=written.word("on_failure"),
        in_doubt=written.word("in_doubt") or in_doubt,
        reversibility=effect.reversibility,
        idempotency_key=None if key is None else encode(key),
        result=_result(written, config, known),
        gates=tuple(_gate(gate) for gate in node.step.gates),
        body=body,
    )


def _edge(edge: GraphEdge) -> PlanEdge:
    return PlanEdge(edge.source, edge.on, edge.case, edge.star)


def _edge_key(edge: PlanEdge) -> tuple[str, str, int, bool]:
    """Edges have one order in the plan, whatever their order in the text, which the layout owns."""
    return (edge.source, edge.on, -1 if edge.case is None else edge.case, edge.star)


def _text(written: Written, name: str) -> str | None:
    value = written.get(name)
    return value.plain or _template(value) if isinstance(value, ast.Text) else None


def _template(value: ast.Value) -> str:
    found = encode(value)
    assert isinstance(found, str), "a rule has seen that it is a template or text"
    return found


def _config(node: Node, written: Written, known: Surroundings) -> JsonObject:
    """The kind's attributes by name, each in the plan's form, defaults filled in."""
    kind = written.kind
    assert kind is not None, "a rule has seen that the kind exists"
    config: JsonObject = {}
    for name, attribute in kind.attributes.items():
        value = written.get(name)
        if name in written.common.attributes and name != "title":
            continue
        if isinstance(value, ast.Map) and name == "fields":
            config[name] = encode_fields(value)
        elif value is not None:
            config[name] = encode(value, attribute.schema)
        elif isinstance(attribute.default, str | int | float | bool):
            config[name] = attribute.default
    if kind.rest is not None:
        for name, said in written.attributes.items():
            if name not in kind.attributes and name not in written.common.attributes:
                config[name] = encode(said.value, kind.rest.schema)
    if "case" in kind.blocks:
        config |= _cases(node.step)
    if node.kind == "mcp" and "instance" not in config:
        instance = instance_at(written.word("server_url"), known.workspace)
        config |= {} if instance is None else {"instance": instance}
    return config


def _cases(step: ast.Step) -> JsonObject:
    cases: list[Json] = []
    otherwise: str | None = None
    for case in step.cases:
        if case.condition is None:
            otherwise = case.target.text if otherwise is None else otherwise
        else:
            cases.append({"when": _template(case.condition), "to": case.target.text})
    return {"cases": cases, "else": otherwise}


def _retry(value: ast.Value | None) -> Retry:
    """How often and when: `3`, `{ max, backoff }`, or `{ max, first, factor, ceiling }` written out."""
    if value is None:
        return Retry(RETRIES, BACKOFF)
    if isinstance(value, ast.Number):
        most = int(value.value)
        return Retry(most, BACKOFF if most else ())
    assert isinstance(value, ast.Map), "a rule has seen that it is a number or a map"
    facts = {entry.key.text: entry.value for entry in value.entries}
    most = int(_amount(facts["max"]))
    if not most:
        return Retry(0, ())
    backoff = facts.get("backoff")
    if isinstance(backoff, ast.List):
        return Retry(most, tuple(int(_amount(item)) for item in backoff.items))
    if not facts.keys() & {"first", "factor", "ceiling"}:
        return Retry(most, BACKOFF)
    wait = _amount(facts["first"]) if "first" in facts else BACKOFF[0]
    factor = _amount(facts["factor"]) if "factor" in facts else FACTOR
    ceiling = _amount(facts["ceiling"]) if "ceiling" in facts else BACKOFF[-1]
    waits: list[int] = []
    for _ in range(most):
        waits.append(round(min(wait, ceiling)))
        if wait >= ceiling or factor == 1:
            break
        wait *= factor
    return Retry(most, tuple(waits))


def _amount(value: ast.Value) -> float:
    if isinstance(value, ast.Duration):
        return value.milliseconds
    assert isinstance(value, ast.Number), "a rule has seen that it is a number or a duration"
    return value.value


def _gate(gate: ast.Gate) -> PlanGate:
    written = of_block("gate", gate.attributes)
    kind = gate.kind.text
    default = written.common.attributes["expires"].default
    expires = written.milliseconds("expires")
    assert isinstance(default, int), "a gate's expiry has a default in ms"
    ask = written.get("ask")
    when = gate.position.text if gate.position is not None else "after" if kind == "review" else "before"
    return PlanGate(
        kind=kind,
        when=when,
        ask=None if ask is None else encode(ask),
        assignees=_names(written, "assignees"),
        expires=default if expires is None else expires,
        on_expiry=written.word("on_expiry") or "deny",
        escalate_to=_names(written, "escalate_to"),
        channel=written.word("channel") or "inbox",
    )


def _names(written: Written, name: str) -> Json:
    value = written.get(name)
    return [] if value is None else encode(value)


def _result(written: Written, config: JsonObject, known: Surroundings) -> JsonObject | None:
    """What a result must look like: as the step says, and as the tool's locked schema says."""
    value = written.get("result")
    said = None if value is None else encode_schema(value)
    locked = None
    if "tool" in config and known.lock is not None:
        tool = known.lock.instances.get(str(config.get("instance")), {}).get(str(config["tool"]))
        locked = None if tool is None else tool.output_schema
    if said is None or locked is None:
        return locked if said is None else said
    return {
        "allOf": [named(said, "result"), {"$id": f"urn:headgate:lock:{config['instance']}.{config['tool']}", **locked}]
    }
