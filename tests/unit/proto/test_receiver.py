"""The receiver against a simulated device over bad lines: never shifted, never repeated, nothing silent."""

from itertools import pairwise
from random import Random

import numpy as np
import pytest
from simaudio import audio
from simworld import RATE, Line, check, ended, of, world

from ossicle.proto import _wire as wire
from ossicle.proto import events as ev
from ossicle.proto._wire import Kind
from ossicle.proto.handshake import State
from ossicle.proto.packets import ranges
from ossicle.proto.request import StreamRequest


def test_a_clean_line_gives_everything():
    w = world(length=RATE * 2 + 77)
    assert w.run(10, ended(w))
    told = check(w.events)
    assert (told.frames, told.gaps, told.ended) == (RATE * 2 + 77, [], RATE * 2 + 77)
    counters = w.receiver.counters
    assert (counters.requests, counters.duplicates, counters.lost_transmissions, counters.malformed) == (
        0,
        0,
        0,
        0,
    )
    assert w.receiver.refused.snapshot() == {}
    assert w.receiver.baud == 921600


@pytest.mark.parametrize("seed", range(12))
def test_lossless_over_a_bad_line_is_lossless(seed):
    rng = Random(seed)
    request = StreamRequest(
        channels=rng.choice((1, 2)),
        hop=rng.choice((64, 200, 256)),
        overlap=rng.choice((0, 0, 31, 64, 72)),
        baud=2_000_000,
    )
    w = world(
        seed,
        request=request,
        length=RATE * 4 + rng.randrange(1000),
        down=Line(Random(seed), loss=0.05, noise=0.05, repeat=0.05, latency_s=0.005),
        up=Line(Random(seed + 9), loss=0.1, noise=0.05),
    )
    assert w.run(60, ended(w))
    told = check(w.events, request.channels)
    assert told.gaps == []
    assert told.frames == told.ended == w.device.length
    assert w.receiver.counters.resent > 0
    assert w.receiver.counters.disagreements == 0
    assert w.receiver.counters.lost_transmissions > 0


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("mode", ["lossless", "live"])
def test_whatever_is_missing_is_a_gap(seed, mode):
    """A small ring, outages, holes, reordering: audio is lost, and every position is accounted for."""
    rng = Random(seed)
    overlap = rng.choice((0, 0, 40, 128, 300))
    request = StreamRequest(hop=128, overlap=overlap, mode=mode, baud=2_000_000)
    holes = tuple((rng.randrange(1000, 90_000), rng.randrange(1, 9000)) for _ in range(4))
    w = world(
        seed,
        request=request,
        length=RATE * 6,
        ring=6000,
        holes=holes,
        down=Line(Random(seed), loss=0.08, noise=0.03, repeat=0.05, reorder=0.05),
        up=Line(Random(seed + 9), loss=0.2),
    )
    for _ in range(3):
        w.run(rng.random() * 2)
        w.down.cut = True
        w.run(rng.random())
        w.down.cut = False
    assert w.run(60, ended(w))
    told = check(w.events)
    assert told.frames + sum(gap.frames for gap in told.gaps) == told.ended == RATE * 6
    assert told.gaps
    assert w.receiver.counters.gap_frames == sum(gap.frames for gap in told.gaps)
    assert {gap.cause for gap in told.gaps} <= {"overwritten", "capture", "deadline"}
    assert w.receiver.counters.disagreements == 0


@pytest.mark.parametrize(("hop", "overlap"), [(512, 0), (512, 100), (128, 128), (128, 300)])
@pytest.mark.parametrize("at", [5120, 5121, 5631])
@pytest.mark.parametrize("frames", [3000, 1])
def test_a_hole_is_one_gap_of_its_length(hop, overlap, at, frames):
    request = StreamRequest(hop=hop, overlap=overlap)
    w = world(request=request, length=RATE, holes=((at, frames),), max_baud=4_000_000)
    assert w.run(20, ended(w))
    told = check(w.events)
    assert told.gaps == [ev.Gap(at, w.device.holes[0][1], "capture", estimated=True)]
    assert w.receiver.counters.lost_transmissions == 0


def test_overlap_heals_single_losses_without_a_round_trip():
    request = StreamRequest(hop=128, overlap=128)
    w = world(request=request, length=RATE)
    w.run(2, lambda: w.receiver.state is State.STREAMING)
    w.down.loss = 0
    dropped = 0
    put = w.down.put

    def lose_some(frame, now):
        nonlocal dropped
        if len(frame) > 500 and w.device.next % 5 == 0 and w.device.next < 100:
            dropped += 1
            return
        put(frame, now)

    w.down.put = lose_some
    assert w.run(10, ended(w))
    told = check(w.events)
    assert dropped > 10
    assert told.gaps == []
    assert w.receiver.counters.requests == 0
    assert w.receiver.counters.lost_transmissions == dropped


def test_overlap_that_disagrees_is_told_and_the_first_is_kept():
    w = world(request=StreamRequest(hop=128, overlap=32), length=1280)
    w.device.corrupt_overlap = True
    assert w.run(10, ended(w))
    found = of(w, ev.Disagreement)
    assert len(found) == 9
    assert found[0] == ev.Disagreement(128, 160)
    assert w.receiver.counters.disagreements == 9
    kept = np.concatenate([e.frames for e in of(w, ev.Audio)])
    assert len(kept) == 1280
    wrong = np.flatnonzero(kept != audio(0, 1280))
    assert len(wrong) == 9 * 32


