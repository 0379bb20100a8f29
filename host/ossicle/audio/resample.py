"""The capture as the voice detector wants it: one channel, its own rate, VAD frame by VAD frame."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ossicle.audio.chunk import Frames

Mono = npt.NDArray[np.int16]


def mono(frames: Frames) -> Mono:
    """The mean of all channels, rounded to the nearest, halves up; int16 of shape `(frames,)`."""
    if frames.ndim == 1:
        return frames
    channels = frames.shape[1]
    total = frames.astype(np.int32).sum(axis=1)
    mean: Mono = ((2 * total + channels) // (2 * channels)).astype(np.int16)
    return mean


class Resampler:
    """Mono int16 from one rate to another, in one stream. What goes in in pieces comes out as if in one.

    Sample `n` that comes out is at input position `n * from_rate / to_rate`: soxr takes its filter's delay
    out (it gives the first samples only when it has heard enough). It is fed pieces of always the same
    length.
    """

    def __init__(self, from_rate: int, to_rate: int) -> None:
        self._from_rate = from_rate
        self._to_rate = to_rate
        self._same = from_rate == to_rate
        self._piece = max(1, from_rate // 100)
        self.reset()

    def reset(self) -> None:
        """Begin another stream."""
        self._rest: Mono = np.zeros(0, np.int16)
        if not self._same:
            import soxr

            self._stream: Any = soxr.ResampleStream(self._from_rate, self._to_rate, 1, dtype="float32")

    def push(self, samples: Mono) -> Mono:
        """What can be given after these samples."""
        if self._same:
            return samples
        waiting = np.concatenate((self._rest, samples))
        whole = len(waiting) - len(waiting) % self._piece
        self._rest = waiting[whole:]
        pieces = [self._through(waiting[i : i + self._piece]) for i in range(0, whole, self._piece)]
        return np.concatenate(pieces) if pieces else self._rest[:0]

    def finish(self) -> Mono:
        """The rest of the stream; another begins."""
        last = self._rest if self._same else self._through(self._rest, last=True)
        self.reset()
        return last

    def _through(self, samples: Mono, last: bool = False) -> Mono:
        out = self._stream.resample_chunk(samples.astype(np.float32), last=last)
        rounded: Mono = np.clip(np.rint(out), -32768, 32767).astype(np.int16)
        return rounded
