"""What a drawing of a plan shows, before it is SVG, Mermaid, DOT or text: boxes, links, and no geometry."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from headgate.plan import ENTRY, Json, Plan, PlanEdge, PlanStep
from headgate.records import NamedTuple

ANY_STEP = "*"
TRIGGER = "trigger"
LABEL_LIMIT = 34
DETAIL_LIMIT = 40


class Node(NamedTuple):
    """A box. `key` is unique in the whole picture: a step's path, `trigger NAME`, `*` for any step, `$entry`.

    `detail` is the kind with what it acts on. `body` is what a loop repeats. `status` and `mark` colour it by a run.
    """

    key: str
    name: str
    kind: str
    detail: str
    title: str = ""
    gates: tuple[str, ...] = ()
    reversibility: str = ""
    body: Picture | None = None
    status: str = ""


class Link(NamedTuple):
    """A line between two boxes. `on` is the edge's, or `start` below a trigger; `label` is what people read."""

    source: str
    target: str
    on: str
    label: str = ""


class Picture(NamedTuple):
    nodes: tuple[Node, ...]
    links: tuple[Link, ...]

    def all_nodes(self) -> Iterator[Node]:
        """Every box, each followed by those inside it."""
        for node in self.nodes:
            yield node
            if node.body:
                yield from node.body.all_nodes()

    def all_links(self) -> Iterator[Link]:
        """Every line, those of bodies too."""
        yield from self.links
        for node in self.nodes:
            if node.body:
                yield from node.body.all_links()


def picture(plan: Plan, statuses: Mapping[str, str] | None = None) -> Picture:
    """What to draw of `plan`. `statuses` maps the paths of steps to canonical statuses of one run.

    Links that only repeat an order are left out: what a step reads from steps that come before it anyway, and the
    many ends that `after finished *` stands for.
    """
    inner = _scope(plan.steps, plan.order, "", statuses or {})
    start = plan.entry
    nodes = [
        Node(f"{TRIGGER} {name}", name, TRIGGER, _trigger_detail(name, trigger))
        for name, trigger in plan.triggers.items()
    ]
    links = [Link(node.key, start, "start") for node in nodes]
    if start == ENTRY:
        nodes.append(Node(ENTRY, "", ENTRY, ""))
    kept = tuple(node for node in inner.nodes if node.key != ENTRY)
    return Picture((*nodes, *kept), (*links, *inner.links))


def _scope(steps: Mapping[str, PlanStep], order: Sequence[str], prefix: str, statuses: Mapping[str, str]) -> Picture:
    nodes = [_node(steps[name], f"{prefix}{name}", statuses) for name in order]
    before = _ancestors(steps, order)
    links: list[Link] = []
    any_failure = False
    for name in order:
        for edge in _shown(steps[name], before):
            source = f"{prefix}{edge.source}"
            if edge.star and edge.on == "failed":
                any_failure = True
                source = f"{prefix}{ANY_STEP}"
            link = Link(source, f"{prefix}{name}", edge.on, _edge_label(steps.get(edge.source), edge))
            if link not in links[-2:]:
                links.append(link)
    if any_failure:
        nodes.insert(0, Node(f"{prefix}{ANY_STEP}", "any step", ANY_STEP, ""))
    return Picture(tuple(nodes), tuple(dict.fromkeys(links)))


def _shown(step: PlanStep, before: Mapping[str, set[str]]) -> Iterator[PlanEdge]:
    """The edges worth a line. `before` has the steps that come before each step by edges that decide."""
    sources = [edge.source for edge in step.edges]
    for edge in step.edges:
        implied = edge.on == "read" or (edge.star and edge.on == "finished")
        if implied and any(edge.source in before[other] for other in sources if other != edge.source):
            continue
        if edge.on == "read" and any(edge.source == other.source and other.on != "read" for other in step.edges):
            continue
        yield edge


def _ancestors(steps: Mapping[str, PlanStep], order: Sequence[str]) -> dict[str, set[str]]:
    before: dict[str, set[str]] = {}
    for name in order:
        mine: set[str] = set()
        for edge in steps[name].edges:
            mine.add(edge.source)
            mine |= before.get(edge.source, set())
        before[name] = mine
    return before


