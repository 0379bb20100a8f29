"""The host's ring as a list of every frame that was ever written (RING.md).

Frames are any values. What a ring forgets, this one keeps, and refuses to show.
"""

from __future__ import annotations

from typing import Any

Answer = tuple[str, Any]


class HostRing:
    """Operations answer ("ok", value) or (the name of an error, its data) and never raise."""

    def __init__(self, capacity: int, *, overflow: str = "block", start: int = 0) -> None:
        self.capacity = capacity
        self.start = start  # the position that counting begins at; a test of large numbers presets it
        self.overflow = overflow
        self.log: list[Any] = []  # frame p is log[p - start]
        self.read_position = start
        self.overflows = 0
        self.dropped = 0  # frames
        self.refused = 0  # writes
        self.refused_frames = 0
        self.jumped = False  # an overflow moved R, and the reader has not yet looked there and moved on
        self.looked = False  # since then
        self.closed = False

    @property
    def written(self) -> int:
        return self.start + len(self.log)

    @property
    def available(self) -> int:
        return self.written - self.read_position

    @property
    def free(self) -> int:
        return self.capacity - self.available

    def frames(self, start: int, n: int) -> list[Any]:
        return self.log[start - self.start : start - self.start + n]

    def state(self) -> dict[str, int]:
        return {
            "written": self.written,
            "read": self.read_position,
            "available": self.available,
            "free": self.free,
            "overflows": self.overflows,
            "dropped": self.dropped,
            "refused": self.refused,
        }

    def write(self, frames: list[Any], wait: bool = True) -> Answer:
        """R-7, R-8, R-9; under `block` with a timeout of 0, or with no waiting allowed (R-11)."""
        if self.closed:
            return "closed", None
        fits = min(len(frames), self.free)
        if self.overflow == "block" and wait:
            self.log += frames[:fits]
            return ("ok", fits) if fits == len(frames) else ("timeout", fits)
        if self.overflow != "overwrite" and fits < len(frames):
            self.refused += 1
            self.refused_frames += len(frames)
            return "full", len(frames)
        self.log += frames
        lost = self.available - self.capacity
        if lost > 0:
            self.read_position += lost
            self.overflows += 1
            self.dropped += lost
            self.jumped = True
            self.looked = False
        return "ok", len(frames)

    def read(self, n: int) -> Answer:
        answer = self.peek(n)
        if answer[0] == "ok":
            self.move(n)
        return answer

    def peek(self, n: int) -> Answer:
        """R-12, R-23."""
        if n > self.available:
            if self.closed and not self.available:
                return "closed", None
            return "not enough", [self.available, n]
        self.looked = True
        return "ok", self.frames(self.read_position, n)

    def advance(self, n: int) -> Answer:
        """R-13."""
        if n > self.available:
            return "not enough", [self.available, n]
        self.move(n)
        return "ok", None

    def skip(self, n: int) -> Answer:
        moved = min(n, self.available)
        self.move(moved)
        return "ok", moved

    def chunk(self, hop: int, overlap: int) -> Answer:
        """R-14, R-16."""
        window = hop + overlap
        if self.available < window:
            return "ok", None
        return "ok", self.described(self.frames(self.read_position, window), hop, False)

    def chunks(self, hop: int, overlap: int) -> Answer:
        """R-15: all chunks that are there now; of a closed ring the rest too."""
        out = []
        while self.available >= hop + overlap:
            out.append(self.chunk(hop, overlap)[1])
            self.move(hop)
        if self.closed and self.available:
            rest = self.frames(self.read_position, self.available)
            out.append(self.described(rest, hop, True))
            self.move(len(rest))
        return "ok", out

    def described(self, frames: list[Any], hop: int, is_last: bool) -> dict[str, Any]:
        self.looked = True
        return {
            "start": self.read_position,
            "sequence": self.read_position // hop,
            "frames": frames,
            "is_last": is_last,
            "discontinuity": self.jumped,
        }

    def move(self, n: int) -> None:
        if n and self.looked:
            self.jumped = False
        self.read_position += n

    def oldest(self) -> int:
        return max(self.start, self.written - self.capacity)

    def history(self, start: int, n: int) -> Answer:
        """R-17."""
        if start < self.oldest() or start + n > self.written:
            return "gone", [self.oldest(), self.written]
        return "ok", self.frames(start, n)

    def clear(self) -> Answer:
        """R-25."""
        self.move(self.available)
        return "ok", None

    def close(self) -> Answer:
        self.closed = True
        return "ok", None
