"""Audio that knows where each of its frames came from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ossicle.audio.chunk import Frames

JobId = str | int


@dataclass(frozen=True, slots=True)
class Part:
    """Frames of one job that follow each other in it, in its stream and in time."""

    job_id: JobId
    utterance: int | None
    start: int
    """Of the first frame, in the job's own frames."""
    count: int
    position: int | None
    """Of the first frame in the stream it came from, where that was told."""
    came: int
    """What the clock said at the first frame; it went on by one with each that follows."""

    def cut(self, start: int, stop: int) -> Part:
        """Frames `[start, stop)` of it."""
        position = None if self.position is None else self.position + start
        return replace(
            self, start=self.start + start, count=stop - start, position=position, came=self.came + start
        )

    def leads_to(self, other: Part) -> bool:
        """Whether `other` goes on where this ends, in the job and in the stream; time is another matter."""
        if self.job_id != other.job_id or self.start + self.count != other.start:
            return False
        if self.utterance != other.utterance:
            return False
        if self.position is None or other.position is None:
            return self.position is other.position
        return self.position + self.count == other.position


@dataclass(slots=True)
class Stretch:
    """Frames, and the parts that they are, in this order."""

    frames: Frames
    parts: Sequence[Part]
    came: int = field(init=False)
    """The oldest frame's."""

    def __post_init__(self) -> None:
        self.came = min((part.came for part in self.parts), default=0)

    def __len__(self) -> int:
        return len(self.frames)

    def split(self, at: Sequence[int]) -> list[Stretch]:
        """Cut at these frames, in rising order; views of the same memory."""
        bounds = [0, *at, len(self.frames)]
        pieces: list[list[Part]] = [[] for _ in range(len(bounds) - 1)]
        number = begin = 0
        for part in self.parts:
            end = begin + part.count
            while end > bounds[number + 1]:
                if begin < bounds[number + 1]:
                    pieces[number].append(part.cut(0, bounds[number + 1] - begin))
                    part = part.cut(bounds[number + 1] - begin, part.count)
                    begin = bounds[number + 1]
                number += 1
            pieces[number].append(part)
            begin = end
        return [Stretch(self.frames[bounds[i] : bounds[i + 1]], parts) for i, parts in enumerate(pieces)]


def join(stretches: Iterable[Stretch]) -> Stretch:
    """One after the other, at least one; in memory of their own."""
    every = list(stretches)
    return Stretch(
        np.concatenate([each.frames for each in every]), [part for each in every for part in each.parts]
    )
