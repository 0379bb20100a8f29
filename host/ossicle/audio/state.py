"""What a ring is made of: its counters, its memory, and what it tells of both."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import numpy.typing as npt

from ossicle import locks
from ossicle.audio import storage
from ossicle.audio.chunk import Frames
from ossicle.audio.status import Overflow, RingStatus, level

NOBODY = sys.maxsize  # `_wanted` while no reader waits: no fill reaches it
SHUT = -1  # `_limit` while writes must take the lock: no fill is within it


def has_gil() -> bool:
    """Whether this interpreter runs one thread at a time; without it a ring does all under its lock."""
    return bool(getattr(sys, "_is_gil_enabled", lambda: True)())


class State:
    """The state of an `AudioRing` (which see), without the ways in and out."""

    __slots__ = (
        "_alone",  # the reader needs no lock to look and move: nobody else moves it
        "_capacity",
        "_channels",
        "_claimed",  # W, or while a write without the lock is under way, what W will be
        "_cleared",
        "_closed",
        "_contention",
        "_copies",
        "_data",  # the reader waits for this lock, and whoever has something for it releases it
        "_dropped",
        "_drops",
        "_dtype",
        "_fill_sum",
        "_floor",  # nothing before this position is in history
        "_gil",  # one thread runs at a time
        "_guard",
        "_guard_wish",
        "_in",  # (target, capacity, guard): where a write goes; one tuple, so that it is loaded at once
        "_inside",  # threads that are under the lock and do not wait
        "_jumped",  # an overflow moved R, and the reader has not yet looked there and moved on
        "_limit",  # the largest fill that a write without the lock may make: the capacity, or SHUT
        "_lock",
        "_looked",  # the reader has seen what is at R since it was moved
        "_ndim",
        "_origin",  # the first position
        "_out",  # (read-only storage, capacity, guard): where a reader looks
        "_overflow",
        "_peak",
        "_read",  # R
        "_refused",
        "_refused_frames",
        "_room",  # the same for the writer
        "_room_wanted",  # a writer waits
        "_shares",  # windows may be views
        "_storage",
        "_views",
        "_wait_s",
        "_waits",
        "_wanted",  # available frames that a waiting reader needs
        "_wide",  # more than one channel
        "_writes",
        "_written",  # W
    )

    def __init__(
        self,
        capacity: int,
        *,
        channels: int = 1,
        dtype: npt.DTypeLike = "int16",
        guard: int | None = None,
        overflow: Overflow = "block",
        _threading: Any = locks,
    ) -> None:
        """Raises `ValueError` for arguments that make no ring. `_threading` gives `RLock` and `Lock` (a
        seam for tests that decide themselves which thread runs)."""
        if overflow not in ("block", "reject", "overwrite"):
            raise ValueError(f"overflow is 'block', 'reject' or 'overwrite', not {overflow!r}")
        if channels < 1:
            raise ValueError(f"a ring has at least one channel, not {channels}")
        self._dtype = storage.ring_dtype(dtype)
        self._channels = channels
        self._wide = channels > 1
        self._ndim = 2 if self._wide else 1
        self._overflow: Overflow = overflow
        self._shares = overflow != "overwrite"
        self._gil = has_gil()
        self._alone = self._shares and self._gil
        self._inside = 0
        self._guard_wish = guard
        self._lock = _threading.RLock()
        self._data = _threading.Lock()
        self._room = _threading.Lock()
        self._data.acquire()
        self._room.acquire()
        self._wanted = NOBODY
        self._room_wanted = False
        self._closed = False
        self._allocate(capacity)
        self._limit = capacity if self._gil else SHUT
        self._written = self._claimed = self._read = self._origin = self._floor = 0
        self._jumped = self._looked = False
        self._writes = self._views = self._copies = self._contention = self._waits = 0
        self._fill_sum = self._peak = self._drops = self._dropped = self._cleared = 0
        self._refused = self._refused_frames = 0
        self._wait_s = 0.0

    # Memory

    def _allocate(self, capacity: int, start: int = 0, kept: Frames | None = None) -> None:
        """New memory, with the frames `kept` from position `start` on. A reader may look at any moment: it
        must find the frames in place."""
        guard = storage.guard_frames(capacity, self._guard_wish)
        shape = (capacity + guard, self._channels) if self._wide else (capacity + guard,)
        memory, frozen = storage.allocate(shape, self._dtype)
        if kept is not None:
            for offset, index, n in storage.pieces(start, len(kept), capacity):
                memory[index : index + n] = kept[offset : offset + n]
            memory[capacity:] = memory[:guard]
        self._storage = memory
        self._capacity = capacity
        self._guard = guard
        # A memoryview takes a slice in half the time of an array, and refuses another dtype or shape by
        # itself; but it knows one dimension only.
        self._in: tuple[Any, int, int] = (memory if self._wide else memory.data, capacity, guard)
        self._out = (frozen, capacity, guard)

    def _look(self, start: int, n: int) -> Frames:
        """Frames `[start, start + n)`, as a view where there may be one."""
        frozen, capacity, guard = self._out
        if not self._shares or n > guard:
            return self._copy(start, n)
        self._views += 1
        index = start % capacity
        return frozen[index : index + n]

    def _copy(self, start: int, n: int) -> Frames:
        frozen, capacity, guard = self._out
        self._copies += 1
        index = start % capacity
        if index + n <= capacity + guard:
            return frozen[index : index + n].copy()
        return np.concatenate((frozen[index:capacity], frozen[: index + n - capacity]))

    def _oldest(self) -> int:
        return max(self._floor, self._written - self._capacity)

    # What it tells

    @property
    def capacity(self) -> int:
        """Frames that fit."""
        return self._capacity

    @property
    def guard(self) -> int:
        """Frames: windows up to this long are views."""
        return self._guard

    @property
    def channels(self) -> int:
        return self._channels

    @property
    def dtype(self) -> np.dtype[Any]:
        return self._dtype

    @property
    def overflow(self) -> Overflow:
        return self._overflow

    @property
    def written(self) -> int:
        """Position: frames ever written."""
        return self._written

    @property
    def read_position(self) -> int:
        """Position of the next frame to read."""
        return self._read

    @property
    def available(self) -> int:
        """Frames that wait for the reader. Exact for the reader; for others what it just was."""
        read = self._read  # before W, so that the difference is never negative
        available = self._written - read
        return available if available < self._capacity else self._capacity

    @property
    def free(self) -> int:
        """Frames that fit now."""
        return self._capacity - self.available

    @property
    def is_empty(self) -> bool:
        return self.available == 0

    @property
    def is_full(self) -> bool:
        return self.free == 0

    @property
    def closed(self) -> bool:
        return self._closed

    def _status(self) -> RingStatus:
        available = self.available
        fill = available / self._capacity
        frame_bytes = self._dtype.itemsize * self._channels
        out = self._read - self._origin - self._dropped - self._cleared
        return RingStatus(
            capacity=self._capacity,
            guard=self._guard,
            overflow=self._overflow,
            closed=self._closed,
            written=self._written,
            read_position=self._read,
            available=available,
            free=self._capacity - available,
            fill=fill,
            mean_fill=self._fill_sum / self._writes / self._capacity if self._writes else 0.0,
            peak_fill=self._peak / self._capacity,
            level=level(fill),
            writes=self._writes,
            reads=self._views + self._copies,
            bytes_in=(self._written - self._origin) * frame_bytes,
            bytes_out=out * frame_bytes,
            overflows=self._drops,
            frames_dropped=self._dropped,
            refused=self._refused,
            frames_refused=self._refused_frames,
            frames_cleared=self._cleared,
            waits=self._waits,
            wait_s=self._wait_s,
            contention=self._contention,
            views=self._views,
            copies=self._copies,
        )

    def __repr__(self) -> str:
        kind = f"{self._dtype.name} x {self._channels}, {self._overflow}"
        state = "closed, " if self._closed else ""
        return f"<AudioRing {self._capacity} frames, {kind}: {state}[{self._read}, {self._written}) unread>"
