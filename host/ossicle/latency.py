"""How long audio takes from its capture to the application, in a histogram of fixed size.

Buckets grow with what they hold, 64 to each doubling, so a percentile is right within 1.6 %, and is never
told too short. Adding is a count in an array; two histograms are one by adding them up.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from dataclasses import dataclass
from math import frexp, ldexp

from .proto.events import Audio

_FINEST = -14  # the first bucket ends at 2**-14 s, 61 us
_DOUBLINGS = 26  # the last one at 4096 s; what is longer is in it, too
_PARTS = 64
_BUCKETS = _DOUBLINGS * _PARTS + 1

AgeOf = Callable[[int], float | None]
"""How long ago, in seconds, the frame of a position was captured; None where that is not known."""


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds from the capture of the oldest frame in a piece of audio until a consumer took the piece.

    The time in which a chunk fills (32 ms, by default) is in it. The percentiles and `max_ms` are None before
    anything was counted.
    """

    count: int = 0
    """Pieces, as they were taken."""
    untimed: int = 0
    """Pieces beside these whose capture has no known time: before the first PONG, or from an emulator that
    runs flat out."""
    p50_ms: float | None = None
    p99_ms: float | None = None
    p999_ms: float | None = None
    max_ms: float | None = None

    def told(self) -> dict[str, float | None]:
        """The figures for programs, by name: `p50`, `p99`, `p999` and `max`, in ms."""
        names = {"p50": self.p50_ms, "p99": self.p99_ms, "p999": self.p999_ms, "max": self.max_ms}
        return {name: None if value is None else round(value, 2) for name, value in names.items()}


NONE = Latency()


class Histogram:
    """Of durations in seconds; one writer, and snapshots by anyone."""

    def __init__(self) -> None:
        self._counts = array("Q", bytes(8 * _BUCKETS))
        self._max = 0.0
        self.count = 0
        self.untimed = 0
        """Durations that nobody knows."""

    def add(self, seconds: float) -> None:
        """Count one; below 0 counts as 0."""
        self._counts[_bucket(seconds)] += 1
        self.count += 1
        if seconds > self._max:
            self._max = seconds

    def merge(self, other: Histogram) -> None:
        """Take in all that another one has counted."""
        counts = self._counts
        for bucket, count in enumerate(other._counts):
            if count:
                counts[bucket] += count
        self.count += other.count
        self.untimed += other.untimed
        self._max = max(self._max, other._max)

    def percentile(self, share: float) -> float | None:
        """The duration in seconds that so large a share (0 to 1) does not exceed; None before the first."""
        if not self.count:
            return None
        left = share * self.count
        for bucket, count in enumerate(self._counts):
            left -= count
            if count and left <= 1e-9:
                return min(_edge(bucket), self._max) if bucket < _BUCKETS - 1 else self._max
        return self._max

    def snapshot(self) -> Latency:
        """What is counted so far."""
        found = [self.percentile(share) for share in (0.5, 0.99, 0.999, 1.0)]
        return Latency(self.count, self.untimed, *(None if s is None else s * 1e3 for s in found))


def _bucket(seconds: float) -> int:
    mantissa, exponent = frexp(seconds)  # mantissa in [0.5, 1)
    if seconds <= 0 or exponent <= _FINEST:
        return 0
    return min(_BUCKETS - 1, (exponent - 1 - _FINEST) * _PARTS + int((mantissa * 2 - 1) * _PARTS) + 1)


def _edge(bucket: int) -> float:
    """Where a bucket ends."""
    doubling, part = divmod(bucket, _PARTS)
    return ldexp(1 + part / _PARTS, _FINEST + doubling)


class Ages(Histogram):
    """How old audio is when one consumer takes it."""

    def __init__(self, age_of: AgeOf) -> None:
        super().__init__()
        self._age_of = age_of

    def note(self, item: object) -> None:
        """Count what was taken, if it is audio."""
        if isinstance(item, Audio):
            age = self._age_of(item.start)
            if age is None:
                self.untimed += 1
            else:
                self.add(age)
