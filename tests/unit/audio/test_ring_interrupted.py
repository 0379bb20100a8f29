"""Ctrl-C wherever Python looks for signals in the ring: it stays whole, and nobody is locked out."""

from __future__ import annotations

import _thread
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from points import SIGNALS, Points, ring_with_points

from ossicle.audio.errors import HistoryError, RingClosedError, RingError, RingFullError
from ossicle.audio.ring import AudioRing

RING, POINTS = ring_with_points(SIGNALS)


def frames(start: int, n: int) -> Any:
    return (np.arange(start, start + n) & 0x7FFF).astype(np.int16)


class Interruption:
    """Raises KeyboardInterrupt at the point number `at` of the ring."""

    def __init__(self, at: int, points: Points) -> None:
        self.points = points
        self.left = at
        self.hit = False

    def __enter__(self) -> None:
        self.points.act = self.look

    def __exit__(self, *_: object) -> None:
        self.points.act = None

    def look(self) -> None:
        self.left -= 1
        if self.left < 0 and not self.hit:
            self.hit = True
            raise KeyboardInterrupt


def elsewhere(function: Callable[[], Any]) -> None:
    """In another thread, which a lock left behind would stop."""
    failures: list[BaseException] = []

    def run() -> None:
        try:
            function()
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(3)
    assert not thread.is_alive(), "locked out"
    if failures:
        raise failures[0]


def prepared(policy: Any, unread: int, ring_class: Any = RING) -> AudioRing:
    ring: AudioRing = ring_class(40, guard=13, overflow=policy)
    ring.write(frames(0, 40))
    ring.read(40)
    ring.write(frames(40, unread))
    return ring


ACTIONS: dict[str, tuple[Any, int, Callable[[AudioRing], Any]]] = {
    "write in one slice": ("block", 5, lambda ring: ring.write(frames(ring.written, 9))),
    "write over the end": ("block", 35, lambda ring: (ring.read(30), ring.write(frames(ring.written, 9)))),
    "write longer than the guard": (
        "block",
        35,
        lambda ring: (ring.read(30), ring.write(frames(ring.written, 30))),
    ),
    "overwrite": ("overwrite", 30, lambda ring: ring.write(frames(ring.written, 25))),
    "overwrite all": ("overwrite", 30, lambda ring: ring.write(frames(ring.written, 95))),
    "refused": ("reject", 30, lambda ring: ring.write(frames(ring.written, 25))),
    "timed out": ("block", 30, lambda ring: ring.write(frames(ring.written, 25), timeout=0)),
    "read": ("block", 30, lambda ring: ring.read(25)),
    "read under overwrite": ("overwrite", 30, lambda ring: ring.read(25)),
    "chunks": ("block", 30, lambda ring: (ring.close(), list(ring.chunks(7, 3, copy=False)))),
    "look and move": (
        "block",
        30,
        lambda ring: (ring.chunk(5, 2), ring.advance(5), ring.skip(3), ring.peek(4)),
    ),
    "resize": ("block", 30, lambda ring: ring.resize(55)),
    "make smaller": ("overwrite", 30, lambda ring: ring.resize(20)),
    "history and status": ("block", 30, lambda ring: (ring.history(30, 20), ring.status(), ring.check())),
    "clear": ("block", 30, lambda ring: ring.clear()),
}


@pytest.mark.parametrize("action", ACTIONS)
def test_at_any_point(action: str) -> None:
    at = interrupted_everywhere(action, RING, POINTS)
    assert at >= 3 or action == "write in one slice", "which calls nothing"


def interrupted_everywhere(action: str, ring_class: Any, points: Points) -> int:
    """The number of points."""
    policy, unread, act = ACTIONS[action]
    for at in range(5000):
        ring = prepared(policy, unread, ring_class)
        interruption = Interruption(at, points)
        try:
            with interruption:
                act(ring)
        except (KeyboardInterrupt, RingFullError, TimeoutError):
            pass
        elsewhere(lambda ring=ring: whole(ring))
        if not interruption.hit:
            return at
    return pytest.fail("it never ends")


MEND = "        except BaseException:\n            self._locked(self._mend)\n"
LOCK = """\
        with self._lock:
            self._inside += 1
            try:
                return action()
            finally:
                self._inside -= 1
"""
LOCK_WITHOUT_TRY = """\
        self._lock.acquire()
        self._inside += 1
        result = action()
        self._inside -= 1
        self._lock.release()
        return result
"""
FAULTS = {
    "not mended": ("overwrite", (MEND, "        except BaseException:\n"), "a write has been under way"),
    "locked without try": ("read under overwrite", (LOCK, LOCK_WITHOUT_TRY), "locked out"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_planted_faults_are_found(fault: str) -> None:
    action, change, how = FAULTS[fault]
    with pytest.raises((AssertionError, RingError), match=how):
        interrupted_everywhere(action, *ring_with_points(SIGNALS, change))


def test_as_the_lock_is_taken() -> None:
    """A real signal: it is there as soon as this thread, which waits for the lock, has got it."""
    ring = prepared("block", 30)
    interval_s = sys.getswitchinterval()
    for _ in range(20):
        held = threading.Event()

        def hold(held: threading.Event = held) -> None:
            with ring._lock:
                held.set()
                time.sleep(0.005)
                sys.setswitchinterval(60)  # nobody else between these two
                ring._lock.release()
                _thread.interrupt_main()
                sys.setswitchinterval(interval_s)
                ring._lock.acquire()

        thread = threading.Thread(target=hold, daemon=True)
        try:
            thread.start()
            held.wait(10)
            ring.skip(0)
            time.sleep(10)
        except KeyboardInterrupt:
            pass
        else:
            pytest.fail("no signal came")
        finally:
            sys.setswitchinterval(interval_s)
        thread.join(10)
        assert not thread.is_alive(), "locked out"
    elsewhere(lambda: whole(ring))


def whole(ring: AudioRing) -> None:
    ring.check()
    assert 0 <= ring.written - ring.read_position <= ring.capacity
    oldest = max(0, ring.written - ring.capacity)
    try:
        kept = ring.history(oldest, ring.written - oldest)
    except HistoryError as error:
        oldest = error.oldest
        kept = ring.history(oldest, ring.written - oldest)
    assert (kept == frames(oldest, len(kept))).all(), "history gives no other frames"
    start = ring.read_position
    rest = ring.peek(ring.available)
    assert (rest == frames(start, len(rest))).all()
    ring.skip(ring.available)
    try:
        ring.write(frames(ring.written, ring.capacity), timeout=5)
    except RingClosedError:
        return
    assert (
        ring.read(ring.capacity, timeout=5) == frames(ring.read_position - ring.capacity, ring.capacity)
    ).all()
    ring.check()
