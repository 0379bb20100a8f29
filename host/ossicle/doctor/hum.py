"""Hum of the mains in speech: lines at 50 or 60 Hz and their multiples that stay when the voice pauses.

A voice may well have a pitch of 100 or 120 Hz, but not all the time. So the spectrum that is judged is, at
each frequency, the level that is exceeded most of the time, and a line in it has to stand out of what lies
beside it, and be narrow.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .evidence import Sound
from .measure import awake, decibels

SECONDS_MIN = 3.0  # of what is shorter a steady vowel is too large a part
MAINS = (50, 60)  # Hz
HARMONICS = 8
LOW = 30.0  # percentile over time: speech pauses for more than that, or changes its pitch
STANDS_OUT_DB = 12.0  # over its neighbourhood; noise that is averaged so stays below 5
_WINDOW_S = 0.5  # lines 10 Hz apart from the rest are seen
_HOPS = 4  # in a window
_HIGHEST = 0.45  # of the rate, that a line may be at
_BESIDE = (4, 10)  # bins of the window, to either side: the neighbourhood


@dataclass(frozen=True, slots=True)
class Hum:
    """Lines at multiples of `mains` Hz that together are at `level_db`; `harmonics` has which stand out."""

    mains: int
    level_db: float
    harmonics: tuple[int, ...]


def hum(sound: Sound) -> Hum | None:
    """The stronger of both, None where no line stands out. Of a Sound with one channel."""
    samples = awake(sound)[:, 0].astype(np.float64) / 32768.0
    if len(samples) < SECONDS_MIN * sound.rate or min(MAINS) > sound.rate * _HIGHEST:
        return None
    power = _most_of_the_time(samples, round(_WINDOW_S * sound.rate))
    found = [hum for mains in MAINS if (hum := _of(power, mains, sound.rate)) is not None]
    return max(found, key=lambda each: each.level_db, default=None)


def _most_of_the_time(samples: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """Of each frequency the power that is exceeded most of the time, such that a sine has its own."""
    window = np.hanning(size)
    starts = range(0, len(samples) - size + 1, size // _HOPS)
    parts = (samples[start : start + size] for start in starts)
    powers = [np.abs(np.fft.rfft((part - part.mean()) * window)) ** 2 for part in parts]
    return np.asarray(2 * np.percentile(powers, LOW, axis=0) / window.sum() ** 2)


def _of(power: NDArray[np.float64], mains: int, rate: int) -> Hum | None:
    near, far = _BESIDE
    total, standing = 0.0, []
    for harmonic in range(1, HARMONICS + 1):
        frequency = mains * harmonic
        place = round(frequency * _WINDOW_S)
        if frequency > rate * _HIGHEST:
            break
        line = float(power[place - 1 : place + 2].max())
        beside = np.concatenate(
            (power[place - far : place - near], power[place + near + 1 : place + far + 1])
        )
        if line > float(np.median(beside)) * 10 ** (STANDS_OUT_DB / 10):
            standing.append(harmonic)
            total += line
    # A single high line is a whistle or a fan; hum has its first three, or one of them.
    if not standing or standing[0] > 3:
        return None
    return Hum(mains, decibels(total**0.5), tuple(standing))
