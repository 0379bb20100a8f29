"""Where an object came to nothing: what it had to tell, and its frames, are told by the next one.

A frame that was heard and is in no object is in a gap with the cause "overflow". Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from ossicle.archive.entry import GAPS_MAX, SEGMENTS_MAX, GapRow, SegmentRow

OVERFLOW = "overflow"
Range = tuple[int, int]


class Losses:
    """Rows that wait for an object, in a bounded number."""

    def __init__(self) -> None:
        self._gaps: list[GapRow] = []
        self._segments: list[SegmentRow] = []
        self.untold = 0
        """Segments for which there was no room."""

    @property
    def waiting(self) -> int:
        """Rows that no object has told yet."""
        return len(self._gaps) + len(self._segments)

    def add(self, start: int, stop: int, gaps: Sequence[GapRow], segments: Sequence[SegmentRow]) -> None:
        """An object of positions [start, stop), with these rows, came to nothing."""
        own = [*gaps, *rows_of(without([(start, stop)], gaps))]
        self._gaps = fitted([*self._gaps, *own])
        room = SEGMENTS_MAX - len(self._segments)
        self._segments += segments[:room]
        self.untold += max(0, len(segments) - room)

    def take(
        self, gaps: Sequence[GapRow], segments: Sequence[SegmentRow]
    ) -> tuple[tuple[GapRow, ...], tuple[SegmentRow, ...]]:
        """The rows of an object that comes into being: its own, and as many of those that wait as fit."""
        told = fitted([*self._gaps, *gaps])
        room = SEGMENTS_MAX - len(segments)
        also, self._segments = self._segments[:room], self._segments[room:]
        self._gaps = []
        return tuple(told), (*also, *segments)


def rows_of(ranges: Iterable[Range]) -> list[GapRow]:
    """Each range as a gap."""
    return [GapRow(start, stop, OVERFLOW) for start, stop in ranges]


def fitted(gaps: Iterable[GapRow]) -> list[GapRow]:
    """The gaps by position, those that were lost here and touch as one; at most as many as an object tells:
    the last ones become one that is estimated."""
    done: list[GapRow] = []
    for row in sorted(gaps, key=lambda row: row.start):
        last = done[-1] if done else None
        if last and (last.cause, last.stop, row.cause) == (OVERFLOW, row.start, OVERFLOW):
            done[-1] = replace(last, stop=row.stop)
        elif last and len(done) == GAPS_MAX:
            stop = None if last.stop is None or row.stop is None else max(last.stop, row.stop)
            done[-1] = replace(last, stop=stop, estimated=True)
        else:
            done.append(row)
    return done


def joined(ranges: Iterable[Range]) -> list[Range]:
    """Ranges in their order, those that touch as one."""
    done: list[Range] = []
    for start, stop in ranges:
        if done and start <= done[-1][1]:
            done[-1] = done[-1][0], max(stop, done[-1][1])
        else:
            done.append((start, stop))
    return done


def without(ranges: Iterable[Range], gaps: Iterable[GapRow]) -> list[Range]:
    """Ranges in their order, but for what gaps tell already."""
    left = list(ranges)
    for gap in gaps:
        if gap.stop is not None:
            cut = [((start, min(stop, gap.start)), (max(start, gap.stop), stop)) for start, stop in left]
            left = [part for parts in cut for part in parts if part[0] < part[1]]
    return left
