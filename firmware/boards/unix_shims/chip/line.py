# What the emulated chip says to its supervisor (host/ossicle/chip): its standard output is
# one stream. Text that MicroPython prints by itself is in it as it is, and becomes UART0's
# output there, with \n cooked to \r\n as on the chip. All else is in frames:
#
#   nonce 8 bytes, kind u8, number u8, length u16 LE, that many bytes
#
# The nonce is new for every start, so no text is taken for a frame. A frame is one write of
# less than PIPE_BUF bytes: whole or not at all, whatever signal comes.

import utime
from micropython import const

from emulation import settings
from kernels import frame

_HEAD = const(12)
PAYLOAD = const(2048)  # bytes at most in one frame

RAW = const(0x72)  # r: bytes for UART0 or USB that are not cooked
UART = const(0x75)  # u: bytes that the UART of this number sends
OPEN = const(0x6F)  # o: a UART is set up or gone: number, on, tx pin, rx pin (255: none), baud u32, rxbuf u32
PIN = const(0x70)  # p: number of a pin that has its first function again
KEY = const(0x6B)  # k: the character that interrupts, or 255; answered
SYNC = const(0x79)  # y: answered when all before it has been taken
STDIN = const(0x69)  # i: bytes that the REPL reads next
RESET = const(0x78)  # x: h hard, s soft, d deep sleep; i32 ms that it lasts
KEEP = const(0x4D)  # M: RTC memory
CLOCK = const(0x54)  # T: seconds by which the RTC is off the machine's clock, as text
UP = const(0x42)  # B: the shims are loaded
FEED = b"F"  # on the other pipe: the watchdog is fed
WATCH = const(0x57)  # W: the watchdog runs; u32 ms

_nonce = bytes([int(settings["nonce"][i : i + 2], 16) for i in range(0, 16, 2)])
_out = open(1, "wb", buffering=0)
_answers = open(settings["answers"], "rb", buffering=0)
_watchdog = open(settings["watchdog"], "wb", buffering=0)
_answer = bytearray(1)
_asked = 0


def _made():
    made = bytearray(_HEAD + PAYLOAD)
    made[0:8] = _nonce
    return made


_frames = [_made()]  # empty while it is in use: a callback between two lines makes its own


# The n bytes of `buf` at `off`; n is at most PAYLOAD.
def send(kind, buf, off, n, number=0):
    made = _frames.pop() if _frames else _made()
    try:
        made[8] = kind
        made[9] = number
        made[10] = n & 255
        made[11] = n >> 8
        frame(made, buf, off, n)
        _out.write(made, _HEAD + n)
    finally:
        if not _frames:
            _frames.append(made)


def tell(kind, data=b"", number=0):
    send(kind, data, 0, len(data), number)


# Send, and wait until the supervisor has taken it and all before.
def ask(kind, value=0):
    global _asked
    _asked = number = _asked % 255 + 1  # 0 asks for no answer
    tell(kind, bytes((value & 255,)), number)
    while _answers.readinto(_answer) and _answer[0] != number:
        pass


def feed():
    _watchdog.write(FEED)


# The character that raises KeyboardInterrupt, -1 for none. After -1 no interrupt comes any
# more: one that was on its way has been raised here.
def interrupt(char):
    if char >= 0:
        tell(KEY, bytes((char,)))
        return
    ask(KEY, 255)
    utime.sleep_us(0)


# For where an interrupt must not be raised.
def quiet():
    while True:
        try:
            interrupt(-1)
            return
        except KeyboardInterrupt:
            pass
