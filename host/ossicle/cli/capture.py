"""The loop that every listening command runs: events from a microphone, handed to consumers.

Positions count frames of one stream. A device that was reset starts again at 0; here its frames go on
after what came before, so that a recording has one timeline. A gap of unknown length takes no time in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ..proto.events import Audio, Event, Gap
from .guard import Interrupts

Frames = npt.NDArray[np.int16]


class Consumer(Protocol):
    """What the loop feeds, in order: every frame and every gap once, then `finish`."""

    def audio(self, start: int, frames: Frames) -> None:
        """Frames of positions [start, start + len(frames))."""

    def gap(self, gap: Gap) -> None:
        """Positions that will never come."""

    def finish(self) -> None:
        """Nothing more will come."""


@dataclass(slots=True)
class Totals:
    """What went by: frames that came, gaps, frames that gaps are known to hide, and how it ended."""

    frames: int = 0
    position: int = 0
    gaps: int = 0
    missing: int = 0
    interrupted: bool = False


def capture(
    events: Iterable[Event], consumers: Sequence[Consumer], interrupts: Interrupts, limit: int | None = None
) -> Totals:
    """Feed consumers until the events end, `limit` frames of the timeline have passed, or Ctrl-C.

    The consumers are finished in any case, also when one of them or the microphone fails.
    """
    totals = Totals()
    loop = _Loop(totals, consumers, limit)
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

    def __init__(self, totals: Totals, consumers: Sequence[Consumer], limit: int | None) -> None:
        self._totals = totals
        self._consumers = consumers
        self._limit = limit
        self._base = 0  # where position 0 of the stream in force lies on the timeline

    def step(self, event: Event) -> None:
        if isinstance(event, Audio):
            self._audio(event)
        elif isinstance(event, Gap):
            self._gap(event)

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
        totals = self._totals
        start = self._base + event.start
        stop = None if event.stop is None else self._base + event.stop
        if stop is None:
            self._base = start
        elif self._limit is not None:
            stop = min(stop, self._limit)
        totals.gaps += 1
        totals.missing += 0 if stop is None else stop - start
        totals.position = start if stop is None else stop
        for consumer in self._consumers:
            consumer.gap(Gap(start, stop, event.cause, event.estimated))
