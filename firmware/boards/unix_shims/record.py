# What the emulated peripherals themselves know, for whoever judges the firmware by it:
# rows of four little-endian int32, in a file that the host gave. Times are the machine's
# monotonic clock in microseconds modulo 2**30.
#
#   BEGUN     frames of the source, time, rate           a stream: the source stands at its start
#   CAPTURED  frames in all, time of the last, fetched   a DMA buffer is full
#   DROPPED   first frame, time, how many                DMA has overflowed
#   HEAP      gc.mem_alloc() after a collection, time, 0
#
# Each writer has a Record of its own, so nothing allocates and no row is torn. The file is
# one for all: the last of several objects for it would close it for the others.

from array import array

from emulation import settings
from micropython import const

BEGUN = const(1)
CAPTURED = const(2)
DROPPED = const(3)
HEAP = const(4)

_MASK = const(0x3FFFFFFF)
_file = open(settings["record"], "wb", buffering=0) if settings["record"] >= 0 else None


class Record:
    def __init__(self):
        self._row = array("i", (0, 0, 0, 0))

    def write(self, kind, number, time_us, more):
        if _file:
            row = self._row
            row[0] = kind
            row[1] = number & _MASK
            row[2] = time_us & _MASK
            row[3] = more & _MASK
            _file.write(row)
