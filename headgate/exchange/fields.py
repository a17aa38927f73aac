"""The members of one JSON object, taken one by one, so that what nobody took can be said."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from headgate.diagnostics import Severity
from headgate.exchange.conversion import Conversion
from headgate.exchange.json_tree import Member, Members, is_number

EMPTY: Final[tuple[object, ...]] = (None, "", [], {})


class Fields:
    """An object's members. A member that is null counts as not given."""

    def __init__(self, conversion: Conversion, member: Member) -> None:
        assert isinstance(member.value, dict), "the caller has seen that it is an object"
        self.conversion = conversion
        self.member = member
        self.members: Members = member.value
        self.taken: set[str] = set()
        conversion.note_repeated(member)

    def take(self, *names: str) -> Member | None:
        """The first of these members that is given; they are names of one thing, and only the first is used."""
        found = None
        for name in names:
            member = self.members.get(name)
            if member is None or member.value is None:
                self.taken.add(name)
            elif found is None:
                self.taken.add(name)
                found = member
        return found

    def text(self, *names: str) -> Member | None:
        """The member, which must be text: anything else is said and not used."""
        member = self.take(*names)
        return None if member is None or not self.fits(member, str, "text") else member

    def object(self, *names: str) -> Member | None:
        """The member, which must be an object."""
        member = self.take(*names)
        return None if member is None or not self.fits(member, dict, "an object") else member

    def list(self, *names: str) -> Member | None:
        """The member, which must be a list."""
        member = self.take(*names)
        return None if member is None or not self.fits(member, list, "a list") else member

    def flag(self, *names: str) -> bool | None:
        """The member, which must be `true` or `false`."""
        member = self.take(*names)
        if member is None or not self.fits(member, bool, "`true` or `false`"):
            return None
        return bool(member.value)

    def whole(self, least: int, *names: str) -> int | None:
        """The member, which must be a whole number of at least `least`."""
        member = self.take(*names)
        if member is None:
            return None
        value = member.value
        if is_number(value) and value == int(min(max(value, -1), 10**9)) and value >= least:
            return int(value)
        self.wrong(member, f"expected a whole number of at least {least}")
        return None

    def fits(self, member: Member, shape: type, called: str) -> bool:
        """Whether a member has a shape; when not, it is said."""
        if isinstance(member.value, shape):
            return True
        self.wrong(member, f"expected {called}, not {shape_of(member)}")
        return False

    def wrong(self, member: Member, message: str, advice: str = "") -> None:
        """Say that a member is not what it must be."""
        self.conversion.say(Severity.ERROR, member, f"`{_last(member.path)}`: {message}", advice=advice)

    def left(self) -> Iterator[tuple[str, Member]]:
        """What nobody took, but for what is empty and so says nothing."""
        for name, member in self.members.items():
            if name not in self.taken and member.value not in EMPTY:
                yield name, member

    def warn_of_rest(self, what: str) -> None:
        """Say of each member that nobody took that it is left out."""
        for name, member in self.left():
            message = f"{what} has nothing for `{name}`; it is left out"
            self.conversion.say(Severity.WARNING, member, message)


def shape_of(member: Member) -> str:
    """What a value is, in words."""
    match member.value:
        case None:
            return "null"
        case bool():
            return "`true`" if member.value else "`false`"
        case str():
            return "text"
        case list():
            return "a list"
        case dict():
            return "an object"
        case _:
            return "a number"


def _last(path: str) -> str:
    return path.rpartition(".")[2]
