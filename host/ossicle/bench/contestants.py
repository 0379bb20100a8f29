"""Rings, and what a user would pick instead of one: each takes blocks and gives windows.

A contestant's `run` is the loop that a user would write around it: for each block one write and one look
whether a window is there. All give the same windows, of WINDOW frames every HOP, and hold CAPACITY frames.
"""

from __future__ import annotations

import os
import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, redirect_stdout
from itertools import chain, cycle
from queue import Queue
from types import ModuleType
from typing import Any, TypeAlias

import numpy as np

from ossicle.audio.chunk import Frames
from ossicle.audio.ring import AudioRing

BLOCK = 512  # frames of a write: 32 ms at 16 kHz
HOP = 4000
OVERLAP = 256
WINDOW = HOP + OVERLAP
RATE = 16_000
SECONDS = 5
CAPACITY = SECONDS * RATE  # no whole number of blocks, so that writes go over the end as well
LAP = 64_000  # a whole number of blocks and of hops
WAIT_S = 10.0  # for what is there already

Blocks: TypeAlias = Iterable[Frames]
Take: TypeAlias = Callable[[Frames], object]
"""Gets each window as soon as it is there. It may be a view that changes later."""


class Contestant(ABC):
    """One ring, or what stands for one, for mono frames of a dtype."""

    @abstractmethod
    def run(self, blocks: Blocks, take: Take) -> None:
        """Write each block, and read each window that is there then. Goes on where the last run ended."""


class Views(Contestant):
    """Our ring, with windows that are views of it."""

    def __init__(self, dtype: str) -> None:
        self.ring = AudioRing(CAPACITY, dtype=dtype)

    def run(self, blocks: Blocks, take: Take) -> None:
        ring = self.ring
        for block in blocks:
            ring.write(block)
            chunk = ring.chunk(HOP, OVERLAP)
            if chunk is not None:
                take(chunk.data)
                ring.advance(HOP)


class Copies(Contestant):
    """Our ring, with windows that are copies."""

    def __init__(self, dtype: str) -> None:
        self.ring = AudioRing(CAPACITY, dtype=dtype)
        self.chunks = self.ring.chunks(HOP, OVERLAP, timeout=WAIT_S)

    def run(self, blocks: Blocks, take: Take) -> None:
        ring, chunks = self.ring, self.chunks
        for block in blocks:
            ring.write(block)
            if ring.available >= WINDOW:
                take(next(chunks).data)


class Locked(Contestant):
    """The ring of the textbooks: an array, two counters and one lock. What goes over the end is done in two
    pieces, and only that."""

    def __init__(self, dtype: str) -> None:
        self.memory = np.zeros(CAPACITY, dtype)
        self.lock = threading.Lock()
        self.written = self.read = 0

    def write(self, frames: Frames) -> None:
        with self.lock:
            count = len(frames)
            if count > CAPACITY - (self.written - self.read):
                raise OverflowError("the ring is full")
            start = self.written % CAPACITY
            first = min(count, CAPACITY - start)
            self.memory[start : start + first] = frames[:first]
            if first < count:
                self.memory[: count - first] = frames[first:]
            self.written += count

    def window(self) -> Frames | None:
        with self.lock:
            if self.written - self.read < WINDOW:
                return None
            start = self.read % CAPACITY
            stop = start + WINDOW
            if stop <= CAPACITY:
                window = self.memory[start:stop].copy()
            else:
                window = np.concatenate((self.memory[start:], self.memory[: stop - CAPACITY]))
            self.read += HOP
            return window

    def run(self, blocks: Blocks, take: Take) -> None:
        for block in blocks:
            self.write(block)
            window = self.window()
            if window is not None:
                take(window)


