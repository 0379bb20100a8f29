# machine.UART of the emulated chip. The line itself, its speed and who has its pins, is the
# supervisor's; here are the driver's buffers.
#
# As on the chip: txbuf and rxbuf are set once; a write that does not fit blocks with the
# whole interpreter, until all fits; UART0 is the REPL's where there is a bridge. What is
# in the transmit buffer leaves at the line's speed, by the clock. A line that is not paced
# has no such buffer.

import struct
import utime
from micropython import const

import line
from emulation import settings

_FIFO = const(128)
_PINS = {1: (10, 9), 2: (17, 16)}  # (tx, rx) where none is given
_NO_PIN = const(255)
_WAIT_US = const(500)
# Received bytes, by number; kept open, for a descriptor that is closed is gone.
_files = {int(id): open(fd, "rb", buffering=0) for id, fd in settings["uarts"].items()}


def _number(pin):
    return pin if isinstance(pin, int) else pin.id


class UART:
    INV_TX = const(1)
    INV_RX = const(2)
    RTS = const(1)
    CTS = const(2)
    IRQ_RX = const(1)
    IRQ_RXIDLE = const(0x1000)
    IRQ_BREAK = const(2)

    def __init__(self, id, baudrate=115200, **more):
        if id == 0 and settings["uart0_repl"]:
            raise OSError(-259, "ESP_ERR_INVALID_STATE")
        if id not in _files:
            raise ValueError("UART(%d) does not exist" % id)
        self._id = id
        self._in = _files[id]
        self._tx, self._rx = _PINS.get(id, (_NO_PIN, _NO_PIN))
        self._rxbuf = more.get("rxbuf", 256)
        self._txbuf = more.get("txbuf", 256)
        for size in (self._rxbuf, self._txbuf):
            if size > 65535:
                raise ValueError("invalid buffer size")
        self._got = bytearray(max(self._rxbuf, _FIFO))  # received: _got[_start:_stop]
        self._start = 0
        self._stop = 0
        self._busy_us = utime.ticks_us()  # when the last byte has left
        self._timeout = 0
        self._baud = 0
        self._set(baudrate, **more)

    def __repr__(self):
        return "UART(%d, baudrate=%d, tx=%d, rx=%d, rxbuf=%d, txbuf=%d)" % (
            self._id, self._baud, self._tx, self._rx, self._rxbuf, self._txbuf,
        )  # fmt: skip

    # The speed is another one at once; what waits leaves first.
    def init(self, baudrate=115200, **more):
        self.flush()
        self._set(baudrate, **more)

    def _set(self, baudrate, bits=8, parity=None, stop=1, tx=None, rx=None, rts=None, cts=None, rxbuf=256,
             txbuf=256, timeout=0, timeout_char=0, invert=0, flow=0):  # fmt: skip
        if tx is not None:
            self._tx = _number(tx)
        if rx is not None:
            self._rx = _number(rx)
        self._baud = baudrate
        self._timeout = timeout
        self._tell(1)

    def _tell(self, on):
        pins = (self._id, on, self._tx & 255, self._rx & 255)
        line.tell(line.OPEN, struct.pack("<BBBBII", *pins, self._baud, self._rxbuf + _FIFO))

    def deinit(self):
        if self._baud:
            self.flush()
            self._tell(0)
            self._baud = 0

    # ---- receiving

    def any(self):
        if self._start == self._stop:
            self._start = 0
            self._stop = self._in.readinto(self._got) or 0
        return self._stop - self._start

    def readinto(self, buf, nbytes=-1):
        wanted = len(buf) if nbytes < 0 else min(nbytes, len(buf))
        began_ms = utime.ticks_ms()
        count = 0
        while count < wanted:
            n = min(self.any(), wanted - count)
            if n:
                for i in range(n):
                    buf[count + i] = self._got[self._start + i]
                self._start += n
                count += n
            elif utime.ticks_diff(utime.ticks_ms(), began_ms) >= self._timeout:
                break
            else:
                utime.sleep_us(_WAIT_US)
        return count or None

    def read(self, nbytes=-1):
        data = b""
        while nbytes < 0 or len(data) < nbytes:
            buf = bytearray(self.any() if nbytes < 0 else nbytes - len(data))
            n = self.readinto(buf)
            if not n:
                break
            data += bytes(buf[:n])
        return data or None

    def readline(self):
        data = b""
        byte = bytearray(1)
        while not data.endswith(b"\n") and self.readinto(byte):
            data += byte
        return data or None

    # ---- sending

    # Bytes that wait in the transmit buffer.
    def _waiting(self):
        left_us = utime.ticks_diff(self._busy_us, utime.ticks_us())
        return 0 if left_us <= 0 else left_us * (self._baud // 100) // 100000

    def write(self, buf, off=0, nbytes=-1):
        if nbytes < 0:
            nbytes = len(buf) - off
        if isinstance(buf, str):
            buf = buf.encode()
            nbytes = len(buf) - off
        sent = 0
        while sent < nbytes:
            n = min(nbytes - sent, line.PAYLOAD)
            if settings["pace"]:
                n = min(n, self._txbuf + _FIFO - self._waiting())
                if n <= 0:
                    utime.sleep_us(_WAIT_US)
                    continue
                self._hold(n)
            line.send(line.UART, buf, off + sent, n, self._id)
            sent += n
        return nbytes

    def _hold(self, n):
        now_us = utime.ticks_us()
        if utime.ticks_diff(self._busy_us, now_us) < 0:
            self._busy_us = now_us
        self._busy_us = utime.ticks_add(self._busy_us, n * 100000 // (self._baud // 100))

    def txdone(self):
        return self._waiting() == 0

    def flush(self):
        while not self.txdone():
            utime.sleep_us(_WAIT_US)

    def sendbreak(self):
        pass
