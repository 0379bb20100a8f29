"""What tells speech from noise in a VAD frame: a noise floor that adapts, and the shape of the spectrum.

The floor of each band is the minimum of its smoothed level over the last seconds (R. Martin, "Noise power
spectral density estimation based on optimal smoothing and minimum statistics", 2001, without its bias
correction: what learns from the cues learns the bias as well). So noise that stays is floor after a while,
whatever its colour, and speech, which pauses, is not. All levels are relative to the floor or to the loudest
of late: the gain of a microphone does not matter.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

RATE = 16000
FRAME_SIZE = 480  # 30 ms
_FFT = 512
_BANDS = 14  # of equal width in mel
_LOWEST_HZ, _HIGHEST_HZ = 100.0, 6500.0
_SILENCE = 1000.0  # added to the power of a band: white noise of 2.4 steps of int16 has as much, -83 dBFS
_SMOOTHING = 0.2  # of the level whose minimum is the floor
_BLOCK_FRAMES, _BLOCKS = 10, 8  # the minimum is over 8 blocks of 300 ms and the one under way
_OVER_DB, _MOST_DB = 3.0, 24.0  # noise stands out of its own minimum by about 3 dB; more than 24 is no news
_VOICED_HZ = (150.0, 2500.0)  # where the harmonics of a voice are looked for
_LAGS = np.arange(40, 200, 2)  # samples: a pitch of 80 to 400 Hz
_TOP_FALL_DB = 0.03  # a VAD frame, 1 dB a second: how fast the loudest of late is forgotten
_LEAST_RANGE_DB = 15.0
_PIECES = 6  # of 5 ms
_PEAKS_DB, _BIN_MOST_DB = 6.0, 20.0  # single bins of noise scatter more than bands do
_STEADY_LAG, _STEADY_TONE = 1, 0.12
_HARMONY_KEPT = 0.97  # from one VAD frame to the next: after a second a third is left

NAMES = (
    *(f"band {i}" for i in range(_BANDS)),
    "tone",
    "burst",
    "flux",
    "loudness",
    "range",
    "steady pitch",
    "rise",
    "peak",
    "harmony",
    "harmony of late",
)
COUNT = len(NAMES)
_TONE, _BURST, _FLUX, _LOUDNESS, RANGE, _STEADY, _RISE, _PEAK, _HARMONY, HARMONY_OF_LATE = range(
    _BANDS, COUNT
)
RANGE_DB = 20.0  # of "range" 1.0


def _bands() -> Floats:
    """Mean power of each band from the power of the bins; shape `(_BANDS, _FFT // 2 + 1)`."""
    hertz = np.fft.rfftfreq(_FFT, 1 / RATE)
    ends = 2595 * np.log10(1 + np.array([_LOWEST_HZ, _HIGHEST_HZ]) / 700)  # mel: O'Shaughnessy, 1987
    edges = 700 * (10 ** (np.linspace(ends[0], ends[1], _BANDS + 1) / 2595) - 1)
    members = (hertz >= edges[:-1, None]) & (hertz < edges[1:, None])
    return np.asarray(members / members.sum(axis=1, keepdims=True), np.float32)


def _alike(lags: npt.NDArray[np.int64]) -> Floats:
    """The autocorrelation at each lag from the bins of a voice; shape `(lags, bins)`."""
    return np.asarray(np.cos(np.outer(lags, 2 * np.pi * _VOICED / _FFT)), np.float32)


_HERTZ = np.fft.rfftfreq(_FFT, 1 / RATE)
_VOICED = np.flatnonzero((_VOICED_HZ[0] < _HERTZ) & (_VOICED_HZ[1] > _HERTZ))
_BINS = slice(int(_VOICED[0]), int(_VOICED[-1]) + 1)
_ALL_BINS = np.ones(len(_VOICED), np.float32)
_TO_BANDS = _bands()
_BAND_OF_BIN = _TO_BANDS[:, _BINS].argmax(axis=0)
_TO_PERIODS = _alike(_LAGS)
_TO_NOTES = _TO_PERIODS - _alike(
    _LAGS // 2
)  # a note repeats itself after a period, and not after half of one
_TO_PIECES = np.repeat(np.eye(_PIECES, dtype=np.float32), FRAME_SIZE // _PIECES, axis=1)
_WINDOW = np.hanning(FRAME_SIZE + 1)[:FRAME_SIZE].astype(np.float32)
_MEAN = np.full(_BANDS, 1 / _BANDS, np.float32)  # a dot product takes a fifth of the time of mean()


class Cues:
    """The cues of one VAD frame after the other: `COUNT` numbers, most from 0 to 3, named in `NAMES`."""

    def __init__(self) -> None:
        self.values: Floats = np.zeros(COUNT, np.float32)
        """Of the latest VAD frame; the same array each time."""
        self._begun = False
        self._frames = 0  # of the block under way
        self._top = 0.0  # dB: the loudest of late
        self._loud = 0.0  # dB, smoothed
        self._lag = 0
        self._harmony = 0.0  # the most of late
        self._past: Floats = np.full((_BLOCKS, _BANDS), np.inf, np.float32)  # minima of whole blocks
        self._past_low: Floats = self._past[0]  # and the least of these
        self._smooth = self._low = self._before = self._past_low

    def hear(self, vad_frame: npt.NDArray[np.int16]) -> Floats:
        """The cues of 480 samples at 16 kHz."""
        samples = vad_frame.astype(np.float32)
        size = np.abs(np.fft.rfft(samples * _WINDOW, _FFT)).astype(np.float32, copy=False)
        level: Floats = np.log10(_TO_BANDS @ (size * size) + np.float32(_SILENCE))
        level *= 10
        if not self._begun:
            self._begin(level)
        values = self.values
        floor = self._floor(level)
        over = values[:_BANDS]
        np.subtract(level, floor, out=over)
        over -= _OVER_DB
        np.maximum(over, 0, out=over)
        np.minimum(over, _MOST_DB, out=over)
        over *= 0.125
        values[_PEAK] = over.max()
        self._hear_tones(size[_BINS], values)
        self._hear_harmony(size[_BINS], floor, values)
        self._hear_changes(samples, level, values)
        self._hear_loudness(float(level.dot(_MEAN)), float(floor.dot(_MEAN)), values)
        return values

    def _begin(self, level: Floats) -> None:
        self._begun = True
        self._smooth, self._low, self._before = level.copy(), level.copy(), level
        self._loud = self._top = float(level.dot(_MEAN))

    def _floor(self, level: Floats) -> Floats:
        self._smooth += _SMOOTHING * (level - self._smooth)
        np.minimum(self._low, self._smooth, out=self._low)
        floor: Floats = np.minimum(self._low, self._past_low)
        self._frames += 1
        if self._frames == _BLOCK_FRAMES:
            self._frames = 0
            self._past[:-1] = self._past[1:]
            self._past[-1] = self._low
            self._past_low = self._past.min(axis=0)
            np.copyto(self._low, self._smooth)
        return floor

    def _hear_tones(self, size: Floats, values: Any) -> None:
        """Whether the spectrum repeats after some lag, and whether at the same as before: a note, a vowel.

        Of square roots, lest the strongest bin counts alone.
        """
        root = np.sqrt(size)
        comb = _TO_NOTES @ root
        lag = int(comb.argmax())
        tone = float(comb[lag]) / (float(root.dot(_ALL_BINS)) + 1)
        values[_TONE] = 5 * tone
        values[_STEADY] = abs(lag - self._lag) <= _STEADY_LAG and tone > _STEADY_TONE
        self._lag = lag

    def _hear_harmony(self, size: Floats, floor: Floats, values: Any) -> None:
        """How many harmonics of one pitch stand out of the floor: many in a voice, one or two in rumble.

        A bin counts 20 dB at most, so that no single one makes a voice.
        """
        over = np.log10(size + 1)
        over *= 20
        over -= floor[_BAND_OF_BIN]
        over -= _PEAKS_DB
        np.maximum(over, 0, out=over)
        np.minimum(over, _BIN_MOST_DB, out=over)
        harmony = float((_TO_PERIODS @ over).max()) / len(_VOICED)
        self._harmony = max(_HARMONY_KEPT * self._harmony, harmony)
        values[_HARMONY] = harmony
        values[HARMONY_OF_LATE] = self._harmony

    def _hear_changes(self, samples: Floats, level: Floats, values: Any) -> None:
        """Whether the power is in a moment of the VAD frame, and how the bands changed since the last."""
        power = _TO_PIECES @ (samples * samples)
        values[_BURST] = float(power.max()) * _PIECES / (float(power.sum()) + 600)
        change = level - self._before
        self._before = level
        values[_RISE] = min(max(0.1 * float(change.dot(_MEAN)), -1.5), 1.5)
        values[_FLUX] = 0.2 * float(np.abs(change, out=change).dot(_MEAN))

    def _hear_loudness(self, level_db: float, floor_db: float, values: Any) -> None:
        """Where the level lies between the floor and the loudest of late, and how far these are apart."""
        self._loud = 0.5 * (self._loud + level_db)
        self._top = max(self._top - _TOP_FALL_DB, self._loud)
        span = max(self._top - floor_db, _LEAST_RANGE_DB)
        values[_LOUDNESS] = min(max((level_db - floor_db) / span, 0.0), 1.2)
        values[RANGE] = span / RANGE_DB
