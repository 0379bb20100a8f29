"""One stream out of its objects: which object gives which frames, and why the others give none.

Positions rule: a frame that two objects have is taken once, and an object in which it is silence only because
its writer lost it does not hide another that has it. Pure; sees rows, not audio.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from ossicle.archive.entry import Entry, GapRow

MISSING = "missing"
"""Cause of a hole of which nothing is known: its object is not there."""
TOLERANCE_S = 1.0
"""Two streams may overlap by this, and a clock be set back, besides what their times are uncertain by."""
_FRAME = 0.05  # of a frame: what a Unix time in a float cannot tell (0.24 us, or 0.012 at 48 kHz), and more
_NEAR = 8  # neighbours that are asked whether they have the same frames


@dataclass(frozen=True, slots=True)
class Piece:
    """An object of the stream."""

    key: str
    start: int
    stop: int
    time: float
    uncertainty: float
    hz: float
    """Frames a second of the host's clock."""
    gaps: tuple[GapRow, ...]

    @classmethod
    def of(cls, key: str, entry: Entry) -> Piece:
        hz = entry.true_rate or float(entry.rate)
        return cls(key, entry.start, entry.stop, entry.time, entry.uncertainty, hz, entry.gaps)


@dataclass(frozen=True, slots=True)
class Cut:
    """Positions [start, stop), which this object gives; `others` have them, too."""

    piece: Piece
    start: int
    stop: int
    others: tuple[Piece, ...] = ()


@dataclass(frozen=True, slots=True)
class Anchor:
    """`position` was captured at `time`, and those after it at `hz` a second, until the next anchor."""

    position: int
    time: float
    hz: float
    uncertainty: float


def by_clock(pieces: Iterable[Piece]) -> list[list[Piece]]:
    """A stream's objects, at least one, in their order, apart where the clock was set back between two: what
    comes after that does not hide what was before at the same time."""
    runs: list[list[Piece]] = []
    for piece in sorted(pieces, key=lambda p: (p.start, -p.stop, p.key)):
        last = runs[-1][-1] if runs else None
        doubt = piece.uncertainty + (last.uncertainty if last else 0.0)
        if last is None or (last.stop <= piece.start and piece.time < last.time - TOLERANCE_S - doubt):
            runs.append([])
        runs[-1].append(piece)
    return runs


class Track:
    """A stream's objects; at least one. `low` and `high` bound what is known: objects, and the gaps that
    adjoin the first and the last of them."""

    def __init__(self, pieces: Iterable[Piece]) -> None:
        self.pieces = sorted(pieces, key=lambda p: (p.start, -p.stop, p.key))
        self.gaps = sorted(
            {gap for piece in self.pieces for gap in piece.gaps},
            key=lambda gap: (gap.start, gap.stop is None, gap.stop or 0, gap.cause, gap.estimated),
        )
        first = self.pieces[0]
        self.low = self._reach_down(first.start)
        self.high = self._reach_up(max(piece.stop for piece in self.pieces))
        before = Anchor(
            self.low, first.time - (first.start - self.low) / first.hz, first.hz, first.uncertainty
        )
        self._anchors = [before, *(Anchor(p.start, p.time, p.hz, p.uncertainty) for p in self.pieces)]

    def position_at(self, time: float) -> int:
        """The first position captured at this Unix time or later, within [low, high].

        Whoever asks for two ranges that adjoin gets each frame once: it depends on the object that begins
        last before `time` alone, and never reaches into the next one.
        """
        at = next((n for n in reversed(range(len(self._anchors))) if self._anchors[n].time <= time), None)
        if at is None:
            return self.low
        anchor = self._anchors[at]
        end = self._anchors[at + 1].position if at + 1 < len(self._anchors) else self.high
        position = anchor.position + math.ceil((time - anchor.time) * anchor.hz - _FRAME)
        return max(anchor.position, min(position, end))

    def anchor_of(self, position: int) -> Anchor:
        """What tells the time of a position."""
        return next((a for a in reversed(self._anchors) if a.position <= position), self._anchors[0])

    def time_of(self, position: int) -> float:
        """Unix time at which a position was captured."""
        anchor = self.anchor_of(position)
        return anchor.time + (position - anchor.position) / anchor.hz

    def unknown_gap(self) -> GapRow | None:
        """The gap in which the stream ended, where that is how it ended."""
        last = self.gaps[-1] if self.gaps else None
        return (
            last if last is not None and last.stop is None and last.start >= self.pieces[-1].start else None
        )

    def cuts(self, start: int, stop: int) -> Iterator[Cut | GapRow]:
        """Positions [start, stop) in order, each once: audio, or why there is none."""
        at, gap = start, 0
        real = self._real()
        for n, (piece, real_start, real_stop) in enumerate(real):
            if min(real_stop, stop) <= at or real_start >= stop:
                continue
            begin, end = max(real_start, at), min(real_stop, stop)
            gap = self._past(gap, at)
            yield from self._holes(at, begin, gap)
            yield Cut(piece, begin, end, _others(real, n, begin, end))
            at = end
        yield from self._holes(at, stop, self._past(gap, at))

    def _real(self) -> list[tuple[Piece, int, int]]:
        """What the objects have in them that is no silence instead of audio, by position."""
        found = [(piece, start, stop) for piece in self.pieces for start, stop in _without_gaps(piece)]
        return sorted(found, key=lambda real: (real[1], -real[2], real[0].key))

    def _past(self, gap: int, position: int) -> int:
        """The first gap, from this one on, that may end behind the position."""
        while gap < len(self.gaps) and (self.gaps[gap].stop or 0) <= position:
            gap += 1
        return gap

    def _holes(self, start: int, stop: int, gap: int) -> Iterator[GapRow]:
        at = start
        for row in islice(self.gaps, gap, None):
            if at >= stop or row.start >= stop:
                break
            if row.stop is None or row.stop <= at:
                continue
            if row.start > at:
                yield GapRow(at, row.start, MISSING)
                at = row.start
            end = min(row.stop, stop)
            yield GapRow(at, end, row.cause, row.estimated)
            at = end
        if at < stop:
            yield GapRow(at, stop, MISSING)

    def _reach_down(self, position: int) -> int:
        for gap in reversed(self.gaps):
            if gap.stop is not None and gap.start < position <= gap.stop:
                position = gap.start
        return position

    def _reach_up(self, position: int) -> int:
        for gap in self.gaps:
            if gap.stop is not None and gap.start <= position < gap.stop:
                position = gap.stop
        return position


def _others(real: list[tuple[Piece, int, int]], n: int, start: int, stop: int) -> tuple[Piece, ...]:
    """Objects besides the nth that have all of [start, stop), as several writers of one stream leave them."""
    near = real[max(0, n - _NEAR) : n] + real[n + 1 : n + 1 + _NEAR]
    return tuple(piece for piece, real_start, real_stop in near if real_start <= start and stop <= real_stop)


def _without_gaps(piece: Piece) -> Iterator[tuple[int, int]]:
    at = piece.start
    for gap in sorted(piece.gaps, key=lambda gap: gap.start):
        if gap.stop is None or gap.stop <= at or gap.start >= piece.stop:
            continue
        if gap.start > at:
            yield at, gap.start
        at = gap.stop
    if at < piece.stop:
        yield at, piece.stop
