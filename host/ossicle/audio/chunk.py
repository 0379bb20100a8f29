"""A window of a ring with what the ring knew about it."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy.typing as npt

# int16 or float32, of shape (frames,) for one channel and (frames, channels) for more.
Frames: TypeAlias = npt.NDArray[Any]


class AudioChunk:
    """A window `[start, start + len(data))` of the capture. Made by a ring; nothing in it is meant to be
    changed.

    It is a plain object with slots because one is made for each window on the hot path.
    """

    __slots__ = ("data", "discontinuity", "fill", "hop", "is_last", "is_view", "overlap", "start")

    data: Frames
    """`hop + overlap` frames, `(frames,)` or `(frames, channels)`; fewer when `is_last`."""
    start: int
    """Position of the first frame."""
    hop: int
    """Frames from this start to the next one's."""
    overlap: int
    """Frames that this window shares with the next."""
    is_view: bool
    """`data` is the ring's own memory, read-only, valid until the reader moves on."""
    is_last: bool
    """The rest of a closed ring: shorter than a window."""
    discontinuity: bool
    """Frames between the reader's last stop and `start` were dropped."""
    fill: float
    """How full the ring was when the chunk was taken, 0 to 1."""

    @property
    def sequence(self) -> int:
        """`start // hop`: names a place in the capture, so that looking twice gives the same number."""
        return self.start // self.hop

    @property
    def stop(self) -> int:
        """Position after the last frame of `data`."""
        return self.start + len(self.data)

    def timestamp(self, rate: int) -> float:
        """Seconds from the start of the stream to the first frame, at `rate` frames a second."""
        return self.start / rate

    def __len__(self) -> int:
        return len(self.data)

    def __repr__(self) -> str:
        marks = [name for name in ("is_view", "is_last", "discontinuity") if getattr(self, name)]
        return f"<AudioChunk {self.sequence} [{self.start}, {self.stop}) {' '.join(marks)}".rstrip() + ">"


def suggest_overlap(hop: int, rate: int) -> int:
    """An overlap for speech in frames: 16 ms at `rate`, at most a fifth of `hop`.

    16 ms is half of the shortest window that voice detectors look at (32 ms), so that no VAD frame falls
    between two windows; a fifth bounds what is carried twice.
    """
    return min(rate * 16 // 1000, hop // 5)
