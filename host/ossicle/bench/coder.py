"""IMA ADPCM, coded in plain Python: what a device would send (W-42). Slow; benchmarks run it before they
measure."""

from __future__ import annotations

import numpy as np

from ossicle.proto.adpcm import CHANGES, STEPS
from ossicle.proto.events import Frames


class Coded:
    """A recording of one channel as a running coder makes it."""

    def __init__(self, frames: Frames) -> None:
        self._nibbles = bytearray()
        self._states: list[tuple[int, int]] = []  # predictor and index before each frame
        predictor = index = 0
        decoded = []
        for value in frames.tolist():
            self._states.append((predictor, index))
            nibble, change = _nibble(value - predictor, STEPS[index])
            self._nibbles.append(nibble)
            predictor = min(max(predictor + change, -32768), 32767)
            index = min(max(index + CHANGES[nibble & 7], 0), len(STEPS) - 1)
            decoded.append(predictor)
        self.decoded: Frames = np.array(decoded, np.int16)
        """What a decoder makes of it."""

    def payload(self, start: int, stop: int) -> bytes:
        """Of a chunk of frames [start, stop)."""
        nibbles = self._nibbles[start:stop]
        if not nibbles:
            return b""
        predictor, index = self._states[start]
        padding = len(nibbles) % 2
        nibbles += bytes(padding)
        head = predictor.to_bytes(2, "little", signed=True) + bytes([index, padding])
        return head + bytes(low | high << 4 for low, high in zip(nibbles[::2], nibbles[1::2], strict=True))


def _nibble(rest: int, step: int) -> tuple[int, int]:
    """The nibble for a difference, and the difference that it stands for."""
    nibble, sign = (8, -1) if rest < 0 else (0, 1)
    rest = abs(rest)
    change = step >> 3
    for bit in (4, 2, 1):
        if rest >= step:
            nibble |= bit
            rest -= step
            change += step
        step >>= 1
    return nibble, sign * change
