"""Plain tables: columns as wide as what they hold, cut on a terminal, whole in a pipe."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from headgate.records import NamedTuple
from headgate.render.columns import cells, printable
from headgate.render.words import coloured

GAP = 2
LEAST = 8


class Cell(NamedTuple):
    """`colour` is a name of `words.ANSI`, or empty."""

    text: str
    colour: str = ""


def table(
    heads: Sequence[str],
    rows: Sequence[Sequence[Cell | str]],
    *,
    width: int | None,
    colour: bool,
    whole: Collection[int] = (),
) -> str:
    """The rows below their heads, one line each, at most `width` columns wide (None: as wide as they are).

    The columns numbered in `whole` are never cut.
    """
    made = [[_cell(cell) for cell in row] for row in rows]
    widths = [max([len(head), *(_width(row[at].text) for row in made)]) for at, head in enumerate(heads)]
    if width is not None:
        _shrink(widths, width, [at for at in range(len(widths)) if at not in whole])
    lines = [_line([Cell(head.upper()) for head in heads], widths, colour=False)]
    lines += [_line(row, widths, colour=colour) for row in made]
    return "".join(f"{line}\n" for line in lines)


def _cell(cell: Cell | str) -> Cell:
    text, colour = cell if isinstance(cell, Cell) else (cell, "")
    return Cell(printable(text.replace("\n", " ")), colour)


def _width(text: str) -> int:
    return len(text) if text.isascii() else sum(map(cells, text))


def _shrink(widths: list[int], width: int, those: Sequence[int]) -> None:
    """Take what is too much from the widest column of `those`, again and again, never below a least width."""
    while those and sum(widths) + GAP * (len(widths) - 1) > width:
        widest = max(those, key=widths.__getitem__)
        if widths[widest] <= LEAST:
            return
        widths[widest] -= 1


def _line(row: Sequence[Cell], widths: Sequence[int], *, colour: bool) -> str:
    pieces = []
    for cell, width in zip(row, widths, strict=True):
        text = _cut(cell.text, width)
        room = " " * (width - _width(text))
        pieces.append((coloured(text, cell.colour) if colour and cell.colour and text else text) + room)
    return (" " * GAP).join(pieces).rstrip()


def _cut(text: str, width: int) -> str:
    if _width(text) <= width:
        return text
    kept, used = [], 0
    for character in text:
        used += cells(character)
        if used > width - 1:
            break
        kept.append(character)
    return "".join(kept) + "…"
