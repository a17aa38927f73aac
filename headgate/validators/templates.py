"""What the rules about templates share: each read of a name with its place in the file."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from headgate.compiler.graph import Graph, Node, Scope
from headgate.compiler.inference import Inference, Known
from headgate.compiler.uses import Site, scripts, uses
from headgate.diagnostics import Fix, nearest, replace
from headgate.expressions import Segment
from headgate.grammar import ast
from headgate.records import NamedTuple
from headgate.source import Span
from headgate.validators.rule import Context


class Read(NamedTuple):
    """One written-out path, in a template or (of a step only) in a Lua script. `offset` is where its text starts."""

    segments: tuple[Segment, ...]
    site: Site
    offset: int

    def place(self, at: int) -> Span:
        """The place of one link in the file."""
        segment = self.segments[at]
        return Span(self.offset + segment.start, self.offset + segment.end)

    def places(self, start: int, end: int) -> Span:
        """The place of the links from `start` up to, not including, `end`."""
        return Span(self.place(start).start, self.place(end - 1).end)


def reads(context: Context) -> tuple[Read, ...]:
    """Every written-out path of every template that can be read."""
    return _reads(context.graph)


@lru_cache(maxsize=4)
def _reads(graph: Graph) -> tuple[Read, ...]:
    return tuple(
        Read(reference.segments, use.site, use.template.inner.start)
        for use in uses(graph)
        if use.expression is not None
        for reference in use.expression.references
    )


def step_reads(context: Context) -> Iterator[Read]:
    """Every read of `steps`, in templates and in Lua scripts."""
    for read in reads(context):
        if read.segments[0].name == "steps":
            yield read
    found_scripts = scripts(context.graph)
    if not found_scripts:
        return
    from headgate.expressions import lua_references

    for script in found_scripts:
        start = script.fence.raw.start
        for found in lua_references(context.source.text[start : script.fence.raw.end]):
            segments = [Segment("steps", found.start, found.start), Segment(found.step, found.start, found.end)]
            if found.member is not None:
                segments.append(Segment(found.member, found.member_start, found.member_start + len(found.member)))
            yield Read(tuple(segments), script.site, start)


def inference_of(context: Context) -> Inference:
    """The types in a workflow, from everything that is known beside it."""
    return _inference(OfGraph(context))


class OfGraph:
    """A context as a key: two are the same when their graph is."""

    __slots__ = ("context",)

    def __init__(self, context: Context) -> None:
        self.context = context

    def __eq__(self, other: object) -> bool:
        return isinstance(other, OfGraph) and self.context.graph is other.context.graph

    def __hash__(self) -> int:
        return id(self.context.graph)


@lru_cache(maxsize=4)
def _inference(key: OfGraph) -> Inference:
    context = key.context
    return Inference(context.graph, Known(context.workspace, context.lock, context.callees))


def reads_unknown_steps(context: Context) -> frozenset[int]:
    """The `id` of each node of the graph that reads a step that is not there: where it stands is not known."""
    found: set[int] = set()
    for read in step_reads(context):
        scope, node = read.site.scope, read.site.node
        if scope is None or node is None or len(read.segments) == 1:
            continue
        if scope.find(read.segments[1].name) is None:
            found.add(id(node))
    return frozenset(found)


def in_text(text: str, template: ast.Template) -> bool:
    """Whether a template stands in a quoted text, and does not keep its type."""
    line_start = text.rfind("\n", 0, template.span.start) + 1
    before = text[line_start : template.span.start].rstrip(" \t")
    after = text[template.span.end : template.span.end + 1]
    return not (before.endswith(("=", "[", ",", "{", "(", "case", "each")) and after in " \t\r\n,]})")


def visible_steps(scope: Scope | None) -> tuple[str, ...]:
    """The steps that can be read in a scope, its own first."""
    names: list[str] = []
    while scope is not None:
        names.extend(scope.nodes)
        scope = scope.parent
    return tuple(names)


def loops_with(graph: Graph, step: str) -> tuple[Node, ...]:
    """The loops whose bodies have a step of that name."""
    return tuple(scope.loop for scope in graph.scopes if scope.loop is not None and step in scope.nodes)


def loops_around(scope: Scope | None) -> Iterator[Node]:
    """The loops around the steps of a scope, the innermost first."""
    while scope is not None and scope.loop is not None:
        yield scope.loop
        scope = scope.parent


def suggestion(name: str, known: tuple[str, ...], place: Span) -> tuple[str, tuple[Fix, ...]]:
    """What to say about the nearest known name, and the fix that writes it; of none near, what there is."""
    near = nearest(name, known)
    if near is None:
        return listed(known), ()
    fixes = (replace(f"write `{near}`", place, near),) if near.isidentifier() else ()
    return f"did you mean `{near}`?", fixes


def listed(names: tuple[str, ...]) -> str:
    """The names there are, in a sentence."""
    if not names:
        return "there is none"
    shown = ", ".join(f"`{name}`" for name in names[:8])
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    return f"there {'is' if len(names) == 1 else 'are'} {shown}{more}"


def where(site: Site) -> str:
    """The place of a value, in a sentence: `a trigger`, `a `let``, ..."""
    match site.sort:
        case "trigger":
            return "in a trigger"
        case "let":
            return "in a `let`"
        case "workflow":
            return "in an attribute of the workflow"
        case _:
            return "here"
