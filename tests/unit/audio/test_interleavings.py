"""A writer, a reader and a third thread on one ring, in a thousand orders that a seed decides.

Every frame's value tells its position, so any frame that is lost, repeated, moved or torn shows.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from points import STEPS, Points, ring_with_points
from scheduler import Scheduler

from ossicle.audio.errors import (
    HistoryError,
    NotEnoughDataError,
    RingClosedError,
    RingError,
    RingFullError,
    WriteTimeoutError,
)

RING = ring_with_points(STEPS)
POLICIES = ("block", "reject", "overwrite")


def frames(start: int, n: int) -> Any:
    return (np.arange(start, start + n) & 0x7FFF).astype(np.int16)


class Run:
    """One ring, one seed: what each thread does, and what must be true of it."""

    def __init__(self, seed: int, policy: str, ring: tuple[Any, Points] = RING) -> None:
        ring_class, points = ring
        self.scheduler = Scheduler(seed, points)
        self.random = random.Random(seed + 1)
        capacity = self.random.choice((1, 3, 8, 20))
        guard = self.random.choice((None, 0, capacity // 2, capacity))
        self.ring = ring_class(capacity, guard=guard, overflow=policy, _threading=self.scheduler)
        self.policy = policy
        self.written = 0  # as the writer was told
        self.seen = 0  # position after the last frame the reader got
        self.lost = 0  # frames that the reader did not get

    def go(self) -> None:
        self.scheduler.run(writer=self.writer, reader=self.reader, other=self.other)
        self.ring.check()
        status = self.ring.status()
        assert status.written == self.written == self.seen, "what was written was read"
        assert status.frames_dropped == self.lost
        assert status.bytes_out == 2 * (self.seen - self.lost)

    def writer(self) -> None:
        for _ in range(12):
            most = self.random.choice((self.ring.capacity // 3, self.ring.capacity + 3))
            block = frames(self.written, self.random.randint(0, most))
            timeout = self.random.choice((None, None, 0.0, 60.0))
            try:
                self.written += self.ring.write(block, timeout=timeout)
            except RingFullError as error:
                assert (self.policy, error.attempted) == ("reject", len(block))  # noqa: PT017
            except WriteTimeoutError as error:
                assert self.policy == "block"
                self.written += error.frames_written
            except RingClosedError as error:
                self.written += error.frames_written
                return
        self.ring.close()

    def reader(self) -> None:
        ways: list[Callable[[], None]] = [self.read, self.look, self.iterate]
        while True:
            try:
                self.random.choice(ways)()
            except RingClosedError:
                return
            except NotEnoughDataError as error:
                if self.ring.closed and error.available:
                    self.take(self.ring.read_position, self.ring.read(self.ring.available), None)

    def read(self) -> None:
        n = self.random.randint(1, max(1, self.ring.capacity // 2))
        before = self.ring.read_position
        data = self.ring.read(n, timeout=self.random.choice((None, None, 60.0)))
        start = self.ring.read_position - n if self.policy != "overwrite" else None
        if start is None:  # R may have moved before and after
            start = before + int((int(data[0]) - before) & 0x7FFF)
        self.take(start, data, None)

    def look(self) -> None:
        hop = self.random.randint(1, self.ring.capacity)
        chunk = self.ring.chunk(hop, self.random.randint(0, 2))
        if chunk is None:
            if self.ring.closed:
                self.take(self.ring.read_position, self.ring.read(max(1, self.ring.available)), None)
            return
        kept = chunk.data.copy()
        again = self.ring.chunk(hop)
        assert again is not None
        self.scheduler.give_way()
        assert (chunk.data == kept).all(), "the view changed under its holder"
        if self.policy == "overwrite":
            assert again.start >= chunk.start
            return  # between look and move the writer may move R; `iterate` takes both at once
        assert again.sequence == chunk.sequence, "looking twice gives the same number"
        self.ring.advance(hop)
        self.take(chunk.start, kept[:hop], chunk.discontinuity)

    def iterate(self) -> None:
        hop = self.random.randint(1, max(1, self.ring.capacity - 1))
        overlap = self.random.randint(0, self.ring.capacity - hop)
        for chunk in self.ring.chunks(hop, overlap, copy=self.random.random() < 0.5):
            kept = chunk.data.copy()
            self.scheduler.give_way()
            assert (chunk.data == kept).all(), "the view changed under its holder"
            assert (kept == frames(chunk.start, len(kept))).all()
            self.take(chunk.start, kept if chunk.is_last else kept[:hop], chunk.discontinuity)
            if self.random.random() < 0.4:
                return
        raise RingClosedError

    def take(self, start: int, data: Any, discontinuity: bool | None) -> None:
        assert (data == frames(start, len(data))).all(), f"frames at {start} are wrong"
        assert start >= self.seen, "no frame comes twice"
        if self.policy != "overwrite":
            assert start == self.seen, "no frame is missing"
        if discontinuity is not None and start != self.seen:
            assert discontinuity, "what overflow dropped is marked"
        self.lost += start - self.seen
        self.seen = start + len(data)

    def other(self) -> None:
        for _ in range(4):
            what = self.random.choice(("status", "check", "history", "resize", "resize", "close"))
            if what == "history":
                stop = self.ring.written
                start = self.random.randint(max(0, stop - self.ring.capacity), stop)
                try:
                    data = self.ring.history(start, stop - start)
                except HistoryError as error:
                    assert error.oldest > start  # noqa: PT017
                else:
                    assert (data == frames(start, stop - start)).all(), "history gives no other frames"
            elif what == "resize":
                self.ring.resize(self.ring.capacity + self.random.randint(0, 9))
            elif what == "close" and self.random.random() < 0.7:
                continue
            else:
                getattr(self.ring, what)()


class Handover(Run):
    """Each block is waited for on the other side before the next: a call that gets lost is a deadlock."""

    def go(self) -> None:
        self.blocks = [self.random.randint(1, self.ring.capacity) for _ in range(6)]
        self.scheduler.run(writer=self.writer, reader=self.reader)
        assert self.seen == sum(self.blocks)

    def writer(self) -> None:
        for n in self.blocks:
            self.ring.write(frames(self.written, n))
            self.written += n
            while self.seen < self.written:
                self.scheduler.wait_for(self)

    def reader(self) -> None:
        for n in self.blocks:
            self.take(self.seen, self.ring.read(n), None)
            self.scheduler.call(self)


class Fullness(Handover):
    """The same for a writer that waits for room."""

    def writer(self) -> None:
        for _ in self.blocks:
            self.ring.write(frames(self.written, self.ring.capacity))
            self.written += self.ring.capacity
            self.ring.write(frames(self.written, 1))
            self.written += 1
            self.scheduler.call(self)

    def reader(self) -> None:
        for _ in self.blocks:
            self.take(self.seen, self.ring.read(self.ring.capacity), None)
            self.take(self.seen, self.ring.read(1), None)
            while self.written < self.seen:
                self.scheduler.wait_for(self)
        self.seen = sum(self.blocks)


class Holding(Run):
    """One frame at a time, while another thread holds the ring still for one thing after the other."""

    def __init__(self, seed: int, policy: str, ring: tuple[Any, Points] = RING) -> None:
        super().__init__(seed, policy, ring)
        self.ring.resize(40)

    def writer(self) -> None:
        for _ in range(30):
            try:
                self.written += self.ring.write(frames(self.written, 1))
            except RingClosedError:
                return

    def reader(self) -> None:
        for chunk in self.ring.chunks(10, copy=False):
            self.scheduler.give_way()
            self.take(chunk.start, chunk.data, chunk.discontinuity)

    def other(self) -> None:
        while self.written < 30:
            if self.random.random() < 0.9:
                self.ring.resize(self.ring.capacity + 1)
            else:
                self.ring.check()
        self.ring.close()


class Closing(Run):
    """Two writes, and another thread that closes: what was taken is there to be read, to the last frame."""

    def __init__(self, seed: int, policy: str, ring: tuple[Any, Points] = RING) -> None:
        super().__init__(seed, policy, ring)
        self.ring.resize(40)

    def writer(self) -> None:
        for n in (2, 3):
            try:
                self.written += self.ring.write(frames(self.written, n))
            except RingClosedError:
                return

    def reader(self) -> None:
        for chunk in self.ring.chunks(1, copy=False):
            self.take(chunk.start, chunk.data, chunk.discontinuity)

    def other(self) -> None:
        self.ring.close()


class Marks(Run):
    """Under overwrite: look, move, look. What was dropped between the first look and the move is marked."""

    def writer(self) -> None:
        for _ in range(6):
            self.written += self.ring.write(frames(self.written, self.ring.capacity))
        self.ring.close()

    def go(self) -> None:
        self.scheduler.run(writer=self.writer, reader=self.reader)

    def reader(self) -> None:
        while not (self.ring.closed and self.ring.is_empty):
            chunk = self.ring.chunk(1)
            if chunk is not None:
                assert chunk.discontinuity or chunk.start <= self.seen, "a drop is marked until it was seen"
                self.seen = chunk.start + 1
                self.ring.advance(1)


SCENARIOS = {
    "anything": (Run, POLICIES, 110),
    "handover": (Handover, ("block", "reject"), 80),
    "fullness": (Fullness, ("block",), 80),
    "holding": (Holding, POLICIES, 60),
    "closing": (Closing, POLICIES, 150),
    "marks": (Marks, ("overwrite",), 80),
}
CASES = [
    pytest.param(scenario, policy, part, seeds, id=f"{name}-{policy}-{part}", marks=marks)
    for name, (scenario, policies, seeds) in SCENARIOS.items()
    for policy in policies
    for part, marks in [(0, ()), (1, ()), *((part, pytest.mark.soak) for part in range(2, 20))]
]


@pytest.mark.parametrize(("scenario", "policy", "part", "seeds"), CASES)
def test_any_order(scenario: type[Run], policy: str, part: int, seeds: int) -> None:
    for seed in range(part * seeds, part * seeds + seeds):
        try:
            scenario(seed, policy).go()
        except BaseException as error:
            error.add_note(f"seed {seed}")
            raise


def test_they_are_a_thousand() -> None:
    assert sum(case.values[3] for case in CASES if not case.marks) >= 1000


# What is planted: the scenario that finds it, and the lines that make it.
PUBLISH = "                    self._written = claimed\n"
COPY = "                    target[start:stop] = frames\n"
LOAD = "                target, capacity, guard = self._in  # not sooner"
GATE = "            if fill <= self._limit:\n"
WISH = "                    self._wanted = n\n"
LOOK = "                    if self._there(n, rest):\n                        return\n"
ROOM = "full = self._is_stuck()\n"
BACK = "                        target[: stop - capacity] = target[capacity:stop]\n"
FAULTS = {
    "frames counted before they are there": ("holding", [(PUBLISH, ""), (COPY, PUBLISH + COPY)]),
    "memory taken before the gate": (
        "holding",
        [(LOAD, "                pass  # not sooner"), (GATE, LOAD[4:] + "\n" + GATE)],
    ),
    "reader looks before its wish": ("handover", [(WISH + LOOK, LOOK + WISH)]),
    "writer looks before its wish": ("fullness", [(ROOM, "full = True\n")]),
    "closing does not wait": (
        "closing",
        [("self._still(shut, patient=False)", "self._limit = SHUT\n        self._locked(shut)")],
    ),
    "resizing does not wait": ("holding", [("while self._claimed != self._written:", "while False:")]),
    "guard not copied back": ("anything", [(BACK, "                        pass\n")]),
    "a move clears the mark unseen": ("marks", [("if n and self._looked:", "if n:")]),
}


def first_found(fault: str) -> str | None:
    """The first seed that shows the fault, and how."""
    name, changes = FAULTS[fault]
    scenario, policies, _ = SCENARIOS[name]
    ring = ring_with_points(STEPS, *changes)
    for seed in range(1500):
        try:
            scenario(seed, policies[seed % len(policies)], ring).go()
        except (AssertionError, RingError, ValueError) as error:
            return f"seed {seed}: {error!r}"
    return None


# Where a run is stopped inside a generator, Python can only report it.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("fault", FAULTS)
def test_planted_faults_are_found(fault: str) -> None:
    assert first_found(fault) is not None
