# One dimension, int16 and float (32 bits, as on the chip).
import math
from array import array

int16 = "h"
float = "f"  # noqa: A001


class ndarray:
    # `memory` is shared by views; item i is memory[start + i].
    def __init__(self, memory, dtype, start, length):
        self.memory = memory
        self.dtype = dtype
        self.start = start
        self.length = length

    def __len__(self):
        return self.length

    def items(self):
        return [self.memory[self.start + i] for i in range(self.length)]

    # A slice is a view.
    def __getitem__(self, key):
        if isinstance(key, slice):
            start = key.start or 0
            stop = self.length if key.stop is None else key.stop
            if key.step not in (None, 1) or not 0 <= start <= stop <= self.length:
                raise NotImplementedError("a slice of this kind")
            return ndarray(self.memory, self.dtype, self.start + start, stop - start)
        return self.memory[self.start + key]

    def _in_place(self, other, work):
        if self.dtype != "f":
            raise TypeError("cannot cast output with casting rule")
        if isinstance(other, ndarray) and other.length != self.length:
            raise ValueError("operands could not be broadcast together")
        for i in range(self.length):
            value = other.memory[other.start + i] if isinstance(other, ndarray) else other
            self.memory[self.start + i] = work(self.memory[self.start + i], value)
        return self

    # `a *= b` and `a += b` come here, where a build has no __imul__ for classes. So a product of
    # its own (`a * b`) is not to be had from this twin.
    def __mul__(self, other):
        return self._in_place(other, lambda a, b: a * b)

    def __add__(self, other):
        return self._in_place(other, lambda a, b: a + b)

    __imul__ = __mul__
    __iadd__ = __add__

    def _new(self, work):
        return _made([work(x) for x in self.items()])

    def __rmul__(self, number):
        return self._new(lambda x: number * x)

    def __rsub__(self, number):
        return self._new(lambda x: number - x)


def _made(values):
    return ndarray(array("f", values), "f", 0, len(values))


def zeros(n):
    return _made([0.0] * n)


def linspace(start, stop, num=50, endpoint=True):
    step = (stop - start) / (num - 1 if endpoint else num)
    return _made([start + i * step for i in range(num)])


def cos(x):
    return x._new(math.cos)


# int16 only; the memory is the buffer's.
def frombuffer(buffer, dtype):
    if dtype != int16:
        raise NotImplementedError("a buffer of this type")
    return ndarray(_Int16(memoryview(buffer)), dtype, 0, len(buffer) // 2)


class _Int16:
    def __init__(self, data):
        self.data = data

    def __getitem__(self, i):
        value = self.data[2 * i] | self.data[2 * i + 1] << 8
        return value - 65536 if value & 0x8000 else value


def _check(x):
    if not isinstance(x, ndarray):
        raise TypeError("arguments must be ndarrays")


def dot(a, b):
    _check(a)
    _check(b)
    if a.length != b.length:
        raise ValueError("dimensions do not match")
    total = 0.0
    for i in range(a.length):
        total += a.memory[a.start + i] * b.memory[b.start + i]
    return total * 1.0


def sum(x):  # noqa: A001
    _check(x)
    total = 0.0
    for value in x.items():
        total += value
    return total


def max(x):  # noqa: A001
    _check(x)
    best = x[0]
    for value in x.items():
        best = value if value > best else best
    return best


def min(x):  # noqa: A001
    _check(x)
    best = x[0]
    for value in x.items():
        best = value if value < best else best
    return best
