"""What the microphone of a simulated device hears, and what a running coder, the oracle's, makes of it."""

from __future__ import annotations

import numpy as np
from oracle import adpcm


def audio(start: int, stop: int, channels: int = 1) -> np.ndarray:
    """The frames that the microphone hears at positions [start, stop)."""
    positions = np.arange(start, stop, dtype=np.int64)
    one = ((positions * 2654435761) >> 7).astype(np.uint16).view(np.int16)
    frames = one if channels == 1 else np.stack([one, ~one], axis=1)
    frames.setflags(write=False)
    return frames


class SimCoder:
    """Codes frames from position `base` on; `audio(start, stop)` gives them."""

    def __init__(self, base, channels, audio, holes):
        self.channels = channels
        self.base = base
        self.audio = audio
        self.holes = holes  # those that the device has, as they come
        self.nibbles = []  # from `base` on, with zeros in holes
        self.before = []
        self.values = []  # what a decoder makes of them
        self.states = [(0, 0)] * channels

    def code(self, stop):
        start = self.base + len(self.values) // self.channels
        if start >= stop:
            return
        frames = self.audio(start, stop).reshape(-1, self.channels).tolist()
        for position, frame in enumerate(frames, start):
            self.before += self.states
            if any(at <= position < end for at, end in self.holes):
                self.nibbles += [0] * self.channels
            else:
                nibbles = list(map(adpcm.encode_sample, self.states, frame))
                self.states = list(map(adpcm.decode_nibble, self.states, nibbles))
                self.nibbles += nibbles
            self.values += [state[0] for state in self.states]

    def payload(self, start, stop):
        self.code(stop)
        return adpcm.chunk_payload(
            self.nibbles, self.before, self.channels, start - self.base, stop - self.base
        )

    def heard(self, start, stop):
        """What the host is to give of positions [start, stop), by its own count from 0."""
        values = self.values[(start - self.base) * self.channels : (stop - self.base) * self.channels]
        frames = np.array(values, np.int16)
        return frames if self.channels == 1 else frames.reshape(-1, self.channels)
