"""What the names of a step graph are called in the text, level by level."""

from __future__ import annotations

from collections.abc import Mapping

from headgate.exchange.names import name_for
from headgate.records import NamedTuple


class InputNames(dict[str, str]):
    """Inputs and what they are called here; one that is read and was not declared gets its name then.

    `nullable` are the names of those that are null when nobody gives them.
    """

    def __init__(self) -> None:
        super().__init__()
        self.nullable: set[str] = set()

    def __missing__(self, name: str) -> str:
        self[name] = found = name_for(name, {*self.values()}, "input")
        return found


class Naming(NamedTuple):
    """The names that can be read at one place.

    `steps` are ids and the names of the steps they became, those of the levels around included. `item` is the name of
    a `for_each`'s item, None outside one; `items` are those of the loops around.
    """

    steps: Mapping[str, str]
    inputs: InputNames
    item: str | None = None
    items: frozenset[str] = frozenset()

    @property
    def renamed(self) -> bool:
        """Whether any step or input is called otherwise than it was."""
        return any(old != new for names in (self.steps, self.inputs) for old, new in names.items())