class Cascade(Contestant):
    """The ring of cascade-vad, with what it prints sent to nowhere."""

    def __init__(self, package: ModuleType, dtype: str, *, prints: bool = True) -> None:
        self.ring: Any = package.AudioRingBuffer(package.AudioConfig(sample_rate=RATE, dtype=dtype), SECONDS)
        self.prints = prints
        # What its decorator `measure_time`, and so its `print`, looks names up in.
        self.names: dict[str, Any] = package.measure_time.__globals__

    @contextmanager
    def quiet(self) -> Iterator[None]:
        """Nothing is seen of what it prints; without `prints` nothing is printed."""
        if self.prints:
            with open(os.devnull, "w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):
                yield
            return
        self.names["print"] = lambda text: None
        try:
            yield
        finally:
            del self.names["print"]

    def run(self, blocks: Blocks, take: Take) -> None:
        ring = self.ring
        with self.quiet():
            for block in blocks:
                ring.write(block)
                chunk, found = ring.get_chunk_with_overlap(HOP, OVERLAP)
                if found:
                    take(chunk.data)
                    ring.advance_read_position(HOP)


class Sliding(Contestant):
    """numpy_ringbuffer. It cannot drop frames but one by one, so it slides: it holds the newest frames, a
    window and a block, and the window is cut out of them."""

    def __init__(self, package: ModuleType, dtype: str) -> None:
        self.ring: Any = package.RingBuffer(WINDOW + BLOCK, dtype=dtype)
        self.unread = 0

    def run(self, blocks: Blocks, take: Take) -> None:
        ring = self.ring
        for block in blocks:
            ring.extend(block)
            self.unread += len(block)
            if self.unread >= WINDOW:
                take(ring[-self.unread :][:WINDOW])
                self.unread -= HOP


class Joined:
    """Blocks that wait to be joined, as everyone writes it who has a queue of them."""

    def __init__(self) -> None:
        self.blocks: list[Frames] = []
        self.frames = 0

    def window(self, block: Frames) -> Frames | None:
        """The next window, if `block` completes it."""
        self.blocks.append(block)
        self.frames += len(block)
        if self.frames < WINDOW:
            return None
        joined = np.concatenate(self.blocks)
        self.blocks = [joined[HOP:]]
        self.frames -= HOP
        return joined[:WINDOW]


class Deque(Contestant):
    """collections.deque of copied blocks: whoever records is given the same memory again each time."""

    def __init__(self, dtype: str) -> None:
        self.deque: deque[Frames] = deque(maxlen=CAPACITY // BLOCK)
        self.joined = Joined()

    def run(self, blocks: Blocks, take: Take) -> None:
        waiting, joined = self.deque, self.joined
        for block in blocks:
            waiting.append(block.copy())
            window = joined.window(waiting.popleft())
            if window is not None:
                take(window)


class Queued(Contestant):
    """queue.Queue of copied blocks."""

    def __init__(self, dtype: str) -> None:
        self.queue: Queue[Frames] = Queue(CAPACITY // BLOCK)
        self.joined = Joined()

    def run(self, blocks: Blocks, take: Take) -> None:
        waiting, joined = self.queue, self.joined
        for block in blocks:
            waiting.put(block.copy())
            window = joined.window(waiting.get())
            if window is not None:
                take(window)


class Bare(Contestant):
    """No ring: the same bytes copied in and out by np.copyto, the places all worked out before."""

    def __init__(self, dtype: str) -> None:
        self.window = np.zeros(WINDOW, dtype)
        memory = np.zeros(LAP, dtype)
        places = [memory[at : at + BLOCK] for at in range(0, LAP, BLOCK)]
        due: list[list[tuple[Frames, Frames]]] = [[] for _ in places]
        for start in range(0, LAP, HOP):
            last = (start + WINDOW - 1) // BLOCK % len(places)
            rest = max(0, start + WINDOW - LAP)
            pairs = [(self.window[: WINDOW - rest], memory[start : start + WINDOW - rest])]
            due[last] = [*pairs, (self.window[WINDOW - rest :], memory[:rest])] if rest else pairs
        lap = list(zip(places, due, strict=True))
        # The window that goes over the end is there after the first block of the next lap.
        self.plan = chain([(places[0], [])], lap[1:], cycle(lap))

    def run(self, blocks: Blocks, take: Take) -> None:
        for block, (place, due) in zip(blocks, self.plan, strict=False):
            np.copyto(place, block)
            for target, source in due:
                np.copyto(target, source)
            if due:
                take(self.window)
