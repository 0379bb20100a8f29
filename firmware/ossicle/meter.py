# How loud it is, for STATUS (W-57): peak, mean square and eight octaves of what lies in the
# ring. The loop measures a slice when it has nothing else to do; where it falls behind, it
# leaves out what it has no time for.
#
# An octave is split off by a half-band filter of two all-passes, each two sections of first
# order (Regalia, Mitra and Vaidyanathan 1988): half their difference is the upper octave, half
# their sum the rest, at half the rate. The two powers add up to the power of what came in. One
# stage works for each sample, all in all. Samples have two bits more in there.
from array import array

import micropython
from micropython import const

from ossicle.kernels import K_INDEX
from ossicle.rare import passing, rare

_MASK = const(0x3FFFFFFF)
_SLICE = const(128)  # frames; some 0.2 ms on a chip of 240 MHz (inferred)
_FRAMES_MAX = const(60000)  # between two STATUS; more would not fit the sums

# Indices into the state. A sum is a high and a low part.
_FIRST = const(0)  # frame index in the storage
_FRAMES = const(1)  # to measure
_CHANNELS = const(2)
_CAPACITY = const(3)
_COUNT = const(4)  # frames measured since the last STATUS
_PEAK = const(5)
_SUM = const(6)  # of squares, 2**17 and 1
_PHASE = const(8)  # frames of the stream, modulo 2**8: a stage works at each second one of its bit
_BANDS = const(9)  # sums of squares of the octaves, 2**20 and 1, in sixteenths
_STAGES = const(25)  # of each: the earlier sample, then both all-passes' memory
_SIZE = const(81)

# The memory is kept above 0, so that a build of any word size reads it alike.
_BIAS = const(0x1000000)


@micropython.viper
def _take(samples: ptr16, state: ptr32):
    index = int(state[_FIRST])
    left = int(state[_FRAMES])
    channels = int(state[_CHANNELS])
    peak = int(state[_PEAK])
    high = int(state[_SUM])
    low = int(state[_SUM + 1])
    phase = int(state[_PHASE])
    state[_COUNT] = int(state[_COUNT]) + left
    while left > 0:
        at = index * channels
        c = channels
        while c > 0:  # the first channel last: its sample goes on
            c -= 1
            x = (int(samples[at + c]) ^ 0x8000) - 0x8000
            if x > peak:
                peak = x
            elif 0 - x > peak:
                peak = 0 - x
            low += x * x
            if low > 0x3FFFFFFF:
                high += low >> 17
                low &= 0x1FFFF
        x = x << 2
        stage = int(_STAGES)
        band = int(_BANDS)
        bits = phase
        while bits & 1:
            a = int(state[stage + 1]) - _BIAS
            b = int(state[stage + 2]) - _BIAS
            state[stage + 1] = x + _BIAS
            x = a + ((160 * (x - b) + 512) >> 10)
            state[stage + 2] = x + _BIAS
            a = int(state[stage + 3]) - _BIAS
            x = b + ((757 * (x - a) + 512) >> 10)
            state[stage + 3] = x + _BIAS
            y = int(state[stage]) - _BIAS
            a = int(state[stage + 4]) - _BIAS
            b = int(state[stage + 5]) - _BIAS
            state[stage + 4] = y + _BIAS
            y = a + ((482 * (y - b) + 512) >> 10)
            state[stage + 5] = y + _BIAS
            a = int(state[stage + 6]) - _BIAS
            y = b + ((944 * (y - a) + 512) >> 10)
            state[stage + 6] = y + _BIAS
            a = (x - y) >> 1
            x = (x + y) >> 1
            if a < 0:
                a = 0 - a
            if a < 16384:
                a = int(state[band + 1]) + a * a
                if a > 0x1FFFFFFF:
                    state[band] = int(state[band]) + (a >> 20)
                    a &= 0xFFFFF
                state[band + 1] = a
            else:
                a >>= 4
                state[band] = int(state[band]) + ((a * a) >> 12)
            stage += 7
            band += 2
            bits >>= 1
        if stage < _SIZE:
            state[stage] = x + _BIAS
        phase = (phase + 1) & 255
        index += 1
        if index == int(state[_CAPACITY]):
            index = 0
        left -= 1
    state[_FIRST] = index
    state[_PEAK] = peak
    state[_SUM] = high
    state[_SUM + 1] = low
    state[_PHASE] = phase


