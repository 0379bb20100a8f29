# The host's end of UDP and of a WebSocket, as fuzz_ways has the others'.
import struct
from random import getrandbits, randrange

from fuzz_judge import Fault
from fuzz_mutate import hurt, noise, one_of
from fuzz_ways import Way
from network_fakes import answer, frame
from ossicle import _wire
from ossicle.links.udp import UdpLink
from ossicle.links.websocket import OPEN, WebSocketLink

_NOTHING = -1
_GONE = -2
_GIVE_UP_MS = 200  # then a datagram is worth less than the next


# -- UDP -----------------------------------------------------------------------------------------


class UdpWay(Way):
    config = {"link": "udp", "host": "host.local"}
    host = "host.local"
    port = 4747

    def __init__(self):
        super().__init__()
        self.is_up = True
        self.waiting = []
        self._since_ms = -1  # since when the device tries to send a datagram

    def refresh(self):
        super().refresh()
        self.waiting = []

    def say(self, data):
        self.waiting.append(data)

    def spoil(self, data):
        how = getrandbits(4)
        if how == 0:
            data = noise(randrange(200)) if getrandbits(2) else b""
        elif how == 1:
            data = hurt(data) if data else data
        elif how < 4:  # its length is another (W-5)
            data = data[:4] + struct.pack("<I", one_of((0, 1, 8, 32, 1344, 1345, 1 << 31))) + data[8:]
        self.say(data)

    def is_empty(self):
        return not self.waiting or not self.link._open

    def is_clean(self):
        return self.link._open

    def make_link(self, board):
        self.link = UdpLink(self, board.clock)
        self._clock = board.clock
        return self.link

    # The network is away for a moment.
    def trouble(self):
        self.is_up = False

    def connects(self):
        self.is_up = True
        return self.link._open

    # -- the port -----------------------------------------------------------------

    def up(self, now_ms):
        return self.is_up

    def open(self):
        self.waiting = []
        self.lose()
        return True

    def close(self):
        self._since_ms = -1

    def stale(self):
        return False

    # As MicroPython's readinto() does: datagrams one behind the other, to an empty one; what has
    # no room is lost.
    def read_into(self, buf):
        if not self.waiting:
            return _NOTHING
        data = self.waiting.pop(0)
        while data and self.waiting and self.waiting[0] and len(data) < len(buf) and getrandbits(2):
            data += self.waiting.pop(0)
        data = data[: len(buf)]
        buf[: len(data)] = data
        self._hear(data)
        return len(data)

    # W-16: cut by what each packet says of itself.
    def _hear(self, data):
        if not data:
            self.dropped += 1
        while data:
            n = len(data)
            if n >= 16:
                payload = struct.unpack_from("<I", data, 4)[0]
                if payload <= _wire.PAYLOAD_MAX_BYTES and (payload or data[0] == _wire.KIND_STOP):
                    n = 16 + payload + (8 if data[1] & _wire.FLAG_SEALED else 4)
            self.expected.append(data[:n])
            data = data[n:]

    # Whole or not at all.
    def write(self, buf, off, n):
        now_ms = self._clock.ms()
        if self._since_ms < 0:
            self._since_ms = now_ms
        if self.blocked or not getrandbits(4):
            if (now_ms - self._since_ms) & 0x3FFFFFFF >= _GIVE_UP_MS:
                self.dropped += 1
                self.lose()
                self._since_ms = -1
            return -getrandbits(1)  # there is no room, or one before was refused
        self._since_ms = -1
        self.out.append(bytes(memoryview(buf)[off : off + n]))
        return n

    def rssi(self):
        return -50

    def news(self):
        return ""


# -- WebSocket -------------------------------------------------------------------------------------


