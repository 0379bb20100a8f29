"""The aggregator's forms of audio in and out, its options, complaints and counters; the rest are vectors."""

from __future__ import annotations

import base64
import io
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
import soundfile
import soxr

from ossicle import Aggregator, Segment, Segmenter
from ossicle.audio import aggregator as module
from ossicle.audio.errors import MalformedAudioError
from ossicle.audio.measures import FORMS, AggregatorStats, Measures
from ossicle.audio.vad import engine

RATE = 16000
Samples = np.ndarray


def tone(frames: int, rate: int = RATE, channels: int = 1) -> Samples:
    """Different in each channel."""
    at = np.arange(frames) / rate
    lines = [
        (9000 * np.sin(2 * np.pi * 300 * (channel + 1) * at)).astype(np.int16) for channel in range(channels)
    ]
    return lines[0] if channels == 1 else np.stack(lines, axis=1)


def file(audio: Samples, kind: str = "WAV", rate: int = RATE, subtype: str = "PCM_16") -> bytes:
    held = io.BytesIO()
    soundfile.write(held, audio, rate, format=kind, subtype=subtype)
    return held.getvalue()


def text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def joined(aggregator: Aggregator) -> Samples:
    """All that it holds."""
    return np.concatenate([batch.frames for batch in aggregator.flush()])


FORMS_IN: dict[str, Any] = {
    "array": lambda audio: audio,
    "a read-only view": lambda audio: np.frombuffer(audio.tobytes(), np.int16).reshape(audio.shape),
    "every second": lambda audio: np.repeat(audio, 2, axis=0)[::2],
    "bytes": lambda audio: audio.tobytes(),
    "bytearray": lambda audio: bytearray(audio.tobytes()),
    "memoryview": lambda audio: memoryview(audio.tobytes()),
    "base64": lambda audio: text(audio.tobytes()),
    "base64 in lines": lambda audio: base64.encodebytes(audio.tobytes()).decode(),
    "WAV": file,
    "base64 of WAV": lambda audio: text(file(audio)),
    "FLAC": lambda audio: file(audio, "FLAC"),
}


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("form", FORMS_IN)
def test_every_form_gives_the_same_samples(form: str, channels: int) -> None:
    aggregator = Aggregator(channels=channels)
    audio = tone(3000, channels=channels)
    for piece in (audio[:1234], audio[1234:]):
        assert aggregator.push("a", FORMS_IN[form](piece)).should_return_empty
    (batch,) = aggregator.flush()
    assert batch.frames.dtype == np.int16
    assert np.array_equal(batch.frames, audio)


def test_what_was_pushed_may_be_used_again() -> None:
    aggregator = Aggregator()
    block = tone(1000)
    aggregator.push("a", block)
    block[:] = 0
    assert np.array_equal(joined(aggregator), tone(1000))


@pytest.mark.parametrize("channels", [1, 2])
def test_batches_come_as_array_wav_or_base64(channels: int) -> None:
    audio = tone(RATE * 6, channels=channels)
    for form in FORMS:
        aggregator = Aggregator(channels=channels, output=form)
        aggregator.push("a", audio)
        result = aggregator.finish("a")
        (given,) = result.outputs()
        assert np.array_equal(read(given, form, audio.shape), audio), form
        for other in FORMS:
            assert np.array_equal(read(result.outputs(other)[0], other, audio.shape), audio), other
    with pytest.raises(ValueError, match="audio is given as array, wav"):
        result.outputs("mp3")  # type: ignore[arg-type]


def read(given: Any, form: str, shape: tuple[int, ...]) -> Samples:
    if form == "array":
        assert isinstance(given, np.ndarray)
        return given
    data = base64.b64decode(given) if form.startswith("base64") else given
    if form == "base64":
        return np.frombuffer(data, "<i2").reshape(shape)
    frames, rate = soundfile.read(io.BytesIO(data), dtype="int16")
    assert rate == RATE
    return frames