# Peak, RMS and bands as STATUS has them, into `out` from `at` on; then all sums are 0.
@micropython.viper
def _tell(state: ptr32, out: ptr8, at: int):
    frames = int(state[_COUNT])
    n = frames * int(state[_CHANNELS])
    high = int(state[_SUM]) + (int(state[_SUM + 1]) >> 17)
    low = int(state[_SUM + 1]) & 0x1FFFF
    mean = 0
    rest = 0
    i = 48
    while i > 0 and n > 0:  # long division
        i -= 1
        if i >= 17:
            rest = (rest << 1) | ((high >> (i - 17)) & 1)
        else:
            rest = (rest << 1) | ((low >> i) & 1)
        mean = mean << 1
        if rest >= n:
            rest -= n
            mean |= 1
    root = 0
    i = 32768
    while i > 0:
        bit = root | i
        if bit <= 32768:
            if bit * bit <= mean:
                root = bit
        i >>= 1
    peak = int(state[_PEAK])
    out[at] = peak & 255
    out[at + 1] = peak >> 8
    out[at + 2] = root & 255
    out[at + 3] = root >> 8
    at += 4
    band = int(_BANDS)
    while band < _STAGES:
        frames >>= 1  # that the octave has
        low = int(state[band + 1])
        high = int(state[band]) + (low >> 20)
        low &= 0xFFFFF
        if high < 512:
            low += high << 20
            high = 0
        level = 255
        if frames > 0 and high + low > 0:
            # log2 of `frames`, less that of the sum, in 256ths, as 34 * 256 stands for full scale.
            level = 34 * 256
            if high > 0:
                low = high
                level -= 20 * 256
            i = 0
            while i < 2:
                rest = frames if i else low
                bit = 14 * 256
                while rest >= 32768:
                    rest >>= 1
                    bit += 256
                while rest < 16384:
                    rest = rest << 1
                    bit -= 256
                mean = 128
                while mean > 0:
                    rest = (rest * rest) >> 14
                    if rest >= 32768:
                        rest >>= 1
                        bit += mean
                    mean >>= 1
                if i:
                    level += bit
                else:
                    level -= bit
                i += 1
            level = (level * 1541 + 32768) >> 16  # 20 * log10(2) for a doubling
            if level < 0:
                level = 0
            elif level > 254:
                level = 255
        out[at] = level
        at += 1
        state[band] = 0
        state[band + 1] = 0
        band += 2
    state[_COUNT] = 0
    state[_PEAK] = 0
    state[_SUM] = 0
    state[_SUM + 1] = 0


class Meter:
    # All of it is the loop's.
    @passing
    def __init__(self, ring):
        self._ring = ring
        self._state = array("i", (0 for _ in range(_SIZE)))

    # A stream begins, with its first frame at the ring's W.
    @rare("start")
    def begin(self):
        ring = self._ring
        state = self._state
        for i in range(_SIZE):
            state[i] = _BIAS if i >= _STAGES else 0
        state[_FIRST] = ring.state[K_INDEX]
        state[_CHANNELS] = ring.channels
        state[_CAPACITY] = ring.capacity
        self._position = ring.written  # up to which all is measured, or left out
        self._holes = ring.holes

    # Whether there was a slice to measure.
    def step(self):
        ring = self._ring
        state = self._state
        holes = ring.holes
        n = (ring.written - self._position) & _MASK
        if n < _SLICE:
            return False
        if holes != self._holes or n > ring.capacity >> 1 or state[_COUNT] > _FRAMES_MAX - _SLICE:
            self._holes = holes
            state[_FIRST] = (state[_FIRST] + n) % ring.capacity
        else:
            n = _SLICE
            state[_FRAMES] = n
            _take(ring.storage, state)
        self._position = (self._position + n) & _MASK
        return True

    # What STATUS has of it, 12 bytes, into `buf` at `at`; of what comes from here on the next one.
    def tell(self, buf, at):
        _tell(self._state, buf, at)
