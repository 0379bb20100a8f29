"""The host's ring as it tells of itself: errors, history, size, closing, status, integrity."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ossicle.audio.errors import (
    HistoryError,
    NotEnoughDataError,
    RingClosedError,
    RingCorruptError,
    RingError,
    RingFullError,
    WriteTimeoutError,
)
from ossicle.audio.ring import AudioRing
from ossicle.errors import OssicleError

SHAPES = [(1, "int16"), (1, "float32"), (2, "int16"), (3, "float32")]
POLICIES = ("block", "reject", "overwrite")


def frames(start: int, n: int, channels: int = 1, dtype: str = "int16") -> Any:
    """Frames that tell their position, another in each channel."""
    lane = (np.arange(start, start + n) & 0x3FFF).astype(dtype)
    return lane if channels == 1 else np.stack([lane + c for c in range(channels)], axis=1)


def filled(n: int, capacity: int = 40, **options: Any) -> AudioRing:
    ring = AudioRing(capacity, **options)
    ring.write(frames(0, n, ring.channels, ring.dtype.name))
    return ring


def test_too_much_is_an_error_that_says_how_much() -> None:
    ring = filled(10)
    for call in (lambda: ring.read(11, block=False), lambda: ring.peek(11), lambda: ring.advance(11)):
        with pytest.raises(NotEnoughDataError) as caught:
            call()
        assert (caught.value.available, caught.value.required) == (10, 11)
    with pytest.raises(NotEnoughDataError):
        ring.read(41)  # never, so it does not wait


def test_history_names_what_there_is() -> None:
    ring = filled(30)
    ring.read(30)
    ring.write(frames(30, 25))
    for start, n in ((14, 2), (0, 5), (50, 6), (20, -1)):
        with pytest.raises(HistoryError) as caught:
            ring.history(start, n)
        assert (caught.value.start, caught.value.oldest, caught.value.newest) == (start, 15, 55)
    assert (ring.history(15, 40) == frames(15, 40)).all()


def test_clear_keeps_history_and_counts() -> None:
    ring = filled(30)
    ring.read(5)
    ring.clear()
    assert (ring.available, ring.written, ring.read_position) == (0, 30, 30)
    assert (ring.history(0, 30) == frames(0, 30)).all()
    status = ring.status()
    assert (status.frames_cleared, status.bytes_out) == (25, 10)
    ring.check()


@pytest.mark.parametrize("channels", [1, 2])
def test_resize(channels: int) -> None:
    ring = filled(30, channels=channels)
    ring.read(20)
    view = ring.peek(5)
    ring.resize(100)
    assert (view == frames(20, 5, channels)).all(), "views stay as they are"
    assert (ring.capacity, ring.guard, ring.available) == (100, 25, 10)
    assert (ring.history(0, 30) == frames(0, 30, channels)).all()
    ring.write(frames(30, 80, channels))
    ring.resize(95)
    assert (ring.history(15, 95) == frames(15, 95, channels)).all()
    with pytest.raises(HistoryError):
        ring.history(14, 1)
    with pytest.raises(RingFullError) as caught:
        ring.resize(89)
    assert (caught.value.capacity, caught.value.attempted) == (89, 90)
    with pytest.raises(ValueError, match="at least one"):
        ring.resize(0)
    assert ring.capacity == 95
    ring.check()
    assert (ring.read(90) == frames(20, 90, channels)).all()
    ring.resize(200)
    with pytest.raises(HistoryError):
        ring.history(14, 1)


def test_resize_of_an_overwriting_ring_drops_the_oldest() -> None:
    ring = filled(40, overflow="overwrite")
    ring.resize(15)
    chunk = ring.chunk(15)
    assert chunk is not None
    assert (chunk.start, chunk.discontinuity) == (25, True)
    assert (chunk.data == frames(25, 15)).all()
    assert ring.status().frames_dropped == 25
    ring.check()


def test_a_closed_ring() -> None:
    ring = filled(30)
    ring.close()
    ring.close()
    assert ring.closed
    for n in (0, 1, 50):
        with pytest.raises(RingClosedError):
            ring.write(frames(30, n))
    with pytest.raises(NotEnoughDataError):
        ring.read(31)
    assert (ring.read(30) == frames(0, 30)).all()
    for call in (ring.read, ring.peek):
        with pytest.raises(RingClosedError):
            call(1)
    assert ring.chunk(1) is None
    assert ring.read(0).shape == (0,)
    assert (ring.history(0, 30) == frames(0, 30)).all()
    ring.resize(50)
    with pytest.raises(RingClosedError):
        ring.write(frames(30, 1))


def test_a_timeout_says_what_went_in() -> None:
    ring = filled(35)
    with pytest.raises(TimeoutError) as caught:
        ring.write(frames(35, 60), timeout=0.01)
    assert isinstance(caught.value, WriteTimeoutError)
    assert (caught.value.frames_written, caught.value.attempted) == (5, 60)
    assert (ring.written, ring.free) == (40, 0)
    with pytest.raises(RingFullError):
        ring.write(frames(40, 1), block=False)
    assert ring.status().refused == 1
    ring.read(40)
    with pytest.raises(TimeoutError) as caught_read:
        ring.read(3, timeout=0.01)
    assert isinstance(caught_read.value, NotEnoughDataError)
    assert ring.status().waits == 2
    assert ring.status().wait_s > 0.015


def test_status() -> None:
    ring = AudioRing(100, channels=2, guard=10)
    assert ring.status().level == "normal"
    ring.write(frames(0, 60, 2))
    ring.write(frames(60, 20, 2))
    status = ring.status()
    assert (status.fill, status.peak_fill, status.mean_fill, status.level) == (0.8, 0.8, 0.7, "warning")
    ring.write(frames(80, 15, 2))
    assert ring.status().level == "critical"
    ring.read(50)
    ring.peek(5)
    ring.history(0, 10)
    status = ring.status()
    assert (status.fill, status.peak_fill, status.level) == (0.45, 0.95, "normal")
    assert (status.writes, status.reads, status.views, status.copies) == (3, 3, 1, 2)
    assert (status.bytes_in, status.bytes_out) == (380, 200)
    assert (status.available, status.free, status.closed) == (45, 55, False)


def spoil_guard(ring: AudioRing) -> None:
    ring._storage[ring.capacity + 1] += 1


def spoil_mirrored(ring: AudioRing) -> None:
    ring._storage[2] += 1


def spoil_read(ring: AudioRing) -> None:
    ring._read = ring._written + 1


def spoil_far(ring: AudioRing) -> None:
    ring._written += ring.capacity
    ring._claimed = ring._written


def spoil_drops(ring: AudioRing) -> None:
    ring._dropped = 1000


@pytest.mark.parametrize("spoil", [spoil_guard, spoil_mirrored, spoil_read, spoil_far, spoil_drops])
def test_check_finds_what_was_spoiled(spoil: Any) -> None:
    ring = filled(30)
    ring.check()
    spoil(ring)
    with pytest.raises(RingCorruptError):
        ring.check()


def test_a_write_that_never_ends_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its thread is gone. Whoever must have the ring still says so, but it can be closed."""
    monkeypatch.setattr("ossicle.audio.core._STALL_S", 0.01)
    ring = filled(10)
    ring._claimed = 15
    with pytest.raises(RingError, match="under way"):
        ring.check()
    ring.close()
    assert ring.closed
    assert (ring.read(10) == frames(0, 10)).all()


def test_errors_are_of_one_tree_and_one_line() -> None:
    ring = filled(10)
    with pytest.raises(OssicleError) as caught:
        ring.read(99)
    assert "\n" not in str(caught.value)


def test_where_there_is_no_interpreter_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything goes through the ring's own lock then, and is otherwise the same."""
    monkeypatch.setattr("ossicle.audio.state.has_gil", lambda: False)
    for policy in POLICIES:
        ring = filled(30, guard=20, overflow=policy)
        assert ring._limit == -1
        chunk = ring.chunk(10, 5)
        assert chunk is not None
        assert chunk.is_view == (policy != "overwrite")
        ring.advance(10)
        ring.resize(50)
        assert ring._limit == -1
        ring.write(frames(30, 30))
        ring.check()
        ring.close()
        assert [(c.start, len(c)) for c in ring.chunks(20, copy=False)] == [(10, 20), (30, 20), (50, 10)]