@pytest.mark.parametrize("rate", [8000, 48_000])
@pytest.mark.parametrize("channels", [1, 2])
def test_files_of_another_rate_are_resampled_as_one_stream(rate: int, channels: int) -> None:
    """A-2: chunk by chunk as if in one; audio of the own rate in between is untouched."""
    aggregator = Aggregator(channels=channels)
    audio = tone(rate * 2, rate, channels)
    for at in range(0, len(audio), 1777):
        aggregator.push("a", file(audio[at : at + 1777], rate=rate))
    aggregator.push("a", tone(500, channels=channels))
    given = joined(aggregator)
    assert np.array_equal(given[-500:], tone(500, channels=channels))
    whole = soxr.resample(audio.astype(np.float32), rate, RATE)
    assert abs(len(given) - 500 - len(whole)) <= 1
    error = given[: 2 * RATE - 1].astype(float) - whole[: 2 * RATE - 1]
    assert np.abs(error).max() <= 1, "no clicks where chunks meet, but for rounding"


def test_the_end_of_a_job_brings_what_the_resampling_had() -> None:
    aggregator = Aggregator()
    aggregator.push("a", file(tone(48_000, 48_000), rate=48_000))
    before = aggregator.held
    assert before < RATE
    assert aggregator.finish("a", "timeout").holding[0].frames == RATE == aggregator.held


def test_ogg_opus() -> None:
    aggregator = Aggregator()
    audio = tone(RATE)
    for encoded in (file(audio, "OGG", subtype="OPUS"), text(file(audio, "OGG", subtype="OPUS"))):
        aggregator.push("a", encoded)
        given = joined(aggregator)
        assert len(given) == RATE
        assert np.corrcoef(given, audio)[0, 1] > 0.98


def test_bytes_that_look_like_a_file_are_samples_where_that_is_said() -> None:
    aggregator = Aggregator()
    wav = file(tone(100))
    aggregator.push("a", wav, encoding="pcm16")
    assert joined(aggregator).tobytes() == wav
    with pytest.raises(ValueError, match="encoded as auto, pcm16"):
        aggregator.push("a", wav, encoding="mp3")  # type: ignore[arg-type]


WAV = file(tone(4000))
OGG = file(np.random.default_rng(1).integers(-9000, 9000, 9 * RATE, dtype=np.int16), "OGG", subtype="OPUS")
FLAC = file(np.random.default_rng(1).integers(-9000, 9000, RATE, dtype=np.int16), "FLAC")
SECOND_PAGE = OGG.index(b"OggS", OGG.index(b"OggS", 1) + 1)

