# A board of which the agent is the world: it says what the microphone hears, what comes on
# the line and what time it is. The whole firmware runs on it, a step at a time.
from binascii import hexlify, unhexlify

from ossicle.app import App
from ossicle import config as configuration

_MASK = 0x3FFFFFFF
_STEPS_MAX = 20000


def text(data):
    return hexlify(data).decode()


# The sample of a numbered frame (tools/oracle/steps.py).
def sample(number, channel):
    return (number * 25173 + channel * 13849) % 65536 - 32768


class Clock:
    def __init__(self):
        self.now_ms = 5000
        self.now_us = 70000

    def ms(self):
        return self.now_ms & _MASK

    def capture_us(self):
        return self.now_us & _MASK

    def idle(self):
        pass


class Port:
    def __init__(self, bytes_per_s, max_baud):
        self.waiting = b""
        self.sent = b""
        self.bytes_per_s = bytes_per_s
        self.baud = 115200
        self.max_baud = max_baud

    def read_into(self, buf):
        n = min(len(buf), len(self.waiting))
        buf[:n] = self.waiting[:n]
        self.waiting = self.waiting[n:]
        return n

    def room(self):
        return 1 << 20

    def write(self, buf, at, n):
        self.sent += bytes(buf[at : at + n])
        return n

    def drained(self):
        return True

    def speed(self, baud):
        self.baud = baud
        if self.bytes_per_s:
            self.bytes_per_s = baud // 10


# Delivers 256 frames at a time, each slot a sample << 16.
class Microphone:
    def __init__(self, works):
        self.buffer_frames = 256
        self.hold_frames = 0
        self.stale_frames = 0
        self.ended = False
        self.works = works
        self.channels = 1
        self.rate = 0
        self.next = 0  # number of the next frame
        self._buf = None
        self._frames = 0
        self._handler = None

    def start(self, rate, channels, handler):
        if not self.works:
            raise OSError(12)
        self.rate = rate
        self.channels = channels
        self.next = 0
        self._handler = handler
        self._buf = None
        self.ended = False
        return True

    def stop(self):
        self._buf = None

    def arm(self, buf):
        self._buf = buf

    def filled(self):
        return self._frames

    def acknowledged(self, position):
        pass

    def grant(self, frames):
        pass

    # True when a buffer was out to take them.
    def deliver(self, frames, ended):
        if self._buf is None:
            return False
        buf = self._buf
        at = 2
        for number in range(self.next, self.next + frames):
            for channel in range(self.channels):
                value = sample(number, channel) & 0xFFFF
                buf[at - 2] = buf[at - 1] = 0
                buf[at] = value & 255
                buf[at + 1] = value >> 8
                at += 4
        self.next += frames
        self._frames = frames
        self.ended = ended
        self._handler(None)
        return True


class Board:
    def __init__(self, settings):
        config = {"shift": 16, "dc_blocker": False, "ring_samples": settings["ring_samples"]}
        config["key"] = settings.get("key", "")
        self.name = "agent"
        self.device = "a9e47"
        self.config = configuration.read(config)
        self.storage = bytearray(2 * self.config.ring_samples)
        self.clock = Clock()
        self.port = Port(settings["bytes_per_s"], settings["max_baud"])
        self.mic = Microphone(settings["microphone"])


class AppDriver:
    def __init__(self, settings):
        self.board = Board(settings)
        self.app = App(self.board)
        self.app.session.plain = settings.get("plain", True)

    # Everything that is due now; what was sent meanwhile.
    def settle(self):
        app = self.app
        steps = 0
        sent = -1
        while not app.link.interrupted and (app.step() or len(self.board.port.sent) != sent):
            sent = len(self.board.port.sent)
            steps += 1
            if steps > _STEPS_MAX:
                raise RuntimeError("the loop does not come to rest")

    def hear(self, data):
        self.board.port.waiting += unhexlify(data)
        self.settle()

    # The link's clock goes on; the capture clock goes on with the frames.
    def wait(self, ms):
        self.board.clock.now_ms += ms
        self.settle()

    # Frames that no DMA buffer had room for: only the capture clock shows them.
    def lose(self, frames):
        self.board.clock.now_us += frames * 1000000 // self.board.mic.rate

    # `frames` come, in buffers of 256; the capture clock goes on with them.
    def capture(self, frames, ended):
        mic = self.board.mic
        while frames > 0 or ended:
            n = min(frames, mic.buffer_frames)
            frames -= n
            self.board.clock.now_us += n * 1000000 // mic.rate
            if not mic.deliver(n, ended and frames == 0):
                raise RuntimeError("no buffer is out")
            self.settle()
            if frames == 0:
                return

    # Frames pass that nobody hears; the ring goes on, the loop does not come round.
    def capture_unseen(self, frames):
        mic = self.board.mic
        while frames > 0:
            n = min(frames, mic.buffer_frames)
            frames -= n
            self.board.clock.now_us += n * 1000000 // mic.rate
            mic.deliver(n, False)

    # The next transmission's number: a session's last is 18 hours away.
    def number(self, value):
        seal = self.app.seal
        counts = seal if seal is not None and seal.active else self.app.session.builder
        counts.number = value

    def microphone(self, works):
        self.board.mic.works = works

    def done(self):
        port = self.board.port
        sent = text(port.sent)
        port.sent = b""
        return {
            "sent": sent,
            "baud": port.baud,
            "bad": self.app.session.bad_packets(),
            "interrupted": self.app.link.interrupted,
        }
