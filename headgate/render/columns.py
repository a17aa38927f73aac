"""How wide text is on a terminal, and how to show what a terminal must not be sent."""

from __future__ import annotations

TAB = 4
_SELECTORS = frozenset("\ufe0e\ufe0f")
_BIDI = frozenset("\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def printable(text: str) -> str:
    """The text with control and direction characters made visible, so that a file cannot steer a terminal."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_visible(character) for character in text)


def cells(character: str) -> int:
    """How many columns of a terminal one character takes: 0 when it joins the one before it, 2 when it is wide."""
    if " " <= character <= "~":
        return 1
    from unicodedata import category, combining, east_asian_width

    if combining(character) or category(character) in ("Mn", "Me", "Cf") or "\u1160" <= character <= "\u11ff":
        return 0  # the last are vowels and finals of Korean syllables
    return 2 if east_asian_width(character) in ("W", "F") else 1


def laid_out(line: str) -> tuple[str, list[int]]:
    """A line as it is shown, and the column (from 0) at which each of its characters starts, and the end's last."""
    shown: list[str] = []
    starts: list[int] = []
    column = 0
    for character in line:
        starts.append(column)
        piece = " " * (TAB - column % TAB) if character == "\t" else _visible(character)
        shown.append(piece)
        column += sum(map(cells, piece))
    starts.append(column)
    return "".join(shown), starts


def _visible(character: str) -> str:
    if character in _SELECTORS:
        return ""  # an emoji or a plain sign: terminals disagree on the width of the first
    if character.isprintable() and character not in _BIDI:
        return character
    if character < " ":
        return chr(0x2400 + ord(character))
    if character == "\x7f":
        return "\u2421"
    if character == "\u200d":
        return ""  # terminals disagree on what it joins; without it, each part has the width that all of them give it
    if character in "\u00a0\u3000":
        return character
    return f"<U+{ord(character):04X}>"
