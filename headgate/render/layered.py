"""A layered drawing of a directed graph without rings: where boxes stand and how lines run. Pure geometry.

The classical four stages (Sugiyama): layers by longest path, lines cut into pieces of one layer each, an order within
each layer with few crossings, and coordinates. Between two layers of boxes lies a layer for the labels, so that a label
never stands on a line or a box. Coordinates within a layer are the least-squares answer to "stand where your neighbours
are, in this order, this far apart": isotonic regression, exact and linear.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Sequence
from itertools import pairwise

from headgate.records import NamedTuple

BOX_GAP = 28.0
LABEL_GAP = 10.0
LINE_GAP = 16.0
LAYER_GAP = 22.0
SWEEPS = 12
LARGE = 3000
STRAIGHTENING = 8.0
PORT_GAP = 16.0
SHELF = 1100.0


class Size(NamedTuple):
    """In pixels."""

    width: float
    height: float


class Point(NamedTuple):
    x: float
    y: float


class Line(NamedTuple):
    """From one box to another by their numbers; `label` is the room its label needs, or None."""

    source: int
    target: int
    label: Size | None = None


class Route(NamedTuple):
    """The points a line runs through, from the source's lower to the target's upper edge, and its label's centre."""

    points: tuple[Point, ...]
    label: Point | None


class Layout(NamedTuple):
    """`corners` are the boxes' upper left corners; everything lies between (0, 0) and (width, height)."""

    width: float
    height: float
    corners: tuple[Point, ...]
    routes: tuple[Route, ...]


class _Canvas:
    """Items are boxes first, then the pieces of lines; `ranks` lists the items of each layer from left to right."""

    def __init__(self, boxes: Sequence[Size], lines: Sequence[Line]) -> None:
        self.widths = [box.width for box in boxes]
        self.heights = [box.height for box in boxes]
        self.boxes = len(boxes)
        self.labelled: list[bool] = [False] * len(boxes)
        self.rank = _layers(len(boxes), lines)
        self.up: list[list[int]] = [[] for _ in boxes]
        self.down: list[list[int]] = [[] for _ in boxes]
        self.chains: list[list[int]] = [self._cut(line) for line in lines]
        self.ranks: list[list[int]] = [[] for _ in range(max(self.rank, default=0) + 1)]
        self.x: list[float] = [0.0] * len(self.widths)

    def _cut(self, line: Line) -> list[int]:
        chain = [line.source]
        for rank in range(self.rank[line.source] + 1, self.rank[line.target]):
            label = line.label if len(chain) == 1 else None
            self.widths.append(label.width if label else 0.0)
            self.heights.append(label.height if label else 0.0)
            self.labelled.append(label is not None)
            self.rank.append(rank)
            self.up.append([])
            self.down.append([])
            chain.append(len(self.widths) - 1)
        chain.append(line.target)
        for above, below in pairwise(chain):
            self.down[above].append(below)
            self.up[below].append(above)
        return chain

    def gap(self, left: int, right: int) -> float:
        """The least distance between the centres of two neighbours of one layer."""
        if left < self.boxes and right < self.boxes:
            between = BOX_GAP
        elif self.labelled[left] or self.labelled[right]:
            between = LABEL_GAP
        else:
            between = LINE_GAP
        return (self.widths[left] + self.widths[right]) / 2 + between


def layout(boxes: Sequence[Size], lines: Sequence[Line]) -> Layout:
    """Place `boxes` so that every line runs downwards. `lines` hold no ring and no line from a box to itself.

    Boxes that no line connects are drawn as pictures of their own, side by side on shelves.
    """
    corners: list[Point] = [Point(0, 0)] * len(boxes)
    routes: list[Route] = [Route((), None)] * len(lines)
    islands = [(island, _island(island, boxes, lines)) for island in _islands(len(boxes), lines)]
    shelf = max(SHELF, max((drawn.width for _, (drawn, _) in islands), default=0.0))
    x = y = width = height = 0.0
    for island, (drawn, line_numbers) in islands:
        if x and x + drawn.width > shelf:
            x, y, height = 0.0, y + height + 2 * LAYER_GAP, 0.0
        for box, corner in zip(island, drawn.corners, strict=True):
            corners[box] = Point(x + corner.x, y + corner.y)
        for number, route in zip(line_numbers, drawn.routes, strict=True):
            routes[number] = _moved(route, x, y)
        width, height = max(width, x + drawn.width), max(height, drawn.height)
        x += drawn.width + 2 * BOX_GAP
    return Layout(width, y + height, tuple(corners), tuple(routes))