def _node(step: PlanStep, path: str, statuses: Mapping[str, str]) -> Node:
    body = None
    if step.body is not None:
        body = _scope(step.body.steps, step.body.order, f"{path}.", statuses)
    return Node(
        key=path,
        name=step.name,
        kind=step.kind,
        detail=step_detail(step),
        title=step.title or "",
        gates=tuple(f"{gate.kind} {gate.when}" for gate in step.gates),
        reversibility=step.reversibility,
        body=body,
        status=statuses.get(path, ""),
    )


def step_detail(step: PlanStep) -> str:
    """The kind and what it acts on: `mcp stripe.get_charge`, `http POST host/path`."""
    get = step.config.get
    match step.kind:
        case "mcp":
            what = f"{get('instance') or get('server_url')}.{get('tool')}"
        case "http":
            what = f"{get('method')} {str(get('url', '')).removeprefix('https://').removeprefix('http://')}"
        case "each":
            what = f"{plain(get('over'))} as {get('as')}"
        case "repeat":
            word = "until" if get("until") is not None else "while"
            what = f"{word} {plain(get(word))}, at most {get('max')}"
        case "human" | "llm" | "agent" | "call" | "wait" | "memory" | "delay" | "fail":
            attribute = {
                "human": "kind",
                "llm": "model",
                "agent": "agent",
                "call": "workflow",
                "wait": "event",
                "memory": "action",
                "delay": "for",
                "fail": "message",
            }[step.kind]
            value = get(attribute)
            what = duration(value) if step.kind == "delay" and isinstance(value, int) else plain(value)
        case _:
            what = ""
    return shorten(f"{step.kind} {_without_braces(what)}".strip(), DETAIL_LIMIT)


def _without_braces(text: str) -> str:
    """Templates inside a text as `{name}`: what they are made of matters more than how they are written."""
    return re.sub(r"\{\{\s*(.*?)\s*\}\}", r"{\1}", text)


def duration(milliseconds: int) -> str:
    """A duration as the language writes it, with the largest unit that keeps it whole: `90m`, `500ms`."""
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000)):
        if milliseconds and milliseconds % size == 0:
            return f"{milliseconds // size}{unit}"
    return f"{milliseconds}ms"


def _trigger_detail(name: str, trigger: Json) -> str:
    if not isinstance(trigger, dict):
        return name
    config = trigger.get("config")
    where = config if isinstance(config, dict) else {}
    words = [
        str(trigger.get("kind", "")),
        *(str(where[key]) for key in ("cron", "event", "path", "url") if key in where),
    ]
    return shorten(" ".join(words), DETAIL_LIMIT)


def _edge_label(source: PlanStep | None, edge: PlanEdge) -> str:
    star = " *" if edge.star else ""
    match edge.on:
        case "completed":
            return ""
        case "case":
            return shorten(case_text(source, edge.case), LABEL_LIMIT)
        case "read":
            return "reads"
        case other if edge.star and other == "failed":
            return "failed"
        case other:
            return other + star


def case_text(switch: PlanStep | None, number: int | None) -> str:
    """The condition of a switch's case, or its number when the plan does not show it."""
    cases = switch.config.get("cases") if switch else None
    case = cases[number] if isinstance(cases, list) and number is not None and number < len(cases) else None
    return plain(case["when"]) if isinstance(case, dict) and "when" in case else f"case {number}"


def plain(value: Json) -> str:
    """A template without its braces, anything else as people would write it."""
    if isinstance(value, str):
        text = value.strip()
        if text.startswith("{{") and text.endswith("}}") and text.count("{{") == 1:
            text = text[2:-2].strip()
        return " ".join(text.split())
    if value is None:
        return ""
    from json import dumps

    return dumps(value, ensure_ascii=False)


def shorten(text: str, limit: int) -> str:
    """At most `limit` characters, the last an ellipsis when something was cut."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"
