"""One stream of one device: its parameters, its audio, and what a session asks for in passing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from . import _wire as wire
from ._wire import Flag, Kind
from .acks import Acks
from .clock import Clock
from .codecs import DECODERS
from .counters import Counters
from .events import Event, Started
from .horizon import Horizon
from .packets import Packet, Range, pack_ranges
from .reassembly import Reassembly
from .request import StreamRequest
from .requests import Requests
from .roundtrip import RoundTrip
from .sightings import Sightings

_WINDOW_SPARE = 8  # chunks beyond the device's ring that re-sends on their way may be behind
_WINDOW_MIN = 64
_SPREAD_OF_RING = 1 / 8  # of the time that a ring holds, at most, round trips that vary make a question late
_CODEC = wire.FLAG_CODEC_MASK
_RESENT = int(Flag.RESENT)
_DISCONTINUITY = int(Flag.DISCONTINUITY)

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
        self.round_trip = RoundTrip(started.ring_frames / started.rate * _SPREAD_OF_RING)
        self._horizon = Horizon(ring_sequences, started.hop / started.rate)
        self._requests = Requests(deadline_s is not None, counters, self.round_trip)
        self._sightings = Sightings()
        self._deadline_s = deadline_s
        self._decode = DECODERS[started.codec]
        self._counters = counters
        self._heard_audio: float | None = None  # when a chunk came last
        self._expected: int | None = None  # the number after the highest heard in this session

    def enter(self, started: Started, now: float) -> None:
        """A session is in force, the first one or another: what exists, and what no longer does."""
        if started.resumed:
            self._requests.resumed(now)
        if started.session != self.started.session:
            self._expected = None
        self.started = started
        if started.oldest > self.audio.next:
            self.audio.gone(self.audio.next, started.oldest, "overwritten")
        self.audio.expect(started.next)
        self.acks.hurry()

    def misfit(self, fields: wire.StartedFields) -> str:
        """Why a STARTED cannot be of this stream: what it is cut into does not change while it lasts."""
        now = self.started
        same = (fields.hop, fields.overlap, fields.rate) == (now.hop, now.overlap, now.rate)
        if same and fields.channels == now.channels:
            return ""
        was = f"{now.hop} and {now.overlap}"
        return f"it goes on in chunks of {fields.hop} and {fields.overlap} frames, which were of {was}"

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
        if packet.flags & _CODEC != started.codec:
            return False
        frames = self._decode(packet.payload, started.channels)
        if frames is None:
            return False
        sequence = packet.sequence
        audio = self.audio
        if self._horizon.hides(sequence, sequence + 1, audio.highest, now):
            return False
        fresh = sequence >= audio.highest
        resent = bool(packet.flags & _RESENT)
        wanted = audio.wants(sequence)
        if not audio.add(sequence, packet.flags, frames):
            return False
        self._heard_audio = now
        self._horizon.believed(now)
        if wanted:
            self._requests.came(sequence, resent, self._sightings.since(sequence), now)
        elif not resent:
            self._requests.came_again(sequence, now)
        if resent:
            self._counters.resent += 1
            self._requests.resent(sequence, now)
        elif fresh:
            self.clock.chunk(sequence * started.hop, packet.ticks_us, len(frames), now)
        if packet.flags & _DISCONTINUITY:
            self.clock.hole(sequence * started.hop + len(frames))
        return True

    def gone(self, told: list[Range], cause: str, now: float) -> bool:
        """A GONE; false when it speaks of what cannot exist."""
        if self._horizon.hides(told[0][0], told[-1][1], self.audio.highest, now):
            return False
        for start, stop in told:
            self.audio.gone(start, stop, cause)
            if cause == "capture":
                self.clock.hole(start * self.audio.hop)
        return True

    def work(self, now: float, heard: float, hold: int | None, send: Send) -> None:
        """Give up, ask again, measure, acknowledge: whatever is due.

        `heard` is when the device was last heard; `hold` as in `Receiver.hold`.
        """
        audio = self.audio
        if not audio.ended:
            if self._heard_audio is None:
                self._heard_audio = now
            self._sightings.look(audio.next, audio.highest, now)
            if self._deadline_s is not None:
                limit = self._sightings.before(now - self._deadline_s)
                if limit > audio.next:
                    audio.gone(audio.next, limit, "deadline")
            asked = self._requests.poll(audio, self._sightings, now, heard, self._heard_audio)
            if not asked:
                asked = self._horizon.question(audio.highest, now, self.round_trip.again_s)
            if asked:
                send(Kind.REQUEST, pack_ranges(asked))
            echo = self.clock.ping(now)
            if echo is not None:
                send(Kind.PING, echo)
        settled = audio.next if hold is None else min(audio.next, hold // audio.hop)
        if self.acks.due(settled, audio.highest, now, audio.ended):
            send(Kind.ACK, wire.AckFields(settled, audio.highest).pack())

    @property
    def due_at(self) -> float:
        """When `work` may have something to do that cannot wait for the next look at the clock."""
        at = self._requests.due_at
        if self._deadline_s is not None and self._sightings.oldest is not None:
            at = min(at, self._sightings.oldest + self._deadline_s)
        return at

    def start(self, request: StreamRequest, token: int) -> bytes:
        """The payload of a START that resumes this stream; of a new one when it is over."""
        if self.audio.ended:
            return request.start(token)
        return request.start(token, self.started.stream_id, self.audio.next)
