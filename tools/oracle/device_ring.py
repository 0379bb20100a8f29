"""The device's ring as a list of every frame ever written, holes included (R-4, R-10, R-18, R-19, R-24).

Positions here never wrap; `state` gives them modulo 2**30, as a device keeps them. The writer and the
reader are apart: `write` and `hole` are the interrupt's, all else is the loop's, and the loop notices
that it was overrun only in `settle`, with which each of its operations begins.
"""

from __future__ import annotations

from typing import Any

from oracle.spec import LIMITS, SPEC

Answer = tuple[str, Any]

OVERWRITTEN: int = SPEC["causes"]["overwritten"]
CAPTURE: int = SPEC["causes"]["capture"]
HOLE = None  # stands in the list for a frame that was lost before the ring


class DeviceRing:
    """Operations answer as `HostRing`'s do."""

    def __init__(
        self, capacity: int, hop: int = 1, overlap: int = 0, *, overflow: str = "overwrite", start: int = 0
    ) -> None:
        if hop + overlap > capacity:
            raise ValueError("the guard is one window, and never above the capacity (R-6)")
        self.capacity = capacity
        self.hop = hop
        self.overlap = overlap
        self.overflow = overflow
        self.start = start
        self.log: list[Any] = []  # frame p is log[p - start]
        self.read_position = start
        self.floor = start  # history does not reach below: the end of the last hole that was forgotten
        self.holes: list[tuple[int, int]] = []
        self.overflows = 0
        self.dropped = 0
        self.refused = 0

    @property
    def written(self) -> int:
        return self.start + len(self.log)

    @property
    def available(self) -> int:
        return max(0, self.written - self.read_position)

    def frames(self, start: int, n: int) -> list[Any]:
        return self.log[start - self.start : start - self.start + n]

    def state(self) -> dict[str, int]:
        self.settle()
        limit = LIMITS["number_limit"]
        return {
            "written": self.written % limit,
            "read": self.read_position % limit,
            "available": self.available,
            "free": self.capacity - self.available,
            "overflows": self.overflows,
            "dropped": self.dropped,
            "refused": self.refused,
        }

    # The writer

    def write(self, frames: list[Any]) -> Answer:
        if self.overflow == "reject":
            self.settle()
            if len(frames) > self.capacity - self.available:
                self.refused += 1
                return "full", len(frames)
        self.log += frames
        return "ok", len(frames)

    def hole(self, n: int) -> Answer:
        if n:
            self.holes.append((self.written, self.written + n))
            self.log += [HOLE] * n
        if len(self.holes) > LIMITS["holes_max"]:
            self.floor = self.holes.pop(0)[1]
        return "ok", None

    # The reader

    def oldest(self) -> int:
        return max(self.floor, self.written - self.capacity)

    def settle(self) -> None:
        """R-24, R-10: the first hop boundary that the ring still holds; then R-19: out of a hole."""
        oldest = self.oldest()
        if self.read_position < oldest:
            moved = self.boundary(oldest)
            self.overflows += 1
            self.dropped += moved - self.read_position
            self.read_position = moved
        for start, stop in self.holes:
            if start <= self.read_position < stop:
                self.read_position = stop

    def boundary(self, position: int) -> int:
        return -(-position // self.hop) * self.hop

    def until_hole(self) -> int:
        """Frames from R that can be read without a hole between."""
        starts = [start for start, _ in self.holes if start >= self.read_position]
        return min([self.written, *starts]) - self.read_position

    def read(self, n: int) -> Answer:
        answer = self.peek(n)
        if answer[0] == "ok":
            self.move(len(answer[1]))
        return answer

    def peek(self, n: int) -> Answer:
        """R-12; fewer frames where a hole comes first (R-19)."""
        self.settle()
        if n > self.available:
            return "not enough", [self.available, n]
        return "ok", self.frames(self.read_position, min(n, self.until_hole()))

    def advance(self, n: int) -> Answer:
        self.settle()
        if n > self.available:
            return "not enough", [self.available, n]
        self.move(n)
        return "ok", None

    def skip(self, n: int) -> Answer:
        self.settle()
        moved = min(n, self.available)
        self.move(moved)
        return "ok", moved

    def move(self, n: int) -> None:
        self.read_position += n
        self.settle()

    def clear(self) -> Answer:
        self.settle()
        self.move(self.available)
        return "ok", None

    def history(self, start: int, n: int) -> Answer:
        there = self.oldest() <= start and start + n <= self.written
        if not there or any(a < start + n and b > start for a, b in self.holes):
            return "gone", [self.oldest(), self.written]
        return "ok", self.frames(start, n)

    def fate(self, sequence: int) -> int:
        """Why the chunk that `sequence` names can never come, 0 when it still may (the causes of a gap)."""
        start = sequence * self.hop
        if any(a <= start < b for a, b in self.holes):
            return CAPTURE
        return OVERWRITTEN if start < self.oldest() else 0

    def fates(self, first: int, n: int) -> Answer:
        return "ok", [self.fate(sequence) for sequence in range(first, first + n)]

    def window(self, sequence: int) -> Answer:
        """The frames of the window that `sequence` names: whole, or cut short by a hole or by W."""
        if self.fate(sequence):
            return "gone", self.fate(sequence)
        start = sequence * self.hop
        starts = [a for a, _ in self.holes if a > start]
        stop = min([start + self.hop + self.overlap, self.written, *starts])
        return "ok", self.frames(start, max(0, stop - start))

    def torn(self, sequence: int, frames: list[Any]) -> Answer:
        """R-18: `frames` are written while the window is copied. Gone when that passes its start."""
        before = self.window(sequence)
        if before[0] == "gone" or not before[1]:
            return ("gone", None) if before[0] == "gone" else before
        self.log += frames
        start = sequence * self.hop
        return ("gone", None) if start < self.oldest() else before
