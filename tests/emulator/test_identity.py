"""`emulator:F` gives back F's samples: bit for bit, to the last one, whatever the window, rate and speed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import soundfile
from line import Heard, hear
from numpy.typing import NDArray

import ossicle
from ossicle.emulator import Emulator
from ossicle.proto.events import Gap
from ossicle.proto.request import StreamRequest

MONO_WINDOWS = [(64, 0), (64, 608), (320, 320), (500, 37), (672, 0), (333, 111)]
STEREO_WINDOWS = [(64, 272), (336, 0), (100, 33)]


def samples(path: Path) -> NDArray[np.int16]:
    data: NDArray[np.int16] = soundfile.read(path, dtype="int16", always_2d=True)[0]
    return data


def noise(path: Path, frames: int, channels: int, rate: int) -> NDArray[np.int16]:
    data = np.random.default_rng(frames).integers(-32768, 32768, (frames, channels), dtype=np.int16)
    soundfile.write(path, data, rate, subtype="PCM_16")
    return data


def assert_whole(heard: Heard, expected: NDArray[np.int16]) -> None:
    assert heard.gaps == []
    assert heard.ended == len(expected)
    assert np.array_equal(heard.frames, expected)


def play(path: Path, speed: str, *, hop: int | None = None, overlap: int = 0) -> Heard:
    with Emulator(path, speed=speed) as emulator:
        request = StreamRequest(rate=emulator.rate, channels=emulator.channels, hop=hop, overlap=overlap)
        heard = hear(emulator, request)
        assert emulator.stop() == 0
        assert emulator.stderr == "", "an error in a callback is seen nowhere else"
    return heard


def opened(path: Path, speed: str) -> tuple[NDArray[np.int16], list[Gap]]:
    """What a user gets: the frames of all blocks, shape (frames, channels), and the gaps between them."""
    info = soundfile.info(path)
    with ossicle.open(f"emulator:{path}?speed={speed}", rate=info.samplerate, channels=info.channels) as mic:
        blocks = list(mic.blocks(1000, always_2d=True))
    assert [block.start for block in blocks] == [1000 * i for i in range(len(blocks))]
    return np.concatenate([block.data for block in blocks]), [gap for block in blocks for gap in block.gaps]


def test_every_recording_flat_out(recording: Path) -> None:
    frames, gaps = opened(recording, "max")
    assert gaps == []
    assert np.array_equal(frames, samples(recording))


@pytest.mark.realtime
def test_recordings_in_real_time(labelled: list[Path], tmp_path: Path) -> None:
    """Their first seconds: what a recording says is the matter of the test before, the clock of this one."""
    paths = []
    for path in labelled:
        data, rate = soundfile.read(path, frames=2 * 16000, dtype="int16", always_2d=True)
        soundfile.write(tmp_path / f"{path.stem}.wav", data, rate, subtype="PCM_16")
        paths.append(tmp_path / f"{path.stem}.wav")
    assert_as_played(paths)


@pytest.mark.soak
@pytest.mark.realtime
def test_every_recording_in_real_time(labelled: list[Path], recordings: list[Path]) -> None:
    assert_as_played([*labelled, *recordings])


def assert_as_played(paths: list[Path]) -> None:
    """All at once, so that this takes no longer than the longest of them."""
    with ThreadPoolExecutor(len(paths)) as pool:
        heard = list(pool.map(lambda path: opened(path, "realtime"), paths))
    for path, (frames, gaps) in zip(paths, heard, strict=True):
        assert gaps == []
        assert np.array_equal(frames, samples(path)), path.name


@pytest.mark.parametrize(("hop", "overlap"), MONO_WINDOWS)
def test_any_window_mono(tmp_path: Path, hop: int, overlap: int) -> None:
    expected = noise(tmp_path / "a.wav", 40_001, 1, 16000)
    assert_whole(play(tmp_path / "a.wav", "max", hop=hop, overlap=overlap), expected)


@pytest.mark.parametrize(("hop", "overlap"), STEREO_WINDOWS)
def test_any_window_stereo(tmp_path: Path, hop: int, overlap: int) -> None:
    expected = noise(tmp_path / "a.wav", 20_003, 2, 16000)
    assert_whole(play(tmp_path / "a.wav", "max", hop=hop, overlap=overlap), expected)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", [8000, 16000, 24000, 32000, 44100, 48000])
def test_any_rate(tmp_path: Path, rate: int, channels: int) -> None:
    expected = noise(tmp_path / "a.wav", 30_011, channels, rate)
    assert_whole(play(tmp_path / "a.wav", "max"), expected)


@pytest.mark.realtime
def test_stereo_at_48_khz_in_real_time(tmp_path: Path) -> None:
    expected = noise(tmp_path / "a.wav", 36_001, 2, 48000)
    assert_whole(play(tmp_path / "a.wav", "realtime"), expected)


@pytest.mark.parametrize("frames", [1, 63, 255, 256, 257, 511, 512, 513, 1024, 33_280, 33_792])
def test_any_length(tmp_path: Path, frames: int) -> None:
    """Around a DMA buffer, a hop and the ring."""
    expected = noise(tmp_path / "a.wav", frames, 1, 16000)
    assert_whole(play(tmp_path / "a.wav", "max"), expected)


def test_mono_is_the_left_of_a_stereo_recording(tmp_path: Path) -> None:
    expected = noise(tmp_path / "a.wav", 5000, 2, 16000)
    with Emulator(tmp_path / "a.wav", speed="max") as emulator:
        assert_whole(hear(emulator, StreamRequest(channels=1)), expected[:, :1])
        assert_whole(hear(emulator, StreamRequest(channels=2)), expected)


def test_what_comes_back_from_full_scale(tmp_path: Path) -> None:
    expected = np.tile(np.array([-32768, 32767, 0, -1, 1], np.int16), 1000)[:, np.newaxis]
    soundfile.write(tmp_path / "a.wav", expected, 16000, subtype="PCM_16")
    assert_whole(play(tmp_path / "a.wav", "max"), expected)
