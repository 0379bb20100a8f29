"""The ring between two real threads. That no order of theirs is wrong is shown by test_interleavings."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ossicle.audio.errors import NotEnoughDataError, RingClosedError
from ossicle.audio.ring import AudioRing

LONG_S = 30  # never reached


def frames(start: int, n: int) -> Any:
    return (np.arange(start, start + n) & 0x7FFF).astype(np.int16)


class Background:
    """A function in a thread, with what it gave or raised."""

    def __init__(self, function: Callable[[], Any]) -> None:
        self.function = function
        self.result: Any = None
        self.error: BaseException | None = None
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self) -> None:
        try:
            self.result = self.function()
        except BaseException as error:
            self.error = error

    def join(self) -> Any:
        self.thread.join(LONG_S)
        assert not self.thread.is_alive(), "it hangs"
        if self.error:
            raise self.error
        return self.result


def until_it_waits(ring: AudioRing) -> None:
    """Return when the other thread waits, or is just about to."""
    for _ in range(LONG_S * 1000):
        if ring.status().waits:
            return
        threading.Event().wait(0.001)
    pytest.fail("nobody waits")


@pytest.mark.parametrize("capacity", [64, 700, 20_000])
@pytest.mark.parametrize("way", ["read", "views", "copies", "look"])
def test_a_stream_through_a_full_ring(capacity: int, way: str) -> None:
    """The ring that this one replaces deadlocked here, in five runs of five, after at most 115 writes."""
    total = min(300_000, 1000 * capacity)
    ring = AudioRing(capacity, guard=capacity)

    def write() -> None:
        at, step = 0, 0
        while at < total:
            step = step % 1100 + 37
            at += ring.write(frames(at, min(step, total - at)), timeout=LONG_S)
        ring.close()

    writer = Background(write)
    hop = min(50, capacity - 10)
    seen = 0
    try:
        while True:
            if way == "read":
                data, move = ring.read(hop, timeout=LONG_S), hop
            elif way == "look":
                chunk = ring.chunk(hop, 10)
                if chunk is None:
                    if ring.closed and ring.available < hop + 10:
                        break
                    time.sleep(0)  # let the writer in
                    continue
                data, move = chunk.data, hop
            else:
                for chunk in ring.chunks(hop, 10, copy=way == "copies", timeout=LONG_S):
                    assert chunk.start == seen
                    assert (chunk.data == frames(seen, len(chunk))).all()
                    seen += len(chunk) if chunk.is_last else hop
                break
            assert (data == frames(seen, len(data))).all()
            seen += move
            if way == "look":
                ring.advance(move)
    except (RingClosedError, NotEnoughDataError):
        pass
    writer.join()
    seen += len(ring.peek(ring.available))
    assert seen == total
    ring.check()
    status = ring.status()
    assert (status.written, status.frames_dropped, status.refused) == (total, 0, 0)


def test_overwriting_under_a_slow_reader() -> None:
    total = 300_000
    ring = AudioRing(500, overflow="overwrite")

    def write() -> None:
        for at in range(0, total, 100):
            ring.write(frames(at, 100))
        ring.close()

    writer = Background(write)
    seen = lost = 0
    for chunk in ring.chunks(70, 10):
        assert (chunk.data == frames(chunk.start, len(chunk))).all()
        assert chunk.discontinuity == (chunk.start != seen)
        lost += chunk.start - seen
        seen = chunk.start + (len(chunk) if chunk.is_last else 70)
    writer.join()
    assert seen == total
    assert lost == ring.status().frames_dropped


def test_close_wakes_a_reader() -> None:
    for call in (lambda r: r.read(10), lambda r: list(r.chunks(10))):
        ring = AudioRing(100)
        reader = Background(lambda call=call, ring=ring: call(ring))
        until_it_waits(ring)
        ring.close()
        with contextlib.suppress(RingClosedError):
            assert reader.join() == []


def test_close_wakes_a_reader_who_wants_more_than_comes() -> None:
    ring = AudioRing(100)
    reader = Background(lambda: ring.read(10))
    until_it_waits(ring)
    ring.write(frames(0, 7))
    ring.close()
    with pytest.raises(NotEnoughDataError) as caught:
        reader.join()
    assert caught.value.available == 7
    assert len(ring.read(7)) == 7


def test_close_wakes_a_writer() -> None:
    ring = AudioRing(100)
    writer = Background(lambda: ring.write(frames(0, 150)))
    until_it_waits(ring)
    ring.close()
    with pytest.raises(RingClosedError) as caught:
        writer.join()
    assert caught.value.frames_written == 100
    assert (ring.read(100) == frames(0, 100)).all()


def test_whatever_makes_room_wakes_a_writer() -> None:
    ways: list[Callable[[AudioRing], Any]] = [
        lambda r: r.read(1),
        lambda r: r.advance(1),
        lambda r: r.skip(1),
        lambda r: r.clear(),
        lambda r: r.resize(101),
        lambda r: r.read_batch([(1, 0)]),
        lambda r: [next(chunks := r.chunks(1, copy=False)), next(chunks)],
    ]
    for make_room in ways:
        ring = AudioRing(100)
        ring.write(frames(0, 100))
        writer = Background(lambda ring=ring: ring.write(frames(100, 1)))
        until_it_waits(ring)
        make_room(ring)
        assert writer.join() == 1


def test_a_reader_is_woken_only_when_all_is_there() -> None:
    ring = AudioRing(100)
    reader = Background(lambda: ring.read(50))
    until_it_waits(ring)
    for at in range(0, 50, 10):
        assert reader.thread.is_alive()
        ring.write(frames(at, 10))
    assert (reader.join() == frames(0, 50)).all()
    assert ring.status().waits == 1


def test_made_smaller_than_what_a_reader_waits_for() -> None:
    ring = AudioRing(100)
    reader = Background(lambda: ring.read(50))
    until_it_waits(ring)
    ring.resize(40)
    with pytest.raises(NotEnoughDataError):
        reader.join()


def test_made_larger_under_both() -> None:
    total = 100_000
    ring = AudioRing(50, guard=50)

    def write() -> None:
        for at in range(0, total, 40):
            ring.write(frames(at, 40), timeout=LONG_S)
        ring.close()

    writer = Background(write)
    seen = 0
    for chunk in ring.chunks(20, copy=False, timeout=LONG_S):
        assert (chunk.data == frames(seen, len(chunk))).all()
        seen += len(chunk)
        if seen % 5000 < 20:
            ring.resize(ring.capacity + 7)
            assert (ring.history(chunk.start, 20) == frames(chunk.start, 20)).all()
            assert (chunk.data == frames(chunk.start, 20)).all()
    writer.join()
    assert seen == total
    ring.check()


def test_contention_is_counted() -> None:
    """One thread is inside while another comes."""
    ring = AudioRing(100)
    inside, go_on = threading.Event(), threading.Event()

    def stay() -> None:
        inside.set()
        assert go_on.wait(LONG_S)

    holder = Background(lambda: ring._locked(stay))
    assert inside.wait(LONG_S)
    other = Background(ring.check)
    while not ring._contention:
        threading.Event().wait(0.001)
    go_on.set()
    holder.join()
    other.join()
    assert ring.status().contention == 1
