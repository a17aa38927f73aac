"""HG705: a host that whoever starts the run may choose."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.compiler.cells import TRIGGER
from headgate.compiler.graph import Node
from headgate.compiler.label_sources import UNTRUSTED
from headgate.compiler.labels import Arrival
from headgate.diagnostics import Label, Severity
from headgate.validators.addresses import in_host
from headgate.validators.flows import Given, given, is_approved, labels_of, way
from headgate.validators.rule import Context, Finding, Rule
from headgate.workspace.facts import opens_world

_ADDRESSES = frozenset({"url", "uri", "server_url", "base_url", "endpoint", "host", "hostname"})


def check(context: Context) -> Iterator[Finding]:
    for node, values in given(context).items():
        if node.kind not in ("http", "mcp") or node.step.broken:
            continue
        for one in values:
            if not _is_address(context, node, one):
                continue
            arrival = _arrival(context, node, one)
            if arrival is not None:
                yield _finding(node, one, arrival)


def _is_address(context: Context, node: Node, one: Given) -> bool:
    if node.kind == "http":
        return one.name == "url"
    if one.name != "args" or one.entry.lower() not in _ADDRESSES:
        return False
    said = context.said(node.step)
    instance, tool = said.word("instance"), said.word("tool")
    return opens_world(context.workspace, context.lock, instance or "", tool or "") is not False


def _arrival(context: Context, node: Node, one: Given) -> Arrival | None:
    """The first text from outside that stands in the host."""
    places = in_host(one.value)
    if not places:
        return None
    labels = labels_of(context)
    for arrival in labels.arrivals(context.graph, one.value, one.site, UNTRUSTED):
        inside = any(place.start <= arrival.span.start and arrival.span.end <= place.end for place in places)
        if inside and _is_payload(arrival) and not is_approved(labels, arrival, node):
            return arrival
    return None


def _is_payload(arrival: Arrival) -> bool:
    """Whether a text came with a message from outside; a link that was fetched, as to a next page, is none."""
    cell = arrival.flow.origin.cell
    return cell.sort == TRIGGER or (cell.node is not None and cell.node.kind == "wait")


def _finding(node: Node, one: Given, arrival: Arrival) -> Finding:
    origin = arrival.flow.origin
    return RULE.finding(
        f"{origin.called} decides to which host `{node.name}` goes; expected a host that stands in the text",
        arrival.span,
        note="it may lead anywhere, also into your own network",
        labels=(Label(origin.span, "it comes in here"),) if origin.span != arrival.span else (),
        advice=f"write the host and a `/` before it in `{one.said}`, or choose among known hosts by an `enum`",
        witness=way(arrival, node),
    )


RULE = Rule(
    code="HG705",
    name="untrusted-url",
    severity=Severity.WARNING,
    summary="the host of a request comes from a payload",
    explanation="""\
A request goes out from where the workflow runs, often from inside a network and with credentials. When the payload of a
trigger or of an awaited event names its host, an outsider chooses where it goes: to a machine that only you can reach,
or to one that keeps what it is sent. A fixed host with a path from outside is fine, when a `/` stands between: in
`"https://api.example.com{{ trigger.body.path }}"` a path that begins with `.evil.example` or `@` makes another host of
it. Looked at are the `url` of `http` steps, and arguments of tools that are called `url`, `uri`, `host` and so on.""",
    wrong="""\
workflow fetch {
  trigger asked = webhook
  step get = http GET {{ trigger.body.url }}
}
""",
    right="""\
workflow fetch {
  trigger asked = webhook
  step get = http GET "https://shop.example.com/orders/{{ trigger.body.order }}"
}
""",
    check=check,
)
