"""The receiver against a simulated device over bad lines: never shifted, never repeated, nothing silent."""

from dataclasses import dataclass
from itertools import pairwise
from random import Random

import numpy as np
import pytest
from simdevice import Line, SimDevice, World, audio

from ossicle.proto import _wire as wire
from ossicle.proto import events as ev
from ossicle.proto._wire import Kind
from ossicle.proto.handshake import State
from ossicle.proto.packets import ranges
from ossicle.proto.receiver import Receiver
from ossicle.proto.request import StreamRequest

RATE = 16000


@dataclass
class Told:
    """What a run of events says, checked as it is read."""

    frames: int
    gaps: list
    ended: int | None


def check(told, channels=1, first=0):
    """Every frame right and once, every other position in a gap; positions go on without a break."""
    position = 0
    frames = 0
    gaps = []
    ended = None
    for event in told:
        if isinstance(event, ev.Audio):
            assert ended is None
            assert event.start == position
            assert np.array_equal(event.frames, audio(event.start, event.stop, channels))
            assert not event.frames.flags.writeable
            position = event.stop
            frames += len(event.frames)
        elif isinstance(event, ev.Gap):
            assert event.start == position
            position = 0 if event.stop is None else event.stop
            gaps.append(event)
        elif isinstance(event, ev.Ended):
            ended = event.stop
            assert ended == position
    return Told(frames, gaps, ended)


def world(seed=1, *, request=None, deadline_ms=200, down=None, up=None, **device):
    request = request or StreamRequest()
    receiver = Receiver(request, deadline_ms=deadline_ms, random=Random(seed))
    return World(receiver, SimDevice(Random(seed + 1), **device), down, up)


def ended(w):
    return lambda: w.receiver.state is State.ENDED


def of(w, kind):
    return [e for e in w.events if isinstance(e, kind)]


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
def test_a_hole_is_one_gap_of_its_length(hop, overlap, at):
    request = StreamRequest(hop=hop, overlap=overlap)
    w = world(request=request, length=RATE, holes=((at, 3000),), max_baud=4_000_000)
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


def test_positions_go_on_where_the_devices_wrap():
    first = 2**30 // 512 - 10
    w = world(length=RATE, first=first)
    assert w.run(20, ended(w))
    told = check(w.events)
    assert told.gaps == [ev.Gap(0, first * 512, "overwritten")]
    assert told.ended == first * 512 + RATE > 2**30


def test_an_outage_heals_from_the_ring():
    w = world(length=RATE * 6)
    w.run(2)
    w.down.cut = w.up.cut = True
    w.run(1.4)
    w.down.cut = w.up.cut = False
    assert w.run(30, ended(w))
    told = check(w.events)
    assert told.gaps == []
    assert told.frames == RATE * 6


def test_a_long_outage_costs_what_the_ring_could_not_hold():
    w = world(length=RATE * 14)
    w.run(2)
    w.down.cut = w.up.cut = True
    w.run(6)
    assert of(w, ev.Silent)
    assert w.receiver.state is State.GREETING
    w.down.cut = w.up.cut = False
    assert w.run(40, ended(w))
    told = check(w.events)
    assert [gap.cause for gap in told.gaps] == ["overwritten"]
    assert 2 * RATE < told.gaps[0].frames < 6 * RATE
    assert w.receiver.counters.resumes >= 1
    assert [started.resumed for started in of(w, ev.Started)] == [False, True]


def test_a_reboot_ends_the_stream_with_a_gap_of_unknown_length():
    w = world(length=RATE * 4)
    w.run(2)
    w.device.reboot()
    assert w.run(30, ended(w))
    told = check(w.events)
    assert [(gap.stop, gap.cause) for gap in told.gaps] == [(None, "reset")]
    assert told.ended == RATE * 4
    assert len({started.stream_id for started in of(w, ev.Started)}) == 2
    assert w.receiver.counters.resets == 1


def test_a_renewed_session_goes_on_without_a_break():
    w = world(length=RATE * 3)
    w.run(1.5)
    w.device.renew()
    assert w.run(20, ended(w))
    told = check(w.events)
    assert told.gaps == []
    assert [e.session for e in of(w, ev.SessionChanged)] == [w.device.session]


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
    assert len(acks) >= 3 * 5
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


def test_audio_of_another_session_is_dropped_and_counted():
    w = world(length=RATE * 2)
    w.run(1.5)
    session, w.device.session = w.device.session, w.device.session % 65535 + 1
    w.run(0.3)
    w.device.session = session
    assert w.run(20, ended(w))
    assert check(w.events).gaps == []
    assert w.receiver.counters.wrong_session > 3


@pytest.mark.parametrize("seed", range(4))
def test_random_bytes_and_mutated_packets_raise_nothing(seed):
    rng = Random(seed)
    w = world(seed, length=RATE * 2, down=Line(Random(seed), noise=0.5))
    w.receiver.receive(rng.randbytes(5000), w.now)
    put = w.down.put

    def and_noise(frame, now):
        put(frame, now)
        put(rng.randbytes(rng.randrange(50)) + b"\0", now)

    w.down.put = and_noise
    assert w.run(60, ended(w))
    assert check(w.events).gaps == []
    assert w.receiver.stats().frames_undecodable > 0


def test_forged_but_legal_packets_do_no_harm():
    """Right check, right session, nonsense inside: counted, and the stream goes on."""
    w = world(length=RATE * 3)
    w.run(1.5)
    rng = Random(4)
    device = w.device
    for _ in range(300):
        kind = rng.choice(
            [Kind.AUDIO, Kind.STARTED, Kind.PONG, Kind.SET_REPLY, Kind.REFUSED, Kind.HELLO, Kind.LOG]
        )
        payload = {
            Kind.AUDIO: rng.randbytes(rng.randrange(0, 512) * 2),
            Kind.STARTED: wire.StartedFields(
                *([rng.randrange(200)] + [rng.randbytes(8)] + [rng.randrange(200)] * 10)
            ).pack(),
            Kind.PONG: rng.randbytes(8) + bytes(8),
            Kind.SET_REPLY: bytes(12),
            Kind.REFUSED: bytes(8) + b"no",
            Kind.HELLO: rng.choice(
                [b"[]", b"{", b'{"ossicle": "one"}', b"\xff", b'{"ossicle": true}', b"[" * 1300]
            ),
            Kind.LOG: bytes(4) + b"hello",
        }[kind]
        sequence = rng.randrange(0, 40) if kind == Kind.AUDIO else 0
        device.replies.append(device.packet(kind, payload, sequence=sequence))
    assert w.run(20, ended(w))
    told = check(w.events)
    assert told.gaps == []
    assert w.receiver.counters.malformed > 0
    assert w.receiver.counters.unexpected > 0
    assert w.receiver.refused["hello"] > 0


def test_events_must_be_collected():
    w = world(length=RATE * 3000, waits=True)
    w.collect = lambda: [w.device.receive(data) for data in w.receiver.to_send()]
    with pytest.raises(RuntimeError, match="events"):
        w.run(10_000)
