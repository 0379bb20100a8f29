"""A source of audio of any length, of which every frame can be told from every other place in it.

A board whose `mic` is "pattern" and the emulated microphone make it as they go (`firmware/boards/pattern.py`,
the same arithmetic), and whoever judges makes any part of it again: nothing is held in memory, and no file is
read.

Sample n of a channel is a four-round Feistel network over n: a permutation of 30 bits, whose upper
half and lower half are folded into 16. So each bit of a sample is as often 1 as 0, a shift by any number of
frames below 2**30 is another sequence, and so is another key.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CHANNEL_STEP = 0x15555555  # the second channel is the first one from this frame on
ROUND_KEYS = (13849, 27211, 5077, 31337)
MULTIPLIER = 25717
KEYS = 1 << 15
_MASK = (1 << 30) - 1
_HALF = (1 << 15) - 1


@dataclass(frozen=True, slots=True)
class Pattern:
    """So many frames at `rate` Hz. `key`, below 32768, makes it another pattern."""

    frames: int
    key: int = 0
    rate: int = 16000
    channels: int = 1

    def __post_init__(self) -> None:
        if self.frames < 1 or not 0 <= self.key < KEYS or self.channels not in (1, 2):
            raise ValueError(f"{self}: a frame at least, a key below {KEYS}, and 1 or 2 channels are needed")

    def part(self, start: int, count: int) -> NDArray[np.int16]:
        """Frames [start, start + count): int16 of shape (count,), or (count, 2) for two channels.

        Also beyond `frames`, where the microphone would have gone on so.
        """
        places = np.arange(start, start + count, dtype=np.int64)
        if self.channels == 2:
            places = places[:, None] + np.array([0, CHANNEL_STEP])
        places &= _MASK
        low = (places & _HALF) ^ self.key
        high = places >> 15
        for number, key in enumerate(ROUND_KEYS):
            if number % 2:
                high ^= ((low * MULTIPLIER + key) >> 8) & _HALF
            else:
                low ^= ((high * MULTIPLIER + key) >> 8) & _HALF
        return ((low << 1) ^ high).astype(np.uint16).view(np.int16)
