# machine.UART for the emulated board: the master side of a pty, as an integer
# descriptor that the host opened and made non-blocking.
#
# In real time bytes leave at the line's speed, counted by the link's clock
# (which is always real), and are garbled when the other side has set another
# speed than the device, both ways. Received bytes are not paced: there are
# few. What the other side does not read for a second is lost, as on a wire; where CTS is
# wired it waits, as long as that takes.
#
# On the device's hot path: nothing here allocates, but for the look at the
# other side's speed, which lifts the heap's lock around itself.

import micropython
import termios
import utime
from micropython import const

from emulation import settings

_LOOK_MS = const(5)  # how often the other side's speed is looked at
_LOST_MS = const(1000)  # after so long bytes that nobody reads are lost
_BURST_US = const(20000)  # of unused time that may be made up for

# cfsetospeed's codes above 38400; 0o10000 stands for a speed without a code
_SPEEDS = {
    0o10001: 57600,
    0o10002: 115200,
    0o10003: 230400,
    0o10004: 460800,
    0o10005: 500000,
    0o10006: 576000,
    0o10007: 921600,
    0o10010: 1000000,
    0o10011: 1152000,
    0o10012: 1500000,
    0o10013: 2000000,
    0o10014: 2500000,
    0o10015: 3000000,
    0o10016: 3500000,
    0o10017: 4000000,
}
_ANY_SPEED = const(0o10000)


def _garble(byte, place):
    # What a receiver at another speed makes of a byte: never the byte, and nothing to rely on.
    return byte ^ (place * 41 + 0x5A | 1) & 0xFF


class UART:
    RTS = const(1)
    CTS = const(2)

    def __init__(
        self, id, baudrate=115200, *, bits=8, parity=None, stop=1, tx=None, rx=None, rts=None, cts=None,
        rxbuf=256, txbuf=256, timeout=0, timeout_char=0, flow=0
    ):  # fmt: skip
        self._held = flow & UART.CTS
        self._fd = settings["fd"]
        self._pty = open(self._fd, "r+b", buffering=0)
        self._pace = settings["pace"]
        self._rx = bytearray(rxbuf)
        self._rx_start = 0  # received bytes that were not fetched: _rx[_rx_start:_rx_stop]
        self._rx_stop = 0
        self._tx = bytearray(txbuf)
        self._tx_start = 0  # written bytes that have not left: _tx[_tx_start:_tx_stop]
        self._tx_stop = 0
        self._moved_ms = utime.ticks_ms()  # when the other side last took a byte
        self._paid_us = utime.ticks_us()  # up to here the line's time is used
        self._looked_ms = utime.ticks_add(utime.ticks_ms(), -1000)
        self._same = True  # both sides have set the same speed
        self.lost_bytes = 0  # that nobody read
        self.garbled_bytes = 0
        self._baud = baudrate

    # ---- as on the chip

    def init(self, baudrate=115200, **ignored):
        self._baud = baudrate
        self._looked_ms = utime.ticks_add(utime.ticks_ms(), -1000)

    def any(self):
        self._leave()
        if self._rx_start == self._rx_stop:
            self._receive()
        return self._rx_stop - self._rx_start

    def readinto(self, buf, nbytes=-1):
        # Returns the number of bytes, or None where there are none.
        count = min(self.any(), nbytes if nbytes >= 0 else len(buf), len(buf))
        if not count:
            return None
        start = self._rx_start
        for i in range(count):
            buf[i] = self._rx[start + i]
        self._rx_start = start + count
        return count

    def write(self, buf, off=0, nbytes=-1):
        # Takes what there is room for; the chip would block until all fits.
        if nbytes < 0:
            nbytes = len(buf) - off
        self._leave()
        sent = 0
        if self._tx_start == self._tx_stop and self._agree():
            sent = self._put(buf, off, nbytes)
        count = min(nbytes - sent, self.room())
        if count:
            self._store(buf, off + sent, count)
        return sent + count

    def txdone(self):
        self._leave()
        return self._tx_start == self._tx_stop

    def flush(self):
        start_ms = utime.ticks_ms()
        while not self.txdone() and utime.ticks_diff(utime.ticks_ms(), start_ms) < 2 * _LOST_MS:
            utime.sleep_ms(1)

    def deinit(self):
        self.flush()

    # ---- what only an emulator has

    def leave(self, data):
        # The last bytes, when the REPL would have the port: what waits is not waited for.
        self._tx_start = self._tx_stop
        self._pty.write(data)

    def room(self):
        return len(self._tx) - (self._tx_stop - self._tx_start)

    # ---- inside

    def _receive(self):
        try:
            count = self._pty.readinto(self._rx)
        except OSError:  # EIO: nobody has the other side open
            count = 0
        self._rx_start = 0
        self._rx_stop = count or 0
        if count and not self._agree(0):
            for i in range(count):
                self._rx[i] = _garble(self._rx[i], i)
            self.garbled_bytes += count

    def _store(self, buf, off, count):
        # Into the buffer of bytes to be sent, moved to its start where the end has no room.
        tx = self._tx
        if self._tx_stop + count > len(tx):
            start = self._tx_start
            for i in range(self._tx_stop - start):
                tx[i] = tx[start + i]
            self._tx_stop -= start
            self._tx_start = 0
        stop = self._tx_stop
        garbled = not self._agree()
        for i in range(count):
            byte = buf[off + i]
            tx[stop + i] = _garble(byte, i) if garbled else byte
        if garbled:
            self.garbled_bytes += count
        self._tx_stop = stop + count

    def _leave(self):
        # Send what waits.
        count = self._tx_stop - self._tx_start
        if not count:
            self._moved_ms = utime.ticks_ms()
            return
        sent = self._put(self._tx, self._tx_start, count)
        self._tx_start += sent
        if sent:
            self._moved_ms = utime.ticks_ms()
        elif not self._held and utime.ticks_diff(utime.ticks_ms(), self._moved_ms) > _LOST_MS:
            self.lost_bytes += count
            self._tx_start = self._tx_stop

    def _put(self, buf, off, count):
        # As many bytes as the line's time and the other side allow.
        if self._pace:
            now_us = utime.ticks_us()
            if utime.ticks_diff(now_us, self._paid_us) > _BURST_US:
                self._paid_us = utime.ticks_add(now_us, -_BURST_US)
            kilobaud = self._baud // 1000
            count = min(count, utime.ticks_diff(now_us, self._paid_us) * kilobaud // 10000)
        if not count:
            return 0
        try:
            sent = self._pty.write(buf, off, count) or 0  # None: the other side does not read
        except OSError:  # EIO: nobody has the other side open
            return 0
        if self._pace:
            self._paid_us = utime.ticks_add(self._paid_us, sent * 10000 // kilobaud)
        return sent

    def _agree(self, look_ms=_LOOK_MS):
        # Whether the other side's speed is the device's.
        if not self._pace:
            return True
        now_ms = utime.ticks_ms()
        if utime.ticks_diff(now_ms, self._looked_ms) >= look_ms:
            self._looked_ms = now_ms
            locks = _unlock()
            speed = termios.tcgetattr(self._fd)[5]
            self._same = speed == _ANY_SPEED or _SPEEDS.get(speed, 0) == self._baud
            for _ in range(locks):
                micropython.heap_lock()
        return self._same


def _unlock():
    # Lift the heap's lock; returns how often it was locked.
    locks = 1
    depth = micropython.heap_unlock()
    while 0 < depth < 1000:
        depth = micropython.heap_unlock()
        locks += 1
    if depth:  # it was not locked, and the counter has wrapped
        micropython.heap_lock()
        locks -= 1
    return locks
