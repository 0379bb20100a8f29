# One host, one stream: what is going on, and until when.
#
#   IDLE  --START-->  STREAMING  --STOP, source ended-->  DRAINING  --last settled-->  DONE
#
# Beside that a session may be suspended (W-32): nothing is sent until the host is heard
# again, while capture and ring go on. A session is ended only by STOP, by a START that is
# no resume, by the bytes of W-33 or by a reset.
#
# Answers wait in one place each and the newest takes the place of one that has not left:
# the host repeats what it wants answered.
import os

from micropython import const

from ossicle._wire import (
    HELLO_ANSWER_MS,
    HELLO_UNASKED_MS,
    KIND_HELLO,
    KIND_LOG,
    KIND_PONG,
    KIND_REFUSED,
    KIND_SET_REPLY,
    KIND_STARTED,
    LOG_MAX_BYTES,
    MODE_LOSSLESS,
    PONG_SIZE,
    REFUSED_SIZE,
    SESSION_RENEW_NUMBER,
    SET_REPLY_SIZE,
    SILENCE_MS,
    STARTED_SIZE,
)
from ossicle import _wire
from ossicle._wire import put_u16, put_u30
from ossicle.packet import PacketBuilder
from ossicle.resend import Resends
from ossicle.sender import Sender
from ossicle.rare import passing, rare

IDLE = const(0)
STREAMING = const(1)
DRAINING = const(2)  # capture is over; the rest goes out
DONE = const(3)  # the host has all, to the last chunk

# Answers that wait, as bits of `answers`.
SET_REPLY = const(1)
STARTED = const(2)
REFUSED = const(4)
PONG = const(8)
HELLO = const(16)
LOG = const(32)

_MASK = const(0x3FFFFFFF)
_SEQUENCE_LIMIT = const(0x3FFFFFFE)  # W-2
_PAYLOAD = const(16)


