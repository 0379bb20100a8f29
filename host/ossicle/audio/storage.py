"""The memory of a ring: aligned storage, its read-only face, and what may go into it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from ossicle.audio.chunk import Frames
from ossicle.audio.errors import RingShapeError, RingTypeError

ALIGNMENT_BYTES = 64  # a cache line; also what AVX-512 likes
GUARD_MAX_FRAMES = 8192  # half a second at 16 kHz

_DTYPES = (np.dtype(np.int16), np.dtype(np.float32))


def ring_dtype(dtype: npt.DTypeLike) -> np.dtype[Any]:
    """The dtype as numpy's own object; `ValueError` when a ring does not hold it."""
    for known in _DTYPES:
        if np.dtype(dtype) == known:
            return known
    raise ValueError(f"a ring holds int16 or float32, not {np.dtype(dtype)}")


def guard_frames(capacity: int, wish: int | None) -> int:
    """The guard of a ring of `capacity` frames (R-6); `ValueError` when there is no such ring."""
    if capacity < 1:
        raise ValueError(f"a ring has at least one frame, not {capacity}")
    if wish is None:
        return min(GUARD_MAX_FRAMES, capacity // 4)
    if wish < 0:
        raise ValueError(f"a guard of {wish} frames cannot be")
    return min(wish, capacity)


def allocate(shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[Frames, Frames]:
    """Zeroed storage at a 64-byte boundary, and the same memory read-only.

    The read-only array stands on a read-only buffer, so that no slice of it can be made writable again.
    """
    size = int(np.prod(shape)) * dtype.itemsize
    raw = np.zeros(size + ALIGNMENT_BYTES, np.uint8)
    offset = -raw.ctypes.data % ALIGNMENT_BYTES
    memory = raw[offset : offset + size].view(dtype).reshape(shape)
    frozen = np.frombuffer(raw[offset : offset + size].data.toreadonly(), dtype).reshape(shape)
    return memory, frozen


def inspect(frames: Frames, dtype: np.dtype[Any], channels: int) -> None:
    """Raise `RingTypeError` or `RingShapeError` unless `frames` can go into the ring as they are."""
    if not isinstance(frames, np.ndarray):
        raise RingTypeError(f"frames must be a numpy array of {dtype}, not {type(frames).__name__}")
    if frames.dtype != dtype:
        raise RingTypeError(f"frames are {frames.dtype}, the ring holds {dtype}; nothing is cast silently")
    wanted = "(frames,)" if channels == 1 else f"(frames, {channels})"
    if frames.ndim != (1 if channels == 1 else 2) or (channels > 1 and frames.shape[1] != channels):
        raise RingShapeError(f"frames have shape {frames.shape}, the ring takes {wanted}")


def check_window(hop: int, overlap: int) -> None:
    """Raise `ValueError` unless there is such a window."""
    if hop < 1 or overlap < 0:
        raise ValueError(f"a window has hop >= 1 and overlap >= 0 frames, not {hop} and {overlap}")


def pieces(start: int, n: int, capacity: int) -> Iterator[tuple[int, int, int]]:
    """Where positions `[start, start + n)` lie, `n <= capacity`: up to two `(offset, index, frames)`."""
    index = start % capacity
    first = min(n, capacity - index)
    yield 0, index, first
    yield first, 0, n - first
