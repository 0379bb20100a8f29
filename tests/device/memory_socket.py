# The `socket` of memory_run.py: what the host says comes packet by packet.
import hashlib
import sys
from binascii import b2a_base64

AF_INET = SOCK_DGRAM = 0
SOCK_STREAM = 1
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def start(host):
    global _host
    _host = host
    sys.modules["socket"] = sys.modules[__name__]
    sys.modules["select"] = sys.modules[__name__]


def getaddrinfo(host, port, family, kind):
    return [(0, 0, 0, "", (host, port))]


class socket:
    def __init__(self, family, kind):
        self.frames = kind == SOCK_STREAM
        self.open = not self.frames
        self.request = None

    def setblocking(self, blocking):
        pass

    def connect(self, address):
        pass

    def close(self):
        pass

    def readinto(self, buf, n):
        if self.open:
            data = _host.listen()
            if data is None:
                raise KeyboardInterrupt
        else:
            data = self.answer(bytes(self.request)) if self.request else b""
        if not data:
            return None
        buf[: len(data)] = data
        return len(data)

    def write(self, buf, off, n):
        if self.open:
            return _host.take(buf, off, n)
        self.request = buf
        return n

    # Made when it is read: a write must not ask for memory.
    def answer(self, request):
        self.open = True
        key = [line for line in request.split(b"\r\n") if b"-Key: " in line][0][19:]
        accept = b2a_base64(hashlib.sha1(key + _GUID).digest()).strip()
        head = b"HTTP/1.1 101 x\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: %s\r\n\r\n"
        return head % accept


# Of select: it is connected, and nobody types.
POLLIN = POLLOUT = POLLERR = POLLHUP = 0


class poll:
    def register(self, made, events):
        pass

    def poll(self, timeout):
        return ()

    def ipoll(self, timeout):
        return ((None, 0),)
