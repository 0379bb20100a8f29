"""What a device cannot have sent yet is not believed, unless the device says that it is there (W-56)."""

import struct

from simworld import RATE, check, ended, world

from ossicle.proto._wire import Cause, Kind
from ossicle.proto.handshake import State
from ossicle.proto.horizon import Horizon
from ossicle.proto.packets import pack_ranges


def test_the_limit_grows_with_the_time_since_the_last_audio():
    horizon = Horizon(50, 0.032)
    assert not horizon.hides(113, 114, 0, 10.0)
    assert horizon.hides(114, 115, 0, 10.0)
    assert not horizon.hides(114, 115, 0, 10.02)
    assert not horizon.hides(0, 10**9, 10**9, 10.0)  # seen already
    horizon.believed(20.0)
    assert horizon.hides(499, 500, 100, 21.0)
    assert not horizon.hides(499, 500, 100, 20.0 + 0.032 * (400 - 114) / 2 + 0.001)


def test_doubt_comes_of_several_and_an_answer_is_believed():
    horizon = Horizon(50, 0.032)
    for stop in (900, 5000, 901):
        assert horizon.question(10, 1.0, 0.1) == []
        assert horizon.hides(stop - 1, stop, 10, 1.0)
    assert horizon.question(10, 1.0, 0.1) == [(10, 901)]
    assert horizon.question(10, 1.05, 0.1) == []
    assert horizon.question(10, 1.11, 0.1) == [(10, 901)]
    assert horizon.hides(11, 900, 10, 1.1)  # answers nothing
    assert horizon.hides(10, 902, 10, 1.1)  # was not asked for
    assert not horizon.hides(10, 900, 10, 1.1)
    assert horizon.question(902, 2.0, 0.1) == []
    horizon.believed(1.2)
    assert horizon.hides(10, 900, 10, 1.2)
    horizon = Horizon(50, 0.032)
    for _ in range(3):
        horizon.hides(2**30 - 2, 2**30 - 1, 10, 1.0)
    assert horizon.question(10, 1.0, 0.1) == [(10, 2**30 - 1)]


def test_a_forged_chunk_or_gone_does_not_end_the_recording():
    w = world(length=RATE * 3)
    w.run(1.5)
    device = w.device
    far = w.receiver.stream.audio.highest + 300
    for _ in range(2):
        device.replies.append(device.packet(Kind.AUDIO, bytes(1024), sequence=far))
        w.run(0.1)
    gone = bytes([1, 1, 0, 0]) + struct.pack("<2I", w.receiver.stream.audio.next, far)
    device.replies.append(device.packet(Kind.GONE, gone))
    w.run(0.1)
    assert w.receiver.counters.malformed == 3
    assert w.run(10, ended(w))
    assert check(w.events).gaps == []


def test_a_host_that_slept_with_its_clock_goes_on_where_the_device_is():
    w = world(length=RATE * 30)
    w.run(2)
    receiver, device = w.receiver, w.device
    for _ in range(1000):  # the device alone
        device.heard_at = device.now
        device.step(device.now + 0.01)
    before, w.now = w.now, device.now
    receive, tick = receiver.receive, receiver.tick
    asleep = w.now - before
    receiver.receive = lambda data, now: receive(data, now - asleep)
    receiver.tick = lambda now: tick(now - asleep)
    assert w.run(40, ended(w))
    (gap,) = check(w.events).gaps
    assert gap.cause == "overwritten"
    assert 10 * RATE - device.ring <= gap.frames <= 10.2 * RATE - device.ring
    assert receiver.counters.malformed >= 3


def test_a_source_that_skips_without_time_is_believed_after_a_question():
    w = world(length=RATE * 300, waits=True, holes=((RATE * 10, RATE * 200),), max_baud=4_000_000)
    device = w.device
    while not w.run(0.2, ended(w)) and w.now < 150:
        if device.acked < device.next - 100:  # as firmware does: it tells what it passed over (W-26)
            gone = pack_ranges([(device.acked, device.next)], Cause.CAPTURE)
            device.replies.append(device.packet(Kind.GONE, gone))
    told = check(w.events)
    assert w.receiver.state is State.ENDED
    assert sum(gap.frames for gap in told.gaps) >= RATE * 200
    assert told.ended == device.written
    assert {gap.cause for gap in told.gaps} == {"overwritten", "capture"}
