"""What is made of a device's words and a file's frames before anything is checked."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ossicle.doctor.collect import Listener, free_heap, kind_of, read
from ossicle.doctor.hum import hum
from ossicle.errors import SourceError
from ossicle.proto.events import Audio, Gap


@pytest.mark.parametrize(
    ("told", "free"),
    [
        ([], None),
        ([9000], None),
        ([9000, 9000, 8976], 9000),
        ([20000, 12000, 4000], None),  # garbage piles up, and what is free is not known
        ([12000, 4000, 21000, 13000], 21000),
    ],
)
def test_what_is_free_is_known_after_a_collection_or_where_nothing_is_made(
    told: list[int], free: int | None
) -> None:
    assert free_heap(told) == free


def part(start: int, frames: int) -> Audio:
    return Audio(start, np.arange(start, start + frames, dtype=np.int16))


def test_the_longest_piece_without_a_gap_is_judged() -> None:
    listener = Listener(16000, 1)
    for event in (
        part(0, 100),
        Gap(100, 300, "capture"),
        part(300, 150),
        part(450, 150),
        Gap(600, None, "reset"),
    ):
        listener.take(event)
    listener.take(part(0, 200))
    sound = listener.sound(exact=True)
    assert sound.frames[:, 0].tolist() == list(range(300, 600))
    assert not sound.from_start
    assert listener.frames == 600


def test_a_piece_from_the_start_says_so() -> None:
    listener = Listener(16000, 1)
    listener.take(part(0, 100))
    assert listener.sound(exact=True).from_start
    assert Listener(16000, 2).sound(exact=True).frames.shape == (0, 2)


def test_a_long_file_is_read_as_far_as_is_asked(tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    soundfile.write(path, np.zeros((64000, 3), np.int16), 16000)
    sound = read(path, 1.5).sound
    assert sound is not None
    assert sound.frames.shape == (24000, 2)
    with pytest.raises(SourceError, match=r"no such file"):
        read(tmp_path / "none.wav")


def test_a_file_of_floats_is_heard_as_one_of_whole_numbers(tmp_path: Path) -> None:
    wave = np.sin(np.arange(32000) / 5) * 0.5
    wave[100], wave[200], wave[300] = np.nan, np.inf, -np.inf
    for subtype in ("FLOAT", "DOUBLE"):
        soundfile.write(tmp_path / "float.wav", wave, 16000, subtype=subtype)
        sound = read(tmp_path / "float.wav").sound
        assert sound is not None
        whole = np.rint(wave[1000:] * 32768)
        assert np.abs(sound.frames[1000:, 0] - whole).max() <= 1
        assert sound.frames[[100, 200, 300], 0].tolist() == [0, 32767, -32768]


def test_a_pipe_is_no_recording(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.wav")
    with pytest.raises(SourceError, match="no file"):
        read(tmp_path / "pipe.wav")


@pytest.mark.parametrize("rate", [1, 7, 50, 200])
def test_a_rate_at_which_there_can_be_no_hum_has_none(tmp_path: Path, rate: int) -> None:
    soundfile.write(tmp_path / "slow.wav", np.arange(3000, dtype=np.int16), rate)
    sound = read(tmp_path / "slow.wav").sound
    assert sound is not None
    assert hum(sound) is None


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("auto", "serial"),
        ("/dev/ttyUSB0", "serial"),
        ("udp://0.0.0.0:4747", "udp"),
        ("ws://0.0.0.0:4747", "ws"),
        ("emulator:a.wav?link=udp", "udp"),
        ("emulator:a.wav", "serial"),
    ],
)
def test_which_link_a_url_means(url: str, kind: str) -> None:
    assert kind_of(url) == kind
