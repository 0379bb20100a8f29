"""A ring of audio frames between one writer and one reader. Its semantics are `shared_spec/RING.md`.

Three rules of the room:

- One lock guards everything, and two conditions share it. There is no second lock, so there is no order to
  get wrong.
- The index of the writer is kept beside its count. Storage goes on for `guard` frames behind the ring's
  end, and both ends always hold the same frames: a write that runs over the end runs into the guard and is
  copied back, one that starts below `guard` is copied up. So a window of up to `guard` frames is one slice
  wherever it starts.
- `write` and `chunk` carry the stream. What they do for every block is in their own body; the rare cases
  are methods.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from math import ceil

import numpy as np
import numpy.typing as npt

from ossicle.audio import storage
from ossicle.audio.chunk import AudioChunk, Frames
from ossicle.audio.core import Core
from ossicle.audio.errors import (
    HistoryError,
    NotEnoughDataError,
    RingClosedError,
    RingFullError,
    WriteTimeoutError,
)
from ossicle.audio.status import Overflow

_new_chunk = AudioChunk.__new__


class AudioRing(Core):
    """A ring of `capacity` frames for one writer and one reader, which may be two threads.

    `dtype` is "int16" or "float32". Frames go in and out as arrays of shape `(frames,)` for one channel and
    `(frames, channels)` for more; another dtype or shape raises `RingTypeError` (a `TypeError`) or
    `RingShapeError` (a `ValueError`) and changes nothing. `guard` is the longest window, in frames, that
    can be had without a copy; unless given it is `min(8192, capacity // 4)`.

    `overflow` says what a write does that does not fit: "block" waits for the reader, "reject" refuses it
    whole, "overwrite" drops the oldest frames. Under "overwrite" the reader always gets copies.

    Positions count frames from the first one written and never wrap.
    """

    __slots__ = ()

    @classmethod
    def from_seconds(
        cls,
        seconds: float,
        rate: int,
        *,
        channels: int = 1,
        dtype: npt.DTypeLike = "int16",
        guard: int | None = None,
        overflow: Overflow = "block",
    ) -> AudioRing:
        """A ring that holds at least `seconds` of audio at `rate` frames a second."""
        capacity = ceil(seconds * rate)
        return cls(capacity, channels=channels, dtype=dtype, guard=guard, overflow=overflow)

    # Writing

    def write(self, frames: Frames, *, block: bool = True, timeout: float | None = None) -> int:
        """Append `frames`; returns how many went in, which is all of them.

        Under "block" it waits for the reader, at most `timeout` seconds, and puts frames in piece by piece,
        also more than the capacity; with `block=False` it refuses instead, as under "reject". "overwrite"
        never waits or refuses.

        Raises `RingFullError` (nothing went in), `WriteTimeoutError` (a `TimeoutError`; its
        `frames_written` went in), `RingClosedError`, `RingTypeError` or `RingShapeError`.
        """
        if (
            type(frames) is not np.ndarray
            or frames.dtype is not self._dtype
            or frames.ndim != self._ndim
            or (self._ndim == 2 and frames.shape[1] != self._channels)
        ):
            storage.inspect(frames, self._dtype, self._channels)
        count = len(frames)
        busy = self._lock.locked()
        with self._lock:
            if busy:
                self._contention += 1
            fill = self._written - self._read + count
            start = self._index
            stop = start + count
            if fill > self._limit or stop > self._end:
                return self._write_slowly(frames, count, block, timeout)
            memory = self._storage
            memory[start:stop] = frames
            capacity = self._capacity
            guard = self._guard
            if start < guard:
                end = stop if stop < guard else guard
                memory[capacity + start : capacity + end] = memory[start:end]
            if stop >= capacity:
                stop -= capacity
                memory[:stop] = memory[capacity : capacity + stop]
            self._index = stop
            self._written += count
            self._writes += 1
            self._fill_sum += fill
            if fill > self._peak:
                self._peak = fill
            if fill >= self._wanted:
                self._wake_reader()
        return count

    def write_batch(
        self, blocks: Sequence[Frames], *, block: bool = True, timeout: float | None = None
    ) -> int:
        """Append several blocks as one write; returns the frames written. Raises what `write` raises.

        All are looked at first: a wrong one changes nothing. Under "reject", or with `block=False`, all go
        in or none.
        """
        for frames in blocks:
            storage.inspect(frames, self._dtype, self._channels)
        if not blocks:
            return 0
        return self.write(np.concatenate(blocks), block=block, timeout=timeout)

    def _write_slowly(self, frames: Frames, count: int, block: bool, timeout: float | None) -> int:
        """A write that does not fit, does not go into one slice, or finds the ring closed. Under the lock."""
        if self._closed:
            raise RingClosedError
        if count <= self._capacity - (self._written - self._read):
            self._put(frames, count)
        elif self._overflow == "overwrite":
            self._overwrite(frames, count)
        elif self._overflow == "reject" or not block:
            self._refused += 1
            self._refused_frames += count
            raise RingFullError(self._capacity, count)
        else:
            self._write_waiting(frames, count, timeout)
        return count

    def _write_waiting(self, frames: Frames, count: int, timeout: float | None) -> None:
        """Append as room comes. A piece is never held back for more room: the reader may wait for just that
        piece."""
        deadline = None if timeout is None else time.monotonic() + timeout
        done = 0
        while True:
            if self._closed:
                raise RingClosedError(done)
            piece = min(count - done, self._capacity - (self._written - self._read))
            if piece:
                self._put(frames[done : done + piece], piece)
                done += piece
            if done == count:
                return
            self._room_wanted = True
            if not self._wait(self._room, deadline) and self._written - self._read == self._capacity:
                raise WriteTimeoutError(done, count)

    # Reading

    def read(self, n: int, *, block: bool = True, timeout: float | None = None) -> Frames:
        """The next `n` frames as a copy; the reader moves on by `n`. Waits for them, at most `timeout`
        seconds.

        Raises `NotEnoughDataError` when they are not there and it may not wait, or when they never can be
        (more than the capacity, or more than a closed ring has left); `ReadTimeoutError` (a `TimeoutError`
        as well); `RingClosedError` when the ring is closed and empty. Nothing moves then.
        """
        with self._lock:
            self._await(n, block, timeout)
            data = self._copy(self._read, n)
            self._looked = True
            self._move(n)
        return data

    def read_batch(self, windows: Sequence[tuple[int, int]]) -> list[AudioChunk]:
        """For each `(hop, overlap)` in turn the chunk there, as a copy, moving on by `hop`; ends at the
        first that is not there yet. Never waits."""
        chunks: list[AudioChunk] = []
        with self._lock:
            for hop, overlap in windows:
                storage.check_window(hop, overlap)
                if self._written - self._read < hop + overlap:
                    break
                chunks.append(self._window(hop, overlap, hop + overlap, copy=True))
                self._move(hop)
        return chunks

    def peek(self, n: int) -> Frames:
        """The next `n` frames, without moving: a read-only view, valid until the reader moves on, where `n`
        is at most the guard and the policy is not "overwrite"; else a copy. Never waits; raises as
        `read`."""
        with self._lock:
            self._await(n, False, None)
            self._looked = True
            return self._look(self._read, n)

    def chunk(self, hop: int, overlap: int = 0) -> AudioChunk | None:
        """The window of `hop + overlap` frames at the reader, or None while less is available. Does not move.

        Its `data` is a read-only view, valid until the reader moves on, where the window is at most the
        guard and the policy is not "overwrite"; else a copy. `discontinuity` stays until the reader has
        looked at what is there and moved on.
        """
        count = hop + overlap
        busy = self._lock.locked()
        with self._lock:
            if busy:
                self._contention += 1
            start = self._read
            fill = self._written - start
            if fill < count or hop < 1 or overlap < 0:
                storage.check_window(hop, overlap)
                return None
            if not self._shares or count > self._guard:
                return self._window(hop, overlap, count, copy=True)
            capacity = self._capacity
            index = start % capacity
            self._views += 1
            self._looked = True
            chunk = _new_chunk(AudioChunk)
            chunk.data = self._frozen[index : index + count]
            chunk.start = start
            chunk.hop = hop
            chunk.overlap = overlap
            chunk.is_view = True
            chunk.is_last = False
            chunk.discontinuity = self._jumped
            chunk.fill = fill / capacity
            return chunk

    def chunks(
        self, hop: int, overlap: int = 0, *, copy: bool = True, timeout: float | None = None
    ) -> Iterator[AudioChunk]:
        """Each window in turn, waiting for it, until the ring is closed and read; moves on by `hop` for each.

        The rest of a closed ring comes as one shorter chunk with `is_last`. With `copy=False` the data is a
        view where `chunk` gives one, valid until the next chunk is asked for or the iteration ends.
        `timeout` bounds the wait for each chunk, in seconds: `ReadTimeoutError`. `ValueError` when a window
        is longer than the ring.
        """
        storage.check_window(hop, overlap)
        if hop + overlap > self._capacity:
            raise ValueError(f"a window of {hop + overlap} frames never fits a ring of {self._capacity}")
        return self._iterate(hop, overlap, copy, timeout)

    def _iterate(self, hop: int, overlap: int, copy: bool, timeout: float | None) -> Iterator[AudioChunk]:
        window = hop + overlap
        held = 0  # frames to move by before the next chunk: its view is with the caller
        try:
            while True:
                with self._lock:
                    if held:
                        self._move(held)
                        held = 0
                    if self._written - self._read < window and not self._closed:
                        self._await(window, True, timeout, rest=True)
                    count = min(window, self._written - self._read)
                    if not count:
                        return
                    chunk = self._window(hop, overlap, count, copy=copy)
                    step = hop if count == window else count
                    if chunk.is_view:
                        held = step
                    else:
                        self._move(step)
                yield chunk
        finally:
            if held:
                with self._lock:
                    self._move(min(held, self._written - self._read))

    def _window(self, hop: int, overlap: int, count: int, *, copy: bool) -> AudioChunk:
        """The chunk of `count` frames at the reader, fewer than a window only at the end. Under the lock."""
        chunk = _new_chunk(AudioChunk)
        chunk.is_view = not copy and self._shares and count <= self._guard
        chunk.data = self._look(self._read, count) if chunk.is_view else self._copy(self._read, count)
        chunk.start = self._read
        chunk.hop = hop
        chunk.overlap = overlap
        chunk.is_last = count < hop + overlap
        chunk.discontinuity = self._jumped
        chunk.fill = (self._written - self._read) / self._capacity
        self._looked = True
        return chunk

    def advance(self, n: int) -> None:
        """Move the reader on by `n` frames. Raises `NotEnoughDataError` when less is available, and moves
        nothing."""
        busy = self._lock.locked()
        with self._lock:
            if busy:
                self._contention += 1
            available = self._written - self._read
            if not 0 <= n <= available:
                raise NotEnoughDataError(available, n)
            self._read += n
            if self._jumped:
                self._jumped = not (n and self._looked)
            if self._room_wanted:
                self._wake_writer()

    def skip(self, n: int) -> int:
        """Move the reader on by `n` frames or by all there are, whichever is less; returns how many."""
        if n < 0:
            raise ValueError(f"cannot skip {n} frames: a reader does not move back")
        with self._lock:
            moved = min(n, self._written - self._read)
            self._move(moved)
        return moved

    def history(self, start: int, n: int) -> Frames:
        """A copy of frames `[start, start + n)`, read or not. Raises `HistoryError`, which names what the
        ring holds, when any of them is not there."""
        with self._lock:
            oldest = self._oldest()
            if n < 0 or start < oldest or start + n > self._written:
                raise HistoryError(start, start + n, oldest, self._written)
            return self._copy(start, n)


def suggest_overlap(hop: int, rate: int) -> int:
    """An overlap for speech in frames: 16 ms at `rate`, at most a fifth of `hop`.

    16 ms is half of the shortest window that voice detectors look at (32 ms), so that no VAD frame falls
    between two windows; a fifth bounds what is carried twice.
    """
    return min(rate * 16 // 1000, hop // 5)
