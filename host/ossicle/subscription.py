"""One consumer's own buffer of the stream, and the ways to read it: blocks, frames, segments, events.

The pump's thread puts, one thread of the user takes. Frames lie in an `AudioRing` that overwrites its
oldest; everything else (gaps, status ...) is a mark at an index of that ring, so the order of all events is
kept. What the ring overwrote becomes a gap with the cause "overflow": late, but never silent.

Two counts are not the same: an *index* counts frames put into this ring, a *position* counts frames of the
capture. Gaps take up positions, but no indices.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from math import inf
from time import monotonic
from typing import Any, TypeVar

from .audio.ring import AudioRing
from .block import Block, Cutter, TimeOf
from .latency import NONE, AgeOf, Ages, Latency
from .locks import Condition
from .proto.events import Audio, Event, Gap, Started
from .segments import Segments
from .views import BlockView, EventView, SegmentView, View

T = TypeVar("T")

_MARKS_MAX = 8192
_MAXSIZE_S = 3600  # 115 MB for 16 kHz mono, which is allocated at once
_TAKE_MAX_FRAMES = 8192
_RINGS_AHEAD = 3  # device rings that a waiting consumer's buffer holds, at least
_WAIT_S = 0.5  # a wait without end would not see Ctrl-C on every system


@dataclass(frozen=True, slots=True)
class ConsumerStats:
    """One consumer: frames that wait to be read, frames lost to overflow, room in its buffer, and how old
    audio was when it took it."""

    waiting: int
    overflowed: int
    capacity: int
    latency: Latency = NONE


class End:
    """Nothing more will come."""


END = End()


class Subscription:
    """One consumer of a microphone. Read it from one thread, by one of its four ways.

    `waits`: a source that can wait is not acknowledged beyond what fits in here. `position` is that of the
    first frame to come.
    """

    def __init__(
        self,
        maxsize_s: float,
        *,
        waits: bool,
        time_of: TimeOf,
        leave: Callable[[Subscription], None],
        position: int = 0,
        age_of: AgeOf = lambda position: None,
    ) -> None:
        if not 0 < maxsize_s <= _MAXSIZE_S:
            raise ValueError(f"maxsize_s {maxsize_s}: above 0 and at most {_MAXSIZE_S} is needed")
        self.waits = waits
        self.begun = False
        self._maxsize_s = maxsize_s
        self._time_of = time_of
        self._leave = leave
        self.ages = Ages(age_of)
        self._changed = Condition()
        self._ring: AudioRing | None = None
        self._started: Started | None = None
        self._marks: deque[tuple[int, Event]] = deque()
        self._index = 0  # of the next frame to take
        self._position = position  # of the next frame to take
        self._overflowed = 0
        self._finished = False
        self._error: Exception | None = None
        self._wakers: list[Callable[[], None]] = []

    # The reader's side: ways to read

    def blocks(
        self, blocksize: int = 512, overlap: int = 0, *, dtype: str = "int16", always_2d: bool = False
    ) -> Iterator[Block]:
        """Blocks of `blocksize` frames; each starts `blocksize - overlap` frames after the one before.

        A block ends early at a gap and at the end of the stream; `Block.gaps` names the gaps before it.
        `dtype` is "int16" or "float32" in [-1, 1). Ends with the stream; raises what ended it otherwise.
        """
        return self.iterate(self.block_view(blocksize, overlap, dtype, always_2d))

    def read(self, frames: int, timeout: float | None = None, *, dtype: str = "int16") -> Block:
        """The next `frames` frames as one block; fewer at a gap, none once the stream is over.

        A block that follows a gap names it in `gaps`. Raises TimeoutError after `timeout` seconds, and then
        nothing is taken; ValueError for more frames than the buffer holds.
        """
        view = self.block_view(frames, 0, dtype, False)
        self.begun = True
        with self._changed.lock:
            if self._ring is not None and frames > self._ring.capacity // 2:
                raise ValueError(f"{frames} frames at once: at most {self._ring.capacity // 2}")
            stop = inf if timeout is None else monotonic() + timeout
            while not self._ready(frames):
                left = stop - monotonic()
                if left <= 0:
                    raise TimeoutError(f"fewer than {frames} frames came in {timeout} s")
                self._changed.wait(min(left, _WAIT_S))
            blocks: list[Block] = []
            while not blocks:
                item = self._take(view.wants)
                self.ages.note(item)
                if isinstance(item, End) or item is None:
                    blocks = view.end()
                    return blocks[0] if blocks else view.nothing(self._position)
                # A gap before the first frame goes into the block; one after it ends the block and stays.
                blocks = view.feed(item)
                if not blocks and view.begun and self._gap_next():
                    blocks = view.end()
            return blocks[0]

    def segments(self, vad: str = "auto", **options: Any) -> Segments:
        """Stretches of speech, each as soon as it is over. `options` are those of `ossicle.Segmenter`,
        `preset` among them; `configure` of what is returned changes them meanwhile."""
        view = self.segment_view(vad, **options)
        return Segments(view, self.iterate(view))

    def events(self) -> Iterator[Event]:
        """Everything: Audio and Gap in order, and between them what device and link have to say."""
        return self.iterate(EventView())

    def close(self) -> None:
        """Take no more part in the stream."""
        self.finish(None)
        self._leave(self)

    def __enter__(self) -> Subscription:
        return self

    def __exit__(self, *details: object) -> None:
        self.close()

    # Views, for those who iterate in their own way

    def block_view(self, blocksize: int, overlap: int, dtype: str, always_2d: bool) -> BlockView:
        """What turns events into blocks."""
        rate, channels = self.format
        return BlockView(Cutter(blocksize, overlap, dtype, always_2d, rate, channels, self._time_of))

    def segment_view(self, vad: str, **options: Any) -> SegmentView:
        """What turns events into segments."""
        return SegmentView(vad, self.format[0], self._position, options)

    @property
    def position(self) -> int:
        """Of the next frame to take."""
        with self._changed.lock:
            return self._position

    @property
    def format(self) -> tuple[int, int]:
        """Rate in Hz and channels."""
        if self._started is None:
            raise RuntimeError("the stream has not started")
        return self._started.rate, self._started.channels

    def iterate(self, view: View[T]) -> Generator[T, None, None]:
        """What the view makes of everything that comes."""
        while True:
            item = self._await(view.wants)
            if isinstance(item, End):
                yield from view.end()
                return
            if item is not None:
                yield from view.feed(item)

    # The reader's side: one at a time

    def take(self, most: int = _TAKE_MAX_FRAMES) -> Event | End | None:
        """The next event, None while there is none. Audio has at most `most` frames.

        Raises what ended the stream, after all before it was taken.
        """
        self.begun = True
        with self._changed.lock:
            item = self._take(min(most, _TAKE_MAX_FRAMES))
        self.ages.note(item)
        return item

    def wait(self, timeout: float = _WAIT_S) -> None:
        """Return when there is something to take, or after `timeout` seconds."""
        with self._changed.lock:
            if not self._marks and not self._finished and (self._ring is None or not self._ring.available):
                self._changed.wait(timeout)

    def on_change(self, wake: Callable[[], None]) -> Callable[[], None]:
        """Have `wake` called, by another thread, whenever something came. Returns how to undo it."""
        self._wakers.append(wake)
        return lambda: self._wakers.remove(wake)

    def _await(self, most: int) -> Event | End | None:
        """As `take`, but waits for a while where there is nothing."""
        self.begun = True
        most = min(most, _TAKE_MAX_FRAMES)
        with self._changed.lock:
            item = self._take(most)
            if item is None:
                self._changed.wait(_WAIT_S)
                item = self._take(most)
        self.ages.note(item)
        return item

    def _take(self, most: int) -> Event | End | None:
        marks = self._marks
        ring = self._ring
        if marks and marks[0][0] <= self._index:
            return self._pass_mark(marks.popleft()[1])
        if ring is not None:
            oldest = ring.read_position
            if oldest > self._index:
                return self._overflow(oldest)
            limit = marks[0][0] if marks else ring.written
            count = min(limit - self._index, most)
            if count > 0:
                audio = Audio(self._position, ring.read(count, block=False))
                self._index += count
                self._position += count
                return audio
        if not self._finished:
            return None
        if self._error is not None:
            raise self._error
        return END

    def _pass_mark(self, event: Event) -> Event:
        if isinstance(event, Gap):
            self._position = event.stop or 0
        return event

    def _overflow(self, oldest: int) -> Gap:
        """Frames up to index `oldest` are lost: one gap up to there, or to where positions jump."""
        jump = next((index for index, event in self._marks if isinstance(event, Gap)), oldest)
        lost = min(oldest, jump) - self._index
        gap = Gap(self._position, self._position + lost, "overflow")
        self._index += lost
        self._position += lost
        self._overflowed += lost
        return gap

    def _ready(self, frames: int) -> bool:
        """Is a block of `frames` there, or will it be cut short?"""
        if self._finished or self._ring is None:
            return self._finished
        # A gap that is next belongs to the block; one after frames cuts it.
        cut = any(isinstance(event, Gap) and index > self._index for index, event in self._marks)
        return cut or self._ring.written - self._index >= frames

    def _gap_next(self) -> bool:
        """Does a gap follow what was taken, with nothing but other marks before it?"""
        for index, event in self._marks:
            if index > self._index:
                return False
            if isinstance(event, Gap):
                return True
        return self._ring is not None and self._ring.read_position > self._index

    # The pump's side

    def put(self, events: list[Event]) -> None:
        """Take a share of the stream; never waits."""
        with self._changed.lock:
            if self._finished:
                return
            for event in events:
                if isinstance(event, Audio):
                    assert self._ring is not None
                    self._ring.write(event.frames)
                else:
                    self._mark(event)
            self._changed.notify_all()
        for wake in list(self._wakers):
            wake()

    def finish(self, error: Exception | None) -> None:
        """Nothing more will come, because of `error` if there is one. The first word counts."""
        with self._changed.lock:
            if not self._finished:
                self._finished = True
                self._error = error
            self._changed.notify_all()
        for wake in list(self._wakers):
            wake()

    def begin_like(self, other: Subscription) -> None:
        """Begin with everything that `other` has not taken yet."""
        with other._changed.lock:
            if other._started is not None:
                self._prepare(other._started)
            self._position = other._position
            ring = other._ring
            if ring is not None and self._ring is not None:
                # Where `other` has lost frames to overflow, this index is negative: a gap here, too.
                base = ring.read_position
                self._index = other._index - base
                if ring.available:
                    self._ring.write(ring.peek(ring.available))
                self._marks.extend((index - base, event) for index, event in other._marks)
            else:
                self._marks.extend(other._marks)
            self._finished, self._error = other._finished, other._error

    def begin_at(self, started: Started, position: int) -> None:
        """Begin with what comes next: the frame of `position`."""
        self._prepare(started)
        self._position = position

    @property
    def hold(self) -> int:
        """The position that a source that can wait should not be acknowledged beyond."""
        if self._ring is None or self._started is None:
            return 0
        return max(0, self._position + self._ring.capacity - self._started.ring_frames)

    def stats(self) -> ConsumerStats:
        """A snapshot."""
        with self._changed.lock:
            if self._ring is None:
                return ConsumerStats(0, self._overflowed, 0)
            ring = self._ring
            return ConsumerStats(ring.available, self._overflowed, ring.capacity, self.ages.snapshot())

    def _mark(self, event: Event) -> None:
        if isinstance(event, Started) and (self._ring is None or not event.resumed):
            self._prepare(event)
        index = 0 if self._ring is None else self._ring.written
        self._marks.append((index, event))
        if len(self._marks) > _MARKS_MAX:
            self._drop_all()

    def _prepare(self, started: Started) -> None:
        if self._ring is None:
            capacity = round(self._maxsize_s * started.rate)
            if self.waits:
                capacity = max(capacity, _RINGS_AHEAD * started.ring_frames)
            self._ring = AudioRing(max(1, capacity), channels=started.channels, overflow="overwrite")
        self._started = started

    def _drop_all(self) -> None:
        """Nobody has read for very long: what waits becomes one gap."""
        ring = self._ring
        position = self._position
        index = self._index
        stop: int | None = position
        for at, event in self._marks:
            if isinstance(event, Gap):
                position, index = event.stop or 0, at
                stop = None if event.stop is None else stop
        if ring is not None:
            position += ring.written - index
            self._overflowed += ring.written - self._index
            ring.skip(ring.available)
            self._index = ring.written
        self._marks.clear()
        self._marks.append(
            (self._index, Gap(self._position, position if stop is not None else None, "overflow"))
        )
        if stop is None:
            self._marks.append((self._index, Gap(0, position, "overflow")))
