"""The ring of a simulated device, by RING.md: what was captured, what is lost, which windows are whole."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from simaudio import audio

from ossicle.proto import _wire as wire
from ossicle.proto._wire import Cause, Flag


class SimRing:
    """Positions only. `length` frames are captured by the clock, or, if it `waits`, as they are wanted.

    `holes` are (position, frames) at which the driver drops audio. `first` is the sequence that capture
    begins with. `dma` frames come at once. It hears at 0 what `audio` has at `shift`.
    """

    shift = 0

    def __init__(
        self,
        length: int | None,
        ring: int,
        holes: Sequence[tuple[int, int]],
        first: int,
        waits: bool,
        dma: int,
    ) -> None:
        self.length = length
        self.ring = ring
        self.planned = sorted(holes)
        self.first = first
        self.waits = waits
        self.dma = dma
        self.fields: wire.StartFields | None = None
        self.now = 0.0

    def begin(self, fields: wire.StartFields) -> None:
        self.fields = fields
        self.hop, self.overlap, self.channels = fields.hop, fields.overlap, fields.channels
        self.written = self.first * self.hop
        self.began = self.now
        self.base = self.written
        self.holes: list[tuple[int, int]] = []
        self.acked = self.first
        self.stopped_at: int | None = None
        self.ended = False

    def audio(self, start: int, stop: int) -> np.ndarray:
        return audio(start + self.shift, stop + self.shift, self.channels)

    @property
    def oldest(self) -> int:
        """The first sequence that is whole in the ring."""
        return max(self.first, -(-(self.written - self.ring) // self.hop))

    def capture(self) -> None:
        heard = int((self.now - self.began) * self.fields.rate)
        target = self.base + heard - heard % self.dma
        if self.waits:
            target = self.acked * self.hop + self.ring
        length = self.length if self.stopped_at is None else self.stopped_at
        end = None if length is None else self.base + length
        if end is not None and target >= end:
            target = end
        while self.planned and self.planned[0][0] + self.first * self.hop <= target:
            at, frames = self.planned.pop(0)
            at += self.first * self.hop
            stop = -(-(at + frames) // self.hop) * self.hop
            self.holes.append((at, stop))
            target = max(target, stop)
        self.written = max(self.written, target)
        if end is not None and self.written >= end:
            self.ended = True

    def lost(self, sequence: int) -> Cause | None:
        start = sequence * self.hop
        if any(at <= start < stop for at, stop in self.holes):
            return Cause.CAPTURE
        return Cause.OVERWRITTEN if sequence < self.oldest else None

    def window(self, sequence: int) -> tuple[int, int] | None:
        """Stop and flags of a chunk that can be sent now."""
        start = sequence * self.hop
        stop = start + self.hop + self.overlap
        cut = next((at for at, _ in self.holes if start <= at < stop), None)
        if cut is not None:
            return cut, Flag.DISCONTINUITY
        if stop <= self.written:
            return stop, 0
        # The first chunk that is not whole is the last, also where its overlap reaches into the next hop.
        if (
            self.ended
            and start <= self.written
            and (sequence == self.first or stop - self.hop <= self.written)
        ):
            return self.written, Flag.LAST
        return None
