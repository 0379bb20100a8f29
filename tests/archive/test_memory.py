"""How much memory an archive takes: two minutes of a device in 3.9 MB, twenty devices in 400."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import many
import numpy as np
import pytest
from faultproxy import HANG, KINDS, FaultProxy, Faults
from motoserver import S3Server
from victim import RATE, frames

from ossicle.archive.settings import load
from ossicle.sinks.archive import Archive

HELD_MAX = 3_900_000
ALL_MAX_MB = 400
MINUTE = 60 * RATE
PIECE = RATE


def test_two_minutes_of_a_device_take_less_than_four_megabytes(tmp_path: Path) -> None:
    """As set up by default; what is counted is what Python and numpy have from the system."""
    archive = Archive(load(url=str(tmp_path / "kept"), state=str(tmp_path / "state"), retention_days=0))
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        stream = archive.stream(device="left", stream="1", rate=RATE, channels=1)
        for at in range(0, 2 * MINUTE + PIECE, PIECE):
            stream.audio(at, frames("left", at, at + PIECE))
            assert archive.settle(stream, 60)
        peak = tracemalloc.get_traced_memory()[1] - before
        assert archive.drain(60)
        held = tracemalloc.get_traced_memory()[0] - before
        assert np.array_equal(stream.history(2 * PIECE, PIECE), frames("left", 2 * PIECE, 3 * PIECE))
        assert stream.span == (PIECE, 2 * MINUTE + PIECE)
        (told,) = archive.stats().streams
    finally:
        tracemalloc.stop()
        archive.close(10)
    assert told.memory == 2 * 2 * MINUTE <= HELD_MAX
    assert 2 * 2 * MINUTE < held <= HELD_MAX + 300_000, "the ring, and little beside it"
    assert peak <= told.limit == 10_000_000


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_twenty_devices_in_real_time(s3: S3Server, tmp_path: Path) -> None:
    """For three minutes, so every ring is full; a third of all requests fails, some after five seconds."""
    with FaultProxy(s3.port, Faults(0.3, (*KINDS, HANG), seed=17)) as proxy:
        given = s3.given(endpoint=proxy.url, state=str(tmp_path / "state"))
        found = many.run(devices=20, seconds=180, settings=given)
    print(f"\n{found}")
    assert found["resident_mb"] < ALL_MAX_MB
    assert found["peak_mb"] < ALL_MAX_MB
    assert max(found["peak"]) <= 10_000_000
    assert (found["lost_frames"], found["gaps"]) == (0, 0)
    assert found["failed"] > 0
    assert found["uploaded"] >= 40
