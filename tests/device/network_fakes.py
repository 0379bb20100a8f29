# A network for tests: a socket port that does as it is told, and the host's side of a
# WebSocket in plain Python.
import hashlib
from binascii import b2a_base64

from fakes import Clock

NOTHING = -1
GONE = -2


class NetPort:
    max_baud = 0
    host = "host.local"
    port = 4747

    def __init__(self, stream):
        self.stream = stream
        self.is_up = True
        self.opens = 0
        self.closes = 0
        self.refuse = False  # open() fails
        self.connects = 1  # what connected() says
        self.waiting = []  # datagrams, or pieces of a stream; GONE
        self.sent = []  # each write
        self.room = 1 << 20  # bytes that one write takes
        self.fail = 0  # what write() gives in place of taking, so often
        self.answer = 0
        self.old = False  # opening anew may help

    def up(self, now_ms):
        return self.is_up

    def open(self):
        self.opens += 1
        self.waiting = []
        return not self.refuse

    def connected(self):
        return self.connects

    def close(self):
        self.closes += 1

    def stale(self):
        return self.old

    def read_into(self, buf):
        if not self.waiting:
            return NOTHING
        if self.waiting[0] == GONE:
            return GONE
        return self._read_stream(buf) if self.stream else self._read_datagrams(buf)

    def _read_stream(self, buf):
        data = self.waiting.pop(0)
        n = min(len(data), len(buf))
        if n < len(data):
            self.waiting.insert(0, data[n:])
        buf[:n] = data[:n]
        return n

    # As MicroPython's readinto() does: one behind the other, to an empty one.
    def _read_datagrams(self, buf):
        at = 0
        while self.waiting and at < len(buf):
            data = self.waiting.pop(0)
            if not data:
                break
            n = min(len(data), len(buf) - at)
            buf[at : at + n] = data[:n]
            at += n
        return at

    def write(self, buf, off, n):
        if self.fail:
            self.fail -= 1
            return self.answer
        n = min(n, self.room)
        self.sent.append(bytes(buf[off : off + n]))
        return n

    def take(self):
        data = b"".join(self.sent)
        self.sent = []
        return data

    def rssi(self):
        return -50

    def news(self):
        return ""


# A link on such a port, driven by hand.
class NetRig:
    def __init__(self, link, stream):
        self.clock = Clock()
        self.port = NetPort(stream)
        self.link = link(self.port, self.clock)
        self.heard_ms = self.clock.ms()

    def tick(self, ms=0):
        self.clock.pass_ms(ms)
        self.link.tick(self.clock.ms(), self.heard_ms)

    def hear(self):
        self.heard_ms = self.clock.ms()

    def send(self, data):
        buf = bytearray(data) + bytearray(8)
        assert not self.link.busy()
        self.link.send(buf, len(data))

    def pump(self, n=20):
        return sum([self.link.pump() for _ in range(n)])


def accept(request):
    key = [line for line in request.split(b"\r\n") if line.startswith(b"Sec-WebSocket-Key: ")][0][19:]
    return b2a_base64(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()).strip()


def answer(request, **fields):
    lines = {
        "Upgrade": b"websocket",
        "Connection": b"Upgrade",
        "Sec-WebSocket-Accept": accept(request),
        "Sec-WebSocket-Protocol": b"ossicle",
    }
    lines.update({name.replace("_", "-"): value for name, value in fields.items()})
    head = b"HTTP/1.1 101 Switching Protocols\r\n"
    for name in lines:
        if lines[name] is not None:
            head += name.encode() + b": " + lines[name] + b"\r\n"
    return head + b"\r\n"


# A frame as a server sends it: not masked.
def frame(data, first=0x82):
    n = len(data)
    if n < 126:
        return bytes([first, n]) + data
    if n < 65536:
        return bytes([first, 126, n >> 8, n & 255]) + data
    return bytes([first, 127]) + bytes(4) + bytes([n >> 24, n >> 16 & 255, n >> 8 & 255, n & 255]) + data


# What a client sent: (first byte, mask, payload) of each whole frame, and the rest.
def frames(data):
    out = []
    while len(data) >= 2:
        n = data[1] & 127
        at = 2
        if n == 126:
            n = data[2] << 8 | data[3]
            at = 4
        assert data[1] & 128, "a client masks"
        if len(data) < at + 4 + n:
            break
        mask = data[at : at + 4]
        payload = bytes(b ^ mask[i & 3] for i, b in enumerate(data[at + 4 : at + 4 + n]))
        out.append((data[0], mask, payload))
        data = data[at + 4 + n :]
    return out, data
