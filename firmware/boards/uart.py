# A serial link behind machine.UART, for the chip and for the emulated board.
#
# uart.write() blocks until all fits, with the whole interpreter. So what is in the
# transmit buffer is reckoned here: bytes go in by write() and leave at the line's speed. Where
# the other side may hold them up (CTS), nothing is sure but that all have left.
# Nothing here allocates once it is made, but speed().
import time

from micropython import const
from ossicle.rare import passing

_FLIGHT_BYTES = const(3072)  # of a txbuf of 4096, whose ring has overhead of its own
_UNPACED_BYTES = const(4096)
_PASSED_MAX_US = const(100000)  # so that no product leaves 2**30
_MASK = const(0x3FFFFFFF)


# What machine.UART is to be told of the pins of RTS and CTS; -1 is a pin that is not wired.
def flow(uart, rts, cts):
    settings = {}
    if rts >= 0:
        settings["rts"] = rts
        settings["flow"] = uart.RTS
    if cts >= 0:
        settings["cts"] = cts
        settings["flow"] = settings.get("flow", 0) | uart.CTS
    return settings


class UartPort:
    # `paced` is False where the other end takes bytes as fast as they come (a pipe); `flow` is
    # what machine.UART was told.
    @passing
    def __init__(self, uart, baud, max_baud, paced=True, flow={}):
        self._uart = uart
        self._paced = paced
        self._flow = flow
        self._held = "cts" in flow  # the other side may stop what is sent
        self._flight = 0  # bytes written that may not have left yet
        self._since_us = time.ticks_us() & _MASK
        self.max_baud = max_baud
        self.baud = baud
        self.bytes_per_s = baud // 10 if paced else 0  # 0: no limit

    # Bytes that have come, without waiting; at most len(buf).
    def read_into(self, buf):
        n = self._uart.any()
        if not n:
            return 0
        if n > len(buf):
            n = len(buf)
        return self._uart.readinto(buf, n) or 0

    # Bytes that write() takes now without blocking.
    def room(self):
        if not self._paced:
            return _UNPACED_BYTES
        self._drain()
        return _FLIGHT_BYTES - self._flight

    # Bytes taken, of the n at `off`; at most what room() gives.
    def write(self, buf, off, n):
        n = self._uart.write(buf, off, n) or 0
        if self._paced:
            self._drain()
            self._flight += n
        return n

    # True when all that was written has left.
    def drained(self):
        if self._paced:
            self._drain()
        return self._flight == 0

    def _drain(self):
        now = time.ticks_us() & _MASK
        if self._flight == 0 or self._uart.txdone():
            self._flight = 0
            self._since_us = now
            return
        if self._held:
            return
        passed_us = (now - self._since_us) & _MASK
        if passed_us > _PASSED_MAX_US:
            passed_us = _PASSED_MAX_US
        left = (self.bytes_per_s >> 4) * (passed_us >> 4) // 3907  # 1e6 / 256, rounded up
        if left >= self._flight:
            self._flight = 0
            self._since_us = now
        elif left:
            self._flight -= left
            self._since_us = (self._since_us + left * 15625 // (self.bytes_per_s >> 6)) & _MASK

    # To another speed, at once; what is in the buffer should have left.
    def speed(self, baud):
        self._uart.init(baudrate=baud, timeout_char=2, **self._flow)  # init() would set them back
        self.baud = baud
        if self._paced:
            self.bytes_per_s = baud // 10
