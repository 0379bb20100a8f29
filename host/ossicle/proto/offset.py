"""The host's time over the device's, with bounds that hold.

Nothing arrives before it was sent. So at the moment at which the device received a PING, the host's clock
was past the PING's sending; and when the device sent the PONG, it had not yet reached the PONG's arrival.
Over minutes two clocks are a straight line to each other, and that line passes over all points of the first
kind and under all of the second. Whatever the way does to single packets (jitter, losses, 200 ms now and
then, one direction that is slow for a while), it only takes these points away from the line: the others
count, each direction for itself.

- Uncertainty: among all lines that the points allow, how far the farthest is. No statistics, no assumption
  about the way. What it cannot tell is how a lasting delay is shared between the directions; half of the
  shortest round trip therefore always remains.
- Offset: in the middle between what the two directions allow, as NTP has it (RFC 5905, section 8).
- Drift: the slope at which the points of both directions, and the arrivals of audio, come nearest to the
  line: the sum of the least distances is largest where the slope is right (in the way of Moon, Skelly and
  Towsley, 1999). Arrivals are many and narrow it to a few ppm within a minute; their own delay, which has
  no counterpart in the other direction, does not matter for the slope.

When no line is left, one of the clocks was set or slewed, or the host slept: the oldest points go, until
there is one again, and for a minute twice the uncertainty is told.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from math import inf

from .geometry import Point, highest_under, lines_between, lower_hull, lowest_over, upper_hull

WINDOW_S = 300.0  # over which two crystals are a straight line within `_WANDER`
DRIFT_MAX = 1000e-6  # of two crystals, one of which NTP may be slewing; more is no clock
_EXCHANGES_MAX = 256
_BIN_S = 1.0  # of arrivals the earliest counts
_DRIFT_SPAN_S = 10.0  # exchanges closer together say nothing of drift
_DRIFT_EXCHANGES = 8
_SETTLED_EXCHANGES = 3  # that agree, after a break
_LATE_S = 5.0  # an exchange that began so long before the newest came late; earlier, a clock was set back
_WANDER = 1e-6  # of the slope, over the window: crystals warm up
_BENT_S = 60.0  # after a break a clock may still be slewed: no bound is one, and twice as much is told
_BENT = 2.0
_GRAIN_S = 20e-6  # of the clocks' readings
_ARRIVALS_WEIGHT = 8.0  # each direction's exchanges weigh 1
_ROUNDS = 2
_LATE_NOISE = 3.0
_FEW = 5  # th of the points, from the nearest on
_NOISE_MIN_S = 100e-6
_STEPS = 40  # of the search for the slope: (2/3)**40 of 2000 ppm is 2e-10


class Offset:
    """The host's clock over the device's. All times in seconds; the device's without their wrap."""

    def __init__(self) -> None:
        self._zero: Point | None = None  # device, host
        self._starts: deque[Point] = deque(maxlen=_EXCHANGES_MAX)  # received on the device, sent by the host
        self._stops: deque[Point] = deque(maxlen=_EXCHANGES_MAX)  # sent on the device, received by the host
        self._arrivals: deque[Point] = deque(maxlen=round(WINDOW_S / _BIN_S))
        self._lines: list[
            Point
        ] = []  # corners of what is possible: slopes, and heights at the newest exchange
        self._slope = 0.0  # best known, of host over device, less 1
        self._height = 0.0
        self._least = 0.0  # half of the shortest round trip
        self._known = False  # the slope was measured
        self._bent_until = -inf  # device's time, as the points have it
        self.breaks = 0
        """Times that the two clocks did not agree with what was known."""

    def _point(self, device: float, host: float) -> Point:
        if self._zero is None:
            self._zero = (device, host)
        x = device - self._zero[0]
        return x, host - self._zero[1] - x

    # What is measured

    def exchange(self, sent: float, received: float, answered: float, came: float) -> None:
        """A PING was sent and its PONG came, by the host's clock; received and answered, by the device's."""
        start, stop = self._point(received, sent), self._point(answered, came)
        if self._starts:
            if self._starts[-1][0] - _LATE_S < start[0] <= self._starts[-1][0]:
                return
            if not self._follows(start, stop):
                self._forget_before(inf)
                self.breaks += 1
        self._starts.append(start)
        self._stops.append(stop)
        self._forget_before(stop[0] - WINDOW_S)
        self._find_lines()
        self._find_slope()

    def _follows(self, start: Point, stop: Point) -> bool:
        """Is there a line through this exchange and the one before?"""
        (before, low), (_, high) = self._starts[-1], self._stops[-1]
        bend = DRIFT_MAX * (stop[0] - before) + 2 * _GRAIN_S
        return start[0] > before and start[1] - high <= bend and low - stop[1] <= bend

    def arrival(self, device: float, host: float) -> None:
        """Audio came at `host` that was sent as soon as possible after `device`."""
        if self._zero is None:
            return
        x, y = self._point(device, host)
        arrivals = self._arrivals
        if arrivals and x // _BIN_S <= arrivals[-1][0] // _BIN_S:
            last_x, last_y = arrivals[-1]
            if x // _BIN_S < last_x // _BIN_S or y - last_y >= self._slope * (x - last_x):
                return
            arrivals.pop()
        arrivals.append((x, y))

    def _forget_before(self, x: float) -> None:
        for points in (self._starts, self._stops, self._arrivals):
            while points and points[0][0] < x:
                points.popleft()

    def _find_lines(self) -> None:
        """All that is possible; forgets the oldest exchanges while nothing is."""
        broken = False
        while True:
            self._lines = lines_between(*self._hulls(), DRIFT_MAX)
            if self._lines or len(self._starts) <= 1:
                break
            broken = True
            self._forget_oldest(len(self._starts) // 4)
        if broken:
            # What just fits is bent, too.
            self._forget_oldest(len(self._starts) // 2)
            self._lines = lines_between(*self._hulls(), DRIFT_MAX)
            self.breaks += 1
            self._bent_until = self._stops[-1][0] + _BENT_S
            self._arrivals.clear()

    def _forget_oldest(self, count: int) -> None:
        for _ in range(max(1, count)):
            if len(self._starts) > 1:
                self._starts.popleft()
                self._stops.popleft()

    def _hulls(self) -> tuple[list[Point], list[Point]]:
        latest = self._stops[-1][0]
        over = [(x - latest, y - _GRAIN_S) for x, y in upper_hull(self._starts)]
        under = [(x - latest, y + _GRAIN_S) for x, y in lower_hull(self._stops)]
        return over, under

    def _find_slope(self) -> None:
        low = min(slope for slope, _ in self._lines)
        high = max(slope for slope, _ in self._lines)
        starts, stops = list(self._starts), list(self._stops)
        if len(stops) >= _DRIFT_EXCHANGES and stops[-1][0] - stops[0][0] >= _DRIFT_SPAN_S:
            self._slope = self._best_slope(low, high)
            self._known = True
        else:
            self._slope = min(max(self._slope, low), high)
        self._height = (lowest_over(starts, self._slope) + highest_under(stops, self._slope)) / 2
        self._least = min(stop[1] - start[1] for start, stop in zip(starts, stops, strict=True)) / 2

    def _best_slope(self, low: float, high: float) -> float:
        """Where the points of all kinds come nearest to lines of one slope.

        Arrivals decide, being many; those that were held up mislead. So first exchanges and arrivals count
        alike; then arrivals far above the line so found are left out, and the others count more.
        """
        starts, stops = upper_hull(self._starts), lower_hull(self._stops)

        def room(slope: float) -> float:
            return highest_under(stops, slope) - lowest_over(starts, slope)

        arrivals = list(self._arrivals)
        if not arrivals:
            return _highest(room, low, high)
        slope = _highest(_sum(room, arrivals, 1.0), low, high)
        late = _LATE_NOISE * self._noise(slope)
        for _ in range(_ROUNDS):
            height = min(y - slope * x for x, y in arrivals)
            soon = [(x, y) for x, y in arrivals if y - slope * x - height <= late]
            slope = _highest(_sum(room, soon, _ARRIVALS_WEIGHT), low, high)
        return slope

    def _noise(self, slope: float) -> float:
        """By so much the extremes of this window differ from those of another, for the jitter of the way."""
        few = min(_FEW, len(self._starts)) - 1
        starts = sorted(slope * x - y for x, y in self._starts)
        stops = sorted(y - slope * x for x, y in self._stops)
        return starts[few] - starts[0] + stops[few] - stops[0] + _NOISE_MIN_S

    # What is known

    @property
    def drift(self) -> float | None:
        """How much faster the device's clock runs than the host's, 1e-6 for a ppm; None for not yet known."""
        return 1 / (1 + self._slope) - 1 if self._known else None

    @property
    def newest(self) -> float | None:
        """The device's time of the newest exchange."""
        return None if self._zero is None else self._stops[-1][0] + self._zero[0]

    def at(self, device: float) -> tuple[float, float] | None:
        """The host's time at the device's, and how sure that is; None while it is not known."""
        if self._zero is None or (self.breaks and len(self._starts) < _SETTLED_EXCHANGES):
            return None
        x = device - self._zero[0]
        best = self._height + self._slope * x
        latest = self._stops[-1][0]
        farthest = max(abs(height + slope * (x - latest) - best) for slope, height in self._lines)
        span = latest - self._stops[0][0]
        uncertainty = max(farthest, self._least) + _WANDER * span
        return self._zero[1] + x + best, uncertainty * (_BENT if latest < self._bent_until else 1.0)


def _sum(room: Callable[[float], float], arrivals: list[Point], weight: float) -> Callable[[float], float]:
    # Of one direction alone only the height in its middle means something.
    middle = (arrivals[0][0] + arrivals[-1][0]) / 2
    hull = lower_hull((x - middle, y) for x, y in arrivals)
    return lambda slope: room(slope) + weight * highest_under(hull, slope)


def _highest(measure: Callable[[float], float], low: float, high: float) -> float:
    """Where in [low, high] a concave function is highest."""
    for _ in range(_STEPS):
        third = (high - low) / 3
        if measure(low + third) < measure(high - third):
            low += third
        else:
            high -= third
    return (low + high) / 2
