# The `socket` of memory_run.py: what the host says comes in packet by packet, and the last
# word is Ctrl-C. A buffer of audio comes whenever the firmware listens.
import gc
import hashlib
import sys
from binascii import b2a_base64, unhexlify

AF_INET = SOCK_DGRAM = 0
SOCK_STREAM = 1
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

def start(i2s, packets, words):
    global _i2s, _packets, _words
    _i2s = i2s
    _packets = packets
    _words = words
    sys.modules["socket"] = sys.modules[__name__]
    sys.modules["select"] = sys.modules[__name__]


def getaddrinfo(host, port, family, kind):
    return [(0, 0, 0, "", (host, port))]


class socket:
    def __init__(self, family, kind):
        self.frames = kind == SOCK_STREAM
        self.open = not self.frames
        self.request = None
        self.waiting = None  # what comes next
        self.said = 0
        self.packets = 0  # of audio, in the stream
        self.length = 0
        self.reads = 0  # in the stream

    def setblocking(self, blocking):
        pass

    def connect(self, address):
        pass

    def close(self):
        pass

    def readinto(self, buf, n):
        if _i2s.made.out:
            _i2s.made.deliver()
        self.reads += 1
        if self.reads > 100 * _packets:
            sys.exit("no stream comes")
        if not self.open and self.request:
            self.answer(bytes(self.request))
        elif self.packets == _packets:
            self.packets = self.reads = 0
            gc.collect()
            print("= stream", self.length, gc.mem_free())
            self.say()
        elif self.said < 2 and self.open and self.waiting is None:
            self.say()
        data = self.waiting
        if data is None:
            return None
        self.waiting = None
        buf[: len(data)] = data
        return len(data)

    def say(self):
        if self.said == len(_words):
            raise KeyboardInterrupt
        data = unhexlify(_words[self.said])
        self.said += 1
        if self.frames:
            data = bytes([0x82, len(data)]) + data
        self.waiting = data

    def write(self, buf, off, n):
        if not self.open:
            self.request = buf
        elif n > 1000:
            self.packets += 1
            self.length = n
        return n

    # Made when it is read: a write must not ask for memory.
    def answer(self, request):
        self.open = True
        key = [line for line in request.split(b"\r\n") if b"-Key: " in line][0][19:]
        accept = b2a_base64(hashlib.sha1(key + _GUID).digest()).strip()
        head = b"HTTP/1.1 101 x\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: %s\r\n\r\n"
        self.waiting = head % accept


# Of select: it is connected.
POLLOUT = POLLERR = POLLHUP = 0


class poll:
    def register(self, made, events):
        pass

    def ipoll(self, timeout):
        return ((None, 0),)
