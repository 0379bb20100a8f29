"""A recorder that is killed with SIGKILL, again and again, in front of a board that goes on.

The board's line outlives the host, and so does its network. Whatever the board's ring held while nobody
listened is in the file.
"""

from __future__ import annotations

import json
import random
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from ossicle.emulator import Emulator
from ossicle.journal import Journal, journal_of

RATE = 16000
RING_S = 33792 / RATE
SLACK_S = 0.3  # from the last frame written to the kill, and from the resume to the first frame written


class Recorder:
    """`ossicle record --resume` in a process of its own, as often as it is wanted."""

    def __init__(self, url: str, out: Path) -> None:
        self._command = [sys.executable, "-m", "ossicle.cli", "record", url, "--resume", "--out", str(out)]
        self._out = out
        self._left: tuple[float, int] | None = None  # when nobody wrote any more, and what there was
        self.outages_s: list[float] = []
        self.told: list[dict[str, Any]] = []
        self.start()

    def start(self) -> None:
        self._child = subprocess.Popen(
            [*self._command, "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def kill(self, *, again: bool = True) -> None:
        """And begin another one at once."""
        self._child.kill()
        if self._left is None:
            self._left = (time.monotonic(), self.frames)
        self._hear()
        if again:
            self.start()

    def end(self) -> None:
        """Wait for its own end."""
        self.wait_for(self.frames + 1)
        self._hear()
        assert self._child.returncode == 0

    def _hear(self) -> None:
        said, complaints = self._child.communicate(timeout=60)
        assert complaints == ""
        self.told += [json.loads(line) for line in said.splitlines()]

    @property
    def frames(self) -> int:
        return max(0, self._out.stat().st_size - 2048) // 2 if self._out.exists() else 0

    def wait_for(self, frames: int) -> None:
        end = time.monotonic() + 60
        while self.frames < frames and self._child.poll() is None:
            assert time.monotonic() < end, "waited in vain"
            time.sleep(0.005)
        if self._left is not None and self.frames > self._left[1]:
            self.outages_s.append(time.monotonic() - self._left[0])
            self._left = None


def noise(path: Path, seconds: float) -> np.ndarray:
    data = np.random.default_rng(7).integers(-32768, 32768, round(seconds * RATE), dtype=np.int16)
    soundfile.write(path, data, RATE, subtype="PCM_16")
    return data


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def behind(link: str, tmp_path: Path) -> Iterator[str]:
    """The URL of a board whose line or network outlives any host; on a network it is sealed."""
    if link == "serial":
        with Emulator(tmp_path / "a.wav") as board:
            yield board.url
            assert board.stderr == ""
        return
    port, keys = free_port(), tmp_path / "keys.toml"
    with Emulator(tmp_path / "a.wav", link=link, host_port=port) as board:
        assert board.key is not None
        keys.touch(mode=0o600)
        keys.write_text(f'[keys]\n"{board.device}" = "{board.key.hex()}"\n')
        yield f"{link}://127.0.0.1:{port}?keys={keys}"
        assert board.stderr == ""


def killed(tmp_path: Path, link: str, seed: int, kills: int, seconds: float) -> None:
    draw = random.Random(seed)
    expected = noise(tmp_path / "a.wav", seconds)
    out = tmp_path / "out.wav"
    with behind(link, tmp_path) as url:
        recorder = Recorder(url, out)
        recorder.wait_for(1)
        for _ in range(kills):
            # Also before anything of it was heard, and while it takes up what the one before it left.
            time.sleep(draw.choice((draw.uniform(0, 0.3), draw.uniform(0.3, 1.0))))
            recorder.kill()
            if draw.random() < 0.7:
                recorder.wait_for(recorder.frames + 1)
        recorder.end()
    streams = {row["stream"] for row in recorder.told if row["event"] == "started"}
    assert len(streams) == 1
    with soundfile.SoundFile(out) as file:
        heard = file.read(dtype="int16")
        gaps = json.loads(file.comment)["gaps"]
    for gap in gaps:
        expected[gap["start_frame"] : gap["stop_frame"]] = 0
    np.testing.assert_array_equal(heard, expected)
    # A machine that is busy may need longer to start a process than the board's ring lasts.
    lost = sum(gap["frames"] for gap in gaps)
    assert lost <= sum(max(0.0, away + SLACK_S - RING_S) for away in recorder.outages_s) * RATE, gaps
    assert recorder.told[-1]["missing_frames"] == lost
    assert not journal_of(out).exists()


@pytest.mark.realtime
@pytest.mark.parametrize("link", ["serial", "udp", pytest.param("ws", marks=pytest.mark.soak)])
def test_three_kills_lose_nothing(tmp_path: Path, link: str) -> None:
    killed(tmp_path, link, seed=3, kills=3, seconds=5)


@pytest.mark.soak
@pytest.mark.timeout(300)
@pytest.mark.parametrize("link", ["serial", "udp", "ws"])
@pytest.mark.parametrize("seed", range(5))
def test_many_kills_lose_nothing(tmp_path: Path, link: str, seed: int) -> None:
    killed(tmp_path, link, seed=seed, kills=20, seconds=60)


@pytest.mark.realtime
def test_it_comes_back_at_the_last_speed(tmp_path: Path) -> None:
    """The device would be back at 115200 only 3 s after the last word: longer than its ring is."""
    noise(tmp_path / "a.wav", 3)
    out = tmp_path / "out.wav"
    with Emulator(tmp_path / "a.wav") as board:
        recorder = Recorder(board.url, out)
        recorder.wait_for(2000)
        recorder.kill(again=False)
        left = Journal.open(out)
        assert left is not None
        assert (left.baud or 0) > 115200
        left.close()
        recorder.start()
        recorder.end()
    assert recorder.told[-1]["gaps"] == 0 or recorder.outages_s[0] > RING_S - SLACK_S
