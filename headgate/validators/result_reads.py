"""Every place at which a step reads what another has left: its result, or the error it failed with."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from headgate.compiler.graph import Graph, Node
from headgate.compiler.needs import LENIENT
from headgate.compiler.uses import Script, Site, Use, scripts, uses
from headgate.expressions import tree
from headgate.expressions.evaluated import lookups
from headgate.grammar import ast
from headgate.records import NamedTuple
from headgate.source import Source, Span

RESULT, ERROR = "result", "error"
_BRANCHING = re.compile(r"\b(?:if|and|or|pcall|xpcall)\b")
_REPEATING = re.compile(r"\b(?:for|while|repeat|function)\b")
_INDEXED = re.compile(r"[\"']?\s*\]?\s*(?:\[|\.(?!\.)|:)")


class ResultRead(NamedTuple):
    """`reader` looks up `part` of `source` at `span`, and stops when it is not there.

    `guards` are the conditions under which it does so, and `instead_of` the paths for want of which: both are empty
    where it does so whenever it runs. `template` is where it stands, None in a script. `sure`: nothing that cannot be
    seen decides whether it does.
    """

    source: Node
    reader: Node
    site: Site
    span: Span
    part: str
    segments: tuple[tree.Segment, ...] = ()
    guards: tuple[tree.Node, ...] = ()
    instead_of: tuple[tree.Path, ...] = ()
    template: ast.Template | None = None
    sure: bool = True

    @property
    def of_own_body(self) -> bool:
        """A loop's condition reads a step of the loop's body."""
        return self.source.scope is self.reader.body


def result_reads(source: Source, graph: Graph) -> Iterator[ResultRead]:
    """All of them, templates first, each sort in the order of the text.

    Not what stands under `default`, and not the outputs of a workflow or of `finish`: there what is missing is null.
    """
    yield from _template_reads(graph)
    for script in scripts(graph):
        yield from _script_reads(source, script)


@lru_cache(maxsize=4)
def _template_reads(graph: Graph) -> tuple[ResultRead, ...]:
    return tuple(
        read
        for use in uses(graph)
        if use.site.node is not None and "steps" in use.template.expression
        for read in _of_template(use, use.site.node)
    )


def _of_template(use: Use, reader: Node) -> Iterator[ResultRead]:
    site = use.site
    if use.expression is None or site.scope is None or (reader.kind, site.attribute) in LENIENT:
        return
    for lookup in lookups(use.expression.root):
        segments = lookup.path.segments
        if len(segments) < 3 or segments[0].name != "steps":
            continue
        part, source = segments[2].name, site.scope.find(segments[1].name)
        if source is None or source is reader or not (part == RESULT or (part == ERROR and len(segments) > 3)):
            continue
        start = use.template.inner.start
        span = Span(start + lookup.path.start, start + lookup.path.end)
        yield ResultRead(source, reader, site, span, part, segments, lookup.guards, lookup.instead_of, use.template)


def _script_reads(source: Source, script: Script) -> Iterator[ResultRead]:
    """What a script indexes: a missing result is nil, and only something of nil is an error.

    A script that looks before it indexes, or branches on anything, is taken to know what it does.
    """
    site, raw = script.site, script.fence.raw
    text = source.text[raw.start : raw.end]
    if site.node is None or site.scope is None or "steps" not in text or _BRANCHING.search(text):
        return
    from headgate.expressions import lua_references

    found = lua_references(text)
    careful = {one.step for one in found if one.member != RESULT or not _INDEXED.match(text, _behind(one.member_start))}
    for one in found:
        step = site.scope.find(one.step)
        if step is None or step is site.node or one.step in careful:
            continue
        span = Span(raw.start + one.start, raw.start + one.end)
        yield ResultRead(step, site.node, site, span, RESULT, sure=not _REPEATING.search(text))


def _behind(member_start: int) -> int:
    return member_start + len(RESULT)
