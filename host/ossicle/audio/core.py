"""How writer and reader of a ring wait for each other, and how it is held still.

`ring.AudioRing` adds the ways in and out, and its head says how the parts keep out of each other's way.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from ossicle.audio import storage
from ossicle.audio.chunk import Frames
from ossicle.audio.errors import (
    NotEnoughDataError,
    ReadTimeoutError,
    RingClosedError,
    RingCorruptError,
    RingError,
    RingFullError,
)
from ossicle.audio.state import NOBODY, SHUT, State
from ossicle.audio.status import RingStatus, level

_STALL_S = 1.0  # a write under way for so long is dead; a live one takes microseconds


class Core(State):
    """An `AudioRing` (which see) without the ways in and out."""

    __slots__ = ()

    def _put(self, frames: Frames, count: int) -> None:
        """Append `count <= free` frames, on both sides of the end, each with its mirror. Under the lock."""
        memory, capacity, guard = self._storage, self._capacity, self._guard
        for offset, index, n in storage.pieces(self._written, count, capacity):
            memory[index : index + n] = frames[offset : offset + n]
            if index < guard:
                end = min(index + n, guard)
                memory[capacity + index : capacity + end] = memory[index:end]
        self._written += count
        self._claimed = self._written
        self._writes += 1
        fill = self._written - self._read
        self._fill_sum += fill
        self._peak = max(self._peak, fill)
        if fill >= self._wanted:
            self._wake_reader()

    def _overwrite(self, frames: Frames, count: int) -> None:
        """Append more frames than are free, or than there is room for at all: the oldest go. Under the
        lock."""
        skipped = max(0, count - self._capacity)
        self._drop(self._written - self._read + count - self._capacity)
        self._written += skipped
        self._put(frames[skipped:], count - skipped)

    def _drop(self, lost: int) -> None:
        """Move the reader past `lost` frames that it has not seen. What it looks at next is marked (R-16)."""
        self._drops += 1
        self._dropped += lost
        self._read += lost
        self._jumped = True
        self._looked = False

    @contextmanager
    def _still(self, *, patient: bool = True) -> Iterator[None]:
        """No write is under way, and none begins. A write that comes meanwhile waits for the lock.

        A write that is under way and never ends (its thread is gone) is a `RingError` to the `patient`.
        """
        self._meet()
        with self._lock:
            self._limit = SHUT
            try:
                give_up = time.monotonic() + _STALL_S
                while self._claimed != self._written:
                    if time.monotonic() > give_up:
                        if not patient:
                            break
                        raise RingError(f"a write has been under way for {_STALL_S} s; its thread is gone")
                    time.sleep(0)
                yield
            finally:
                self._limit = self._open_limit()

    def _meet(self) -> None:
        """Count it when the lock is not to be had at once."""
        if self._lock.acquire(blocking=False):
            self._lock.release()
        else:
            self._contention += 1

    def _move(self, n: int) -> None:
        """Move the reader, who calls this; without the lock only where it is `_alone`."""
        self._read += n
        if n and self._looked:
            self._jumped = False
        if self._room_wanted:
            self._wake_writer()

    def _wake_reader(self) -> None:
        with self._lock:
            self._wanted = NOBODY
            self._data.notify_all()

    def _wake_writer(self) -> None:
        with self._lock:
            self._room_wanted = False
            self._room.notify_all()

    def _wait(self, condition: threading.Condition, deadline: float | None) -> bool:
        """Wait once; False when the deadline has passed. Under the lock."""
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
        if self._there(n, rest):
            return
        if not block or n > self._capacity:
            raise NotEnoughDataError(self._written - self._read, n)
        deadline = None if timeout is None else time.monotonic() + timeout
        try:
            while True:
                # First the wish, then the look: a writer first counts its frames, then looks for the wish.
                self._wanted = n
                if self._there(n, rest):
                    return
                if n > self._capacity:  # made smaller meanwhile
                    raise NotEnoughDataError(self._written - self._read, n)
                if not self._wait(self._data, deadline) and not self._there(n, rest):
                    raise ReadTimeoutError(self._written - self._read, n)
        finally:
            self._wanted = NOBODY

    def _there(self, n: int, rest: bool) -> bool:
        """Whether `n` frames are available, or with `rest` all there will ever be; raises when they never
        will."""
        available = self._written - self._read
        if available >= n or (rest and self._closed):
            return True
        if self._closed:
            raise NotEnoughDataError(available, n) if available else RingClosedError()
        return False

    def status(self) -> RingStatus:
        """How the ring is and what it has done."""
        with self._still():
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

    def check(self) -> None:
        """Compare the ring with its own rules: counters in bounds, guard equal to what it mirrors.

        Raises `RingCorruptError` with the first rule that is broken.
        """
        with self._still():
            read = self._read
            if not 0 <= self._written - read <= self._capacity:
                raise RingCorruptError(
                    f"read {read} and written {self._written} in a ring of {self._capacity}"
                )
            if read < self._origin + self._dropped + self._cleared:
                raise RingCorruptError(f"reader at {read} with {self._dropped} frames dropped")
            mirrored = self._storage[: self._guard].view(np.uint8)  # as bytes: a NaN equals itself
            if not np.array_equal(mirrored, self._storage[self._capacity :].view(np.uint8)):
                raise RingCorruptError("the guard differs from the frames that it mirrors")

    def close(self) -> None:
        """Refuse all further writes, wake whoever waits, and let the reader drain what is there.

        Twice is legal. A write under way in another thread is let finish: what it returned as written is
        there to be read.
        """
        with self._still(patient=False):
            self._closed = True
            self._wake_reader()
            self._wake_writer()

    def resize(self, capacity: int) -> None:
        """Change the capacity. What is unread stays, and as much history as fits beside it; positions go on.

        More unread than the new capacity is `RingFullError` and changes nothing, but under "overwrite" the
        oldest unread frames are dropped and counted as an overflow. Views handed out before stay as they are.
        """
        storage.guard_frames(capacity, self._guard_wish)
        with self._still():
            unread = self._written - self._read
            if unread > capacity and self._overflow != "overwrite":
                raise RingFullError(capacity, unread)
            start = max(self._oldest(), self._written - capacity)
            kept = self._copy(start, self._written - start)
            if start > self._read:
                self._drop(start - self._read)
            self._floor = start
            self._allocate(capacity, start, kept)
            self._peak = max(self._written - self._read, min(self._peak, capacity))
            self._wake_reader()
            self._wake_writer()

    def _preset(self, position: int) -> None:
        """Start counting at `position`. For tests of large positions; only for a ring that was never used."""
        with self._still():
            if self._written != self._origin or self._writes:
                raise ValueError("only a ring that was never written can be preset")
            self._written = self._claimed = self._read = self._origin = self._floor = position
