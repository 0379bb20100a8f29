# What the emulated peripherals themselves know, for whoever judges the firmware by it:
# rows of four little-endian int32, in a file that the host gave. Times are the machine's
# monotonic clock in microseconds modulo 2**30.
#
#   BEGUN     frames of the source, time, rate           a stream: the source stands at its start
#   CAPTURED  frames in all, time of the last, fetched   a DMA buffer is full
#   DROPPED   first frame, time, how many                DMA has overflowed
#   HEAP      gc.mem_alloc() after a collection, time, 0
#   MET       which trouble, time, how often so far     a planted trouble has struck
#
# Each writer has a Record of its own, so nothing allocates and no row is torn. The file is
# one for all: the last of several objects for it would close it for the others.

import utime
from array import array

from emulation import settings
from micropython import const

BEGUN = const(1)
CAPTURED = const(2)
DROPPED = const(3)
HEAP = const(4)
MET = const(5)

# Troubles, as MET tells them. Their names are in host/ossicle/soak/record.py, in this order.
I2S_SKIPPED = const(0)  # the rest of a DMA buffer was skipped
REQUEST_LOST = const(1)  # a readinto() was dropped, and returned its length
CALLBACK_LOST = const(2)  # a callback found the scheduler full, or was planned to be lost
STORM = const(3)  # other callbacks filled the scheduler
NO_MEMORY = const(4)  # a write found no memory
MAILBOX_FULL = const(5)  # a datagram found its socket's mailbox full
HELD_UP = const(6)  # the firmware did not get to run
I2S_FAILED = const(7)  # an I2S could not be made
WIFI_FAILED = const(8)  # the Wi-Fi could not be started

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


# How often one trouble has struck. A writer's own, as a Record is.
class Tally:
    def __init__(self, trouble):
        self._trouble = trouble
        self._record = Record()
        self.count = 0

    def strike(self):
        self.count += 1
        self._record.write(MET, self._trouble, utime.ticks_us(), self.count)
