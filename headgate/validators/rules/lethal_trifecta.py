"""HG706: an agent that reads what anybody wrote, reads what is private, and can send it out."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.compiler.effects import tools_named
from headgate.compiler.graph import Node
from headgate.compiler.label_sources import SURE, UNTRUSTED
from headgate.compiler.labels import Arrival
from headgate.diagnostics import Label, Severity
from headgate.validators.flows import given, is_approved, labels_of, way
from headgate.validators.rule import Context, Finding, Rule
from headgate.validators.tool_roles import Roles, roles

_ASKED = frozenset({"input", "instructions"})
_LONGEST = 190


def check(context: Context) -> Iterator[Finding]:
    if not context.workspace.agents:
        return
    for scope in context.graph.scopes:
        for node in scope.nodes.values():
            if node.kind == "agent" and not node.step.broken:
                yield from _agent(context, node)


def _agent(context: Context, node: Node) -> Iterator[Finding]:
    said = context.said(node.step)
    agent = context.workspace.agents.get(said.word("agent") or "")
    if agent is None or agent.url is not None:
        return  # nobody knows the tools of an outside agent
    narrowed = tools_named(said)
    names = [name for name in agent.tools if narrowed is None or name in narrowed]
    found = {name: roles(context.workspace, context.lock, name) for name in names}
    private, sends = _first(found, "private"), _first(found, "sends")
    if private is None or sends is None:
        return
    arrival = _arrival(context, node)
    brings = _first(found, "brings")
    if arrival is not None:
        yield _finding(node, f"reads {arrival.flow.origin.called}", private, sends, arrival)
    elif brings is not None:
        yield _finding(node, f"reads what anybody wrote (`{brings}`)", private, sends, None)


def _first(found: dict[str, Roles], role: str) -> str | None:
    return next((name for name, one in found.items() if getattr(one, role)), None)


def _arrival(context: Context, node: Node) -> Arrival | None:
    """The first text from outside that the agent is given, and that nobody has approved."""
    labels = labels_of(context)
    for one in given(context).get(node, ()):
        if one.name in _ASKED:
            for arrival in labels.arrivals(context.graph, one.value, one.site, UNTRUSTED):
                if arrival.flow.origin.doubt == SURE and not is_approved(labels, arrival, node):
                    return arrival
    return None


def _finding(node: Node, reads: str, private: str, sends: str, arrival: Arrival | None) -> Finding:
    message = f"`{node.name}` {reads}, can read private data (`{private}`) and send it out (`{sends}`)"
    if len(message) > _LONGEST:
        message = f"`{node.name}` reads what anybody wrote, can read private data and send it out"
    labels = () if arrival is None else (Label(arrival.span, "anybody may have written this"),)
    return RULE.finding(
        message,
        node.step.name.span,
        note="a text can tell the agent to hand your data over",
        labels=labels,
        advice=f"split it in two by `tools`, so that no step has both `{private}` and `{sends}`",
        witness=() if arrival is None else way(arrival, node),
    )


RULE = Rule(
    code="HG706",
    name="lethal-trifecta",
    severity=Severity.WARNING,
    summary="one agent with untrusted input, private reads and a tool that sends something out",
    explanation="""\
A model does not tell the text it works on from what it is told to do. An agent that reads what anybody may have written
(a payload, a page, a mail), can read private data and can send something out will sooner or later read a text that
tells it to send the data away. Any two of the three are fine: let one agent read and another send, with a type or a
person between.

What tools do is read from `readOnlyHint` and `openWorldHint` in headgate.lock, from `reversibility` and `open_world` in
headgate.toml, and where nobody says it from their names.""",
    wrong="""\
workflow answer {
  trigger mail = webhook
  step reply = agent helper { input = {{ trigger.body.text }} }
}
""",
    right="""\
workflow answer {
  trigger mail = webhook
  step look = agent helper { input = {{ trigger.body.text }}, tools = [crm.get_customer] }
}
""",
    check=check,
    workspace="""\
[models.small]
base_url = "http://127.0.0.1:8080/v1"
model    = "small"

[instances.crm]
server_url = "https://crm.example.com"

[agents.helper]
model = "small"
tools = ["crm.get_customer", "crm.send_email"]
""",
    lock="""\
{"version": 1, "instances": {"crm": {"tools": {
  "get_customer": {"inputSchema": {"type": "object"}, "annotations": {"readOnlyHint": true, "openWorldHint": false}},
  "send_email": {"inputSchema": {"type": "object"},
    "annotations": {"destructiveHint": false, "openWorldHint": true}}}}}}""",
)
