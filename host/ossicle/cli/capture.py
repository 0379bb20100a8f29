"""The loop that every listening command runs: events from a microphone, handed to consumers.

Positions count frames of one stream. A device that was reset starts again at 0; here its frames go on
after what came before, so that a recording has one timeline. A gap of unknown length takes no time in it,
and one that is longer than the caller allows does not either.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ..proto.events import Audio, Event, Gap, Started
from .guard import Interrupts

Frames = npt.NDArray[np.int16]


class Consumer(Protocol):
    """What the loop feeds, in order: every stream, frame and gap once, then `finish`."""

    def stream(self, start: int, started: Started, position: int) -> None:
        """From `start` of the timeline on: a stream, from its frame `position` on. The first of all, one of a
        device that was reset, or the same one behind a gap that takes no time."""

    def audio(self, start: int, frames: Frames) -> None:
        """Frames [start, start + len(frames)) of the timeline."""

    def gap(self, gap: Gap, frames: int | None) -> None:
        """Frames [gap.start, gap.stop) of the timeline will never come; `stop` None: it takes no time.
        `frames` is its length, None where nobody knows."""

    def finish(self) -> None:
        """Nothing more will come."""


@dataclass(frozen=True, slots=True)
class Place:
    """Frame `frame` of the timeline is frame `position` of the stream `stream_id`."""

    frame: int = 0
    position: int = 0
    stream_id: bytes = b""


@dataclass(slots=True)
class Totals:
    """What went by: frames that came, gaps, frames that gaps are known to hide, and how it ended."""

    frames: int = 0
    position: int = 0
    gaps: int = 0
    missing: int = 0
    interrupted: bool = False


def capture(
    events: Iterable[Event],
    consumers: Sequence[Consumer],
    interrupts: Interrupts,
    limit: int | None = None,
    *,
    place: Place | None = None,
    totals: Totals | None = None,
    longest: int | None = None,
) -> Totals:
    """Feed consumers until the events end, `limit` frames of the timeline have passed, or Ctrl-C.

    `place` and `totals` are where an earlier loop left the timeline. Gaps of more than `longest` frames take
    no time in it. The consumers are finished in any case, also when one of them or the microphone fails.
    """
    totals = totals or Totals()
    loop = _Loop(totals, consumers, limit, place or Place(), longest)
    try:
        for event in events:
            with interrupts.shield():
                loop.step(event)
            if interrupts.pending or (limit is not None and totals.position >= limit):
                break
    except KeyboardInterrupt:
        interrupts.pending = True
    finally:
        with interrupts.shield():
            for consumer in consumers:
                consumer.finish()
    totals.interrupted = interrupts.pending
    return totals


class _Loop:
    """One event at a time onto the timeline of the recording."""

    def __init__(
        self,
        totals: Totals,
        consumers: Sequence[Consumer],
        limit: int | None,
        place: Place,
        longest: int | None,
    ) -> None:
        self._totals = totals
        self._consumers = consumers
        self._limit = limit
        self._longest = longest
        self._base = place.frame - place.position  # where position 0 of the stream in force lies
        self._stream_id = place.stream_id
        self._started: Started | None = None

    def step(self, event: Event) -> None:
        if isinstance(event, Audio):
            self._audio(event)
        elif isinstance(event, Gap):
            self._gap(event)
        elif isinstance(event, Started):
            self._begin(event)

    def _begin(self, event: Started) -> None:
        self._started = event
        if event.stream_id != self._stream_id:
            self._stream_id = event.stream_id
            self._base = self._totals.position
            self._tell_stream(event, 0)

    def _tell_stream(self, started: Started, position: int) -> None:
        for consumer in self._consumers:
            consumer.stream(self._base + position, started, position)

    def _audio(self, event: Audio) -> None:
        frames = event.frames
        if self._limit is not None:
            frames = frames[: max(0, self._limit - self._totals.position)]
        start = self._base + event.start
        self._totals.frames += len(frames)
        self._totals.position = start + len(frames)
        for consumer in self._consumers:
            consumer.audio(start, frames)

    def _gap(self, event: Gap) -> None:
        start = self._base + event.start
        frames, stop = event.frames, None
        if frames is None or (self._longest is not None and frames > self._longest):
            self._base = start - (event.stop or 0)
        else:
            stop = start + frames
            if self._limit is not None:
                stop = min(stop, self._limit)
                frames = stop - start
        totals = self._totals
        totals.gaps += 1
        totals.missing += frames or 0
        totals.position = start if stop is None else stop
        for consumer in self._consumers:
            consumer.gap(Gap(start, stop, event.cause, event.estimated), frames)
        if stop is None and event.stop is not None and self._started is not None:
            self._tell_stream(self._started, event.stop)