MALFORMED: dict[str, tuple[Any, str]] = {
    "float": (np.zeros(10), "int16, not float64"),
    "big-endian": (np.zeros(10, ">i2"), "int16, not >i2"),
    "stereo": (np.zeros((10, 2), np.int16), r"shape \(10, 2\) where \(n,\)"),
    "a column": (np.zeros((10, 1), np.int16), r"shape \(10, 1\)"),
    "no dimension": (np.array(3, np.int16), r"shape \(\)"),
    "odd bytes": (b"\0" * 7, "7 bytes are no whole number of frames of 2"),
    "no base64": ("AAA*", "no base64"),
    "a stray sign in base64": ("AAAA*AAAA", "no base64"),
    "base64 cut short": (text(bytes(100))[:-3], "no base64"),
    "base64 in another alphabet": ("äöü=", "no base64"),
    "odd base64": (text(b"\0" * 7), "7 bytes are no whole number"),
    "WAV cut short": (WAV[:5000], "wav audio is cut short: 4956 of 8000 bytes"),
    "WAV head cut short": (WAV[:30], "wav audio has no samples"),
    "WAV of floats": (file(tone(99) / 32768, subtype="FLOAT"), "wav audio is FLOAT, not PCM_16"),
    "WAV of 24 bits": (file(tone(99), subtype="PCM_24"), "wav audio is PCM_24"),
    "stereo WAV": (file(tone(99, channels=2)), "has 2 channels, and 1 are taken"),
    "WAV of half a frame": (WAV[:40] + (7999).to_bytes(4, "little") + WAV[44:-1], "7999 bytes, no whole"),
    "WAV of 4 GHz": (WAV[:24] + b"\xff" * 4 + WAV[28:], "wav audio"),
    "WAV of 7 Hz": (file(tone(9), rate=7), "says that it is of 7 Hz"),
    "two streams of Ogg": (OGG + file(tone(999), "OGG", subtype="OPUS"), "of several streams"),
    "Ogg cut short": (OGG[: len(OGG) // 2], "ogg audio is cut short or broken at byte"),
    "Ogg with a wrong byte": (OGG[:-9] + bytes([OGG[-9] ^ 1]) + OGG[-8:], "another checksum"),
    "Ogg without its second page": (OGG[: OGG.index(b"OggS", 1)] + OGG[SECOND_PAGE:], "lacks a page"),
    "Ogg head only": (OGG[:40], "ogg audio"),
    "FLAC cut short": (FLAC[: len(FLAC) // 2], "flac audio"),
    "too long": (np.zeros(601 * RATE, np.int16), r"at most 600 s of audio \(max_chunk_s\), not 601"),
    "None": (None, "int16, bytes, base64 text or a list of Opus packets, not NoneType"),
    "a list of numbers": ([1, 2, 3], "0 is of int"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_audio_changes_nothing(name: str) -> None:
    """A-4."""
    audio, said = MALFORMED[name]
    aggregator = Aggregator()
    aggregator.push("a", tone(700), utterance=1, start=5)
    before = aggregator.stats
    for job in ("a", "b"):
        with pytest.raises(MalformedAudioError, match=said) as caught:
            aggregator.push(job, audio, start=90)
        assert "\n" not in str(caught.value)
    after = aggregator.stats
    assert after.chunks_refused == 2
    for field in fields(AggregatorStats):
        if field.name != "chunks_refused":
            assert getattr(after, field.name) == getattr(before, field.name), field.name
    aggregator.push("a", tone(800)[700:])
    (batch,) = aggregator.flush()
    assert np.array_equal(batch.frames, tone(800))
    (info,) = batch.original_job_info
    assert (info.utterance, info.start, info.stop, info.position) == (1, 0, 800, 5)


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda a: a.push("a", b"", utterance=2), ValueError, "job 'a' is utterance 1, not 2"),
        (lambda a: a.push("a", b"", utterance=-1), ValueError, "utterance is a whole number from 0 on"),
        (lambda a: a.push("a", b"", start=0.5), ValueError, "start is a whole number"),
        (
            lambda a: a.push("a", file(tone(9), rate=8000), start=0),
            ValueError,
            "start is told for audio of 16000",
        ),
        (lambda a: a.push(None, b""), TypeError, "the id of a job is a text or a whole number, not None"),
        (lambda a: a.push(True, b""), TypeError, "the id of a job"),
        (lambda a: a.finish(1.5), TypeError, "the id of a job"),
        (lambda a: a.finish("a", by="boredom"), ValueError, "pause, timeout, cut, end, not by 'boredom'"),
        (lambda a: a.advance(-1), ValueError, "frames is a whole number from 0 on, not -1"),
        (lambda a: a.advance(to=-1), ValueError, "to is a whole number"),
    ],
)
def test_what_else_is_wrong_changes_nothing(call: Any, error: type[Exception], said: str) -> None:
    aggregator = Aggregator()
    aggregator.push("a", tone(700), utterance=1)
    with pytest.raises(error, match=said):
        call(aggregator)
    (batch,) = aggregator.flush()
    assert np.array_equal(batch.frames, tone(700))
    assert batch.utterance == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"rate": 0}, "rate is a whole number from 1 to 768000, not 0"),
        ({"rate": 16000.0}, "rate is a whole number"),
        ({"channels": 9}, "channels is a whole number from 1 to 8"),
        ({"max_jobs": True}, "max_jobs is a whole number"),
        ({"min_pause_ms": -1}, "min_pause_ms goes from 0 to 600000, not to -1"),
        ({"min_batch_ms": float("nan")}, "min_batch_ms goes"),
        ({"min_batch_ms": 10**400}, "min_batch_ms goes"),
        ({"hangover_ms": "600"}, "hangover_ms is a number, not '600'"),
        ({"window_ms": 0}, "window_ms goes from 0.001 to 1000"),
        ({"max_piece_ms": 3999}, "max_piece_ms is at least twice min_piece_ms, 4000, not 3999"),
        ({"max_held_s": 14.9}, "max_held_s is at least 15 .* not 14.9"),
        ({"max_age_s": float("inf")}, "max_age_s goes"),
        ({"max_chunk_s": 0}, "max_chunk_s goes"),
        ({"output": "mp3"}, "audio is given as array, wav, base64, base64-wav, not as 'mp3'"),
    ],
)
def test_options_that_make_no_sense(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Aggregator(**options)


def test_every_option_is_told() -> None:
    """In the class and, with its type, in what it may be given."""
    names = [field.name for field in fields(Measures)]
    assert list(module.Options.__annotations__) == names
    for field in fields(Measures):
        shown = f'"{field.default}"' if isinstance(field.default, str) else field.default
        assert f"`{field.name}` ({shown})" in " ".join((Aggregator.__doc__ or "").split()), field.name
    with pytest.raises(TypeError, match="min_pause"):
        Aggregator(min_pause=1)  # type: ignore[call-arg]


def test_why_it_is_empty() -> None:
    aggregator = Aggregator()
    assert aggregator.flush().reason == "nothing is held"
    aggregator.push("a", tone(RATE * 2))
    aggregator.finish("a")
    aggregator.push("b", tone(RATE // 2))
    aggregator.finish("b")
    result = aggregator.push("c", tone(RATE // 4))
    assert result.should_return_empty
    assert result.reason == (
        "holding 2.000 s, pending_small: pieces that are shorter than 5000 ms together wait for more; "
        "holding 0.500 s, pending_pause: finished by a pause and shorter than 1000 ms, it waits for the next "
        "job; "
        "holding 0.250 s, open: 1 job is open"
    )
    aggregator.finish("c", "timeout")
    assert "0.750 s, pending_timeout: finished by timeout" in aggregator.advance().reason
    result = aggregator.finish("d", "cut")
    assert (result.should_return_empty, result.reason) == (False, "")
    assert result.original_job_ids == ("a",)
    assert result.batches[0].original_job_ids == ("a", "b", "c")
    assert result.original_job_info == (result.batches[0].original_job_info,)
    assert [batch.why for batch in result] == ["cut"]
    assert len(result) == 1


def test_audio_from_too_many_places_is_given_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A-22: single samples cost more than they are."""
    monkeypatch.setattr(module, "PARTS_MAX", 100)
    aggregator = Aggregator()
    given = []
    for number in range(1000):
        given += list(aggregator.push("a", np.array([number], np.int16), start=2 * number))
        assert aggregator._parts() <= 100
    given += list(aggregator.flush())
    assert np.array_equal(np.concatenate([batch.frames for batch in given]), np.arange(1000))
    assert given[0].why == "held"
    assert aggregator.stats.early_held > 5
    told = [info.position for batch in given for info in batch.original_job_info]
    assert told == list(range(0, 2000, 2))


def test_what_is_held_is_not_more_than_it_says() -> None:
    """A piece that waits does not keep the minutes that it was cut from."""
    aggregator = Aggregator(max_chunk_s=3600)
    aggregator.push("a", np.zeros(602 * RATE, np.int16))
    assert aggregator.stats.held_peak == 602 * RATE
    assert 0 < memory(aggregator) <= 2 * 2 * aggregator.held + 100_000
    aggregator.finish("a")
    aggregator.push("b", np.zeros(22 * RATE, np.int16))
    aggregator.finish("b", "pause")
    aggregator.push("c", tone(RATE * 3))
    aggregator.finish("c", "timeout")
    assert aggregator._line.small
    assert aggregator._line.waiting
    assert 0 < memory(aggregator) <= 2 * 2 * aggregator.held + 100_000


def memory(aggregator: Aggregator) -> int:
    """Bytes of all arrays that are kept, whole."""
    line = aggregator._line
    kept = [piece.frames for piece in (*line.small, line.waiting) if piece]
    kept += [job._frames for job in aggregator._jobs.values()]
    return sum({id(base(frames)): base(frames).nbytes for frames in kept}.values())


def base(frames: Samples) -> Samples:
    while isinstance(frames.base, np.ndarray):
        frames = frames.base
    return frames


def test_segments_go_straight_in(speech: Any) -> None:
    """A-18, A-19: every batch says which samples of the recording it is."""
    frames, rate = soundfile.read(speech, dtype="int16")
    segmenter = Segmenter(engine("webrtc", rate), rate=rate)
    aggregator = Aggregator(rate=rate)
    segments, batches = [], []
    for at in range(0, len(frames), 512):
        found = segmenter.push(frames[at : at + 512])
        segments += found
        for segment in found:
            batches += list(aggregator.push_segment(segment))
        batches += list(aggregator.advance(to=segmenter.position))
    for segment in segmenter.flush():
        segments.append(segment)
        batches += list(aggregator.push_segment(segment))
    batches += list(aggregator.flush())
    assert len(segments) == 5
    wanted = np.concatenate([segment.frames for segment in segments])
    assert np.array_equal(np.concatenate([batch.frames for batch in batches]), wanted)
    assert [batch.start for batch in batches] == list(np.cumsum([0, *map(len, batches)])[:-1])
    for batch in batches:
        for info in batch.original_job_info:
            segment = segments[info.utterance]
            assert info.job_id == f"segment-{info.utterance}"
            assert info.position == segment.start + info.start
            piece = frames[info.position : info.position + info.stop - info.start]
            assert np.array_equal(batch.frames[info.batch_start : info.batch_stop], piece)
    assert aggregator.clock == len(frames) - 512, "silence and speech, each once, since it was first told"


def test_a_segment_may_be_longer_than_a_chunk() -> None:
    """The segmenter has its own bound, and pads what it cuts."""
    aggregator = Aggregator(max_chunk_s=1)
    result = aggregator.push_segment(Segment(0, 6 * RATE, RATE, tone(6 * RATE)))
    assert [len(batch) for batch in result] == [6 * RATE]


def test_a_segment_that_cannot_be_is_refused() -> None:
    aggregator = Aggregator(rate=8000)
    with pytest.raises(ValueError, match="a segment of 16000 Hz in an aggregator of 8000 Hz"):
        aggregator.push_segment(Segment(0, 10, RATE, np.zeros(10, np.int16)))
    with pytest.raises(MalformedAudioError, match="int16, not float64"):
        aggregator.push_segment(Segment(0, 10, 8000, np.zeros(10)))
    with pytest.raises(ValueError, match=r"a segment of 9 frames cannot be \[0, 10\)"):
        aggregator.push_segment(Segment(0, 10, 8000, np.zeros(9, np.int16)))
    with pytest.raises(ValueError, match="silence, length, gap, end, not by 'noise'"):
        aggregator.push_segment(Segment(0, 9, 8000, np.zeros(9, np.int16), "noise"))  # type: ignore[arg-type]
    assert aggregator.stats.chunks_refused == 4
    assert aggregator.stats.open_jobs == aggregator.clock == 0
