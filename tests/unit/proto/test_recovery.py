"""Outages, reboots, renewed sessions and packets that should not be: the stream goes on, or says why not."""

from random import Random

import pytest
from simworld import RATE, Line, check, ended, of, world

from ossicle.proto import events as ev
from ossicle.proto._wire import STATUS_STRUCT, Kind
from ossicle.proto.handshake import State


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


def test_what_another_session_says_is_not_believed():
    w = world(length=RATE * 2)
    w.run(1.5)
    device = w.device
    session, device.session = device.session, device.session % 65535 + 1
    foreign = [
        device.packet(Kind.AUDIO, bytes(1024), sequence=w.receiver.stream.audio.next),
        device.packet(Kind.STATUS, bytes(STATUS_STRUCT.size)),
        device.packet(Kind.LOG, bytes(4) + b"x"),
    ]
    device.session = session
    for frame in foreign:
        w.receiver.receive(frame, w.now)
    assert w.receiver.counters.wrong_session == len(foreign)
    assert w.run(20, ended(w))
    assert check(w.events).gaps == []
    assert not of(w, ev.Log)


def test_a_stream_is_resumed_when_its_speed_works_again():
    """At the default speed the device refuses to go on: that is no reason to give up."""
    w = world(length=RATE * 60)
    w.run(2)
    w.down.cut = w.up.cut = True
    w.run(4)
    w.down.cut = w.up.cut = False
    w.device.deaf_bauds = (921600, 460800)
    w.run(15)
    assert w.receiver.baud == w.device.baud == 115200 or w.receiver.state is State.SWITCHING
    assert not of(w, ev.Refused)
    w.device.deaf_bauds = ()
    assert w.run(20, lambda: w.receiver.state is State.STREAMING)
    assert of(w, ev.Started)[-1].resumed
    w.receiver.stop(w.now)
    assert w.run(20, ended(w))
    check(w.events)


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


def test_events_must_be_collected():
    w = world(length=RATE * 3000, waits=True)
    w.collect = lambda: [w.device.receive(data) for data in w.receiver.to_send()]
    with pytest.raises(RuntimeError, match="events"):
        w.run(10_000)
