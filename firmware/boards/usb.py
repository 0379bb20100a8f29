# A serial link on the REPL's own port, for boards that have no other: the chip's own USB. It is
# reached through sys.stdin and sys.stdout, and nothing but packets may be printed while it is.
#
# Read in MicroPython's sources (ports/esp32: mphalport.c, usb_serial_jtag.c; shared/tinyusb), not
# seen on a board: stdin has a ring of 260 bytes, USB holds the host back when that is full, and
# reading waits for each byte that is asked for. Writing waits, with the whole interpreter, and no
# poll tells whether it would: USB-Serial/JTAG for 200 ms, then it throws away what is written
# until the host takes something, and reports all as written; USB-OTG for 500 ms, in which callbacks
# go on. So a piece is short. What was thrown away is a broken frame and missing sequences to
# the host, which asks again.
import micropython
import select
import sys
import time

from micropython import const
from ossicle._wire import DEFAULT_BAUD
from ossicle.rare import passing, rare

_PIECE_BYTES = const(64)  # a packet of USB: one wait at the most
_TRIAL_BYTES = const(256)  # UART0 takes 11 ms for those that its FIFO of 128 has no room for
_SLOW_US = const(8000)
_STALL_US = const(100000)  # so long it takes only where nobody takes anything
_UART0_BYTES_PER_S = const(10000)  # seen on an S3: 80 to 90 kbit/s (micropython #15909)


class UsbPort:
    max_baud = 0  # no speed that could be set
    baud = DEFAULT_BAUD

    # Nothing here allocates once it is made.
    @passing
    def __init__(self):
        self._in = sys.stdin.buffer
        self._out = sys.stdout.buffer
        self._byte = bytearray(1)
        self._poll = select.poll()
        self._poll.register(self._in, select.POLLIN)
        self._poll.ipoll(0)  # the first one makes the tuple that all others give
        self.bytes_per_s = self._measure()

    # Many images say all on UART0, too, and that has a speed. It is found by saying zeros, which
    # are nothing on a serial line (W-14). 0: there is none.
    @passing
    def _measure(self):
        trial = bytes(_TRIAL_BYTES)
        least_us = _STALL_US
        for _ in range(2):
            since_us = time.ticks_us()
            self._out.write(trial)
            least_us = min(least_us, time.ticks_diff(time.ticks_us(), since_us))
        return _UART0_BYTES_PER_S if _SLOW_US <= least_us < _STALL_US else 0

    # Bytes that have come, without waiting; at most len(buf).
    def read_into(self, buf):
        n = 0
        while n < len(buf):
            ready = False
            for _ in self._poll.ipoll(0):
                ready = True
            if not ready or not self._in.readinto(self._byte, 1):
                break
            buf[n] = self._byte[0]
            n += 1
        return n

    def room(self):
        return _PIECE_BYTES

    # Bytes taken, of the n at `off`.
    def write(self, buf, off, n):
        return self._out.write(buf, off, n) or 0

    # Nobody can tell; what the driver holds leaves within a millisecond, or never.
    def drained(self):
        return True

    def speed(self, baud):
        pass


# The port, which Ctrl-C does not interrupt: a 03 of the host's packets is a byte like any other.
@rare("init")
def take(config):
    micropython.kbd_intr(-1)
    port = UsbPort()
    if port.bytes_per_s:
        config.note("UART0 says all that USB says, which makes it slow: adpcm only")
    return port
