"""HG702: a secret that goes where it is kept, shown, or known to somebody else."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.compiler.cells import SECRET, Cell
from headgate.compiler.graph import Node
from headgate.compiler.label_sources import is_secret
from headgate.compiler.labels import Arrival
from headgate.compiler.uses import sites
from headgate.diagnostics import Label, Severity
from headgate.records import NamedTuple
from headgate.source import Span
from headgate.validators.addresses import host, host_in, owner, same_owner
from headgate.validators.flows import Given, given, labels_of, way
from headgate.validators.rule import Context, Finding, Rule

_PROMPTS = {"llm": frozenset({"prompt", "system"}), "agent": frozenset({"input", "instructions"})}
_SHOWN = {
    "human": frozenset({"title", "body"}),
    "fail": frozenset({"message", "code"}),
    "memory": frozenset({"text", "query", "namespace"}),
}
_SENT = {"http": frozenset({"url", "headers", "query", "body"}), "mcp": frozenset({"args"})}


class _Leak(NamedTuple):
    """Where a secret goes that it must not: `where` follows on "goes to"."""

    arrival: Arrival
    where: str
    note: str
    node: Node | None
    labels: tuple[Label, ...] = ()


def check(context: Context) -> Iterator[Finding]:
    if "secret" not in context.source.text:
        return
    said: set[tuple[Span, int]] = set()
    for leak in _leaks(context):
        key = (leak.arrival.span, id(leak.node))
        if key not in said:
            said.add(key)
            yield _finding(leak)


def _leaks(context: Context) -> Iterator[_Leak]:
    labels = labels_of(context)
    if not labels.flows(SECRET):
        return
    sent: dict[Cell, list[tuple[str, Arrival]]] = {}
    for node, values in given(context).items():
        receiver = _receiver(context, node)
        for one in values:
            for arrival in labels.arrivals(context.graph, one.value, one.site, SECRET):
                found = _inside(context, node, one)
                if found is not None:
                    yield _Leak(arrival, *found, node)
                elif receiver is not None and one.name in _SENT.get(node.kind, ()):
                    sent.setdefault(arrival.flow.origin.cell, []).append((receiver, arrival))
                    yield from _elsewhere(node, receiver, sent[arrival.flow.origin.cell])
    yield from _around(context)


def _inside(context: Context, node: Node, one: Given) -> tuple[str, str] | None:
    """Where an attribute of a step takes a secret that may not go there, and what that means."""
    if one.name in _PROMPTS.get(node.kind, ()):
        return f"the `{one.name}` of `{node.name}`", "the model's provider keeps it, and its answer may hold it"
    if one.name in _SHOWN.get(node.kind, ()) or one.name == "title":
        return f"the `{one.name}` of `{node.name}`", "it is kept with the run, and shown"
    if node.kind == "finish" and one.name == "output":
        return "the output of the run", "whoever asks for the run's output has it"
    child = context.graphs.get(context.said(node.step).word("workflow") or "") if node.kind == "call" else None
    if child is not None and one.name == "inputs":
        taken = next((each for each in child.workflow.inputs if each.name.text == one.entry), None)
        if taken is not None and not is_secret(taken):
            name = child.workflow.name.text
            return (
                f"the input `{one.entry}` of `{name}`, which is not marked `secret`",
                "the run of it shows its inputs",
            )
    return None


def _around(context: Context) -> Iterator[_Leak]:
    """Secrets in gates' questions and in the output of the workflow."""
    labels = labels_of(context)
    for site, value in sites(context.graph):
        if site.sort == "output":
            where, note = f"the output `{site.attribute}`", "whoever asks for the run's output has it"
        elif site.sort == "gate" and site.attribute == "ask" and site.node is not None:
            where, note = f"the question of the gate of `{site.node.name}`", "it is kept with the run, and shown"
        else:
            continue
        for arrival in labels.arrivals(context.graph, value, site, SECRET):
            yield _Leak(arrival, where, note, site.node)


def _receiver(context: Context, node: Node) -> str | None:
    """Who gets what a step sends, by the domain; None where the text does not tell."""
    said = context.said(node.step)
    if node.kind == "http":
        url = said.get("url")
        name = host(url) if url is not None else None
    elif node.kind == "mcp":
        instance = context.workspace.instances.get(said.word("instance") or "")
        address = instance.server_url if instance is not None else said.word("server_url")
        name = host_in(address) if address else None
    else:
        name = None
    return owner(name) if name else None


def _elsewhere(node: Node, receiver: str, sent: list[tuple[str, Arrival]]) -> Iterator[_Leak]:
    """A secret that was sent to another provider before, in the order of the text."""
    first, before = sent[0]
    if not same_owner(receiver, first):
        arrival = sent[-1][1]
        where, note = f"`{receiver}`, another provider than `{first}`", f"`{receiver}` could use it at `{first}`"
        yield _Leak(arrival, where, note, node, (Label(before.span, f"`{first}` gets it here"),))


def _finding(leak: _Leak) -> Finding:
    origin = leak.arrival.flow.origin
    comes = () if origin.span == leak.arrival.span else (Label(origin.span, "it comes in here"),)
    return RULE.finding(
        f"{origin.called} goes to {leak.where}; a secret may go only to the provider that it is for",
        leak.arrival.span,
        note=leak.note,
        labels=(*comes, *leak.labels),
        advice="send it in `headers`, `query`, `body` or `args` of the step that calls the provider, and nowhere else",
        witness=way(leak.arrival, leak.node),
    )


RULE = Rule(
    code="HG702",
    name="secret-leak",
    severity=Severity.ERROR,
    summary="a secret flows to a prompt, to what is shown or kept, to an output or to another provider",
    explanation="""\
A secret (`secrets.NAME`, or an input marked `secret`) is bound when it is sent to the provider that it is for, and
masked where it comes back. In a prompt the model's provider has it and the model may repeat it; a title, a question,
a message of `fail` and a memory are kept and shown; an output goes to whoever asks; and of two providers that get the
same secret each can act in your name at the other. Hosts of one domain count as one provider.

The path shows the way through constants, steps, scripts and calls.""",
    wrong="""\
workflow ask {
  step think = llm fast { prompt = "Call the shop with the key {{ secrets.SHOP_KEY }}" }
}
""",
    right="""\
workflow ask {
  step orders = http GET "https://shop.example.com/orders" { headers = { "x-api-key" = {{ secrets.SHOP_KEY }} } }
  step think = llm fast { prompt = "Sum up: {{ steps.orders.result.body }}" }
}
""",
    check=check,
    workspace="""\
[models.fast]
base_url = "http://127.0.0.1:8080/v1"
model    = "small"

[secrets]
SHOP_KEY = { env = "SHOP_KEY" }
""",
)
