"""The emulated board as a process: what it is fed, how it comes and goes, and what it leaves behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from line import hear

import ossicle
from ossicle.emulator import Emulator
from ossicle.errors import LinkError, SourceError
from ossicle.micropython import NOTE_64
from ossicle.proto.request import StreamRequest


def write(path: Path, frames: Any, rate: int = 16000, subtype: str = "PCM_16") -> Path:
    soundfile.write(path, frames, rate, subtype=subtype)
    return path


@pytest.fixture
def wav(tmp_path: Path) -> Path:
    return write(tmp_path / "a.wav", np.arange(5000, dtype=np.int16))


def heard(path: Path, request: StreamRequest | None = None, **settings: Any) -> tuple[Any, list[str]]:
    with Emulator(path, speed="max", **settings) as emulator:
        return hear(emulator, request).frames, [note for note in emulator.notes if note != NOTE_64]


def test_16_bit_files_are_played_as_they_are(wav: Path) -> None:
    frames, notes = heard(wav)
    assert np.array_equal(frames[:, 0], np.arange(5000))
    assert notes == []


def test_24_bits_are_rounded_and_it_is_said(tmp_path: Path) -> None:
    deep = np.random.default_rng(1).integers(-(2**23), 2**23, 5000)
    deep[:4] = [-(2**23), 2**23 - 1, 127, 128]
    path = write(tmp_path / "a.wav", (deep << 8).astype(np.int32), subtype="PCM_24")
    frames, notes = heard(path)
    assert np.array_equal(frames[:, 0], np.clip(np.rint(deep / 256), -32768, 32767))
    assert notes == ["PCM_24 samples are rounded to 16 bits"]


def test_8_bits_lose_nothing(tmp_path: Path) -> None:
    coarse = np.random.default_rng(1).integers(-128, 128, 5000)
    path = write(tmp_path / "a.wav", (coarse << 8).astype(np.int16), subtype="PCM_U8")
    frames, notes = heard(path)
    assert np.array_equal(frames[:, 0], coarse << 8)
    assert notes == []


def test_floats_are_rounded_and_clipped(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", np.array([0.0, 0.5, -1.0, 1.0, 1.5, -1.5, 1e-5]), subtype="FLOAT")
    frames, notes = heard(path)
    assert frames[:, 0].tolist() == [0, 16384, -32768, 32767, 32767, -32768, 0]
    assert len(notes) == 1


def test_another_rate_is_resampled_and_it_is_said(tmp_path: Path) -> None:
    time_s = np.arange(44100) / 44100
    path = write(tmp_path / "a.wav", 0.5 * np.sin(2 * np.pi * 1000 * time_s), 44100)
    frames, notes = heard(path, rate=16000)
    assert notes == ["resampled from 44100 to 16000 Hz"]
    assert abs(len(frames) - 16000) <= 1
    spectrum = np.abs(np.fft.rfft(frames[:16000, 0] * np.hanning(len(frames[:16000]))))
    assert abs(int(spectrum.argmax()) - 1000) <= 1
    frames, notes = heard(path)
    assert (len(frames), notes) == (44100, []), "the board has this rate too"


def test_more_channels_than_a_board_has(tmp_path: Path) -> None:
    many = np.random.default_rng(1).integers(-9999, 9999, (5000, 3)).astype(np.int16)
    frames, notes = heard(write(tmp_path / "a.wav", many))
    assert np.array_equal(frames, many[:, :2])
    assert notes == ["the first 2 of 3 channels are played"]


def test_stereo_of_a_mono_recording(wav: Path) -> None:
    frames, notes = heard(wav, StreamRequest(channels=2), channels=2)
    assert np.array_equal(frames[:, 0], np.arange(5000))
    assert not frames[:, 1].any()
    assert notes == ["the recording has one channel: the right one is silent"]


@pytest.mark.parametrize(
    ("content", "why"),
    [(None, "no such file"), (b"this is no sound", "cannot be played"), (b"", "cannot be played")],
)
def test_what_cannot_be_played_is_one_line(tmp_path: Path, content: bytes | None, why: str) -> None:
    path = tmp_path / "a.wav"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SourceError, match=why) as caught:
        Emulator(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_more_that_cannot_be_played(tmp_path: Path, wav: Path) -> None:
    with pytest.raises(SourceError, match="cannot be played"):
        Emulator(tmp_path)
    with pytest.raises(SourceError, match="no audio"):
        Emulator(write(tmp_path / "empty.wav", np.empty(0, np.int16)))
    with pytest.raises(SourceError, match="not 11025"):
        Emulator(wav, rate=11025)
    with pytest.raises(SourceError, match="not 3"):
        Emulator(wav, channels=3)
    with pytest.raises(ValueError, match="realtime or max"):
        Emulator(wav, speed="fast")
    with pytest.raises(ValueError, match="identity or real"):
        Emulator(wav, conversion="none")


def test_a_board_that_does_not_come_up(wav: Path, tmp_path: Path) -> None:
    with pytest.raises(LinkError, match="MemoryError") as caught:
        Emulator(wav, heapsize="48K").start()
    assert "\n" not in str(caught.value)
    with pytest.raises(LinkError, match="does not run"):
        Emulator(wav, micropython=str(tmp_path / "none")).start()


def test_the_firmware_notes_a_wrong_configuration(wav: Path) -> None:
    with Emulator(wav, speed="max", config={"shift": 99, "colour": "red"}) as emulator:
        told = [event for event in hear(emulator).others if getattr(event, "notes", ())]
    assert any("shift" in note for note in told[0].notes)
    assert any("colour" in note for note in told[0].notes)


def test_it_goes_when_it_is_told_to(wav: Path) -> None:
    emulator = Emulator(wav)
    assert emulator.stop() == 0, "one that was never started"
    with Emulator(wav) as emulator:
        pid = emulator.pid
        assert pid is not None
        assert os.getsid(pid) == pid, "Ctrl-C goes to the terminal's session, and must not end it first"
        assert emulator.url == f"serial://{emulator.port}"
        with pytest.raises(RuntimeError, match="before"):
            emulator.start()
    assert emulator.returncode == 0
    assert emulator.stop() == 0
    assert not Path(f"/proc/{pid}").exists()
    assert (emulator.stderr, emulator.failure) == ("", None)


def test_nothing_is_left_open(wav: Path) -> None:
    def count() -> int:
        return len(os.listdir("/proc/self/fd"))

    with Emulator(wav, speed="max") as emulator:
        hear(emulator)
    before = count()
    for _ in range(3):
        with Emulator(wav, speed="max") as emulator:
            hear(emulator)
    with pytest.raises(SourceError):
        Emulator(wav.with_name("none.wav"))
    assert count() == before


PARENT = """
import sys, time
from ossicle.emulator import Emulator
emulator = Emulator(sys.argv[1])
emulator.start()
print(emulator.pid, flush=True)
time.sleep(60)
"""


def test_it_goes_when_its_parent_is_killed(wav: Path, tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(wav)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(scratch)},
    )
    assert parent.stdout is not None
    with parent:
        child = Path("/proc") / parent.stdout.readline().strip()
        assert child.exists()
        assert list(scratch.iterdir()) == [], "its files have no names"
        parent.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 20
    while child.exists() and "Z" not in child.joinpath("stat").read_text().split()[2]:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_program_without_stdin_hears_all(wav: Path) -> None:
    """The number 0 is free there, and must not become the board's line."""
    program = (
        "import os; os.close(0); import sys, ossicle\n"
        "with ossicle.open('emulator:' + sys.argv[1] + '?speed=max') as mic:\n"
        "    print(sum(len(block) for block in mic.blocks()))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(wav)], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout, done.stderr) == ("5000\n", "")


def test_waiting_for_ever_is_no_error(wav: Path) -> None:
    with ossicle.open(f"emulator:{wav}?speed=max", timeout=float("inf")) as mic:
        assert len(mic.read(5000)) == 5000
