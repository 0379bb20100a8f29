"""Noises by recipe, the same to the bit wherever they are made.

All random numbers come from the raw output of PCG64, whose stream numpy keeps for ever; its distributions may
change. Arithmetic is one IEEE operation at a time: no BLAS, no FFT, and no sine of numpy, since these differ
between processors. Every noise is float64 of shape `(frames,)` and of unit power over its length.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

SINE_BITS = 13
# Rounded, so that the last bit of a C library's sine does not matter.
SINE = np.array([round(math.sin(math.tau * i / 2**SINE_BITS) * 2**20) / 2**20 for i in range(2**SINE_BITS)])
TALKERS = 10
MAJOR = (0, 2, 4, 5, 7, 9, 11)  # steps of the scale, in semitones
HARMONICS = 6


class Draw:
    """Random numbers of a seed."""

    def __init__(self, seed: int) -> None:
        self._bits = np.random.PCG64(seed)

    def between(self, low: float, high: float) -> float:
        """Uniform, from `low` to below `high`."""
        return low + (high - low) * ((int(self._bits.random_raw()) >> 11) * 2.0**-53)

    def below(self, count: int) -> int:
        """An integer from 0 to below `count`."""
        return int(self.between(0, count))

    def white(self, frames: int) -> Floats:
        """Independent values of mean 0 and variance 1, nearly Gaussian: each the sum of four uniform ones."""
        quarters = np.asarray(self._bits.random_raw(frames), np.uint64).view(np.uint16).reshape(frames, 4)
        total = quarters.astype(np.float64).sum(axis=1)
        return np.asarray((total - 2 * 65535) / math.sqrt((65536**2 - 1) / 3), np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class Voice:
    """Something said: its samples (float64), and the frames [start, stop) where the mix itself says it."""

    samples: Floats
    start: int
    stop: int


def power(samples: Floats) -> float:
    """Mean square; 0 for none."""
    return float((samples * samples).mean()) if len(samples) else 0.0


def of_unit_power(samples: Floats) -> Floats:
    """Scaled so that its mean square is 1; raises ValueError for silence."""
    now = power(samples)
    if not now:
        raise ValueError("silence has no power to scale")
    return samples / math.sqrt(now)


def white(frames: int, rate: int, seed: int) -> Floats:
    """Equal power at all frequencies: hiss."""
    return of_unit_power(Draw(seed).white(frames))


def room(frames: int, rate: int, seed: int) -> Floats:
    """Falls with frequency as in a room with a fan: 6 dB an octave above 200 Hz, down to a floor of hiss."""
    hiss = Draw(seed).white(frames)
    share = math.tau * 200 / rate
    low = np.fromiter(accumulate(hiss.tolist(), lambda y, x: y + share * (x - y)), np.float64, frames)
    return of_unit_power(low + 0.12 * hiss)


def clicks(frames: int, rate: int, seed: int) -> Floats:
    """Typing: bursts of 4 to 14 keys, one every 80 to 220 ms, then a pause of 0.3 to 1.2 s.

    A key is an impulse as it goes down and a softer one as it comes up 50 to 110 ms later, each of hiss and
    of a ringing at 1.5 to 4.5 kHz that die away within milliseconds.
    """
    draw, out = Draw(seed), np.zeros(frames)
    at = draw.between(0, 0.3)
    while at * rate < frames:
        for _ in range(4 + draw.below(11)):
            level = draw.between(0.4, 1.0)
            add(out, round(at * rate), level * _impulse(draw, rate))
            up = at + draw.between(0.05, 0.11)
            add(out, round(up * rate), 0.5 * level * _impulse(draw, rate))
            at += draw.between(0.08, 0.22)
        at += draw.between(0.3, 1.2)
    return of_unit_power(out)


def music(frames: int, rate: int, seed: int) -> Floats:
    """Chords of three notes and a bass, another every 250 to 500 ms, struck and dying away.

    Every note has six harmonics, the k-th of amplitude 1/k; the key changes now and then.
    """
    draw, out, at, key = Draw(seed), np.zeros(frames), 0.0, 0
    while at * rate < frames:
        lasts = draw.between(0.25, 0.5)
        if draw.below(16) == 0:
            key = draw.below(12)
        degree = draw.below(7)
        notes = [_pitch(key, degree + step) for step in (0, 2, 4)]
        chord = _struck(draw, [_pitch(key, degree) - 12, *notes], round(lasts * 1.25 * rate), rate)
        add(out, round(at * rate), chord * draw.between(0.6, 1.0))
        at += lasts
    return of_unit_power(out)


def babble(frames: int, rate: int, seed: int, voices: Sequence[Voice]) -> Floats:
    """Ten people talking at once, each of them one thing after the other, with pauses of up to 0.25 s.

    Each talker has a level (within 3 dB of the others) and a speed (0.86 to 1.16, which moves the pitch as
    well), and says nothing while the mix says that very thing. Raises ValueError without voices.
    """
    if not voices:
        raise ValueError("babble needs voices")
    draw, out = Draw(seed), np.zeros(frames)
    for _ in range(TALKERS):
        level, speed = 10 ** (draw.between(-3, 3) / 20), draw.between(0.86, 1.16)
        at = -round(draw.between(0, 3) * rate)
        while at < frames:
            fitting = [v for v in voices if at + _length(v, speed) <= v.start or at >= v.stop]
            if fitting:
                chosen = fitting[draw.below(len(fitting))]
                add(out, at, level * of_unit_power(resampled(chosen.samples, speed)))
                at += _length(chosen, speed)
            at += round(draw.between(0.02, 0.25) * rate)
    return of_unit_power(out)


NOISES: dict[str, Callable[[int, int, int], Floats]] = {
    "white": white,
    "room": room,
    "clicks": clicks,
    "music": music,
}
"""Those that need nothing but a length, a rate and a seed."""


def add(out: Floats, at: int, samples: Floats) -> None:
    """Add samples in place, from frame `at` on; what lies outside is left away."""
    first, last = max(0, at), min(len(out), at + len(samples))
    if first < last:
        out[first:last] += samples[first - at : last - at]


def decay(frames: int, tau_frames: float) -> Floats:
    """1, r, r**2 ... with r = 1 - 1/tau: falls to 1/e in about `tau_frames`."""
    out, made, factor = np.ones(frames), 1, 1 - 1 / tau_frames
    while made < frames:
        part = min(made, frames - made)
        out[made : made + part] = out[:part] * factor
        made, factor = made + part, factor * factor
    return out


def sine(frames: int, turns_a_frame: float, phase: float) -> Floats:
    """A sine from a table; `phase` in turns."""
    step, begin = int(turns_a_frame * 2**32), int(phase * 2**32)
    turns = (np.arange(frames, dtype=np.int64) * step + begin) & (2**32 - 1)
    return np.asarray(SINE[turns >> (32 - SINE_BITS)], np.float64)


def resampled(samples: Floats, speed: float) -> Floats:
    """`samples` played at another speed: a cubic through each four neighbours (Catmull and Rom, 1974)."""
    place = np.arange(int(len(samples) / speed)) * speed
    index = place.astype(np.int64)
    t = place - index
    padded = np.concatenate((np.zeros(1), samples, np.zeros(3)))
    a, b, c, d = (padded[index + k] for k in range(4))
    return np.asarray(
        b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a))), np.float64
    )


def _length(voice: Voice, speed: float) -> int:
    return int(len(voice.samples) / speed)


def _impulse(draw: Draw, rate: int) -> Floats:
    frames = round(0.04 * rate)
    hiss = draw.white(frames) * decay(frames, draw.between(0.001, 0.004) * rate)
    ring = sine(frames, draw.between(1500, 4500) / rate, draw.between(0, 1))
    return np.asarray(hiss + ring * decay(frames, draw.between(0.002, 0.007) * rate), np.float64)


def _pitch(key: int, degree: int) -> int:
    """Semitones above 110 Hz."""
    octave, step = divmod(degree, len(MAJOR))
    return 12 + key + 12 * octave + MAJOR[step]


def _struck(draw: Draw, semitones: Sequence[int], frames: int, rate: int) -> Floats:
    out = np.zeros(frames)
    for pitch in semitones:
        note_hz = 110 * 2 ** (pitch / 12)
        for k in range(1, HARMONICS + 1):
            if k * note_hz < 0.45 * rate:
                out += sine(frames, k * note_hz / rate, draw.between(0, 1)) / k
    attack, release = round(0.01 * rate), frames // 5
    shape = decay(frames, 0.45 * rate)
    shape[:attack] *= np.arange(attack) / attack
    shape[frames - release :] *= np.arange(release, 0, -1) / release
    return out * shape
