"""Steps of a JSON graph as steps of the language: one level at a time, names first."""

from __future__ import annotations

from typing import Final

from headgate.diagnostics import Severity, nearest
from headgate.exchange import calls, loops, people
from headgate.exchange.conversion import Conversion
from headgate.exchange.depends import edges, note_ring
from headgate.exchange.fields import Fields, shape_of
from headgate.exchange.json_tree import Member, is_number
from headgate.exchange.names import is_name, name_for
from headgate.exchange.naming import Naming
from headgate.exchange.part import Part
from headgate.exchange.writing import Lines, attribute, block, doc, quoted
from headgate.records import NamedTuple

DEEPEST: Final = 20
"""How deep bodies may nest, so that the brackets of what is in them still fit."""

TYPES: Final = ("mcp_call", "llm_call", "agent_call", "human_task", "lua_script", "for_each", "while", "workflow_call")
NOT_RETRIED: Final = frozenset({"human_task", "for_each", "while", "workflow_call"})
WORDS: Final = {
    "on_failure": ("fail", "pause", "drain", "continue"),
    "reversibility": ("safe", "recoverable", "irreversible"),
    "in_doubt": ("retry", "hold", "fail"),
    "join": ("all", "any"),
}
"""Attributes that only Headgate's own exports have, and what they may be."""


class Identified(NamedTuple):
    """A step of a level: its object, its id as others call it, and the name it gets."""

    member: Member
    identifier: str
    name: str


def level(conversion: Conversion, steps: Member, outer: Naming, depth: int = 0) -> tuple[list[Lines], Naming]:
    """The steps of a list as items of a block, and what may be read behind them."""
    assert isinstance(steps.value, list), "the caller has seen that it is a list"
    found = _identified(conversion, steps.value, outer)
    own: dict[str, str] = {}
    for one in found:
        own.setdefault(one.identifier, one.name)
    naming = outer._replace(steps={**outer.steps, **own})
    note_ring(conversion, [(one.member, one.identifier) for one in found])
    return [_step(conversion, one, own, naming, depth) for one in found], naming


def _identified(conversion: Conversion, members: list[Member], outer: Naming) -> list[Identified]:
    found: list[Identified] = []
    taken = {*outer.steps.values()}
    seen: dict[str, str] = {}
    for index, member in enumerate(members):
        if not isinstance(member.value, dict):
            conversion.say(Severity.ERROR, member, f"expected a step, which is an object, not {shape_of(member)}")
            continue
        identifier = _identifier(conversion, member, index)
        name = name_for(identifier, taken, "step")
        taken.add(name)
        if identifier in seen:
            message = f"two steps have the id `{_shown(identifier)}`; the first is at `{seen[identifier]}`"
            advice = f"this one is called `{name}`; what names the id means the first"
            conversion.say(Severity.ERROR, member.value["id"], message, advice=advice)
        seen.setdefault(identifier, member.path)
        found.append(Identified(member, identifier, name))
    return found


def _identifier(conversion: Conversion, member: Member, index: int) -> str:
    """A step's id; of one that has none, a number."""
    assert isinstance(member.value, dict), "the caller has seen that it is an object"
    given = member.value.get("id")
    if given is not None and isinstance(given.value, str) and given.value:
        return given.value
    made = f"step_{index + 1}"
    if given is None or given.value in (None, ""):
        conversion.say(Severity.ERROR, given or member, f"a step needs an `id`; this one is called `{made}`")
        return made
    if is_number(given.value):
        made = given.raw
    conversion.say(Severity.ERROR, given, f"an `id` is text, not {shape_of(given)}; this one is read as `{made}`")
    return made


def _step(conversion: Conversion, one: Identified, own: dict[str, str], naming: Naming, depth: int) -> Lines:
    fields = Fields(conversion, one.member)
    fields.take("id")
    kind = fields.text("type")
    known = str(kind.value) if kind is not None else ""
    part = Part(conversion, fields, naming, one.name)
    head = [f"step {one.name} = "]
    items: list[Lines] = []
    after = edges(conversion, fields, own, naming, one.name)
    comment, titles = _described(part, one, known)
    items += titles
    _common(part, known)
    behind = ""
    match known:
        case "mcp_call":
            head.append(calls.mcp(part))
        case "llm_call":
            head.append(calls.llm(part))
        case "agent_call":
            head.append(calls.agent(part))
        case "workflow_call":
            head.append(calls.call(part))
        case "human_task":
            head.append(people.human(part))
        case "lua_script":
            head.append("lua")
            behind = calls.script(part)
        case "for_each" | "while":
            head.append(_loop(part, known, depth))
        case _:
            head.append(_unknown(part, kind))
    fields.warn_of_rest(f"`{known}`" if known in TYPES else "a step")
    whole = "".join(head) + (f" after {', '.join(after)}" if after else "") + behind
    return [*comment, *block(whole, [*items, *part.items])]


