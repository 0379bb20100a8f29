"""Codec adpcm on the host: its decoder, and streams of it through bad lines."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from oracle import adpcm as oracle
from simworld import RATE, Line, check, ended, of, world

from ossicle.proto import _wire as wire
from ossicle.proto import adpcm
from ossicle.proto import events as ev
from ossicle.proto._wire import Kind
from ossicle.proto.packets import Packet, encode
from ossicle.proto.request import StreamRequest


@pytest.mark.parametrize("seed", range(4))
def test_any_payload_decodes_as_the_oracle_does(seed: int) -> None:
    """Also such as no coder makes: the index runs to both ends, the predictor is clamped at both."""
    rng = Random(seed)
    for _ in range(300):
        channels = rng.choice((1, 2))
        padding = rng.choice((0, 1)) if channels == 1 else 0
        like = rng.choice((bytes([0x77]), bytes([0xFF]), bytes([0x80]), bytes([0x0F]), None))
        count = rng.randrange(1, 80)
        body = rng.randbytes(count) if like is None else like * count + rng.randbytes(rng.randrange(8))
        heads = b"".join(rng.randbytes(2) + bytes([rng.randrange(89), padding]) for _ in range(channels))
        frames = adpcm.decode(heads + body, channels)
        assert frames is not None
        assert frames.dtype == np.int16
        assert frames.ravel().tolist() == oracle.decode_payload(heads + body, channels)


def test_anything_is_decoded_or_refused() -> None:
    rng = Random(9)
    whole = 0
    for _ in range(3000):
        payload = bytearray(rng.randbytes(rng.randrange(40)))
        for at in (3, 7):
            if len(payload) > at:
                payload[at] &= 1
        frames = adpcm.decode(bytes(payload), rng.choice((1, 2)))
        whole += frames is not None and len(frames) > 0
    assert whole > 300


def run(request: StreamRequest, seconds: float = 4, *, live: bool = False, **more: object):
    w = world(request=request, length=int(RATE * seconds), **more)
    assert w.run(seconds + 20, ended(w))
    told = check(w.events, request.channels, w.device.coder.heard)
    assert told.ended == int(RATE * seconds)
    return w, told


def bad(seed: int) -> dict[str, Line]:
    return {
        "down": Line(Random(seed), loss=0.08, noise=0.03, repeat=0.03, reorder=0.05, latency_s=0.01),
        "up": Line(Random(seed + 1), loss=0.08, noise=0.03, latency_s=0.01),
    }


@pytest.mark.parametrize(
    ("channels", "hop", "overlap"), [(1, None, 0), (1, 101, 50), (1, 2600, 80), (2, None, 0), (2, 500, 501)]
)
def test_a_bad_line(channels: int, hop: int | None, overlap: int) -> None:
    """Lost, spoiled, doubled, in another order: every frame comes, and overlaps agree."""
    request = StreamRequest(codec="adpcm", channels=channels, hop=hop, overlap=overlap, baud=921600)
    w, told = run(request, **bad(3))
    assert told.gaps == []
    assert w.receiver.counters.resent > 0
    assert not of(w, ev.Disagreement)
    assert w.receiver.counters.malformed == 0


def test_holes() -> None:
    """What follows a hole goes on from the state before it; the chunk before it may be of any length."""
    holes = ((5001, 3000), (20_003, 700), (40_000, 512))
    _, told = run(StreamRequest(codec="adpcm", hop=501, overlap=100), holes=holes)
    assert [gap.start for gap in told.gaps] == [5001, 20_003, 40_000]
    assert {gap.cause for gap in told.gaps} == {"capture"}


def test_live() -> None:
    _, told = run(StreamRequest(codec="adpcm", mode="live"), deadline_ms=100, **bad(5))
    assert {gap.cause for gap in told.gaps} <= {"deadline"}
    assert told.frames > 3 * RATE


def test_115200_baud_is_enough() -> None:
    w, told = run(StreamRequest(codec="adpcm"), down=Line(Random(3), loss=0.05))
    assert told.gaps == []
    assert w.receiver.baud == 115200
    assert not of(w, ev.SpeedChanged)
    assert not [packet for packet in w.device.heard if packet.kind == Kind.SET]


def test_a_malformed_payload_is_counted_and_costs_nothing() -> None:
    w = world(request=StreamRequest(codec="adpcm"), length=RATE * 2)
    w.run(1)
    for flags, payload in (
        (wire.Codec.ADPCM, bytes(4)),
        (wire.Codec.ADPCM, b"\0\0\x59\0" + bytes(256)),
        (wire.Codec.PCM16, bytes(1024)),
    ):
        data = encode(Packet(Kind.AUDIO, flags, w.device.session, w.device.next + 1, 0, 10**6, payload))
        w.receiver.receive(w.device.framing.wrap(data), w.now)
    assert w.receiver.counters.malformed == 3
    assert w.run(20, ended(w))
    told = check(w.events, 1, w.device.coder.heard)
    assert told.gaps == []
    assert told.frames == RATE * 2


@pytest.mark.parametrize(
    ("channels", "codec", "most"),
    [(1, "pcm16", 672), (2, "pcm16", 336), (1, "adpcm", 2680), (2, "adpcm", 1336)],
)
def test_the_longest_window(channels: int, codec: str, most: int) -> None:
    request = StreamRequest(channels=channels, codec=codec, hop=most - 64, overlap=64)
    assert wire.PAYLOAD_MAX_BYTES - 2 * channels < request.window_bytes <= wire.PAYLOAD_MAX_BYTES
    with pytest.raises(ValueError, match=f"at most {most} frames"):
        StreamRequest(channels=channels, codec=codec, hop=most - 64, overlap=65)


def test_what_a_line_must_carry() -> None:
    """16 kHz mono fits into 115200 with the spare that PCM has at 921600; more needs more."""
    assert StreamRequest(codec="adpcm").speeds(115200, 921600) == []
    assert 88_000 < StreamRequest(codec="adpcm").bits_per_s < 89_000
    assert StreamRequest(codec="adpcm", channels=2).speeds(115200, 921600) == [921600, 460800]
    assert StreamRequest(codec="adpcm", hop=64).speeds(115200, 921600) == [921600, 460800]
    with pytest.raises(ValueError, match="pcm16 or adpcm"):
        StreamRequest(codec="opus")
