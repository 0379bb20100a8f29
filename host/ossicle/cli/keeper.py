"""What the capture loop feeds where an archive keeps what is heard: positions of streams, where the loop has
frames of its timeline."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from ..proto.events import Gap, Started
from .capture import Consumer, Frames

if TYPE_CHECKING:
    from ..audio.segmenter import Segment

ANCHOR_EACH_S = 5  # of audio
CRYSTAL = 1e-3  # by how much a rate is off at most: the clock of the protocol looks no further, either

TimeOf = Callable[[int], "tuple[float, float] | None"]


class Kept(Protocol):
    """One stream of an archive, as `ossicle.Archive.stream` gives it."""

    def audio(self, start: int, frames: Frames) -> None: ...
    def gap(self, gap: Gap) -> None: ...
    def segment(self, start: int, stop: int, ended_by: str) -> None: ...
    def close(self) -> None: ...


class Heard(Protocol):
    """What is asked of the microphone meanwhile."""

    @property
    def started(self) -> Started: ...
    def time_of(self, position: int) -> tuple[float, float] | None: ...


Open = Callable[[Started, TimeOf], Kept]
Each = Callable[[], None]


class Keeper:
    """Hands each stream to an archive as it came, and hears `voice` beside it; a device that was reset has
    another stream, which begins at 0 again.

    `voice` is fed by it, and not by the loop: a segment is told after its frames, and before the gap that
    ended it closes what they lie in. `each` is called after frames that were handed over.
    """

    def __init__(
        self, open_stream: Open, microphone: Heard, voice: Consumer, each: Each = lambda: None
    ) -> None:
        self._open = open_stream
        self._each = each
        self._microphone = microphone
        self._voice = voice
        self._kept: Kept | None = None
        self._times: Times | None = None
        self._stream_id = b""
        self._base = 0  # where position 0 of the stream in force lies on the timeline
        self._adrift = False  # behind a gap that takes no time, until the stream there is known

    def stream(self, start: int, started: Started, position: int) -> None:
        self._voice.stream(start, started, position)
        self._base = start - position
        self._adrift = False
        if started.stream_id == self._stream_id:
            return
        self._end()
        self._stream_id = started.stream_id
        self._times = Times(self._microphone, started.stream_id, started.rate)
        self._kept = self._open(started, self._times)

    def audio(self, start: int, frames: Frames) -> None:
        self._follow(start)
        if len(frames) and self._kept is not None and self._times is not None:
            position = start - self._base
            self._times.note(position)
            self._kept.audio(position, frames)
            self._each()
        self._voice.audio(start, frames)

    def gap(self, gap: Gap, frames: int | None) -> None:
        self._voice.gap(gap, frames)
        self._follow(gap.start)
        start = gap.start - self._base
        stop = None if frames is None else start + frames
        if self._kept is not None:
            self._kept.gap(Gap(start, stop, gap.cause, gap.estimated))
        self._adrift = gap.stop is None

    def segment(self, segment: Segment) -> None:
        """Speech that `voice` has told."""
        if self._kept is not None:
            self._kept.segment(segment.start - self._base, segment.stop - self._base, segment.ended_by)

    def finish(self) -> None:
        try:
            self._voice.finish()
        finally:
            self._end()

    def _end(self) -> None:
        kept, self._kept = self._kept, None
        if kept is not None:
            kept.close()

    def _follow(self, start: int) -> None:
        """Who was very late may have missed that a stream began: then it is the one in force."""
        if self._adrift:
            self.stream(start, self._microphone.started, 0)


class Times:
    """When a stream's frames were captured, also after the microphone has gone on with another one."""

    def __init__(self, microphone: Heard, stream_id: bytes, rate: int) -> None:
        self._microphone = microphone
        self._stream_id = stream_id
        self._rate = rate
        self._anchor: tuple[int, float, float] | None = None  # a position, its time, and how sure that is
        self._next = 0

    def note(self, position: int) -> None:
        """Frames from `position` on came: now and then remember when that was."""
        if position >= self._next:
            found = self._asked(position)
            if found is not None:
                self._anchor = (position, *found)
                self._next = position + ANCHOR_EACH_S * self._rate

    def __call__(self, position: int) -> tuple[float, float] | None:
        """Unix time and its uncertainty, both in seconds; None while nothing is known."""
        found = self._asked(position)
        if found is None and self._anchor is not None:
            at, time, uncertainty = self._anchor
            away = (position - at) / self._rate
            return time + away, uncertainty + abs(away) * CRYSTAL
        return found

    def _asked(self, position: int) -> tuple[float, float] | None:
        if self._microphone.started.stream_id != self._stream_id:
            return None
        return self._microphone.time_of(position)
