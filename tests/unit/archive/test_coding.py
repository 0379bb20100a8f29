"""Audio to an object's bytes and back: exact in length always, in every sample with FLAC; and what is damaged
or made to harm is told from it."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from dataclasses import replace
from random import Random

import numpy as np
import pytest
import soundfile

from ossicle.archive import flac, ogg
from ossicle.archive.coding import (
    HEAD_BYTES,
    OPUS_RATES,
    Encoder,
    Frames,
    check,
    decode,
    entry_of,
    pcm_sha256,
)
from ossicle.archive.entry import ArchiveError, Entry, GapRow, SegmentRow

RATE = 16000


def sound(n: int, channels: int = 1, rate: int = RATE) -> Frames:
    """Low tones, a different one in each channel, with noise: int16, (n,) or (n, channels)."""
    time = np.arange(n)[:, None] / rate
    tones = 8000 * np.sin(2 * np.pi * time * (200 + 90 * np.arange(channels)))
    mixed = (tones + np.random.default_rng(n).normal(0, 200, (n, channels))).astype(np.int16)
    return mixed[:, 0] if channels == 1 else mixed


def described(frames: Frames, codec: str = "flac", **others: object) -> Callable[[str], Entry]:
    channels = 1 if frames.ndim == 1 else frames.shape[1]
    entry = Entry("own", "dev", "ab", 7, 7 + len(frames), RATE, channels, codec, 1.5, 0.1, None, (), (), "")
    return lambda sha: replace(entry, pcm_sha256=sha, **others)  # type: ignore[arg-type]


def made(frames: Frames, codec: str = "flac", rate: int = RATE, piece: int = 1000, **others: object) -> bytes:
    encoder = Encoder(codec, rate, 1 if frames.ndim == 1 else frames.shape[1])
    for at in range(0, len(frames), piece):
        encoder.write(frames[at : at + piece])
    return encoder.finish(described(frames, codec, rate=rate, **others))


@pytest.mark.parametrize("channels", [1, 2, 8])
@pytest.mark.parametrize("rate", [8000, 15625, 16000, 44100, 48000])
@pytest.mark.parametrize("n", [1, 4095, 4096, 9001])
def test_flac_gives_every_sample_back(n: int, rate: int, channels: int) -> None:
    frames = sound(n, channels, rate)
    entry, back = decode(made(frames, rate=rate))
    assert back.dtype == np.int16
    assert np.array_equal(back, frames)
    assert (entry.frames, entry.rate, entry.channels) == (n, rate, channels)
    assert entry.pcm_sha256 == pcm_sha256(frames)


def test_flac_of_the_loudest_noise_and_of_silence() -> None:
    noise = np.random.default_rng(1).integers(-32768, 32768, 20_000).astype(np.int16)
    for frames in (noise, np.full(20_000, -32768, np.int16), np.zeros(20_000, np.int16)):
        assert np.array_equal(decode(made(frames))[1], frames)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", OPUS_RATES)
@pytest.mark.parametrize("n", [1, 100, 319, 320, 321, 960, 9001])
def test_opus_gives_the_exact_number_of_frames_back(n: int, rate: int, channels: int) -> None:
    frames = sound(n, channels, rate)
    entry, back = decode(made(frames, "opus", rate))
    assert back.shape == frames.shape
    assert entry.frames == n


@pytest.mark.parametrize("rate", OPUS_RATES)
def test_opus_is_not_shifted(rate: int) -> None:
    """A click in a quiet second lies where it lay."""
    frames = np.zeros(rate, np.int16)
    frames[rate // 2 : rate // 2 + rate // 1000] = 20_000
    _, back = decode(made(frames, "opus", rate))
    loud = np.flatnonzero(np.abs(back.astype(int)) > 5000)
    assert abs(int(loud[0]) - rate // 2) <= rate // 1000
    assert abs(int(loud[-1]) - rate // 2) <= rate // 500


def test_the_bitrate_of_opus_is_kept() -> None:
    frames = sound(10 * RATE)
    sizes = []
    for kbps in (16, 32, 64):
        encoder = Encoder("opus", RATE, kbps=kbps)
        encoder.write(frames)
        sizes.append(len(encoder.finish(described(frames, "opus"))) * 8 / 10 / 1000)
    assert [round(size / kbps, 0) for size, kbps in zip(sizes, (16, 32, 64), strict=True)] == [1, 1, 1]


@pytest.mark.parametrize("codec", ["flac", "opus"])
def test_the_entry_is_read_from_the_head_alone_and_by_any_player(codec: str) -> None:
    gaps = tuple(GapRow(10**14 + n * 1000, 10**14 + n * 1000 + 999, "overflow", True) for n in range(256))
    segments = tuple(SegmentRow(10**14 + n * 1000, 10**14 + n * 1000 + 999, "silence") for n in range(256))
    frames = sound(RATE)
    data = made(frames, codec, gaps=gaps, segments=segments, device="x" * 255)
    entry = entry_of(data[:HEAD_BYTES])
    assert (entry.gaps, entry.segments) == (gaps, segments)
    assert len(decode(data)[1]) == RATE
    with soundfile.SoundFile(io.BytesIO(data)) as file:
        assert file.comment == entry.text()
        assert file.frames == RATE


@pytest.mark.parametrize("codec", ["flac", "opus"])
def test_what_is_encoded_does_not_depend_on_the_pieces(codec: str) -> None:
    frames = sound(9000)
    assert decode(made(frames, codec, piece=1))[0].pcm_sha256 == pcm_sha256(frames)
    backwards = np.stack([frames, frames], axis=1)[:, 0]  # not contiguous
    assert not backwards.flags["C_CONTIGUOUS"]
    if codec == "flac":
        assert made(frames, codec, piece=1) == made(frames, codec, piece=9000) == made(backwards, codec)


@pytest.mark.parametrize(
    ("codec", "rate", "channels", "message"),
    [
        ("mp3", RATE, 1, "codec 'mp3': an archive holds flac or opus"),
        ("opus", 44100, 1, "44100 Hz: Opus takes 8000, 12000, 16000, 24000, 48000 Hz only; use flac"),
        ("flac", 10**6, 1, "1000000 Hz: FLAC takes 1 to 655350 Hz"),
        ("flac", RATE, 9, "9 channels: flac holds 1 to 8"),
        ("flac", RATE, 0, "0 channels: flac holds 1 to 8"),
    ],
)
def test_audio_that_a_codec_cannot_hold_is_refused(
    codec: str, rate: int, channels: int, message: str
) -> None:
    with pytest.raises(ArchiveError, match=message):
        check(codec, rate, channels)
    with pytest.raises(ArchiveError, match=message):
        Encoder(codec, rate, channels)


def test_an_entry_of_something_else_is_refused() -> None:
    frames = sound(100)
    for wrong in ({"stop": 8}, {"rate": 8000}, {"channels": 2}, {"codec": "opus"}, {"device": "x" * 50_000}):
        encoder = Encoder("flac", RATE)
        encoder.write(frames)
        with pytest.raises(ArchiveError, match="an entry of"):
            encoder.finish(described(frames, **{"codec": "flac", **wrong}))


@pytest.mark.parametrize("codec", ["flac", "opus"])
@pytest.mark.parametrize(
    "change",
    [
        {"stop": 9009},  # one more than there are
        {"stop": 9007},
        {"rate": 8000},
        {"channels": 2},
        {"stop": 10**9},  # more than may be decoded at all
        {"codec": "flac or opus"},
    ],
)
def test_an_object_that_is_not_what_it_says_is_refused(codec: str, change: dict[str, object]) -> None:
    data = made(sound(9001), codec)
    assert len(decode(data)[1]) == 9001
    put_in = flac.with_comment if codec == "flac" else ogg.with_comment
    lying = put_in(data, replace(entry_of(data), **change).text())  # type: ignore[arg-type]
    with pytest.raises(ArchiveError):
        decode(lying)


def test_more_audio_than_may_be_in_memory_is_not_decoded() -> None:
    data = made(sound(100))
    lying = flac.with_comment(data, replace(entry_of(data), stop=10**9).text())
    with pytest.raises(ArchiveError, match="not what an archive writes"):
        decode(lying)


@pytest.mark.parametrize("codec", ["flac", "opus"])
def test_a_comment_takes_the_place_of_another(codec: str) -> None:
    data = made(sound(9001), codec)
    put_in = flac.with_comment if codec == "flac" else ogg.with_comment
    assert put_in(put_in(data, "x" * 20_000), entry_of(data).text()) == data
    with pytest.raises(ArchiveError):
        put_in(b"RIFF" + data, "x")


def test_a_comment_that_no_page_of_ogg_holds_is_refused() -> None:
    with pytest.raises(ArchiveError, match="a page of Ogg has no room for it"):
        ogg.with_comment(made(sound(100), "opus"), "x" * 65_100)


def test_flac_with_other_samples_is_refused() -> None:
    data, other = made(sound(9001)), made(np.zeros(9001, np.int16))
    text = entry_of(data).text()
    with pytest.raises(ArchiveError, match="its samples are not those that were written"):
        decode(flac.with_comment(other, text))


def test_other_audio_files_are_refused() -> None:
    frames = sound(9001)
    for container, subtype in (("WAV", "PCM_16"), ("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("OGG", "OPUS")):
        out = io.BytesIO()
        with soundfile.SoundFile(out, "w", RATE, 1, format=container, subtype=subtype) as file:
            file.write(frames)
        with pytest.raises(ArchiveError, match=r"neither FLAC nor Ogg|has no description"):
            decode(out.getvalue())
    out = io.BytesIO()
    soundfile.write(out, frames, RATE, format="FLAC", subtype="PCM_24")
    deep = flac.with_comment(out.getvalue(), described(frames, "flac")(pcm_sha256(frames)).text())
    with pytest.raises(ArchiveError, match="PCM_24, not flac of 16 bits"):
        decode(deep)


def harmed(data: bytes, dice: Random) -> bytes:
    """The same with a few bytes changed, its end cut off, or noise in the middle; the head more often."""
    way = dice.randrange(4)
    within = 800 if dice.random() < 0.5 else len(data)
    if way == 0:
        return data[: dice.randrange(within)]
    if way == 1:
        at = dice.randrange(within)
        return data[:at] + dice.randbytes(dice.randrange(1, 200)) + data[at + dice.randrange(200) :]
    changed = bytearray(data)
    for _ in range(dice.randrange(1, 6)):
        changed[dice.randrange(min(within, len(data)))] ^= 1 << dice.randrange(8)
    return bytes(changed)


@pytest.mark.parametrize("codec", ["flac", "opus"])
def test_a_damaged_object_is_an_error_or_whole(codec: str) -> None:
    """Never a crash, another kind of error, or other audio."""
    frames = sound(8000)
    data = made(frames, codec)
    whole = decode(data)[1]
    dice = Random(7)
    refused = 0
    for _ in range(1500):
        try:
            _, back = decode(harmed(data, dice))
        except ArchiveError:
            refused += 1
        else:
            assert np.array_equal(back, whole)
    assert refused > 1000


def test_sizes_that_promise_more_than_is_there_end_at_the_end() -> None:
    head = flac.MAGIC + b"\x04\xff\xff\xff"
    for data in (b"", b"fLaC", head, head + bytes(100), b"OggS", b"OggS" + b"\xff" * 300):
        with pytest.raises(ArchiveError):
            entry_of(data)
    comment = struct.pack("<I", 0xFFFFFFFF) + bytes(20)
    with pytest.raises(ArchiveError, match="no description"):
        entry_of(flac.MAGIC + b"\x84" + len(comment).to_bytes(3, "big") + comment)


def test_the_check_of_ogg_is_that_of_the_library() -> None:
    data = made(sound(100), "opus")
    start, pages = 0, 0
    while start < len(data):
        sizes = data[start + 27 : start + 27 + data[start + 26]]
        stop = start + 27 + len(sizes) + sum(sizes)
        page = bytearray(data[start:stop])
        (said,) = struct.unpack_from("<I", page, 22)
        page[22:26] = bytes(4)
        assert ogg.crc(page) == said
        start, pages = stop, pages + 1
    assert pages >= 3
