"""Lines between points: hulls, and all lines that pass under some points and over others."""

from __future__ import annotations

from collections.abc import Iterable

Point = tuple[float, float]


def lower_hull(points: Iterable[Point]) -> list[Point]:
    """Of points in ascending x, those that a line from below can touch (Andrew, 1979: monotone chain)."""
    hull: list[Point] = []
    for x, y in points:
        while len(hull) >= 2:
            (x0, y0), (x1, y1) = hull[-2], hull[-1]
            if (x1 - x0) * (y - y0) > (y1 - y0) * (x - x0):
                break
            hull.pop()
        hull.append((x, y))
    return hull


def upper_hull(points: Iterable[Point]) -> list[Point]:
    """Of points in ascending x, those that a line from above can touch."""
    return [(x, -y) for x, y in lower_hull((x, -y) for x, y in points)]


def lines_between(over: list[Point], under: list[Point], limit: float) -> list[Point]:
    """The lines y = height + slope * x with a slope within +-limit that pass over some points, or through
    them, and under others.

    They are a convex polygon in (slope, height); its corners are returned, none where there is no such line.
    Any linear measure of these lines has its extremes at corners.
    """
    far = 1 + max(abs(y) + limit * abs(x) for x, y in (*over, *under))  # above and below all that matters
    corners: list[Point] = [(-limit, -far), (limit, -far), (limit, far), (-limit, far)]
    for x, y in over:
        corners = _clip(corners, x, y, 1.0)
    for x, y in under:
        corners = _clip(corners, x, y, -1.0)
    return corners


def _clip(corners: list[Point], x: float, y: float, sign: float) -> list[Point]:
    """Keep the lines that pass over (x, y), for sign -1 under (Sutherland and Hodgman, 1974)."""
    kept: list[Point] = []
    for i, (slope, height) in enumerate(corners):
        slope0, height0 = corners[i - 1]
        here = sign * (height + slope * x - y)
        there = sign * (height0 + slope0 * x - y)
        if (here < 0) != (there < 0):
            part = there / (there - here)
            kept.append((slope0 + part * (slope - slope0), height0 + part * (height - height0)))
        if here >= 0:
            kept.append((slope, height))
    return kept


def highest_under(points: list[Point], slope: float) -> float:
    """The height at x = 0 of the highest line of this slope that passes under all points."""
    return min(y - slope * x for x, y in points)


def lowest_over(points: list[Point], slope: float) -> float:
    """The height at x = 0 of the lowest line of this slope that passes over all points."""
    return max(y - slope * x for x, y in points)