def _islands(count: int, lines: Sequence[Line]) -> list[list[int]]:
    """The boxes of each connected part, in the order of their first boxes."""
    leader = list(range(count))

    def find(box: int) -> int:
        while leader[box] != box:
            leader[box] = leader[leader[box]]
            box = leader[box]
        return box

    for line in lines:
        one, other = find(line.source), find(line.target)
        leader[max(one, other)] = min(one, other)
    islands: dict[int, list[int]] = {}
    for box in range(count):
        islands.setdefault(find(box), []).append(box)
    return list(islands.values())


def _island(island: list[int], boxes: Sequence[Size], lines: Sequence[Line]) -> tuple[Layout, list[int]]:
    """The layout of one connected part, and the numbers of its lines."""
    place = {box: at for at, box in enumerate(island)}
    numbers = [number for number, line in enumerate(lines) if line.source in place]
    inside = [Line(place[lines[n].source], place[lines[n].target], lines[n].label) for n in numbers]
    canvas = _Canvas([boxes[box] for box in island], inside)
    _order(canvas)
    _spread(canvas)
    return _draw(canvas), numbers


def _moved(route: Route, x: float, y: float) -> Route:
    points = tuple(Point(point.x + x, point.y + y) for point in route.points)
    return Route(points, Point(route.label.x + x, route.label.y + y) if route.label else None)


def _layers(count: int, lines: Sequence[Line]) -> list[int]:
    """Each box's layer, counted in steps of two: the longest path to it, sources drawn down to what they lead to."""
    incoming = [0] * count
    targets: list[list[int]] = [[] for _ in range(count)]
    for line in lines:
        assert line.source != line.target, "a line may not lead back to its own box"
        targets[line.source].append(line.target)
        incoming[line.target] += 1
    sources = [not number for number in incoming]
    layer = [0] * count
    ready = [box for box in range(count) if not incoming[box]]
    for box in ready:
        for target in targets[box]:
            layer[target] = max(layer[target], layer[box] + 2)
            incoming[target] -= 1
            if not incoming[target]:
                ready.append(target)
    assert len(ready) == count, "the graph to draw holds a ring"
    for box in range(count):
        if sources[box] and targets[box]:
            layer[box] = min(layer[target] for target in targets[box]) - 2
    return layer


def _order(canvas: _Canvas) -> None:
    """Fill `ranks`: depth first from the top, then sweeps of barycentres; the order with the fewest crossings stays."""
    seen = [False] * len(canvas.rank)
    stack = [box for box in range(canvas.boxes - 1, -1, -1) if not canvas.up[box]]
    while stack:
        item = stack.pop()
        if not seen[item]:
            seen[item] = True
            canvas.ranks[canvas.rank[item]].append(item)
            stack.extend(reversed(canvas.down[item]))
    best, fewest = [list(rank) for rank in canvas.ranks], _crossings(canvas)
    for sweep in range(SWEEPS if len(canvas.rank) < LARGE else 2):
        if not fewest:
            break
        downwards = sweep % 2 == 0
        _sweep(canvas, canvas.ranks[1:] if downwards else canvas.ranks[-2::-1], canvas.up if downwards else canvas.down)
        crossings = _crossings(canvas)
        if crossings < fewest:
            best, fewest = [list(rank) for rank in canvas.ranks], crossings
    canvas.ranks = best


def _sweep(canvas: _Canvas, ranks: Sequence[list[int]], neighbours: list[list[int]]) -> None:
    place = {item: at for rank in canvas.ranks for at, item in enumerate(rank)}
    for rank in ranks:
        centre = {
            item: sum(place[other] for other in neighbours[item]) / len(neighbours[item])
            if neighbours[item]
            else float(place[item])
            for item in rank
        }
        rank.sort(key=centre.__getitem__)
        place.update({item: at for at, item in enumerate(rank)})


def _crossings(canvas: _Canvas) -> int:
    total = 0
    for above, below in pairwise(canvas.ranks):
        place = {item: at for at, item in enumerate(below)}
        seen: list[int] = []
        for item in above:
            ends = sorted(place[other] for other in canvas.down[item])
            total += sum(len(seen) - bisect_left(seen, end + 1) for end in ends)
            for end in ends:
                insort(seen, end)
    return total


