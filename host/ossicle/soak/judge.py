"""What came, frame by frame, against what was captured; and what of the rest could have come.

The judge believes neither the firmware nor the receiver. What was captured, and when, it has from the
emulated microphone's own record; what each frame must be, from the pattern that the microphone played;
when packets could pass, from the relay. It is told what the application got, in order.

**wrong** counts frames that are not the source's at their position, frames that were told twice, and
positions that were left out without a gap.

**lost** counts captured frames that never came, in gaps or not.

**lost_within_ring** counts those of them that a receiver should have got. The device sends chunks, so frames
go with their chunk: it is *there* from when its window is full, until the microphone has captured a ring's
capacity beyond its first frame. When the link was open in both directions, and a host was running, for
longer than the *allowance* within that time, in one piece, the chunk should have come. The allowance is what
a receiver may take to notice that the link is back, to agree with the device, and to ask; for each time that
the link was closed it is a number, and the report prints the largest. A chunk that was there when the run
ended is there for ever: frames at the end cannot be lost for lack of time. A source that waits for the host,
as one that plays flat out does, has no business to overwrite anything: there every chunk is there for ever.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ossicle.pattern import Pattern

from .record import Capture

_GAPS_MAX = 100_000
_SHIFT_FRAMES = 1024  # that positions may be off after audio was lost before the ring, by W-37


@dataclass(frozen=True, slots=True)
class Open:
    """A time in which the link was open, in seconds, and what the receiver may take from its start on."""

    start: float
    stop: float
    allowance_s: float


@dataclass(frozen=True, slots=True)
class Hole:
    """Positions [start, stop) that did not come."""

    start: int
    stop: int
    cause: str
    shift: int = 0
    """From a position to the source's frame."""

    @property
    def frames(self) -> int:
        """The length."""
        return self.stop - self.start


@dataclass(frozen=True, slots=True)
class Verdict:
    """One stream, judged."""

    captured: int
    """Frames that the microphone handed to the firmware."""
    dropped: int
    """Frames that were lost before the ring, in DMA."""
    delivered: int
    wrong: int
    lost: int
    lost_within_ring: int
    unavoidable: int
    """Frames that the ring held at no moment at which the link was open."""
    gaps: int
    latencies: NDArray[np.float64] = field(repr=False, compare=False)
    """Of the first frame of each hop, from its capture to the application, in seconds."""
    recoveries: NDArray[np.float64] = field(repr=False, compare=False)
    """From each time that the link opened to the first audio after it, in seconds."""


