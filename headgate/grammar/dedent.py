"""Indentation that is not part of a text: what is removed from block texts and fences."""

from __future__ import annotations

import re
from typing import Final

from headgate.grammar.ast import Literal, Template
from headgate.source import Span

ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\"}
_UNIT = "[0-9a-fA-F]"
ESCAPE: Final = re.compile(
    rf'\\(?:[ntr"\\]|u(?:[0-9a-cefA-CEF]{_UNIT}{{3}}|[dD][0-7]{_UNIT}{{2}}|'
    rf"[dD][89abAB]{_UNIT}{{2}}\\u[dD][c-fC-F]{_UNIT}{{2}}))"
)
_BLANK_OPENER = re.compile(r"[ \t]*\r?\n")


def unescaped(written: str) -> str:
    """What one valid escape stands for."""
    if written[1] != "u":
        return ESCAPES[written[1]]
    units = bytes.fromhex(written.replace("\\u", ""))
    return units.decode("utf-16-be")


def joined(pieces: list[str]) -> str:
    """The pieces as one text."""
    return pieces[0] if len(pieces) == 1 else "".join(pieces)


def dedented_lines(raw: str) -> tuple[str, int]:
    """The lines of a fence without their common indentation, and its width; the last line end is not part of it."""
    lines = raw.replace("\r\n", "\n").split("\n")
    if not lines[-1].strip(" \t"):
        lines.pop()
    indent = common_indent(lines)
    return "\n".join(line[indent:] if line.strip(" \t") else "" for line in lines), indent


def common_indent(lines: list[str]) -> int:
    """The width of the white space that all lines start with, blank lines aside."""
    common: str | None = None
    for line in lines:
        if not line.strip(" \t"):
            continue
        blank = line[: len(line) - len(line.lstrip(" \t"))]
        if common is None or common.startswith(blank):
            common = blank
        while not blank.startswith(common):
            common = common[:-1]
    return len(common or "")


def dedented(text: str, start: int, end: int, templates: list[Template]) -> tuple[Literal | Template, ...]:
    """The parts of a block text: literals dedented, then their escapes resolved; a template is never touched."""
    opener = _BLANK_OPENER.match(text, start, end)
    if opener and not any(template.span.start < opener.end() for template in templates):
        start = opener.end()
    masked: list[str] = []
    at = start
    for template in templates:
        masked += text[at : template.span.start], "x" * (template.span.end - template.span.start)
        at = template.span.end
    masked.append(text[at:end])
    lines = "".join(masked).split("\n")
    if not lines[-1].strip(" \t\r"):
        end = max(start, end - len(lines.pop()) - 1)
        if end > start and text[end - 1] == "\r" and lines:
            end -= 1
    indent = common_indent(lines)
    parts: list[Literal | Template] = []
    at = start
    for held in [*templates, None]:
        stop = held.span.start if held else end
        if stop > at:
            written = dedented_stretch(text[at:stop], indent, at == start, held is None)
            if written:
                parts.append(Literal(ESCAPE.sub(lambda found: unescaped(found[0]), written), Span(at, stop)))
        if held:
            parts.append(held)
            at = held.span.end
    return tuple(parts)


def dedented_stretch(written: str, indent: int, starts_line: bool, ends_line: bool) -> str:  # noqa: FBT001
    """One literal of a block text without the indentation of the lines that start in it."""
    pieces = written.split("\n")
    last = len(pieces) - 1
    for index, piece in enumerate(pieces):
        line = piece[:-1] if piece.endswith("\r") and index < last else piece
        if index or starts_line:
            blank = not line.strip(" \t") and (index < last or ends_line)
            line = "" if blank else line[indent:]
        pieces[index] = line
    return "\n".join(pieces)
