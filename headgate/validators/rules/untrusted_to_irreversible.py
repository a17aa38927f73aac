"""HG703: text from outside, or of a model, that steers what nothing makes good."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.compiler.effects import Effect
from headgate.compiler.graph import Node
from headgate.compiler.label_sources import MODEL_MADE, NO_LOCK, SURE, UNTRUSTED, reviewed
from headgate.compiler.labels import Arrival, Labels
from headgate.diagnostics import Label, Severity
from headgate.records import NamedTuple
from headgate.validators.flows import Given, given, is_approved, labels_of, way
from headgate.validators.rule import Context, Finding, NotChecked, Rule

_NO_ACT = frozenset(
    {"set", "switch", "lua", "delay", "llm", "each", "repeat", "human", "wait", "call", "fail", "finish"}
)
_NO_LOCK = "there is no headgate.lock that says what {} does"
_ADVICE = "`headgate lock` asks the servers for their tools and writes headgate.lock"


class _Hit(NamedTuple):
    given: Given
    arrival: Arrival


def check(context: Context) -> Iterator[Finding]:
    for node, values in given(context).items():
        if node.kind in _NO_ACT or node.step.broken or context.said(node.step).kind is None:
            continue
        effect = context.effect(node)
        if effect.reversibility not in ("irreversible", "unknown") or reviewed(node, before=True):
            continue
        if effect.reversibility == "unknown" and node.kind not in ("mcp", "agent"):
            continue
        hits = list(_hits(context, labels_of(context), node, values))
        if hits:
            yield from _weighed(context, node, effect, hits)


def _hits(context: Context, labels: Labels, node: Node, values: list[Given]) -> Iterator[_Hit]:
    """What of a step's values comes from outside or from a model, and nobody has agreed to."""
    own = context.said(node.step)
    for one in values:
        if one.name in own.common.attributes:
            continue
        for label in (UNTRUSTED, MODEL_MADE):
            for arrival in labels.arrivals(context.graph, one.value, one.site, label):
                if not is_approved(labels, arrival, node):
                    yield _Hit(one, arrival)


def _weighed(context: Context, node: Node, effect: Effect, hits: list[_Hit]) -> Iterator[Finding]:
    hit = min(hits, key=lambda one: one.arrival.flow.origin.doubt)
    doubt = hit.arrival.flow.origin.doubt
    sure = effect.reversibility == "irreversible"
    if not sure and doubt != SURE:
        return
    if doubt == NO_LOCK:
        called = hit.arrival.flow.origin.stop
        yield NotChecked(_NO_LOCK.format(f"`{called}`"), hit.arrival.span, _ADVICE)
    elif not sure and not _described(context, node):
        yield NotChecked(_NO_LOCK.format(f"`{node.name}`"), hit.arrival.span, _ADVICE)
    else:
        yield _finding(node, hit, hits, sure=sure)


def _described(context: Context, node: Node) -> bool:
    """Whether the lock knows a step's tool, though not what it does to the world."""
    said = context.said(node.step)
    if node.kind == "agent":
        agent = context.workspace.agents.get(said.word("agent") or "")
        return context.lock is not None and agent is not None and agent.url is None
    instance, tool = said.word("instance"), said.word("tool")
    return context.lock is not None and tool in context.lock.instances.get(instance or "", {})


def _finding(node: Node, hit: _Hit, hits: list[_Hit], *, sure: bool) -> Finding:
    arrival, origin = hit.arrival, hit.arrival.flow.origin
    certain = sure and origin.doubt == SURE
    if not sure:
        what = f"`{hit.given.said}` of `{node.name}` is {origin.called}, and nobody says whether the tool can be undone"
    elif origin.doubt != SURE:
        what = f"`{node.name}` is irreversible, and `{hit.given.said}` is {origin.called}, which may come from anybody"
    else:
        what = f"`{node.name}` is irreversible, and {origin.called} steers its `{hit.given.said}` without an approval"
    labels = [Label(origin.span, "it comes in here")] if origin.span != arrival.span else []
    labels += [
        Label(span, "and here") for span in dict.fromkeys(one.arrival.span for one in hits) if span != arrival.span
    ]
    return RULE.finding(
        what,
        arrival.span,
        note="anybody may have written this" if origin.label == UNTRUSTED else "a model wrote this",
        labels=tuple(labels),
        advice=_advice(certain=certain, sure=sure),
        witness=way(arrival, node),
        severity=Severity.ERROR if certain else Severity.WARNING,
    )


def _advice(*, certain: bool, sure: bool) -> str:
    if certain:
        return "put `gate approval { ... }` into the step, or give the value a narrow type: a number, an enum, a date"
    if sure:
        return "say under `[instances.NAME.tools.TOOL]` whether the tool has an `open_world`, or ask for approval"
    return "write `reversibility` into the step or under `[instances.NAME.tools.TOOL]`, or ask for approval"


RULE = Rule(
    code="HG703",
    name="untrusted-to-irreversible",
    severity=Severity.ERROR,
    summary="text from a trigger, the web or a model steers an irreversible call without an approval between",
    explanation="""\
What a webhook, an event, a poll or a form brings, what comes from the web, and what a model writes may say anything,
also what an attacker wants it to. When it decides what an irreversible call does, a person should see it first: in a
`gate approval` of the step, or in a `human approval` before it whose question shows the value. A type that leaves no
choice of words clears it, too: a number, a boolean, an `enum`, a date. Inputs of a run by hand are trusted; one that a
trigger fills is not.

Of a tool without `openWorldHint` nobody knows whether its result comes from outside, and of one without annotations
whether it can be undone: then this is a warning. `open_world` and `reversibility` under `[instances.NAME.tools.TOOL]`
say it.""",
    wrong="""\
workflow refund {
  input charge: string
  input order: string
  trigger shop = webhook { inputs = { charge = {{ trigger.body.charge }}, order = {{ trigger.body.order }} } }
  step ask = human approval { title = "Refund {{ inputs.order }}?" }
  step refund = mcp stripe.create_refund after ask {
    args = { charge = {{ inputs.charge }}, order = {{ inputs.order }} }
  }
}
""",
    right="""\
workflow refund {
  input charge: string
  trigger shop = webhook { inputs = { charge = {{ trigger.body.charge }} } }
  step refund = mcp stripe.create_refund {
    args = { charge = {{ inputs.charge }} }
    gate approval { ask = "Refund {{ inputs.charge }}?" }
  }
}
""",
    check=check,
    workspace='[instances.stripe]\nserver_url = "https://mcp.stripe.com"\n',
    lock="""\
{"version": 1, "instances": {"stripe": {"tools": {"create_refund": {
  "inputSchema": {"type": "object"}, "annotations": {"destructiveHint": true}}}}}}""",
)
