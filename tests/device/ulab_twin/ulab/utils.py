# utils.spectrogram() and utils.from_int16_buffer(), as code/utils/utils.c has them.
import math

from ulab import numpy


def _is_float(x, length):
    if not isinstance(x, numpy.ndarray) or x.dtype != "f":
        raise TypeError("must be a 1D array of float type")
    if len(x) != length:
        raise ValueError("has not the length that it needs")


def from_int16_buffer(buffer, out=None):
    data = numpy.frombuffer(buffer, dtype=numpy.int16)
    if out is None or out.dtype != "f":
        raise TypeError("out must be a float dense array")
    if len(out) < len(data):
        raise ValueError("out array is too small")
    for i in range(len(data)):
        out.memory[out.start + i] = data.memory[i]
    return out


# The absolute value of the Fourier transform; `out` may be `r`.
def spectrogram(r, *, scratchpad=None, out=None, log=False):
    n = len(r)
    if n & (n - 1):
        raise ValueError("input array length must be power of 2")
    _is_float(scratchpad, 2 * n)
    _is_float(out, n)
    re, im = _fft(r.items(), [0.0] * n)
    for i in range(n):
        out.memory[out.start + i] = math.sqrt(re[i] * re[i] + im[i] * im[i])
    return out


# Radix 2, in place.
def _fft(re, im):
    n = len(re)
    j = 0
    for i in range(1, n):
        bit = n >> 1
        while j & bit:
            j ^= bit
            bit >>= 1
        j |= bit
        if i < j:
            re[i], re[j] = re[j], re[i]
    size = 2
    while size <= n:
        half = size >> 1
        for k in range(half):
            c = math.cos(2 * math.pi * k / size)
            s = -math.sin(2 * math.pi * k / size)
            for a in range(k, n, size):
                b = a + half
                x = re[b] * c - im[b] * s
                y = re[b] * s + im[b] * c
                re[b] = re[a] - x
                im[b] = im[a] - y
                re[a] += x
                im[a] += y
        size *= 2
    return re, im
