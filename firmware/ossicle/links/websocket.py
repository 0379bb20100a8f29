# A WebSocket to the host (RFC 6455), the device as its client: a packet is a binary message
# of one frame (W-54). It never blocks: connecting, the opening and every frame go on piece
# by piece, as the port takes and gives bytes. Once it is open nothing allocates.
#
#   DOWN --due--> CONNECTING --TCP is there--> OPENING --101--> OPEN
#
# and from each of them back to DOWN. What had not left then is lost, and asked for again.
import os
from array import array

from micropython import const

from ossicle._wire import PACKET_MAX_BYTES
from ossicle.kernels import C_COUNT, C_FROM, C_SIZE, C_TO, copy_bytes, ws_frame
from ossicle.links.away import Away
from ossicle.modules import drop

_MASK = const(0x3FFFFFFF)

DOWN = const(0)
CONNECTING = const(1)
OPENING = const(2)
OPEN = const(3)

_PACKET_BYTES = const(768)  # the host's packets have 300 at most, the head of its answer some more
_READ_BYTES = const(256)
_READS_MAX = const(8)  # pieces that one receive() looks at
_HEADER_MAX = const(8)  # of our frames: two, a long length, the mask
_CONTROL_MAX = const(125)
_GONE = const(-2)  # of the port: the other side has closed, or the connection broke

_FIN = const(0x80)
_TEXT = const(0x81)  # first bytes of a whole frame
_BINARY = const(0x82)
_CLOSE = const(0x88)
_PING = const(0x89)
_PONG = const(0x8A)


