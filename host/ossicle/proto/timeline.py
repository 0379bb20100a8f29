"""The device's time over position: straight lines, one for each stretch between holes.

A chunk carries the time of its first frame as the firmware reckons it from the callbacks of the I2S driver.
Where the driver lost audio the length of the hole is an estimate (W-37), while times go on to be right: so
behind it another line holds.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from dataclasses import dataclass, field

STRETCHES_MAX = 8
_POINTS_MAX = 300
_POINT_EVERY_S = 1.0
_FIRST_POINTS = 16  # come sixteen times as often
_SPAN_S = 10.0  # what is shorter says nothing of the rate
_RATE_MAX = 1000e-6  # off the nominal one; more is a wrong measurement
_ROUNDS = 4
_OUTLIERS = 3.0  # times the median distance
_OUTLIER_MIN_S = 100e-6


@dataclass(frozen=True, slots=True)
class Line:
    """time = time0 + slope * (position - position0); `residual` is the root mean square around it."""

    position0: float
    time0: float
    slope: float
    residual: float

    def at(self, position: float) -> float:
        """The time at the position."""
        return self.time0 + self.slope * (position - self.position0)


def fit(points: list[tuple[float, float]], slope: float | None = None) -> Line:
    """The least-squares line through at least one point; with `slope` given only its height is fitted."""
    size = len(points)
    x0 = sum(x for x, _ in points) / size
    y0 = sum(y for _, y in points) / size
    if slope is None:
        spread = sum((x - x0) ** 2 for x, _ in points)
        slope = sum((x - x0) * (y - y0) for x, y in points) / spread if spread else 0.0
    squares = sum((y - y0 - slope * (x - x0)) ** 2 for x, y in points)
    return Line(x0, y0, slope, (squares / size) ** 0.5)


def fit_most(points: list[tuple[float, float]], slope: float | None = None) -> Line:
    """As `fit`, without the points that lie far off the others."""
    line = fit(points, slope)
    for _ in range(_ROUNDS):
        distances = sorted(abs(y - line.at(x)) for x, y in points)
        most = max(_OUTLIERS * distances[len(distances) // 2], _OUTLIER_MIN_S)
        line = fit([(x, y) for x, y in points if abs(y - line.at(x)) <= most], slope)
    return line


@dataclass(slots=True)
class _Stretch:
    start: int
    points: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=_POINTS_MAX))
    line: Line | None = None  # of the points, None where they have changed


class Timeline:
    """When each position was captured, in seconds of the device's clock without its wrap."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._stretches = [_Stretch(0)]
        self._next = 0  # position from which the next point is taken
        self._count = 0
        self._slope = 1 / rate
        self._known = False

    def add(self, position: int, time: float) -> None:
        """The frame at `position` was captured at `time`; for the first time, and in ascending order."""
        if position < self._next:
            return
        self._count += 1
        every = _POINT_EVERY_S / 16 if self._count < _FIRST_POINTS else _POINT_EVERY_S
        self._next = position + round(every * self._rate)
        stretch = self._stretch(position)
        stretch.points.append((float(position), time))
        stretch.line = None

    def hole(self, position: int) -> None:
        """Audio was lost from `position` on, and how much is an estimate."""
        before = self._stretch(position)
        if before.points and before.points[0][0] < position:
            after = _Stretch(position)
            after.points.extend(point for point in before.points if point[0] >= position)
            while before.points[-1][0] >= position:
                before.points.pop()
            before.line = None
            self._stretches.insert(self._stretches.index(before) + 1, after)
            if len(self._stretches) > STRETCHES_MAX:
                del self._stretches[0]
            self._next = min(self._next, position)

    def line(self, position: int) -> Line | None:
        """The line that holds at `position`, None before there is a point."""
        stretch = self._stretch(position)
        if not stretch.points:  # just behind a hole: the line before it is off by the hole's error
            stretch = next((s for s in reversed(self._stretches) if s.points), stretch)
        if stretch.line is None and stretch.points:
            stretch.line = self._fit(list(stretch.points))
        return stretch.line

    @property
    def slope(self) -> float | None:
        """Seconds of the device's clock a frame, None before it was measured."""
        self.line(self._next)
        return self._slope if self._known else None

    def _stretch(self, position: int) -> _Stretch:
        index = bisect_right(self._stretches, position, key=lambda stretch: stretch.start)
        return self._stretches[max(0, index - 1)]

    def _fit(self, points: list[tuple[float, float]]) -> Line:
        if points[-1][0] - points[0][0] >= _SPAN_S * self._rate:
            line = fit_most(points)
            if abs(line.slope * self._rate - 1) <= _RATE_MAX:
                self._slope = line.slope
                self._known = True
                return line
        return fit_most(points, self._slope)