def _loop(part: Part, known: str, depth: int) -> str:
    """A loop with the steps in its body."""
    body = part.fields.list("for_each_body_steps" if known == "for_each" else "while_body_steps", "body_steps")
    if body is not None and depth >= DEEPEST:
        part.conversion.say(Severity.ERROR, body, f"loops may nest {DEEPEST} deep here; these steps are left out")
        body = None
    if known == "for_each":
        inside = loops.inside_each(part)
        head = loops.each(part, inside)
    else:
        inside, head = loops.inside_repeat(part), "repeat"
    steps, seen = level(part.conversion, body, inside, depth + 1) if body is not None else ([], inside)
    if known == "while":
        loops.repeat(part, seen)
    part.items += [*steps, *part.last]
    return head


def _unknown(part: Part, kind: Member | None) -> str:
    """A step of a type that is not known: it stays as a step of that kind, which the gate refuses."""
    if kind is None:
        part.conversion.say(
            Severity.ERROR, part.fields.member, f"the step `{part.name}` has no `type`; expected one of {_listed()}"
        )
        return "set"
    shown = _shown(str(kind.value))
    near = nearest(str(kind.value), TYPES)
    advice = f"did you mean `{near}`?" if near else f"expected one of {_listed()}"
    part.conversion.say(
        Severity.ERROR, kind, f"`{shown}` is no type of step; {advice}", step=part.name, covers=("HG006", "HG005")
    )
    for name, member in part.fields.left():
        if is_name(name):
            part.set(name, part.writer.value(member))
            part.fields.taken.add(name)
    return name_for(str(kind.value), (), "kind")


def _described(part: Part, one: Identified, known: str) -> tuple[Lines, list[Lines]]:
    """The doc comment of a step, and what of its title and description stands in attributes."""
    items: list[Lines] = []
    comment: Lines = []
    title = part.fields.text("title", "name")
    if title is not None and title.value not in (one.identifier, one.name, "") and known != "human_task":
        items.append(attribute("title", part.writer.text(title)))
    description = part.fields.text("description")
    if description is not None and description.value:
        content = part.writer.plain(str(description.value), description)
        lines = doc(content)
        comment = lines or []
        items += [] if lines is not None else [attribute("description", quoted(content))]
    return comment, items


def _common(part: Part, known: str) -> None:
    """What any step may have."""
    fields = part.fields
    condition = fields.take("condition", "when")
    if condition is not None and condition.value != "":
        part.set("when", part.writer.condition(condition))
    if fields.flag("enabled") is False:
        part.set("enabled", "false")
    retries = fields.whole(0, "retry_count", "retries")
    if retries is not None and known not in NOT_RETRIED:
        part.set("retry", str(retries))
    elif retries:
        member = fields.members.get("retry_count") or fields.members["retries"]
        part.conversion.say(Severity.WARNING, member, f"a `{known}` is not tried again here; the count is left out")
    if known != "human_task":
        part.duration("timeout", "timeout_s", "timeout_seconds")
    for name, choices in WORDS.items():
        said = fields.text(name)
        if said is not None and said.value in choices:
            part.set(name, str(said.value))
        elif said is not None:
            listed = ", ".join(f"`{choice}`" for choice in choices)
            part.conversion.say(Severity.ERROR, said, f"`{name}`: expected one of {listed}; it is left out")
    owner, key = fields.text("owner"), fields.take("idempotency_key")
    if owner is not None:
        part.set("owner", part.writer.literal(owner))
    if key is not None:
        part.set("idempotency_key", part.writer.value(key))


def _listed() -> str:
    return ", ".join(f"`{name}`" for name in TYPES)


def _shown(text: str) -> str:
    shown = " ".join(text.replace("`", "'").split())
    return shown if len(shown) <= 60 else f"{shown[:59]}…"