class WebSocketLink:
    announces = True  # HELLO goes out unasked
    default_baud = 0

    # `port` is a boards.net.SocketPort of TCP.
    def __init__(self, port, clock):
        self._port = port
        self._clock = clock
        self._away = Away()
        self.packet = bytearray(_PACKET_BYTES)  # what receive() has found
        self.dropped = 0  # messages that were none, frames that ended a connection; wraps at 2**30
        self.interrupted = False  # never: the REPL has its own serial port
        self.rest = 0
        self.rest_bytes = self.packet
        self.opened = 0  # how often the link was opened; wraps at 2**30
        self.state = DOWN
        self._began_ms = 0  # the attempt
        self._opening = None  # while OPENING
        self._away_ms = 0  # how long the link was away before it opened
        self._why = ""  # and why the last attempt before failed
        # Out: what is written, and what waits behind it.
        self._out = b""
        self._out_at = 0
        self._out_n = 0
        self._mask = bytearray(4)  # of the last frame
        self._pong = bytearray(_CONTROL_MAX)
        self._control = bytearray(_CONTROL_MAX + _HEADER_MAX)  # a frame that is no packet
        self._pong_n = -1  # bytes of a pong that waits; -1: none
        # In: what came from the port, and the frame that it is part of.
        self._in = bytearray(_READ_BYTES)
        self._in_at = 0
        self._in_n = 0
        self._head = bytearray(4)
        self._head_n = 0  # bytes of it that have come
        self._length = -1  # of the frame's payload; -1: the head is not whole
        self._at = 0  # bytes of it that have come
        self._kept = False  # they go where a packet or a ping belongs
        self._copy = array("i", (0 for _ in range(C_SIZE)))

    # -- time --------------------------------------------------------------------------

    # Opens the link where it is down, and drives the network. `heard_ms` is when the last
    # valid packet came.
    def tick(self, now_ms, heard_ms):
        state = self.state
        if not self._port.up(now_ms):
            if state != DOWN:
                self._close("no network")
            self._away.hurry()
        elif state == OPEN:
            if self._away.is_dead(now_ms, heard_ms):
                self._close("nothing was heard")
        elif state == DOWN:
            if self._away.due(now_ms):
                self._begin(now_ms)
        elif self._away.is_late(now_ms, self._began_ms):
            self._close("no answer in time")
        elif state == CONNECTING:
            self._connect()
        else:
            self._open()

    def _begin(self, now_ms):
        self._began_ms = now_ms
        if self._port.open():
            self.state = CONNECTING
        else:
            self._away.lost(self._clock.ms())  # looking up a name takes its time

    def _connect(self):
        done = self._port.connected()
        if done == _GONE:
            self._close("the connection is refused")
        elif done:
            from ossicle.links.handshake import Opening

            opening = Opening(self._port.host, self._port.port)
            self._out = opening.request
            self._out_at = 0
            self._out_n = len(opening.request)
            self._opening = opening
            self._at = 0
            self.state = OPENING

    # The question goes out; the answer's head gathers in `packet`.
    def _open(self):
        if self._out_at < self._out_n and self._write() == _GONE:
            self._close("the connection broke")
            return
        n = self._port.read_into(self._in)
        if n == _GONE:
            self._close("the host has closed")
        if n <= 0:
            return
        before = self._at
        if before + n > len(self.packet):
            self._close("its answer has no end")
            return
        self.packet[before : before + n] = memoryview(self._in)[:n]
        self._at = before + n
        end = bytes(memoryview(self.packet)[: self._at]).find(b"\r\n\r\n")
        if end < 0:
            return
        refusal = self._opening.refusal(bytes(memoryview(self.packet)[:end]))
        if refusal:
            self._close(refusal)
        else:
            self._is_open(end + 4 - before, n)

    # Bytes behind the head, from `at` on, are frames already.
    def _is_open(self, at, n):
        now_ms = self._clock.ms()
        self._opening = None
        drop("ossicle.links.handshake")  # two kilobytes, until the next time
        self._in_at = at
        self._in_n = n
        self._next_frame()
        self._pong_n = -1
        self._mask[:] = os.urandom(4)
        self.state = OPEN
        self._away_ms = self._away.away_ms(now_ms)
        self._away.opened(now_ms)
        self.opened = (self.opened + 1) & _MASK

    def _close(self, why):
        now_ms = self._clock.ms()
        self._away.lost(now_ms)
        self._why = why
        self._opening = None
        self._out_at = self._out_n = 0
        self._in_at = self._in_n = 0
        self.state = DOWN
        self._port.close()

    # -- sending -----------------------------------------------------------------------

    # True while the link is down, or bytes wait: what cannot be sent stays in the ring.
    def busy(self):
        return self.state != OPEN or self._out_at < self._out_n or self._pong_n >= 0

    # Takes the n bytes of a packet, and their buffer until it is not busy any more: there
    # must be room in it for a frame.
    def send(self, packet, n):
        self._frame(_BINARY, packet, packet, n)

    def _frame(self, first, data, out, n):
        self._out = out
        self._out_n = ws_frame(data, out, n, self._mask)
        self._out_at = 0
        out[0] = first

    # As many waiting bytes as the port takes now; how many that were.
    def pump(self):
        if self.state != OPEN:
            return 0
        if self._out_at == self._out_n:
            if self._pong_n < 0:
                return 0
            self._frame(_PONG, self._pong, self._control, self._pong_n)
            self._pong_n = -1
        n = self._write()
        if n == _GONE:
            self._close("the connection broke")
            return 0
        return n

    def _write(self):
        n = self._port.write(self._out, self._out_at, self._out_n - self._out_at)
        if n > 0:
            self._out_at += n
        return n

    def drained(self):
        return self._out_at == self._out_n

    # -- receiving ---------------------------------------------------------------------

    # The length of the next packet in `packet`, or 0: nothing whole has come.
    def receive(self):
        for _ in range(_READS_MAX):
            if self.state != OPEN:
                return 0
            if self._in_at == self._in_n:
                n = self._port.read_into(self._in)
                if n == _GONE:
                    self._close("the host has closed")
                if n <= 0:
                    return 0
                self._in_at = 0
                self._in_n = n
            n = self._scan()
            if n:
                return n
        return 0

    # Goes on to the end of a frame, or of what has come; the length of a packet.
    def _scan(self):
        while self._in_at < self._in_n:
            if self._length < 0:
                self._take_head()
                if self.state != OPEN:
                    return 0
            if self._length >= 0 and self._take_payload():
                length = self._length
                kind = self._head[0]
                self._next_frame()
                if kind == _BINARY and length and self._kept:
                    return length
                self._done(kind, length)
                if self.state != OPEN:
                    return 0
        return 0

    def _next_frame(self):
        self._head_n = 0
        self._length = -1
        self._at = 0

    # One byte of the head. Lengths are short, or of two bytes and above 125 (RFC 6455, 5.2).
    def _take_head(self):
        head = self._head
        i = self._head_n
        head[i] = self._in[self._in_at]
        self._in_at += 1
        self._head_n = i + 1
        if i == 0:
            kind = head[0]
            if kind != _BINARY and kind != _TEXT and kind != _PING and kind != _PONG and kind != _CLOSE:
                self._violates("a frame that is a fragment, or of an unknown kind")
            self._kept = kind == _BINARY or (kind == _PING and self._pong_n < 0)
        elif i == 1:
            if head[1] <= _CONTROL_MAX:
                self._length = head[1]
            elif head[1] != 126 or head[0] > _BINARY:
                self._violates("a frame that is masked, or too long")
        elif i == 3:
            length = head[2] << 8 | head[3]
            if length > PACKET_MAX_BYTES or length <= _CONTROL_MAX:
                self._violates("a frame that is too long, or whose length is")
            self._length = length

    def _violates(self, why):
        self.dropped = (self.dropped + 1) & _MASK
        self._close("the host sent " + why)

    # True when the frame's payload has come whole. Only a packet and a ping are kept.
    def _take_payload(self):
        n = min(self._length - self._at, self._in_n - self._in_at)
        if self._length > _PACKET_BYTES:
            self._kept = False
        if self._kept:
            copy = self._copy
            copy[C_FROM] = self._in_at
            copy[C_COUNT] = n
            copy[C_TO] = self._at
            copy_bytes(self._in, self.packet if self._head[0] == _BINARY else self._pong, copy)
        self._at += n
        self._in_at += n
        return self._at == self._length

    # A frame that is no packet is whole. A ping that comes before the last is answered is not.
    def _done(self, kind, length):
        if kind == _PING:
            if self._kept:
                self._pong_n = length
        elif kind == _CLOSE:
            if self._out_at == self._out_n:
                self._frame(_CLOSE, self._pong, self._control, 0)
                self._write()
            self._close("the host has closed")
        elif kind != _PONG:
            self.dropped = (self.dropped + 1) & _MASK

    # -- what only a network has ----------------------------------------------------------

    def rssi(self):
        return self._port.rssi()

    # A text for the log when the link is back, else "".
    def news(self):
        text = self._port.news()
        if self._why:
            away = "the link was away for %d ms: %s" % (self._away_ms, self._why)
            self._why = ""
            return away + "; " + text if text else away
        return text

    def close(self):
        if self.state != DOWN:
            self._close("")
