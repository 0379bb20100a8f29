# socket for the emulated board: the machine's own sockets, with lwIP's small send buffer
# and its troubles: no memory for a write now and then or for a while (its buffers are full,
# an address is not resolved), a mailbox of few datagrams, a firmware that is held up, and
# nothing that passes while the Wi-Fi is out. A datagram is lost in the air then, a connection
# stands still.

import errno
import network
import usocket
import utime
from io import IOBase
from micropython import const
from usocket import AF_INET, SOCK_DGRAM, SOCK_STREAM, SOL_SOCKET, getaddrinfo  # noqa: F401

from emulation import Plan, settings
from record import HELD_UP, NO_MEMORY, Tally

# Linux's; the module has no names for them.
IPPROTO_TCP = const(6)
TCP_NODELAY = const(1)
_SO_SNDBUF = const(7)
_SNDBUF_BYTES = const(5760)

_MASK = const(0x3FFFFFFF)
_POLL = const(3)  # requests of ioctl()
_GET_FILENO = const(10)
_every = settings["socket_enomem"]
_full = Plan(settings["socket_full"])
_busy = Plan(settings["held_up"])
_places = settings["socket_mailbox"]
_no_memory = Tally(NO_MEMORY)
_held_up = Tally(HELD_UP)


class socket(IOBase):
    def __init__(self, family=AF_INET, kind=SOCK_STREAM):
        self._socket = usocket.socket(family, kind)
        self._socket.setsockopt(SOL_SOCKET, _SO_SNDBUF, _SNDBUF_BYTES)
        self._stream = kind == SOCK_STREAM
        self._writes = 0
        self._mailbox = None
        if _places and not self._stream:
            from mailbox import Mailbox

            self._mailbox = Mailbox(self._socket.fileno(), _places)

    def setblocking(self, blocking):
        self._socket.setblocking(blocking)

    def setsockopt(self, level, option, value):
        self._socket.setsockopt(level, option, value)

    def connect(self, address):
        if self._stream and network.out_ms() >= 0:
            raise OSError(errno.EHOSTUNREACH)
        self._socket.connect(address)

    def readinto(self, buf, n):
        if _busy.since() >= 0:
            _held_up.strike()
            while _busy.since() >= 0:
                utime.sleep_ms(1)
        way = self._mailbox or self._socket
        if network.out_ms() < 0:
            return way.readinto(buf, n)
        if not self._stream:
            way.readinto(buf, n)
        return None

    def write(self, buf, off, n):
        if network.out_ms() >= 0:
            return None if self._stream else n
        self._writes = (self._writes + 1) & _MASK
        if (_every and self._writes % _every == 0) or _full.since() >= 0:
            _no_memory.strike()
            raise OSError(errno.ENOMEM)
        return self._socket.write(buf, off, n)

    def close(self):
        if network.out_ms() >= 0:
            network.hold(self._socket)
        else:
            self._socket.close()

    # For poll(), which works on descriptors here.
    def ioctl(self, request, argument):
        return self._socket.fileno() if request == _GET_FILENO else 0
