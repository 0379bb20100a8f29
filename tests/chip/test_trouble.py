"""The chip's peripherals in trouble, under the firmware that a chip gets; each trouble is counted by them.

Where they get no memory the firmware streams with less, or says why it does not.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from line import Heard, Line, drive
from numpy.typing import NDArray

import ossicle
from ossicle.chip import Chip
from ossicle.paths import data_folder
from ossicle.pattern import Pattern
from ossicle.proto import events
from ossicle.proto.receiver import Receiver
from ossicle.proto.request import StreamRequest
from ossicle.soak.record import Record

SOURCE = Pattern(2**24, key=5)
IDENTITY = {"shift": 16, "dc_blocker": False}  # the pattern as it is
WIFI = {"link": "udp", "ssid": "emulated", "host": "127.0.0.1", "plain": True}


@contextmanager
def troubled(files: Path, config: dict[str, Any], **troubles: Any) -> Iterator[tuple[Chip, Record]]:
    """A chip with the firmware's sources, and what its peripherals write down."""
    firmware = data_folder("firmware")
    files.mkdir()
    shutil.copy(firmware / "main.py", files)
    shutil.copytree(firmware / "ossicle", files / "ossicle")
    shutil.copytree(firmware / "boards", files / "boards", ignore=shutil.ignore_patterns("unix*"))
    (files / "ossicle.json").write_text(json.dumps({**IDENTITY, **config}))
    with tempfile.TemporaryFile() as file:
        troubles["record"] = file.fileno()
        with Chip(files=files, source=SOURCE, pace=False, troubles=troubles) as chip:
            record = Record(file)
            yield chip, record
            record.poll()


def on_serial(chip: Chip, until: int = 8000) -> tuple[events.Hello, Heard]:
    """Its HELLO, and its stream to that frame, or the refusal."""
    heard = Heard(1)
    with Line(chip.port) as line:
        drive(
            line,
            Receiver(StreamRequest()),
            heard,
            lambda: heard.position >= until or heard.only(events.Refused),
            timeout_s=60,
        )
    (hello, *_) = heard.only(events.Hello)
    assert isinstance(hello, events.Hello)
    return hello, heard


def place(frames: NDArray[np.int16]) -> int:
    """Where the source has them, as one piece without a seam."""
    frames = frames.reshape(-1)
    source = SOURCE.part(0, 400_000).reshape(-1)
    starts = np.flatnonzero(source == frames[0])
    found = [int(at) for at in starts if np.array_equal(source[at : at + len(frames)], frames)]
    assert len(found) == 1, found
    return found[0]


def test_an_i2s_that_gets_no_memory_at_first(tmp_path: Path) -> None:
    """The ring is halved, and DMA gets its memory."""
    with troubled(tmp_path / "files", {}, i2s_failures=1) as (chip, record):
        hello, heard = on_serial(chip)
    assert record.met == {"i2s_failed": 1}
    assert any("I2S with ibuf" in note and "ENOMEM" in note for note in hello.notes), hello.notes
    assert any("no room for the whole ring" in note for note in hello.notes), hello.notes
    assert heard.gaps == []
    assert place(heard.frames) > 0


def test_an_i2s_that_never_gets_memory(tmp_path: Path) -> None:
    """START is refused with the reason, and the REPL is there for whoever asks."""
    with troubled(tmp_path / "files", {}, i2s_failures=1000) as (chip, record):
        hello, heard = on_serial(chip)
        (refused,) = heard.only(events.Refused)
        assert isinstance(refused, events.Refused)
        assert "ENOMEM" in refused.text
        assert len(chip.boots) == 1, "it does not boot again and again"
    assert record.met["i2s_failed"] > 2
    assert any("I2S with ibuf" in note for note in hello.notes), hello.notes


@pytest.mark.parametrize("failures", [1, 2])
def test_a_wifi_that_gets_no_memory_at_first(tmp_path: Path, failures: int) -> None:
    """Both texts that builds have for it are known for what they are."""
    with ossicle.serve("udp://127.0.0.1:0", plain=True) as server:
        config = {**WIFI, "port": server.port}
        with troubled(tmp_path / "files", config, wifi_failures=failures) as (_, record):
            mic = server.accept(60)
            frames = mic.read(8000)
            notes = mic.hello.notes
            mic.close()
    assert record.met == {"wifi_failed": failures}
    assert any("Out of Memory" in note for note in notes), notes
    assert any("0x0101" in note for note in notes) == (failures == 2), notes
    assert place(np.asarray(frames.data)) > 0


def test_a_wifi_that_never_gets_memory(tmp_path: Path) -> None:
    """It is the serial line then, where the reason can be read."""
    config = {**WIFI, "port": 9}
    with troubled(tmp_path / "files", config, wifi_failures=1000) as (chip, record):
        hello, heard = on_serial(chip)
    assert record.met["wifi_failed"] >= 2
    assert any("Wi-Fi does not start" in note for note in hello.notes), hello.notes
    assert place(heard.frames) > 0


@pytest.mark.realtime
@pytest.mark.parametrize("skips", [False, True])
def test_a_stall_that_dma_cannot_bridge(tmp_path: Path, skips: bool) -> None:
    """Which idf a build has the firmware does not know: no stretch has a seam either way."""
    stalls = [[6_000, 6_000], [20_000, 5_400]]
    with troubled(tmp_path / "files", {}, i2s_skip=skips, stalls=stalls) as (chip, record):
        _, heard = on_serial(chip, 27_000)
    assert ("i2s_skipped" in record.met) == skips
    assert [gap.cause for gap in heard.gaps] == ["capture", "capture"]
    off = {place(stretch) - start for start, stretch in heard.stretches()}
    assert len(list(heard.stretches())) == 3
    assert max(off) - min(off) <= 512 + 256
