"""The last minutes of a stream, by position."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossicle.audio.errors import HistoryError, RingTypeError
from ossicle.sinks import past as pasts
from ossicle.sinks.past import Past


def frames(start: int, n: int) -> np.ndarray:
    """Each is its position, and none is silence."""
    return np.arange(start + 1, start + n + 1, dtype=np.int16)


@given(
    steps=st.lists(st.tuples(st.integers(0, 20), st.integers(1, 60)), min_size=1, max_size=20),
    capacity=st.integers(1, 100),
    first=st.integers(0, 50),
)
def test_every_position_is_its_frame_or_silence_or_lost(
    steps: list[tuple[int, int]], capacity: int, first: int
) -> None:
    past = Past(capacity, 1)
    heard: dict[int, int] = {}
    at = first
    for gap, n in steps:
        at += gap
        past.append(at, frames(at, n))
        heard.update(zip(range(at, at + n), frames(at, n).tolist(), strict=True))
        at += n
    kept = sorted(heard)[-capacity:]
    got, lost = past.read(first, at)
    stop = lost[1] if lost else first
    assert stop == min(kept)
    expected = [heard.get(position, 0) if position >= stop else 0 for position in range(first, at)]
    assert got.tolist() == expected
    assert past.span == (min(kept), at)
    assert past.history(min(kept), at - min(kept)).tolist() == expected[min(kept) - first :]


def test_several_channels() -> None:
    past = Past(10, 2)
    past.append(5, np.array([[1, 2], [3, 4]], np.int16))
    assert past.history(5, 2).tolist() == [[1, 2], [3, 4]]
    assert past.bytes == 40


def test_history_says_what_is_there() -> None:
    past = Past(10, 1)
    past.append(0, frames(0, 15))
    for start, n in ((4, 2), (14, 2), (5, -1)):
        with pytest.raises(HistoryError):
            past.history(start, n)


def test_wrong_frames_change_nothing() -> None:
    past = Past(10, 1)
    past.append(0, frames(0, 4))
    with pytest.raises(RingTypeError):
        past.append(6, np.zeros(3, np.float32))
    past.append(6, frames(6, 2))
    assert past.history(0, 8).tolist() == [1, 2, 3, 4, 0, 0, 7, 8]


def test_stretches_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pasts, "RUNS_MAX", 8)
    past = Past(1000, 1)
    for n in range(20):
        past.append(3 * n, frames(3 * n, 2))
    start, stop = past.span
    assert (start, stop) == (3 * 12, 59)
    assert past.read(0, 3 * 13)[1] == (0, 3 * 12)
