"""The latest stretch of a stream, by position, in one piece of memory."""

from __future__ import annotations

import numpy as np

from ossicle.audio.chunk import Frames

LEAST_FRAMES = 32768  # two seconds at 16 kHz: seldom full, and small beside a segment


class Tape:
    """Keeps frames for as long as there is room. Positions from `start` on, without holes.

    Frames lie one behind the other, so that any stretch is a view. Where the end of the memory is reached,
    those that are still needed move to its beginning. It has room for half as much again as it had to keep,
    or LEAST_FRAMES; four times that only until it is next full.
    """

    def __init__(self, start: int) -> None:
        self._hold(np.empty(0, np.int16))
        self.base = start
        """Position of the oldest frame kept, `view[0]`."""
        self.kept = 0
        """Frames, from there on."""

    @property
    def stop(self) -> int:
        """Position after the newest frame."""
        return self.base + self.kept

    def push(self, frames: Frames) -> bool:
        """Append a copy; False, and nothing done, where there is no room."""
        kept = self.kept + len(frames)
        if kept > self._capacity:
            return False
        self._frames[self.kept : kept] = frames
        self.kept = kept
        return True

    def make_room(self, coming: Frames, needed: int) -> None:
        """Have room for these, and forget what lies before the position `needed`."""
        start = min(max(needed - self.base, 0), self.kept)
        kept = self._frames[start : self.kept]
        frames = len(kept) + len(coming)
        wanted = max(LEAST_FRAMES, frames + frames // 2)
        if frames > self._capacity * 3 // 4 or self._capacity > 4 * wanted:
            self._hold(np.empty((wanted, *coming.shape[1:]), np.int16))
        if len(kept):
            self._frames[: len(kept)] = kept
        self.base += start
        self.kept -= start

    def take(self, start: int, stop: int) -> Frames:
        """A copy of frames `[start, stop)`, all of which are kept."""
        return self._frames[start - self.base : stop - self.base].copy()

    def restart(self, position: int) -> None:
        """Drop everything and go on at `position`."""
        self.base = position
        self.kept = 0

    def _hold(self, frames: Frames) -> None:
        self._frames = frames
        self._capacity = len(frames)
        self.view: Frames = frames.view()
        """What is kept, and after that what is not yet; read-only, and good until the next push."""
        self.view.flags.writeable = False
