"""Where a stream is cut into objects: by position, so that the same stream is always cut alike.

Object k holds positions [k * step, (k + 1) * step), as far as they came. It is closed lazily, by the first
frame beyond its end, so that what is told a little late still goes into it. Pure: it sees positions, not
frames, and knows no clock.

A gap inside an object is a row, and silence in the file. One that leaves the object ends it where the gap
starts, and its row is told by the next object, or by this one where none follows; so no object holds
silence for hours in which nobody was there, and none tells of a gap whose length is not known yet.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from ossicle.archive.entry import GAPS_MAX, SEGMENTS_MAX, WORD_MAX, GapRow, SegmentRow

UNTOLD = "unknown"
"""Cause of a gap that nobody told: positions jumped."""
_UNFIT = re.compile(r"[^A-Za-z0-9 ._-]")  # such letters would take more room than a row has


@dataclass(frozen=True, slots=True)
class Piece:
    """An object to be: positions [start, stop), and what is told with them."""

    start: int
    stop: int
    gaps: tuple[GapRow, ...]
    segments: tuple[SegmentRow, ...]


@dataclass(slots=True)
class _Open:
    """A piece that still grows; `stop` lies behind its last frame that came."""

    start: int
    stop: int
    end: int
    """Of its range; less where a gap has cut it."""
    gaps: list[GapRow] = field(default_factory=list)
    segments: list[SegmentRow] = field(default_factory=list)

    def piece(self) -> Piece:
        return Piece(self.start, self.stop, tuple(self.gaps), tuple(self.segments))


class Cutter:
    """Takes what a stream tells, in its order; every call returns the pieces that it completes."""

    def __init__(self, step: int) -> None:
        """`step`: frames of the range of an object."""
        if step < 1:
            raise ValueError(f"objects of {step} frames")
        self._step = step
        self._open: _Open | None = None
        self._gaps: list[GapRow] = []  # of the object to come
        self._segments: list[SegmentRow] = []
        self._position: int | None = None
        self.untold = 0
        """Rows that no object could tell: nothing was heard after them."""
        self.joined = 0
        """Rows of gaps that became one, since an object has room for so many only."""
        self.repeated = 0
        """Frames that came again."""

    @property
    def position(self) -> int:
        """Of the next frame; 0 before the first."""
        return self._position or 0

    @property
    def open_at(self) -> int | None:
        """Position at which the piece that still grows starts, None where there is none."""
        return None if self._open is None else self._open.start

    def audio(self, start: int, frames: int) -> list[Piece]:
        """Positions [start, start + frames) came. Those that had come before are left out."""
        stop = start + frames
        position = start if self._position is None else self._position
        self.repeated += max(0, min(stop, position) - start)
        if stop <= position:
            return []
        done = []
        if start > position:
            done += self.gap(position, start, UNTOLD)
        at = max(start, position)
        while at < stop:
            if self._open is not None and at >= self._open.end:
                done.append(self._close())
            if self._open is None:
                self._begin(at)
            assert self._open is not None
            at = self._open.stop = min(stop, self._open.end)
        self._position = stop
        return done

    def gap(self, start: int, stop: int | None, cause: str, estimated: bool = False) -> list[Piece]:
        """Positions [start, stop) will never come; `stop` None where nobody knows how many."""
        row = GapRow(start, stop, _word(cause), estimated)
        if stop is not None:
            self._position = max(stop, self.position)
        opened = self._open
        if opened is None or self._gaps:
            self._add(self._gaps, row)
            return []
        if stop is None or stop > opened.end:
            opened.end = opened.stop
            self._gaps.append(row)
            return []
        if len(opened.gaps) < GAPS_MAX:
            opened.gaps.append(row)
            return []
        done = self._close()
        self._gaps.append(row)
        return [done]

    def segment(self, start: int, stop: int, ended_by: str) -> list[Piece]:
        """Speech in [start, stop) is over."""
        row = SegmentRow(start, stop, _word(ended_by))
        if self._open is not None and len(self._open.segments) < SEGMENTS_MAX:
            self._open.segments.append(row)
            return []
        done = [] if self._open is None else [self._close()]
        if len(self._segments) < SEGMENTS_MAX:
            self._segments.append(row)
        else:
            self.untold += 1
        return done

    def flush(self) -> list[Piece]:
        """Close what is open, though its range is not over. What comes goes on in another piece."""
        if self._open is None:
            return []
        for row in self._gaps:
            self._add(self._open.gaps, row)
        self._gaps.clear()
        return [self._close()]

    def end(self) -> list[Piece]:
        """The stream is over."""
        done = self.flush()
        self.untold += len(self._gaps) + len(self._segments)
        self._gaps.clear()
        self._segments.clear()
        return done

    def _begin(self, at: int) -> None:
        end = (at // self._step + 1) * self._step
        self._open = _Open(at, at, end, self._gaps, self._segments)
        self._gaps, self._segments = [], []

    def _close(self) -> Piece:
        opened, self._open = self._open, None
        assert opened is not None
        return opened.piece()

    def _add(self, rows: list[GapRow], row: GapRow) -> None:
        """Add a row; where there is no room, the last one grows to hold it."""
        if len(rows) < GAPS_MAX:
            rows.append(row)
            return
        last = rows[-1]
        stop = None if last.stop is None or row.stop is None else max(last.stop, row.stop)
        rows[-1] = replace(last, start=min(last.start, row.start), stop=stop, estimated=True)
        self.joined += 1


def _word(text: str) -> str:
    return _UNFIT.sub("?", text[:WORD_MAX])
