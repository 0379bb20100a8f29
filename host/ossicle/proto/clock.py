"""When was a frame captured, by the host's clock, and how fast does the microphone really run?

The device's ticks are microseconds modulo 2**30 (18 minutes), so each is unwrapped around what is expected
of it. Two straight lines do the rest:

- ticks over position, by least squares over the chunks of the last minutes: the true sample rate. One
  chunk's ticks are an estimate from the callback that delivered it, right within a DMA buffer.
- host time over ticks, from PING and PONG: NTP's offset (RFC 5905, section 8), by the half of the exchanges
  with the shortest round trips, since a long one was long in one direction only.

Both are kept over bounded numbers of points. Nothing here is used to order or to place audio.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import count

from ._wire import NUMBER_LIMIT, PING_INTERVAL_MS, PongFields

_PINGS_MAX = 4  # on their way at once; older ones count as lost
_EXCHANGES_MAX = 64
_CHUNKS_MAX = 256
_CHUNK_EVERY_S = 0.5  # of audio: 256 points are two minutes
_DRIFT_MAX = 500e-6  # of two crystals; more is a wrong measurement
_DRIFT_SPAN_S = 10.0  # exchanges closer together say nothing of drift
_FAST_PINGS = 4  # at the start, so that the first audio has a time soon
_FAST_PING_S = 0.1


@dataclass(frozen=True, slots=True)
class Line:
    """y = y0 + slope * (x - x0); `residual` is the root mean square around it."""

    x0: float
    y0: float
    slope: float
    residual: float

    def at(self, x: float) -> float:
        """The y at x."""
        return self.y0 + self.slope * (x - self.x0)


def fit(points: list[tuple[float, float]], slope: float | None = None) -> Line:
    """The least-squares line through at least one point; with `slope` given only its height is fitted."""
    size = len(points)
    x0 = sum(x for x, _ in points) / size
    y0 = sum(y for _, y in points) / size
    spread = sum((x - x0) ** 2 for x, _ in points)
    if slope is None:
        slope = sum((x - x0) * (y - y0) for x, y in points) / spread if spread else 0.0
    squares = sum((y - y0 - slope * (x - x0)) ** 2 for x, y in points)
    return Line(x0, y0, slope, (squares / size) ** 0.5)


def unwrap(ticks: int, near: float) -> float:
    """The time in microseconds that `ticks` means without their wrap: the one nearest to `near`."""
    return ticks + NUMBER_LIMIT * round((near - ticks) / NUMBER_LIMIT)


class Clock:
    """The device's clock as the host knows it. The host's times are seconds, the device's microseconds."""

    def __init__(self, rate: int) -> None:
        self._nominal = rate
        self._echo = count(1)
        self._pings: dict[bytes, float] = {}
        self._ping_at = float("-inf")
        self._sent = 0
        self._exchanges: deque[tuple[float, float, float]] = deque(maxlen=_EXCHANGES_MAX)
        self._chunks: deque[tuple[float, float]] = deque(maxlen=_CHUNKS_MAX)  # position, device time
        self._next_chunk = 0  # position from which the next point is taken
        self._arrival: tuple[int, float] | None = None  # position and host time of the earliest arrival
        self._capture: Line | None = None  # device time over position
        self._host: Line | None = None  # host time over device time
        self.rtt_s = 0.0
        """Of the last exchange; 0 before the first."""

    # PING and PONG

    def ping(self, now: float) -> bytes | None:
        """The echo of a PING to send now, or None while none is due."""
        interval = _FAST_PING_S if self._sent < _FAST_PINGS else PING_INTERVAL_MS / 1000
        if now - self._ping_at < interval:
            return None
        self._ping_at = now
        self._sent += 1
        echo = next(self._echo).to_bytes(8, "little")
        while len(self._pings) >= _PINGS_MAX:
            del self._pings[next(iter(self._pings))]
        self._pings[echo] = now
        return echo

    def pong(self, fields: PongFields, now: float) -> float | None:
        """Take the answer to a PING: the round trip in seconds, or None when no such PING is on its way."""
        sent = self._pings.pop(fields.echo, None)
        if sent is None:
            return None
        inside = ((fields.send_us - fields.receive_us) % NUMBER_LIMIT) / 1e6
        rtt = now - sent - inside
        if rtt < 0:
            return None
        middle = (sent + now) / 2
        if self._exchanges:
            device, host, _ = self._exchanges[-1]
            near = device + (middle - host) * 1e6
        else:
            near = fields.receive_us
        device = unwrap(fields.receive_us, near) + inside * 5e5
        self._exchanges.append((device, middle, rtt))
        self.rtt_s = rtt
        self._host = None
        return rtt

    # Audio

    def chunk(self, position: int, ticks: int, frames: int, now: float) -> None:
        """A chunk came for the first time: position and ticks of its first frame, its length, the time."""
        start = now - frames / self._nominal
        if self._arrival is None or start - self._at_arrival(position) < 0:
            self._arrival = (position, start)
        if position < self._next_chunk:
            return
        self._next_chunk = position + round(_CHUNK_EVERY_S * self._nominal)
        if self._chunks:
            last_position, device = self._chunks[-1]
            near = device + (position - last_position) * 1e6 / self._nominal
        elif self._exchanges:
            device, host, _ = self._exchanges[-1]
            near = device + (now - host) * 1e6
        else:
            near = ticks
        self._chunks.append((float(position), unwrap(ticks, near)))
        self._capture = None

    def _at_arrival(self, position: int) -> float:
        assert self._arrival is not None
        return self._arrival[1] + (position - self._arrival[0]) / self._nominal

    # What is known

    def true_rate(self) -> float | None:
        """Frames a second of the host's clock, or None before enough was heard to beat the nominal rate."""
        capture, host = self._lines()
        if capture is None or host is None or not capture.slope or len(self._chunks) < 8:
            return None
        return 1 / (capture.slope * host.slope)

    def time_of(self, position: int) -> tuple[float, float] | None:
        """The host's time at which `position` was captured and its uncertainty, both in seconds."""
        capture, host = self._lines()
        if capture is not None and host is not None:
            best = min(rtt for _, _, rtt in self._exchanges)
            time = host.at(capture.at(position))
            return time, best / 2 + host.residual + capture.residual / 1e6
        if self._arrival is None:
            return None
        # Nothing but arrivals: never before the capture, and late by what the link and the hop cost.
        return self._at_arrival(position), 0.25

    def _lines(self) -> tuple[Line | None, Line | None]:
        if self._capture is None and self._chunks:
            self._capture = self._fit_capture()
        if self._host is None and self._exchanges:
            self._host = self._fit_host()
        return self._capture, self._host

    def _fit_capture(self) -> Line:
        nominal = 1e6 / self._nominal
        points = list(self._chunks)
        if len(points) >= 8:
            line = fit(points)
            if abs(line.slope / nominal - 1) <= _DRIFT_MAX:
                return line
        return fit(points, nominal)

    def _fit_host(self) -> Line:
        best = sorted(self._exchanges, key=lambda exchange: exchange[2])
        points = [(device, host) for device, host, _ in best[: max(1, len(best) // 2)]]
        span = (max(x for x, _ in points) - min(x for x, _ in points)) / 1e6
        if len(points) >= 8 and span >= _DRIFT_SPAN_S:
            line = fit(points)
            if abs(line.slope * 1e6 - 1) <= _DRIFT_MAX:
                return line
        return fit(points, 1e-6)
