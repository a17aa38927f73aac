"""One step while it is written: its members, its names, its items."""

from __future__ import annotations

from math import isfinite
from typing import Final

from headgate.diagnostics import Severity
from headgate.exchange.conversion import Conversion
from headgate.exchange.fields import Fields
from headgate.exchange.json_tree import is_number
from headgate.exchange.naming import Naming
from headgate.exchange.values import Writer
from headgate.exchange.writing import Lines, attribute

MOST_SECONDS: Final = 2**53 // 1000
_UNITS: Final = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s"), (1, "ms"))


class Part:
    """`items` are the attributes so far, `last` what comes behind nested steps; `identifier` is its id as given."""

    def __init__(self, conversion: Conversion, fields: Fields, naming: Naming, name: str) -> None:
        self.conversion = conversion
        self.fields = fields
        self.naming = naming
        self.name = name
        given = fields.members.get("id")
        self.identifier = given.value if given is not None else None
        self.writer = Writer(conversion, naming, name)
        self.items: list[Lines] = []
        self.last: list[Lines] = []

    def set(self, name: str, value: str) -> None:
        """Add an attribute."""
        self.items.append(attribute(name, value))

    def take(self, name: str, *members: str) -> bool:
        """Add an attribute with the value of a member, if it is given; whether it is."""
        member = self.fields.take(*(members or (name,)))
        if member is None:
            return False
        self.set(name, self.writer.attribute(member))
        return True

    def duration(self, name: str, *members: str) -> None:
        """Add an attribute whose member counts seconds."""
        member = self.fields.take(*members)
        if member is None:
            return
        seconds = member.value
        if not is_number(seconds) or not isfinite(seconds) or not 0 < seconds <= MOST_SECONDS:
            self.fields.wrong(member, "expected a number of seconds above 0; it is left out")
            return
        milliseconds = round(seconds * 1000)
        if milliseconds != seconds * 1000:
            milliseconds = max(milliseconds, 1)
            shown = duration(milliseconds)
            self.conversion.say(Severity.WARNING, member, f"durations are whole milliseconds here: it became `{shown}`")
        self.set(name, duration(milliseconds))


def duration(milliseconds: int) -> str:
    """A duration as a person writes it: `90s`, `5m`, `24h`."""
    for size, unit in _UNITS:
        if milliseconds % size == 0 and (unit != "d" or milliseconds > size):
            return f"{milliseconds // size}{unit}"
    raise AssertionError("every whole number of milliseconds is one of `ms`")
