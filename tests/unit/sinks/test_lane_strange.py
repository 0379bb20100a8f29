"""What a device or a script may tell an archive, however strange, costs no audio but what cannot be kept."""

from __future__ import annotations

import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from kept import soon

import ossicle
from ossicle.archive.coding import Encoder, entry_of
from ossicle.archive.cutter import Cutter, Piece
from ossicle.archive.entry import (
    GAPS_MAX,
    PCM_MAX_BYTES,
    POSITION_MAX,
    SEGMENTS_MAX,
    TEXT_MAX_BYTES,
    Entry,
    GapRow,
    SegmentRow,
)
from ossicle.archive.library import Library
from ossicle.archive.settings import load
from ossicle.sinks import archive as archives
from ossicle.sinks.lane import ArchiveStream, sizes

N = 800
SOUND = np.arange(1, N + 1, dtype=np.int16)
NAMES = ["../../x", "", "\N{GRINNING FACE}" * 10_000, "\udcff\ud800", "a\0\n\x1b[2J", "/", ".", "..", "_2e"]
CLOCKS: list[Any] = [
    (2.5e11, 0.1),
    (float("nan"), 1.0),
    (1e300, 0.1),
    (1.7e9, float("inf")),
    (np.float32(1.7e9), np.float32(0.1)),
    (Decimal(5), Decimal(1)),
    (0, 0),
    "ab",
]
RATES: list[Any] = ["x", np.float32(8000.5), Decimal(8000), 1e-9, 1e8, float("nan"), True, 8000]


def gap(start: Any, stop: Any, cause: str = "lost") -> Any:
    return SimpleNamespace(start=start, stop=stop, cause=cause, estimated=np.bool_(True))


def test_every_device_clock_and_rate_is_kept(tmp_path: Path) -> None:
    settings = load(url=str(tmp_path / "a"), state=tmp_path / "s", retention_days=0)
    with ossicle.Archive(settings) as archive:
        for n, device in enumerate(NAMES):
            with archive.stream(device=device, stream=f"{n:x}", rate=8000) as stream:
                stream.audio(0, SOUND)
        for n, clock in enumerate(CLOCKS):
            with archive.stream(
                device="c", stream=f"c{n:x}", rate=8000, time_of=lambda position, clock=clock: clock
            ) as stream:
                stream.audio(0, SOUND)
        for n, rate in enumerate(RATES):
            with archive.stream(
                device="r", stream=f"d{n:x}", rate=8000, true_rate=lambda rate=rate: rate
            ) as stream:
                stream.audio(0, SOUND)
        assert archive.drain(30)
    every = len(NAMES) + len(CLOCKS) + len(RATES)
    assert archive.stats().counts.uploaded == every
    assert archive.stats().counts.lost_frames == 0
    with Library(settings) as library:
        assert not library.rebuild().unreadable
        assert library.verify().problems == 0
        assert len({row.stream for row in library.find()}) == every
    assert {path.name for path in tmp_path.iterdir()} == {"a", "s"}
    assert {path.name for path in (tmp_path / "a").iterdir()} == {"audio"}


def feeds() -> dict[str, tuple[Callable[[ArchiveStream], object], int]]:
    """What is told besides `SOUND` at 0, and the frames that cannot be kept."""
    big = POSITION_MAX
    return {
        "numbers of numpy": (
            lambda s: (s.audio(np.int64(N), SOUND), s.gap(gap(np.int64(9), np.int32(9)))),
            0,
        ),
        "a segment of numpy": (lambda s: s.segment(np.int64(1), np.uint8(9), "pause"), 0),
        "a gap before everything": (lambda s: s.gap(gap(-50, -3)), 0),
        "a gap that ends before it starts": (lambda s: s.gap(gap(N, 3)), 0),
        "a gap beyond all names": (lambda s: s.gap(gap(N, 2**63)), 0),
        "a segment beyond all names": (lambda s: s.segment(N, 2**70, "pause"), 0),
        "frames beyond all names": (lambda s: s.audio(2**62, SOUND), N),
        "frames that end there": (lambda s: s.audio(big - N + 1, SOUND), N),
        "the last frames of all": (lambda s: s.audio(big - N, SOUND), 0),
        "frames from before": (lambda s: s.audio(-1, SOUND), N),
    }


