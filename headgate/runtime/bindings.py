"""What runs need to know of what their steps are bound to, before a call is made."""

from __future__ import annotations

from typing import Protocol

from headgate.plan import JsonObject


class Bindings(Protocol):
    """By environment, kind of step and rendered input. Connections are named as the store names them.

    A connection that is usable is never one that is refused.
    """

    def facts(self, environment: str | None, kind: str, given: JsonObject) -> JsonObject:
        """What the event of a dispatch says of the binding that its attempt uses."""
        ...

    def refused(self, environment: str | None, kind: str, given: JsonObject) -> str | None:
        """The first connection of the step that must be authorized again before a call is worth making."""
        ...

    def usable(self, connection: str) -> bool:
        """Whether it was authorized, and not refused since."""
        ...
