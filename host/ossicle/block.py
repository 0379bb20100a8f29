"""Blocks: the stream cut into pieces of one size, as audio programs expect it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from .proto.events import Audio, Frames, Gap

DTYPES = ("int16", "float32")
FULL_SCALE = 32768.0
"""int16 becomes float32 in [-1, 1) by division with this, as in libsndfile and PortAudio."""

TimeOf = Callable[[int], tuple[float, float] | None]


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Frames of positions [start, start + len(block)), without a break.

    `data` is int16 or float32 of shape (n,), or (n, channels) for more than one channel or on demand.
    `gaps` are those between the block before and this one. `time` is when the first frame was captured, as
    Unix time in seconds, right within `uncertainty` seconds; both are None where nothing is known yet.
    """

    data: NDArray[Any]
    start: int
    rate: int
    gaps: tuple[Gap, ...] = ()
    time: float | None = None
    uncertainty: float | None = None

    @property
    def stop(self) -> int:
        """The position after the last frame."""
        return self.start + len(self.data)

    def __len__(self) -> int:
        return len(self.data)

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        if copy is None:
            return np.asarray(self.data, dtype=dtype)
        if copy:
            return np.array(self.data, dtype=dtype)
        if dtype is not None and np.dtype(dtype) != self.data.dtype:
            raise ValueError(f"a block of {self.data.dtype} cannot be {np.dtype(dtype)} without a copy")
        return self.data


class Cutter:
    """Cuts audio and gaps into blocks.

    A block never spans a gap: it ends there, and the next begins after it.

    The block after a gap carries it in `gaps`; where none follows, an empty last block does. So the gaps of
    all blocks are all gaps. With overlap, blocks after a gap begin anew, without frames from before it.
    Raises ValueError for sizes or dtypes that make no sense.
    """

    def __init__(
        self,
        blocksize: int,
        overlap: int,
        dtype: str,
        always_2d: bool,
        rate: int,
        channels: int,
        time_of: TimeOf,
    ) -> None:
        if blocksize < 1 or not 0 <= overlap < blocksize:
            raise ValueError(f"blocksize {blocksize}, overlap {overlap}: 0 <= overlap < blocksize is needed")
        if dtype not in DTYPES:
            raise ValueError(f"dtype {dtype!r}: one of {', '.join(DTYPES)}")
        self._blocksize = blocksize
        self._overlap = overlap
        self._float = dtype == "float32"
        self._flat = channels == 1 and not always_2d
        self._shape = (0,) if channels == 1 else (0, channels)
        self._rate = rate
        self._time_of = time_of
        self._pieces: list[Frames] = []
        self._count = 0  # frames in `_pieces`
        self._carried = 0  # of those, already in the block before
        self._start = 0
        self._gaps: list[Gap] = []

    @property
    def wants(self) -> int:
        """Frames that complete the block."""
        return self._blocksize - self._count

    def audio(self, event: Audio) -> Block | None:
        """Take the next frames, at most `wants`; a block when it is complete."""
        if not self._count:
            self._start = event.start
        self._pieces.append(event.frames)
        self._count += len(event.frames)
        return self._cut() if self._count >= self._blocksize else None

    def gap(self, gap: Gap) -> Block | None:
        """What came before the gap ends here: a short block, if there are frames that no block had."""
        block = self._cut_short()
        self._gaps.append(gap)
        if gap.stop is not None:
            self._start = gap.stop
        else:
            self._start = 0
        return block

    def end(self) -> Block | None:
        """The short last block, an empty one where only a gap is left to tell, or nothing."""
        block = self._cut_short()
        if block is None and self._gaps:
            block = self._make(np.zeros(self._shape, np.int16))
        return block

    def empty(self, position: int) -> Block:
        """A block without frames, where there is nothing to tell."""
        self._start = position
        return self._make(np.zeros(self._shape, np.int16))

    def _cut(self) -> Block:
        whole = self._pieces[0] if len(self._pieces) == 1 else np.concatenate(self._pieces)
        block = self._make(whole)
        keep = min(self._overlap, len(whole))
        self._pieces = [whole[-keep:]] if keep else []
        self._count = self._carried = keep
        self._start += len(whole) - keep
        return block

    def _cut_short(self) -> Block | None:
        block = self._cut() if self._count > self._carried else None
        self._pieces = []
        self._count = self._carried = 0
        return block

    def _make(self, whole: Frames) -> Block:
        data: NDArray[Any] = (
            whole.astype(np.float32) / np.float32(FULL_SCALE) if self._float else whole.copy()
        )
        if not self._flat and data.ndim == 1:
            data = data.reshape(-1, 1)
        gaps = tuple(self._gaps)
        self._gaps.clear()
        time, uncertainty = self._time_of(self._start) or (None, None)
        return Block(data, self._start, self._rate, gaps, time, uncertainty)
