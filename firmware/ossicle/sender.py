# Which packet goes out next, and building it: answers first, then what the host asked for
# again, then new audio (W-27). At most one packet is built for each call, into the one
# buffer of the builder. Nothing here allocates but HELLO and REFUSED, which are answers to
# a host that is not yet streaming.
import gc
from struct import pack_into

from micropython import const

from ossicle import _wire
from ossicle._wire import (
    CODEC_ADPCM,
    CODEC_PCM16,
    FLAG_DISCONTINUITY,
    FLAG_LAST,
    FLAG_RESENT,
    GONE_SIZE,
    KIND_AUDIO,
    KIND_GONE,
    LAST_REPEAT_MS,
    LAST_REPEATS_MAX,
    MODE_LIVE,
    RANGE_SIZE,
    STATUS_INTERVAL_MS,
    put_u16,
    put_u30,
)
from ossicle.meter import Meter
from ossicle.rare import passing, rare

_MASK = const(0x3FFFFFFF)
_PAYLOAD = const(16)


class Sender:
    # All attributes are the loop's.
    @passing
    def __init__(self, session, builder, ring, capture, clock):
        self._session = session
        self._builder = builder
        self._ring = ring
        self._capture = capture
        self._clock = clock
        try:
            import ulab  # noqa: F401

            from ossicle.spectrum import Meter as Spectrum

            self.meter = Spectrum(ring)
        except (ImportError, AttributeError, TypeError, ValueError, MemoryError):
            # There is no ulab, it is too old, or there is no room for it.
            self.meter = Meter(ring)
        self.restart(0)

    # A new stream starts at `now_ms`.
    @rare("start")
    def restart(self, now_ms):
        self.sent = 0  # AUDIO packets of the stream, re-sends included; modulo 2**30
        self.resent = 0
        self.last_sequence = -1  # of the chunk flagged `last`, once it was sent
        self._last_ms = 0  # when it was last sent
        self._last_repeats = 0
        self._status_ms = now_ms
        self._turn = False  # live: the last audio was a re-send
        self.meter.begin()
        self.jump()

    # R was set, or is where it starts: what lies before it is not skipped.
    @rare("start")
    def jump(self):
        self._next = self._ring.sequence  # expected of the next new chunk
        self._skipped = self._next  # [_skipped, _next) was left out
        self._untold = self._next  # and from here on the host has not been told so
        self._told_ms = 0

    # The length of the packet in the builder's buffer, 0 when there is nothing to send now.
    def next(self, now_ms):
        session = self._session
        if session.answers:
            return session.answer()
        if not session.sending():
            return 0
        if (now_ms - self._status_ms) & _MASK >= STATUS_INTERVAL_MS:
            self._status_ms = now_ms
            return self._status(now_ms)
        live = session.mode == MODE_LIVE
        if session.resends.count and not (live and self._turn):
            n = self._again(live)
            if n:
                self._turn = True
                return n
        self._turn = False
        n = self._new(now_ms)
        if n == 0 and live and session.resends.count:
            n = self._again(live)
        return n

    # -- audio -------------------------------------------------------------------------

    # The chunk at R, when it is whole or will never be: cut by a hole, or the stream's last.
    def _new(self, now_ms):
        ring = self._ring
        if self.last_sequence >= 0:
            return self._repeat_last(now_ms)
        over = self._session.over()  # before the look at the ring: nothing comes after it
        ring.settle()
        sequence = ring.sequence
        if sequence != self._next or self._skipped != sequence:
            n = self._tell(sequence, now_ms)
            if n:
                return n
        frames = ring.window(sequence)
        if frames == ring.guard or (frames > 0 and ring.cut):
            n = self._audio(sequence, 0)
            if n:
                ring.release(frames if frames < ring.hop else ring.hop)
                self._next = self._skipped = self._untold = sequence + 1
            return n
        if frames < 0 or not over:
            return 0
        self.last_sequence = sequence
        self._last_ms = now_ms
        return self._audio(sequence, FLAG_LAST)

    # What R has left out is gone: the host is told at once, and again until a chunk behind it
    # has been sent. A source that waits for the host may send none before.
    def _tell(self, sequence, now_ms):
        if sequence != self._next:
            self._next = sequence
            self._untold = self._skipped
        elif self._untold == sequence and (now_ms - self._told_ms) & _MASK >= LAST_REPEAT_MS:
            self._untold = self._skipped
        start = self._untold
        if start >= sequence:
            return 0
        self._told_ms = now_ms
        self._untold = min(self._ring.run(start), sequence)
        return self._gone(start, self._untold) if self._ring.gone_cause else 0

    # The host has settled all before a sequence.
    def settled(self, sequence):
        if sequence >= self._next:
            self._skipped = self._untold = self._next

    # As often as at first: the host that asks is another one, or has forgotten.
    @rare("start")
    def repeat_last(self):
        self._last_repeats = 0

    # Until it is settled, a bounded number of times (W-29).
    def _repeat_last(self, now_ms):
        if (now_ms - self._last_ms) & _MASK < LAST_REPEAT_MS or self._last_repeats >= LAST_REPEATS_MAX:
            return 0
        self._last_ms = now_ms
        self._last_repeats += 1
        return self._audio(self.last_sequence, FLAG_LAST | FLAG_RESENT)

    def _audio(self, sequence, flags):
        ring = self._ring
        coder = self._capture.coder
        frames = ring.copy_window(sequence, self._builder.buffer, _PAYLOAD, coder)
        if frames < 0 or (frames == 0 and not flags & FLAG_LAST):
            return 0
        if ring.cut:
            flags |= FLAG_DISCONTINUITY
        self.sent = (self.sent + 1) & _MASK
        if flags & FLAG_RESENT:
            self.resent = (self.resent + 1) & _MASK
        ticks_us = self._capture.ticks_us(ring.position(sequence))
        if coder is None:
            n = frames * ring.channels * 2
            flags |= CODEC_PCM16
        else:
            n = coder.payload_bytes(frames, ring.channels)
            flags |= CODEC_ADPCM
        return self._builder.finish(KIND_AUDIO, flags, self._builder.session, sequence, ticks_us, n)

    # -- what was asked for again ------------------------------------------------------

    def _again(self, live):
        resends = self._session.resends
        if self.last_sequence >= 0:
            resends.drop_from(self.last_sequence + 1)
        else:
            resends.drop_from(self._ring.sequence)  # comes as a new chunk
        if resends.count == 0:
            return 0
        if live:
            return self._newest()
        return self._oldest()

    def _oldest(self):
        resends = self._session.resends
        start = resends.start(0)
        stop = min(self._ring.run(start), resends.stop(0))
        if self._ring.gone_cause:
            resends.drop_before(stop)
            return self._gone(start, stop)
        n = self._resend(start)
        if n:
            resends.drop_before(start + 1)
        return n

    def _newest(self):
        resends = self._session.resends
        ring = self._ring
        i = resends.count - 1
        stop = resends.stop(i)
        start = resends.start(i)
        after = ring.run(start)
        while after < stop:
            start = after
            after = ring.run(start)
        if ring.gone_cause:
            resends.drop_from(start)
            return self._gone(start, stop)
        n = self._resend(stop - 1)
        if n:
            resends.drop_from(stop - 1)
        return n

    # 0 when it was torn while it was copied: the next look finds it gone.
    def _resend(self, sequence):
        if sequence == self.last_sequence:
            return self._audio(sequence, FLAG_RESENT | FLAG_LAST)
        return self._audio(sequence, FLAG_RESENT)

    def _gone(self, start, stop):
        buf = self._builder.buffer
        buf[_PAYLOAD + _wire.GONE_AT_RANGES] = 1
        buf[_PAYLOAD + _wire.GONE_AT_CAUSE] = self._ring.gone_cause
        put_u16(buf, _PAYLOAD + 2, 0)
        put_u30(buf, _PAYLOAD + GONE_SIZE + _wire.RANGE_AT_START, start)
        put_u30(buf, _PAYLOAD + GONE_SIZE + _wire.RANGE_AT_STOP, stop)
        return self.plain(KIND_GONE, self._builder.session, GONE_SIZE + RANGE_SIZE)

    # -- the rest ----------------------------------------------------------------------

    # A packet without audio, whose n bytes of payload are in the buffer.
    def plain(self, kind, session, n):
        return self._builder.finish(kind, 0, session, 0, self._clock.capture_us(), n)

    def _status(self, now_ms):
        buf = self._builder.buffer
        ring = self._ring
        capture = self._capture
        fill = ring.available()
        put_u30(buf, _PAYLOAD + _wire.STATUS_AT_UPTIME_MS, now_ms)
        put_u30(buf, _PAYLOAD + _wire.STATUS_AT_CAPTURED, ring.written)
        put_u30(buf, _PAYLOAD + _wire.STATUS_AT_LOST_FRAMES, capture.lost_frames)
        put_u30(buf, _PAYLOAD + _wire.STATUS_AT_HOLES, ring.holes)
        put_u30(buf, _PAYLOAD + _wire.STATUS_AT_OVERWRITTEN_FRAMES, ring.overwritten_frames)
        put_u30(buf, _PAYLOAD + _wire.STATUS_AT_SENT, self.sent)
        put_u30(buf, _PAYLOAD + _wire.STATUS_AT_RESENT, self.resent)
        put_u30(buf, _PAYLOAD + _wire.STATUS_AT_BAD_PACKETS, self._session.bad_packets())
        put_u30(buf, _PAYLOAD + _wire.STATUS_AT_RING_FILL, fill)
        put_u30(buf, _PAYLOAD + _wire.STATUS_AT_RING_FRAMES, ring.capacity)
        put_u30(buf, _PAYLOAD + _wire.STATUS_AT_FREE_HEAP, gc.mem_free())
        put_u30(buf, _PAYLOAD + _wire.STATUS_AT_REARMED, capture.rearmed)
        pack_into("<i", buf, _PAYLOAD + _wire.STATUS_AT_RSSI, self._session.rssi())
        self.meter.tell(buf, _PAYLOAD + _wire.STATUS_AT_PEAK)
        return self.plain(_wire.KIND_STATUS, self._builder.session, _wire.STATUS_SIZE)