def test_live_gives_up_at_the_deadline_and_drops_what_comes_later():
    w = world(request=StreamRequest(mode="live"), deadline_ms=100, length=RATE * 3, ring=RATE * 3)
    w.run(2, lambda: w.receiver.counters.chunks > 20)
    lost_at = w.device.next
    w.down.cut = True
    w.run(0.2)
    w.down.cut = False
    w.down.latency_s = 0.3  # whatever is asked for comes too late
    assert w.run(20, ended(w))
    told = check(w.events)
    assert {gap.cause for gap in told.gaps} == {"deadline"}
    assert told.gaps[0].start == lost_at * 512
    assert w.receiver.counters.late > 0


@pytest.mark.parametrize("seed", range(8))
def test_a_stream_whose_end_was_told_is_over(seed):
    """Also where the deadline of a chunk before the last one tells it, and no packet."""
    lossy = Line(Random(seed), loss=0.3, latency_s=0.005)
    w = world(seed, request=StreamRequest(mode="live"), deadline_ms=100, length=RATE, down=lossy)
    assert w.run(20, lambda: any(isinstance(event, ev.Ended) for event in w.events), step_s=0.001)
    assert w.receiver.state is State.ENDED


def test_live_takes_what_comes_before_the_deadline():
    w = world(request=StreamRequest(mode="live"), deadline_ms=400, length=RATE * 3)
    w.run(2, lambda: w.receiver.counters.chunks > 20)
    w.down.cut = True
    w.run(0.15)
    w.down.cut = False
    assert w.run(20, ended(w))
    assert check(w.events).gaps == []


def test_a_lost_tail_is_asked_for():
    """Nothing after it shows that it is missing, and the source waits for the ACK: the host has to ask."""
    w = world(length=RATE * 20, waits=True)
    w.run(5, lambda: w.receiver.counters.chunks > 10)
    w.receiver.hold(None)
    w.down.cut = True
    w.run(0.5)
    w.down.cut = False
    assert w.run(30, ended(w))
    told = check(w.events)
    assert told.gaps == []
    assert told.ended == RATE * 20


def test_a_source_that_can_wait_waits_for_the_hold():
    w = world(length=RATE * 20, waits=True, ring=8192)
    w.receiver.hold(16384)
    w.run(8)
    assert w.device.written == 16384 + 8192
    assert check(w.events).frames <= 16384 + 8192
    w.receiver.hold(None)
    assert w.run(60, ended(w))
    assert check(w.events).ended == RATE * 20


def test_stop_brings_the_rest_and_the_exact_length():
    w = world()
    w.run(2)
    w.receiver.stop(w.now)
    assert w.run(5, ended(w))
    told = check(w.events)
    assert told.ended == w.device.written
    assert told.gaps == []
    w.receiver.part(w.now)
    assert w.run(3, lambda: w.receiver.state is State.OVER)
    assert w.receiver.baud == wire.DEFAULT_BAUD == w.device.baud


def test_the_last_chunk_is_acknowledged_until_the_device_is_content():
    w = world(length=RATE)
    assert w.run(5, ended(w))
    w.up.cut = False
    w.run(1)
    assert w.device.acked > w.device.last
    assert w.device.last_repeats <= 1


def test_acks_come_in_time():
    w = world(length=RATE * 3)
    assert w.run(20, ended(w))
    acks = [wire.AckFields.unpack(p.payload) for p in w.device.heard if p.kind == Kind.ACK]
    assert len(acks) >= 3 * 2
    assert acks[-1] == (w.device.last + 1, w.device.last + 1)
    assert all(a.next <= b.next for a, b in pairwise(acks))


def test_never_asked_again_too_soon():
    w = world(length=RATE * 4, down=Line(Random(5), loss=0.1), up=Line(Random(6)))
    asked: dict[int, float] = {}
    on_request = w.device.on_request

    def watch(packet):
        for start, stop in ranges(packet):
            for sequence in range(start, stop):
                assert w.now - asked.get(sequence, -1.0) >= wire.REQUEST_AGAIN_MIN_MS / 1000 - 1e-9
                asked[sequence] = w.now
        on_request(packet)

    w.device.on_request = watch
    assert w.run(30, ended(w))
    assert asked
    assert check(w.events).gaps == []


def test_numbers_of_packets_of_a_host_rise_by_one():
    w = world(length=RATE)
    assert w.run(20, ended(w))
    numbers = [p.number for p in w.device.heard if p.session]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def test_the_true_rate_and_the_time_of_capture_are_found():
    w = world(length=RATE * 30)
    w.whole = True
    assert w.run(60, ended(w))
    stats = w.receiver.stats()
    assert stats.true_rate == pytest.approx(RATE, rel=1e-4)
    time, uncertainty = w.receiver.time_of(RATE * 10)
    assert time == pytest.approx(w.device.began + 10, abs=0.02)
    assert 0 < uncertainty < 0.1
