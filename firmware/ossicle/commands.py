# What the host says: each packet is looked at once, and either done or dropped and counted.
# HELLO and START may allocate; everything that comes while audio flows does not.
from micropython import const

from ossicle import _wire
from ossicle._wire import (
    ACK_SIZE,
    ADPCM_HEAD_BYTES,
    CODEC_ADPCM,
    FLAG_SEALED,
    GAIN_MAX,
    HEADER_AT_FLAGS,
    HEADER_AT_SESSION,
    HEADER_BYTES,
    HOP_MIN_FRAMES,
    KEY_BAUD,
    KEY_GAIN,
    KIND_ACK,
    KIND_HELLO,
    KIND_PING,
    KIND_REQUEST,
    KIND_SET,
    KIND_START,
    KIND_STOP,
    MODE_LIVE,
    PAYLOAD_MAX_BYTES,
    PING_SIZE,
    RANGE_SIZE,
    REQUEST_RANGES_MAX,
    REQUEST_SIZE,
    SET_SIZE,
    START_RESUME,
    START_SIZE,
    put_u16,
    put_u30,
    u16,
    u30,
)
from ossicle.packet import payload_bytes
from ossicle.session import IDLE, PONG, SET_REPLY
from ossicle.rare import passing, rare

_MASK = const(0x3FFFFFFF)
_PAYLOAD = const(16)
_BAUD_MIN = const(9600)

RATES = (8000, 16000, 24000, 32000, 44100, 48000)
CHANNELS = (1, 2)


