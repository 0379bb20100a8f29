"""Raw Opus packets into the aggregator: as one stream, whatever the chunks; and what is no packet."""

from __future__ import annotations

import random
import sys
from typing import Any

import av
import numpy as np
import pytest

from ossicle import Aggregator
from ossicle.audio import packets
from ossicle.audio.errors import DecoderMissingError, MalformedAudioError

RATE = 48_000


def encoded(channels: int = 1, seconds: int = 1, frame_ms: int = 20, voice: bool = True) -> list[bytes]:
    """A tone and some noise, as a list of packets."""
    layout = "stereo" if channels == 2 else "mono"
    coder: Any = av.CodecContext.create("libopus", "w")
    coder.options = {"application": "voip" if voice else "lowdelay", "frame_duration": str(frame_ms)}
    coder.sample_rate, coder.layout, coder.format, coder.bit_rate = RATE, layout, "s16", 24_000 * channels
    coder.open()
    at = np.arange(RATE * seconds)
    dice = np.random.default_rng(1)
    lines = [
        9000 * np.sin(2 * np.pi * (300 + 200 * c) * at / RATE) + dice.normal(0, 300, len(at))
        for c in range(channels)
    ]
    audio = np.stack(lines, axis=1).astype(np.int16)
    out: list[bytes] = []
    for start in range(0, len(audio), coder.frame_size):
        piece = audio[start : start + coder.frame_size].reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(piece, format="s16", layout=layout)
        frame.sample_rate, frame.pts = RATE, start
        out += [bytes(packet) for packet in coder.encode(frame)]
    return out


def through(pieces: list[list[bytes]], channels: int = 1) -> np.ndarray:
    aggregator = Aggregator(channels=channels)
    for piece in pieces:
        aggregator.push("a", piece)
    aggregator.finish("a", "timeout")
    return np.concatenate([batch.frames for batch in aggregator.flush()])


@pytest.mark.parametrize("channels", [1, 2])
def test_packets_are_one_stream_in_chunks_of_any_size(channels: int) -> None:
    found = encoded(channels)
    whole = through([found], channels)
    assert len(whole) == len(found) * 320 == 16_000
    assert np.array_equal(through([[each] for each in found], channels), whole)
    assert np.array_equal(through([found[:7], [], found[7:31], found[31:]], channels), whole)
    for channel in range(channels):
        line = whole if channels == 1 else whole[:, channel]
        spectrum = np.abs(np.fft.rfft(line[2000:14_000].astype(float)))
        assert round(spectrum.argmax() * 16_000 / 12_000) == 300 + 200 * channel
        assert 4000 < np.abs(line[2000:]).max() < 13_000


@pytest.mark.parametrize(
    ("frame_ms", "voice"), [(10, False), (20, True), (40, True), (60, True), (120, True)]
)
def test_the_length_of_a_packet_is_known_before_it_is_decoded(frame_ms: int, voice: bool) -> None:
    found = encoded(frame_ms=frame_ms, voice=voice)
    assert packets.length(found) == len(found) * frame_ms * 48
    decoder = packets.PacketDecoder(1)
    assert len(decoder.decode(found)) == packets.length(found)


GOOD = encoded()

BAD: dict[str, bytes] = {
    "empty": b"",
    "too long a frame": b"\x78" + bytes(1276),
    "two frames of one length, odd": b"\x79\0\0\0",
    "two frames, no length": b"\x7a",
    "two frames, half a length": b"\x7a\xfc",
    "two frames, the first longer than all": b"\x7a\x09\0\0",
    "two frames, the second too long": b"\x7a\x01" + bytes(1 + 1276),
    "no count": b"\x7b",
    "a count of none": b"\x7b\0",
    "more than 120 ms": b"\x7b\x07" + bytes(7),
    "padding without an end": b"\x7b\x41\xff",
    "more padding than packet": b"\x7b\x41\x09\0",
    "three of one length that are not": b"\x7b\x03\0\0\0\0",
    "two of other lengths, no length": b"\x7b\x82",
    "two of other lengths, too long": b"\x7b\x82\x09\0",
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_packet_changes_nothing(name: str) -> None:
    """Not even what the decoder knows of the packets before: A-4."""
    aggregator = Aggregator()
    aggregator.push("a", GOOD[:20])
    clock = aggregator.clock
    with pytest.raises(MalformedAudioError, match="Opus packet 3 is no Opus packet"):
        aggregator.push("a", [*GOOD[20:23], BAD[name], *GOOD[23:]])
    assert aggregator.clock == clock
    aggregator.push("a", GOOD[20:])
    aggregator.finish("a", "timeout")
    assert np.array_equal(np.concatenate([b.frames for b in aggregator.flush()]), through([GOOD]))


def test_any_bytes_are_a_packet_or_are_refused() -> None:
    """Whatever comes, no other error and no other length than was told."""
    dice = random.Random(6)
    refused = 0
    for _ in range(1500):
        packet = bytearray(dice.choice(GOOD))
        for _ in range(dice.randrange(4)):
            packet[dice.randrange(len(packet))] = dice.randrange(256)
        packet[0] = dice.choice((packet[0], dice.randrange(256)))
        data = bytes(packet[: dice.choice((len(packet), dice.randrange(len(packet) + 1)))])
        try:
            told = packets.length([data])
            assert len(packets.PacketDecoder(1).decode([data])) == told
        except MalformedAudioError:
            refused += 1
    assert 100 < refused < 1400


def test_more_than_two_channels_and_other_things_are_refused() -> None:
    with pytest.raises(MalformedAudioError, match="one channel or two, and 3 are taken"):
        Aggregator(channels=3).push("a", GOOD)
    with pytest.raises(MalformedAudioError, match="each of bytes, and 1 is of str"):
        Aggregator().push("a", [GOOD[0], "AAAA"])  # type: ignore[list-item]
    aggregator = Aggregator()
    aggregator.push("a", GOOD[:9])
    with pytest.raises(ValueError, match="start is told for audio of 16000 Hz only, not for 48000 Hz"):
        aggregator.push("a", GOOD, start=0)
    aggregator.push("a", GOOD[9:])
    aggregator.finish("a", "timeout")
    assert np.array_equal(np.concatenate([b.frames for b in aggregator.flush()]), through([GOOD]))
    with pytest.raises(MalformedAudioError, match=r"at most 0\.05 s of audio"):
        Aggregator(max_chunk_s=0.05).push("a", GOOD)


def test_without_pyav_there_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    aggregator = Aggregator()
    with pytest.raises(DecoderMissingError, match=r"pip install 'ossicle\[opus\]'"):
        aggregator.push("a", GOOD)
    aggregator.push("a", np.zeros(9, np.int16))
    assert aggregator.clock == 9
