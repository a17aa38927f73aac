"""Names that the workspace should know: one finding a name, wherever it is used."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from headgate.diagnostics import Edit, Fix, Label, Safety, nearest
from headgate.grammar.tokens import WORDS
from headgate.records import NamedTuple
from headgate.source import Span
from headgate.validators.values import Block

_SHOWN = 6


class Unresolved(NamedTuple):
    """A name that nobody defines. `place` is its first use, `labels` the others; `guess` is the nearest known name.

    `expected` says what was: "did you mean `order`?", or what is known.
    """

    name: str
    place: Span
    labels: tuple[Label, ...]
    guess: str | None
    expected: str
    fixes: tuple[Fix, ...]


def written(name: str) -> str:
    """A name of the workspace or the lock as a value: bare, or quoted when it is no name of the language."""
    return name if name.isidentifier() and name.isascii() and name not in WORDS else f'"{name}"'


def quoted(name: str) -> str:
    """A name as text."""
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def uses_by_name(blocks: Iterable[Block], kind: str, attribute: str) -> Iterator[tuple[str, Span]]:
    """Every name that blocks of a kind give in an attribute, with its place; what only a run can tell is left out."""
    for block in blocks:
        value, name = block.written.get(attribute), block.written.word(attribute)
        if block.written.kind is not None and block.written.kind.name == kind and value is not None and name:
            yield name, value.span


def unresolved(
    uses: Iterable[tuple[str, Span]], known: tuple[str, ...], where: str, spelt: Callable[[str], str] = written
) -> Iterator[Unresolved]:
    """The names among `uses` that are not `known`, each once; `where` is who would define them.

    `spelt` is how a name is written at such a place.
    """
    places: dict[str, list[Span]] = {}
    for name, place in uses:
        if name not in known:
            places.setdefault(name, []).append(place)
    for name, spans in places.items():
        guess = nearest(name, known)
        listed = ", ".join(f"`{one}`" for one in known[:_SHOWN]) or "none"
        listed += f" and {len(known) - _SHOWN} more" if len(known) > _SHOWN else ""
        expected = f"did you mean `{guess}`?" if guess else f"{where} defines {listed}"
        fixes: tuple[Fix, ...] = ()
        if guess:
            edits = tuple(Edit(span, spelt(guess)) for span in spans)
            fixes = (Fix(f"write `{guess}`", Safety.SAFE, edits),)
        labels = tuple(Label(span, "and here") for span in spans[1:])
        yield Unresolved(name, spans[0], labels, guess, expected, fixes)
