"""Codec adpcm through the emulated board: the host gives what the oracle decodes, to the last frame."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from random import Random

import numpy as np
import pytest
import soundfile
from commandline import Run, emulated
from line import Heard, Line, drive, hear
from numpy.typing import NDArray
from oracle import adpcm

import ossicle as host
from ossicle.emulator import Emulator
from ossicle.proto import events
from ossicle.proto.receiver import Receiver
from ossicle.proto.request import StreamRequest

Samples = NDArray[np.int16]
RATE = 16000


def coded(samples: Samples) -> Samples:
    """What a running coder for each channel makes of it, and a decoder of that; shape (frames, channels)."""
    channels = []
    for channel in samples.T:
        state = (0, 0)
        out = []
        for value in channel.tolist():
            state = adpcm.decode_nibble(state, adpcm.encode_sample(state, value))
            out.append(state[0])
        channels.append(out)
    return np.array(channels, np.int16).T


def recording(path: Path, frames: int, channels: int = 1) -> Samples:
    """Loud noise, soft noise and a tone in turn, so that the coder goes to all its ends."""
    rng = np.random.default_rng(frames)
    place = np.arange(frames)[:, np.newaxis]
    loud = rng.integers(-32768, 32768, (frames, channels))
    tone = 12000 * np.sin(place * 0.05 + np.arange(channels))
    turn = place // 700 % 3
    data = np.where(turn == 0, loud, np.where(turn == 1, loud >> 9, tone)).astype(np.int16)
    soundfile.write(path, data, RATE, subtype="PCM_16")
    return data


def assert_whole(heard: Heard, expected: Samples) -> None:
    assert heard.gaps == []
    assert heard.ended == len(expected)
    assert np.array_equal(heard.frames, expected)


MONO = [(64, 0), (64, 2616), (97, 30), (512, 512), (2680, 0)]
STEREO = [(64, 1272), (256, 0), (101, 100), (1336, 0)]


@pytest.mark.parametrize(
    ("channels", "hop", "overlap"), [(1, *window) for window in MONO] + [(2, *window) for window in STEREO]
)
def test_any_window(tmp_path: Path, channels: int, hop: int, overlap: int) -> None:
    expected = coded(recording(tmp_path / "a.wav", 20_003, channels))
    with Emulator(tmp_path / "a.wav", speed="max") as board:
        request = StreamRequest(channels=channels, codec="adpcm", hop=hop, overlap=overlap)
        assert_whole(hear(board, request), expected)
        assert board.stop() == 0
        assert board.stderr == ""


@pytest.mark.parametrize("frames", [1, 2, 63, 511, 512, 513, 33_281])
def test_any_length(tmp_path: Path, frames: int) -> None:
    expected = coded(recording(tmp_path / "a.wav", frames))
    with Emulator(tmp_path / "a.wav", speed="max") as board:
        assert_whole(hear(board, StreamRequest(codec="adpcm")), expected)


class BadLine(Line):
    """Spoils a byte, or loses some, of a part of what is read; and once is cut for a while."""

    def __init__(self, port: str, seed: int) -> None:
        super().__init__(port)
        self._random = Random(seed)
        self.spoiled = 0
        self.deaf_until = 0.0

    def read(self, timeout_s: float) -> bytes:
        data = bytearray(super().read(timeout_s))
        if time.monotonic() < self.deaf_until:
            return b""
        if data and self._random.random() < len(data) / 4000:  # each 14th packet
            self.spoiled += 1
            at = self._random.randrange(len(data))
            if self._random.random() < 0.5:
                data[at] ^= 1 + self._random.randrange(255)
            else:
                del data[at : at + 40]
        return bytes(data)


@pytest.mark.realtime
def test_a_bad_line_at_115200(tmp_path: Path) -> None:
    """In real time, at the speed that a line has when nobody asks for more, and held to it."""
    expected = coded(recording(tmp_path / "a.wav", 3 * RATE))
    heard = Heard(1)
    with Emulator(tmp_path / "a.wav") as board, BadLine(board.port, 5) as line:
        core = Receiver(StreamRequest(codec="adpcm"))

        def until(position: int) -> Callable[[], object]:
            return lambda: heard.position >= position or heard.ended is not None

        drive(line, core, heard, until(RATE), board=board)
        line.deaf_until = time.monotonic() + 0.3
        drive(line, core, heard, lambda: heard.ended is not None, board=board)
        assert board.stop() == 0
        assert board.stderr == ""
    assert_whole(heard, expected)
    assert line.baud == 115200
    assert heard.only(events.SpeedChanged) == []
    assert line.spoiled > 3
    assert core.counters.resent > 5


@pytest.mark.parametrize("codec", ["pcm16", "adpcm"])
def test_with_rts_and_cts(tmp_path: Path, codec: str) -> None:
    """Both ends have the wires."""
    sent = recording(tmp_path / "a.wav", 3 * RATE)
    expected = coded(sent) if codec == "adpcm" else sent
    with Emulator(tmp_path / "a.wav", speed="max", config={"uart_rts": 22, "uart_cts": 19}) as board:
        with host.open(f"{board.url}?rtscts=1", codec=codec) as mic:
            blocks = [block.data for block in mic.blocks(1000)]
            stats = mic.stats.link
        assert board.stop() == 0
        assert board.stderr == ""
    assert np.array_equal(np.concatenate(blocks), expected[:, 0])
    assert stats.host.lost_transmissions == 0


def test_what_a_user_gets(tmp_path: Path) -> None:
    expected = coded(recording(tmp_path / "a.wav", 30_000, 2))
    url = f"emulator:{tmp_path / 'a.wav'}?speed=max"
    with host.open(url, channels=2, codec="adpcm") as mic:
        blocks = [block.data for block in mic.blocks(1000, always_2d=True)]
    assert np.array_equal(np.concatenate(blocks), expected)


def test_on_the_command_line(tmp_path: Path, ossicle: Run) -> None:
    expected = coded(recording(tmp_path / "a.wav", 20_001))
    done = ossicle("record", emulated(tmp_path / "a.wav"), "--codec", "adpcm", "--out", "b.wav")
    assert done.returncode == 0, done.stderr
    assert np.array_equal(soundfile.read(tmp_path / "b.wav", dtype="int16")[0], expected[:, 0])
