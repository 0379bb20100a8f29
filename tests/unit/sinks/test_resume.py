"""A WAV file that is gone on with, silence that is a hole, and one writer a file."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from ossicle.sinks import TEXT_MAX_BYTES, SinkError, WavSink, open_sink

SUFFIXES = (".wav", ".flac")


def ramp(start: int, n: int) -> Any:
    return ((np.arange(start, start + n) * 7919) % 30011).astype(np.int16)


@pytest.mark.parametrize("described", [False, True])
@pytest.mark.parametrize("channels", [1, 2])
def test_it_goes_on_behind_the_last_frame(tmp_path: Path, channels: int, described: bool) -> None:
    path = tmp_path / "a.wav"
    frames = np.stack([ramp(0, 300)] * channels, axis=1) if channels > 1 else ramp(0, 300)
    with WavSink(path, 44100, channels, described=described) as sink:
        if described:
            sink.describe("what it is")
        sink.write(frames[:100])
    sink = WavSink.resume(path)
    assert (sink.rate, sink.channels, sink.frames, sink.described) == (44100, channels, 100, described)
    assert sink.text == ("what it is" if described else "")
    sink.trim()
    sink.write(frames[100:])
    sink.close()
    heard, rate = soundfile.read(path, dtype="int16")
    assert rate == 44100
    np.testing.assert_array_equal(heard, frames)


@pytest.mark.parametrize("more", [b"", b"\x55", b"\x55" * 999])
def test_what_a_kill_left_behind_the_last_frame_goes(tmp_path: Path, more: bytes) -> None:
    """And is not heard in the silence that follows."""
    path = tmp_path / "a.wav"
    with WavSink(path, 16000) as sink:
        sink.write(ramp(0, 100))
    with path.open("ab") as file:
        file.write(more)
    before = path.read_bytes()
    with WavSink.resume(path) as sink:
        assert path.read_bytes() == before, "a look changes nothing"
        sink.trim()
        assert path.stat().st_size == 80 + 200
        sink.silence(700)
        sink.write(ramp(0, 1))
    heard, _ = soundfile.read(path, dtype="int16")
    np.testing.assert_array_equal(heard, [*ramp(0, 100), *[0] * 700, *ramp(0, 1)])


@pytest.mark.parametrize("size", [80, 81, 80 + 99, 80 + 199, 80 + 200])
def test_a_head_that_claims_more_than_there_is(tmp_path: Path, size: int) -> None:
    path = tmp_path / "a.wav"
    with WavSink(path, 16000) as sink:
        sink.write(ramp(0, 100))
    os.truncate(path, size)
    with WavSink.resume(path) as sink:
        assert sink.frames == (size - 80) // 2
        sink.trim()
    heard, _ = soundfile.read(path, dtype="int16")
    np.testing.assert_array_equal(heard, ramp(0, (size - 80) // 2))


def test_beyond_four_gigabytes(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    most = (0xFFFFFFFF - 72) // 2
    with WavSink(path, 16000) as sink:
        sink.silence(most - 10)
        sink.write(ramp(0, 20))
    with WavSink.resume(path) as sink:
        assert sink.frames == most + 10
        sink.write(ramp(20, 20))
    with soundfile.SoundFile(path) as back:
        assert (back.format, back.frames) == ("RF64", most + 30)
        back.seek(most - 11)
        np.testing.assert_array_equal(back.read(dtype="int16"), [0, *ramp(0, 40)])


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("channels", [1, 2])
def test_silence(tmp_path: Path, suffix: str, channels: int) -> None:
    path = tmp_path / f"a{suffix}"
    shape = (10,) if channels == 1 else (10, channels)
    with open_sink(path, 16000, channels) as sink:
        for n in (0, -5, 1, 40_000):
            sink.silence(n)
            sink.write(np.full(shape, 7, np.int16))
        assert sink.frames == 40_041
    heard, _ = soundfile.read(path, dtype="int16", always_2d=True)
    assert np.flatnonzero(heard.any(axis=1)).tolist() == [*range(20), *range(21, 31), *range(40_031, 40_041)]
    with pytest.raises(SinkError, match="closed"):
        sink.silence(1)


def test_silence_too_long_for_the_disk_names_the_file(tmp_path: Path) -> None:
    with open_sink(tmp_path / "a.wav", 16000) as sink:
        sink.write(ramp(0, 5))
        with pytest.raises(OSError, match="too large") as caught:
            sink.silence(1 << 61)
        assert caught.value.filename == sink.path
    assert soundfile.info(tmp_path / "a.wav").frames == 5


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_one_writer_a_file(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    with open_sink(path, 16000) as sink:
        sink.write(ramp(0, 10_000))
        for other in (lambda: open_sink(path, 8000), lambda: WavSink.resume(path)):
            with pytest.raises(SinkError, match=f"a{suffix}: another program is writing it"):
                other()
        sink.write(ramp(10_000, 10))
    np.testing.assert_array_equal(soundfile.read(path, dtype="int16")[0], ramp(0, 10_010))
    open_sink(path, 8000).close()


WRITER = """
import sys
from ossicle.sinks import open_sink
with open_sink(sys.argv[1], 16000):
    print("open", flush=True)
    input()
"""


def test_a_lock_ends_with_its_process(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        with pytest.raises(SinkError, match="another program"):
            WavSink.resume(path)
        writer.kill()
    WavSink.resume(path).close()


def test_what_is_not_gone_on_with(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    for content in (b"", b"RIFF", b"x" * 5000):
        path.write_bytes(content)
        with pytest.raises(SinkError, match=r"a\.wav: only a WAV file that Ossicle made"):
            WavSink.resume(path)
        assert path.read_bytes() == content
    with pytest.raises(FileNotFoundError):
        WavSink.resume(tmp_path / "none.wav")
    assert not (tmp_path / "none.wav").exists()


def test_a_text_that_nobody_put_there_is_none(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    WavSink(path, 16000, described=True).close()
    head = bytearray(path.read_bytes())
    for text in (b"\xff" * TEXT_MAX_BYTES, b"x" * (TEXT_MAX_BYTES + 1)):
        head[92 : 92 + len(text)] = text
        path.write_bytes(head)
        with WavSink.resume(path) as sink:
            sink.trim()
            assert sink.text in ("", "x" * TEXT_MAX_BYTES)


def test_a_rate_that_no_head_can_hold(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    WavSink(path, 16000, 2).close()
    head = bytearray(path.read_bytes())
    head[60:64] = b"\xff\xff\xff\xff"
    path.write_bytes(head)
    with pytest.raises(SinkError, match="only a WAV file that Ossicle made"):
        WavSink.resume(path)
