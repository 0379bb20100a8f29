"""A store that fails, hangs or is gone, and disks that are full: what is heard stays whole, or is told."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from faultproxy import HANG, KINDS, FaultProxy, Faults
from kept import Kept, covered, objects, soon
from motoserver import S3Server
from victim import DEVICES, RATE, frames

from ossicle.archive.settings import load
from ossicle.sinks.archive import Archive

BEGAN = 1_780_000_000.0
CHUNK = 1600
QUICK = {
    "object_s": 1,
    "keep_s": 4,
    "retry_first_s": 0.05,
    "retry_max_s": 0.3,
    "retries": 1,
    "timeout_s": 5,
    "retention_days": 0,
}
LONGEST_S = 1.0
"""That a call of the stream may take on a machine that does other things; a request takes longer."""


class Streams:
    """Devices that are archived, as fast as the archive takes it in. What they hear is that of `victim`."""

    def __init__(self, archive: Archive, devices: tuple[str, ...] = DEVICES) -> None:
        self.position = 0
        self.longest_s = 0.0
        self._streams = {
            device: archive.stream(
                device=device,
                stream="5eed",
                rate=RATE,
                channels=1,
                time_of=lambda position: (BEGAN + position / RATE, 0.001),
                true_rate=lambda: None,
            )
            for device in devices
        }

    def hear(self, seconds: float) -> None:
        stop = self.position + round(seconds * RATE)
        while self.position < stop:
            start, self.position = self.position, min(self.position + CHUNK, stop)
            for device, stream in self._streams.items():
                heard = frames(device, start, self.position)
                began = time.monotonic()
                stream.audio(start, heard)
                self.longest_s = max(self.longest_s, time.monotonic() - began)
            time.sleep(0.005)  # twenty times as fast as real time: nothing is encoded too late

    def close(self) -> None:
        for stream in self._streams.values():
            stream.close()


def settings(server: S3Server, proxy: FaultProxy, folder: Path, **others: Any) -> dict[str, Any]:
    return {**server.given(endpoint=proxy.url), **QUICK, "state": str(folder / "state"), **others}


def whole(kept: list[Kept], stop: int, devices: tuple[str, ...] = DEVICES) -> None:
    """Every frame is there, once, and is the one that was heard."""
    for device in devices:
        assert covered(kept, device) == [(0, stop)]
    for each in kept:
        assert np.array_equal(each.frames, frames(each.entry.device, each.entry.start, each.entry.stop))
        assert each.entry.gaps == ()


def waiting(archive: Archive) -> int:
    stats = archive.stats()
    return stats.waiting + stats.spool_objects


def test_a_third_of_all_requests_fails(s3: S3Server, tmp_path: Path) -> None:
    with FaultProxy(s3.port, Faults(0.3, (*KINDS, HANG), hang_s=0.2, seed=7)) as proxy:
        given = settings(s3, proxy, tmp_path)
        archive = Archive(load(**given), lenient=True)
        streams = Streams(archive)
        streams.hear(10.5)
        streams.close()
        soon(lambda: archive.drain(1))
        stats = archive.stats()
        archive.close(5)
        proxy.faults = Faults()
        whole(objects(given), streams.position)
    assert stats.counts.failed >= 5
    assert (stats.share, stats.counts.uploaded, stats.counts.dropped_objects) == (1.0, 22, 0)
    assert streams.longest_s < LONGEST_S


def test_a_server_that_hangs_holds_up_no_stream(s3: S3Server, tmp_path: Path) -> None:
    with FaultProxy(s3.port) as proxy:
        given = settings(s3, proxy, tmp_path, timeout_s=60)
        archive = Archive(load(**given))
        proxy.paused.set()
        streams = Streams(archive)
        streams.hear(8)
        assert streams.longest_s < LONGEST_S
        soon(lambda: archive.stats().spool_objects == 14)
        assert archive.stats().health == "normal"
        assert archive.stats().unsaved_s > 0
        proxy.paused.clear()
        streams.close()
        soon(lambda: archive.drain(1))
        archive.close(5)
        whole(objects(given), streams.position)


def test_a_server_that_is_down_and_comes_back(s3: S3Server, tmp_path: Path) -> None:
    with FaultProxy(s3.port) as proxy:
        given = settings(s3, proxy, tmp_path)
        archive = Archive(load(**given))
        streams = Streams(archive)
        streams.hear(3)
        with proxy.outage():
            streams.hear(5)
            soon(lambda: archive.stats().failing)
            soon(lambda: archive.stats().spool_objects >= 8)
        streams.hear(3)
        soon(lambda: not archive.stats().failing)
        streams.close()
        soon(lambda: archive.drain(1))
        assert archive.stats().share == 1.0
        archive.close(5)
        whole(objects(given), streams.position)


def test_an_archive_begins_and_ends_while_its_server_is_down(s3: S3Server, tmp_path: Path) -> None:
    with FaultProxy(s3.port) as proxy:
        given = settings(s3, proxy, tmp_path)
        with proxy.outage():
            archive = Archive(load(**given), lenient=True)
            streams = Streams(archive)
            streams.hear(3.25)
            streams.close()
            archive.close(1)
        assert len(list(load(**given).spool_folder.glob("*.flac"))) == 8
        later = Archive(load(**given))
        soon(lambda: later.drain(1))
        later.close(5)
        whole(objects(given), streams.position)


@contextmanager
def full_disks(size: int) -> Iterator[None]:
    """No file of this process can grow above `size` bytes: write() itself says so, to every library."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_and_a_server_that_is_down(s3: S3Server, tmp_path: Path) -> None:
    """Memory holds what it may; what it does not, is lost, counted, and told as a gap."""
    with FaultProxy(s3.port) as proxy:
        given = settings(s3, proxy, tmp_path, memory_mb=1)
        archive = Archive(load(**given))
        streams = Streams(archive, DEVICES[:1])
        streams.hear(2)
        soon(lambda: not waiting(archive))
        with proxy.outage(), full_disks(10_000):
            streams.hear(70)
            soon(lambda: archive.stats().counts.dropped_objects > 5)
            stats = archive.stats()
            assert stats.health == "critical"
            assert stats.streams[0].memory <= 1e6
            assert stats.streams[0].peak <= 1e6
            assert stats.spool_objects == 0
            assert stats.counts.spool_failed
            assert streams.longest_s < LONGEST_S
        streams.hear(2.5)
        soon(lambda: not waiting(archive))
        streams.close()
        soon(lambda: archive.drain(1))
        stats = archive.stats()
        assert stats.health == "normal"
        archive.close(5)
        kept = objects(given)
    told_or_kept(kept, streams.position, stats.counts.dropped_frames)


