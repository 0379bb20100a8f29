"""Ctrl-C between any two instructions of the ring: it stays whole, and nobody is locked out."""

from __future__ import annotations

import dis
import functools
import sys
import threading
from collections.abc import Callable
from types import CodeType, FrameType
from typing import Any

import numpy as np
import pytest
from mutation import FILES

from ossicle.audio.errors import HistoryError, RingClosedError, RingFullError
from ossicle.audio.ring import AudioRing


def frames(start: int, n: int) -> Any:
    return (np.arange(start, start + n) & 0x7FFF).astype(np.int16)


@functools.cache
def layout(code: CodeType) -> tuple[dict[int, str], list[tuple[int, int, int]]]:
    """The names of the instructions by offset, and (start, stop, handler) of what `try` and `with` cover."""
    entries = dis.Bytecode(code).exception_entries
    return {i.offset: i.opname for i in dis.get_instructions(code)}, [
        (e.start, e.end, e.target) for e in entries
    ]


def may_be_interrupted(code: CodeType, before: int, at: int) -> bool:
    """Whether a signal can come between two instructions: Python looks for signals after calls, where a
    function begins and where a loop goes back. Such an exception belongs to the instruction before, so the
    one at which the test raises must lie in the same `try`."""
    names, entries = layout(code)
    looks = names.get(before, "").startswith(("CALL", "JUMP_BACKWARD", "RESUME"))

    def handler(offset: int) -> int | None:
        return next((target for start, stop, target in entries if start <= offset < stop), None)

    return looks and handler(before) == handler(at)


class Interruption:
    """Raises KeyboardInterrupt at the place number `at` of the ring's own code where a signal may come in."""

    def __init__(self, at: int) -> None:
        self.left = at
        self.hit = False
        self.last: dict[FrameType, int] = {}

    def __enter__(self) -> None:
        sys.settrace(self.trace)

    def __exit__(self, *_: object) -> None:
        sys.settrace(None)
        self.last.clear()

    def trace(self, frame: FrameType, event: str, arg: Any) -> Any:
        if frame.f_code.co_filename not in FILES or self.hit:
            return None
        frame.f_trace_opcodes = True
        frame.f_trace_lines = False
        return self.step

    def step(self, frame: FrameType, event: str, arg: Any) -> Any:
        if event == "opcode" and not self.hit:
            before = self.last.get(frame, -1)
            self.last[frame] = frame.f_lasti
            if may_be_interrupted(frame.f_code, before, frame.f_lasti):
                self.left -= 1
                if self.left < 0:
                    self.hit = True
                    raise KeyboardInterrupt
        return self.step


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
    thread.join(10)
    assert not thread.is_alive(), "locked out"
    if failures:
        raise failures[0]


def prepared(policy: Any, unread: int) -> AudioRing:
    ring = AudioRing(40, guard=13, overflow=policy)
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
def test_between_any_two_instructions(action: str) -> None:
    policy, unread, act = ACTIONS[action]
    for at in range(5000):
        ring = prepared(policy, unread)
        interruption = Interruption(at)
        try:
            with interruption:
                act(ring)
        except (KeyboardInterrupt, RingFullError, TimeoutError):
            pass
        elsewhere(lambda ring=ring: whole(ring))
        if not interruption.hit:
            assert at >= 3 or action == "write in one slice", "which calls nothing"
            return
    pytest.fail("it never ends")


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