def _spread(canvas: _Canvas) -> None:
    """Give every item its x: the centre, measured from the left of the drawing."""
    for rank in canvas.ranks:
        x = 0.0
        for left, right in pairwise(rank):
            canvas.x[left] = x
            x += canvas.gap(left, right)
        if rank:
            canvas.x[rank[-1]] = x
    rounds = 24 if len(canvas.rank) < LARGE else 6
    for turn in range(rounds):
        last = turn >= rounds - 4
        ranks = canvas.ranks if turn % 2 == 0 else canvas.ranks[::-1]
        for rank in ranks:
            _settle(canvas, rank, upper=last or turn % 2 == 0, lower=last or turn % 2 == 1)
    margin = min(canvas.x[item] - canvas.widths[item] / 2 for item in range(len(canvas.x)))
    canvas.x = [x - margin for x in canvas.x]


def _settle(canvas: _Canvas, rank: list[int], *, upper: bool, lower: bool) -> None:
    """Move the items of one layer as near to their neighbours as their order and distances allow."""
    blocks: list[tuple[float, float, int]] = []  # weighted mean, weight, how many items share it
    offset, offsets = 0.0, []
    for at, item in enumerate(rank):
        if at:
            offset += canvas.gap(rank[at - 1], item)
        offsets.append(offset)
        wish, weight = _wish(canvas, item, upper=upper, lower=lower)
        mean, total, many = wish - offset, weight, 1
        while blocks and blocks[-1][0] >= mean:
            other, other_weight, other_many = blocks.pop()
            mean = (mean * total + other * other_weight) / (total + other_weight)
            total += other_weight
            many += other_many
        blocks.append((mean, total, many))
    at = 0
    for mean, _, many in blocks:
        for item in rank[at : at + many]:
            canvas.x[item] = mean + offsets[at]
            at += 1


def _wish(canvas: _Canvas, item: int, *, upper: bool, lower: bool) -> tuple[float, float]:
    """Where an item would like to stand, and how much it matters: long lines should be straight."""
    total = wish = 0.0
    for other in (canvas.up[item] if upper else []) + (canvas.down[item] if lower else []):
        pieces = (item >= canvas.boxes) + (other >= canvas.boxes)
        weight = (1.0, 2.0, STRAIGHTENING)[pieces]
        total += weight
        wish += weight * canvas.x[other]
    return (wish / total, total) if total else (canvas.x[item], 0.1)


def _draw(canvas: _Canvas) -> Layout:
    tops, y = [], 0.0
    heights = [max((canvas.heights[item] for item in rank), default=0.0) for rank in canvas.ranks]
    for height in heights:
        tops.append(y)
        y += height + LAYER_GAP
    total = y - LAYER_GAP
    middle = [tops[rank] + heights[rank] / 2 for rank in canvas.rank]
    corners = tuple(
        Point(canvas.x[box] - canvas.widths[box] / 2, middle[box] - canvas.heights[box] / 2)
        for box in range(canvas.boxes)
    )
    leave = _ports(canvas, [chain[:2] for chain in canvas.chains])
    enter = _ports(canvas, [chain[:-3:-1] for chain in canvas.chains])
    routes = []
    for number, chain in enumerate(canvas.chains):
        source, target = chain[0], chain[-1]
        label = Point(canvas.x[chain[1]], middle[chain[1]]) if canvas.labelled[chain[1]] else None
        points = [Point(leave[number], middle[source] + canvas.heights[source] / 2)]
        points += [label] if label else []
        for item in chain[2:-1:2]:  # beside the boxes of a layer a line runs straight down
            rank = canvas.rank[item]
            points += [Point(canvas.x[item], tops[rank]), Point(canvas.x[item], tops[rank] + heights[rank])]
        points.append(Point(enter[number], middle[target] - canvas.heights[target] / 2))
        routes.append(Route(tuple(points), label))
    width = max(canvas.x[item] + canvas.widths[item] / 2 for item in range(len(canvas.x)))
    return Layout(width, total, corners, tuple(routes))


def _ports(canvas: _Canvas, ends: list[list[int]]) -> list[float]:
    """The x at which each line meets its box: side by side, in the order of where the lines go."""
    lines: dict[int, list[int]] = {}
    for number, (box, _) in enumerate(ends):
        lines.setdefault(box, []).append(number)
    meets = [0.0] * len(ends)
    for box, numbers in lines.items():
        numbers.sort(key=lambda number: canvas.x[ends[number][1]])
        gap = min(PORT_GAP, canvas.widths[box] * 0.7 / len(numbers))
        for at, number in enumerate(numbers):
            meets[number] = canvas.x[box] + (at - (len(numbers) - 1) / 2) * gap
    return meets
