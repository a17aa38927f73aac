"""What one import gathers: findings with their places, and what it was told."""

from __future__ import annotations

from collections.abc import Mapping

from headgate.diagnostics import Severity
from headgate.exchange.finding import Finding
from headgate.exchange.json_tree import Member, join
from headgate.records import NamedTuple
from headgate.source import Source


class Choices(NamedTuple):
    """How to import. `servers` binds addresses and ids of servers to instances; `name` is the workflow's, if given."""

    servers: Mapping[str, str] = {}
    name: str | None = None


class Conversion:
    """The findings of one import, in the order they were made."""

    def __init__(self, source: Source, choices: Choices) -> None:
        self.source = source
        self.choices = choices
        self.findings: list[Finding] = []
        self.used: set[str] = set()

    def say(
        self,
        severity: Severity,
        at: Member,
        message: str,
        *,
        advice: str = "",
        step: str = "",
        covers: tuple[str, ...] = (),
    ) -> None:
        """Note a finding at a value."""
        where = self.source.position(at.start)
        shown = "".join(sign if sign.isprintable() else "\ufffd" for sign in message)
        self.findings.append(Finding(severity, at.path, where.line, where.column, shown, advice, step, covers))

    def note_repeated(self, member: Member) -> None:
        """Say which keys an object has twice: the first one counts."""
        for name in dict.fromkeys(member.repeated):
            place = member._replace(path=join(member.path, name))
            self.say(Severity.ERROR, place, f"the key `{name}` stands twice in an object; the first one counts")

    def instance(self, server: str) -> str | None:
        """The instance that an address or id of a server was bound to."""
        for given, instance in self.choices.servers.items():
            if given == server or given.rstrip("/") == server.rstrip("/"):
                self.used.add(given)
                return instance
        return None

    def note_unused(self, root: Member) -> None:
        """Say which bindings of servers nothing in the graph asked for."""
        for server in self.choices.servers:
            if server not in self.used:
                self.say(Severity.WARNING, root, f"no step calls the server `{server}`: binding it changes nothing")
