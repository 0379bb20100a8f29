"""The audio of a transcript in codec adpcm: the oracle's running coder, over what the microphone heard."""

from __future__ import annotations

from typing import Any

from oracle import adpcm
from oracle.steps import sample

FRAMES_MAX = 8192  # that a transcript's microphone hears


class Coded:
    """Frame `p` of the microphone is `sample(p, channel)`; what was lost before the ring, it never heard.

    So a step's `first` is the number of its first frame among those that the coder has coded.
    """

    def __init__(self, channels: int) -> None:
        self.channels = channels
        heard = [sample(p, c) for p in range(FRAMES_MAX) for c in range(channels)]
        self._nibbles, self._before = adpcm.encode_stream(heard, channels)
        self._values: dict[int, list[int]] = {}  # by position, once it was said

    def payload(self, step: dict[str, Any]) -> bytes:
        """Of an AUDIO."""
        start, stop = step["range"]
        first = step.get("first", start)
        payload = adpcm.chunk_payload(self._nibbles, self._before, self.channels, first, first + stop - start)
        values = adpcm.decode_payload(payload, self.channels)
        for at in range(stop - start):
            self._values[start + at] = values[at * self.channels : (at + 1) * self.channels]
        return payload

    def values(self, start: int, stop: int) -> list[int]:
        """What a host gives of it."""
        return [value for position in range(start, stop) for value in self._values[position]]
