"""Where long audio may be cut: in the quiet between words (A-11 to A-13)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ossicle.audio.chunk import Frames

QUIET = 4
"""What is at most so many times as powerful as the quietest place is as quiet: 6 dB."""


@dataclass(frozen=True, slots=True)
class Lengths:
    """How long pieces may be, in frames."""

    most: int
    least: int
    """At most half of `most`, so that what is too long always has a place to be cut at."""
    hangover: int
    """So much of the quiet stays with the piece before it, at most."""
    window: int
    """Power is measured in windows of this length."""


def cuts(frames: Frames, lengths: Lengths) -> list[int]:
    """Where int16 audio of shape `(n,)` or `(n, channels)` is cut into pieces: their stops, but for the last.

    Each piece is between `least` and `most` frames long; audio of up to `most` frames is one piece, however
    short.
    """
    found: list[int] = []
    start = 0
    while len(frames) - start > lengths.most:
        start += _cut(frames[start:], lengths)
        found.append(start)
    return found


def _cut(frames: Frames, lengths: Lengths) -> int:
    """The length of the first piece of audio that is too long for one."""
    window = lengths.window
    limit = min(lengths.most, len(frames) - lengths.least)
    first = -(-lengths.least // window)
    count = limit // window - first
    if count < 1:
        return limit
    power = _power(frames[first * window : (first + count) * window], window)
    quietest = count - 1 - int(np.argmin(power[::-1]))
    loud = np.flatnonzero(power > QUIET * power[quietest])
    if not len(loud):
        return limit
    at = int(np.searchsorted(loud, quietest))
    begin = int(loud[at - 1]) + 1 if at else 0
    end = int(loud[at]) if at < len(loud) else count
    middle = (end - begin) * window // 2
    return (first + begin) * window + min(middle, lengths.hangover)


def _power(frames: Frames, window: int) -> npt.NDArray[Any]:
    """The sum of squares in each window: whole numbers below 2**53, so float64 has them exactly."""
    exact = frames.reshape(-1, window * (frames.shape[1] if frames.ndim == 2 else 1)).astype(np.float64)
    power: npt.NDArray[Any] = np.einsum("ij,ij->i", exact, exact)
    return power
