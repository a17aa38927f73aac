"""`human_task` as `human`."""

from __future__ import annotations

from typing import Final

from headgate.diagnostics import Severity
from headgate.exchange.fields import Fields
from headgate.exchange.input_types import TYPES, type_of
from headgate.exchange.json_tree import Member, Members, plain
from headgate.exchange.part import Part
from headgate.exchange.writing import key
from headgate.plan import JsonObject

KINDS: Final = {
    **dict.fromkeys(("approval", "approve", "confirm", "confirmation", "decision"), "approval"),
    **dict.fromkeys(("review",), "review"),
    **dict.fromkeys(("form", "input", "data_entry", "question", "choice", "select"), "form"),
    **dict.fromkeys(("task", "manual", "action", "todo"), "task"),
}
ON_EXPIRY: Final = {
    **dict.fromkeys(("deny", "reject", "fail"), "deny"),
    **dict.fromkeys(("proceed", "approve", "continue"), "proceed"),
    "escalate": "escalate",
}
TITLES: Final = ("title", "question", "subject")
_FACTS: Final = ("title", "description", "default", "required", "minimum", "maximum", "pattern")


def human(part: Part) -> str:
    """`human KIND`, its question out of `task_payload`."""
    kind = _kind(part)
    payload = part.fields.take("task_payload")
    named = part.fields.take("title", "name")
    if named is not None and isinstance(named.value, str) and named.value and not _asks(payload):
        part.set("title", part.writer.text(named))
    elif named is not None and named.value not in (part.name, part.identifier, ""):
        message = "a human step is called by its question here; this name is left out"
        part.conversion.say(Severity.WARNING, named, message)
    if payload is not None and isinstance(payload.value, dict):
        _payload(part, Fields(part.conversion, payload), kind)
    elif payload is not None:
        part.set("body", part.writer.attribute(payload))
    part.duration("expires", "timeout_s", "timeout_seconds")
    return f"human {kind}"


def _asks(payload: Member | None) -> bool:
    """Whether the payload has a question of its own."""
    members = payload.value if payload is not None and isinstance(payload.value, dict) else {}
    return any(name in members and members[name].value is not None for name in TITLES)


def _kind(part: Part) -> str:
    given = part.fields.text("task_type")
    if given is None:
        part.conversion.say(
            Severity.WARNING, part.fields.member, f"`{part.name}` has no `task_type`; it became a `task`"
        )
        return "task"
    kind = KINDS.get(str(given.value).lower().replace("-", "_"))
    if kind is None:
        message = "expected `approval`, `review`, `form` or `task`; it became a `task`"
        part.fields.wrong(given, message)
    return kind or "task"


def _payload(part: Part, payload: Fields, kind: str) -> None:
    inner = Part(part.conversion, payload, part.naming, part.name)
    title = payload.text(*TITLES)
    if title is not None:
        part.set("title", part.writer.text(title))
    for name, members in (
        ("assignees", ("assignees", "assignee", "assigned_to", "approvers", "reviewers")),
        ("escalate_to", ("escalate_to",)),
    ):
        people = payload.take(*members)
        if people is not None:
            written = part.writer.value(people)
            single = isinstance(people.value, str) and not written.startswith("{{")
            part.set(name, f"[{written}]" if single else written)
    fields = payload.take("fields", "form_fields")
    if fields is not None:
        part.set("fields", _form(inner, fields))
    on_expiry = payload.text("on_expiry", "on_timeout")
    if on_expiry is not None:
        chosen = ON_EXPIRY.get(str(on_expiry.value).lower())
        if chosen is None:
            payload.wrong(on_expiry, "expected `deny`, `proceed` or `escalate`; silence denies")
        else:
            part.set("on_expiry", chosen)
    channel = payload.text("channel")
    if channel is not None and channel.value in ("inbox", "email", "slack", "webhook"):
        part.set("channel", str(channel.value))
    elif channel is not None:
        payload.wrong(channel, "expected `inbox`, `email`, `slack` or `webhook`; it is asked in the inbox")
    _body(part, payload, kind)


def _body(part: Part, payload: Fields, kind: str) -> None:
    """What people need to know; members that are nothing else are shown with it, so that nothing is lost."""
    body = payload.take("body", "description", "message", "instructions")
    shown: Members = dict(payload.left())
    options = shown.get("options")
    if options is not None:
        message = "the options are shown; what people decide here is to approve or to deny"
        advice = (
            "ask with a `form` whose field has these options" if kind != "form" else "make them a field of the form"
        )
        part.conversion.say(Severity.WARNING, options, message, advice=advice)
    payload.taken.update(shown)
    if not shown:
        if body is not None:
            part.set("body", part.writer.attribute(body))
        return
    if body is not None:
        shown = {"description": body, **shown}
    part.set("body", part.writer.value(payload.member._replace(value=shown, repeated=())))


def _form(part: Part, member: Member) -> str:
    """The fields of a form, given by name or as a list of objects with names."""
    named: list[tuple[str, Member]] = []
    if isinstance(member.value, dict):
        named = [*member.value.items()]
    elif isinstance(member.value, list):
        for one in member.value:
            if part.fields.fits(one, dict, "an object with the field's `name`"):
                name = Fields(part.conversion, one).text("name", "key", "id")
                if name is None:
                    part.conversion.say(Severity.ERROR, one, "a field needs a `name`; this one is left out")
                else:
                    named.append((str(name.value), one))
    else:
        part.fields.wrong(member, "expected the fields of a form: a list, or an object by name")
    written = [f"{key(part.writer.plain(name, member))} = {_field(part, name, one)}" for name, one in named]
    return f"{{ {', '.join(written)} }}" if written else "{}"


def _field(part: Part, name: str, member: Member) -> str:
    if isinstance(member.value, str):
        return _type(part, member, {"type": member.value})
    if not part.fields.fits(member, dict, "a type or an object"):
        return "any"
    fields = Fields(part.conversion, member)
    for known in ("name", "key", "id"):
        if (one := fields.members.get(known)) is not None and one.value == name:
            fields.taken.add(known)
    given, options = fields.take("type"), fields.list("options", "enum", "choices")
    schema: JsonObject = {} if given is None else {"type": plain(given)}
    if options is not None:
        schema["enum"] = plain(options)
        if isinstance(schema.get("type"), str) and schema["type"] not in TYPES:
            del schema["type"]
    items = fields.object("items")
    if items is not None:
        schema["items"] = plain(items)
    facts = [f"type = {_type(part, given or member, schema)}"]
    label = fields.text("title", "label")
    for fact in _FACTS:
        one = label if fact == "title" else fields.take(fact)
        if one is None or (fact == "required" and one.value is True):
            continue
        facts.append(f"{fact} = {part.writer.literal(one) if isinstance(one.value, str) else part.writer.value(one)}")
    fields.warn_of_rest("a field of a form")
    return facts[0].removeprefix("type = ") if len(facts) == 1 else f"{{ {', '.join(facts)} }}"


def _type(part: Part, member: Member, schema: JsonObject) -> str:
    found = type_of(schema)
    if found.rest:
        shown = ", ".join(f"`{name}`" for name in found.rest)
        part.conversion.say(
            Severity.WARNING, member, f"the type of a field cannot say {shown}; it became `{found.text}`"
        )
    return found.text
