"""One stream of one device: its parameters, its audio, and what a session asks for in passing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from . import _wire as wire
from ._wire import Codec, Flag, Kind
from .acks import Acks
from .clock import Clock
from .counters import Counters
from .events import Event, Started
from .packets import Packet, pack_ranges
from .reassembly import Reassembly
from .request import Resume, StreamRequest
from .requests import Deadline, Requests

_WINDOW_SPARE = 8  # chunks beyond the device's ring that re-sends on their way may be behind
_WINDOW_MIN = 64
_RING_MAX_FRAMES = 1 << 24  # the host's memory goes by the device's ring; ten minutes are more than any has
_I2 = np.dtype("<i2")
_CODEC = wire.FLAG_CODEC_MASK
_RESENT = int(Flag.RESENT)

Send = Callable[[Kind, bytes], None]


class Stream:
    """A stream from its first frame to its end, through any number of sessions and cables.

    `deadline_s` None: wait for what is missing until it comes or is gone (mode "lossless"). Nothing is told
    before `position`.
    """

    def __init__(
        self,
        started: Started,
        deadline_s: float | None,
        counters: Counters,
        tell: Callable[[Event], None],
        position: int = 0,
    ) -> None:
        ring_sequences = started.ring_frames // started.hop
        window = max(_WINDOW_MIN, ring_sequences + _WINDOW_SPARE)
        self.started = started
        self.audio = Reassembly(
            started.hop,
            started.overlap,
            window,
            counters,
            tell,
            sequence=max(0, position - started.overlap) // started.hop,
            position=position,
        )
        self.clock = Clock(started.rate)
        self.acks = Acks(ring_sequences)
        self._requests = Requests(live=deadline_s is not None)
        self._deadline = None if deadline_s is None else Deadline(deadline_s)
        self._counters = counters
        self._heard_audio: float | None = None  # when a chunk came last
        self._expected: int | None = None  # the number after the highest heard in this session

    def enter(self, started: Started) -> None:
        """A session is in force, the first one or another: what exists, and what no longer does."""
        if started.session != self.started.session:
            self._expected = None
        self.started = started
        if started.oldest > self.audio.next:
            self.audio.gone(self.audio.next, started.oldest, "overwritten")
        self.audio.expect(started.next)
        self.acks.hurry()

    def agrees(self, fields: wire.StartedFields) -> bool:
        """What a stream is cut into does not change while it lasts."""
        now = self.started
        return (fields.hop, fields.overlap, fields.channels, fields.rate) == (
            now.hop,
            now.overlap,
            now.channels,
            now.rate,
        )

    def renew(self, session: int) -> None:
        """The device goes on under another session number (W-8)."""
        self.started = replace(self.started, session=session)
        self._expected = 0
        self.acks.hurry()

    def count(self, number: int) -> None:
        """Each packet of the session has the number after the one before; what is left out was lost (W-7)."""
        expected = self._expected
        if expected is None or number >= expected:
            if expected is not None and number > expected:
                self._counters.lost_transmissions += number - expected
            self._expected = number + 1
        elif self._counters.lost_transmissions:
            self._counters.lost_transmissions -= 1  # it was late, not lost

    def renumbered(self) -> None:
        """The device's numbers begin again: there are new keys (W-50)."""
        self._expected = None

    def take(self, packet: Packet, now: float) -> bool:
        """An AUDIO; false when it cannot be part of this stream."""
        started = self.started
        payload = packet.payload
        channels = started.channels
        if packet.flags & _CODEC != started.codec or len(payload) % (2 * channels):
            return False
        frames: npt.NDArray[np.int16] = np.frombuffer(payload, _I2)
        if channels > 1:
            frames = frames.reshape(-1, channels)
        sequence = packet.sequence
        fresh = sequence >= self.audio.highest
        if not self.audio.add(sequence, packet.flags, frames):
            return False
        self._heard_audio = now
        if packet.flags & _RESENT:
            self._counters.resent += 1
            self._requests.resent(sequence, now)
        elif fresh:
            self.clock.chunk(sequence * started.hop, packet.ticks_us, len(frames), now)
        return True

    def work(self, now: float, hold: int | None, send: Send) -> None:
        """Give up, ask again, measure, acknowledge: whatever is due. `hold`: as in `Receiver.hold`."""
        audio = self.audio
        if not audio.ended:
            if self._heard_audio is None:
                self._heard_audio = now
            if self._deadline is not None:
                limit = self._deadline.poll(audio, now)
                if limit > audio.next:
                    audio.gone(audio.next, limit, "deadline")
            asked = self._requests.poll(audio, now, self.clock.rtt_s, self._heard_audio)
            if asked:
                self._counters.requests += sum(stop - start for start, stop in asked)
                send(Kind.REQUEST, pack_ranges(asked))
            echo = self.clock.ping(now)
            if echo is not None:
                send(Kind.PING, echo)
        settled = audio.next if hold is None else min(audio.next, hold // audio.hop)
        if self.acks.due(settled, audio.highest, now, audio.ended):
            send(Kind.ACK, wire.AckFields(settled, audio.highest).pack())

    def start(self, request: StreamRequest, token: int) -> bytes:
        """The payload of a START that resumes this stream; of a new one when it is over."""
        if self.audio.ended:
            return request.start(token)
        return request.start(token, self.started.stream_id, self.audio.next)


def possible(
    fields: wire.StartedFields, session: int, request: StreamRequest, resume: Resume | None = None
) -> bool:
    """Can there be such a stream, in a codec that this host decodes, and is it what was asked for?"""
    if resume is not None and resume.stream_id == fields.stream_id and resume.hop != fields.hop:
        return False
    return (
        session != 0
        and fields.codec == Codec.PCM16
        and (fields.rate, fields.channels) == (request.rate, request.channels)
        and fields.ring_frames <= _RING_MAX_FRAMES
        and fields.hop >= wire.HOP_MIN_FRAMES
        and (fields.hop + fields.overlap) * fields.channels * 2 <= wire.PAYLOAD_MAX_BYTES
        and fields.oldest <= fields.next
    )


def describe(fields: wire.StartedFields, session: int, *, resumed: bool) -> Started:
    """The event that a STARTED is."""
    return Started(
        stream_id=fields.stream_id,
        session=session,
        rate=fields.rate,
        channels=fields.channels,
        hop=fields.hop,
        overlap=fields.overlap,
        gain=fields.gain / 256,
        codec=fields.codec,
        ring_frames=fields.ring_frames,
        oldest=fields.oldest,
        next=fields.next,
        resumed=resumed,
    )
