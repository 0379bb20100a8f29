"""IMA ADPCM, 4 bits a sample, decoded (W-42).

Step and index tables: "Recommended Practices for Enhancing Digital Audio Compatibility in Multimedia
Systems", IMA, 1992. A sample is the one before it plus a difference, and the difference depends on the
nibble and on the index; the index depends on the nibbles alone. So the indices are followed first, a byte
(two nibbles) a step, from a table; numpy then looks up the differences and adds them. Where a sum would
leave 16 bits, which only loud clipping does, the sums are taken one by one.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from . import _wire as wire

Frames = npt.NDArray[np.int16]

_HEAD = wire.ADPCM_HEAD_BYTES
_TOP = wire.ADPCM_INDEX_MAX
STEPS = (
    7, 8, 9, 10, 11, 12, 13, 14, 16, 17, 19, 21, 23, 25, 28, 31, 34, 37, 41, 45, 50, 55, 60, 66, 73, 80,
    88, 97, 107, 118, 130, 143, 157, 173, 190, 209, 230, 253, 279, 307, 337, 371, 408, 449, 494, 544,
    598, 658, 724, 796, 876, 963, 1060, 1166, 1282, 1411, 1552, 1707, 1878, 2066, 2272, 2499, 2749, 3024,
    3327, 3660, 4026, 4428, 4871, 5358, 5894, 6484, 7132, 7845, 8630, 9493, 10442, 11487, 12635, 13899,
    15289, 16818, 18500, 20350, 22385, 24623, 27086, 29794, 32767,
)  # fmt: skip
"""By index."""
CHANGES = (-1, -1, -1, -1, 2, 4, 6, 8)
"""Of the index, by the lower three bits of a nibble."""
_LOW, _HIGH = -32768, 32767


def payload_bytes(frames: int, channels: int) -> int:
    """The size of a payload of so many frames."""
    return _HEAD * channels + (frames * channels + 1) // 2 if frames else 0


def frames_most(channels: int) -> int:
    """The frames of the longest payload."""
    return (wire.PAYLOAD_MAX_BYTES - _HEAD * channels) * 2 // channels


def decode(payload: bytes, channels: int) -> Frames | None:
    """The frames of a payload, shape `(frames,)` or `(frames, channels)`; None when it is malformed."""
    frames = _decode(payload, channels)
    if frames is not None:
        frames.setflags(write=False)
    return frames


def _decode(payload: bytes, channels: int) -> Frames | None:
    if not payload:
        return np.empty(0 if channels == 1 else (0, channels), np.int16)
    body = payload[_HEAD * channels :]
    if not body:
        return None
    padding = payload[_HEAD - 1]
    count, rest = divmod(2 * len(body) - padding, channels)
    if padding > 1 or rest:
        return None
    if channels == 1:
        return _decode_channel(payload, body, count)
    nibbles = np.frombuffer(body, np.uint8)
    frames = np.empty((count, channels), np.int16)
    for channel, mine in enumerate((nibbles & np.uint8(15), nibbles >> np.uint8(4))):
        head = payload[_HEAD * channel : _HEAD * (channel + 1)]
        one = _decode_channel(head, _packed(mine), count)
        if one is None or head[_HEAD - 1] != padding:
            return None
        frames[:, channel] = one
    return frames


def _packed(nibbles: npt.NDArray[np.uint8]) -> bytes:
    """Nibbles two to a byte, low first."""
    low, high = nibbles[::2], nibbles[1::2]
    out = low.copy()
    out[: len(high)] |= high << 4
    return out.tobytes()


def _decode_channel(head: bytes, body: bytes, count: int) -> Frames | None:
    """`count` samples from the state in `head`; None where there is no such state."""
    predictor = int.from_bytes(head[:2], "little", signed=True)
    index = head[2]
    if index > _TOP:
        return None
    following, differences = _tables()
    places = []
    place = index << 8
    for byte in body:
        place |= byte
        places.append(place)
        place = following[place]
    steps = differences[places].ravel()[:count]
    steps[0] += predictor
    sums = steps.cumsum()
    if sums.max() > _HIGH or sums.min() < _LOW:
        return _clamped(steps.tolist())
    return sums.astype(np.int16)


def _clamped(steps: list[int]) -> Frames:
    out = []
    value = 0
    for step in steps:
        value += step
        if value > _HIGH:
            value = _HIGH
        elif value < _LOW:
            value = _LOW
        out.append(value)
    return np.array(out, np.int16)


@cache
def _tables() -> tuple[list[int], npt.NDArray[np.int32]]:
    """For each index and byte, at `index << 8 | byte`: the index after it, shifted in the same way, and the
    differences of its two nibbles."""
    nibble = np.arange(16)
    step = np.array(STEPS)[:, np.newaxis]
    size = (step >> 3) + sum(((nibble >> bit & 1) * (step >> (2 - bit)) for bit in range(3)), np.int64(0))
    difference = np.where(nibble & 8, -size, size)
    after = np.clip(np.arange(_TOP + 1)[:, np.newaxis] + np.array(CHANGES)[nibble & 7], 0, _TOP)
    byte = np.arange(256)
    between = after[:, byte & 15]
    following = after[between, byte >> 4] << 8
    both = np.stack([difference[:, byte & 15], difference[between, byte >> 4]], axis=-1)
    return following.ravel().tolist(), both.reshape(-1, 2).astype(np.int32)
