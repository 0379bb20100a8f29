# The meter where the build has ulab: the same figures as meter.py has (W-57), by ulab's FFT.
# Octaves agree within 2 dB, the two lowest within 3, for what lasts and is not 30 dB below
# another octave: a window weighs a sound that begins in it otherwise than the filters do, and
# hears less of what lies beside an octave. A tone in the two lowest, which have two and four of
# its bins, shows beside them too.
#
# 20 KB of arrays, so not every board has room. Each half window leaves some 200 bytes of garbage
# (ulab gives numbers as objects); the rest is worked on in place.
from array import array
from math import log, pi, sqrt

import micropython
from micropython import const
from ulab import numpy, utils

from ossicle.kernels import K_INDEX

_MASK = const(0x3FFFFFFF)
_WINDOW = const(1024)  # frames
_HALF = const(512)
_FRAMES_MAX = const(60000)  # between two STATUS, as in meter.py


# _HALF samples of a channel, from the frame at `args[0]` on, round the end of the ring.
@micropython.viper
def _gather(samples: ptr16, out: ptr16, args: ptr32):
    index = int(args[0])
    channels = int(args[1])
    channel = int(args[2])
    capacity = int(args[3])
    at = int(args[4])
    stop = at + _HALF
    while at < stop:
        out[at] = samples[index * channels + channel]
        index += 1
        if index == capacity:
            index = 0
        at += 1


class Meter:
    # MemoryError where there is no room for it; TypeError where ulab is too old to work in place.
    def __init__(self, ring):
        self._ring = ring
        self._args = array("i", (0, 0, 0, 0, 0))
        self._bytes = bytearray(2 * _WINDOW)
        half = memoryview(self._bytes)[_WINDOW:]
        self._new = numpy.frombuffer(half, dtype=numpy.int16)  # what came last
        self._frame = numpy.zeros(_WINDOW)
        self._pad = numpy.zeros(2 * _WINDOW)
        self._front = self._frame[:_HALF]
        self._power = numpy.zeros(_HALF)  # of each bin, summed up
        turns = numpy.linspace(0, 2 * pi, num=_WINDOW, endpoint=False)
        self._hann = 0.5 - 0.5 * numpy.cos(turns)
        self._scale = _WINDOW * float(numpy.dot(self._hann, self._hann)) * 32768.0 * 32768.0 / 2
        utils.spectrogram(self._frame, scratchpad=self._pad, out=self._frame)

    # A stream begins, with its first frame at the ring's W.
    def begin(self):
        ring = self._ring
        args = self._args
        args[0] = ring.state[K_INDEX]
        args[1] = ring.channels
        args[3] = ring.capacity
        self._position = ring.written
        self._holes = ring.holes
        self._whole = False  # the first half of the window is there
        self._clear()

    def _clear(self):
        self._count = 0  # frames
        self._windows = 0
        self._peak = 0
        self._sum = 0.0
        self._power *= 0.0

    # Whether there was a half window to measure.
    def step(self):
        ring = self._ring
        args = self._args
        holes = ring.holes
        n = (ring.written - self._position) & _MASK
        if n < _HALF:
            return False
        if holes != self._holes or n > ring.capacity >> 1 or self._count > _FRAMES_MAX - _HALF:
            self._holes = holes
            self._whole = False
        else:
            n = _HALF
            self._measure(ring, args)
        args[0] = (args[0] + n) % ring.capacity
        self._position = (self._position + n) & _MASK
        return True

    def _measure(self, ring, args):
        self._count += _HALF
        new = self._new
        args[4] = _HALF
        for channel in range(ring.channels - 1, -1, -1):  # the first one last: its octaves are told
            args[2] = channel
            _gather(ring.storage, self._bytes, args)
            self._peak = max(self._peak, numpy.max(new), -numpy.min(new))
            self._sum += numpy.dot(new, new)
        if self._whole:
            frame = self._frame
            utils.from_int16_buffer(self._bytes, out=frame)
            frame *= self._hann
            utils.spectrogram(frame, scratchpad=self._pad, out=frame)
            frame *= frame
            self._power += self._front
            self._windows += 1
        self._whole = True
        args[4] = 0
        _gather(ring.storage, self._bytes, args)

    # What STATUS has of it, 12 bytes, into `buf` at `at`; of what comes from here on the next one.
    def tell(self, buf, at):
        samples = self._count * self._ring.channels
        rms = int(sqrt(self._sum / samples)) if samples else 0
        buf[at] = self._peak & 255
        buf[at + 1] = self._peak >> 8
        buf[at + 2] = rms & 255
        buf[at + 3] = rms >> 8
        stop = _HALF
        for i in range(at + 4, at + 12):
            start = stop >> 1
            power = float(numpy.sum(self._power[start:stop]))
            level = 255
            if power > 0:
                level = int(0.5 - 8.685889638 * log(power / (self._scale * self._windows)))
            buf[i] = 0 if level < 0 else level if level < 255 else 255
            stop = start
        self._clear()
