"""Hulls, the lines between points, and a timeline in stretches: against brute force and by hand."""

from __future__ import annotations

import random

import pytest

from ossicle.proto.geometry import highest_under, lines_between, lower_hull, lowest_over, upper_hull
from ossicle.proto.offset import Offset
from ossicle.proto.timeline import STRETCHES_MAX, Timeline, fit, fit_most

RATE = 16000


@pytest.mark.parametrize("seed", range(20))
def test_a_hull_bounds_as_all_points_do(seed: int) -> None:
    rng = random.Random(seed)
    points = [(x + rng.random() / 2, rng.uniform(-1, 1)) for x in range(rng.choice((1, 2, 3, 50)))]
    low, high = lower_hull(points), upper_hull(points)
    assert set(low) | set(high) <= set(points)
    for slope in (-3.0, -0.1, 0.0, 0.02, 5.0):
        assert highest_under(low, slope) == highest_under(points, slope)
        assert lowest_over(high, slope) == lowest_over(points, slope)


@pytest.mark.parametrize("seed", range(20))
def test_corners_are_the_extremes_of_all_lines(seed: int) -> None:
    """Lines are drawn at random: none that passes lies outside of the corners, and each corner passes."""
    rng = random.Random(seed)
    over = [(float(x), rng.uniform(-2, 0) + 0.1 * x) for x in range(8)]
    under = [(x + 0.5, rng.uniform(0.5, 3) + 0.1 * x) for x in range(8)]
    corners = lines_between(over, under, 1.0)
    assert corners
    for slope, height in corners:
        assert abs(slope) <= 1
        assert all(height + slope * x >= y - 1e-9 for x, y in over)
        assert all(height + slope * x <= y + 1e-9 for x, y in under)
    for at in (-5.0, 3.0, 20.0):
        reach = [height + slope * at for slope, height in corners]
        for _ in range(2000):
            slope, height = rng.uniform(-1, 1), rng.uniform(-4, 6)
            fits = all(height + slope * x >= y for x, y in over)
            if fits and all(height + slope * x <= y for x, y in under):
                assert min(reach) <= height + slope * at <= max(reach)


def test_where_no_line_passes() -> None:
    assert lines_between([(0.0, 1.0)], [(0.0, 0.5)], 1.0) == []
    assert lines_between([(0.0, 0.0), (1.0, 5.0)], [(0.0, 0.1), (1.0, 5.1)], 1.0) == []
    assert lines_between([(0.0, 0.0), (1.0, 5.0)], [(0.0, 0.1), (1.0, 5.1)], 6.0)


def test_a_line_through_one_point_is_flat() -> None:
    assert fit([(3.0, 4.0)]).at(100) == 4
    assert fit([(3.0, 4.0)], 2.0).at(4.0) == 6
    assert fit([(0, 1), (1, 3), (2, 5)]).at(10) == pytest.approx(21)


def test_points_far_off_do_not_count() -> None:
    """A board's first callback came 9 ms late, and its reckoning took seconds to come back."""
    points = [(x, x / RATE + (0.009 * 0.9**x if x < 30 else 0.0)) for x in range(200)]
    assert fit(points).at(500.0) != pytest.approx(500 / RATE, abs=1e-4)
    assert fit_most(points).at(500.0) == pytest.approx(500 / RATE, abs=1e-4)


def fed(timeline: Timeline, start: int, stop: int, shift_s: float = 0.0) -> None:
    for position in range(start, stop, 512):
        timeline.add(position, position / RATE + shift_s)


def at(timeline: Timeline, position: int) -> float:
    line = timeline.line(position)
    assert line is not None
    return line.at(position)


def test_a_timeline_is_as_sure_as_its_points() -> None:
    timeline = Timeline(RATE)
    assert timeline.line(0) is None
    assert timeline.slope is None
    fed(timeline, 0, 5 * RATE)
    assert timeline.slope is None, "too short to tell"
    assert at(timeline, 100 * RATE) == pytest.approx(100)
    fed(timeline, 5 * RATE, 20 * RATE)
    assert timeline.slope == pytest.approx(1 / RATE)


def test_a_hole_that_is_known_late_parts_what_is_there() -> None:
    timeline = Timeline(RATE)
    hole = 40 * 512 * 16
    fed(timeline, 0, hole)
    fed(timeline, hole, 2 * hole, shift_s=0.02)
    timeline.hole(hole)
    for position, shift in ((5, 0.0), (hole - 512, 0.0), (hole, 0.02), (2 * hole, 0.02)):
        assert at(timeline, position) == pytest.approx(position / RATE + shift, abs=1e-6)
    timeline.hole(hole)  # and told twice
    timeline.hole(0)
    assert at(timeline, hole - 512) == pytest.approx((hole - 512) / RATE, abs=1e-6)


def test_just_behind_a_hole_the_line_before_it_tells() -> None:
    timeline = Timeline(RATE)
    fed(timeline, 0, 1024)
    timeline.hole(1024)
    assert at(timeline, 1030) == pytest.approx(1030 / RATE)


def test_only_the_last_stretches_are_kept() -> None:
    timeline = Timeline(RATE)
    for number in range(STRETCHES_MAX + 5):
        fed(timeline, number * RATE, (number + 1) * RATE, shift_s=number * 0.001)
        timeline.hole((number + 1) * RATE)
    last = STRETCHES_MAX + 4
    assert at(timeline, last * RATE) == pytest.approx(last + last * 0.001)
    assert len(timeline._stretches) == STRETCHES_MAX


def test_an_offset_is_in_the_middle_of_what_is_possible() -> None:
    """By hand: there it takes 3 ms, back 1 ms; only their sum is known."""
    offset = Offset()
    assert offset.at(0.0) is None
    offset.exchange(50.0, 7.0, 7.0, 50.004)  # the device's 7.0 was the host's 50.003
    host, uncertainty = offset.at(7.0) or (0.0, 0.0)
    assert host == pytest.approx(50.002)
    assert uncertainty == pytest.approx(0.002, abs=1e-4)
    offset.exchange(51.0, 8.0, 8.0, 51.003)  # two there, one back: at most 50.003 + 1
    host, uncertainty = offset.at(8.0) or (0.0, 0.0)
    assert uncertainty < 0.0016
    assert abs(host - 51.002) <= uncertainty


def test_an_exchange_that_comes_late_is_passed_over() -> None:
    offset = Offset()
    for second in (1.0, 2.0, 3.0):
        offset.exchange(second, second, second, second + 0.001)
    before = offset.at(3.0)
    offset.exchange(2.5, 2.5, 2.5, 3.5)
    assert offset.at(3.0) == before
    assert offset.breaks == 0