def told_or_kept(kept: list[Kept], stop: int, dropped: int) -> None:
    """What the objects do not hold, they tell as gaps, and it is as much as was counted."""
    there = covered(kept, DEVICES[0])
    holes = [(a, b) for (_, a), (b, _) in pairwise(there)]
    assert there[0][0] == 0
    assert there[-1][1] == stop
    assert sum(b - a for a, b in holes) == dropped > 0
    rows = sorted((gap.start, gap.stop) for each in kept for gap in each.entry.gaps)
    joined: list[tuple[int, int]] = []
    for start, end in rows:
        assert end is not None
        if joined and joined[-1][1] >= start:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    assert joined == holes
    assert {gap.cause for each in kept for gap in each.entry.gaps} == {"overflow"}


def test_a_full_disk_beneath_a_folder_and_the_spool(tmp_path: Path) -> None:
    given = {"url": str(tmp_path / "kept"), **QUICK, "state": str(tmp_path / "state")}
    archive = Archive(load(**given))
    streams = Streams(archive)
    streams.hear(2)
    soon(lambda: archive.stats().counts.uploaded == 2)
    with full_disks(10_000):
        streams.hear(5)
        soon(lambda: archive.stats().failing)
        soon(lambda: archive.stats().counts.spool_failed)
        assert archive.stats().waiting > 5
    soon(lambda: not waiting(archive))
    streams.close()
    soon(lambda: archive.drain(1))
    archive.close(5)
    whole(objects(given), streams.position)
    files = [path for path in (tmp_path / "kept").rglob("*") if path.is_file()]
    assert {path.suffix for path in files} == {".flac"}


def test_what_a_stream_ends_with_is_kept(s3: S3Server, tmp_path: Path) -> None:
    """Also where nobody closed the stream itself."""
    with FaultProxy(s3.port) as proxy:
        given = settings(s3, proxy, tmp_path, object_s=60, keep_s=120)
        archive = Archive(load(**given))
        streams = Streams(archive)
        streams.hear(0.7)
        archive.close(10)
        whole(objects(given), streams.position)


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_two_minutes_without_a_server(s3: S3Server, tmp_path: Path) -> None:
    """Ten devices in real time; before and after, requests fail or hang for five seconds."""
    devices = tuple(f"device-{number}" for number in range(10))
    with FaultProxy(s3.port, Faults(0.3, (*KINDS, HANG), hang_s=5.0, seed=8)) as proxy:
        given = settings(s3, proxy, tmp_path, object_s=10, keep_s=20, retry_first_s=1, retry_max_s=20)
        archive = Archive(load(**given), lenient=True)
        streams = Streams(archive, devices)
        hear_in_real_time(streams, 60)
        with proxy.outage():
            hear_in_real_time(streams, 120)
        hear_in_real_time(streams, 60)
        streams.close()
        soon(lambda: not waiting(archive), 300)
        stats = archive.stats()
        archive.close(30)
        proxy.faults = Faults()
        whole(objects(given), streams.position, devices)
    print(f"\n{stats.counts}\n{proxy.counts}\nlongest call {streams.longest_s * 1e3:.1f} ms")
    assert stats.share == 1.0
    assert stats.counts.lost_frames == 0


def hear_in_real_time(streams: Streams, seconds: float) -> None:
    began = time.monotonic()
    for piece in range(round(seconds * 10)):
        streams.hear(0.1)
        time.sleep(max(0.0, began + (piece + 1) / 10 - time.monotonic()))
