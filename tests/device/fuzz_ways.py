# The host's end of each link, with the troubles of each, and a model of what the device has to
# find in the bytes that it was given: written for reading after PROTOCOL.md, apart from the
# firmware. A model never looks at packets from within.
from random import getrandbits, randrange

from fuzz_judge import Fault
from fuzz_mutate import hurt, noise, one_of, shown
from ossicle import _wire

_INTERRUPT = b"\0\r\x03"


# What all ways have: `expected` are the packets that the device has not looked at yet,
# `dropped` counts what it has to drop before it comes to packets.
class Way:
    config = {}
    max_baud = 0

    def __init__(self):
        self.link = None
        self.dropped = 0
        self.losses = 0
        self.expected = []
        self.out = []  # packets of the device; None where some may have been lost
        self.blocked = False

    # Nothing of what came before is kept, so that heaps can be compared.
    def refresh(self):
        self.expected = []
        self.out = []

    def take(self):
        out = self.out
        self.out = []
        return out

    # Packets of the device may be lost.
    def lose(self):
        self.losses += 1
        self.out.append(None)

    # Whether what a right host says would be understood.
    def is_clean(self):
        return True

    # The model goes on to where the device is.
    def follow(self):
        pass

    # Raises Fault where the link is not what it should be.
    def check(self):
        pass

    # The link is closed from outside; only while nothing waits.
    def trouble(self):
        pass

    # What the host's side does meanwhile; True when the link is open.
    def connects(self):
        return True


# -- packets as they are ---------------------------------------------------------------------


# A link that is none: the packets of the host lie in its buffer, one after the other.
class DirectWay(Way):
    def __init__(self):
        super().__init__()
        self.waiting = []

    def say(self, data):
        self.waiting.append(data)

    def spoil(self, data):
        self.say(data[:1375])

    def is_empty(self):
        return not self.waiting

    def make_link(self, board):
        self.link = DirectLink(self)
        return self.link


class DirectLink:
    announces = False
    opened = 0
    default_baud = 0
    dropped = 0
    interrupted = False

    def __init__(self, way):
        self.way = way
        self.packet = bytearray(_wire.SERIAL_FRAME_MAX_BYTES)

    def receive(self):
        waiting = self.way.waiting
        if not waiting:
            return 0
        data = waiting.pop(0)
        self.packet[: len(data)] = data
        if data:
            self.way.expected.append(data)
        return len(data)

    def busy(self):
        return False

    def send(self, packet, n):
        self.way.out.append(bytes(memoryview(packet)[:n]))

    def pump(self):
        return 0

    def drained(self):
        return True

    def tick(self, now_ms, heard_ms):
        pass

    def bytes_per_s(self):
        return 0

    baud = max_baud = rssi = bytes_per_s

    def speed(self, baud):
        raise Fault("a link without speed has one")


# -- a serial line -----------------------------------------------------------------------------


# Bytes of a block of COBS, or None (Cheshire and Baker, 1999).
def uncobs(data):
    out = bytearray()
    at = 0
    while at < len(data):
        code = data[at]
        if at + code > len(data):
            return None
        out += data[at + 1 : at + code]
        at += code
        if code < 255 and at < len(data):
            out.append(0)
    return bytes(out)


def cobs(data):
    out = b""
    for at in range(0, len(data) or 1, 254):
        block = data[at : at + 254]
        if b"\0" in block:
            return _cobs(data)
        out += bytes([len(block) + 1]) + block
    return out


def _cobs(data):
    out = b""
    for part in data.split(b"\0"):
        while len(part) >= 254:
            out += b"\xff" + part[:254]
            part = part[254:]
        out += bytes([len(part) + 1]) + part
    return out


class SerialWay(Way):
    baud = 115200
    max_baud = 2000000
    bytes_per_s = 0  # paced by nobody

    def __init__(self):
        super().__init__()
        self.refresh()
        self._dropping = False
        self._heard_ms = 0

    def refresh(self):
        super().refresh()
        self.waiting = b""
        self._tail = b"\0"  # of what was said last
        self._given = b""
        self._followed = 0
        self._frame = b""
        self._sent = b""

    # W-14: a host begins with a zero.
    def say(self, data):
        self._put(b"\0" + cobs(data) + b"\0")

    def spoil(self, data):
        how = getrandbits(3)
        if how < 3:
            self.say(data)
            return
        line = cobs(data) + b"\0"
        if how == 3:
            line = noise(randrange(60)) if getrandbits(3) else bytes([1 + getrandbits(7)]) * randrange(3000)
        elif how < 7:
            line = hurt(line)
        self._put(line)

    # The way back to the REPL (W-33) is no fuzz.
    def _put(self, line):
        whole = (self._tail + line).replace(_INTERRUPT, b"\0\x0e\x03")
        self.waiting += whole[len(self._tail) :]
        self._tail = whole[-2:]

    def is_empty(self):
        return not self.waiting

    def make_link(self, board):
        from ossicle.links.serial import SerialLink

        self.link = SerialLink(self, board.clock)
        self._clock = board.clock
        return self.link

    # -- the port -----------------------------------------------------------------

    def read_into(self, buf):
        now_ms = self._clock.ms()
        self._hear(self._given[self._followed :])
        self._given = b""
        self._poll(now_ms)
        n = min(len(buf), len(self.waiting), 1 + getrandbits(one_of((2, 5, 8))))
        if not n or not getrandbits(4):
            return 0
        buf[:n] = self.waiting[:n]
        self._given = self.waiting[:n]
        self._followed = 0
        self.waiting = self.waiting[n:]
        self._heard_ms = now_ms
        return n

    def follow(self):
        at = self._followed
        self._followed = self.link._in_at
        self._hear(self._given[at : self._followed])

    # W-33: an unfinished frame is dropped after a pause, and what comes then may be the way back.
    def _poll(self, now_ms):
        if (now_ms - self._heard_ms) & 0x3FFFFFFF >= _wire.SERIAL_IDLE_MS:
            if self.waiting[:1] == _INTERRUPT[1:2]:
                self.waiting = b"\x0e" + self.waiting[1:]
            if self._frame:
                self.dropped += 1
            self._frame = b""
            self._dropping = False

    def _hear(self, data):
        parts = data.split(b"\0")
        for i in range(len(parts)):
            if not self._dropping:
                self._frame += parts[i]
                if len(self._frame) >= _wire.SERIAL_FRAME_MAX_BYTES:
                    self.dropped += 1
                    self._frame = b""
                    self._dropping = True
            if i < len(parts) - 1:
                self._frame_ends()

    def _frame_ends(self):
        frame = self._frame
        self._frame = b""
        if frame and not self._dropping:
            packet = uncobs(frame)
            if packet:
                self.expected.append(packet)
            else:
                self.dropped += 1
        self._dropping = False

    def room(self):
        return 0 if self.blocked else 1 + getrandbits(one_of((4, 8, 12)))

    def write(self, buf, at, n):
        self._sent += bytes(memoryview(buf)[at : at + n])
        frames = self._sent.split(b"\0")
        self._sent = frames.pop()
        for each in frames:
            packet = uncobs(each)
            if not packet:
                raise Fault("a serial frame that is none goes out: %s" % shown(each))
            self.out.append(packet)
        return n

    def drained(self):
        return not self.blocked

    # What the device has not looked at is noise at the new speed, and what comes still.
    def speed(self, baud):
        self.follow()
        self._given = b""
        self._followed = 0
        self.baud = baud
        if self.link.busy():
            self.lose()
        self.waiting = self._frame = self._sent = b""
        self._tail = b"\0"
        self._dropping = False