class Session:
    # All attributes are the loop's. `app` gives the JSON of HELLO as bytes; `seal` is None where
    # there is no key; `plain` says whether a START that is not sealed is taken (W-51).
    @passing
    def __init__(self, link, ring, capture, mic, clock, app, seal=None, plain=True):
        self._link = link
        self.ring = ring
        self.capture = capture
        self._clock = clock
        self._app = app
        self.builder = PacketBuilder()
        self.seal = self.builder.seal = seal
        self.plain = plain
        self.resends = Resends()
        self.state = IDLE
        self.suspended = False
        self.stream_id = bytearray(8)
        self.token = 0  # of the START in force
        self.mode = MODE_LOSSLESS
        self.gain = 256  # Q8
        self.old_session = 0  # before the last renewal
        self.bad = 0  # packets that were dropped, but not by the link; modulo 2**30
        self.heard_ms = clock.ms()  # last valid packet
        self._host_ms = self.heard_ms  # last valid packet of the session
        self.sender = Sender(self, self.builder, ring, capture, clock)
        # Answers that wait.
        self.answers = 0
        self.started_token = 0  # 0: unasked
        self.refusal = None  # token, reason, text, and whether the answer is not sealed, as the START
        self.pong = bytearray(PONG_SIZE)
        self.set_reply = bytearray(SET_REPLY_SIZE)
        self.set_session = 0
        self._log = b""
        # HELLO (W-17, W-52).
        self._opened = link.opened  # how often the link had been opened at the last look
        self.unheard = True  # nothing valid has come since then
        self._hello_asked = False
        self._hello_ms = (self.heard_ms - HELLO_UNASKED_MS) & _MASK  # when one was last due
        # The speed of the link (W-34); a network has none.
        self.next_baud = 0  # asked for; after the answer has left
        self.old_baud = 0  # to go back to; 0: the speed is confirmed
        self.switched_ms = 0

    # -- what the sender asks ----------------------------------------------------------

    def sending(self):
        return not self.suspended and (self.state == STREAMING or self.state == DRAINING)

    # No frame will be written to the ring any more.
    def over(self):
        return self.state == DRAINING

    def bad_packets(self):
        return (self.bad + self._link.dropped) & _MASK

    # -- what the commands tell --------------------------------------------------------

    def heard(self, now_ms):
        self.heard_ms = now_ms
        self.unheard = False
        if self.old_baud:
            self.old_baud = 0

    def heard_in_session(self, now_ms):
        self._host_ms = now_ms
        self.suspended = False

    # A new stream. The ring is configured and the microphone open.
    @rare("start")
    def begin(self, token, mode, gain, now_ms):
        self.stream_id[:] = os.urandom(8)
        self._restart()
        self.old_session = 0
        self.token = token
        self.mode = mode
        self.gain = gain
        self.capture.amplify(gain)
        self.resends.clear()
        self.sender.restart(now_ms)
        self.state = STREAMING
        self.heard_in_session(now_ms)
        self.capture.mic.acknowledged(self.ring.read_position)
        self.capture.begin()

    # Another session. Answers that carry the one before would have numbers of this one: they are
    # not sent, and what a SET of that session asked of the speed is not done. The host asks again.
    @rare("start")
    def _restart(self):
        self.builder.restart(self._draw())
        self.answers &= ~PONG
        if self.set_session and self.answers & SET_REPLY:
            self.answers &= ~SET_REPLY
            self.next_baud = 0

    # A session's number: random, not 0, not the one before.
    @rare("start")
    def _draw(self):
        while True:
            two = os.urandom(2)
            number = two[0] | two[1] << 8
            if number and number != self.builder.session:
                return number

    # The stream that is there goes on from a sequence, or from the oldest (W-22).
    @rare("start")
    def resume(self, token, sequence, now_ms):
        self.token = token
        self.resends.clear()
        if self.sender.last_sequence < 0:
            self.ring.seek(sequence)
            self.sender.jump()
        elif sequence <= self.sender.last_sequence:
            self.state = DRAINING
            self.sender.repeat_last()
            self.resends.add(sequence, self.sender.last_sequence + 1)
        self.heard_in_session(now_ms)

    def stop(self):
        if self.state == STREAMING:
            self.capture.stop()
            self.state = DRAINING

    def acknowledged(self, next_sequence):
        self.resends.drop_before(next_sequence)
        self.sender.settled(next_sequence)
        self.capture.mic.acknowledged(self.ring.position(next_sequence))
        if self.state == DRAINING and 0 <= self.sender.last_sequence < next_sequence:
            self.state = DONE

    def refuse(self, token, reason, text, clear=False):
        self.refusal = token, reason, text, clear
        self.answers |= REFUSED

    def answer_started(self, token):
        self.started_token = token
        self.answers |= STARTED

    @rare("start")
    def change_baud(self, baud):
        if baud != self._link.baud():
            self.next_baud = baud

    # A host has said HELLO.
    def ask_hello(self):
        self._hello_asked = True

    # dBm, 0 where there is no radio.
    def rssi(self):
        return self._link.rssi()

    # A text for the host's log; it may be lost, and there is none outside a session.
    @rare("start")
    def log(self, text):
        if self.state != IDLE:
            self._log = text.encode()[:LOG_MAX_BYTES]
            self.answers |= LOG

    # -- time --------------------------------------------------------------------------

    def tick(self, now_ms):
        if self.state == STREAMING and (self.capture.ended or self.ring.sequence >= _SEQUENCE_LIMIT):
            self.stop()
        if self.builder.number >= SESSION_RENEW_NUMBER:
            self._renew()
        if self.seal is not None and self.seal.spent():
            self.suspended = True  # until a host agrees on new keys and resumes
        if (now_ms - self._host_ms) & _MASK >= SILENCE_MS:
            self.suspended = True
            self._host_ms = (now_ms - SILENCE_MS) & _MASK  # the difference must not wrap
        if (now_ms - self.heard_ms) & _MASK >= SILENCE_MS:
            self.heard_ms = (now_ms - SILENCE_MS) & _MASK
        self._link.tick(now_ms, self.heard_ms)
        self._tick_hello(now_ms)
        if self._link.default_baud:
            self._link.tick_speed(self, now_ms)

    # A HELLO is due when a host has asked, when the link was opened, and each second until
    # someone is heard; but no two answers come close together.
    def _tick_hello(self, now_ms):
        link = self._link
        if link.opened != self._opened:
            self._opened = link.opened
            self.unheard = True
            self.answers = 0  # what had not left is lost with the link
            news = link.news()
            if news:
                self.log(news)
            self._say_hello(now_ms)
            return
        since_ms = (now_ms - self._hello_ms) & _MASK
        if since_ms < HELLO_ANSWER_MS or not (self._hello_asked or link.announces):
            return
        if self._hello_asked or (since_ms >= HELLO_UNASKED_MS and self._is_alone(now_ms)):
            self._say_hello(now_ms)

    def _say_hello(self, now_ms):
        self._hello_asked = False
        self._hello_ms = now_ms
        self.answers |= HELLO

    # No host has spoken since the link was opened, or for silence_ms.
    def _is_alone(self, now_ms):
        if self.unheard or self.state == IDLE:
            return self.unheard or (now_ms - self.heard_ms) & _MASK >= SILENCE_MS
        return self.suspended

    # W-8: the numbers are used up; the stream goes on in a new session.
    @rare("start")
    def _renew(self):
        self.old_session = self.builder.session
        self._restart()
        self.answer_started(0)

    # -- sending -----------------------------------------------------------------------

    # The length of the next packet in the builder's buffer, 0 when there is none.
    def next_packet(self, now_ms):
        if self.next_baud and not self.answers & SET_REPLY:
            return 0  # nothing more at the old speed
        return self.sender.next(now_ms)

    # One of the answers that wait. The answer to a SET goes first.
    def answer(self):
        waiting = self.answers
        if waiting & SET_REPLY:
            self.answers = waiting & ~SET_REPLY
            return self._answer_bytes(KIND_SET_REPLY, self.set_session, self.set_reply, SET_REPLY_SIZE)
        if waiting & STARTED:
            self.answers = waiting & ~STARTED
            return self._answer_started()
        if waiting & REFUSED:
            self.answers = waiting & ~REFUSED
            return self._answer_refused()
        if waiting & PONG:
            self.answers = waiting & ~PONG
            put_u30(self.pong, _wire.PONG_AT_SEND_US, self._clock.capture_us())
            return self._answer_bytes(KIND_PONG, self.builder.session, self.pong, PONG_SIZE)
        if waiting & HELLO:
            self.answers = waiting & ~HELLO
            text = self._app.hello()
            return self._answer_bytes(KIND_HELLO, 0, text, len(text))
        self.answers = 0
        self.builder.buffer[_PAYLOAD : _PAYLOAD + _wire.LOG_SIZE] = b"\x00\x00\x00\x00"
        return self._answer_text(KIND_LOG, self.builder.session, _wire.LOG_SIZE, self._log)

    def _answer_bytes(self, kind, session, payload, n):
        buf = self.builder.buffer
        for i in range(n):
            buf[_PAYLOAD + i] = payload[i]
        return self.sender.plain(kind, session, n)

    def _answer_text(self, kind, session, n, text):
        self.builder.buffer[_PAYLOAD + n : _PAYLOAD + n + len(text)] = text
        return self.sender.plain(kind, session, n + len(text))

    @rare("start")
    def _answer_refused(self):
        buf = self.builder.buffer
        token, reason, text, clear = self.refusal
        put_u30(buf, _PAYLOAD + _wire.REFUSED_AT_TOKEN, token)
        put_u16(buf, _PAYLOAD + _wire.REFUSED_AT_REASON, reason)
        put_u16(buf, _PAYLOAD + 6, 0)
        self.builder.clear = clear
        n = self._answer_text(KIND_REFUSED, 0, REFUSED_SIZE, text)
        self.builder.clear = False
        return n

    # All parameters in force (W-21).
    @rare("start")
    def _answer_started(self):
        buf = self.builder.buffer
        ring = self.ring
        ring.settle()
        for i in range(STARTED_SIZE):
            buf[_PAYLOAD + i] = 0
        put_u30(buf, _PAYLOAD + _wire.STARTED_AT_TOKEN, self.started_token)
        for i in range(8):
            buf[_PAYLOAD + _wire.STARTED_AT_STREAM_ID + i] = self.stream_id[i]
        put_u30(buf, _PAYLOAD + _wire.STARTED_AT_RATE, self.capture.rate)
        put_u16(buf, _PAYLOAD + _wire.STARTED_AT_HOP, ring.hop)
        put_u16(buf, _PAYLOAD + _wire.STARTED_AT_OVERLAP, ring.overlap)
        buf[_PAYLOAD + _wire.STARTED_AT_MODE] = self.mode
        codec = _wire.CODEC_PCM16 if self.capture.coder is None else _wire.CODEC_ADPCM
        buf[_PAYLOAD + _wire.STARTED_AT_CODEC] = codec
        buf[_PAYLOAD + _wire.STARTED_AT_CHANNELS] = ring.channels
        put_u16(buf, _PAYLOAD + _wire.STARTED_AT_GAIN, self.gain)
        put_u30(buf, _PAYLOAD + _wire.STARTED_AT_RING_FRAMES, ring.capacity)
        put_u30(buf, _PAYLOAD + _wire.STARTED_AT_OLDEST, ring.oldest())
        put_u30(buf, _PAYLOAD + _wire.STARTED_AT_NEXT, ring.sequence)
        return self.sender.plain(KIND_STARTED, self.builder.session, STARTED_SIZE)
