# IMA ADPCM written for reading, for tests on MicroPython (W-42).
import struct

from ossicle.coder import STEPS

TABLE = struct.unpack("<89H", STEPS)


# One running coder for each channel, as the device has it, with nothing that is lost.
class Ima:
    def __init__(self, channels):
        self.channels = channels
        self.states = [(0, 0)] * channels
        self.before = []  # of each frame, the states before it
        self.nibbles = []  # of each frame, one for each channel
        self.decoded = []  # of each frame, its values once more

    def take(self, frames):
        for frame in frames:
            self.before.append(tuple(self.states))
            nibbles = [nibble_of(s, v) for s, v in zip(self.states, frame)]
            self.nibbles.append(nibbles)
            self.states = [after(s, n) for s, n in zip(self.states, nibbles)]
            self.decoded.append(tuple(s[0] for s in self.states))

    # What frames [first, first + n) are sent as.
    def payload(self, first, n):
        nibbles = [nibble for frame in self.nibbles[first : first + n] for nibble in frame]
        padding = len(nibbles) & 1
        out = b"".join(struct.pack("<hBB", *state, padding) for state in self.before[first])
        nibbles += [0] * padding
        return out + bytes(nibbles[i] | nibbles[i + 1] << 4 for i in range(0, len(nibbles), 2))


def nibble_of(state, value):
    predictor, k = state
    step = TABLE[k]
    rest = abs(value - predictor)
    nibble = 8 if value < predictor else 0
    for bit in (4, 2, 1):
        if rest >= step:
            nibble |= bit
            rest -= step
        step >>= 1
    return nibble


def after(state, nibble):
    predictor, k = state
    step = TABLE[k]
    change = step >> 3
    for bit, part in ((4, step), (2, step >> 1), (1, step >> 2)):
        if nibble & bit:
            change += part
    predictor += -change if nibble & 8 else change
    k += (-1, -1, -1, -1, 2, 4, 6, 8)[nibble & 7]
    return max(-32768, min(32767, predictor)), max(0, min(88, k))


# The frames of a payload, each a tuple.
def decode(payload, channels):
    if not payload:
        return []
    heads = [struct.unpack("<hBB", payload[4 * c : 4 * c + 4]) for c in range(channels)]
    states = [head[:2] for head in heads]
    assert all(head[2] == heads[0][2] for head in heads)
    nibbles = [n for b in payload[4 * channels :] for n in (b & 15, b >> 4)]
    if heads[0][2]:
        assert nibbles.pop() == 0
    assert heads[0][2] < 2 and len(nibbles) % channels == 0
    out = []
    for at in range(0, len(nibbles), channels):
        states = [after(states[c], nibbles[at + c]) for c in range(channels)]
        out.append(tuple(s[0] for s in states))
    return out
