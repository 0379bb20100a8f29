"""A source that can wait waits for the encoder where it is faster than real time.

One in real time never waits for an archive: what is not encoded yet lies in memory, and the thread that
encodes has as long as that memory lasts, with many streams beside. A recording that is played flat out would
overwrite it.
"""

from __future__ import annotations

import time
from typing import Protocol

from ossicle.archive.settings import Settings
from ossicle.sinks.lane import ArchiveStream, sizes

AHEAD_S = 10.0
"""No device is ever so much faster than real time: it is more than its ring holds."""
SETTLE_S = 60.0


class Settling(Protocol):
    """As `ossicle.Archive`."""

    settings: Settings

    def settle(self, stream: ArchiveStream, seconds: float) -> bool:
        """Wait until what is over of a stream is encoded."""


class Pace:
    """Of one stream, from its first frames on."""

    def __init__(self, archive: Settling, stream: ArchiveStream) -> None:
        capacity, self._step = sizes(archive.settings, stream.rate, stream.channels)
        self._archive = archive
        self._stream = stream
        self._ahead = min(AHEAD_S * stream.rate, capacity - self._step)  # what is under way lies in memory
        self._begun: tuple[int, float] | None = None
        self._due = 0

    def keep(self) -> None:
        """Frames were handed over: wait, once for each object, if the source is faster than real time."""
        position, now = self._stream.position, time.monotonic()
        if self._begun is None:
            self._begun, self._due = (position, now), position + self._step
        if position < self._due:
            return
        self._due = position + self._step
        start, began = self._begun
        if position - start - (now - began) * self._stream.rate > self._ahead:
            self._archive.settle(self._stream, SETTLE_S)
