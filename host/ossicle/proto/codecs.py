"""What the payload of an AUDIO is in each codec: its size, and the frames in it (W-24, W-41, W-42)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from . import _wire as wire
from . import adpcm
from ._wire import Codec

Frames = npt.NDArray[np.int16]
Decoder = Callable[[bytes, int], Frames | None]

NAMES = tuple(codec.name.lower() for codec in Codec)
_I2 = np.dtype("<i2")


def payload_bytes(codec: int, frames: int, channels: int) -> int:
    """The size of the payload of a chunk."""
    return adpcm.payload_bytes(frames, channels) if codec == Codec.ADPCM else 2 * frames * channels


def frames_most(codec: int, channels: int) -> int:
    """The frames of the longest chunk."""
    if codec == Codec.ADPCM:
        return adpcm.frames_most(channels)
    return wire.PAYLOAD_MAX_BYTES // (2 * channels)


def decode_pcm16(payload: bytes, channels: int) -> Frames | None:
    """The frames of a payload, shape `(frames,)` or `(frames, channels)`; None when these are not whole."""
    if len(payload) % (2 * channels):
        return None
    frames: Frames = np.frombuffer(payload, _I2)
    return frames if channels == 1 else frames.reshape(-1, channels)


DECODERS: dict[int, Decoder] = {Codec.PCM16: decode_pcm16, Codec.ADPCM: adpcm.decode}
"""By codec: (payload, channels) to frames that nobody may write to, or None for a malformed payload."""
