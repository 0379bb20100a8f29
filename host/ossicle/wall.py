"""The wall clock over the monotonic one.

Everything is measured on the monotonic clock, which nobody sets. What a user is told is Unix time: the
difference of the two is read anew, at most once a second, whenever a time is told. So times follow what NTP
does to the wall clock, over days as well (on Linux it slews both clocks alike; elsewhere the monotonic one
runs as its crystal does), and all times told at one moment are on one scale.

A jump of `time.time()` therefore moves no position and no block, and changes nothing that is measured; times
told from then on are by the new setting, also of audio that was captured before. It is counted here, with its
length. A laptop that slept looks the same on systems whose monotonic clock stands meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from .locks import RLock

_READ_EACH_S = 1.0
_TRIES = 3
_STEP_S = 0.010  # less may be the reading
_SLEW_MAX = 1e-3  # of the time that passed; NTP slews by 500 ppm, and a crystal is off by 100


class WallClock:
    """Knows `time.time() - time.monotonic()`. Any thread may ask."""

    def __init__(
        self, wall: Callable[[], float] = time.time, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._lock = RLock()
        self.steps = 0
        """Jumps that were seen."""
        self.moved_s = 0.0
        """Their sum in seconds; above 0 for clocks that were set forward."""
        self._read_at, self._offset = self._read()

    @property
    def offset(self) -> float:
        """Seconds to add to a monotonic time."""
        with self._lock:
            passed = self._monotonic() - self._read_at
            if passed >= _READ_EACH_S:
                before = self._offset
                self._read_at, self._offset = self._read()
                moved = self._offset - before
                if abs(moved) > _STEP_S + _SLEW_MAX * passed:
                    self.steps += 1
                    self.moved_s += moved
            return self._offset

    def _read(self) -> tuple[float, float]:
        """A monotonic time and the offset then; of several readings the one that was least interrupted."""
        best = (float("inf"), 0.0, 0.0)
        for _ in range(_TRIES):
            before = self._monotonic()
            wall = self._wall()
            after = self._monotonic()
            best = min(best, (after - before, after, wall - (before + after) / 2))
        return best[1], best[2]
