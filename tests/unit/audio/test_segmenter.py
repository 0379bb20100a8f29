"""The segmenter on real audio: edges against the truth, and the same segments at any block size and rate."""

from __future__ import annotations

import gc
import json
import random
import tracemalloc
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import soxr

from ossicle.audio import vad
from ossicle.audio.segmenter import Segment, Segmenter, find_segments

EDGE_MS = 150
ENGINES = ("auto", "silero", "webrtc")


def read(path: Path) -> tuple[Any, int]:
    frames, rate = soundfile.read(path, dtype="int16")
    return frames, int(rate)


def labels(path: Path) -> list[tuple[float, float]]:
    return [(u["start"], u["stop"]) for u in json.loads(path.with_suffix(".json").read_text())["utterances"]]


def ranges(segments: list[Segment]) -> list[tuple[int, int, str, bytes]]:
    return [(s.start, s.stop, s.ended_by, s.frames.tobytes()) for s in segments]


@pytest.mark.parametrize("name", ENGINES)
def test_edges_lie_at_the_labels(labelled: list[Path], name: str) -> None:
    for path in labelled:
        frames, rate = read(path)
        found, truth = find_segments(frames, rate, name), labels(path)
        assert len(found) == len(truth)
        for segment, (start, stop) in zip(found, truth, strict=True):
            assert abs(segment.start_time - start) * 1000 <= EDGE_MS
            assert abs(segment.stop_time - stop) * 1000 <= EDGE_MS


def test_energy_finds_every_utterance_perhaps_in_parts(labelled: list[Path]) -> None:
    """It hears loudness only, so a pause inside a sentence ends a segment; none is found where nobody
    speaks."""
    for path in labelled:
        frames, rate = read(path)
        found, truth = find_segments(frames, rate, "energy"), labels(path)
        for start, stop in truth:
            parts = [s for s in found if s.stop_time > start and s.start_time < stop]
            assert parts
            assert abs(parts[0].start_time - start) * 1000 <= EDGE_MS
            assert abs(parts[-1].stop_time - stop) * 1000 <= EDGE_MS
        assert all(any(s.stop_time > a and s.start_time < b for a, b in truth) for s in found)


@pytest.mark.parametrize("name", ["silero", "webrtc", "energy"])
def test_nothing_is_absurd(recording: Path, name: str) -> None:
    """On whatever there is: in order, apart, inside the file, long enough, and speech where there is
    speech."""
    frames, rate = read(recording)
    found = find_segments(frames, rate, name)
    stop = 0
    for segment in found:
        assert stop <= segment.start < segment.stop <= len(frames)
        assert (segment.frames == frames[segment.start : segment.stop]).all()
        assert segment.duration >= 0.25
        stop = segment.stop
    if recording.stem.startswith("speech"):
        assert sum(segment.duration for segment in found) >= 0.35 * len(frames) / rate
    if recording.stem in ("noise_fireplace", "noise_wind", "noise_train"):
        marked = sum(segment.stop - segment.start for segment in found) / len(frames)
        assert marked <= {"silero": 0.0, "webrtc": 0.1, "energy": 1.0}[name]


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 44100, 48000])
@pytest.mark.parametrize("name", ["silero", "webrtc", "energy"])
def test_the_same_at_any_block_size(speech: Path, name: str, rate: int) -> None:
    frames, from_rate = read(speech)
    frames = frames[: 8 * from_rate]
    if rate != from_rate:
        frames = soxr.resample(frames, from_rate, rate)
    whole = ranges(find_segments(frames, rate, name))
    assert len(whole) >= 2
    draw = random.Random(rate)
    for sizes in ([160], [512], [1000], [1, 3000, 7, 401]):
        segmenter = Segmenter(vad.engine(name, rate), rate=rate)
        at, found = 0, []
        while at < len(frames):
            step = draw.choice(sizes)
            found += segmenter.push(frames[at : at + step])
            at += step
        assert ranges(found + segmenter.flush()) == whole


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000])
@pytest.mark.parametrize("name", ENGINES)
def test_edges_stay_where_they_are_at_any_rate(speech: Path, name: str, rate: int) -> None:
    frames, from_rate = read(speech)
    found = find_segments(soxr.resample(frames, from_rate, rate), rate, name)
    truth = labels(speech)
    assert len(found) == len(truth)
    for segment, (start, stop) in zip(found, truth, strict=True):
        assert abs(segment.start_time - start) * 1000 <= EDGE_MS
        assert abs(segment.stop_time - stop) * 1000 <= EDGE_MS


