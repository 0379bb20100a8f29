# A serial line: COBS of a packet and 0x00, in both directions (W-12 to W-15), and the way
# back to the REPL (W-33). It never blocks: bytes go out as the port takes them, bytes come
# in as the port has them. Packets are coded and decoded in the buffers that they lie in.
#
# Receiving is a small state: between frames, in a frame, or dropping until the next 0x00.
from array import array

from micropython import const

from ossicle._wire import BAUD_FALLBACK_MS, DEFAULT_BAUD, SERIAL_FRAME_MAX_BYTES, SERIAL_IDLE_MS, SILENCE_MS
from ossicle.kernels import C_COUNT, C_FROM, C_SIZE, C_TO, cobs_decode, cobs_encode, copy_bytes, find_zero
from ossicle.rare import passing

_SET_REPLY = const(1)  # of a session's answers
_READ_BYTES = const(256)  # the host's longest packet is a REQUEST of 90 bytes
_MASK = const(0x3FFFFFFF)

_BETWEEN = const(0)  # after a 0x00, or after a pause
_INSIDE = const(1)
_DROPPING = const(2)


class SerialLink:
    announces = False  # HELLO only answers: the line may be another program's
    opened = 0  # it is always there

    @passing
    def __init__(self, port, clock):
        self._port = port
        self._clock = clock
        self.default_baud = DEFAULT_BAUD
        self.packet = bytearray(SERIAL_FRAME_MAX_BYTES)  # what receive() has found
        self.dropped = 0  # serial frames that were none (W-13); wraps at 2**30
        self.interrupted = False  # 0D 03 has come: leave at once
        self.rest = 0  # bytes behind 0D 03 in `rest_bytes`, for the REPL
        self.rest_bytes = self.packet  # no packet comes any more
        self._in = bytearray(_READ_BYTES)  # as it came from the port
        self._in_at = 0
        self._in_n = 0
        self._in_ms = 0  # when the last byte came
        self._state = _BETWEEN
        self._length = 0  # bytes of the frame so far, in `packet`
        self._copy = array("i", (0 for _ in range(C_SIZE)))
        self._out = None  # the buffer that send() was given
        self._out_at = 0
        self._out_n = 0

    # -- sending -----------------------------------------------------------------------

    # True while bytes of the last packet wait for the port.
    def busy(self):
        return self._out_at < self._out_n

    # Takes the n bytes of a packet, and their buffer until it is not busy any more. There must
    # be room in it for a serial frame; the link must not be busy.
    def send(self, packet, n):
        self._out = packet
        self._out_n = cobs_encode(packet, n)
        self._out_at = 0

    # As many waiting bytes as the port takes now; how many that were.
    def pump(self):
        n = self._out_n - self._out_at
        if n == 0:
            return 0
        room = self._port.room()
        if n > room:
            n = room
        if n <= 0:
            return 0
        n = self._port.write(self._out, self._out_at, n)
        self._out_at += n
        return n

    # True when every byte has left the device.
    def drained(self):
        return self._out_at == self._out_n and self._port.drained()

    # -- receiving ---------------------------------------------------------------------

    # The length of the next packet in `packet`, or 0: nothing whole has come.
    def receive(self):
        while not self.interrupted:
            if self._in_at == self._in_n:
                self._fill()
                if self._in_n == 0:
                    return 0
            n = self._scan()
            if n:
                return n
        return 0

    def _fill(self):
        now = self._clock.ms()
        if self._state != _BETWEEN and (now - self._in_ms) & _MASK >= SERIAL_IDLE_MS:
            if self._state == _INSIDE:
                self._drop(_BETWEEN)
            self._state = _BETWEEN
            self._length = 0
        self._in_at = 0
        self._in_n = self._port.read_into(self._in)
        if self._in_n:
            self._in_ms = now

    # Goes on to the next 0x00, or to the end of what has come.
    def _scan(self):
        at = self._in_at
        stop = find_zero(self._in, at, self._in_n)
        n = stop - at
        if n and self._state != _DROPPING:
            self._append(at, n)
            if self.interrupted:
                return 0
        if stop == self._in_n:
            self._in_at = stop
            return 0
        self._in_at = stop + 1
        length = self._length if self._state == _INSIDE else 0
        self._state = _BETWEEN
        self._length = 0
        if length == 0:
            return 0
        length = cobs_decode(self.packet, length)
        if length <= 0:
            self._drop(_BETWEEN)
            return 0
        return length

    def _append(self, at, n):
        length = self._length
        if length < 2 and self._is_interrupt(at, n):
            return
        self._state = _INSIDE
        if length + n >= SERIAL_FRAME_MAX_BYTES:
            self._drop(_DROPPING)
            return
        copy = self._copy
        copy[C_FROM] = at
        copy[C_COUNT] = n
        copy[C_TO] = length
        copy_bytes(self._in, self.packet, copy)
        self._length = length + n

    # Whether the frame's first two bytes are 0D 03 (W-33).
    def _is_interrupt(self, at, n):
        if self._length + n < 2:
            return False
        first = self.packet[0] if self._length else self._in[at]
        second = self._in[at + 1 - self._length]
        if first != 0x0D or second != 0x03:
            return False
        self.interrupted = True
        copy = self._copy
        copy[C_FROM] = at + 2 - self._length
        copy[C_COUNT] = self._in_n - copy[C_FROM]
        copy[C_TO] = 0
        self.rest = copy_bytes(self._in, self.rest_bytes, copy)
        return True

    def _drop(self, state):
        self.dropped = (self.dropped + 1) & _MASK
        self._state = state
        self._length = 0

    # -- speed -------------------------------------------------------------------------

    def bytes_per_s(self):
        return self._port.bytes_per_s

    def baud(self):
        return self._port.baud

    def max_baud(self):
        return self._port.max_baud

    # To another speed; what has come, or waits, at the old one is noise now.
    def speed(self, baud):
        self._port.speed(baud)
        self._out_at = self._out_n
        self._in_at = self._in_n = 0
        self._state = _BETWEEN
        self._length = 0

    # The session's speed (W-34): on to the next one when the answer that agrees to it has left; back
    # where nobody is heard at it.
    def tick_speed(self, session, now_ms):
        if session.next_baud and not session.answers & _SET_REPLY and self.drained():
            session.old_baud = self.baud()
            session.switched_ms = now_ms
            self.speed(session.next_baud)
            session.next_baud = 0
        elif session.old_baud and (now_ms - session.switched_ms) & _MASK >= BAUD_FALLBACK_MS:
            session.log("nothing heard at %d baud: back to %d" % (self.baud(), session.old_baud))
            self.speed(session.old_baud)
            session.old_baud = 0
        if (now_ms - session.heard_ms) & _MASK >= SILENCE_MS and self.baud() != self.default_baud:
            self.speed(self.default_baud)
            session.old_baud = session.next_baud = 0

    # -- what only a network has ----------------------------------------------------------

    def tick(self, now_ms, heard_ms):
        pass

    def rssi(self):
        return 0

    def news(self):
        return ""
