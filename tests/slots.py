"""A microphone's slots, as they are and as faults of the wiring leave them.

A slot is a signed 32-bit number with a 24-bit sample in its upper bits. A recording is played 12 dB below
full scale, which the usual shift of 14 gives back.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from ossicle.doctor.collect import listen
from ossicle.doctor.evidence import Evidence
from ossicle.emulator import Emulator
from ossicle.recording import RawSlots

Slots = NDArray[np.int64]
RATE = 16000


def of(path: Path, seconds: float = 4.0, gain: float = 1.0) -> Slots:
    """The slots of a recording's first channel, with the noise of a microphone in the bits below."""
    samples = soundfile.read(path, round(seconds * RATE), dtype="int16", always_2d=True)[0][:, 0]
    noise = np.random.default_rng(1).normal(0, 5 * 64, len(samples))  # 5 steps of the converted sample, rms
    words = np.rint(samples * gain * 64 + noise).astype(np.int64)  # of 24 bits
    return np.clip(words, -(2**23), 2**23 - 1) << 8


def signed(slots: Slots) -> NDArray[np.int32]:
    """The low 32 bits of each, as the chip reads them."""
    return (slots & 0xFFFFFFFF).astype(np.uint32).view(np.int32)


def late(slots: Slots, before: int | NDArray[np.int64] = 0) -> Slots:
    """The data come one bit late: what was on the line before stands where the sign should."""
    return ((slots & 0xFFFFFFFF) >> 1) | (np.asarray(before, np.int64) << 31)


def pair(left: Slots, right: Slots) -> Slots:
    """Both slots of each frame."""
    return np.stack([left, right], axis=1)


def hear(slots: Slots, *, channels: int = 1, seconds: float = 60.0, **options: object) -> Evidence:
    """What the doctor collects of a board whose microphone gives these slots, flat out."""
    shaped = slots.reshape(len(slots), -1)
    config = options.pop("config", {})
    with Emulator(
        RawSlots(signed(shaped)),
        speed="max",
        conversion="real",
        config=config,  # type: ignore[arg-type]
        **options,  # type: ignore[arg-type]
    ) as board:
        return listen(board.url, seconds, channels=channels)