def test_positions_survive_resampling() -> None:
    """A click at a known position: the VAD frame that has it is the one that covers it, through the
    filter's delay."""

    class Peak:
        name, rate, frame_size = "peak", 16000, 160

        def probability(self, vad_frame: Any) -> float:
            return float(np.abs(vad_frame.astype(int)).max() > 2000)

        def reset(self) -> None:
            pass

    for rate in (8000, 22050, 44100, 48000):
        frames = np.zeros(3 * rate, np.int16)
        frames[2 * rate : 2 * rate + rate // 100] = 12000  # 10 ms, at 2 s
        heard: list[int] = []
        segmenter = Segmenter(
            Peak(), rate=rate, on_vad_frame=lambda a, b, p, h=heard: h.append(a) if p else None
        )
        segmenter.push(frames)
        segmenter.flush()
        assert heard
        assert abs(heard[0] / rate - 2) <= 0.011
        assert abs(heard[-1] / rate - 2) <= 0.011


def test_a_gap_in_the_middle_of_a_word(speech: Path) -> None:
    frames, rate = read(speech)
    (first_start, first_stop), *_ = labels(speech)
    cut = round((first_start + first_stop) / 2 * rate)
    segmenter = Segmenter(vad.engine("webrtc", rate), rate=rate)
    found = segmenter.push(frames[:cut])
    found += segmenter.gap(cut, cut + 4000)
    found += segmenter.push(frames[cut:])
    found += segmenter.flush()
    assert found[0].stop == cut
    assert found[0].ended_by == "gap"
    assert found[1].start >= cut + 4000
    assert all(not (s.start < cut + 4000 and s.stop > cut) for s in found)
    assert (found[1].frames == frames[found[1].start - 4000 : found[1].stop - 4000]).all()


def test_after_a_gap_it_is_as_if_new(speech: Path) -> None:
    frames, rate = read(speech)
    for name in ("silero", "webrtc", "energy"):
        segmenter = Segmenter(vad.engine(name, rate), rate=rate)
        segmenter.push(frames[:50_000])
        segmenter.gap(50_000, 60_000)
        again = segmenter.push(frames) + segmenter.flush()
        new = find_segments(frames, rate, name)
        assert [(s.start - 60_000, s.stop - 60_000) for s in again] == [(s.start, s.stop) for s in new]


def test_stereo_keeps_both_channels(labelled: list[Path]) -> None:
    frames, rate = read(labelled[1])
    assert frames.ndim == 2
    found = find_segments(frames, rate, "webrtc")
    assert all(s.frames.shape == (s.stop - s.start, 2) for s in found)
    assert (found[0].frames == frames[found[0].start : found[0].stop]).all()
    alone = np.stack([np.zeros(len(frames), np.int16), frames[:, 1]], axis=1)
    assert find_segments(alone, rate, "webrtc"), "speech on one channel only is heard in the mean"


@pytest.mark.parametrize("channels", [1, 2])
def test_memory_is_bounded(speech: Path, channels: int) -> None:
    """Whatever comes, no more is kept than three times the longest segment, and the lane."""
    frames, rate = read(speech)
    loud = np.tile(frames[round(10.5 * rate) : round(12 * rate)], 60)
    segmenter = Segmenter(vad.engine("energy", rate), rate=rate, max_speech_s=4)
    longest = 0
    tracemalloc.start()
    for audio in (loud, np.zeros(20 * rate, np.int16)):
        for at in range(0, len(audio), 512):
            for segment in segmenter.push(np.stack([audio[at : at + 512]] * channels, axis=1)):
                longest = max(longest, segment.stop - segment.start)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert 3 * rate <= longest <= 4.2 * rate
    of_lane = 150 * len(segmenter.lane)
    assert peak <= 3 * 4.2 * rate * 2 * (channels + 1) + of_lane + 200_000


def test_a_segmenter_that_nobody_has_is_gone() -> None:
    """Its audio does not wait for the collector of garbage."""
    segmenter = Segmenter(vad.engine("energy"), rate=16000)
    segmenter.push(np.zeros(1000, np.int16))
    gone = weakref.ref(segmenter)
    gc.disable()
    try:
        del segmenter
        assert gone() is None
    finally:
        gc.enable()


def test_a_vad_frame_is_the_audio_itself_and_cannot_be_written() -> None:
    """No copy is made for the detector, so that it must not be able to change what a segment gets."""

    class Writes:
        name, rate, frame_size = "writes", 16000, 160

        def probability(self, vad_frame: Any) -> float:
            assert vad_frame.base is not None
            vad_frame *= 2
            return 0.0

        def reset(self) -> None:
            pass

    with pytest.raises(ValueError, match="read-only"):
        Segmenter(Writes(), rate=16000).push(np.ones(160, np.int16))


def test_a_detector_that_fails_is_asked_again() -> None:
    """What it failed on is still the next VAD frame, and no frame is lost."""

    class Fails:
        name, rate, frame_size = "fails", 16000, 160

        def __init__(self) -> None:
            self.heard: list[int] = []

        def probability(self, vad_frame: Any) -> float:
            self.heard.append(int(vad_frame[0]))
            if len(self.heard) == 3:
                raise OSError("no more memory")
            return 1.0

        def reset(self) -> None:
            pass

    engine = Fails()
    segmenter = Segmenter(engine, rate=16000, min_speech_ms=0)
    frames = np.repeat(np.arange(5, dtype=np.int16), 160)
    with pytest.raises(OSError, match="no more memory"):
        segmenter.push(frames)
    (segment,) = segmenter.flush()
    assert engine.heard == [0, 1, 2, 2, 3, 4]
    assert (segment.frames == frames).all()


def test_a_vad_frame_longer_than_half_a_second_is_refused() -> None:
    """The shortest `max_speech_s` has to hold several."""

    class Slow:
        name, rate, frame_size = "slow", 16000, 8001

        def probability(self, vad_frame: Any) -> float:
            return 0.0

        def reset(self) -> None:
            pass

    with pytest.raises(ValueError, match="slow: a VAD frame of 8001 samples at 16000 Hz"):
        Segmenter(Slow(), rate=16000)


def test_pre_roll_and_pad(speech: Path) -> None:
    frames, rate = read(speech)
    bare = find_segments(frames, rate, "webrtc", speech_pad_ms=0, pre_roll_ms=0)
    padded = find_segments(frames, rate, "webrtc", speech_pad_ms=50, pre_roll_ms=100)
    assert [b.start - p.start for b, p in zip(bare, padded, strict=True)] == [150 * rate // 1000] * len(bare)
    assert [p.stop - b.stop for b, p in zip(bare, padded, strict=True)] == [50 * rate // 1000] * len(bare)


def test_state_for_a_meter(speech: Path) -> None:
    frames, rate = read(speech)
    segmenter = Segmenter(vad.engine("silero", rate), rate=rate)
    seen = []
    for at in range(0, 4 * rate, 512):
        segmenter.push(frames[at : at + 512])
        seen.append((segmenter.speaking, segmenter.probability))
    assert any(speaking and chance > 0.9 for speaking, chance in seen)
    assert any(not speaking and chance < 0.1 for speaking, chance in seen)
    assert segmenter.lane == [(at * 512, chance) for at, (_, chance) in enumerate(seen)]
    assert segmenter.threshold == 0.5


def test_the_lane_is_bounded() -> None:
    segmenter = Segmenter(vad.engine("energy", 8000), rate=8000)
    segmenter.push(np.zeros(160 * 9000, np.int16))
    assert len(segmenter.lane) == 8192
    assert segmenter.lane[-1][0] == 160 * 8999


def test_an_engine_is_begun_anew(speech: Path) -> None:
    frames, rate = read(speech)
    for name in ("silero", "webrtc", "energy"):
        engine = vad.engine(name, rate)
        once = ranges(find_segments(frames, rate, engine))
        assert ranges(find_segments(frames, rate, engine)) == once


@pytest.mark.parametrize(
    "options",
    [
        {"threshold": 0.0},
        {"threshold": 1.1},
        {"neg_threshold": 0.6},
        {"neg_threshold": 0.0},
        {"max_speech_s": float("inf")},
        {"max_speech_s": 0.5},
        {"max_speech_s": 601},
        {"min_speech_ms": -1},
        {"min_silence_ms": float("nan")},
        {"speech_pad_ms": 1e9},
        {"pre_roll_ms": -5},
    ],
)
def test_options_that_make_no_sense(options: dict[str, float]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        Segmenter(vad.engine("energy"), rate=16000, **options)  # type: ignore[arg-type]


def test_other_audio_is_refused() -> None:
    segmenter = Segmenter(vad.engine("energy"), rate=16000)
    for frames in ([1, 2], np.zeros(4, np.float32), np.zeros(4, np.int32)):
        with pytest.raises(TypeError):
            segmenter.push(frames)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="takes"):
        segmenter.push(np.zeros((2, 2, 2), np.int16))
    segmenter.push(np.zeros((100, 2), np.int16))
    with pytest.raises(ValueError, match="after frames"):
        segmenter.push(np.zeros(100, np.int16))
    assert segmenter.position == 100


def test_a_gap_that_does_not_follow() -> None:
    segmenter = Segmenter(vad.engine("energy"), rate=16000)
    segmenter.push(np.zeros(100, np.int16))
    for start, stop in ((99, 200), (101, 200), (100, 99)):
        with pytest.raises(ValueError, match="does not follow"):
            segmenter.gap(start, stop)


def test_nothing_in_nothing_out() -> None:
    segmenter = Segmenter(vad.engine("webrtc"), rate=16000, start=77)
    assert segmenter.push(np.zeros(0, np.int16)) == []
    assert segmenter.gap(77, 80) == []
    assert segmenter.gap(80, 80) == []
    assert segmenter.flush() == []
    assert segmenter.flush() == []
    assert segmenter.position == 80


def test_a_start_elsewhere(speech: Path) -> None:
    frames, rate = read(speech)
    segmenter = Segmenter(vad.engine("webrtc", rate), rate=rate, start=1_000_000)
    found = segmenter.push(frames) + segmenter.flush()
    there = find_segments(frames, rate, "webrtc")
    assert [s.start - 1_000_000 for s in found] == [s.start for s in there]


def test_a_segment_tells_and_writes(speech: Path, tmp_path: Path) -> None:
    frames, rate = read(speech)
    segment = find_segments(frames, rate)[1]
    assert segment.start_time == segment.start / rate
    assert segment.stop_time == segment.stop / rate
    assert segment.duration == pytest.approx(segment.stop_time - segment.start_time)
    for name in ("a.wav", "a.flac"):
        segment.write(tmp_path / name)
        back, back_rate = read(tmp_path / name)
        assert back_rate == rate
        assert (back == segment.frames).all()
    with pytest.raises((OSError, RuntimeError)):
        segment.write(tmp_path / "no" / "where.wav")
