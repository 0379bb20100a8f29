# The mailbox of a UDP socket: as lwIP it keeps so many datagrams until they are read, and
# loses those that come then. What comes meanwhile waits with the machine, so the mailbox
# is filled when it is looked into. Reading fills the buffer with as many as there are, as
# MicroPython's readinto() does. Nothing allocates.

import ffi
from micropython import const

from kernels import copy
from record import MAILBOX_FULL, Tally

_DONTWAIT = const(0x40)  # Linux's
_BYTES = const(1500)

_recv = ffi.open("libc.so.6").func("i", "recv", "iPii")


class Mailbox:
    def __init__(self, fd, places):
        self._fd = fd
        self._slots = [bytearray(_BYTES) for _ in range(places)]
        self._lengths = [0] * places
        self._scrap = bytearray(_BYTES)
        self._first = 0
        self._count = 0
        self._lost = Tally(MAILBOX_FULL)

    def _collect(self):
        places = len(self._slots)
        while True:
            full = self._count == places
            at = (self._first + self._count) % places
            n = _recv(self._fd, self._scrap if full else self._slots[at], _BYTES, _DONTWAIT)
            if n < 0:
                return
            if full:
                self._lost.strike()
            else:
                self._lengths[at] = n
                self._count += 1

    def readinto(self, buf, n):
        self._collect()
        if not self._count:
            return None
        got = 0
        while self._count and got < n:
            part = min(self._lengths[self._first], n - got)
            copy(buf, got, self._slots[self._first], part)
            got += part
            self._first = (self._first + 1) % len(self._slots)
            self._count -= 1
        return got
