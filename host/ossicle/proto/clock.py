"""When was a frame captured, by the host's clock, and how fast does the microphone really run?

The device's ticks are microseconds modulo 2**30 (18 minutes), so each is unwrapped around what is expected
of it. Then two straight lines do the rest: `timeline` has the device's time over position, `offset` the
host's time over the device's.

The two unwrap by themselves: chunks by their positions, which go on whatever happens to the host, and
exchanges by the host's clock, which stands while the host sleeps. Where that leaves them whole wraps apart,
the newest chunk tells how many: it came less than a wrap after its capture.

Nothing here is used to order or to place audio: positions are counted by the device.
"""

from __future__ import annotations

from itertools import count
from math import floor

from ._wire import NUMBER_LIMIT, PING_INTERVAL_MS, PongFields
from .offset import Offset
from .timeline import Timeline

_WRAP_S = NUMBER_LIMIT / 1e6
_PINGS_MAX = 16  # on their way at once; older ones count as lost
_PING_S = PING_INTERVAL_MS / 1000
_FAST_PINGS = 12  # at the start, so that the first audio has a time soon; and after a break
_FAST_PING_S = 0.1
_HURRY_AGAIN_S = 60.0  # a device that does not run by the clock breaks at each exchange
_AHEAD_S = 60.0  # a chunk cannot come before its capture; by so much it may seem to
_SOON_S = 10.0  # chunks that come later than that say nothing of the way
_ARRIVAL_UNCERTAINTY_S = 0.25


def unwrap(ticks: int, near: float) -> float:
    """The time in seconds that `ticks` means without their wrap: the one nearest to `near`."""
    time = ticks / 1e6
    return time + _WRAP_S * round((near - time) / _WRAP_S)


class Clock:
    """The device's clock as the host knows it. All times are seconds; `now` is of a monotonic clock."""

    def __init__(self, rate: int) -> None:
        self._nominal = rate
        self._echo = count(1)
        self._pings: dict[bytes, float] = {}
        self._ping_at = float("-inf")
        self._fast = _FAST_PINGS  # pings that are still to follow each other fast
        self._hurried_at = float("-inf")
        self._offset = Offset()
        self._timeline = Timeline(rate)
        self._exchange: tuple[float, float] | None = None  # the newest: device's and host's time
        self._chunk: tuple[int, float] | None = None  # the newest: position and the device's time
        self._wraps = 0  # that the exchanges' time is ahead of the chunks' time
        self._arrival: tuple[int, float] | None = None  # position and host time of the earliest arrival
        self.rtt_s = 0.0
        """Of the last exchange; 0 before the first."""

    # PING and PONG

    def ping(self, now: float) -> bytes | None:
        """The echo of a PING to send now, or None while none is due."""
        if now - self._ping_at < (_FAST_PING_S if self._fast else _PING_S):
            return None
        self._ping_at = now
        self._fast = max(0, self._fast - 1)
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
        received = fields.receive_us / 1e6
        if self._exchange is not None:
            device, host = self._exchange
            received = unwrap(fields.receive_us, device + sent - host)
        self._exchange = (received + inside, now)
        self.rtt_s = rtt
        breaks = self._offset.breaks
        self._offset.exchange(sent, received, received + inside, now)
        if self._offset.breaks > breaks and now - self._hurried_at >= _HURRY_AGAIN_S:
            self._hurried_at = now
            self._fast = _FAST_PINGS
        return rtt

    # Audio

    def chunk(self, position: int, ticks: int, frames: int, now: float) -> None:
        """A chunk came for the first time: position and ticks of its first frame, its length, the time."""
        length = frames / self._nominal
        if self._arrival is None or now - length < self._at_arrival(position):
            self._arrival = (position, now - length)
        device = self._unwrapped(position, ticks, now)
        self._chunk = (position, device)
        self._timeline.add(position, device)
        if self._exchange is None:
            return
        latest = self._exchange[0] + now - self._exchange[1]  # the device's time, as the exchanges have it
        self._wraps = floor((latest - device + _AHEAD_S) / _WRAP_S)
        device += self._wraps * _WRAP_S + length
        if latest - device < _SOON_S:
            self._offset.arrival(device, now)

    def hole(self, position: int) -> None:
        """From `position` on the driver lost audio, and nobody knows exactly how much (W-37)."""
        self._timeline.hole(position)

    def _unwrapped(self, position: int, ticks: int, now: float) -> float:
        if self._chunk is not None:
            last, device = self._chunk
            return unwrap(ticks, device + (position - last) * (self._timeline.slope or 1 / self._nominal))
        if self._exchange is not None:
            device, host = self._exchange
            return unwrap(ticks, device + now - host)
        return ticks / 1e6

    def _at_arrival(self, position: int) -> float:
        assert self._arrival is not None
        return self._arrival[1] + (position - self._arrival[0]) / self._nominal

    # What is known

    @property
    def drift_ppm(self) -> float | None:
        """By how many millionths the device's clock runs faster than the host's; None for not yet known."""
        drift = self._offset.drift
        return None if drift is None else drift * 1e6

    @property
    def breaks(self) -> int:
        """Times that device and host did not agree with what was known of them: a clock was set, or slept."""
        return self._offset.breaks

    def true_rate(self) -> float | None:
        """Frames a second of the host's clock, or None before enough was heard to beat the nominal rate."""
        slope, drift = self._timeline.slope, self._offset.drift
        return None if slope is None or drift is None else (1 + drift) / slope

    def time_of(self, position: int) -> tuple[float, float] | None:
        """The host's time at which `position` was captured and its uncertainty, both in seconds.

        None where nothing is known, and where the device does not run by any clock (an emulated one flat
        out).
        """
        line = self._timeline.line(position)
        if line is None or self._arrival is None:
            return None
        if self._exchange is None:
            # Nothing but arrivals: never before the capture, and late by what the link and the hop cost.
            return self._at_arrival(position), _ARRIVAL_UNCERTAINTY_S
        found = self._offset.at(line.at(position) + self._wraps * _WRAP_S)
        return None if found is None else (found[0], found[1] + line.residual)
