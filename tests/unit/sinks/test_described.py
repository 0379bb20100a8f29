"""A text in a recording's head: it changes while the file grows, and costs no frame."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from ossicle.sinks import TEXT_MAX_BYTES, SinkError, WavSink, open_sink
from ossicle.sinks.head import BARE_BYTES, DESCRIBED_BYTES, Head, compose, parse

SUFFIXES = (".wav", ".flac")


def ramp(start: int, n: int) -> Any:
    return ((np.arange(start, start + n) * 7919) % 30011).astype(np.int16)


def comment(path: Path) -> str:
    with soundfile.SoundFile(path) as file:
        return str(file.comment).rstrip()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_last_text_counts(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    with open_sink(path, 16000, described=True) as sink:
        assert sink.described
        sink.describe("before any frame")
        sink.write(ramp(0, 5000))
        assert comment(path) == "before any frame"
        for text in ("x" * TEXT_MAX_BYTES, "ä" * 900, '{"rate": 16000}'):
            sink.describe(text)
            assert comment(path) == text
            sink.write(ramp(sink.frames, 5000))
    assert comment(path) == '{"rate": 16000}'
    back, rate = soundfile.read(path, dtype="int16")
    assert rate == 16000
    assert (back == ramp(0, 20000)).all()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_with_room_and_nothing_in_it(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    with open_sink(path, 8000, 2, described=True) as sink:
        sink.write(np.stack([ramp(0, 100)] * 2, axis=1))
    assert comment(path) == ""
    assert soundfile.info(path).frames == 100
    if suffix == ".wav":
        with wave.open(str(path)) as other:
            assert other.getnframes() == 100


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_cannot_be_described(tmp_path: Path, suffix: str) -> None:
    with open_sink(tmp_path / f"a{suffix}", 16000) as sink, pytest.raises(SinkError, match="no room"):
        sink.describe("x")
    with open_sink(tmp_path / f"b{suffix}", 16000, described=True) as sink:
        with pytest.raises(ValueError, match=f"at most {TEXT_MAX_BYTES}"):
            sink.describe("ä" * (TEXT_MAX_BYTES // 2 + 1))
        sink.write(ramp(0, 10))
    with pytest.raises(SinkError, match="closed"):
        sink.describe("x")


def test_a_head_is_one_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And each head that a kill could leave is whole: sizes, text and frames agree."""
    sink = WavSink(tmp_path / "a.wav", 16000, described=True)
    real, sizes = os.write, []

    def write(file: int, data: Any) -> int:
        sizes.append(len(data))
        return real(file, data)

    monkeypatch.setattr(os, "write", write)
    sink.describe("one")
    sink.write(ramp(0, 10))
    sink.describe("two")
    assert sizes == [DESCRIBED_BYTES, 20, DESCRIBED_BYTES, DESCRIBED_BYTES]
    assert os.sysconf("SC_PAGE_SIZE") > DESCRIBED_BYTES


WRITER = """
import sys
import numpy as np
from ossicle.sinks import open_sink
sink, at = open_sink(sys.argv[1], 16000, described=True), 0
while True:
    sink.write(((np.arange(at, at + 500) * 7919) % 30011).astype(np.int16))
    at += 500
    sink.describe(f"{at:09d}" * 200)
    print(at, flush=True)
"""


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_killed_while_it_describes(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        while int(writer.stdout.readline()) < 20_000:
            pass
        writer.send_signal(signal.SIGKILL)
    back, _ = soundfile.read(path, dtype="int16")
    assert (back == ramp(0, len(back))).all()
    text = comment(path)
    assert len(text) == 1800
    assert len({text[i : i + 9] for i in range(0, 1800, 9)}) == 1


@pytest.mark.parametrize("text", [None, "", "some text"])
@pytest.mark.parametrize("frames", [0, 1, 3 * 2**30])
def test_a_head_is_read_back(text: str | None, frames: int) -> None:
    head = Head(44100, 2, frames, text)
    assert parse(compose(head) + b"\x01\x00") == head
    assert len(compose(head)) == head.size == (BARE_BYTES if text is None else DESCRIBED_BYTES)


def test_other_heads_are_none(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "other.wav", ramp(0, 2000), 16000)
    assert parse((tmp_path / "other.wav").read_bytes()) is None
    whole = compose(Head(16000, 1, 5, "x"))
    assert parse(b"") is None
    assert parse(whole[: DESCRIBED_BYTES - 1]) is None
    for at in (0, 8, 12, 16, 48, 52, 56, 58, 68, 70, DESCRIBED_BYTES - 8):
        assert parse(whole[:at] + b"\xff\xff\xff\xff" + whole[at + 4 :]) is None, at
