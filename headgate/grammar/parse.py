"""From text to tree: all of the file at once when it is well, item by item when it is not."""

from __future__ import annotations

import gc

from headgate.diagnostics import Diagnostic, Severity
from headgate.grammar import ast
from headgate.grammar.machine import Stuck, run
from headgate.grammar.tokens import read
from headgate.source import Source, Span


def parse(source: Source) -> tuple[ast.File, list[Diagnostic]]:
    """The tree of a file, and what is wrong with its syntax: HG001, HG002 and HG207.

    Items that do not parse are left out of the tree; their workflow is marked `broken` and their names are `lost`.
    """
    collects = gc.isenabled()
    gc.disable()  # nothing that a parse makes is garbage before it ends, so looking for it is time lost
    try:
        return _parse(source.text)
    finally:
        if collects:
            gc.enable()


def _parse(text: str) -> tuple[ast.File, list[Diagnostic]]:
    tokens = read(text)
    if tokens is not None:
        workflows = run("start", tokens.kinds, tokens.values, tokens.docs)
        if not isinstance(workflows, Stuck):
            return ast.File(tuple(workflows), tokens.comments, Span(0, len(text))), []
    from headgate.grammar.recover import recover

    file, found = recover(text)
    return file, found or [unexplained(text)]


def parse_value(text: str) -> tuple[ast.Value | None, list[Diagnostic]]:
    """One value as the language writes it, or None and what is wrong with it."""
    tokens = read(text.strip())
    if tokens is not None:
        value = run("value", tokens.kinds, tokens.values, tokens.docs)
        if not isinstance(value, Stuck):
            return value, []
    from headgate.grammar.recover import recover_value

    return None, recover_value(text) or [unexplained(text)]


def unexplained(text: str) -> Diagnostic:
    """The finding for a text that does not parse although each item of it does: it should never be needed."""
    return Diagnostic(
        "HG001", "syntax-error", Severity.ERROR, "expected a file of workflows", Span(0, min(1, len(text)))
    )
