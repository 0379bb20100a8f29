"""Packets with a right check and nonsense inside, from a device that is broken or hostile.

Nothing raises, nothing hangs, nothing grows; and whatever is told goes on from what was told before.
"""

import struct
import zlib
from random import Random

import pytest
from simworld import RATE, check, ended, of, world

from ossicle.proto import _wire as wire
from ossicle.proto import events as ev
from ossicle.proto._wire import DEVICE_KINDS, Kind
from ossicle.proto.request import StreamRequest

SIZES = {Kind.STARTED: 40, Kind.PONG: 16, Kind.STATUS: wire.STATUS_STRUCT.size, Kind.SET_REPLY: 12}


def some_payload(rng, kind, world_):
    if kind == Kind.AUDIO:
        return rng.randbytes(2 * rng.randrange(700))
    if kind == Kind.GONE:
        count = rng.randrange(1, 9)
        edges = sorted(rng.randrange(rng.choice([200, 2**30])) for _ in range(2 * count))
        return bytes([count, rng.randrange(6), 0, 0]) + struct.pack(f"<{2 * count}I", *edges)
    if kind == Kind.STARTED:
        return wire.StartedFields(
            token=rng.choice([0, 5, rng.randrange(2**30)]),
            stream_id=rng.choice([world_.device.stream_id, bytes(8)]),
            rate=16000,
            hop=rng.choice([64, 128, 300]),
            overlap=rng.choice([0, 64]),
            mode=0,
            codec=rng.choice([0, 0, 1, 9]),
            channels=rng.choice([1, 1, 2, 7]),
            gain=256,
            ring_frames=rng.randrange(2**20),
            oldest=rng.randrange(rng.choice([100, 2**29])),
            next=rng.randrange(rng.choice([100, 2**30])),
        ).pack()
    return rng.randbytes(SIZES.get(kind, rng.randrange(60)))


def forged(rng, world_):
    kind = rng.choice([*DEVICE_KINDS, rng.randrange(256)])
    session = rng.choice([world_.device.session] * 3 + [0, rng.randrange(65536)])
    flags = rng.choice([0, 0, 0, 4, 8, 16, 24, rng.randrange(256)])
    sequence = rng.randrange(rng.choice([200, 2**30]))
    number = rng.randrange(rng.choice([500, 2**30]))
    body = struct.pack("<BBHIII", kind, flags, session, sequence, rng.randrange(2**30), number)
    body += some_payload(rng, kind, world_)
    return world_.device.framing.wrap(body + zlib.crc32(body).to_bytes(4, "little"))


@pytest.mark.parametrize("seed", range(12))
def test_nonsense_neither_raises_nor_hangs_nor_grows(seed):
    rng = Random(seed)
    mode = rng.choice(["live", "lossless"])
    w = world(seed, request=StreamRequest(mode=mode, hop=128, overlap=rng.choice([0, 64, 200])))
    w.run(1.0)
    for _ in range(300):
        w.receiver.receive(forged(rng, w), w.now)
        w.collect()
        if rng.random() < 0.1:
            w.step(0.02)
    w.run(1.0)
    position = 0
    for event in w.events:
        if isinstance(event, ev.Audio | ev.Gap):
            assert event.start == position
            position = event.stop or 0
    audio = w.receiver.stream.audio
    assert len(audio._chunks) <= audio.window


def test_legal_packets_that_answer_nothing_do_no_harm():
    w = world(length=RATE * 3)
    w.run(1.5)
    rng = Random(4)
    device = w.device
    kinds = [Kind.AUDIO, Kind.STARTED, Kind.PONG, Kind.SET_REPLY, Kind.REFUSED, Kind.HELLO, Kind.LOG]
    hellos = [b"[]", b"{", b'{"ossicle": "one"}', b"\xff", b'{"ossicle": true}', b"[" * 1300]
    for _ in range(300):
        kind = rng.choice(kinds)
        payload = {
            Kind.AUDIO: rng.randbytes(rng.randrange(512) * 2),
            Kind.STARTED: wire.StartedFields(
                rng.randrange(200), rng.randbytes(8), *[rng.randrange(200)] * 10
            ).pack(),
            Kind.PONG: rng.randbytes(8) + bytes(8),
            Kind.SET_REPLY: bytes(12),
            Kind.REFUSED: bytes(8) + b"no",
            Kind.HELLO: rng.choice(hellos),
            Kind.LOG: bytes(4) + b"hello",
        }[kind]
        sequence = rng.randrange(40) if kind == Kind.AUDIO else 0
        device.replies.append(device.packet(kind, payload, sequence=sequence))
    assert w.run(20, ended(w))
    assert check(w.events).gaps == []
    counters = w.receiver.counters
    assert counters.malformed > 0
    assert counters.unexpected > 0
    assert w.receiver.refused["hello"] > 0
    assert ev.Log(0, "hello") in of(w, ev.Log)


def test_a_stream_that_comes_back_cut_differently_is_not_believed():
    w = world(length=RATE * 3)
    w.run(1.5)
    w.device.hop, hop = 256, w.device.hop
    w.device.renew()
    w.step()
    w.device.hop = hop
    w.run(0.1)
    assert w.receiver.counters.malformed == 1
    assert of(w, ev.SessionChanged) == []


@pytest.mark.parametrize("kind", [Kind.GONE, Kind.AUDIO])
def test_the_highest_sequences_leave_nothing_that_cannot_be_sent(kind):
    """A REQUEST or ACK beyond them could not be packed, and would end the stream with an exception."""
    w = world(length=RATE * 3)
    w.run(1.0)
    limit = wire.NUMBER_LIMIT - 1
    gone = bytes([1, 1, 0, 0]) + struct.pack("<2I", 0, limit)
    payload = gone if kind == Kind.GONE else bytes(2 * w.receiver.stream.audio.hop)
    sequence = limit if kind == Kind.AUDIO else 0
    w.device.replies.append(w.device.packet(kind, payload, sequence=sequence))
    w.run(5.0)
    assert w.receiver.stream.audio.highest <= limit
