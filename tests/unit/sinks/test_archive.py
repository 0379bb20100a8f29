"""`ossicle.Archive`: what was handed over is in the store, whatever becomes of the store meanwhile."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from heard import PATIENCE_S, RATE, noise, objects, until

from ossicle.archive.entry import ArchiveError, GapRow, SegmentRow
from ossicle.archive.health import Notice
from ossicle.archive.store import Store, StoreError
from ossicle.sinks import archive as archives
from ossicle.sinks.archive import Archive


def gap(start: int, stop: int | None, cause: str = "capture") -> Any:
    return SimpleNamespace(start=start, stop=stop, cause=cause, estimated=False)


def failing(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """The store takes nothing until the event is set."""
    works = threading.Event()
    put = Store.put

    def fail(self: Store, key: str, data: bytes) -> None:
        if key.startswith("audio/") and not works.is_set():
            raise StoreError("the server failed", transient=True)
        put(self, key, data)

    monkeypatch.setattr(Store, "put", fail)
    return works


@pytest.mark.parametrize("channels", [1, 2])
def test_every_frame_gap_and_segment_is_kept(
    tmp_path: Path, set_up: Callable[..., Archive], channels: int
) -> None:
    with set_up(owner="anna") as archive:
        stream = archive.stream(device="mic/1", stream=b"\xab\x12", rate=RATE, channels=channels)
        at = 0
        for n in range(1, 60):
            stream.audio(at, noise(at, 300 + n, channels))
            at += 300 + n
            if n == 20:
                stream.segment(at - 500, at, "silence")
                stream.gap(gap(at, at + 100))
                at += 100
            archive.settle(stream, PATIENCE_S)
        stop = at
    kept = objects(tmp_path)
    assert [entry.start for entry, _ in kept] == [0, *range(RATE, stop, RATE)]
    assert kept[-1][0].stop == stop
    (lost,) = [row for entry, _ in kept for row in entry.gaps]
    assert (lost.stop or 0) - lost.start == 100
    assert [row for entry, _ in kept for row in entry.segments] == [
        SegmentRow(lost.start - 500, lost.start, "silence")
    ]
    for entry, frames in kept:
        expected = noise(entry.start, entry.frames, channels)
        for row in entry.gaps:
            expected[row.start - entry.start : row.stop - entry.start] = 0  # type: ignore[operator]
        assert np.array_equal(frames, expected)
        assert (entry.owner, entry.device, entry.stream) == ("anna", "mic/1", "ab12")


def test_statistics(tmp_path: Path, set_up: Callable[..., Archive]) -> None:
    archive = set_up()
    stream = archive.stream(device="mic", stream="ab12", rate=RATE)
    stream.audio(0, noise(0, RATE + 10))
    assert archive.drain(PATIENCE_S)
    stats = archive.stats()
    assert (stats.counts.uploaded, stats.share, stats.health, stats.waiting) == (1, 1.0, "normal", 0)
    assert stats.counts.raw_bytes == 2 * RATE
    assert stats.ratio is not None
    assert 0 < stats.ratio < 1.2
    assert 0 < stats.unsaved_s < PATIENCE_S  # the ten frames
    assert stats.streams[0].memory == 2 * 4 * RATE
    assert stats.streams[0].position == RATE + 10
    archive.close()
    archive.close()
    assert archive.stats().unsaved_s == 0.0


def test_what_is_encoded_too_late_is_a_gap_that_is_told(
    tmp_path: Path, set_up: Callable[..., Archive], monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()
    encode = archives.encoded

    def late(*given: Any) -> Any:
        go_on.wait(PATIENCE_S)
        return encode(*given)

    monkeypatch.setattr(archives, "encoded", late)
    notices: list[Notice] = []
    archive = set_up(tell=notices.append)
    stream = archive.stream(device="mic", stream="ab12", rate=RATE)
    for n in range(13):
        stream.audio(n * RATE // 2, noise(n * RATE // 2, RATE // 2))  # of these, 4 s are kept
    go_on.set()
    archive.close()
    kept = objects(tmp_path)
    lost = round(2.5 * RATE)
    assert [(entry.start, entry.stop) for entry, _ in kept] == [
        (n * RATE, min((n + 1) * RATE, 13 * RATE // 2)) for n in range(2, 7)
    ]
    rows = sorted((row for entry, _ in kept for row in entry.gaps), key=lambda row: row.start)
    assert rows == [GapRow(0, lost, "overflow")]
    heard = np.concatenate([frames for _, frames in kept])
    assert not heard[: lost - 2 * RATE].any()
    assert np.array_equal(heard[lost - 2 * RATE :], noise(lost, 13 * RATE // 2 - lost))
    assert archive.stats().counts.lost_frames == lost
    assert {notice.kind for notice in notices} == {"lost"}


def test_a_store_that_fails_loses_nothing(
    tmp_path: Path, set_up: Callable[..., Archive], monkeypatch: pytest.MonkeyPatch
) -> None:
    works = failing(monkeypatch)
    first = set_up()
    stream = first.stream(device="mic", stream="ab12", rate=RATE)
    for n in range(6):
        stream.audio(n * RATE, noise(n * RATE, RATE))
        first.settle(stream, PATIENCE_S)
    first.close(0.2)
    assert objects(tmp_path) == []
    assert first.stats().spool_objects == 6
    works.set()
    second = set_up()  # without a stream: what the first one left
    assert second.drain(PATIENCE_S)
    second.close()
    assert np.array_equal(np.concatenate([frames for _, frames in objects(tmp_path)]), noise(0, 6 * RATE))
    assert second.stats().spool_objects == 0


def test_memory_is_bounded_when_neither_store_nor_spool_take_anything(
    tmp_path: Path, set_up: Callable[..., Archive], monkeypatch: pytest.MonkeyPatch
) -> None:
    works = failing(monkeypatch)
    notices: list[Notice] = []
    archive = set_up(spool_max_mb=0, memory_mb=1, object_s=10, keep_s=20, tell=notices.append)
    stream = archive.stream(device="mic", stream="ab12", rate=RATE)
    for n in range(40):
        stream.audio(5 * n * RATE, noise(5 * n * RATE, 5 * RATE))
        archive.settle(stream, PATIENCE_S)
    stats = archive.stats().streams[0]
    assert stats.peak <= stats.limit == 1_000_000
    assert stats.health in ("warning", "critical")
    assert {"health", "dropped", "spool"} <= {notice.kind for notice in notices}
    works.set()
    until(lambda: archive.stats().waiting == 0)
    stream.audio(200 * RATE, noise(200 * RATE, RATE))  # which tells what was lost last
    archive.close(PATIENCE_S)
    counts = archive.stats().counts
    assert counts.dropped_objects > 0
    rows = [row for entry, _ in objects(tmp_path) for row in entry.gaps]
    assert {row.cause for row in rows} == {"overflow"}
    assert sum((row.stop or 0) - row.start for row in rows) == counts.dropped_frames
    kept = sum(entry.frames for entry, _ in objects(tmp_path))
    assert kept + counts.dropped_frames == 201 * RATE


def test_a_hanging_store_keeps_nobody_waiting(
    tmp_path: Path, set_up: Callable[..., Archive], monkeypatch: pytest.MonkeyPatch
) -> None:
    hangs = threading.Event()
    monkeypatch.setattr(Store, "put", lambda self, key, data: hangs.wait(PATIENCE_S))
    archive = set_up()
    stream = archive.stream(device="mic", stream="ab12", rate=RATE)
    for n in range(8):
        stream.audio(n * RATE, noise(n * RATE, RATE))
        assert archive.settle(stream, PATIENCE_S / 2)
    began = time.monotonic()
    archive.close(0.5)
    assert time.monotonic() - began < PATIENCE_S / 2
    assert archive.stats().spool_objects == 8
    hangs.set()


def test_a_store_that_cannot_be_is_said_at_once(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("x")
    with pytest.raises(ArchiveError, match="file"):
        Archive(str(file / "store"), state=tmp_path / "state")
    with pytest.raises(ArchiveError):
        Archive("ftp://nowhere/x", state=tmp_path / "state")
    assert "archive-encode" not in {thread.name for thread in threading.enumerate()}


def test_lenient_goes_on_with_the_spool(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("x")
    notices: list[Notice] = []
    archive = Archive(str(file / "store"), state=tmp_path / "state", lenient=True, tell=notices.append)
    with archive.stream(device="mic", stream="ab12", rate=RATE) as stream:
        stream.audio(0, noise(0, 100))
    archive.close(0.1)
    assert archive.stats().spool_objects == 1
    assert notices[0].kind == "failing"


@pytest.mark.parametrize(
    "wrong", [{"stream": ""}, {"stream": "xy"}, {"stream": "a" * 33}, {"channels": 9}, {"rate": 0}]
)
def test_streams_that_no_object_holds(tmp_path: Path, set_up: Callable[..., Archive], wrong: Any) -> None:
    with set_up() as archive, pytest.raises(ArchiveError):
        archive.stream(**{"device": "mic", "stream": "ab12", "rate": RATE, **wrong})


def test_opus_says_which_rates_it_takes(tmp_path: Path, set_up: Callable[..., Archive]) -> None:
    with set_up(codec="opus") as archive:
        with pytest.raises(ArchiveError, match="44100 Hz"):
            archive.stream(device="mic", stream="ab12", rate=44100)
        with archive.stream(device="mic", stream="ab12", rate=RATE) as stream:
            stream.audio(0, noise(0, 1000))
    ((entry, frames),) = objects(tmp_path)
    assert (entry.codec, len(frames)) == ("opus", 1000)


def test_old_audio_goes_by_itself(tmp_path: Path, set_up: Callable[..., Archive]) -> None:
    for age_s, days in ((10 * 86400, 0), (60, 0), (0, 3)):
        moment = time.time() - age_s
        with set_up(retention_days=days) as archive:
            stream = archive.stream(
                device="mic", stream="ab12", rate=RATE, time_of=lambda position, moment=moment: (moment, 0.1)
            )
            stream.audio(0, noise(0, 100))
            if days:
                old = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 10 * 86400))
                until(lambda old=old: not list((tmp_path / "store").glob(f"audio/*/*/{old}/*/*")))  # type: ignore[misc]
    assert len(objects(tmp_path)) == 2


def test_it_is_loaded_only_where_it_is_used() -> None:
    """`ossicle listen` without an archive starts without its packages."""
    script = (
        "import sys, ossicle.sinks, ossicle; print({'obstore', 'tenacity', 'pydantic'} & {*sys.modules} or 0)"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env={**os.environ})
    assert ran.stdout.strip() == "0"


def test_a_missing_package_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    script = (
        "import sys; sys.modules['obstore'] = None\n"
        "import ossicle\n"
        "try: ossicle.Archive\n"
        "except ossicle.OssicleError as error: print(error)"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env={**os.environ})
    assert "pip install 'ossicle[archive]'" in ran.stdout
    assert ran.stdout.count("\n") == 1


def test_settings_are_given_once(tmp_path: Path) -> None:
    place, state = str(tmp_path / "store"), tmp_path / "state"
    with Archive(url=place, state=state) as named, Archive(named.settings) as whole:
        assert whole.settings.url == place
    for settings, given in ((place, {"url": place}), (named.settings, {"keep_s": 3})):
        with pytest.raises(ArchiveError, match="twice"):
            Archive(settings, **given)
