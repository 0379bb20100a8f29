"""A process that went on where an earlier one was killed: `Resume`."""

from random import Random

import numpy as np
import pytest
from simaudio import audio
from simworld import RATE, Line, ended, of, world

from ossicle.proto import _wire as wire
from ossicle.proto import events as ev
from ossicle.proto.receiver import Receiver
from ossicle.proto.request import Resume, StreamRequest


def killed(w, position, **settings):
    """Another process with another receiver, that wants to go on at `position`."""
    stream = w.receiver.stream.started
    resume = Resume(stream.stream_id, position, stream.hop, w.receiver.baud)
    w.events.clear()
    w.receiver = Receiver(w.receiver.request, random=Random(99), resume=resume, **settings)
    assert w.receiver.position == position


def heard(events, position):
    """Checks what the second process was told; its gaps and its end."""
    gaps = []
    for event in events:
        if isinstance(event, ev.Audio):
            assert event.start == position
            assert np.array_equal(event.frames, audio(event.start, event.stop))
            position = event.stop
        elif isinstance(event, ev.Gap):
            assert event.start == position
            position = event.stop or 0
            gaps.append(event)
        elif isinstance(event, ev.Ended):
            assert event.stop == position
            return gaps, position
    return gaps, None


@pytest.mark.parametrize("overlap", [0, 31, 128])
@pytest.mark.parametrize("back", [0, 1, 512, 5000])
@pytest.mark.parametrize("away", [0.0, 1.0])
def test_it_goes_on_at_exactly_the_position(overlap, back, away):
    request = StreamRequest(hop=128, overlap=overlap, baud=2_000_000)
    w = world(request=request, length=RATE * 5, down=Line(Random(1), loss=0.03))
    w.run(2)
    position = w.receiver.position - back
    w.up.cut = True
    w.run(away)
    w.up.cut = False
    killed(w, position)
    assert w.run(20, ended(w))
    assert heard(w.events, position) == ([], RATE * 5)
    assert [started.resumed for started in of(w, ev.Started)] == [True]
    counters = w.receiver.counters
    assert counters.resumes == 1
    assert counters.frames == RATE * 5 - position
    assert counters.frames_first + counters.frames_overlap + counters.frames_resent == counters.frames


def test_what_the_ring_lost_meanwhile_is_one_gap():
    w = world(length=RATE * 9)
    w.run(2)
    position = w.receiver.position - 100
    w.up.cut = True
    w.run(4)
    w.up.cut = False
    killed(w, position)
    assert w.run(20, ended(w))
    (gap,), stop = heard(w.events, position)
    assert (gap.start, gap.cause, stop) == (position, "overwritten", RATE * 9)


def test_a_device_that_restarted_gives_a_gap_and_a_new_stream():
    w = world(length=RATE * 3)
    w.run(2)
    position = w.receiver.position
    w.device.reboot()
    killed(w, position)
    assert w.run(20, ended(w))
    assert heard(w.events, position) == ([ev.Gap(position, None, "reset")], RATE * 3)
    order = [type(e) for e in w.events if isinstance(e, ev.Gap | ev.Started | ev.Audio)][:3]
    assert order == [ev.Gap, ev.Started, ev.Audio]
    assert [started.resumed for started in of(w, ev.Started)] == [False]
    assert w.receiver.counters.resets == 1


def test_a_stream_cut_otherwise_is_not_believed():
    w = world(length=RATE * 3)
    w.run(2)
    stream = w.receiver.stream.started
    w.receiver = Receiver(random=Random(9), resume=Resume(stream.stream_id, 0, 64, 921600))
    w.run(2)
    assert w.receiver.stream is None
    assert w.receiver.counters.malformed > 0


@pytest.mark.parametrize("overlap", [0, 64])
def test_nothing_is_missing_but_the_end(overlap):
    """The position is the stream's length, which the earlier process never learned to be its end."""
    w = world(request=StreamRequest(hop=64, overlap=overlap, baud=2_000_000), length=64 * 100 + 10)
    assert w.run(5, ended(w))
    position = w.receiver.position
    w.device.last_repeats = wire.LAST_REPEATS_MAX  # it waits to be asked
    killed(w, position)
    assert w.run(5, ended(w))
    assert heard(w.events, position) == ([], position)


@pytest.mark.parametrize(
    "wrong",
    [
        {"stream_id": b"short"},
        {"position": -1},
        {"hop": 0},
        {"baud": 0},
        {"position": wire.NUMBER_LIMIT * 64},
    ],
)
def test_what_no_stream_can_be(wrong):
    with pytest.raises(ValueError, match=r"\w"):
        Resume(**{"stream_id": bytes(8), "position": 0, "hop": 64, **wrong})
