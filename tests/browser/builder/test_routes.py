"""Where edges run, asked of the module itself: pure, so any page of the site will do."""

from __future__ import annotations

import pytest


@pytest.fixture
def routed(page, login):
    """``routed(boxes, source, target)``: the corners of the edge between two of the boxes ``{key: [x, y]}``."""
    login(page, "admin")
    page.goto("/orchestrations/new/")

    def run(boxes, source, target):
        return page.evaluate(
            """async ([boxes, source, target]) => {
                const { field, route } = await import("/static/js/canvas/route.js");
                const all = new Map(Object.entries(boxes).map(([key, [x, y]]) => [key, { x, y, w: 216, h: 52 }]));
                const [a, b] = [all.get(source), all.get(target)];
                const from = { key: source, at: [a.x + 108, a.y + 52] };
                const points = route(from, { key: target, at: [b.x + 108, b.y] }, field(all), new Map());
                return points.map(([x, y]) => [x, y]);
            }""",
            [boxes, source, target],
        )

    return run


def _crosses(points, box):
    x, y = box
    for (ax, ay), (bx, by) in zip(points, points[1:], strict=False):
        if max(ax, bx) > x and min(ax, bx) < x + 216 and max(ay, by) > y and min(ay, by) < y + 52:
            return True
    return False


def test_a_step_straight_below_is_reached_straight(routed):
    assert routed({"a": [0, 0], "b": [0, 120]}, "a", "b") == [[108, 52], [108, 120]]


def test_every_corner_is_right_angled(routed):
    points = routed({"a": [0, 0], "b": [300, 200]}, "a", "b")
    assert all(a[0] == b[0] or a[1] == b[1] for a, b in zip(points, points[1:], strict=False))
    assert [point[1] for point in points] == sorted(point[1] for point in points)


def test_an_edge_goes_round_a_card_in_its_way(routed):
    points = routed({"a": [0, 0], "between": [0, 120], "b": [0, 240]}, "a", "b")
    assert len(points) > 2
    assert not _crosses(points, [0, 120])


def test_an_edge_turns_where_it_crosses_no_card(routed):
    boxes = {"a": [0, 0], "between": [0, 120], "b": [252, 240]}
    assert not _crosses(routed(boxes, "a", "b"), [0, 120])


def test_a_step_that_stands_higher_is_entered_from_above(routed):
    points = routed({"a": [0, 240], "b": [0, 0]}, "a", "b")
    assert points[-1] == [108, 0]
    assert points[-2][1] < 0
    assert not _crosses(points, [0, 0])
