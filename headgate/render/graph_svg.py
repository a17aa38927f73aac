"""A plan's picture as one SVG file: no script, no font of its own, light and dark by the reader's preference."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from itertools import pairwise

from headgate.plan import ENTRY
from headgate.records import NamedTuple
from headgate.render.graph_legend import legend_entries
from headgate.render.graph_style import KIND_GROUPS, STYLE
from headgate.render.layered import Layout, Line, Point, Route, Size, layout
from headgate.render.picture import ANY_STEP, TRIGGER, Link, Node, Picture, shorten

MARGIN = 24.0
TITLE_ROOM = 44.0
HEADER = 46.0
INSIDE = 18.0
ROW = 17.0
LEAST = 132.0
TITLE_LIMIT = 44
NARROW, WIDE = set("ijlftI.,:;|!'()[] "), set("mwMW@%")


class _Drawn(NamedTuple):
    """A picture with its places; `inner` holds the drawings of the loops in it by their keys."""

    picture: Picture
    places: Layout
    sizes: tuple[Size, ...]
    inner: dict[str, _Drawn]


def graph_svg(picture: Picture, title: str) -> str:
    """The SVG of a picture. `title` stands above it and is what a screen reader says."""
    drawn = _arrange(picture)
    legend = legend_entries(picture)
    width = max(drawn.places.width, text_width(title, 16) + 8, 360.0) + 2 * MARGIN
    rows = _legend_rows(legend, width - 2 * MARGIN)
    top = MARGIN + TITLE_ROOM
    bottom = top + drawn.places.height + 34
    height = bottom + 24 * len(rows) + (MARGIN if rows else 0)
    left = (width - drawn.places.width) / 2
    parts = [
        f'<svg {_XMLNS} width="{_n(width)}" height="{_n(height)}" viewBox="0 0 {_n(width)} {_n(height)}" {_ROLE}>',
        f'<title id="headgate-title">{escape(title)}</title>',
        f"<style>{STYLE}</style>",
        _ARROWS,
        f'<rect class="paper" width="{_n(width)}" height="{_n(height)}"/>',
        f'<text class="heading" x="{_n(MARGIN)}" y="{_n(MARGIN + 18)}">{escape(title)}</text>',
        *_scope(drawn, left, top),
        *_legend(rows, bottom),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


_XMLNS = 'xmlns="http://www.w3.org/2000/svg"'
_ROLE = 'role="img" aria-labelledby="headgate-title"'
_ARROWS = (
    "<defs>"
    + "".join(
        f'<marker id="arrow-{name}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
        f'orient="auto-start-reverse"><path class="tip {name}" d="M0.5 0.8 L7.5 4 L0.5 7.2 Z"/></marker>'
        for name in ("completed", "failed", "denied", "finished", "case", "read", "start")
    )
    + "</defs>"
)


def text_width(text: str, size: float) -> float:
    """About how many pixels `text` takes in a sans-serif of `size` pixels, on the wide side."""
    ems = 0.0
    for character in text:
        if character in NARROW:
            ems += 0.33
        elif character in WIDE or ord(character) > 0x2E80:
            ems += 0.95
        elif character.isupper():
            ems += 0.72
        else:
            ems += 0.58
    return ems * size


def _arrange(picture: Picture) -> _Drawn:
    inner = {node.key: _arrange(node.body) for node in picture.nodes if node.body}
    sizes = tuple(_size(node, inner.get(node.key)) for node in picture.nodes)
    number = {node.key: at for at, node in enumerate(picture.nodes)}
    lines = [Line(number[link.source], number[link.target], _label_size(link)) for link in picture.links]
    return _Drawn(picture, layout(sizes, lines), sizes, inner)


def _label_size(link: Link) -> Size | None:
    return Size(text_width(link.label, 11.5) + 16, 19) if link.label else None


def _size(node: Node, body: _Drawn | None) -> Size:
    if node.kind == ENTRY:
        return Size(18, 18)
    if node.kind == ANY_STEP:
        return Size(text_width(node.name, 12) + 28, 28)
    texts = [text_width(node.name, 14) + 40, len(node.detail) * 6.9 + 36]
    texts.append(text_width(shorten(node.title, TITLE_LIMIT), 12) + 36)
    texts.append(text_width(" ".join(_badges(node)), 10.5) + 32 + 22 * len(_badges(node)))
    width = max(LEAST, *texts)
    if body is not None:
        return Size(max(width, body.places.width + 2 * INSIDE), _head(node) + body.places.height + INSIDE + 4)
    return Size(width, _head(node))


def _head(node: Node) -> float:
    return HEADER + ROW * bool(node.title) + 24.0 * bool(_badges(node))


def _badges(node: Node) -> list[str]:
    gates = list(node.gates)
    if node.reversibility == "irreversible":
        gates.append("irreversible")
    return gates


def _scope(drawn: _Drawn, left: float, top: float) -> Iterator[str]:
    for link, route in zip(drawn.picture.links, drawn.places.routes, strict=True):
        yield _line(link, route, left, top)
    for node, size, corner in zip(drawn.picture.nodes, drawn.sizes, drawn.places.corners, strict=True):
        x, y = left + corner.x, top + corner.y
        yield from _box(node, x, y, size)
        body = drawn.inner.get(node.key)
        if body is not None:
            yield from _scope(body, x + (size.width - body.places.width) / 2, y + _head(node))
            yield "</g>"
    for link, route in zip(drawn.picture.links, drawn.places.routes, strict=True):
        if route.label is not None:
            yield _label(link, route.label, left, top)


def _line(link: Link, route: Route, left: float, top: float) -> str:
    points = [Point(left + point.x, top + point.y) for point in route.points]
    path = [f"M{_n(points[0].x)} {_n(points[0].y)}"]
    for above, below in pairwise(points):
        bend = (below.y - above.y) * 0.5
        path.append(
            f"C{_n(above.x)} {_n(above.y + bend)} {_n(below.x)} {_n(below.y - bend)} {_n(below.x)} {_n(below.y)}"
        )
    name = "case" if link.on == "else" else link.on
    return f'<path class="line {name}" d="{" ".join(path)}" marker-end="url(#arrow-{name})"/>'


def _label(link: Link, centre: Point, left: float, top: float) -> str:
    size = _label_size(link)
    assert size is not None, "only a link with a label has a place for one"
    x, y = left + centre.x, top + centre.y
    name = "case" if link.on == "else" else link.on
    return (
        f'<g class="tag {name}"><rect x="{_n(x - size.width / 2)}" y="{_n(y - size.height / 2)}" '
        f'width="{_n(size.width)}" height="{_n(size.height)}" rx="9.5"/>'
        f'<text x="{_n(x)}" y="{_n(y + 4)}">{escape(link.label)}</text></g>'
    )


def _box(node: Node, x: float, y: float, size: Size) -> Iterator[str]:
    """The parts of one box; the group of a loop is left open for what is inside it."""
    if node.kind == ENTRY:
        title = "<title>the run starts here</title>"
        yield f'<circle class="entry" cx="{_n(x + 9)}" cy="{_n(y + 9)}" r="8">{title}</circle>'
        return
    group = KIND_GROUPS.get(node.kind, "other")
    status = f" status-{node.status}" if node.status else ""
    yield f'<g class="node {group}{status}"><title>{escape(_tooltip(node))}</title>'
    radius = size.height / 2 if node.kind in {TRIGGER, ANY_STEP} else 9
    frame = f'x="{_n(x)}" y="{_n(y)}" width="{_n(size.width)}" height="{_n(size.height)}" rx="{_n(radius)}"'
    yield f'<rect class="frame{" loop" if node.body else ""}" {frame}/>'
    if node.kind == ANY_STEP:
        yield f'<text class="small" x="{_n(x + size.width / 2)}" y="{_n(y + 18)}">{escape(node.name)}</text></g>'
        return
    if node.kind != TRIGGER:
        yield _stripe(x, y + 9, min(size.height, HEADER) - 18)
    inset = 18 if node.kind == TRIGGER else 16
    yield f'<text class="name" x="{_n(x + inset)}" y="{_n(y + 20)}">{escape(node.name)}</text>'
    yield f'<text class="detail" x="{_n(x + inset)}" y="{_n(y + 37)}">{escape(node.detail)}</text>'
    if node.status:
        yield f'<circle class="lamp" cx="{_n(x + size.width - 14)}" cy="{_n(y + 15)}" r="5"/>'
    if node.title:
        text = escape(shorten(node.title, TITLE_LIMIT))
        yield f'<text class="caption" x="{_n(x + inset)}" y="{_n(y + 53)}">{text}</text>'
    yield from _badge_row(node, x + inset, y + HEADER + ROW * bool(node.title) - 2)
    if node.body is None:
        yield "</g>"


def _stripe(x: float, y: float, height: float) -> str:
    return f'<rect class="stripe" x="{_n(x)}" y="{_n(y)}" width="4" height="{_n(height)}" rx="2"/>'


def _badge_row(node: Node, x: float, y: float) -> Iterator[str]:
    for badge in _badges(node):
        width = text_width(badge, 10.5) + 20
        name = "irreversible" if badge == "irreversible" else "gate"
        yield (
            f'<g class="badge {name}"><rect x="{_n(x)}" y="{_n(y)}" width="{_n(width)}" height="17" rx="4"/>'
            f'<text x="{_n(x + width / 2)}" y="{_n(y + 12.2)}">{escape(badge)}</text></g>'
        )
        x += width + 6


def _tooltip(node: Node) -> str:
    lines = [node.name, node.detail, node.title, *node.gates]
    if node.status:
        lines.append(f"status: {node.status}")
    return "\n".join(line for line in lines if line)


def _legend_rows(entries: list[tuple[str, str, str]], room: float) -> list[list[tuple[float, str, str, str]]]:
    """The legend's entries in rows that fit, each with its x."""
    rows: list[list[tuple[float, str, str, str]]] = []
    x = room + 1
    for shape, name, text in entries:
        width = _SYMBOL[shape] + text_width(text, 11.5) + 20
        if x + width > room:
            rows.append([])
            x = 0.0
        rows[-1].append((x, shape, name, text))
        x += width
    return rows


def _legend(rows: list[list[tuple[float, str, str, str]]], top: float) -> Iterator[str]:
    for at, row in enumerate(rows):
        y = top + 24 * at
        for offset, shape, name, text in row:
            x = MARGIN + offset
            if shape == "line":
                yield f'<path class="line {name}" d="M{_n(x)} {_n(y)} h25" marker-end="url(#arrow-{name})"/>'
            elif shape == "badge":
                yield f'<g class="badge {name}"><rect x="{_n(x)}" y="{_n(y - 7)}" width="25" height="14" rx="4"/></g>'
            elif shape == "lamp":
                yield f'<g class="status-{name}"><circle class="lamp" cx="{_n(x + 5)}" cy="{_n(y)}" r="5"/></g>'
            else:
                yield f'<g class="{name}">{_stripe(x, y - 8, 16)}</g>'
            yield f'<text class="legend" x="{_n(x + _SYMBOL[shape])}" y="{_n(y + 4)}">{escape(text)}</text>'


_SYMBOL = {"line": 32.0, "badge": 32.0, "lamp": 16.0, "stripe": 11.0}


def _n(number: float) -> str:
    """One decimal at most: enough for a pixel, and the same bytes everywhere."""
    return f"{number:.1f}".removesuffix(".0")
