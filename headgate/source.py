"""Places in a text: offsets, and the lines and columns that people and editors count."""

from __future__ import annotations

from bisect import bisect_right

from headgate.records import NamedTuple


class Span(NamedTuple):
    """A half-open range of code points of one file: `start` included, `end` excluded, both counted from 0."""

    start: int
    end: int


class Position(NamedTuple):
    """A line and a column, both counted from 1; columns count Unicode code points."""

    line: int
    column: int


class Source:
    """One text and its path.

    `path` is what people see: relative to the workspace, or to the current folder without one. `text` is the file
    decoded as UTF-8 without its byte order mark, with its own line endings: offsets count code points of it.
    """

    __slots__ = ("_starts", "path", "text")

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.text = text
        self._starts: list[int] | None = None

    @property
    def line_starts(self) -> list[int]:
        """The offset of each line's first character. A line ends with LF, alone or after CR."""
        if self._starts is None:
            starts = [0]
            find = self.text.find
            at = find("\n")
            while at >= 0:
                starts.append(at + 1)
                at = find("\n", at + 1)
            self._starts = starts
        return self._starts

    def position(self, offset: int) -> Position:
        """The line and column of an offset; an offset past the end is the end."""
        offset = max(0, min(offset, len(self.text)))
        starts = self.line_starts
        line = bisect_right(starts, offset)
        return Position(line, offset - starts[line - 1] + 1)

    def offset(self, position: Position) -> int:
        """The offset of a line and column, kept inside the text: the inverse of `position`."""
        starts = self.line_starts
        line = max(1, min(position.line, len(starts)))
        end = starts[line] if line < len(starts) else len(self.text)
        return max(starts[line - 1], min(starts[line - 1] + position.column - 1, end))

    def line_text(self, line: int) -> str:
        """The text of a line, counted from 1, without its line ending."""
        starts = self.line_starts
        end = starts[line] if line < len(starts) else len(self.text)
        return self.text[starts[line - 1] : end].rstrip("\r\n")

    def utf16_column(self, offset: int) -> int:
        """The column of an offset in UTF-16 code units counted from 0, as the language server protocol wants it."""
        position = self.position(offset)
        start = self.line_starts[position.line - 1]
        return len(self.text[start:offset].encode("utf-16-le", "surrogatepass")) // 2
