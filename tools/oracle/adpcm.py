"""IMA ADPCM, 4 bits a sample (W-42), after "Recommended Practices for Enhancing Digital Audio
Compatibility in Multimedia Systems", IMA, 1992: the step table, the index table, and the coder's loop.
"""

from __future__ import annotations

from collections.abc import Sequence

STEPS = [
    7, 8, 9, 10, 11, 12, 13, 14, 16, 17, 19, 21, 23, 25, 28, 31, 34, 37, 41, 45, 50, 55, 60, 66, 73, 80,
    88, 97, 107, 118, 130, 143, 157, 173, 190, 209, 230, 253, 279, 307, 337, 371, 408, 449, 494, 544,
    598, 658, 724, 796, 876, 963, 1060, 1166, 1282, 1411, 1552, 1707, 1878, 2066, 2272, 2499, 2749, 3024,
    3327, 3660, 4026, 4428, 4871, 5358, 5894, 6484, 7132, 7845, 8630, 9493, 10442, 11487, 12635, 13899,
    15289, 16818, 18500, 20350, 22385, 24623, 27086, 29794, 32767,
]  # fmt: skip
INDEX_CHANGES = [-1, -1, -1, -1, 2, 4, 6, 8]

State = tuple[int, int]  # predictor and index


def decode_nibble(state: State, nibble: int) -> State:
    """The state after a nibble; its predictor is the sample."""
    predictor, index = state
    step = STEPS[index]
    difference = step >> 3
    if nibble & 4:
        difference += step
    if nibble & 2:
        difference += step >> 1
    if nibble & 1:
        difference += step >> 2
    predictor += -difference if nibble & 8 else difference
    index += INDEX_CHANGES[nibble & 7]
    return min(max(predictor, -32768), 32767), min(max(index, 0), 88)


def encode_sample(state: State, sample: int) -> int:
    """The nibble for a sample: sign, then the step, its half and its quarter, as each fits."""
    predictor, index = state
    step = STEPS[index]
    rest = abs(sample - predictor)
    nibble = 8 if sample < predictor else 0
    for bit in (4, 2, 1):
        if rest >= step:
            nibble |= bit
            rest -= step
        step >>= 1
    return nibble


def encode_stream(samples: Sequence[int], channels: int) -> tuple[list[int], list[State]]:
    """One running encoder for each channel, from (0, 0): nibbles, and the state before each of them."""
    states: list[State] = [(0, 0)] * channels
    nibbles = []
    before = []
    for at, sample in enumerate(samples):
        state = states[at % channels]
        nibble = encode_sample(state, sample)
        before.append(state)
        nibbles.append(nibble)
        states[at % channels] = decode_nibble(state, nibble)
    return nibbles, before


def chunk_payload(
    nibbles: Sequence[int], before: Sequence[State], channels: int, start: int, stop: int
) -> bytes:
    """The payload of frames [start, stop) of a stream; a chunk of no frame has none."""
    part = list(nibbles[start * channels : stop * channels])
    if not part:
        return b""
    padding = len(part) % 2
    head = b""
    for predictor, index in before[start * channels : (start + 1) * channels]:
        head += predictor.to_bytes(2, "little", signed=True) + bytes([index, padding])
    part += [0] * padding
    return head + bytes(low | high << 4 for low, high in zip(part[::2], part[1::2], strict=True))


def decode_payload(payload: bytes, channels: int) -> list[int]:
    """The samples of a payload, channels interleaved."""
    if not payload:
        return []
    states = []
    for channel in range(channels):
        head = payload[4 * channel : 4 * channel + 4]
        states.append((int.from_bytes(head[:2], "little", signed=True), head[2]))
    nibbles = [nibble for byte in payload[4 * channels :] for nibble in (byte & 15, byte >> 4)]
    out = []
    for at in range(len(nibbles) - payload[3]):
        states[at % channels] = decode_nibble(states[at % channels], nibbles[at])
        out.append(states[at % channels][0])
    return out
