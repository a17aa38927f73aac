"""Where a key of a TOML text stands: `tomllib` gives values without places."""

from __future__ import annotations

import re

_PART = r'(?:[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*"|\'[^\']*\')'
_KEYS = rf"{_PART}(?:\s*\.\s*{_PART})*"
_HEADER = re.compile(rf"\s*\[\[?\s*({_KEYS})\s*\]\]?")
_ENTRY = re.compile(rf"\s*({_KEYS})\s*=(.*)")
_ONE = re.compile(_PART)


def line_of(text: str, path: tuple[str | int, ...]) -> int | None:
    """The line, from 1, of the key that `path` leads to, or of the nearest one around it that has a line of its own."""
    keys = tuple(str(part) for part in path)
    lines = _lines(text)
    while keys:
        if keys in lines:
            return lines[keys]
        keys = keys[:-1]
    return None


def _lines(text: str) -> dict[tuple[str, ...], int]:
    found: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    quotes: str | None = None
    for number, line in enumerate(text.splitlines(), 1):
        if quotes is not None:
            quotes = None if quotes in line else quotes
            continue
        header = _HEADER.match(line)
        if header is not None:
            table = _split(header[1])
            for length in range(1, len(table) + 1):
                found.setdefault(table[:length], number)
            continue
        entry = _ENTRY.match(line)
        if entry is not None:
            keys = (*table, *_split(entry[1]))
            for length in range(len(table) + 1, len(keys) + 1):
                found.setdefault(keys[:length], number)
            quotes = next((mark for mark in ('"""', "'''") if entry[2].count(mark) == 1), None)
    return found


def _split(keys: str) -> tuple[str, ...]:
    return tuple(part[1:-1] if part[0] in "\"'" else part for part in _ONE.findall(keys))
