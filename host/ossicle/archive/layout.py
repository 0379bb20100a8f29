"""Streams one behind the other as one recording: audio, silence, and what each is.

Within a stream positions rule, so frames follow each other as they were captured, and a gap is exactly as
long as the receiver said. Between streams the wall clock rules: the silence is as long as nobody recorded.
Pure; sees rows, not audio.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from ossicle.archive.deletion import Deletion
from ossicle.archive.entry import ArchiveError, GapRow
from ossicle.archive.row import Row
from ossicle.archive.select import Selection
from ossicle.archive.track import MISSING, TOLERANCE_S, Cut, Track

UNRECORDED = "unrecorded"
"""Cause of a hole between two streams, and before the first or after the last: no stream was kept."""
DELETED = "deleted"
"""Cause of a hole that would be one of the two, where audio of that time was deleted."""


@dataclass(frozen=True, slots=True)
class Hole:
    """Silence in frames [start_frame, stop_frame) of the recording, for want of audio.

    `stream` and `position` say where that is; None between streams. A hole of no frames is a gap whose length
    is not known, at the end of the recording.
    """

    start_frame: int
    stop_frame: int
    cause: str
    estimated: bool
    stream: str | None
    position: int | None


@dataclass(frozen=True, slots=True)
class Part:
    """Frames [start_frame, stop_frame) are those of one stream from `position` on, holes included; `time` is
    Unix time of the first, right within `uncertainty` seconds."""

    start_frame: int
    stop_frame: int
    stream: str
    position: int
    time: float
    uncertainty: float


@dataclass(frozen=True, slots=True)
class Step:
    """One stretch of the recording: of an object, or silence."""

    start_frame: int
    frames: int
    cut: Cut | None
    stream: str


@dataclass(frozen=True, slots=True)
class Plan:
    """One recording to be; `frames` of `rate` Hz. `Library.get` writes it."""

    owner: str
    device: str
    rate: int
    channels: int
    frames: int
    start_time: float
    """Unix time of frame 0."""
    stop_time: float
    objects: int
    lossy: bool
    """Whether any of it was kept as Opus."""
    steps: tuple[Step, ...]
    holes: tuple[Hole, ...]
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    selection: Selection
    start: int | None
    stop: int | None
    pad: bool

    @property
    def by_time(self) -> bool:
        """Whether a time was given."""
        return self.selection.since is not None or self.selection.until is not None

    def of(self, track: Track) -> tuple[int, int]:
        """The positions of a stream that are meant."""
        since, until = self.selection.since, self.selection.until
        low = track.low if since is None else track.position_at(since)
        high = track.high if until is None else track.position_at(until)
        if self.start is not None:
            low = max(low, self.start)
        if self.stop is not None:
            high = min(high, self.stop)
        return low, high


@dataclass(frozen=True, slots=True)
class Range:
    stream: str
    track: Track
    start: int
    stop: int

    @property
    def time(self) -> float:
        return self.track.time_of(self.start)

    @property
    def stop_time(self) -> float:
        return self.track.time_of(self.stop)


class Layout:
    """Puts the ranges one behind the other."""

    def __init__(self, row: Row, wanted: Wanted, deletions: list[Deletion]) -> None:
        self._row = row
        self._wanted = wanted
        self._deletions = deletions
        self._steps: list[Step] = []
        self._holes: list[Hole] = []
        self._parts: list[Part] = []
        self._frames = 0

    def of(self, ranges: list[Range], rows: list[Row]) -> Plan:
        start_time = self._lead(ranges[0])
        for before, one in zip([None, *ranges[:-1]], ranges, strict=True):
            if before is not None:
                self._between(before, one)
            self._put(one)
        stop_time = self._tail(ranges[-1])
        used = {step.cut.piece.key for step in self._steps if step.cut}
        row = self._row
        return Plan(
            row.owner,
            row.device,
            row.rate,
            row.channels,
            self._frames,
            start_time,
            stop_time,
            len(used),
            any(found.codec == "opus" for found in rows if found.key in used),
            tuple(self._steps),
            tuple(self._holes),
            tuple(self._parts),
        )

    def _lead(self, first: Range) -> float:
        wanted = self._wanted
        if wanted.start is not None and wanted.start < first.start and wanted.selection.since is None:
            self._silence(first.start - wanted.start, MISSING, first.stream, wanted.start)
            return first.time - (first.start - wanted.start) / self._row.rate
        since = wanted.selection.since
        if not wanted.pad or since is None or wanted.start is not None:
            return first.time
        self._silence(self._length(since, first.time), self._why(since, first.time))
        return since if self._frames else first.time

    def _tail(self, last: Range) -> float:
        until, end = self._wanted.selection.until, last.stop_time
        gap = last.track.unknown_gap() if last.stop == last.track.high else None
        if self._wanted.pad and until is not None and self._wanted.stop is None:
            until = min(until, time.time())
            frames = self._length(end, until)
            if frames:
                self._silence(frames, gap.cause if gap else self._why(end, until), estimated=gap is not None)
                return until
        if gap is not None:
            at = self._frames
            self._holes.append(Hole(at, at, gap.cause, True, last.stream, gap.start))
        return end

    def _between(self, before: Range, after: Range) -> None:
        end, begin = before.stop_time, after.time
        doubt = sum(one.track.anchor_of(one.start).uncertainty for one in (before, after))
        if begin < end - TOLERANCE_S - doubt and before.stream == after.stream:
            raise ArchiveError(
                f"a clock was set back in stream {after.stream}, so it has frames of the same time twice: "
                f"choose positions with --stream {after.stream} --start --stop"
            )
        if begin < end - TOLERANCE_S - doubt:
            raise ArchiveError(
                f"two streams at the same time: choose with --stream: {before.stream}, {after.stream}"
            )
        gap = before.track.unknown_gap() if before.stop == before.track.high else None
        cause = gap.cause if gap else self._why(end, begin)
        self._silence(self._length(end, begin), cause, estimated=gap is not None)

    def _put(self, one: Range) -> None:
        begin = self._frames
        for step in one.track.cuts(one.start, one.stop):
            if isinstance(step, Cut):
                frames = step.stop - step.start
                self._steps.append(Step(self._frames, frames, step, one.stream))
                self._frames += frames
            else:
                self._gap(one, step)
        doubt = one.track.anchor_of(one.start).uncertainty
        self._parts.append(Part(begin, self._frames, one.stream, one.start, one.time, doubt))

    def _gap(self, one: Range, gap: GapRow) -> None:
        assert gap.stop is not None
        cause = gap.cause
        if cause == MISSING:
            cause = self._why(one.track.time_of(gap.start), one.track.time_of(gap.stop), one.stream, cause)
        self._silence(gap.stop - gap.start, cause, one.stream, gap.start, gap.estimated)

    def _silence(
        self,
        frames: int,
        cause: str,
        stream: str | None = None,
        position: int | None = None,
        estimated: bool = False,
    ) -> None:
        if frames <= 0:
            return
        at = self._frames
        self._holes.append(Hole(at, at + frames, cause, estimated, stream, position))
        self._steps.append(Step(at, frames, None, stream or ""))
        self._frames += frames

    def _length(self, start: float, stop: float) -> int:
        """Frames from one moment to another; a Unix time is not finer than some parts of a frame."""
        return int((stop - start) * self._row.rate + 0.05)

    def _why(self, start: float, stop: float, stream: str | None = None, cause: str = UNRECORDED) -> str:
        """The cause of a hole of which nothing is known, unless someone deleted audio of that time."""
        row = self._row
        for deletion in self._deletions:
            meant = deletion.selection if stream else replace(deletion.selection, stream=None)
            if start < deletion.made_at and meant.meets(row.owner, row.device, stream or "", start, stop):
                return DELETED
        return cause
