"""A ring of audio frames between one writer and one reader. Its semantics are `shared_spec/RING.md`.

How the two keep out of each other's way:

- Only the writer moves W, only the reader moves R, and each looks at the other's count before its own work:
  what it sees may be old, which errs to the safe side. So where the reader is `_alone` (no policy moves R
  under it), neither needs a lock for what it does all the time.
- Everything else (dropping, closing, resizing) is under one lock. Whoever waits, waits without it, so there
  is no order of locks to get wrong.
- A write without the lock first claims what it will write, then looks at `_limit`. Who must have the ring
  still shuts `_limit`, then waits until nothing is claimed (`_still`). So one always sees the other.
- A waiting reader first says what it waits for, then looks at W; a writer first counts, then looks who waits.
  The same holds the other way round. So nobody is forgotten.

This order of one thread's steps in another thread's eyes is what the interpreter's lock (GIL) gives; on an
interpreter without one, every operation takes the ring's lock. `tests/unit/audio/test_interleavings.py` runs
these lines in every order it can find.

Storage goes on for `guard` frames behind the ring's end, and both places always hold the same frames: a write
over the end goes into the guard and is copied back, one that starts below `guard` is copied up. So a window
of up to `guard` frames is one slice wherever it starts.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from functools import partial
from math import ceil
from operator import index as whole

import numpy as np
import numpy.typing as npt

from ossicle.audio.chunk import AudioChunk, Frames, suggest_overlap
from ossicle.audio.core import Core
from ossicle.audio.errors import (
    HistoryError,
    NotEnoughDataError,
    RingClosedError,
    RingError,
    RingFullError,
)
from ossicle.audio.state import NOBODY
from ossicle.audio.status import Overflow
from ossicle.audio.storage import check_window, inspect

__all__ = ["AudioChunk", "AudioRing", "suggest_overlap"]

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
        try:
            if self._wide:
                inspect(frames, self._dtype, self._channels)
                count = len(frames)
            else:
                count = frames.size  # the memoryview below refuses what is wrong
            written = self._written
            claimed = written + count
            self._claimed = claimed
            fill = claimed - self._read
            if fill <= self._limit:
                target, capacity, guard = self._in  # not sooner: while `_limit` was shut it may have changed
                start = written % capacity
                stop = start + count
                if stop <= capacity + guard:
                    target[start:stop] = frames
                    if start < guard:
                        end = stop if stop < guard else guard
                        target[capacity + start : capacity + end] = target[start:end]
                    if stop > capacity:
                        target[: stop - capacity] = target[capacity:stop]
                    self._written = claimed
                    if fill >= self._wanted:
                        # As `_wake_reader`, without the call, and before what the reader need not wait for.
                        self._wanted = NOBODY
                        try:  # noqa: SIM105
                            self._data.release()
                        except RuntimeError:
                            pass
                    self._writes += 1
                    self._fill_sum += fill
                    if fill > self._peak:
                        self._peak = fill
                    return count
            self._claimed = written
        except BaseException:
            self._abandon(frames)
            raise
        return self._write_slowly(frames, block, timeout)

    def write_batch(
        self, blocks: Sequence[Frames], *, block: bool = True, timeout: float | None = None
    ) -> int:
        """Append several blocks as one write; returns the frames written. Raises what `write` raises.

        All are looked at first: a wrong one changes nothing. Under "reject", or with `block=False`, all go
        in or none.
        """
        for frames in blocks:
            inspect(frames, self._dtype, self._channels)
        if not blocks:
            return 0
        return self.write(np.concatenate(blocks), block=block, timeout=timeout)

    def _write_slowly(self, frames: Frames, block: bool, timeout: float | None) -> int:
        """A write that does not fit, or not into one slice, or finds `_limit` shut."""
        inspect(frames, self._dtype, self._channels)
        count = len(frames)
        try:
            if self._overflow == "block" and block:
                return self._write_waiting(frames, count, timeout)
            return self._locked(lambda: self._write_locked(frames, count))
        except RingError:
            raise
        except BaseException:
            self._locked(self._mend)
            raise

    def _write_locked(self, frames: Frames, count: int) -> int:
        if self._closed:
            raise RingClosedError
        if count <= self._capacity - (self._written - self._read):
            self._put(frames, count)
        elif self._overflow == "overwrite":
            skipped = max(0, count - self._capacity)
            self._put(frames[skipped:], count - skipped, skipped)
        else:
            self._refused += 1
            self._refused_frames += count
            raise RingFullError(self._capacity, count)
        return count

    def _abandon(self, frames: Frames) -> None:
        """A write without the lock ended in an exception: wrong frames, which have changed nothing, or the
        thread was interrupted."""
        try:
            inspect(frames, self._dtype, self._channels)
        except RingError:
            self._claimed = self._written
            raise
        self._mend()
        self._wake_reader()

    # Reading

    def read(self, n: int, *, block: bool = True, timeout: float | None = None) -> Frames:
        """The next `n` frames as a copy; the reader moves on by `n`. Waits for them, at most `timeout`
        seconds.

        Raises `NotEnoughDataError` when they are not there and it may not wait, or when they never can be
        (more than the capacity, or more than a closed ring has left); `ReadTimeoutError` (a `TimeoutError`
        as well); `RingClosedError` when the ring is closed and empty. Nothing moves then.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            data = self._read_on(n) if self._alone else self._locked(partial(self._read_on, n))
            if data is not None:
                return data
            self._await(n, block, deadline)

    def _read_on(self, n: int) -> Frames | None:
        if not 0 <= n <= self._written - self._read:
            return None
        data = self._copy(self._read, n)
        self._looked = True
        self._move(n)
        return data

    def read_batch(self, windows: Sequence[tuple[int, int]]) -> list[AudioChunk]:
        """For each `(hop, overlap)` in turn the chunk there, as a copy, moving on by `hop`; ends at the first
        that is not there yet. Never waits."""
        for hop, overlap in windows:
            check_window(hop, overlap)
        return self._locked(lambda: self._read_batch(windows))

    def _read_batch(self, windows: Sequence[tuple[int, int]]) -> list[AudioChunk]:
        chunks: list[AudioChunk] = []
        for hop, overlap in windows:
            if self._written - self._read < hop + overlap:
                break
            chunks.append(self._cut(hop, overlap, hop + overlap, copy=True))
            self._move(hop)
        return chunks

    def peek(self, n: int) -> Frames:
        """The next `n` frames, without moving: a read-only view, valid until the reader moves on, where `n`
        is at most the guard and the policy is not "overwrite"; else a copy. Never waits; raises as `read`."""
        return self._locked(lambda: self._peek(n))

    def _peek(self, n: int) -> Frames:
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
        if not self._alone:
            check_window(hop, overlap)
            return self._locked(partial(self._chunk_locked, hop, overlap))
        if hop < 1 or overlap < 0:
            check_window(hop, overlap)
        start = self._read
        fill = self._written - start
        if fill < count:
            return None
        frozen, capacity, guard = self._out
        if count > guard:
            return self._cut(hop, overlap, count, copy=True)
        index = start % capacity
        self._views += 1
        chunk = _new_chunk(AudioChunk)
        chunk.data = frozen[index : index + count]
        chunk.start = start
        chunk.hop = hop
        chunk.overlap = overlap
        chunk.is_view = True
        chunk.is_last = False
        chunk.discontinuity = False  # nobody moves a reader that is alone
        chunk.fill = fill / capacity
        return chunk

    def _chunk_locked(self, hop: int, overlap: int) -> AudioChunk | None:
        count = hop + overlap
        if self._written - self._read < count:
            return None
        return self._cut(hop, overlap, count, copy=not self._shares)

    def chunks(
        self, hop: int, overlap: int = 0, *, copy: bool = True, timeout: float | None = None
    ) -> Iterator[AudioChunk]:
        """Each window in turn, waiting for it, until the ring is closed and read; moves on by `hop` for each.

        The rest of a closed ring comes as one shorter chunk with `is_last`. With `copy=False` the data is a
        view where `chunk` gives one, valid until the next chunk is asked for or the iteration ends.
        `timeout` bounds the wait for each chunk, in seconds: `ReadTimeoutError`. `ValueError` when a window
        is longer than the ring.
        """
        check_window(hop, overlap)
        if hop + overlap > self._capacity:
            raise ValueError(f"a window of {hop + overlap} frames never fits a ring of {self._capacity}")
        return self._iterate(hop, overlap, copy, timeout)

    def _iterate(self, hop: int, overlap: int, copy: bool, timeout: float | None) -> Iterator[AudioChunk]:
        window = hop + overlap
        move = self._skip if self._alone else self.skip
        held = 0  # frames to move by before the next chunk: its view is with the caller
        try:
            while True:
                if held:
                    move(held)
                    held = 0
                if self._alone and self._written - self._read >= window:
                    chunk = self._cut(hop, overlap, window, copy=True) if copy else self.chunk(hop, overlap)
                    assert chunk is not None  # nobody else moves the reader
                    if chunk.is_view:
                        held = hop
                    else:
                        self._move(hop)
                else:
                    deadline = None if timeout is None else time.monotonic() + timeout
                    self._await(window, True, deadline, rest=True)
                    if self._alone and self._written - self._read >= window:
                        continue
                    found = self._locked(partial(self._next_chunk, hop, overlap, copy))
                    if found is None:
                        if self._closed:
                            return
                        continue
                    chunk, held = found
                yield chunk
        finally:
            if held:
                move(held)

    def _next_chunk(self, hop: int, overlap: int, copy: bool) -> tuple[AudioChunk, int] | None:
        """The next chunk, and the frames to move by later; None when there is none, or none yet."""
        count = min(hop + overlap, self._written - self._read)
        if not count or (count < hop + overlap and not self._closed):
            return None
        chunk = self._cut(hop, overlap, count, copy=copy)
        return chunk, self._step(chunk)

    def _cut(self, hop: int, overlap: int, count: int, *, copy: bool) -> AudioChunk:
        """The chunk of `count` frames at the reader, fewer than a window only at the end."""
        start = self._read
        chunk = _new_chunk(AudioChunk)
        chunk.is_view = view = not copy and self._shares and count <= self._guard
        chunk.data = self._look(start, count) if view else self._copy(start, count)
        chunk.start = start
        chunk.hop = hop
        chunk.overlap = overlap
        chunk.is_last = count < hop + overlap
        chunk.discontinuity = self._jumped
        chunk.fill = (self._written - start) / self._capacity
        self._looked = True
        return chunk

    def _step(self, chunk: AudioChunk) -> int:
        """Move on past a chunk; or, when it is a view, return the frames to move by later."""
        step = len(chunk.data) if chunk.is_last else chunk.hop
        if chunk.is_view:
            return step
        self._move(step)
        return 0

    def advance(self, n: int) -> None:
        """Move the reader on by `n` frames. `NotEnoughDataError` when less is available; nothing moves
        then."""
        if self._alone:
            if not 0 <= n <= self._written - self._read:
                raise NotEnoughDataError(self._written - self._read, n)
            self._read += whole(n)
            if self._room_wanted:
                self._wake_writer()
            return
        self._locked(partial(self._advance, n))

    def _advance(self, n: int) -> None:
        if not 0 <= n <= self._written - self._read:
            raise NotEnoughDataError(self._written - self._read, n)
        self._move(n)

    def skip(self, n: int) -> int:
        """Move the reader on by `n` frames or by all there are, whichever is less; returns how many."""
        if n < 0:
            raise ValueError(f"cannot skip {n} frames: a reader does not move back")
        return self._locked(lambda: self._skip(n))

    def _skip(self, n: int) -> int:
        moved = min(n, self._written - self._read)
        self._move(moved)
        return moved

    def history(self, start: int, n: int) -> Frames:
        """A copy of frames `[start, start + n)`, read or not. Raises `HistoryError`, which names what the
        ring holds, when any of them is not there."""
        return self._still(lambda: self._history(start, n))

    def _history(self, start: int, n: int) -> Frames:
        oldest = self._oldest()
        if n < 0 or start < oldest or start + n > self._written:
            raise HistoryError(start, start + n, oldest, self._written)
        return self._copy(start, n)
