"""`ossicle record --resume`: what is refused and how, and a device that restarts."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
import soundfile
from commandline import COMMAND, Done, Run, emulated
from simaudio import audio
from simdevice import SimDevice
from simthread import behind_pty

from ossicle.cli.options import CodecName
from ossicle.cli.tape import take_up
from ossicle.errors import OssicleError
from ossicle.journal import Journal, journal_of
from ossicle.ledger import Ledger, Origin, StreamRow
from ossicle.sinks import TEXT_MAX_BYTES, WavSink, open_sink

STREAM = StreamRow(0, b"12345678", 0, 512, 0, 0)


def left(file: Path, *, frames: int = 1000, device: str = "sim-1") -> None:
    """What a recorder that was killed leaves."""
    with WavSink(file, 16000, described=True) as sink:
        Journal.create(file, Origin(device, 16000, 1), STREAM, None).close()
        sink.write(audio(0, frames))


def refused(done: Done, *words: str) -> None:
    assert done.returncode == 1, done.stdout + done.stderr
    (line,) = done.stderr.strip().splitlines()
    assert all(word in line for word in words), line


def test_what_cannot_be_gone_on_with(tmp_path: Path) -> None:
    def refuse(name: str, match: str) -> None:
        before = (tmp_path / name).read_bytes() if (tmp_path / name).exists() else None
        with pytest.raises(OssicleError, match=f"{re.escape(name)}: {match}") as caught:
            take_up(tmp_path / name)
        assert "\n" not in str(caught.value)
        assert before is None or before == (tmp_path / name).read_bytes()

    refuse("x.flac", r"only a WAV file can be gone on with; record into x\.wav")
    left(tmp_path / "gone.wav")
    (tmp_path / "gone.wav").unlink()
    refuse("gone.wav", "is gone, and its journal is there")
    with open_sink(tmp_path / "done.wav", 16000) as sink:
        sink.write(audio(0, 10))
    refuse("done.wav", "has no journal")
    soundfile.write(tmp_path / "other.wav", audio(0, 10), 16000)
    refuse("other.wav", "only a WAV file that Ossicle made")
    left(tmp_path / "mixed.wav")
    with open_sink(tmp_path / "mixed.wav", 8000, described=True) as sink:
        sink.write(audio(0, 10))
    refuse("mixed.wav", "is not the file of its journal")
    left(tmp_path / "swapped.wav")
    other = Ledger(Origin("sim-1", 16000, 1))
    other.stream(StreamRow(0, b"not that", 0, 512, 0, 0))
    with open_sink(tmp_path / "swapped.wav", 16000, described=True) as sink:
        sink.describe(other.text(TEXT_MAX_BYTES))
        sink.write(audio(0, 10))
    refuse("swapped.wav", "is not the file of its journal")


def test_another_rate_or_number_of_channels(ossicle: Run, tmp_path: Path) -> None:
    left(tmp_path / "x.wav")
    done = ossicle("record", "/dev/none", "--resume", "--out", "x.wav", "--rate", "8000")
    refused(done, "x.wav: has 16000 Hz and 1 channel, not 8000 Hz and 1 channel")
    found = take_up(tmp_path / "x.wav")
    assert found is not None
    with pytest.raises(OssicleError, match="1 channel, not 16000 Hz and 2 channels"):
        found.refuse_other(None, 2, None)
    with pytest.raises(OssicleError, match="in codec pcm16, not adpcm"):
        found.refuse_other(None, None, CodecName.adpcm)
    found.refuse_other(16000, 1, CodecName.pcm16)


@pytest.mark.parametrize(("name", "more"), [("x.wav", ["--resume"]), ("x.flac", [])])
def test_a_second_recorder_on_the_same_file(
    ossicle: Run, tmp_path: Path, speech: Path, name: str, more: list[str]
) -> None:
    with open_sink(tmp_path / name, 16000) as sink:
        sink.write(audio(0, 10))
        refused(ossicle("record", emulated(speech), "--out", name, *more), f"{name}: another program is")
    assert soundfile.info(tmp_path / name).frames == 10


def test_another_device(ossicle: Run, tmp_path: Path) -> None:
    left(tmp_path / "x.wav", device="mic-7")
    before = (tmp_path / "x.wav").read_bytes()
    with behind_pty(SimDevice(Random(1))) as line:
        done = ossicle("record", line.path, "--resume", "--out", "x.wav")
    refused(done, "x.wav: was recorded from mic-7, and sim-1 answers")
    assert (tmp_path / "x.wav").read_bytes() == before
    assert journal_of(tmp_path / "x.wav").exists()


@pytest.mark.parametrize("empty", [False, True])
def test_where_there_is_nothing_it_begins(ossicle: Run, tmp_path: Path, speech: Path, empty: bool) -> None:
    if empty:
        (tmp_path / "x.wav").touch()
    done = ossicle("record", emulated(speech), "--resume", "--out", "x.wav", "--seconds", "1")
    assert done.returncode == 0, done.stderr
    heard, _ = soundfile.read(tmp_path / "x.wav", dtype="int16")
    np.testing.assert_array_equal(heard, soundfile.read(speech, dtype="int16", frames=16000)[0])
    assert [path.name for path in tmp_path.iterdir()] == ["x.wav"]


def test_one_that_has_its_length_is_finished_without_a_device(ossicle: Run, tmp_path: Path) -> None:
    left(tmp_path / "x.wav", frames=16000)
    done = ossicle("record", "/dev/none", "--resume", "--out", "x.wav", "--seconds", "1")
    assert (done.returncode, done.stdout) == (0, "x.wav: 1.000 s, 16000 frames, 0 gaps\n")
    assert not journal_of(tmp_path / "x.wav").exists()


def test_a_recorder_that_lost_its_device_leaves_the_journal(ossicle: Run, tmp_path: Path) -> None:
    out = tmp_path / "x.wav"
    with behind_pty(SimDevice(Random(1))) as line, running(line.path, out, "--timeout", "1") as child:
        wait_for(lambda: frames_of(out) > 8000)
        line.hang_up()
        _, complaints = child.communicate(timeout=30)
    assert child.returncode == 1
    assert len(complaints.splitlines()) == 1
    assert journal_of(out).exists()


def test_a_device_that_restarts_begins_another_stream(tmp_path: Path) -> None:
    """Once while it is recorded, once while nobody listens."""
    out = tmp_path / "x.wav"
    device = SimDevice(Random(1))
    told: list[dict[str, Any]] = []
    with behind_pty(device) as line:
        with running(line.path, out) as child:
            wait_for(lambda: frames_of(out) > 4000)
            device.reboot()
            at = frames_of(out)
            wait_for(lambda: frames_of(out) > at + 8000)
            child.kill()
            told += events(child)
        device.reboot()
        with running(line.path, out) as child:
            at = frames_of(out)
            wait_for(lambda: frames_of(out) > at + 4000)
            child.send_signal(signal.SIGINT)
            told += events(child)
    streams = [row for row in told if row["event"] == "stream"]
    gaps = [row for row in told if row["event"] == "gap"]
    assert len(streams) == len(gaps) == 2
    assert [(gap["cause"], gap["frames"], gap["stop_frame"]) for gap in gaps] == [("reset", None, None)] * 2
    assert [row["start_frame"] for row in streams] == [gap["start_frame"] for gap in gaps]
    assert len({row["stream"] for row in streams} | {told[0]["stream"]}) == 3
    assert told[-1]["gaps"] == 2
    heard, _ = soundfile.read(out, dtype="int16")
    edges = [0, *(row["start_frame"] for row in streams), len(heard)]
    for start, stop in pairwise(edges):
        assert stop - start > 4000
        np.testing.assert_array_equal(heard[start:stop], audio(0, stop - start))
    assert not journal_of(out).exists()


@contextmanager
def running(url: str, out: Path, *more: str) -> Iterator[subprocess.Popen[str]]:
    command = [*COMMAND, "record", url, "--resume", "--out", str(out), "--json", *more]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield child
    finally:
        child.kill()
        child.communicate()


def events(child: subprocess.Popen[str]) -> list[dict[str, Any]]:
    said, complaints = child.communicate(timeout=30)
    assert complaints == ""
    return [json.loads(line) for line in said.splitlines()]


def frames_of(out: Path) -> int:
    return max(0, os.path.getsize(out) - 2048) // 2 if out.exists() else 0


def wait_for(condition: Callable[[], bool], timeout_s: float = 30) -> None:
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)
