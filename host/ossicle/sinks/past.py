"""The last minutes of a stream, by position.

The frames lie in a ring, which knows no gaps; a list of runs tells which position lies where. Memory is taken
once, and the oldest frames make room for the newest: nobody ever waits for whoever reads.
"""

from __future__ import annotations

from bisect import bisect_right

import numpy as np
import numpy.typing as npt

from ossicle.audio.errors import HistoryError
from ossicle.audio.ring import AudioRing
from ossicle.locks import RLock

Frames = npt.NDArray[np.int16]
RUNS_MAX = 4096
"""Stretches without a gap; with more of them, less of the past is kept."""


class Past:
    """One thread appends, any reads."""

    def __init__(self, capacity: int, channels: int) -> None:
        """`capacity` in frames."""
        self._ring = AudioRing(capacity, channels=channels, guard=0, overflow="overwrite")
        self._shape = () if channels == 1 else (channels,)
        self._lock = RLock()
        self._runs: list[tuple[int, int]] = []  # position and index of the first frame of each

    @property
    def bytes(self) -> int:
        """Of the frames that fit."""
        return 2 * self._ring.capacity * (self._shape[0] if self._shape else 1)

    @property
    def span(self) -> tuple[int, int]:
        """Positions from the oldest frame that is here to behind the newest."""
        with self._lock:
            oldest = self._oldest()
            return oldest, max(oldest, self._stop())

    def append(self, start: int, frames: Frames) -> None:
        """Frames of positions that follow all before; what lies between is a gap. Raises RingTypeError and
        RingShapeError for others than int16 of shape (n,) for one channel and (n, channels) else."""
        with self._lock:
            index = self._ring.written
            stop = self._stop()
            if not self._runs or start != stop:
                self._runs.append((start, index))  # first: an interrupted write leaves a run of nothing
            self._ring.write(frames)
            self._prune()

    def read(self, start: int, stop: int) -> tuple[Frames, tuple[int, int] | None]:
        """Frames of positions [start, stop), gaps as silence, and the range that is lost, if any: it is
        silence, too. Copies, so ask for little at once."""
        frames = np.zeros((stop - start, *self._shape), np.int16)
        with self._lock:
            oldest = self._oldest()
            at = max(start, oldest)
            for run in range(max(0, bisect_right(self._runs, (at, 1 << 62)) - 1), len(self._runs)):
                position, index = self._runs[run]
                if position >= stop:
                    break
                first, last = max(at, position), min(stop, position + self._length(run))
                if first < last:
                    frames[first - start : last - start] = self._ring.history(
                        index + first - position, last - first
                    )
        return frames, None if start >= oldest else (start, min(stop, oldest))

    def history(self, start: int, n: int) -> Frames:
        """A copy of the frames of positions [start, start + n), gaps as silence. Raises HistoryError where
        some are not here any more, or not yet."""
        oldest, newest = self.span
        if n < 0 or start < oldest or start + n > newest:
            raise HistoryError(start, start + n, oldest, newest)
        frames, lost = self.read(start, start + n)
        if lost:
            raise HistoryError(start, start + n, lost[1], newest)
        return frames

    def _length(self, run: int) -> int:
        after = self._runs[run + 1][1] if run + 1 < len(self._runs) else self._ring.written
        return after - self._runs[run][1]

    def _stop(self) -> int:
        return self._runs[-1][0] + self._length(len(self._runs) - 1) if self._runs else 0

    def _oldest(self) -> int:
        """Position of the oldest frame that is here; what lies before it was overwritten, or never came."""
        if not self._runs:
            return 0
        position, index = self._runs[0]
        return position + max(0, self._ring.read_position - index)

    def _prune(self) -> None:
        oldest = self._ring.read_position
        gone = 0
        while gone + 1 < len(self._runs) and (
            self._runs[gone + 1][1] <= oldest or len(self._runs) - gone > RUNS_MAX
        ):
            gone += 1
        del self._runs[:gone]
