# UDP: a packet is a datagram (W-16), to and from the one address of the configuration
# (W-53). The port's socket is connected: what comes from elsewhere does not come at all.
#
# readinto(), the one way to read a socket that allocates nothing, fills its buffer from as
# many datagrams as wait, and does not say where each ends. So packets of the host tell
# their length (W-5). After an empty datagram lwIP's socket takes itself for closed: then
# another is opened.
#
# A datagram leaves whole or not at all. Where the network takes none (its buffers are full,
# an address is not resolved yet) the packet waits and is tried again, for as long as a new
# one is worth no more; then it is dropped, and the host asks for it like for any other.
from array import array

from micropython import const

from ossicle._wire import (
    FLAG_SEALED,
    HEADER_AT_FLAGS,
    HEADER_AT_SEQUENCE,
    HEADER_BYTES,
    KIND_STOP,
    PAYLOAD_MAX_BYTES,
    u30,
)
from ossicle.kernels import C_COUNT, C_FROM, C_SIZE, C_TO, copy_bytes
from ossicle.links.away import Away
from ossicle.rare import passing

_MASK = const(0x3FFFFFFF)
_RETRY_MS = const(2)
_GIVE_UP_MS = const(200)
_READ_BYTES = const(384)  # the host's longest packet is a HELLO; a REQUEST has 94 bytes
_CHECK_BYTES = const(4)
_TAG_BYTES = const(8)


class UdpLink:
    announces = True  # HELLO goes out unasked
    default_baud = 0

    # `port` is a boards.net.SocketPort.
    @passing
    def __init__(self, port, clock):
        self._port = port
        self._clock = clock
        self._away = Away()
        self.packet = bytearray(_READ_BYTES)  # what receive() has found
        self.dropped = 0  # datagrams that were none, or would not leave; wraps at 2**30
        self.interrupted = False  # never: the REPL has its own serial port
        self.rest = 0
        self.rest_bytes = self.packet
        self.opened = 0  # how often the link was opened; wraps at 2**30
        self._open = False
        self._in_at = 0  # what came lies in `packet`, datagrams without a gap: so much of it is done
        self._in_n = 0
        self._copy = array("i", (0 for _ in range(C_SIZE)))
        self._out = None  # the buffer that send() was given
        self._out_n = 0  # bytes of the datagram that waits, 0: none
        self._since_ms = 0  # since when
        self._again_ms = 0  # when it was last refused; -1: not yet

    # -- time --------------------------------------------------------------------------

    # Opens the link where it is down, and drives the network. `heard_ms` is when the last
    # valid packet came. A name that gives another address, or a socket that broke, is all
    # that can be mended here: so silence (W-55) closes nothing that writes without error.
    def tick(self, now_ms, heard_ms):
        port = self._port
        if not port.up(now_ms):
            if self._open:
                self._close(now_ms)
            self._away.hurry()
            return
        if self._open:
            if self._away.is_dead(now_ms, heard_ms) and port.stale():
                self._close(now_ms)
        elif self._away.due(now_ms):
            self._try(now_ms)

    def _try(self, now_ms):
        if self._port.open():
            self._open = True
            self._away.opened(now_ms)
            self.opened = (self.opened + 1) & _MASK
        else:
            self._away.lost(self._clock.ms())  # looking up a name takes its time

    def _close(self, now_ms):
        self._port.close()
        self._open = False
        self._out_n = 0
        self._in_at = self._in_n = 0
        self._away.lost(now_ms)

    # -- sending -----------------------------------------------------------------------

    # True while the link is down, or a datagram waits: what cannot be sent stays in the ring.
    def busy(self):
        return not self._open or self._out_n > 0

    # Takes the n bytes of a packet, and their buffer until it is not busy any more.
    def send(self, packet, n):
        self._out = packet
        self._out_n = n
        self._since_ms = self._clock.ms()
        self._again_ms = -1

    def pump(self):
        n = self._out_n
        if n == 0:
            return 0
        if self._again_ms >= 0 and (self._clock.ms() - self._again_ms) & _MASK < _RETRY_MS:
            return 0
        if self._port.write(self._out, 0, n) == n:
            self._out_n = 0
            return n
        now_ms = self._clock.ms()
        self._again_ms = now_ms
        if (now_ms - self._since_ms) & _MASK >= _GIVE_UP_MS:
            self._out_n = 0
            self.dropped = (self.dropped + 1) & _MASK
        return 0

    # -- receiving ---------------------------------------------------------------------

    # The length of the next packet in `packet`, or 0: nothing has come.
    def receive(self):
        if not self._open:
            return 0
        left = self._in_n - self._in_at
        if left:
            copy = self._copy
            copy[C_FROM] = self._in_at
            copy[C_COUNT] = left
            copy[C_TO] = 0
            copy_bytes(self.packet, self.packet, copy)
        else:
            left = self._port.read_into(self.packet)
            if left == 0:
                self.dropped = (self.dropped + 1) & _MASK
                self._close(self._clock.ms())
            if left <= 0:
                self._in_at = self._in_n = 0
                return 0
        self._in_n = left
        self._in_at = self._length(left)
        return self._in_at

    # Of the packet that starts the `left` bytes, by its header; else all there is.
    def _length(self, left):
        buf = self.packet
        if left < HEADER_BYTES:
            return left
        payload = u30(buf, HEADER_AT_SEQUENCE)
        if payload < 0 or payload > PAYLOAD_MAX_BYTES or (payload == 0 and buf[0] != KIND_STOP):
            return left
        sealed = buf[HEADER_AT_FLAGS] & FLAG_SEALED
        return min(left, HEADER_BYTES + payload + (_TAG_BYTES if sealed else _CHECK_BYTES))

    # -- what only a network has ----------------------------------------------------------

    def rssi(self):
        return self._port.rssi()

    # A text for the log, once; "" where there is none.
    def news(self):
        return self._port.news()

    def close(self):
        self._port.close()
        self._open = False