class Commands:
    @passing
    def __init__(self, session, link, clock):
        self._session = session
        self._link = link
        self._clock = clock
        self._buf = link.packet
        self._adpcm = None  # once it was asked for
        self._sealed = False  # the packet was, and has opened

    # A packet of n bytes is in the link's buffer.
    def handle(self, n):
        session = self._session
        seal = session.seal
        self._sealed = seal is not None and n > HEADER_AT_FLAGS and self._buf[HEADER_AT_FLAGS] & FLAG_SEALED
        n = seal.open(self._buf, n) if self._sealed else payload_bytes(self._buf, n)
        good = False
        if n >= 0:
            good = self._dispatch(n, self._clock.ms())
        if not good:
            session.bad = (session.bad + 1) & _MASK

    # Whether the packet was one that may come now.
    def _dispatch(self, n, now_ms):
        session = self._session
        buf = self._buf
        kind = buf[0]
        number = u16(buf, HEADER_AT_SESSION)
        if kind == KIND_HELLO:
            if number or n < 2 or buf[_PAYLOAD] != 0x7B or buf[_PAYLOAD + n - 1] != 0x7D:
                return False
            if session.seal is not None:
                session.seal.heard_hello(buf, _PAYLOAD, n)
            session.heard(now_ms)
            session.ask_hello()
            return True
        starts = kind == KIND_START and number == 0 and n == START_SIZE and self._start_whole()
        if not self._sealed and not self._is_clear() and not (starts and self._may_be_clear()):
            return False
        if kind == KIND_START:
            if not starts:
                return False
            session.heard(now_ms)
            self._start(now_ms)
            return True
        if kind == KIND_SET and number == 0:
            return self._set(n, number, now_ms)
        if session.state == IDLE or number != session.builder.session:
            if number and number == session.old_session:
                session.answer_started(0)  # the host has not heard of the renewal
            return False
        return self._in_session(kind, n, now_ms)

    # Whether what is not sealed is taken (W-47).
    def _is_clear(self):
        seal = self._session.seal
        return self._session.plain and (seal is None or not seal.active)

    # Whether a START that is not sealed is believed all the same (W-47, W-51): else it gets the
    # reason. Where both are taken, a sealed session that its host has left gives way.
    @rare("start")
    def _may_be_clear(self):
        session = self._session
        if session.plain and not session.sending():
            session.seal.part()
            return True
        if session.plain:
            text = b"a sealed stream of another host is in force"
        elif session.seal is not None:
            text = b"this device takes sealed streams only"
        else:
            text = b"this device has no key, and its configuration does not say plain"
        session.refuse(u30(self._buf, _PAYLOAD + _wire.START_AT_TOKEN), _wire.REASON_SEALED, text, True)
        return False

    def _in_session(self, kind, n, now_ms):
        session = self._session
        if kind == KIND_ACK:
            good = self._ack(n)
        elif kind == KIND_REQUEST:
            good = self._request(n)
        elif kind == KIND_PING:
            good = self._ping(n)
        elif kind == KIND_SET:
            good = self._set(n, session.builder.session, now_ms)
        elif kind == KIND_STOP:
            good = n == 0
            if good:
                session.stop()
        else:
            good = False
        if good:
            session.heard(now_ms)
            session.heard_in_session(now_ms)
        return good

    # -- in the audio path -------------------------------------------------------------

    def _ack(self, n):
        buf = self._buf
        if n != ACK_SIZE or u30(buf, _PAYLOAD + _wire.ACK_AT_HIGHEST) < 0:
            return False
        next_sequence = u30(buf, _PAYLOAD + _wire.ACK_AT_NEXT)
        if next_sequence < 0:
            return False
        self._session.acknowledged(next_sequence)
        return True

    # All ranges are looked at before the first is believed.
    def _request(self, n):
        if n < REQUEST_SIZE:
            return False
        buf = self._buf
        ranges = buf[_PAYLOAD + _wire.REQUEST_AT_RANGES]
        if ranges < 1 or ranges > REQUEST_RANGES_MAX or n != REQUEST_SIZE + ranges * RANGE_SIZE:
            return False
        before = -1
        at = _PAYLOAD + REQUEST_SIZE
        for _ in range(ranges):
            start = u30(buf, at)
            stop = u30(buf, at + 4)
            if start <= before or stop <= start:
                return False
            before = stop
            at += RANGE_SIZE
        at = _PAYLOAD + REQUEST_SIZE
        for _ in range(ranges):
            self._session.resends.add(u30(buf, at), u30(buf, at + 4))
            at += RANGE_SIZE
        return True

    def _ping(self, n):
        if n != PING_SIZE:
            return False
        session = self._session
        pong = session.pong
        for i in range(PING_SIZE):
            pong[i] = self._buf[_PAYLOAD + i]
        put_u30(pong, _wire.PONG_AT_RECEIVE_US, self._clock.capture_us())
        session.answers |= PONG
        return True

    # -- SET ---------------------------------------------------------------------------

    @rare("start")
    def _set(self, n, number, now_ms):
        buf = self._buf
        value = u30(buf, _PAYLOAD + _wire.SET_AT_VALUE)
        if n != SET_SIZE or value < 0:
            return False
        session = self._session
        session.heard(now_ms)
        key = u16(buf, _PAYLOAD + _wire.SET_AT_KEY)
        reason = _wire.REASON_OK
        if key == KEY_BAUD:
            has_speed = self._link.default_baud > 0
            if value < _BAUD_MIN or not has_speed or value > self._link.max_baud():
                reason = _wire.REASON_VALUE
                value = self._link.baud() if has_speed else 0
            else:
                session.change_baud(value)
        elif key == KEY_GAIN:
            if value > GAIN_MAX:
                reason = _wire.REASON_VALUE
            else:
                session.gain = value
                session.capture.amplify(value)
            value = session.gain
        else:
            reason = _wire.REASON_UNKNOWN_KEY
        reply = session.set_reply
        put_u16(reply, _wire.SET_REPLY_AT_TOKEN, u16(buf, _PAYLOAD + _wire.SET_AT_TOKEN))
        put_u16(reply, _wire.SET_REPLY_AT_KEY, key)
        put_u30(reply, _wire.SET_REPLY_AT_VALUE, value)
        put_u16(reply, _wire.SET_REPLY_AT_REASON, reason)
        session.set_session = number
        session.answers |= SET_REPLY
        return True

    # -- START -------------------------------------------------------------------------

    # W-1: every number of it is one that the device computes with.
    def _start_whole(self):
        buf = self._buf
        return min(u30(buf, _PAYLOAD), u30(buf, _PAYLOAD + _wire.START_AT_RATE)) >= 0 and (
            u30(buf, _PAYLOAD + _wire.START_AT_SEQUENCE) >= 0
        )

    @rare("start")
    def _start(self, now_ms):
        session = self._session
        buf = self._buf
        token = u30(buf, _PAYLOAD + _wire.START_AT_TOKEN)
        if session.state != IDLE:
            if token and token == session.token:  # a repetition restarts nothing
                session.heard_in_session(now_ms)
                session.answer_started(token)
                return
            resumes = token and buf[_PAYLOAD + _wire.START_AT_START_FLAGS] & START_RESUME
            if resumes and self._same_stream():
                session.resume(token, u30(buf, _PAYLOAD + _wire.START_AT_SEQUENCE), now_ms)
                session.answer_started(token)
                return
        reason, text = self._new_stream(token, now_ms)
        if reason:
            session.refuse(token, reason, text.encode(), not self._sealed)
        else:
            session.answer_started(token)

    @rare("start")
    def _same_stream(self):
        at = _PAYLOAD + _wire.START_AT_STREAM_ID
        return self._buf[at : at + 8] == self._session.stream_id

    # Starts it: (REASON_OK, ""), or why not and a text for the user.
    @rare("start")
    def _new_stream(self, token, now_ms):
        buf = self._buf
        codec = buf[_PAYLOAD + _wire.START_AT_CODEC]
        channels = buf[_PAYLOAD + _wire.START_AT_CHANNELS]
        rate = u30(buf, _PAYLOAD + _wire.START_AT_RATE)
        hop = u16(buf, _PAYLOAD + _wire.START_AT_HOP)
        overlap = u16(buf, _PAYLOAD + _wire.START_AT_OVERLAP)
        refusal = self._refusal(token, codec, channels, rate, hop, overlap)
        if refusal:
            return refusal
        table = None
        if codec == CODEC_ADPCM:
            try:
                table = self._coder().claim(channels, hop, overlap)
            except MemoryError:  # the session in force goes on
                return _wire.REASON_MEMORY, "no memory for codec adpcm: pcm16, or a longer hop, may do"
        session = self._session
        capture = session.capture
        ring = session.ring
        old_rate = capture.rate
        old_channels = capture.channels
        was_running = capture.running
        try:
            capture.open(rate, channels)
        except (OSError, MemoryError) as error:
            if was_running:  # the session in force goes on
                capture.open(old_rate, old_channels)
                capture.resume()
            return _wire.REASON_MICROPHONE, "the microphone does not start: %s" % error
        ring.configure(channels, hop, overlap)
        capture.coder = None
        if table is not None:
            capture.coder = self._adpcm
            capture.coder.begin(table)
        import gc

        gc.collect()  # or free_heap in STATUS (W-30) would not count what START has thrown away
        session.begin(
            token,
            buf[_PAYLOAD + _wire.START_AT_MODE],
            u16(buf, _PAYLOAD + _wire.START_AT_GAIN),
            now_ms,
        )
        return _wire.REASON_OK, ""

    # Code and room of a codec are taken by the first stream that wants it.
    @rare("start")
    def _coder(self):
        if self._adpcm is None:
            from ossicle.adpcm import Adpcm

            self._adpcm = Adpcm(self._session.ring)
        return self._adpcm

    # Why it cannot be, or None.
    @rare("start")
    def _refusal(self, token, codec, channels, rate, hop, overlap):
        buf = self._buf
        mode = buf[_PAYLOAD + _wire.START_AT_MODE]
        gain = u16(buf, _PAYLOAD + _wire.START_AT_GAIN)
        if token == 0 or mode > MODE_LIVE:
            return _wire.REASON_MALFORMED, "token is 0, or the mode is unknown"
        if codec > CODEC_ADPCM:
            return _wire.REASON_CODEC, "codec %d: this device has pcm16 and adpcm" % codec
        if channels not in CHANNELS:
            return _wire.REASON_CHANNELS, "%d channels: this device has 1 or 2" % channels
        if rate not in RATES:
            return _wire.REASON_RATE, "%d Hz: this device has %s" % (rate, ", ".join(str(r) for r in RATES))
        if gain > GAIN_MAX:
            return _wire.REASON_VALUE, "gain %d: at most %d" % (gain, GAIN_MAX)
        if hop < HOP_MIN_FRAMES:
            return _wire.REASON_HOP, "hop %d: at least %d frames" % (hop, HOP_MIN_FRAMES)
        window = (hop + overlap) * channels * 2
        if codec == CODEC_ADPCM:
            window = (window + 3) // 4 + ADPCM_HEAD_BYTES * channels
        if window > PAYLOAD_MAX_BYTES:
            text = "hop and overlap make %d bytes: at most %d" % (window, PAYLOAD_MAX_BYTES)
            return _wire.REASON_WINDOW, text
        if self._session.ring.samples // channels < 2 * (hop + overlap) + 1:
            return _wire.REASON_MEMORY, "the ring has %d samples" % self._session.ring.samples
        return self._too_slow(rate, hop, window)

    # W-35, with header, check, COBS and 0x00 counted in.
    @rare("start")
    def _too_slow(self, rate, hop, window):
        speed = self._link.bytes_per_s() if self._link.default_baud else 0
        packet = window + HEADER_BYTES + 4
        need = (packet + packet // 254 + 2) * rate // hop
        if speed and need * 10 > speed * 9:
            return _wire.REASON_LINK_TOO_SLOW, "%d bytes a second; the link at %d baud has %d" % (
                need,
                self._link.baud(),
                speed * 9 // 10,
            )
        return None
