"""Figures of one channel's sound. Levels are in dBFS, where a sine of full scale has -3 and a square 0.

What the constants rest on, beside what is said at each: the INMP441's data sheet (DS-INMP441-00, 1.1:
-26 dBFS at 94 dB SPL, noise -87 dBFS, 120 dB SPL at most) and the conversion, whose shift of 14 adds 12 dB.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ossicle.proto._wire import DC_SHIFT

from .evidence import Sound

FULL = 32768.0
RAIL = 32767
WINDOW_S = 0.125  # the time weighting "fast" of sound level meters (IEC 61672)
LOUDEST = 99.0  # percentile of windows that is the loudest moment: one click is none
FLOOR = 10.0  # the level that is exceeded nine tenths of the time (L90, ISO 1996-1)
RUN = 3  # samples at full scale in a row are clipped: a wave touches it once
NOTHING_DB = -120.0
MIDDLE = (8192, 32000)  # neither near zero nor near full scale

_WAKE_CYCLES = 1 << 18  # of SCK, until an INMP441 gives sound (data sheet: Normal Operation)
_SLOT_CYCLES = 64  # of SCK in a frame
_SETTLING = 8  # time constants of the DC blocker: e**-8 of an offset is left


@dataclass(frozen=True, slots=True)
class Figures:
    """What one channel sounds like."""

    seconds: float
    rms_db: float
    loud_db: float
    """Of the loudest moment."""
    floor_db: float
    """Of the quietest tenth of the time."""
    peak_db: float
    mean: float
    """The constant part, as a share of full scale."""
    spread: int
    """From the least to the greatest sample, without the thousandth part at either end."""
    middle_value: int
    rails: float
    """The share of samples at full scale."""
    clipped: float
    """The share of samples that are at full scale with their neighbours."""
    between: float
    """The share of samples that are neither small nor at full scale."""
    likeness: float
    """Correlation of each sample with the next: 0 for white noise, near 1 for low sounds."""


def awake(sound: Sound) -> NDArray[np.int16]:
    """The frames without the beginning in which a microphone wakes up and the DC blocker settles."""
    if not sound.device:
        return sound.frames
    wake = _WAKE_CYCLES // _SLOT_CYCLES + _SETTLING * (1 << DC_SHIFT)
    return sound.frames[min(wake, len(sound.frames) // 2) :]


def decibels(ratio: float) -> float:
    """20 log10, not below NOTHING_DB."""
    return max(NOTHING_DB, 20 * float(np.log10(max(ratio, 1e-6))))


def windows(samples: NDArray[np.float64], rate: int) -> NDArray[np.float64]:
    """The level of each window of WINDOW_S, as a share of full scale, without the constant part."""
    size = max(1, min(len(samples), round(WINDOW_S * rate)))
    whole = samples[: len(samples) // size * size].reshape(-1, size)
    return np.asarray(np.sqrt(np.mean((whole - samples.mean()) ** 2, axis=1)))


def figures(sound: Sound) -> Figures:
    """Of a Sound with one channel and at least one frame."""
    raw = awake(sound)[:, 0]
    samples = raw.astype(np.float64) / FULL
    size = np.abs(raw.astype(np.int32))
    levels = windows(samples, sound.rate)
    at_rail = size >= RAIL
    low, high = np.percentile(raw, (0.1, 99.9), method="nearest")
    between = (size >= MIDDLE[0]) & (size < MIDDLE[1])
    return Figures(
        seconds=len(raw) / sound.rate,
        rms_db=decibels(float(samples.std())),
        loud_db=decibels(float(np.percentile(levels, LOUDEST))),
        floor_db=decibels(float(np.percentile(levels, FLOOR))),
        peak_db=decibels(float(size.max()) / FULL),
        mean=float(samples.mean()),
        spread=int(high) - int(low),
        middle_value=int(np.median(raw)),
        rails=float(at_rail.mean()),
        clipped=in_runs(np.sign(raw) * at_rail, RUN) / len(raw),
        between=float(between.mean()),
        likeness=_likeness(samples),
    )


def in_runs(values: NDArray[np.int16], least: int) -> int:
    """How many samples lie in runs of one value other than 0 that have at least so many."""
    starts, lengths = runs(values)
    long = (lengths >= least) & (values[starts] != 0)
    return int(lengths[long].sum())


def runs(values: NDArray[np.int16]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Where each run of equal values begins, and how long it is."""
    starts = np.concatenate(([0], np.flatnonzero(np.diff(values)) + 1))
    return starts, np.diff(np.concatenate((starts, [len(values)])))


def _likeness(samples: NDArray[np.float64]) -> float:
    centred = samples - samples.mean()
    power = float(np.dot(centred, centred))
    return float(np.dot(centred[1:], centred[:-1])) / power if power else 0.0
