"""One stream on its way into an archive: cut, timed, bounded."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ossicle.archive.entry import ArchiveError, GapRow
from ossicle.archive.settings import Settings, load
from ossicle.sinks.lane import ARRIVAL_UNSURE_S, ArchiveStream, Cut, sizes

RATE = 8000


def setup(tmp_path: Path, **given: Any) -> Settings:
    return load(url=f"memory://{tmp_path.name}", state=tmp_path, **{"object_s": 1, "keep_s": 2, **given})


def lane(tmp_path: Path, **given: Any) -> tuple[ArchiveStream, list[Cut]]:
    cuts: list[Cut] = []
    clock = {name: given.pop(name) for name in ("time_of", "true_rate") if name in given}
    stream = ArchiveStream(
        setup(tmp_path, **given),
        "mic",
        "ab12",
        RATE,
        1,
        hand_over=lambda stream, cut: cuts.append(cut),
        **{"time_of": lambda position: None, "true_rate": lambda: None, **clock},
    )
    return stream, cuts


def silence(n: int) -> np.ndarray:
    return np.zeros(n, np.int16)


def gap(start: int, stop: int | None) -> Any:
    return SimpleNamespace(start=start, stop=stop, cause="capture", estimated=False)


def test_a_minute_is_handed_over_when_the_next_begins(tmp_path: Path) -> None:
    stream, cuts = lane(tmp_path)
    stream.audio(0, silence(RATE))
    assert cuts == []
    stream.audio(RATE, silence(1))
    assert [(cut.piece.start, cut.piece.stop) for cut in cuts] == [(0, RATE)]
    stream.close()
    stream.close()
    assert [cut.piece.stop for cut in cuts] == [RATE, RATE + 1]


def test_time_known_at_the_end_only(tmp_path: Path) -> None:
    known: list[tuple[float, float] | None] = [None]
    stream, cuts = lane(tmp_path, time_of=lambda position: known[0], true_rate=lambda: 8000.5)
    stream.audio(0, silence(100))
    known[0] = (1.7e9, 0.002)
    stream.close()
    assert (cuts[0].time, cuts[0].uncertainty, cuts[0].true_rate) == (1.7e9, 0.002, 8000.5)


def test_time_known_at_the_beginning_only(tmp_path: Path) -> None:
    """The device has restarted, and the clock tells of its new stream."""
    known: list[tuple[float, float] | None] = [(1.7e9, 0.002)]
    stream, cuts = lane(tmp_path, time_of=lambda position: known[0])
    stream.audio(0, silence(100))
    known[0] = None
    stream.close()
    assert (cuts[0].time, cuts[0].uncertainty) == (1.7e9, 0.002)


def test_the_surer_time_counts(tmp_path: Path) -> None:
    known = [(1.7e9, 0.002)]
    stream, cuts = lane(tmp_path, time_of=lambda position: known[0])
    stream.audio(0, silence(100))
    known[0] = (1.7e9 + 5, 0.5)
    stream.close()
    assert cuts[0].time == 1.7e9


@pytest.mark.parametrize("answer", [None, (float("nan"), 0.1), (1e15, 0.1), (-5.0, 0.1), (1.0, -1.0), ()])
def test_no_clock_or_nonsense_gives_the_time_of_arrival(tmp_path: Path, answer: Any) -> None:
    stream, cuts = lane(tmp_path, time_of=lambda position: answer, true_rate=lambda: float("inf"))
    before = time.time()
    stream.audio(0, silence(RATE // 2))
    stream.close()
    assert before - 0.6 <= cuts[0].time <= time.time() - 0.4
    assert cuts[0].uncertainty == ARRIVAL_UNSURE_S
    assert cuts[0].true_rate is None


def test_a_clock_that_fails_ends_nothing(tmp_path: Path) -> None:
    def broken(*_: int) -> Any:
        raise OSError

    stream, cuts = lane(tmp_path, time_of=broken, true_rate=broken)
    stream.audio(0, silence(100))
    stream.close()
    assert cuts[0].uncertainty == ARRIVAL_UNSURE_S


def test_repeated_frames_are_not_kept_twice(tmp_path: Path) -> None:
    stream, _ = lane(tmp_path)
    stream.audio(0, np.array([1, 2, 3, 4], np.int16))
    stream.audio(2, np.array([9, 9, 5], np.int16))
    assert stream.history(0, 5).tolist() == [1, 2, 3, 4, 5]
    assert stream.position == 5


def test_what_nothing_follows_for_long_is_written(tmp_path: Path) -> None:
    stream, cuts = lane(tmp_path)
    stream.audio(0, silence(100))
    stream.gap(gap(100, RATE + 50))
    stream.flush_idle(time.monotonic() + 0.5)
    assert cuts == []
    stream.flush_idle(time.monotonic() + 1.1)
    assert cuts[0].piece.gaps == (GapRow(100, RATE + 50, "capture"),)
    stream.audio(RATE + 50, silence(10))
    stream.close()
    assert [(cut.piece.start, cut.piece.stop) for cut in cuts] == [(0, 100), (RATE + 50, RATE + 60)]


def test_closed_takes_no_more(tmp_path: Path) -> None:
    stream, _ = lane(tmp_path)
    stream.close()
    with pytest.raises(ArchiveError, match="closed"):
        stream.audio(0, silence(1))
    with pytest.raises(ArchiveError, match="closed"):
        stream.gap(gap(0, 1))


def test_two_minutes_of_16_khz_are_held_within_3_9_mb() -> None:
    capacity, step = sizes(load(url="memory://x"), 16000, 1)
    assert (capacity, step) == (120 * 16000, 60 * 16000)
    assert 2 * capacity <= 3.9e6


@pytest.mark.parametrize(("rate", "channels", "memory"), [(48000, 2, 10), (16000, 1, 1), (48000, 8, 1)])
def test_a_fast_stream_keeps_to_its_memory(rate: int, channels: int, memory: int) -> None:
    capacity, step = sizes(load(url="memory://x", memory_mb=memory), rate, channels)
    assert 2 * channels * capacity <= memory * 1e6 / 2
    assert 1 <= 1.5 * step <= capacity
