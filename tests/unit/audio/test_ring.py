"""The host's ring, one thread at a time: what the vectors do not show."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from ossicle.audio.errors import (
    NotEnoughDataError,
    RingError,
    RingFullError,
)
from ossicle.audio.ring import AudioRing, suggest_overlap

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


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize(("channels", "dtype"), SHAPES)
def test_every_position_and_length(channels: int, dtype: str, policy: Any) -> None:
    """Random operations against all that was ever written; the guard is checked after each."""
    for seed in range(12):
        draw = random.Random(seed)
        capacity = draw.choice((1, 2, 7, 16, 33))
        guard = draw.choice((None, 0, 1, capacity // 2, capacity))
        ring = AudioRing(capacity, channels=channels, dtype=dtype, guard=guard, overflow=policy)
        ring._preset(2**30 - draw.randint(0, 50))
        first = ring.written
        for _ in range(150):
            n = draw.randint(0, capacity + 5)
            if draw.random() < 0.5:
                try:
                    ring.write(frames(ring.written, n, channels, dtype), block=False)
                except RingFullError as error:
                    assert (error.capacity, error.attempted) == (capacity, n)  # noqa: PT017
            elif n <= ring.available:
                start = ring.read_position
                data = draw.choice((ring.peek, ring.read))(n)
                assert data.dtype == dtype
                assert (data == frames(start, n, channels, dtype)).all()
                assert data.flags.c_contiguous
            oldest = max(first, ring.written - capacity)
            assert (
                ring.history(oldest, ring.written - oldest)
                == frames(oldest, ring.written - oldest, channels, dtype)
            ).all()
            ring.check()


def test_storage_is_aligned_and_the_guard_is_as_written() -> None:
    for capacity, wish, guard in (
        (100, None, 25),
        (3, None, 0),
        (100_000, None, 8192),
        (10, 99, 10),
        (10, 0, 0),
    ):
        ring = AudioRing(capacity, guard=wish)
        assert ring.guard == guard
        assert ring._storage.ctypes.data % 64 == 0


def test_windows_are_views_wherever_they_start() -> None:
    ring = filled(0, 40, guard=12)
    for start in range(200):
        ring.write(frames(ring.written, 12 - ring.available))
        chunk = ring.chunk(1, 11)
        assert chunk is not None
        assert chunk.is_view
        assert np.shares_memory(chunk.data, ring._storage)
        assert (chunk.data == frames(start, 12)).all()
        ring.advance(1)
    status = ring.status()
    assert (status.views, status.copies) == (200, 0)


def test_windows_beyond_the_guard_are_copies() -> None:
    ring = AudioRing(40, guard=12)
    for start in range(100):
        ring.write(frames(ring.written, 40 - ring.available))
        for n in (13, 40):
            chunk = ring.chunk(1, n - 1)
            assert chunk is not None
            assert not chunk.is_view
            assert (chunk.data == frames(start, n)).all()
        ring.advance(1)


@pytest.mark.parametrize("channels", [1, 2])
def test_a_view_cannot_be_written_nor_made_writable(channels: int) -> None:
    ring = filled(10, channels=channels)
    for view in (ring.peek(5), ring.chunk(5).data, next(ring.chunks(5, copy=False)).data):  # type: ignore[union-attr]
        with pytest.raises(ValueError, match="read-only"):
            view[0] = 1
        with pytest.raises(ValueError, match="WRITEABLE"):
            view.flags.writeable = True


def test_a_view_does_not_change_before_the_reader_moves() -> None:
    """A fault of the ring that this one replaces: chunks changed under their holder at the next write."""
    ring = filled(40, guard=20, overflow="reject")
    chunk = ring.chunk(10, 5)
    assert chunk is not None
    kept = chunk.data.copy()
    for n in range(1, 40):
        with pytest.raises(RingFullError):
            ring.write(frames(999, n))
    assert (chunk.data == kept).all()
    ring.advance(10)
    ring.write(frames(40, 10))
    assert not (chunk.data == kept).all(), "and then it may"


def test_under_overwrite_everything_is_a_copy() -> None:
    ring = filled(40, guard=20, overflow="overwrite")
    held = [ring.peek(5), ring.read(5), ring.chunk(5).data, next(ring.chunks(5, copy=False)).data]  # type: ignore[union-attr]
    kept = [data.copy() for data in held]
    ring.write(frames(500, 200))
    assert all((a == b).all() for a, b in zip(held, kept, strict=True))
    assert not any(np.shares_memory(data, ring._storage) for data in held)


def test_overwriting_more_than_the_capacity() -> None:
    """Another fault of that ring: its counters went negative."""
    ring = filled(3, 10, overflow="overwrite")
    assert ring.write(frames(3, 1000)) == 1000
    assert (ring.written, ring.read_position, ring.available, ring.free) == (1003, 993, 10, 0)
    status = ring.status()
    assert (status.overflows, status.frames_dropped, status.bytes_in, status.bytes_out) == (1, 993, 2006, 0)
    chunk = ring.chunk(10)
    assert chunk is not None
    assert chunk.discontinuity
    assert (chunk.data == frames(993, 10)).all()


def test_looking_twice_gives_the_same_number() -> None:
    """And another: its numbers counted looks."""
    ring = filled(40)
    ring.advance(20)
    numbers = {ring.chunk(10).sequence for _ in range(5)}  # type: ignore[union-attr]
    assert numbers == {2}


def test_what_overwriting_dropped_is_marked() -> None:
    ring = filled(10, 10, overflow="overwrite")
    first = ring.chunk(4)
    ring.write(frames(10, 7))
    ring.advance(2)  # meant for what was looked at, and comes too late
    second = ring.chunk(4)
    assert first is not None
    assert second is not None
    assert (first.start, first.discontinuity) == (0, False)
    assert (second.start, second.discontinuity) == (9, True)
    ring.advance(4)
    third = ring.chunk(4)
    assert third is not None
    assert (third.start, third.discontinuity) == (13, False)


@pytest.mark.parametrize("channels", [1, 2])
def test_wrong_frames_change_nothing(channels: int) -> None:
    ring = filled(30, channels=channels)
    before = ring.status()
    good = frames(0, 8, channels)
    kinds = [good.astype(t) for t in ("int32", "uint16", "float32", "int8", ">i2", "bool", "complex64")]
    for wrong in [*kinds, good.tolist(), None, 5, b"\0\0", good.tobytes(), memoryview(good)]:
        with pytest.raises(TypeError) as caught:
            ring.write(wrong)
        assert isinstance(caught.value, RingError)
        with pytest.raises(TypeError):
            ring.write_batch([good, wrong])
    other = 3 - channels
    for shape in ((), (8, other), (8, 3), (0, 3), (2, 2, 2), (8, 1, 1)) + (
        ((8,),) if channels == 2 else ((8, 1),)
    ):
        with pytest.raises(ValueError) as caught_shape:  # noqa: PT011
            ring.write(np.zeros(shape, np.int16))
        assert isinstance(caught_shape.value, RingError)
    assert ring.status() == before
    assert (ring.history(0, 30) == frames(0, 30, channels)).all()


def test_any_layout_of_the_right_kind_goes_in() -> None:
    source = frames(0, 400)
    ring = AudioRing(40)
    for data in (source[::2][:10], source[::-1][:10], source[5:15], np.stack([source, source], 1)[:10, 1]):
        ring.write(data)
        assert (ring.read(10) == data).all()
    frozen = source[:10].copy()
    frozen.flags.writeable = False
    ring.write(frozen)
    wide = AudioRing(40, channels=2)
    wide.write(np.asfortranarray(frames(0, 10, 2)))
    assert (wide.read(10) == frames(0, 10, 2)).all()


def test_writing_a_ring_into_itself() -> None:
    ring = filled(20, 40, guard=40)
    ring.write(ring.peek(20))
    assert (ring.read(40) == np.concatenate([frames(0, 20)] * 2)).all()


def test_nan_is_only_a_value() -> None:
    ring = AudioRing(8, dtype="float32", guard=8)
    ring.write(np.full(11, np.nan, np.float32), timeout=0) if False else ring.write(
        np.full(8, np.nan, np.float32)
    )
    ring.check()
    assert np.isnan(ring.read(8)).all()


@pytest.mark.parametrize(
    "arguments",
    [
        {"capacity": 0},
        {"capacity": -1},
        {"capacity": 5, "channels": 0},
        {"capacity": 5, "dtype": "int32"},
        {"capacity": 5, "guard": -1},
        {"capacity": 5, "overflow": "drop"},
    ],
)
def test_rings_that_cannot_be(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        AudioRing(**arguments)


def test_from_seconds() -> None:
    ring = AudioRing.from_seconds(0.5, 44101, channels=2, dtype="float32", overflow="reject", guard=7)
    assert (ring.capacity, ring.channels, ring.dtype, ring.overflow, ring.guard) == (
        22051,
        2,
        np.float32,
        "reject",
        7,
    )


def test_batches() -> None:
    ring = AudioRing(40, overflow="reject")
    assert ring.write_batch([]) == 0
    assert ring.write_batch([frames(0, 3), frames(3, 0), frames(3, 30)]) == 33
    with pytest.raises(RingFullError):
        ring.write_batch([frames(33, 4), frames(37, 4)])
    assert ring.written == 33, "all or nothing"
    chunks = ring.read_batch([(10, 2), (5, 0), (20, 0), (1, 0)])
    assert [(c.start, len(c), c.is_view) for c in chunks] == [(0, 12, False), (10, 5, False)]
    assert ring.read_position == 15
    with pytest.raises(ValueError, match="window"):
        ring.read_batch([(1, 0), (0, 1)])
    assert ring.read_position == 15


def test_chunks_to_the_end() -> None:
    ring = filled(23, 40)
    ring.close()
    told = [(c.start, len(c), c.is_last, c.stop, round(c.fill, 3)) for c in ring.chunks(10, 5)]
    assert told == [(0, 15, False, 15, 0.575), (10, 13, True, 23, 0.325)]
    assert list(ring.chunks(10)) == []


def test_leaving_a_loop_over_views_moves_past_the_last() -> None:
    ring = filled(30)
    for chunk in ring.chunks(10, copy=False):
        assert ring.read_position == chunk.start, "the view is still held"
        break
    del chunk
    assert ring.read_position == 10


def test_windows_that_cannot_be() -> None:
    ring = filled(30)
    for hop, overlap in ((0, 5), (-1, 5), (5, -1)):
        with pytest.raises(ValueError, match="window"):
            ring.chunk(hop, overlap)
        with pytest.raises(ValueError, match="window"):
            ring.chunks(hop, overlap)
    with pytest.raises(ValueError, match="never fits"):
        ring.chunks(30, 11)
    assert ring.chunk(30, 11) is None


def test_numbers_that_cannot_be() -> None:
    for policy in POLICIES:
        ring = filled(10, overflow=policy)
        for call in (ring.read, ring.peek, ring.skip):
            with pytest.raises(ValueError, match="-1"):
                call(-1)
        with pytest.raises(NotEnoughDataError):
            ring.advance(-1)
        assert ring.read_position == 0


def test_repr() -> None:
    ring = filled(10)
    ring.read(3)
    ring.close()
    assert repr(ring) == "<AudioRing 40 frames, int16 x 1, block: closed, [3, 10) unread>"
    chunk = next(ring.chunks(7))
    assert repr(chunk) == "<AudioChunk 0 [3, 10)>"
    assert chunk.timestamp(1000) == 0.003


@pytest.mark.parametrize(
    ("hop", "rate", "overlap"),
    [(4000, 16000, 256), (512, 16000, 102), (64, 48000, 12), (4, 8000, 0), (9000, 8000, 128)],
)
def test_suggested_overlap(hop: int, rate: int, overlap: int) -> None:
    assert suggest_overlap(hop, rate) == overlap


@pytest.mark.parametrize("overflow", ["block", "overwrite"])
@pytest.mark.parametrize("move", ["read", "advance", "skip"])
def test_counts_are_whole_and_as_wide_as_python_has_them(move: str, overflow: Any) -> None:
    ring = AudioRing(100, overflow=overflow)
    ring.write(np.zeros(50, np.int16))
    with pytest.raises(TypeError):
        getattr(ring, move)(0.5)
    assert ring.read_position == 0
    for _ in range(700):
        getattr(ring, move)(np.int16(50))
        ring.write(np.zeros(50, np.int16))
    assert (type(ring.read_position), ring.read_position) == (int, 35000)
