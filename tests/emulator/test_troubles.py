"""What happens to lines: noise, wrong speeds, a line that is dropped, a board that is killed."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from line import Heard, Line, drive, hear
from numpy.typing import NDArray

from ossicle.emulator import Emulator
from ossicle.proto import events
from ossicle.proto.receiver import Receiver
from ossicle.proto.request import StreamRequest


def noise(path: Path, frames: int, rate: int = 16000) -> NDArray[np.int16]:
    data = np.random.default_rng(frames).integers(-32768, 32768, (frames, 1), dtype=np.int16)
    soundfile.write(path, data, rate, subtype="PCM_16")
    return data


class Garbage:
    """A line that adds, loses and changes bytes, both ways. Never to `0D 03`, which is a wish (W-33)."""

    def __init__(self, line: Line, seed: int) -> None:
        self._line = line
        self._random = random.Random(seed)
        self.hits = 0

    def spoil(self, data: bytes) -> bytes:
        if not data or self._random.random() > 0.1:
            return data
        self.hits += 1
        at = self._random.randrange(len(data))
        junk = self._random.randbytes(self._random.randrange(40)).replace(b"\r\x03", b"??")
        match self._random.randrange(3):
            case 0:
                return data[:at] + junk + data[at:]
            case 1:
                return data[:at] + data[at + len(junk) :]
            case _:
                return data[:at] + bytes([data[at] ^ 0x55]) + data[at + 1 :]

    def read(self, timeout_s: float) -> bytes:
        return self.spoil(self._line.read(timeout_s))

    def write(self, data: bytes) -> None:
        self._line.write(self.spoil(data))

    def speed(self, baud: int) -> None:
        self._line.speed(baud)


@pytest.mark.parametrize(
    "seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(2, 20))]
)
def test_noise_costs_no_sample(tmp_path: Path, seed: int) -> None:
    expected = noise(tmp_path / "a.wav", 200_003)
    heard = Heard(1)
    with Emulator(tmp_path / "a.wav", speed="max") as emulator, Line(emulator.port) as line:
        garbage = Garbage(line, seed)
        core = Receiver(StreamRequest())
        drive(garbage, core, heard, lambda: heard.ended is not None, board=emulator)
        assert emulator.stderr == ""
    assert garbage.hits > 5
    assert heard.gaps == []
    assert np.array_equal(heard.frames, expected)


def test_a_source_that_can_wait_does(tmp_path: Path) -> None:
    """Flat out W does not pass what the host has settled by more than the ring (W-28)."""
    expected = noise(tmp_path / "a.wav", 200_000)
    heard = Heard(1)
    with Emulator(tmp_path / "a.wav", speed="max") as emulator, Line(emulator.port) as line:
        core = Receiver(StreamRequest())
        core.hold(5_000)
        drive(line, core, heard, lambda: len(heard.only(events.Status)) >= 2, board=emulator)
        assert core.status is not None
        assert 33_000 < core.status.captured <= 5_000 + core.status.ring_frames
        core.hold(None)
        time.sleep(0.4)  # nor while the host is busy with something else
        drive(line, core, heard, lambda: heard.ended is not None, board=emulator)
    assert heard.gaps == []
    assert np.array_equal(heard.frames, expected)


def test_two_streams_one_after_another(tmp_path: Path) -> None:
    expected = noise(tmp_path / "a.wav", 50_000)
    with Emulator(tmp_path / "a.wav", speed="max") as emulator:
        first = hear(emulator)
        second = hear(emulator, StreamRequest(hop=100, overlap=100))
    assert np.array_equal(first.frames, expected)
    assert np.array_equal(second.frames, expected)
    ids = {event.stream_id for one in (first, second) for event in one.only(events.Started)}
    assert len(ids) == 2


def test_a_new_start_takes_the_place_of_a_stream(tmp_path: Path) -> None:
    """A host that was killed knows nothing of its stream: the next one hears the recording from its start."""
    expected = noise(tmp_path / "a.wav", 100_000)
    heard = Heard(1)
    with Emulator(tmp_path / "a.wav", speed="max") as emulator:
        with Line(emulator.port) as line:
            drive(line, Receiver(StreamRequest()), heard, lambda: heard.position > 20_000, board=emulator)
        again = hear(emulator)
        assert emulator.stderr == ""
    assert np.array_equal(heard.frames, expected[: heard.position])
    assert np.array_equal(again.frames, expected)


def test_a_rate_that_the_recording_has_not_is_refused(tmp_path: Path) -> None:
    noise(tmp_path / "a.wav", 1000)
    heard = Heard(1)
    with Emulator(tmp_path / "a.wav", speed="max") as emulator, Line(emulator.port) as line:
        core = Receiver(StreamRequest(rate=8000))
        drive(line, core, heard, lambda: heard.only(events.Refused), timeout_s=10, board=emulator)
        assert emulator.stderr == ""
    (refused,) = heard.only(events.Refused)
    assert isinstance(refused, events.Refused)
    assert "16000" in refused.text


@pytest.mark.realtime
@pytest.mark.parametrize("baud", [9600, 921600])
def test_another_speed_at_the_start(tmp_path: Path, baud: int) -> None:
    """Whoever had the line before left it at another speed: nothing but noise is heard until both agree."""
    expected = noise(tmp_path / "a.wav", 8_000)
    heard = Heard(1)
    with Emulator(tmp_path / "a.wav") as emulator, Line(emulator.port) as line:
        line.speed(baud)
        for _ in range(20):
            line.write(b"hello, is anybody there?\x00")
            line.read(0.01)
        core = Receiver(StreamRequest())
        drive(line, core, heard, lambda: heard.ended is not None, board=emulator)
        assert emulator.stderr == ""
    assert np.array_equal(heard.frames, expected)


@pytest.mark.realtime
def test_a_host_that_vanished_at_the_higher_speed(tmp_path: Path) -> None:
    """It said no farewell; the device is back at the default speed three seconds after its last word."""
    expected = noise(tmp_path / "a.wav", 8_000)
    heard = Heard(1)
    with Emulator(tmp_path / "a.wav") as emulator:
        with Line(emulator.port) as line:
            drive(line, Receiver(StreamRequest()), heard, lambda: heard.position > 2_000, board=emulator)
            assert line.baud > 115200
        again = hear(emulator)
    assert np.array_equal(again.frames, expected)


@pytest.mark.realtime
@pytest.mark.parametrize("outage_s", [1.0, pytest.param(4.0, marks=pytest.mark.soak)])
def test_a_line_that_was_dropped(tmp_path: Path, outage_s: float) -> None:
    """Within the ring's time nothing is lost. Beyond it the device is suspended meanwhile, the oldest is
    overwritten, and a gap of exactly that length says so."""
    expected = noise(tmp_path / "a.wav", round((1 + 1.2 * outage_s) * 16_000))
    heard = Heard(1)
    with Emulator(tmp_path / "a.wav") as emulator:
        core = Receiver(StreamRequest())
        with Line(emulator.port) as line:
            drive(line, core, heard, lambda: heard.position > 4_000, board=emulator)
        time.sleep(outage_s)
        with Line(emulator.port) as line:
            core.lost(time.monotonic())
            drive(line, core, heard, lambda: heard.ended is not None, board=emulator)
        assert emulator.stderr == ""
    assert heard.ended == len(expected)
    for start, stretch in heard.stretches():
        assert np.array_equal(stretch, expected[start : start + len(stretch)])
    if outage_s < 2:
        assert heard.gaps == []
        assert np.array_equal(heard.frames, expected)
    else:
        assert {(gap.cause, gap.estimated) for gap in heard.gaps} == {("overwritten", False)}
        assert len(heard.frames) + sum(gap.frames or 0 for gap in heard.gaps) == len(expected)


def test_a_board_that_is_killed(tmp_path: Path) -> None:
    noise(tmp_path / "a.wav", 200_000)
    heard = Heard(1)
    with Emulator(tmp_path / "a.wav") as emulator, Line(emulator.port) as line:
        core = Receiver(StreamRequest())
        drive(line, core, heard, lambda: heard.position > 1_000, board=emulator)
        assert emulator.pid is not None
        os.kill(emulator.pid, signal.SIGKILL)
        with contextlib.suppress(OSError):
            while line.read(5.0):  # what was on its way
                pass
        assert emulator.stop() == -signal.SIGKILL
        assert emulator.failure is not None
        assert "code -9" in emulator.failure


@pytest.mark.parametrize("streaming", [False, True])
def test_the_way_back_to_the_repl(tmp_path: Path, streaming: bool) -> None:
    """What mpremote sends: `0D 03` behind a 0x00, or behind a pause."""
    noise(tmp_path / "a.wav", 200_000)
    heard = Heard(1)
    with Emulator(tmp_path / "a.wav", pace=False) as emulator, Line(emulator.port) as line:
        if streaming:
            drive(line, Receiver(StreamRequest()), heard, lambda: heard.position > 1_000, board=emulator)
            line.write(b"\x00\r\x03\r\x01")
        else:
            time.sleep(0.3)
            line.write(b"\r\x03\r\x01")
        said = b""
        deadline = time.monotonic() + 10
        while b">>> " not in said and time.monotonic() < deadline:
            said += line.read(0.1)
        assert said.endswith(b">>> ")
        assert b"MicroPython" in said
        deadline = time.monotonic() + 10
        while emulator.returncode is None and time.monotonic() < deadline:
            time.sleep(0.01)
        assert emulator.returncode == 0
        assert emulator.failure is None
        assert emulator.stderr == ""
