"""The layout of a file: what `headgate fmt` writes."""

from __future__ import annotations

from headgate.diagnostics import Diagnostic
from headgate.grammar.layout import Layout
from headgate.grammar.parse import parse
from headgate.source import Source


def format_source(source: Source) -> tuple[str | None, list[Diagnostic]]:
    """The text in the layout of the language, or None and the syntax errors of a text that does not parse.

    The plan, the comments and the bytes of fences stay the same. Lines end with LF; with CRLF when all of them did.
    """
    file, found = parse(source)
    if found:
        return None, found
    text = source.text
    written = Layout(text, file.comments).file(file)
    written = f"{written}\n" if written else ""
    breaks = text.count("\n")
    if breaks and breaks == text.count("\r\n"):
        written = written.replace("\r\n", "\n").replace("\n", "\r\n")
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    return mark + written, []
