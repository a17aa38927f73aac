"""Values of a JSON step graph as values of the language."""

from __future__ import annotations

import json
from math import isfinite
from typing import Final

from headgate.diagnostics import Severity
from headgate.exchange.conditions import negated, translate_condition
from headgate.exchange.conversion import Conversion
from headgate.exchange.foreign_templates import Refused, translate_text
from headgate.exchange.json_tree import Member, is_number, plain
from headgate.exchange.naming import Naming
from headgate.exchange.writing import Hole, json_fence, key, long_text, quoted, template, text

LARGEST: Final = 2**53
DEEPEST: Final = 30
"""How deep a value may nest: the language takes 64 brackets, those of the blocks around it included."""

REFUSED_BY: Final = ("HG007", "HG207", "HG208", "HG209", "HG212")


class Writer:
    """Writes the values of one place.

    `naming` says what their templates may read, `step` whose they are; without `templates` a text is only text.
    """

    def __init__(self, conversion: Conversion, naming: Naming, step: str = "", *, templates: bool = True) -> None:
        self.conversion = conversion
        self.naming = naming
        self.step = step
        self.templates = templates

    def value(self, member: Member, depth: int = 0) -> str:
        """Any value; texts with their templates."""
        value = member.value
        if isinstance(value, dict | list) and depth >= DEEPEST:
            self.conversion.say(
                Severity.ERROR, member, f"a value may nest {DEEPEST} deep here; the rest is kept as JSON in a text"
            )
            return quoted(json.dumps(plain(member), ensure_ascii=False))
        match value:
            case dict():
                self.conversion.note_repeated(member)
                entries = [
                    f"{key(self.plain(name, member))} = {self.value(one, depth + 1)}" for name, one in value.items()
                ]
                return f"{{ {', '.join(entries)} }}" if entries else "{}"
            case list():
                return f"[{', '.join(self.value(one, depth + 1) for one in value)}]"
            case str():
                return self.text(member)
            case None:
                return "null"
            case bool():
                return "true" if value else "false"
            case _:
                return self.number(member)

    def number(self, member: Member) -> str:
        """A number as it was written; one that the language refuses stands in a template, where it stays exact."""
        value = member.value
        assert is_number(value), "the reader gave a number"
        if not isfinite(value):
            self.conversion.say(
                Severity.ERROR, member, "this number is beyond what a number can hold; it is kept as text"
            )
            return quoted(member.raw)
        exact = self.templates and isinstance(value, int) and abs(value) > LARGEST
        return template(member.raw) if exact else member.raw

    def text(self, member: Member, *, long: bool = False) -> str:
        """A text; one that is a single template is that template. `long` lets it take several lines."""
        assert isinstance(member.value, str), "the caller has seen that it is a text"
        if not self.templates:
            return self.literal(member)
        found = translate_text(self.plain(member.value, member), self.naming)
        for refused in found.refused:
            self.refuse(member, refused)
        if found.open:
            self.conversion.say(Severity.WARNING, member, "a `{{` in this text has no `}}`: it is kept as text")
        if len(found.parts) == 1 and isinstance(found.parts[0], Hole):
            return template(found.parts[0].expression)
        return long_text(found.parts) if long else text(found.parts)

    def attribute(self, member: Member) -> str:
        """The value of an attribute, which has room for a text of several lines."""
        return self.text(member, long=True) if isinstance(member.value, str) else self.value(member)

    def literal(self, member: Member) -> str:
        """A text that holds no templates, whatever is in it."""
        assert isinstance(member.value, str), "the caller has seen that it is a text"
        return quoted(self.plain(member.value, member))

    def schema(self, member: Member) -> str:
        """JSON Schema in a fence."""
        return json_fence(plain(member))

    def condition(self, member: Member, *, opposite: bool = False) -> str:
        """A condition, or its opposite; what is none stays as it was, and that is said."""
        value = member.value
        if isinstance(value, bool):
            return template("true" if value is not opposite else "false")
        if not isinstance(value, str):
            self.conversion.say(
                Severity.ERROR,
                member,
                "expected a condition: a text with templates, `true` or `false`",
                covers=REFUSED_BY,
                step=self.step,
            )
            return self.value(member)
        found = translate_condition(value, self.naming)
        if isinstance(found, Refused):
            self.refuse(member, found)
            return self.literal(member)
        return template(negated(found) if opposite else found)

    def plain(self, content: str, member: Member) -> str:
        """A text that UTF-8 can hold; what it cannot is said."""
        if content.isascii() or not any("\ud800" <= sign <= "\udfff" for sign in content):
            return content
        self.conversion.say(
            Severity.ERROR, member, "half a character (a lone surrogate) cannot be kept; it shows as `\ufffd`"
        )
        return "".join("\ufffd" if "\ud800" <= sign <= "\udfff" else sign for sign in content)

    def refuse(self, member: Member, refused: Refused) -> None:
        """Say that a template is no expression of the language."""
        shown = " ".join(refused.written.split()).replace("`", "'")
        shown = "{{ }}" if not shown else shown if len(shown) <= 60 else f"{shown[:59]}…"
        self.conversion.say(
            Severity.ERROR,
            member,
            f"`{shown}` is no expression here: {refused.reason}",
            advice="write it as an expression of the language; it stays in the text as it was",
            covers=REFUSED_BY,
            step=self.step,
        )
