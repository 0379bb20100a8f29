# The REPL's input, where it shares its line with a host. Imported when a board has its parts, and
# when it leaves, and dropped behind it.
import io
import os
import select
import sys

import micropython
from micropython import const

_TYPED_BYTES = const(256)  # as many as the REPL's input takes


# The REPL's input holds what a host said while the board started, and UART0 still had the
# pins: packets, which are no commands.
def typed():
    data = b""
    poll = select.poll()
    poll.register(sys.stdin.buffer, select.POLLIN)
    while poll.poll(0):
        came = sys.stdin.buffer.read(1)
        if not came:
            break
        data = (data + came)[-_TYPED_BYTES:]
    return data


# What was said at the REPL while main.py had Ctrl-C off. A 03 is one, but not in the packets of a host,
# which have zeros around them: there 0D 03 behind a zero is one (W-33). What comes behind it is the
# REPL's. `shared`: packets come where the REPL hears, so Ctrl-C stays off.
def heed(shared):
    data = typed()
    micropython.kbd_intr(-1 if shared else 3)
    at = data.rfind(b"\x03" if b"\0" not in data else b"\0\r\x03")
    if at >= 0:
        rest = data[data.find(b"\x03", at) + 1 :]
        hand_over(rest, len(rest))
        raise KeyboardInterrupt


# Bytes that the REPL reads next, through a terminal that is there for a moment.
def hand_over(data, n):
    rest = _Rest(data, n)
    try:
        old = os.dupterm(rest)
        os.dupterm_notify(None)
        os.dupterm(old)
    except (AttributeError, OSError):  # a build without it: mpremote must be started again
        pass


class _Rest(io.IOBase):
    def __init__(self, data, n):
        self._data = data
        self._n = n
        self._at = 0

    def readinto(self, buf):
        if self._at == self._n:
            return None
        buf[0] = self._data[self._at]
        self._at += 1
        return 1

    def write(self, buf):
        return len(buf)
