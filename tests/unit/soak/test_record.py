"""From the rows that the board writes to positions and times."""

from __future__ import annotations

import time
from pathlib import Path
from typing import IO

import numpy as np
import pytest

from ossicle.soak.record import BEGUN, CAPTURED, DROPPED, HEAP, Record

TURN_S = (1 << 30) / 1e6


def rows(file: IO[bytes], *given: tuple[int, int, float, int]) -> None:
    """Append; times are in seconds of `time.monotonic`."""
    values = [(kind, number, int(at * 1e6) % (1 << 30), more) for kind, number, at, more in given]
    file.write(np.array(values, "<i4").tobytes())
    file.flush()


def test_positions_and_times(tmp_path: Path) -> None:
    now = time.monotonic()
    with (tmp_path / "record").open("w+b") as file:
        record = Record(file)
        assert record.captures() == []
        rows(file, (BEGUN, 1000, now - 3, 16000), (CAPTURED, 256, now - 2, 0), (CAPTURED, 512, now - 1, 0))
        file.write(b"half")
        file.flush()
        (found,) = record.captures()
        assert record.captured == 512
        assert (found.frames, found.captured, found.dropped) == (1000, 512, 0)
        assert found.when(np.array([0, 128, 256, 512])) == pytest.approx(
            [now - 3, now - 2.5, now - 2, now - 1]
        )
        assert found.reached(np.array([0, 1, 256, 257, 512])) == pytest.approx(
            [now - 3, now - 2, now - 2, now - 1, now - 1]
        )
        assert np.isinf(found.reached(np.array([513])))
        assert np.isinf(found.when(np.array([513])))


def test_several_streams_drops_and_the_heap(tmp_path: Path) -> None:
    now = time.monotonic()
    with (tmp_path / "record").open("w+b") as file:
        record = Record(file)
        rows(file, (BEGUN, 1000, now - 9, 16000), (CAPTURED, 256, now - 8, 0), (HEAP, 4711, now - 7.5, 0))
        rows(file, (BEGUN, 5000, now - 7, 16000), (CAPTURED, 256, now - 6, 0))
        rows(file, (DROPPED, 0, now - 5, 256), (DROPPED, 256, now - 5, 256), (DROPPED, 1024, now - 5, 256))
        first, second = record.captures()
        assert record.heaps == [(pytest.approx(now - 7.5, abs=0.01), 4711)]
        assert (first.drops, second.drops) == ((), ((0, 512), (1024, 1280)))
        assert (second.dropped, record.drops()) == (768, [(0, 512), (1024, 1280)])
        assert second.times[0] == pytest.approx(now - 7, abs=0.001)


def test_the_boards_clock_wraps(tmp_path: Path) -> None:
    """A row each minute over two turns: the times go on."""
    now = time.monotonic()
    began = now - 10
    count = int(2.2 * TURN_S / 60)
    with (tmp_path / "record").open("w+b") as file:
        record = Record(file)
        rows(file, (BEGUN, 1, began, 16000))
        record.poll()
        rows(file, *((CAPTURED, i + 1, began + 60.0 * (i + 1), 0) for i in range(count)))
        (found,) = record.captures()
        assert found.times == pytest.approx(began + 60.0 * np.arange(count + 1), abs=0.001)