class WebSocketWay(Way):
    config = {"link": "ws", "host": "host.local"}
    host = "host.local"
    port = 4747

    def __init__(self):
        super().__init__()
        self._is_gone = True
        self._tries = 0  # answers in a row that were spoiled
        self._is_wrong = False  # the answer is one that may not be taken
        self._began = False  # the device asks, and has not taken an answer
        self._times = 0  # that its link had been opened then
        self._mask = b""
        self.refresh()

    def refresh(self):
        super().refresh()
        self._renew()

    # Another connection.
    def _renew(self):
        self.waiting = b""
        self._head = b""  # of the host's answer
        self._frame = b""  # as far as it was given
        self._sent = b""
        self._over = False  # the connection should have ended
        self._pongs = []

    def say(self, data):
        self.waiting += frame(data)

    def spoil(self, data):
        how = getrandbits(6)
        if how == 0:
            self.waiting += hurt(frame(data))
        elif how == 1:
            self.waiting += noise(1 + randrange(40))
        elif how == 2:
            self.waiting += frame(data, one_of((0x81, 0x80, 0x02, 0x88, 0x83, 0xC2)))
        elif how < 8:
            self.waiting += frame(data[:125], one_of((0x89, 0x89, 0x89, 0x8A)))
        elif how == 8:
            self.waiting += frame(b"", one_of((0x82, 0x81)))
        elif len(data) <= _wire.PACKET_MAX_BYTES:
            self.say(data)
        elif how < 12:
            self.waiting += frame(data)
        else:
            self.say(data[: _wire.PACKET_MAX_BYTES])

    def is_empty(self):
        return not self.waiting

    def is_clean(self):
        return self.link.state == OPEN and not (self._began or self._frame or self._over or self._is_gone)

    def make_link(self, board):
        self.link = WebSocketLink(self, board.clock)
        return self.link

    def check(self):
        if self._over and self.link.state == OPEN:
            raise Fault("a connection goes on that is over")

    # The connection breaks.
    def trouble(self):
        self._is_gone = True

    # One more try to get the device open; True when it is.
    def connects(self):
        self.follow()
        if self.link.state == OPEN:
            self._is_gone = self._is_gone or not self.is_clean()
            return not self._is_gone
        if self._began and self._sent.endswith(b"\r\n\r\n"):
            right = answer(self._sent)
            self._sent = b""
            self._tries = 0 if getrandbits(2) else self._tries + 1
            self.waiting = self._spoiled(right) if 0 < self._tries < 4 else right
        return False

    def _spoiled(self, right):
        how = getrandbits(2)
        self._is_wrong = how == 3
        if how == 0:
            return hurt(right)
        if how == 1:
            return right[: randrange(len(right))]
        if how == 2:
            return noise(1400)
        at = right.find(b"Accept: ") + 8
        return right[:at] + bytes([right[at] ^ 1]) + right[at + 1 :]

    # -- the port -----------------------------------------------------------------

    def up(self, now_ms):
        return True

    def open(self):
        self._renew()
        self._is_gone = False
        self._is_wrong = False
        self._times = self.link.opened
        self._began = True
        self._mask = b""
        self.lose()
        return True

    def connected(self):
        return 1 if getrandbits(3) else getrandbits(1) and _GONE

    def close(self):
        self.follow()
        self._is_gone = True
        self._began = False
        self.waiting = b""

    def stale(self):
        return False

    def read_into(self, buf):
        if self._is_gone:
            return _GONE
        self.follow()
        n = min(len(buf), len(self.waiting), 1 + getrandbits(one_of((2, 5, 8))))
        if not n:
            return _NOTHING
        data = self.waiting[:n]
        self.waiting = self.waiting[n:]
        buf[:n] = data
        if self._began:
            self._head += data
        else:
            self._hear(data)
        return n

    # What is behind the head of an answer is frames, if the device takes it.
    def follow(self):
        if self._began and self.link.opened != self._times:
            if self._is_wrong:
                raise Fault("a wrong answer opens: %s" % self._head)
            self._began = False
            self._hear(self._head[self._head.find(b"\r\n\r\n") + 4 :])
            self._head = b""

    # W-54.
    def _hear(self, data):
        self._frame += data
        while self._frame and not self._over:
            n = self._frame_bytes()
            if n == 0 or len(self._frame) < n:
                return
            self._whole(self._frame[0], self._frame[4 if self._frame[1] == 126 else 2 : n])
            self._frame = self._frame[n:]

    # Of the first frame, head and all; 0 where that is not known yet.
    def _frame_bytes(self):
        data = self._frame
        if data[0] not in (0x81, 0x82, 0x88, 0x89, 0x8A):
            return self._ends()
        if len(data) < 2:
            return 0
        if data[1] < 126:
            return 2 + data[1]
        if data[1] != 126 or data[0] > 0x82:
            return self._ends()
        if len(data) < 4:
            return 0
        n = data[2] << 8 | data[3]
        return 4 + n if 126 <= n <= _wire.PACKET_MAX_BYTES else self._ends()

    def _ends(self):
        self._over = True
        self.dropped += 1
        return 0

    def _whole(self, kind, payload):
        if kind == 0x82 and 0 < len(payload) <= len(self.link.packet):  # no host's is longer
            self.expected.append(payload)
        elif kind == 0x88:
            self._over = True
        elif kind == 0x89:
            self._pongs.append(payload)
        elif kind != 0x8A:
            self.dropped += 1

    def write(self, buf, off, n):
        if self._is_gone:
            return _GONE
        if self.blocked or not getrandbits(4):
            return 0
        self.follow()
        n = min(n, 1 + getrandbits(one_of((3, 8, 12))))
        self._sent += bytes(memoryview(buf)[off : off + n])
        if not self._began:
            self._take_frames()
        return n

    def _take_frames(self):
        data = self._sent
        while len(data) >= 2:
            n = data[1] & 127
            at = 2
            if n == 126 and len(data) >= 4:
                n = data[2] << 8 | data[3]
                at = 4
            elif n == 126:
                break
            if len(data) < at + 4 + n:
                break
            mask = data[at : at + 4]
            if not data[1] & 0x80 or n > _wire.PACKET_MAX_BYTES or mask == self._mask:
                raise Fault("a frame with a length of %d, masked by %s" % (n, mask))
            self._mask = mask
            self._came(data[0], unmasked(data[at + 4 : at + 4 + n], mask))
            data = data[at + 4 + n :]
        self._sent = data

    def _came(self, kind, payload):
        if kind == 0x82:
            self.out.append(payload)
        elif kind == 0x8A:
            if payload not in self._pongs:
                raise Fault("a pong for no ping: %s" % payload)
            while self._pongs.pop(0) != payload:  # one that came before the last was answered
                pass
        elif kind != 0x88 or payload:
            raise Fault("a frame of kind %d" % kind)

    def rssi(self):
        return -50

    def news(self):
        return ""


# A long number does it at once.
def unmasked(data, mask):
    n = len(data)
    words = mask * ((n >> 2) + 1)
    whole = int.from_bytes(data, "little") ^ int.from_bytes(words[:n], "little")
    return whole.to_bytes(n, "little") if n else b""
