# The whole firmware with nothing to wait for: a microphone whose next buffer is always full, a port
# that takes every byte, and a host that says no more than it must. Prints lines of JSON: what left the
# port at first (serial frames in hex), the microseconds of each round, and what left it at last.
#
#   loop_times.py CHUNKS ROUNDS
#
# The clock is the audio's: 16 ms for each buffer. Sample i of buffer b, of 128 that take turns, is
# (i * 97 + b) & 0x7FFF.
import json
import struct
import sys
import utime
from array import array
from binascii import hexlify

from ossicle import _wire, kernels
from ossicle.app import App
from ossicle import config

BUFFER = 256  # frames
BUFFER_MS = 16
BUFFERS = 128
BUFFERS_A_CHUNK = 2
ACK_CHUNKS = 6  # 192 ms
PING_CHUNKS = 31
KEPT = 4  # chunks told, before and after
MASK = 0x3FFFFFFF
TOKEN = 7


class Clock:
    def __init__(self):
        self._us = 0
        self._ms = 0

    def capture_us(self):
        return self._us

    def ms(self):
        return self._ms

    def go(self, ms):
        self._ms = (self._ms + ms) & MASK
        self._us = (self._us + ms * 1000) & MASK

    def idle(self):
        pass


class Microphone:
    buffer_frames = BUFFER
    hold_frames = 19 * BUFFER
    stale_frames = 0
    ended = False

    def __init__(self, clock):
        self._clock = clock
        self._out = None
        self._number = 0  # of the next buffer

    def start(self, rate, channels, handler):
        self._handler = handler
        return True

    def arm(self, buf):
        self._out = buf

    def filled(self):
        return BUFFER

    def acknowledged(self, position):
        pass

    def stop(self):
        pass

    # What DMA and the driver do on the chip, beside the interpreter.
    def deliver(self):
        kernels.copy_bytes(slots[self._number % BUFFERS], self._out, whole)
        self._number += 1
        self._clock.go(BUFFER_MS)
        self._handler(self)


class Port:
    baud = 921600
    max_baud = 921600
    bytes_per_s = 0

    def __init__(self):
        self.input = None
        self.kept = None  # bytes that left, while somebody wants them
        self.bytes = 0

    def read_into(self, buf):
        data = self.input
        if data is None:
            return 0
        self.input = None
        n = len(data)
        buf[:n] = data
        return n

    def room(self):
        return 4096

    def write(self, buf, off, n):
        self.bytes += n
        if self.kept is not None:
            self.kept += bytes(buf[off : off + n])
        return n

    def drained(self):
        return True


class Board:
    name = "bench"
    device = "bench"
    failures = None

    def __init__(self):
        self.storage = bytearray(2 * 33792)
        self.config = config.read({"shift": 16, "dc_blocker": False})
        self.clock = Clock()
        self.mic = Microphone(self.clock)
        self.port = Port()


def buffer(number):
    return struct.pack("<256i", *[((i * 97 + number) & 0x7FFF) << 16 for i in range(BUFFER)])


def packet(kind, session, payload):
    n = 16 + len(payload)
    buf = bytearray(n + n // 254 + 10)
    _wire.put_header(buf, kind, 0, session, 0, 0, 0)
    buf[16:n] = payload
    n = kernels.crc32_put(buf, n, kernels.CRC_TABLE)
    n = kernels.cobs_encode(buf, n)
    return bytes(memoryview(buf)[:n])


slots = [buffer(number) for number in range(BUFFERS)]
whole = array("i", (0 for _ in range(kernels.C_SIZE)))
whole[kernels.C_COUNT] = 4 * BUFFER
board = Board()
app = App(board)
port = board.port


def settle():
    while app.step():
        pass


# The bytes that the host says while so many chunks go out, by chunk.
def script(first, chunks):
    session = app.session.builder.session
    said = {}
    for i in range(chunks):
        if i % PING_CHUNKS == 0:
            said[i] = packet(_wire.KIND_PING, session, b"12345678")
        elif i % ACK_CHUNKS == 0:
            said[i] = packet(_wire.KIND_ACK, session, struct.pack("<II", first + i, first + i))
    return said


def play(chunks, said):
    mic = board.mic
    for i in range(chunks):
        if i in said:
            port.input = said[i]
        for _ in range(BUFFERS_A_CHUNK):
            mic.deliver()
            settle()


def kept():
    port.kept = b""
    play(KEPT, {})
    print(json.dumps({"kept": hexlify(port.kept).decode()}))
    port.kept = None


def main():
    chunks = int(sys.argv[1])
    port.input = packet(
        _wire.KIND_START,
        0,
        struct.pack("<IBBBBIHHHH8sI", TOKEN, 0, 0, 1, 0, 16000, 512, 0, 256, 0, bytes(8), 0),
    )
    settle()
    kept()
    sender = app.session.sender
    for _ in range(int(sys.argv[2])):
        said = script(app.ring.sequence, chunks)
        before = sender.sent
        start_us = utime.ticks_us()
        play(chunks, said)
        took_us = utime.ticks_diff(utime.ticks_us(), start_us)
        print(json.dumps({"us": took_us, "packets": sender.sent - before, "resent": sender.resent}))
    kept()


main()
