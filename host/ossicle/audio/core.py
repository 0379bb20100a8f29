"""What a ring is made of: its memory, counters, waiting, and what it tells about itself.

`ring.AudioRing` adds writing and reading. Methods with a leading underscore are called under the lock.
"""

from __future__ import annotations

import sys
import threading
import time
from typing import Any

import numpy as np
import numpy.typing as npt

from ossicle.audio import storage
from ossicle.audio.chunk import Frames
from ossicle.audio.errors import (
    NotEnoughDataError,
    ReadTimeoutError,
    RingClosedError,
    RingCorruptError,
    RingFullError,
)
from ossicle.audio.status import Overflow, RingStatus, level

_NOBODY = sys.maxsize  # `_wanted` while no reader waits: no fill reaches it
_CLOSED = -1  # `_limit` of a closed ring: no fill is within it, so that writes need no check of their own


class Core:
    """The state of an `AudioRing` (which see), without the ways in and out."""

    __slots__ = (
        "_capacity",
        "_channels",
        "_cleared",
        "_closed",
        "_contention",
        "_copies",
        "_data",
        "_dropped",
        "_drops",
        "_dtype",
        "_end",
        "_fill_sum",
        "_floor",
        "_frozen",
        "_guard",
        "_guard_wish",
        "_index",
        "_jumped",
        "_limit",
        "_lock",
        "_looked",
        "_ndim",
        "_origin",
        "_overflow",
        "_peak",
        "_read",
        "_refused",
        "_refused_frames",
        "_room",
        "_room_wanted",
        "_shares",
        "_storage",
        "_views",
        "_wait_s",
        "_waits",
        "_wanted",
        "_writes",
        "_written",
    )

    def __init__(
        self,
        capacity: int,
        *,
        channels: int = 1,
        dtype: npt.DTypeLike = "int16",
        guard: int | None = None,
        overflow: Overflow = "block",
        _threading: Any = threading,
    ) -> None:
        """Raises `ValueError` for arguments that make no ring. `_threading` gives `Lock` and `Condition` (a
        seam for tests that decide themselves which thread runs)."""
        if overflow not in ("block", "reject", "overwrite"):
            raise ValueError(f"overflow is 'block', 'reject' or 'overwrite', not {overflow!r}")
        if channels < 1:
            raise ValueError(f"a ring has at least one channel, not {channels}")
        self._dtype = storage.ring_dtype(dtype)
        self._channels = channels
        self._ndim = 1 if channels == 1 else 2
        self._overflow: Overflow = overflow
        self._shares = overflow != "overwrite"  # whether windows may be views
        self._guard_wish = guard
        self._lock = _threading.Lock()
        self._data = _threading.Condition(self._lock)  # the reader waits here
        self._room = _threading.Condition(self._lock)  # the writer waits here
        self._wanted = _NOBODY  # available frames that a waiting reader needs
        self._room_wanted = False  # a writer waits
        self._closed = False
        self._allocate(capacity)
        self._written = self._read = self._origin = self._floor = self._index = 0
        self._jumped = False  # an overflow moved R, and the reader has not moved on from there
        self._looked = False  # the reader has seen what is at R since
        self._writes = self._views = self._copies = self._contention = self._waits = 0
        self._fill_sum = self._peak = self._drops = self._dropped = self._cleared = 0
        self._refused = self._refused_frames = 0
        self._wait_s = 0.0

    def _put(self, frames: Frames, count: int) -> None:
        """Append `count <= free` frames on both sides of the end, each with its mirror. `AudioRing.write`
        does the same in its own body for blocks that are one slice."""
        memory, capacity, guard = self._storage, self._capacity, self._guard
        start = self._index
        for offset, index, n in storage.pieces(start, count, capacity):
            memory[index : index + n] = frames[offset : offset + n]
            if index < guard:
                end = min(index + n, guard)
                memory[capacity + index : capacity + end] = memory[index:end]
        self._index = (start + count) % capacity
        self._written += count
        self._writes += 1
        fill = self._written - self._read
        self._fill_sum += fill
        self._peak = max(self._peak, fill)
        if fill >= self._wanted:
            self._wake_reader()

    def _overwrite(self, frames: Frames, count: int) -> None:
        """Append more frames than are free, or than there is room for at all: the oldest unread ones go."""
        capacity = self._capacity
        lost = self._written - self._read + count - capacity
        skipped = max(0, count - capacity)
        self._drop(lost)
        self._written += skipped
        self._index = (self._index + skipped) % capacity
        self._put(frames[skipped:], count - skipped)

    def _drop(self, lost: int) -> None:
        """Move the reader past `lost` frames that it has not seen. What it looks at next is marked (R-16)."""
        self._drops += 1
        self._dropped += lost
        self._read += lost
        self._jumped = True
        self._looked = False

    def _wake_reader(self) -> None:
        self._wanted = _NOBODY
        self._data.notify_all()

    def _wake_writer(self) -> None:
        self._room_wanted = False
        self._room.notify_all()

    def _wait(self, condition: threading.Condition, deadline: float | None) -> bool:
        """Wait once; False when the deadline has passed."""
        before = time.monotonic()
        self._waits += 1
        try:
            if deadline is None:
                condition.wait()
                return True
            return before < deadline and condition.wait(deadline - before)
        finally:
            self._wait_s += time.monotonic() - before

    def _await(self, n: int, block: bool, timeout: float | None, *, rest: bool = False) -> None:
        """Return when `n` frames are available, or with `rest` when the ring is closed. Under the lock."""
        if n < 0:
            raise ValueError(f"cannot read {n} frames")
        deadline = None
        while (available := self._written - self._read) < n:
            if self._closed:
                if rest:
                    return
                raise NotEnoughDataError(available, n) if available else RingClosedError()
            if not block or n > self._capacity:
                raise NotEnoughDataError(available, n)
            if deadline is None and timeout is not None:
                deadline = time.monotonic() + timeout
            self._wanted = min(self._wanted, n)
            if not self._wait(self._data, deadline) and self._written - self._read < n:
                raise ReadTimeoutError(self._written - self._read, n)

    def _move(self, n: int) -> None:
        self._read += n
        if n and self._looked:
            self._jumped = False
        if self._room_wanted:
            self._wake_writer()

    def _look(self, start: int, n: int) -> Frames:
        if not self._shares or n > self._guard:
            return self._copy(start, n)
        self._views += 1
        index = start % self._capacity
        return self._frozen[index : index + n]

    def _copy(self, start: int, n: int) -> Frames:
        self._copies += 1
        index = start % self._capacity
        if index + n <= self._end:
            return self._frozen[index : index + n].copy()
        first = self._capacity - index
        return np.concatenate((self._frozen[index : self._capacity], self._frozen[: n - first]))

    # State

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
        """Frames that wait for the reader."""
        with self._lock:
            return self._written - self._read

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

    def close(self) -> None:
        """Refuse all further writes, wake whoever waits, and let the reader drain what is there. Twice is
        legal."""
        with self._lock:
            self._closed = True
            self._limit = _CLOSED
            self._wake_reader()
            self._wake_writer()

    def clear(self) -> None:
        """Drop what is unread. Counting goes on, and what was written stays in history."""
        with self._lock:
            self._cleared += self._written - self._read
            self._read = self._written
            self._wake_writer()

    def resize(self, capacity: int) -> None:
        """Change the capacity. What is unread stays, and as much history as fits beside it; positions go on.

        More unread than the new capacity is `RingFullError` and changes nothing, but under "overwrite" the
        oldest unread frames are dropped and counted as an overflow. Views handed out before stay as they
        are.
        """
        storage.guard_frames(capacity, self._guard_wish)
        with self._lock:
            unread = self._written - self._read
            if unread > capacity and self._overflow != "overwrite":
                raise RingFullError(capacity, unread)
            start = max(self._oldest(), self._written - capacity)
            kept = self._copy(start, self._written - start)
            self._allocate(capacity)
            self._floor = start
            if start > self._read:
                self._drop(start - self._read)
            for offset, index, n in storage.pieces(start, len(kept), capacity):
                self._storage[index : index + n] = kept[offset : offset + n]
            self._storage[capacity:] = self._storage[: self._guard]
            self._index = self._written % capacity
            self._peak = max(self._written - self._read, min(self._peak, capacity))
            self._wake_reader()
            self._wake_writer()

    def status(self) -> RingStatus:
        """How the ring is and what it has done, all taken at one moment."""
        with self._lock:
            available = self._written - self._read
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

    def check(self) -> None:
        """Compare the ring with its own rules: counters in bounds, index in step, guard equal to what it
        mirrors.

        Raises `RingCorruptError` with the first rule that is broken.
        """
        with self._lock:
            available = self._written - self._read
            if not 0 <= available <= self._capacity:
                raise RingCorruptError(f"{available} frames available in a ring of {self._capacity}")
            if self._index != self._written % self._capacity:
                raise RingCorruptError(f"write index {self._index} at position {self._written}")
            if self._read < self._origin + self._dropped + self._cleared:
                raise RingCorruptError(f"reader at {self._read} with {self._dropped} frames dropped")
            mirrored = self._storage[: self._guard].view(np.uint8)  # as bytes: a NaN equals itself
            if not np.array_equal(mirrored, self._storage[self._capacity :].view(np.uint8)):
                raise RingCorruptError("the guard differs from the frames that it mirrors")

    def __repr__(self) -> str:
        kind = f"{self._dtype.name} x {self._channels}, {self._overflow}"
        state = "closed, " if self._closed else ""
        return f"<AudioRing {self._capacity} frames, {kind}: {state}[{self._read}, {self._written}) unread>"

    def _oldest(self) -> int:
        return max(self._floor, self._written - self._capacity)

    def _allocate(self, capacity: int) -> None:
        guard = storage.guard_frames(capacity, self._guard_wish)
        shape = (capacity + guard,) if self._ndim == 1 else (capacity + guard, self._channels)
        self._storage, self._frozen = storage.allocate(shape, self._dtype)
        self._capacity = capacity
        self._guard = guard
        self._end = capacity + guard
        self._limit = _CLOSED if self._closed else capacity

    def _preset(self, position: int) -> None:
        """Start counting at `position` instead of 0. For tests of large positions; only on a ring that was
        never used."""
        with self._lock:
            if self._written != self._origin or self._writes:
                raise ValueError("only a ring that was never written can be preset")
            self._written = self._read = self._origin = self._floor = position
            self._index = position % self._capacity
