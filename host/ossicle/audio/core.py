"""How writer and reader of a ring wait for each other, and how it is held still.

`ring.AudioRing` adds the ways in and out, and its head says how the parts keep out of each other's way.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial
from operator import index as whole
from typing import TypeVar

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
    WriteTimeoutError,
)
from ossicle.audio.state import NOBODY, SHUT, State
from ossicle.audio.status import RingStatus

T = TypeVar("T")

_STALL_S = 1.0  # a write under way for so long is dead; a live one takes microseconds


class Core(State):
    """An `AudioRing` (which see) without the ways in and out."""

    __slots__ = ()

    def _put(self, frames: Frames, count: int, skipped: int = 0) -> None:
        """Append `count <= capacity` frames, each with its mirror, after `skipped` that nobody will see.

        Where that is more than is free, the oldest unread frames go. Under the lock; if it is interrupted,
        `_mend` must follow.
        """
        memory, capacity, guard = self._storage, self._capacity, self._guard
        start = self._written + skipped
        self._claimed = start + count
        for offset, index, n in storage.pieces(start, count, capacity):
            memory[index : index + n] = frames[offset : offset + n]
            if index < guard:
                end = min(index + n, guard)
                memory[capacity + index : capacity + end] = memory[index:end]
        self._written = self._claimed
        lost = self._written - self._read - capacity
        if lost > 0:
            self._drop(lost)
        fill = self._written - self._read
        self._writes += 1
        self._fill_sum += fill
        self._peak = max(self._peak, fill)
        if fill >= self._wanted:
            self._wake_reader()

    def _drop(self, lost: int) -> None:
        """Move the reader past `lost` frames that it has not seen. What it looks at next is marked (R-16)."""
        self._jumped = True
        self._looked = False
        self._read += lost
        self._dropped += lost
        self._drops += 1

    def _mend(self) -> None:
        """After a write that was interrupted half way: what it was overwriting is gone, for the reader as
        well as from history, and guard and mirror are made equal again."""
        lowest = min(self._claimed - self._capacity, self._written)
        if lowest > self._read:
            self._drop(lowest - self._read)
        self._floor = max(self._floor, lowest)
        self._storage[self._capacity :] = self._storage[: self._guard]
        self._claimed = self._written

    def _locked(self, action: Callable[[], T]) -> T:
        """Do something under the lock. Signals come in after calls and at loops, so nothing can come
        between the lines here that count; `locks.RLock` is safe against them too."""
        if self._inside:
            self._contention += 1
        with self._lock:
            self._inside += 1
            try:
                return action()
            finally:
                self._inside -= 1

    def _still(self, action: Callable[[], T], *, patient: bool = True) -> T:
        """Do something under the lock while no write is under way. One that comes meanwhile waits for the
        lock.

        A write that is under way and never ends (its thread is gone) is a `RingError` to the `patient`.
        """

        def hold() -> T:
            try:
                self._limit = SHUT
                give_up = time.monotonic() + _STALL_S
                while self._claimed != self._written:
                    if time.monotonic() > give_up:
                        if not patient:
                            break
                        raise RingError(f"a write has been under way for {_STALL_S} s; its thread is gone")
                    time.sleep(0)
                return action()
            finally:
                self._limit = SHUT if self._closed or not self._gil else self._capacity

        return self._locked(hold)

    def _move(self, n: int) -> None:
        """Move the reader, who calls this; without the lock only where it is `_alone`."""
        self._read += whole(n)  # half a frame is none, and a narrow integer of numpy would wrap
        if n and self._looked:
            self._jumped = False
        if self._room_wanted:
            self._wake_writer()

    def _wake_reader(self) -> None:
        # In this order: the reader's next wish must not be taken for the one that is fulfilled. No signal
        # comes in between, for nothing is called.
        self._wanted = NOBODY
        try:  # noqa: SIM105
            self._data.release()
        except RuntimeError:
            pass  # rung already

    def _wake_writer(self) -> None:
        self._room_wanted = False
        try:  # noqa: SIM105
            self._room.release()
        except RuntimeError:
            pass

    def _wait(self, bell: threading.Lock, deadline: float | None) -> bool:
        """Wait for a ring of the bell, or one that came before; False when the deadline has passed."""
        before = time.monotonic()
        self._waits += 1
        try:
            if deadline is None:
                bell.acquire()
                return True
            left_s = min(deadline - before, threading.TIMEOUT_MAX)
            return left_s > 0 and bell.acquire(timeout=left_s)
        finally:
            self._wait_s += time.monotonic() - before

    def _await(self, n: int, block: bool, deadline: float | None, *, rest: bool = False) -> None:
        """Return when `n` frames are available, or with `rest` when the ring is closed."""
        if n < 0:
            raise ValueError(f"cannot read {n} frames")
        if self._there(n, rest):
            return
        if not block:
            raise NotEnoughDataError(self._written - self._read, n)
        try:
            while n <= self._capacity:
                with self._lock:
                    # First the wish, then the look: a writer first counts, then looks for the wish.
                    self._wanted = n
                    if self._there(n, rest):
                        return
                rung = self._wait(self._data, deadline)
                if self._there(n, rest):
                    return
                if not rung:
                    raise ReadTimeoutError(self._written - self._read, n)
        finally:
            self._wanted = NOBODY
        raise NotEnoughDataError(self._written - self._read, n)  # more than the ring holds

    def _there(self, n: int, rest: bool) -> bool:
        """Whether `n` frames are available, or with `rest` all there will ever be; raises when they never
        will."""
        closed = self._closed  # before W, which moves no more when it is closed
        available = self._written - self._read
        if available >= n or (rest and closed):
            return True
        if closed:
            raise NotEnoughDataError(available, n) if available else RingClosedError()
        return False

    def _write_waiting(self, frames: Frames, count: int, timeout: float | None) -> int:
        """Append as room comes. A piece is never held back for more room: the reader may wait for just that
        piece."""
        deadline = None if timeout is None else time.monotonic() + timeout
        done = 0
        while True:
            done += self._locked(partial(self._put_some, frames[done:], done))
            if done == count:
                return count
            with self._lock:
                # First the wish, then the look: a reader first moves, then looks for the wish.
                self._room_wanted = True
                full = self._is_stuck()
            if full and not self._wait(self._room, deadline) and self._is_stuck():
                raise WriteTimeoutError(done, count)

    def _is_stuck(self) -> bool:
        return self._written - self._read >= self._capacity and not self._closed

    def _put_some(self, frames: Frames, done: int) -> int:
        if self._closed:
            raise RingClosedError(done)
        piece = min(len(frames), self._capacity - (self._written - self._read))
        if piece:
            self._put(frames[:piece], piece)
        return piece

    def status(self) -> RingStatus:
        """How the ring is and what it has done, at one moment."""
        return self._still(self._status)

    def check(self) -> None:
        """Compare the ring with its own rules: counters in bounds, guard equal to what it mirrors.

        Raises `RingCorruptError` with the first rule that is broken.
        """
        self._still(self._check)

    def _check(self) -> None:
        read = self._read
        if not 0 <= self._written - read <= self._capacity:
            raise RingCorruptError(f"read {read}, written {self._written} in a ring of {self._capacity}")
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

        def shut() -> None:
            self._closed = True
            self._wake_reader()
            self._wake_writer()

        self._still(shut, patient=False)

    def clear(self) -> None:
        """Drop what is unread. Counting goes on, and what was written stays in history. It is the reader who
        may call this, as all that moves the reader."""

        def drop() -> None:
            dropped = self._written - self._read
            self._read += dropped
            self._cleared += dropped
            self._wake_writer()

        self._locked(drop)

    def resize(self, capacity: int) -> None:
        """Change the capacity. What is unread stays, and as much history as fits beside it; positions go on.

        More unread than the new capacity is `RingFullError` and changes nothing, but under "overwrite" the
        oldest unread frames are dropped and counted as an overflow. Views handed out before stay as they are.
        """
        storage.guard_frames(capacity, self._guard_wish)
        self._still(lambda: self._resize(capacity))

    def _resize(self, capacity: int) -> None:
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
        if self._written != self._origin or self._writes:
            raise ValueError("only a ring that was never written can be preset")
        self._written = self._claimed = self._read = self._origin = self._floor = position
