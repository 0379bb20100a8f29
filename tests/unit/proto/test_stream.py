"""A stream across its sessions: what entering one tells at once, numbers, and what an AUDIO must be."""

from dataclasses import replace

import numpy as np
import pytest

from ossicle.proto import _wire as wire
from ossicle.proto import events as ev
from ossicle.proto._wire import Flag, Kind
from ossicle.proto.counters import Counters
from ossicle.proto.packets import Packet, ranges
from ossicle.proto.request import StreamRequest
from ossicle.proto.stream import Stream
from ossicle.proto.terms import describe, misfit

FIELDS = wire.StartedFields(5, b"streamid", 16000, 64, 0, 0, 0, 1, 256, 6400, 0, 0)
REQUEST = StreamRequest()


class Made:
    """A stream that is in force, its events, and what it sent."""

    def __init__(self, deadline_s=None, **changes):
        self.told = []
        self.sent = []
        self.counters = Counters()
        started = describe(FIELDS._replace(**changes), 7, resumed=False)
        self.stream = Stream(started, deadline_s, self.counters, self.told.append)
        self.stream.enter(started, 0.0)

    def work(self, now, hold=None):
        self.sent.clear()
        self.stream.work(now, now, hold, lambda kind, payload: self.sent.append((kind, payload)))
        return dict(self.sent)

    def enter(self, session=7, **changes):
        self.stream.enter(describe(FIELDS._replace(**changes), session, resumed=True), 0.0)

    def audio(self, sequence, count=64, flags=0, number=0):
        frames = np.arange(count, dtype=np.int16).tobytes()
        return self.stream.take(Packet(Kind.AUDIO, flags, 7, sequence, 0, number, frames), 1.0)


def test_what_the_ring_no_longer_holds_is_a_gap_without_a_question():
    made = Made()
    made.audio(0)
    made.enter(oldest=40, next=50)
    assert made.stream.audio.next == 40
    asked = made.work(1.0)[Kind.REQUEST]
    assert ranges(Packet(Kind.REQUEST, payload=asked)) == [(40, 50)]
    made.audio(40)
    assert made.told[1] == ev.Gap(64, 40 * 64, "overwritten")


def test_each_session_begins_with_an_ack_and_a_ping():
    made = Made()
    assert set(made.work(1.0)) == {Kind.ACK, Kind.PING}
    assert made.work(1.01) == {}
    made.enter()
    assert set(made.work(1.02)) == {Kind.ACK}


def test_numbers_tell_what_was_lost():
    made = Made()
    for number in (100, 101, 105, 103, 106):
        made.stream.count(number)
    assert made.counters.lost_transmissions == 2
    made.enter(session=8)
    made.stream.count(3)
    assert made.counters.lost_transmissions == 2
    made.stream.renew(9)
    made.stream.count(2)
    assert made.counters.lost_transmissions == 4


@pytest.mark.parametrize(
    ("payload", "flags"),
    [
        (b"", 0),
        (bytes(126), 0),
        (bytes(130), 0),
        (bytes(128), 1),
        (bytes(128), Flag.LAST),
        (bytes(130), Flag.LAST),
    ],
)
def test_what_is_no_chunk_of_this_stream(payload, flags):
    made = Made()
    made.audio(5)
    assert not made.stream.take(Packet(Kind.AUDIO, flags, 7, 2, 0, 0, payload), 1.0)
    assert not any(isinstance(e, ev.Audio) for e in made.told)


def test_half_a_frame_of_stereo_is_none():
    made = Made(channels=2)
    assert not made.stream.take(Packet(Kind.AUDIO, Flag.LAST, 7, 0, 0, 0, bytes(6)), 1.0)
    assert made.stream.take(Packet(Kind.AUDIO, Flag.LAST, 7, 0, 0, 0, bytes(8)), 1.0)
    assert made.told[0].frames.shape == (2, 2)


def test_the_hold_limits_what_is_acknowledged():
    made = Made()
    for sequence in range(50):
        made.audio(sequence)
    assert wire.AckFields.unpack(made.work(1.0, hold=1000)[Kind.ACK]) == (1000 // 64, 50)
    assert wire.AckFields.unpack(made.work(2.0, hold=None)[Kind.ACK]) == (50, 50)


@pytest.mark.parametrize(
    "changes",
    [
        {"codec": 1},
        {"channels": 0},
        {"channels": 3},
        {"rate": 0},
        {"hop": 63},
        {"hop": 700},
        {"oldest": 2, "next": 1},
        {"ring_frames": 2**29},  # would be the host's memory, too
    ],
)
def test_parameters_that_no_stream_has(changes):
    assert not misfit(FIELDS, 1, REQUEST)
    assert misfit(FIELDS, 0, REQUEST)
    assert misfit(FIELDS._replace(**changes), 1, REQUEST)


def test_a_stream_that_was_not_asked_for():
    why = misfit(FIELDS, 1, replace(REQUEST, rate=8000))
    assert why == "it started 16000 Hz pcm16 with 1 channel, and 8000 Hz pcm16 with 1 channel was asked for"
    assert "2 channels was" in misfit(FIELDS, 1, replace(REQUEST, channels=2))
    assert "codec 9" in misfit(FIELDS._replace(codec=9), 1, REQUEST)


def test_resuming_names_the_stream_and_the_sequence():
    made = Made()
    for sequence in range(3):
        made.audio(sequence)
    fields = wire.StartFields.unpack(made.stream.start(StreamRequest(), 9))
    assert (fields.token, fields.start_flags, fields.stream_id, fields.sequence) == (9, 1, b"streamid", 3)
    made.audio(3, 5, Flag.LAST)
    fields = wire.StartFields.unpack(made.stream.start(StreamRequest(), 9))
    assert (fields.start_flags, fields.sequence) == (0, 0)
