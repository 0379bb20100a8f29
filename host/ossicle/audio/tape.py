"""The latest stretch of the capture, by position."""

from __future__ import annotations

from collections import deque

import numpy as np

from ossicle.audio.chunk import Frames


class Tape:
    """Keeps frames until they are forgotten. Positions from `start` on, without holes."""

    def __init__(self, start: int = 0) -> None:
        self._blocks: deque[tuple[int, Frames]] = deque()
        self.stop = start  # position after the newest frame

    @property
    def start(self) -> int:
        """Position of the oldest frame kept."""
        return self._blocks[0][0] if self._blocks else self.stop

    def push(self, frames: Frames) -> None:
        """Append a copy."""
        if len(frames):
            self._blocks.append((self.stop, frames.copy()))
            self.stop += len(frames)

    def take(self, start: int, stop: int) -> Frames:
        """A copy of frames `[start, stop)`, all of which are kept."""
        parts = [
            block[max(0, start - at) : stop - at]
            for at, block in self._blocks
            if at < stop and at + len(block) > start
        ]
        return np.concatenate(parts)

    def forget(self, position: int) -> None:
        """Drop blocks that lie wholly before `position`."""
        while self._blocks and self._blocks[0][0] + len(self._blocks[0][1]) <= position:
            self._blocks.popleft()

    def restart(self, position: int) -> None:
        """Drop everything and go on at `position`."""
        self._blocks.clear()
        self.stop = position
