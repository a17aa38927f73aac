"""An item that does not parse, as those who explain it see it: its tokens, and where the parser stood."""

from __future__ import annotations

from typing import Any, Final

from headgate.diagnostics import Diagnostic, Edit, Fix, Safety, Severity
from headgate.grammar.healing import BAD
from headgate.grammar.machine import Stuck, acceptable
from headgate.grammar.tables_data import TERMINALS
from headgate.grammar.tokens import END, ID, SIGNS, begins
from headgate.records import NamedTuple
from headgate.source import Span

SIGN_OF: Final = {kind: sign for sign, kind in SIGNS.items()}


class Leaf(NamedTuple):
    """The tokens of one item, its blocks left empty, and the start symbol it is to make."""

    text: str
    kinds: list[int]
    values: list[Any]
    start: str
    docs: dict[int, str]

    @property
    def end(self) -> int:
        """Where the last token ends."""
        return self.span(len(self.kinds) - 1).end if self.kinds else 0

    def span(self, index: int) -> Span:
        """Where a token stands; behind the last one, the empty place at its end."""
        if index >= len(self.kinds):
            end = self.end
            return Span(end, end)
        value = self.values[index]
        if isinstance(value, int):
            return Span(value, min(value + len(SIGN_OF.get(self.kinds[index], " ")), len(self.text)))
        return Span(*value.span)

    def kind(self, index: int) -> int:
        """A token's id, `$END` outside the item."""
        return self.kinds[index] if 0 <= index < len(self.kinds) else END

    def written(self, index: int) -> str:
        """A token as it was written; empty outside the item."""
        if not 0 <= index < len(self.kinds):
            return ""
        span = self.span(index)
        return self.text[span.start : span.end]

    def is_name(self, index: int) -> bool:
        """Whether a token is a name or a word of the language."""
        return self.kind(index) in NAMES


class Answer(NamedTuple):
    """A finding, and the tokens as they would be without it: None when nobody knows.

    `split` is the token at which a second item begins.
    """

    finding: Diagnostic
    kinds: list[int] | None = None
    values: list[Any] | None = None
    split: int | None = None


NAMES: Final = frozenset(
    ID[word]
    for word in (
        *("NAME", "WORKFLOW", "INPUT", "LET", "TRIGGER", "STEP", "OUTPUT", "CASE", "ELSE", "GATE", "AFTER", "AS"),
        *("TRUE", "FALSE", "NULL", "FAILED", "DENIED", "FINISHED", "BEFORE"),
    )
)
PLAIN_NAMES: Final = frozenset(ID[word] for word in ("NAME", "FAILED", "DENIED", "FINISHED", "BEFORE"))


class Trouble(NamedTuple):
    """One error: the item, the token at which the parser stuck, and what it would have taken."""

    leaf: Leaf
    at: int
    expected: frozenset[int]

    @property
    def kind(self) -> int:
        """The id of the offending token."""
        return self.leaf.kind(self.at)

    @property
    def span(self) -> Span:
        """Where the offending token stands."""
        return self.leaf.span(self.at)

    @property
    def is_bad(self) -> bool:
        """Whether the offending token is none."""
        return self.kind == BAD

    def wants(self, *names: str) -> bool:
        """Whether each of these terminals would have been taken."""
        return all(ID[name] in self.expected for name in names)

    def wrong(
        self, message: str, span: Span | None = None, edits: tuple[Edit, ...] = (), title: str = ""
    ) -> Diagnostic:
        """The finding, with a safe fix when there are edits."""
        fixes = (Fix(title or "write it so", Safety.SAFE, edits),) if edits else ()
        return Diagnostic("HG001", "syntax-error", Severity.ERROR, message, span or self.span, fixes=fixes)

    def swap(self, finding: Diagnostic, start: int, end: int, *tokens: tuple[int, Any]) -> Answer:
        """The finding, with the tokens from `start` to `end` replaced by others."""
        kinds, values = list(self.leaf.kinds), list(self.leaf.values)
        kinds[start:end] = [kind for kind, _ in tokens]
        values[start:end] = [value for _, value in tokens]
        return Answer(finding, kinds, values)


def trouble(leaf: Leaf, stuck: Stuck) -> Trouble:
    """The error at which a parse of the item stuck."""
    return Trouble(leaf, stuck.at, frozenset(acceptable(stuck.states, len(TERMINALS))))


def place_after(leaf: Leaf, index: int) -> int:
    """The offset right behind the token before `index`."""
    return leaf.span(index - 1).end if index > 0 else (begins(leaf.values[0]) if leaf.values else 0)
