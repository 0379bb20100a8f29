# A board for tests: a microphone, a port and a clock that do as they are told, and the
# host's side of the wire in plain Python (binascii's CRC, a COBS written for reading).
import binascii
import struct

from ossicle import _wire
from ossicle import config as configuration

M30 = (1 << 30) - 1


class Clock:
    def __init__(self, us=1000000, ms=5000):
        self.us = us
        self.now_ms = ms

    def capture_us(self):
        return self.us & M30

    def ms(self):
        return self.now_ms & M30

    def idle(self):
        pass

    def pass_ms(self, ms):
        self.now_ms += ms
        self.us += ms * 1000


class Mic:
    buffer_frames = 256
    hold_frames = 19 * 256
    stale_frames = 0

    def __init__(self):
        self.ended = False
        self.rate = self.channels = 0
        self.handler = None
        self.out = []  # buffers handed out
        self.frames = 256  # of the buffer that filled() speaks of
        self.settled = None
        self.fail_rates = ()
        self.next = 0  # value of the next frame's first channel
        self.stops = 0

    def start(self, rate, channels, handler):
        if rate in self.fail_rates:
            raise OSError("no such rate")
        fresh = (rate, channels) != (self.rate, self.channels)
        if fresh:
            self.out = []
        self.rate, self.channels, self.handler = rate, channels, handler
        return fresh

    def arm(self, buf):
        self.out.append(buf)

    def filled(self):
        return self.frames

    def acknowledged(self, position):
        self.settled = position

    def stop(self):
        self.stops += 1

    def close(self):
        pass

    # One buffer of a ramp: frame i of the stream is i (and -i), as 16-bit samples.
    def deliver(self, frames=256, last=False):
        if not self.out:
            return False
        buf = self.out.pop(0)
        values = [((self.next + i) & 0x7FFF) << 16 for i in range(frames)]
        if self.channels == 2:
            values = [v for value in values for v in (value, -value)]
        struct.pack_into("<%di" % len(values), buf, 0, *values)
        self.next += frames
        self.frames = frames
        self.ended = last
        self.handler(None)
        return True


class Port:
    max_baud = 921600

    def __init__(self, unlimited=True):
        self.baud = 115200
        self.bytes_per_s = 0 if unlimited else 11520
        self.input = b""
        self.output = b""
        self.limit = 1 << 20
        self.speeds = []
        self.pending = False

    def read_into(self, buf):
        n = min(len(buf), len(self.input))
        buf[:n] = self.input[:n]
        self.input = self.input[n:]
        return n

    def room(self):
        return self.limit

    def write(self, buf, off, n):
        self.output += bytes(buf[off : off + n])
        return n

    def drained(self):
        return not self.pending

    def speed(self, baud):
        self.baud = baud
        self.speeds.append(baud)
        if self.bytes_per_s:
            self.bytes_per_s = baud // 10


class Board:
    name = "fake"
    device = "fake-1"
    counted = False
    dog = None

    def __init__(self, samples=33792, config=None, unlimited=True):
        self.storage = bytearray(2 * samples)
        self.config = configuration.read(config or {"shift": 16, "dc_blocker": False})
        self.clock = Clock()
        self.mic = Mic()
        self.port = Port(unlimited)

    @staticmethod
    def calm():
        pass

    def settle(self):
        pass

    def shrink(self):
        return False


def crc(data):
    return struct.pack("<I", binascii.crc32(data))


def cobs(data):
    out = b""
    block = b""
    for i, byte in enumerate(data):
        if byte:
            block += bytes([byte])
            if len(block) == 254 and i + 1 < len(data):
                out += b"\xff" + block
                block = b""
        else:
            out += bytes([len(block) + 1]) + block
            block = b""
    return out + bytes([len(block) + 1]) + block


def uncobs(data):
    out = b""
    while data:
        code = data[0]
        out += data[1:code]
        data = data[code:]
        if code < 255 and data:
            out += b"\0"
    return out


def packet(kind, session=0, payload=b"", flags=0, number=0):
    data = struct.pack("<BBHIII", kind, flags, session, 0, 0, number) + payload
    return b"\0" + cobs(data + crc(data)) + b"\0"


class Packet:
    def __init__(self, data):
        assert data[-4:] == crc(data[:-4]), "check"
        self.kind, self.flags, self.session, self.sequence, self.ticks_us, self.number = struct.unpack(
            "<BBHIII", data[:16]
        )
        self.payload = data[16:-4]

    def u30(self, at):
        return struct.unpack("<I", self.payload[at : at + 4])[0]

    def u16(self, at):
        return struct.unpack("<H", self.payload[at : at + 2])[0]

    def samples(self):
        return [struct.unpack("<h", self.payload[i : i + 2])[0] for i in range(0, len(self.payload), 2)]


# The host: what it sends, and what came back as packets.
class Host:
    def __init__(self, app, board):
        self.app = app
        self.port = board.port
        self.session = 0

    def steps(self, n=40):
        for _ in range(n):
            self.app.step()

    def take(self):
        frames = self.port.output.split(b"\0")
        self.port.output = frames.pop()
        return [Packet(uncobs(f)) for f in frames if f]

    def say(self, kind, session=None, payload=b"", **more):
        self.port.input += packet(kind, self.session if session is None else session, payload, **more)

    def ask(self, kind, session=None, payload=b"", **more):
        self.say(kind, session, payload, **more)
        self.steps()
        return self.take()

    def start_payload(self, token=7, mode=0, codec=0, channels=1, flags=0, rate=16000, hop=512, overlap=0,
                      gain=256, stream=b"\0" * 8, sequence=0):  # fmt: skip
        return struct.pack(
            "<IBBBBIHHHH8sI",
            token,
            mode,
            codec,
            channels,
            flags,
            rate,
            hop,
            overlap,
            gain,
            0,
            stream,
            sequence,
        )

    def start(self, **fields):
        for p in self.ask(_wire.KIND_START, 0, self.start_payload(**fields)):
            if p.kind == _wire.KIND_STARTED:
                self.session = p.session
            if p.kind in (_wire.KIND_STARTED, _wire.KIND_REFUSED):
                return p
        raise AssertionError("no answer")

    def ack(self, next_sequence, highest=0):
        self.say(_wire.KIND_ACK, None, struct.pack("<II", next_sequence, highest))

    def request(self, *ranges):
        payload = struct.pack("<BBH", len(ranges), 0, 0)
        for start, stop in ranges:
            payload += struct.pack("<II", start, stop)
        self.say(_wire.KIND_REQUEST, None, payload)

    # Ten steps after each of n buffers, with the clocks moved on.
    def run(self, board, buffers, ack=True):
        got = []
        for _ in range(buffers):
            board.clock.pass_ms(16)
            board.mic.deliver()
            self.steps(6)
            got += self.take()
            if ack:
                self.ack(0)
        return got
