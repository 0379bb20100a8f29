"""The aggregator of AGGREGATOR.md, frame by frame: lists in which each knows where it came from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

DEFAULTS: dict[str, Any] = {
    "rate": 16000,
    "min_pause_ms": 1000,
    "min_batch_ms": 5000,
    "max_piece_ms": 10_000,
    "min_piece_ms": 2000,
    "hangover_ms": 600,
    "window_ms": 20,
    "max_held_s": 60,
    "max_age_s": 30,
    "max_jobs": 64,
}
ENDED_BY = {"silence": "pause", "length": "timeout", "gap": "timeout", "end": "end"}


class Frame(NamedTuple):
    """One frame: its samples, its job, its index there, its position, and the clock when it came."""

    samples: tuple[int, ...]
    job: str
    utterance: int | None
    index: int
    position: int | None
    came: int


Frames = list[Frame]


class JobModel:
    """An open job."""

    def __init__(self) -> None:
        self.held: Frames = []
        self.count = 0
        self.utterance: int | None = None
        self.position: int | None = None


class AggregatorModel:
    """Each operation returns its batches, a dict each; `holding()` says what is held."""

    def __init__(self, **options: Any) -> None:
        given = {**DEFAULTS, **options}
        rate = given["rate"]

        def frames(name: str) -> int:
            return round(given[name] * rate / (1000 if name.endswith("_ms") else 1))

        self.min_pause = frames("min_pause_ms")
        self.min_batch = max(1, frames("min_batch_ms"))
        self.max_piece = max(2, frames("max_piece_ms"))
        self.min_piece = max(1, frames("min_piece_ms"))
        self.hangover = frames("hangover_ms")
        self.window = max(1, frames("window_ms"))
        self.max_held = frames("max_held_s")
        self.max_age = frames("max_age_s")
        self.max_jobs = given["max_jobs"]
        self.jobs: dict[str, JobModel] = {}
        self.small: list[Frames] = []
        self.waiting: Frames = []
        self.waiting_by = ""
        self.clock = 0
        self.stream: int | None = None
        self.segment_stop = 0
        self.out: list[dict[str, Any]] = []
        self.number = self.line = 0
        self.early = {"held": 0, "age": 0, "jobs": 0}

    # The operations.

    def push(
        self, job: str, audio: list[tuple[int, ...]], utterance: int | None = None, start: int | None = None
    ) -> list[dict[str, Any]]:
        self._take(self._job(job, utterance), job, audio, start, self.clock)
        self.clock += len(audio)
        return self._done()

    def push_segment(
        self, job: str, start: int, audio: list[tuple[int, ...]], ended_by: str, utterance: int
    ) -> list[dict[str, Any]]:
        stop = start + len(audio)
        if self.stream is None or start < self.segment_stop:
            self.stream = start
        if stop > self.stream:
            self._go_to(stop)
        self.segment_stop = stop
        came = self.clock - (self.stream - start)
        self._take(self._job(job, utterance), job, audio, start, came)
        self._end(job, ENDED_BY[ended_by])
        return self._done()

    def finish(self, job: str, by: str) -> list[dict[str, Any]]:
        self._end(job, by)
        return self._done()

    def flush(self) -> list[dict[str, Any]]:
        self._end("", "end")
        return self._done()

    def advance(self, frames: int = 0, to: int | None = None) -> list[dict[str, Any]]:
        self.clock += frames
        if to is not None:
            self._go_to(to)
        return self._done()

    def holding(self) -> list[list[Any]]:
        """[state, frames] in the order of A-17."""
        found = [
            ["pending_small", sum(map(len, self.small))],
            [f"pending_{self.waiting_by}", len(self.waiting)],
            ["open", sum(len(job.held) for job in self.jobs.values())],
        ]
        return [each for each in found if each[1]]

    # Jobs and their line.

    def _job(self, name: str, utterance: int | None) -> JobModel:
        job = self.jobs.setdefault(name, JobModel())
        if utterance is not None:
            job.utterance = utterance
        return job

    def _take(
        self, job: JobModel, name: str, audio: list[tuple[int, ...]], start: int | None, came: int
    ) -> None:
        if start is not None and audio:
            job.position = start
        for number, samples in enumerate(audio):
            job.held.append(Frame(samples, name, job.utterance, job.count, job.position, came + number))
            job.count += 1
            if job.position is not None:
                job.position += 1

    def _go_to(self, position: int) -> None:
        if self.stream is not None and position < self.stream:
            self.segment_stop = 0
        elif self.stream is not None:
            self.clock += position - self.stream
        self.stream = position

    def _end(self, name: str, by: str) -> None:
        if by in ("cut", "end"):
            for each in list(self.jobs):
                self._go_on(self.waiting + self.jobs.pop(each).held)
            self._go_on(self.waiting)
            self._give_small(by)
            return
        audio = self.jobs.pop(name).held if name in self.jobs else []
        if not audio:
            return
        whole = self.waiting + audio
        if by == "timeout" or len(whole) < self.min_pause:
            self.waiting, self.waiting_by = whole, by
        else:
            self._go_on(whole)

    # Pieces and batches.

    def _go_on(self, whole: Frames) -> None:
        """What waits is part of it, or not there."""
        self.waiting = []
        for piece in self.pieces(whole):
            self.small.append(piece)
            if sum(map(len, self.small)) >= self.min_batch:
                self._give_small("full")

    def _give_small(self, why: str) -> None:
        frames = [frame for piece in self.small for frame in piece]
        self.small = []
        if frames:
            self.out.append({"why": why, "frames": frames})

    def pieces(self, whole: Frames) -> list[Frames]:
        found = []
        while len(whole) > self.max_piece:
            cut = self._cut(whole)
            found.append(whole[:cut])
            whole = whole[cut:]
        return [*found, whole] if whole else []

    def _cut(self, whole: Frames) -> int:
        limit = min(self.max_piece, len(whole) - self.min_piece)
        starts = [
            start
            for start in range(0, limit, self.window)
            if start >= self.min_piece and start + self.window <= limit
        ]
        if not starts:
            return limit
        power = [
            sum(sample**2 for frame in whole[start : start + self.window] for sample in frame.samples)
            for start in starts
        ]
        least = min(power)
        place = max(number for number, each in enumerate(power) if each == least)
        first = last = place
        while first > 0 and power[first - 1] <= 4 * least:
            first -= 1
        while last + 1 < len(power) and power[last + 1] <= 4 * least:
            last += 1
        if first == 0 and last == len(power) - 1:
            return limit
        begin, end = starts[first], starts[last] + self.window
        return begin + min((end - begin) // 2, self.hangover)

    # Bounds.

    def _done(self) -> list[dict[str, Any]]:
        while len(self.jobs) > self.max_jobs:
            self.early["jobs"] += 1
            self._end(next(iter(self.jobs)), "timeout")
        while sum(count for _, count in self.holding()) > self.max_held:
            self.early["held"] += 1
            if self.waiting:
                self._go_on(self.waiting)
            else:
                self._give_from(lambda job: bool(job.held))
        while self.oldest_age() > self.max_age:
            self.early["age"] += 1
            if self._too_old(self.waiting):
                self._go_on(self.waiting)
            elif any(self._too_old(job.held) for job in self.jobs.values()):
                self._give_from(lambda job: self._too_old(job.held))
            else:
                self._give_small("age")
        batches, self.out = [self._told(each) for each in self.out], []
        return batches

    def oldest_age(self) -> int:
        held = [frame for piece in self.small for frame in piece] + self.waiting
        held += [frame for job in self.jobs.values() for frame in job.held]
        return max((self.clock - frame.came for frame in held), default=0)

    def _too_old(self, frames: Frames) -> bool:
        return any(self.clock - frame.came > self.max_age for frame in frames)

    def _give_from(self, which: Callable[[JobModel], bool]) -> None:
        job = next(job for job in self.jobs.values() if which(job))
        pieces = self.pieces(job.held)
        job.held = pieces.pop() if len(pieces) > 1 else []
        self._go_on(self.waiting)
        for piece in pieces:
            self._go_on(piece)

    def _told(self, batch: dict[str, Any]) -> dict[str, Any]:
        """A batch as vectors tell it: why, the line before it, and its ranges."""
        frames: Frames = batch["frames"]
        ranges: list[list[Any]] = []
        before: Frame | None = None
        for at, frame in enumerate(frames):
            if before is not None and follows(before, frame):
                ranges[-1][3] = frame.index + 1
                ranges[-1][5] = at + 1
            else:
                ranges.append(
                    [frame.job, frame.utterance, frame.index, frame.index + 1, at, at + 1, frame.position]
                )
            before = frame
        told = {"number": self.number, "start": self.line, "why": batch["why"], "ranges": ranges}
        self.number += 1
        self.line += len(frames)
        return {**told, "audio": [frame.samples for frame in frames]}


def follows(one: Frame, other: Frame) -> bool:
    """Whether one range has both (A-15)."""
    if (one.job, one.utterance, one.index + 1) != (other.job, other.utterance, other.index):
        return False
    return other.position == (None if one.position is None else one.position + 1)
