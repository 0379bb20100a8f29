# What the host has asked for again: disjoint ranges of sequences, ascending, bounded. What
# does not fit is refused and counted; the host asks again.
from array import array

from micropython import const
from ossicle.rare import passing

_RANGES_MAX = const(16)
_MASK = const(0x3FFFFFFF)


class Resends:
    # The loop's alone.
    @passing
    def __init__(self):
        self._ranges = array("i", (0 for _ in range(2 * _RANGES_MAX)))  # start, stop, ...
        self.count = 0  # ranges
        self.crowded = 0

    def clear(self):
        self.count = 0

    # Joins what overlaps or touches.
    def add(self, start, stop):
        ranges = self._ranges
        i = 0
        while i < self.count and ranges[2 * i + 1] < start:
            i += 1
        while i < self.count and ranges[2 * i] <= stop:
            if ranges[2 * i] < start:
                start = ranges[2 * i]
            if ranges[2 * i + 1] > stop:
                stop = ranges[2 * i + 1]
            self._delete(i)
        if self.count == _RANGES_MAX:
            self.crowded = (self.crowded + 1) & _MASK
            return
        j = self.count
        while j > i:
            ranges[2 * j] = ranges[2 * j - 2]
            ranges[2 * j + 1] = ranges[2 * j - 1]
            j -= 1
        ranges[2 * i] = start
        ranges[2 * i + 1] = stop
        self.count += 1

    def _delete(self, i):
        ranges = self._ranges
        self.count -= 1
        while i < self.count:
            ranges[2 * i] = ranges[2 * i + 2]
            ranges[2 * i + 1] = ranges[2 * i + 3]
            i += 1

    # Of the oldest and of the newest range; there must be one.
    def start(self, i):
        return self._ranges[2 * i]

    def stop(self, i):
        return self._ranges[2 * i + 1]

    # Forgets everything before a sequence, or from one on.
    def drop_before(self, sequence):
        while self.count and self._ranges[0] < sequence:
            if self._ranges[1] > sequence:
                self._ranges[0] = sequence
            else:
                self._delete(0)

    def drop_from(self, sequence):
        while self.count and self._ranges[2 * self.count - 1] > sequence:
            last = 2 * self.count - 2
            if self._ranges[last] < sequence:
                self._ranges[last + 1] = sequence
            else:
                self.count -= 1
