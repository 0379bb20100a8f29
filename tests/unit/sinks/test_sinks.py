"""Files that take frames: whole at every moment, whatever becomes of their writer."""

from __future__ import annotations

import os
import random
import signal
import struct
import subprocess
import sys
import time
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from ossicle.errors import OssicleError
from ossicle.sinks import FlacSink, SinkError, WavSink, open_sink
from ossicle.sinks.head import BARE_BYTES, Head, compose

SUFFIXES = (".wav", ".flac")
FLAC_BLOCK = 4096


def audio(start: int, n: int, channels: int = 1) -> Any:
    """Frames that tell their position."""
    lane = ((np.arange(start, start + n) * 7919) % 30011).astype(np.int16)
    return lane if channels == 1 else np.stack([lane // (c + 1) for c in range(channels)], axis=1)


@pytest.mark.parametrize("channels", [1, 2, 5])
@pytest.mark.parametrize("rate", [8000, 16000, 44100])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_goes_in_comes_out(tmp_path: Path, suffix: str, rate: int, channels: int) -> None:
    path = tmp_path / f"a{suffix}"
    with open_sink(path, rate, channels) as sink:
        for start, n in ((0, 1), (1, 5000), (5001, 0), (5001, 512)):
            sink.write(audio(start, n, channels))
        assert sink.frames == 5513
    back, back_rate = soundfile.read(path, dtype="int16")
    assert back_rate == rate
    assert (back == audio(0, 5513, channels)).all()


def test_others_read_the_wav_too(tmp_path: Path) -> None:
    with WavSink(tmp_path / "a.wav", 16000, 2) as sink:
        sink.write(audio(0, 100, 2))
        sink.write(audio(0, 200, 2)[::2])
    with wave.open(str(tmp_path / "a.wav")) as back:
        assert (back.getnchannels(), back.getframerate(), back.getnframes()) == (2, 16000, 200)


@pytest.mark.parametrize("channels", [1, 2])
def test_a_wav_is_whole_after_each_write(tmp_path: Path, channels: int) -> None:
    path = tmp_path / "a.wav"
    sink = WavSink(path, 16000, channels)
    assert soundfile.info(path).frames == 0
    for i in range(20):
        sink.write(audio(i * 100, 100, channels))
        assert (soundfile.read(path, dtype="int16")[0] == audio(0, i * 100 + 100, channels)).all()
        assert path.stat().st_size == BARE_BYTES + (i + 1) * 200 * channels
    sink.close()


def test_the_header_comes_after_the_frames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At every single system call the file is read: it is whole, and claims nothing that is not there."""
    path = tmp_path / "a.wav"
    sink = WavSink(path, 16000)
    real, seen = os.write, []

    def write(file: int, data: Any) -> int:
        written = real(file, data[: max(1, min(len(data), 77))])  # short writes, as a full pipe or disk gives
        claimed = struct.unpack_from("<I", path.read_bytes(), BARE_BYTES - 4)[0]
        assert BARE_BYTES + claimed <= path.stat().st_size
        seen.append(claimed)
        return written

    sink.write(audio(0, 50))
    monkeypatch.setattr(os, "write", lambda f, d: write(f, d) if len(d) != BARE_BYTES else real(f, d))
    sink.write(audio(50, 1000))
    monkeypatch.undo()
    assert set(seen) == {100}, "the old length until all is there"
    assert (soundfile.read(path, dtype="int16")[0] == audio(0, 1050)).all()


WRITER = """
import sys
import numpy as np
from ossicle.sinks import open_sink
path, channels, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
sink, at = open_sink(path, 16000, channels), 0
while True:
    lane = ((np.arange(at, at + size) * 7919) % 30011).astype(np.int16)
    sink.write(lane if channels == 1 else np.stack([lane // (c + 1) for c in range(channels)], axis=1))
    at += size
    print(at, flush=True)
"""


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_killed_at_any_moment(tmp_path: Path, suffix: str, seed: int) -> None:
    draw = random.Random(seed)
    path, channels, size = tmp_path / f"a{suffix}", draw.choice((1, 2)), draw.choice((64, 500, 4096, 20_000))
    command = [sys.executable, "-c", WRITER, str(path), str(channels), str(size)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        told = 0
        while told <= 2 * FLAC_BLOCK:
            told = int(writer.stdout.readline())
        time.sleep(draw.uniform(0, 0.05))
        writer.send_signal(signal.SIGKILL)
        told = max([told, *(int(line) for line in writer.stdout.read().split()[:-1])])
    back, _ = soundfile.read(path, dtype="int16")
    assert (back == audio(0, len(back), channels)).all()
    lost = told - len(back)
    assert lost <= (0 if suffix == ".wav" else 2 * FLAC_BLOCK)


@pytest.mark.parametrize("size", [1, 4095, 4096, 4097])
def test_a_flac_tells_only_what_is_in_it(tmp_path: Path, size: int) -> None:
    """Read while it is written, at lengths around a block."""
    path = tmp_path / "a.flac"
    sink = FlacSink(path, 16000)
    sink.write(audio(0, 4 * FLAC_BLOCK))
    at = 4 * FLAC_BLOCK
    for _ in range(4):
        sink.write(audio(at, size))
        at += size
        back, _ = soundfile.read(path, dtype="int16")
        assert (back == audio(0, len(back))).all()
        assert at - len(back) <= 2 * FLAC_BLOCK
    sink.close()
    assert (soundfile.read(path, dtype="int16")[0] == audio(0, at)).all()


def test_beyond_four_gigabytes(tmp_path: Path) -> None:
    """The header becomes RF64; the file here is a sparse one."""
    frames = 3 * 2**30
    path = tmp_path / "a.wav"
    with path.open("wb") as file:
        file.write(compose(Head(16000, 1, frames, None)))
        file.truncate(BARE_BYTES + 2 * frames)
        file.seek(BARE_BYTES + 2 * (frames - 4))
        file.write(audio(0, 4).tobytes())
    with soundfile.SoundFile(path) as back:
        assert (back.format, back.frames) == ("RF64", frames)
        back.seek(frames - 4)
        assert (back.read(10, dtype="int16") == audio(0, 4)).all()


def test_where_riff_ends() -> None:
    most = (0xFFFFFFFF - BARE_BYTES + 8) // 2
    assert compose(Head(16000, 1, most, None))[:4] == b"RIFF"
    assert compose(Head(16000, 1, most + 1, None))[:4] == b"RF64"
    assert (
        len(compose(Head(16000, 1, most, None))) == len(compose(Head(16000, 1, most + 1, None))) == BARE_BYTES
    )


def test_an_old_file_goes(tmp_path: Path) -> None:
    for suffix in SUFFIXES:
        path = tmp_path / f"a{suffix}"
        path.write_bytes(b"x" * 100_000)
        with open_sink(path, 16000) as sink:
            sink.write(audio(0, 10))
        assert soundfile.info(path).frames == 10


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_wrong_frames_change_nothing(tmp_path: Path, suffix: str) -> None:
    with open_sink(tmp_path / f"a{suffix}", 16000, 2) as sink:
        sink.write(audio(0, 10, 2))
        for frames in (
            [1, 2],
            np.zeros((3, 2), np.float32),
            np.zeros((3, 2), np.int32),
            np.zeros((3, 2), ">i2"),
        ):
            with pytest.raises(TypeError):
                sink.write(frames)  # type: ignore[arg-type]
        for frames in (audio(0, 3), audio(0, 3, 3), np.zeros((1, 2, 2), np.int16)):
            with pytest.raises(ValueError, match="shape"):
                sink.write(frames)
        assert sink.frames == 10
    assert soundfile.info(tmp_path / f"a{suffix}").frames == 10


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_closed(tmp_path: Path, suffix: str) -> None:
    sink = open_sink(tmp_path / f"a{suffix}", 16000)
    assert not sink.closed
    sink.close()
    sink.close()
    assert sink.closed
    with pytest.raises(SinkError, match="closed"):
        sink.write(audio(0, 1))


def test_what_cannot_be(tmp_path: Path) -> None:
    for name in ("a.mp3", "a", "a.wav.txt"):
        with pytest.raises(SinkError, match=r"\.wav or \.flac"):
            open_sink(tmp_path / name, 16000)
    with pytest.raises(SinkError, match="8 channels at most"):
        open_sink(tmp_path / "a.flac", 16000, 9)
    for suffix in SUFFIXES:
        with pytest.raises(SinkError):
            open_sink(tmp_path / f"a{suffix}", 0)
        with pytest.raises(OSError, match="No such file"):
            open_sink(tmp_path / "nowhere" / f"a{suffix}", 16000)
    assert issubclass(SinkError, OssicleError)
    assert list(tmp_path.iterdir()) == []


def test_upper_case_and_text_paths(tmp_path: Path) -> None:
    with open_sink(str(tmp_path / "A.WAV"), 16000) as sink:
        sink.write(audio(0, 3))
    assert soundfile.info(tmp_path / "A.WAV").frames == 3


@pytest.mark.skipif(os.name != "posix", reason="a limit of POSIX")
@pytest.mark.parametrize("room", [100, 6000, 20000])
def test_a_flac_file_without_room_names_itself(tmp_path: Path, room: int) -> None:
    import resource

    noise = np.random.default_rng(1).integers(-32768, 32767, 16000, dtype=np.int16)

    def fill() -> None:
        with FlacSink(tmp_path / "x.flac", 16000, described=True) as sink:
            for _ in range(9):
                sink.write(noise)

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
    try:
        with pytest.raises(SinkError, match=r"x\.flac: .*room on the disk"):
            fill()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
