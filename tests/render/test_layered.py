"""The geometry of drawings, on random graphs."""

from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.render.layered import Line, Size, layout


@st.composite
def graphs(draw):
    """Boxes of random sizes and lines that run from lower to higher numbers, some with labels."""
    count = draw(st.integers(1, 14))
    boxes = [Size(draw(st.integers(10, 200)), draw(st.integers(10, 90))) for _ in range(count)]
    pairs = list(combinations(range(count), 2))
    chosen = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=24)) if pairs else []
    lines = [Line(a, b, draw(st.none() | st.just(Size(draw(st.integers(10, 120)), 18)))) for a, b in chosen]
    return boxes, lines


def apart(one, other):
    (x, y, w, h), (u, v, p, q) = one, other
    slack = 0.01
    return x + w <= u + slack or u + p <= x + slack or y + h <= v + slack or v + q <= y + slack


@settings(max_examples=150, deadline=None)
@given(graphs())
def test_no_box_and_no_label_covers_another(graph):
    boxes, lines = graph
    places = layout(boxes, lines)
    frames = [(*corner, *box) for corner, box in zip(places.corners, boxes, strict=True)]
    for line, route in zip(lines, places.routes, strict=True):
        if line.label:
            assert route.label is not None
            x, y = route.label
            frames.append((x - line.label.width / 2, y - line.label.height / 2, *line.label))
    assert all(apart(one, other) for one, other in combinations(frames, 2))
    for x, y, w, h in frames:
        assert x >= -0.01
        assert y >= -0.01
        assert x + w <= places.width + 0.01
        assert y + h <= places.height + 0.01


@settings(max_examples=150, deadline=None)
@given(graphs())
def test_every_line_runs_downwards_from_its_source_to_its_target(graph):
    boxes, lines = graph
    places = layout(boxes, lines)
    for line, route in zip(lines, places.routes, strict=True):
        heights = [point.y for point in route.points]
        assert heights == sorted(heights)
        source, target = places.corners[line.source], places.corners[line.target]
        assert abs(heights[0] - (source.y + boxes[line.source].height)) < 0.01
        assert abs(heights[-1] - target.y) < 0.01
        assert source.x - 0.01 <= route.points[0].x <= source.x + boxes[line.source].width + 0.01
        assert target.x - 0.01 <= route.points[-1].x <= target.x + boxes[line.target].width + 0.01


@settings(max_examples=50, deadline=None)
@given(graphs())
def test_the_same_graph_is_drawn_the_same_way(graph):
    boxes, lines = graph
    assert layout(boxes, lines) == layout(boxes, lines)


def test_nothing_to_draw_takes_no_room():
    assert layout([], []) == (0.0, 0.0, (), ())


def test_a_chain_stands_in_one_column():
    places = layout([Size(100, 40)] * 5, [Line(n, n + 1) for n in range(4)])
    assert {corner.x for corner in places.corners} == {0.0}


def test_two_crossed_lines_are_uncrossed():
    places = layout([Size(80, 30)] * 4, [Line(0, 3), Line(1, 2), Line(0, 2)])
    above = places.corners[0].x < places.corners[1].x
    below = places.corners[3].x < places.corners[2].x
    assert above == below


def test_a_thousand_boxes_are_drawn():
    places = layout([Size(100, 40)] * 1000, [Line(n // 3, n) for n in range(1, 1000)])
    assert len(set(places.corners)) == 1000