class Judge:
    """One stream of one device. Feed it what the application got, in order; then ask for the verdict.

    `capacity` is the ring's, in frames; `waits`: the source waits for the host. `drops` gives the ranges that
    DMA has dropped so far. Unless `timed`, when audio came is not kept, and the verdict has no latencies.
    """

    def __init__(
        self,
        pattern: Pattern,
        capacity: int,
        hop: int,
        *,
        overlap: int = 0,
        waits: bool = False,
        drops: Callable[[], Sequence[tuple[int, int]]] = list,
        timed: bool = True,
    ) -> None:
        self.next = 0
        """The position after all that was told."""
        self.delivered = 0
        self.wrong = 0
        self.left_out = 0
        """Positions that were neither audio nor in a gap."""
        self.holes: list[Hole] = []
        self.gaps = 0
        self._missing = 0  # positions in holes
        self._pattern = pattern
        self._capacity = capacity
        self._hop = hop
        self._overlap = overlap
        self._waits = waits
        self._drops = drops
        self._timed = timed
        self._shift = 0  # from a position to the source's frame
        self._unsure = False  # audio was lost before the ring: the shift is to be found
        self._starts: list[int] = []
        self._counts: list[int] = []
        self._times: list[float] = []

    def audio(self, start: int, frames: NDArray[np.int16], now: float) -> None:
        """The application got frames of positions [start, start + len(frames)) at `now`."""
        if start > self.next:
            self.left_out += start - self.next
            self.wrong += start - self.next
            self._hole(self.next, start, "silent")
        again = min(max(0, self.next - start), len(frames))
        self.wrong += again
        start, frames = start + again, frames[again:]
        if not len(frames):
            return
        if self._unsure:
            self._shift += self._find_shift(start, frames)
            self._unsure = False
        differ = frames != self._pattern.part(start + self._shift, len(frames))
        differ = differ.any(axis=1) if differ.ndim > 1 else differ
        bad = int(np.count_nonzero(differ))
        self.wrong += bad
        self.delivered += len(frames) - bad
        self.next = start + len(frames)
        if self._timed:
            self._starts.append(start)
            self._counts.append(len(frames))
            self._times.append(now)

    def gap(self, start: int, stop: int | None, cause: str) -> None:
        """The application was told that [start, stop) will not come; None: nobody knows how much."""
        self.gaps += 1
        if stop is None:
            return
        if start != self.next:  # a gap that begins elsewhere is no word about what lies between
            self.wrong += abs(start - self.next)
        if stop > self.next:
            self._hole(self.next, stop, cause)
            self._unsure = self._unsure or cause == "capture"
            self.next = stop

    @property
    def missing(self) -> int:
        """Frames that did not come, of those before `next`: by positions, and where the source has turned out
        to be ahead of them, by that too."""
        return self._missing + self._shift

    def _hole(self, start: int, stop: int, cause: str) -> None:
        self._missing += stop - start
        if len(self.holes) < _GAPS_MAX:
            self.holes.append(Hole(start, stop, cause, self._shift))

    def _find_shift(self, start: int, frames: NDArray[np.int16]) -> int:
        """By how much more the source is ahead where DMA has dropped audio; 0 where that is no reason."""
        hole = self.holes[-1]
        if not before_the_ring(hole, self._drops()):
            return 0
        around = self._pattern.part(max(0, start + self._shift - _SHIFT_FRAMES), 2 * _SHIFT_FRAMES + 64)
        wanted = frames[:64]
        for offset in range(len(around) - len(wanted) + 1):
            if np.array_equal(around[offset : offset + len(wanted)], wanted):
                return max(0, start + self._shift - _SHIFT_FRAMES) + offset - start - self._shift
        return 0

    def verdict(self, capture: Capture, opened: Sequence[Open], *, over: float = np.inf) -> Verdict:
        """All of it. `over` is when the device gave the stream up, if it did before its end."""
        given = capture.captured - capture.dropped
        beyond = max(0, self.next + self._shift - capture.captured)
        holes = [*self.holes]
        if self.next + self._shift < capture.captured:
            holes.append(Hole(self.next, capture.captured - self._shift, "missing", self._shift))
        within, unavoidable = self._within(holes, capture, opened, over)
        return Verdict(
            captured=given,
            dropped=capture.dropped,
            delivered=self.delivered,
            wrong=self.wrong + beyond,
            lost=max(0, given - self.delivered),
            lost_within_ring=within,
            unavoidable=unavoidable,
            gaps=self.gaps,
            latencies=self._latencies(capture),
            recoveries=self._recoveries(opened),
        )

    def _within(
        self, holes: Sequence[Hole], capture: Capture, opened: Sequence[Open], over: float
    ) -> tuple[int, int]:
        """Frames of the holes that a receiver should have got, and those that none could have."""
        within = unavoidable = 0
        for hole in holes:
            if before_the_ring(hole, capture.drops):
                continue
            hop = self._hop
            sequences = np.arange(hole.start // hop, -(-hole.stop // hop), dtype=np.int64)
            starts = sequences * hop
            frames = np.minimum(starts + hop, hole.stop) - np.maximum(starts, hole.start)
            first = starts + hole.shift
            full = np.minimum(first + hop + self._overlap, capture.captured)
            there = capture.reached(full)
            gone = np.full(len(first), over)
            if not self._waits:
                gone = np.minimum(capture.reached(first + self._capacity + 1), over)
            could = np.zeros(len(starts), bool)
            should = np.zeros(len(starts), bool)
            for each in opened:
                seconds = np.minimum(each.stop, gone) - np.maximum(each.start, there)
                could |= seconds > 0
                should |= seconds >= each.allowance_s
            within += int(frames[should].sum())
            unavoidable += int(frames[~could].sum())
        return within, unavoidable

    def _latencies(self, capture: Capture) -> NDArray[np.float64]:
        """Where a piece holds several hops, each has its own."""
        if not self._starts or self._shift:
            return np.empty(0)
        starts = np.array(self._starts, np.int64)
        counts = np.array(self._counts, np.int64)
        times = np.array(self._times)
        first = -(-starts // self._hop)
        many = np.maximum(0, -(-(starts + counts) // self._hop) - first)
        which = np.repeat(np.arange(len(starts)), many)
        nth = np.arange(len(which)) - np.repeat(np.cumsum(many) - many, many)
        found: NDArray[np.float64] = times[which] - capture.when((first[which] + nth) * self._hop)
        return found

    def _recoveries(self, opened: Sequence[Open]) -> NDArray[np.float64]:
        times = np.array(self._times)
        found = []
        for each in opened:
            after = times[times >= each.start]
            if each.allowance_s and len(after):
                found.append(after[0] - each.start)
        return np.array(found)


def before_the_ring(hole: Hole, drops: Sequence[tuple[int, int]]) -> bool:
    """Whether DMA did drop audio there, and the device said so."""
    first = hole.start + hole.shift - _SHIFT_FRAMES
    last = hole.stop + hole.shift + _SHIFT_FRAMES
    return hole.cause == "capture" and any(start < last and stop > first for start, stop in drops)


@dataclass(frozen=True, slots=True)
class Closed:
    """A time in which nothing could pass, and what the receiver may take after it."""

    start: float
    stop: float
    allowance_s: float


def open_times(closed: Sequence[Closed], start: float, stop: float, allowance_s: float) -> list[Open]:
    """What is left of [start, stop) outside `closed`. `allowance_s` is that of the very start."""
    found = []
    at, allowed = start, allowance_s
    for each in sorted(closed, key=lambda one: one.start):
        if each.start > at:
            found.append(Open(at, min(each.start, stop), allowed))
            allowed = 0.0
        if each.stop >= at:
            at, allowed = each.stop, max(allowed, each.allowance_s)
    found.append(Open(at, stop, allowed))
    return [each for each in found if each.stop > each.start]