@pytest.mark.parametrize("name", feeds())
def test_what_no_object_can_have_is_counted(tmp_path: Path, name: str) -> None:
    feed, lost = feeds()[name]
    settings = load(url=str(tmp_path / "a"), state=tmp_path / "s", retention_days=0)
    with ossicle.Archive(settings) as archive:
        with archive.stream(device="m", stream="ab", rate=8000) as stream:
            stream.audio(0, SOUND)
            feed(stream)
        assert archive.drain(30)
    assert archive.stats().counts.lost_frames == lost
    assert archive.stats().counts.untold == ("beyond" in name and not lost)
    with Library(settings) as library:
        rows = list(library.find())
        assert library.rebuild().objects == archive.stats().counts.uploaded == len(rows)
        assert library.verify().problems == 0
        assert min(row.start for row in rows) == 0


def test_a_position_that_is_no_number_is_refused_at_once(tmp_path: Path) -> None:
    settings = load(url=str(tmp_path / "a"), state=tmp_path / "s", retention_days=0)
    with ossicle.Archive(settings) as archive, archive.stream(device="m", stream="ab", rate=8000) as stream:
        for start in (0.0, "0", None):
            with pytest.raises(TypeError):
                stream.audio(start, SOUND)  # type: ignore[arg-type]


def test_a_computer_whose_clock_is_absurd_keeps_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load(url=str(tmp_path / "a"), state=tmp_path / "s", retention_days=0)
    for n, now in enumerate((-5e9, 0.0, 2.6e11)):
        with ossicle.Archive(settings) as archive:
            stream = archive.stream(device="m", stream=f"{n:x}", rate=8000)
            with monkeypatch.context() as patch:
                patch.setattr(time, "time", lambda now=now: now)
                stream.audio(0, SOUND)
                stream.close()
            assert archive.drain(30)
        assert archive.stats().counts.uploaded == 1


def test_as_many_rows_as_there_are_fit_whatever_they_say() -> None:
    far = POSITION_MAX - 10_000
    for word in ("\N{GRINNING FACE}" * 99, '"' * 99, "\\" * 99, "x" * 99, "\x1b\ud800" * 50):
        cutter = Cutter(8000)
        pieces: list[Piece] = cutter.audio(far, N)
        for n in range(GAPS_MAX):
            pieces += cutter.gap(far + n, far + n, word, False)
        for n in range(SEGMENTS_MAX):
            pieces += cutter.segment(far + n, far + n, word)
        (piece,) = [*pieces, *cutter.end()]
        assert (len(piece.gaps), len(piece.segments)) == (GAPS_MAX, SEGMENTS_MAX)
        assert len(entry(piece.gaps, piece.segments).text()) <= TEXT_MAX_BYTES
    encoder = Encoder("flac", 8000)
    encoder.write(SOUND)
    data = encoder.finish(lambda sha256: entry(piece.gaps, piece.segments))
    assert entry_of(data).segments == piece.segments


def entry(gaps: tuple[GapRow, ...], segments: tuple[SegmentRow, ...]) -> Entry:
    device = "\N{GRINNING FACE}" * 255
    at = POSITION_MAX - 10_000
    whole = ("o" * 64, device, "f" * 32, at, at + N, 8000, 1, "flac", 1234567890.123456, 0.1234567890123)
    return Entry(*whole, 8000.123456789, gaps, segments, "f" * 64)


@pytest.mark.parametrize(("memory_mb", "object_s"), [(1, 120), (1024, 120), (1024, 1), (1, 1)])
def test_no_object_is_larger_than_can_be_read(tmp_path: Path, memory_mb: float, object_s: int) -> None:
    settings = load(url=str(tmp_path), memory_mb=memory_mb, object_s=object_s, keep_s=600)
    for rate in (1, 8000, 16000, 96000, 192000, 655350):
        for channels in (1, 2, 8):
            capacity, step = sizes(settings, rate, channels)
            assert 1 <= step <= object_s * rate
            assert step * channels * 2 <= PCM_MAX_BYTES
            assert capacity * channels * 2 <= memory_mb * 1e6 / 2


def test_streams_that_are_over_are_let_go_while_others_begin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A device that restarts again and again has a stream each time, and each takes memory."""
    monkeypatch.setattr(archives, "_LOOK_S", 0.005)
    settings = load(url=str(tmp_path / "a"), state=tmp_path / "s", retention_days=0)
    with ossicle.Archive(settings) as archive:
        for n in range(3000):
            with archive.stream(device="mic", stream=f"{n:x}", rate=8000) as stream:
                stream.audio(0, SOUND)
            archive.settle(stream, 30)
            gone = n + 1 - len(archive.stats().streams)
            if gone > 100:
                break
        assert gone > 100
        soon(lambda: not archive.stats().streams)
    assert archive.stats().counts.uploaded == n + 1
