# Sockets for the links, for the chip and for the emulated board: one connected socket to
# the host of the configuration, never blocking.
#
# Reading and writing allocate nothing, also where they fail: OSError is raised while the
# heap is locked, and MicroPython then takes the one that it keeps for emergencies. Opening
# allocates, and looking up a name blocks, for seconds where no server answers: both are
# done while the link is down. A name is looked up at boot, and again when the host has not
# been heard for longer than the ring holds: what a lookup then costs was lost already.
import errno
import micropython
import select
import socket
import time

from micropython import const
from ossicle.rare import passing, rare

_MASK = const(0x3FFFFFFF)
_LOOK_AGAIN_MS = const(30000)
_BROKEN_MAX = const(16)  # failures in a row: the socket is no good
_AGAIN = (errno.EAGAIN, errno.ENOMEM, errno.EINPROGRESS, errno.ENOBUFS)

NOTHING = const(-1)  # of read_into()
GONE = const(-2)  # of read_into() and write(): the other side has closed, or the connection broke

try:
    micropython.alloc_emergency_exception_buf(100)
except AttributeError:  # the unix port has one of fixed size
    pass


class SocketPort:
    max_baud = 0  # a network has no speed

    # `stream` True is TCP, False UDP. `network` is a Wifi, or None where the way out is not ours.
    @passing
    def __init__(self, host, port, stream, network=None):
        self.host = host
        self.port = port
        self._stream = stream
        self._network = network
        self._socket = None
        self._poll = None  # of TCP, while it connects
        self._address = None  # as getaddrinfo gives it
        self._is_name = not all(c in "0123456789." for c in host)
        self._looked_ms = -1  # when the name was looked up
        self._failures = 0  # in a row
        self._said = ""  # the last text for the log
        self._news = ""  # the same, until it is fetched
        # Counters, modulo 2**30.
        self.full = 0  # writes that the network had no room for
        self.troubled = 0  # reads and writes that failed otherwise
        self.unopened = 0  # open() that failed

    # Whether there is a way out at all. Drives the Wi-Fi.
    def up(self, now_ms):
        return self._network is None or self._network.up(now_ms)

    def rssi(self):
        return 0 if self._network is None else self._network.rssi()

    # A text for the log, once.
    @rare("dial")
    def news(self):
        text = self._news
        if text:
            self._news = ""
            return text
        return "" if self._network is None else self._network.news()

    # -- opening -----------------------------------------------------------------------

    # True when the socket is there; TCP then still connects: see connected().
    @rare("dial")
    def open(self):
        self.close()
        try:
            address = self._look_up()
            made = socket.socket(socket.AF_INET, socket.SOCK_STREAM if self._stream else socket.SOCK_DGRAM)
            self._socket = made
            made.setblocking(False)
            self._connect(made, address)
        except OSError as error:
            self.unopened = (self.unopened + 1) & _MASK
            self._tell("%s port %d: %s" % (self.host, self.port, error))
            self.close()
            return False
        return True

    # Packets are small, and each is worth sending at once: no Nagle, where the build can.
    @rare("dial")
    def _connect(self, made, address):
        if not self._stream:
            made.connect(address)
            return
        if hasattr(socket, "TCP_NODELAY"):
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._poll = select.poll()
        self._poll.register(made, select.POLLOUT | select.POLLHUP)  # lwIP tells of HUP who asks for it
        try:
            made.connect(address)
        except OSError as error:
            if error.errno != errno.EINPROGRESS:
                raise

    # The address, from before where the name says nothing; OSError when there is none.
    @rare("dial")
    def _look_up(self):
        now_ms = time.ticks_ms() & _MASK
        if self._address is None or self._is_old(now_ms):
            self._looked_ms = now_ms
            kind = socket.SOCK_STREAM if self._stream else socket.SOCK_DGRAM
            try:
                self._address = socket.getaddrinfo(self.host, self.port, socket.AF_INET, kind)[0][-1]
            except (OSError, IndexError) as error:
                if self._address is None:
                    raise OSError("no address: %s" % error)
        return self._address

    def _is_old(self, now_ms):
        return self._is_name and (now_ms - self._looked_ms) & _MASK > _LOOK_AGAIN_MS

    # Whether opening anew may help, when nothing is heard.
    def stale(self):
        return self._failures >= _BROKEN_MAX or self._is_old(time.ticks_ms() & _MASK)

    # Of TCP: 1 when it is connected, 0 while it is not yet, GONE when it cannot be.
    def connected(self):
        for _, event in self._poll.ipoll(0):
            if event & (select.POLLERR | select.POLLHUP):
                self.unopened = (self.unopened + 1) & _MASK
                return GONE
            return 1
        return 0

    @rare("dial")
    def close(self):
        self._poll = None
        self._failures = 0
        if self._socket is not None:
            try:
                self._socket.close()
            except OSError:
                pass
            self._socket = None

    # -- reading and writing -----------------------------------------------------------

    # Bytes that have come: of a stream, or of as many datagrams as fit; 0 for an empty one.
    # NOTHING, or GONE.
    def read_into(self, buf):
        try:
            n = self._socket.readinto(buf, len(buf))
        except OSError:
            return self._failed()
        if n is None:
            return NOTHING
        if n == 0 and self._stream:
            return GONE
        return n

    # Bytes taken of the n at `off`, 0 when there is no room now; GONE.
    def write(self, buf, off, n):
        micropython.heap_lock()
        try:
            n = self._socket.write(buf, off, n)
        except OSError as error:
            micropython.heap_unlock()
            if error.errno in _AGAIN:
                self.full = (self.full + 1) & _MASK
                return 0
            return self._failed()
        micropython.heap_unlock()
        self._failures = 0
        if n is None:
            self.full = (self.full + 1) & _MASK
            return 0
        return n

    # A datagram that could not leave, or one before it that nobody took: the next may. A
    # connection is over.
    def _failed(self):
        self.troubled = (self.troubled + 1) & _MASK
        self._failures += 1
        if self._stream:
            return GONE
        return NOTHING

    @rare("dial")
    def _tell(self, text):
        if text != self._said:
            self._said = text
            self._news = text
