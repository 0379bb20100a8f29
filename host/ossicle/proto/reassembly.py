"""Chunks in any order, any number of times, go in; every frame comes out once, in order, or as a gap.

Words: a sequence is *settled* when nothing more is wanted of it. `next` is the first that is not. `highest`
is one more than the highest that was seen. `position` is the first frame that was told neither as audio nor
as a gap. All three only grow.

Three things that are easy to get wrong:

- With overlap a chunk reaches into the next ones, and is told whole at once. A sequence that is covered so
  is settled without its own chunk, but only when a later one was seen: else it might be the last, and the
  stream's length would never be known.
- A chunk flagged `discontinuity` ends at a hole. What follows up to the next hop boundary is lost, the
  sequences after it come as GONE. These pieces are one gap, so a gap is held back until what follows it is
  known to be something else.
- What was told is never taken back. A copy that differs is counted and told, and that is all (W-38).
"""

from __future__ import annotations

from bisect import insort
from collections import deque
from collections.abc import Callable, Iterator

import numpy as np

from ._wire import NUMBER_LIMIT, Flag
from .counters import Counters
from .events import Audio, Disagreement, Ended, Event, Frames, Gap

_GONE_RANGES_MAX = 64  # ranges kept ahead of `next`; more are refused, counted, and asked for again
_TOLD_GAPS_MAX = 64  # gaps remembered to tell a late chunk from a duplicate
_LAST = int(Flag.LAST)
_CUT = int(Flag.DISCONTINUITY)
_RESENT = int(Flag.RESENT)

GoneRange = tuple[int, int, str]


class Reassembly:
    """One stream's audio. `window` is the number of sequences kept ahead of the first missing one.

    It begins with chunk `sequence`, and tells nothing before `position`, in that chunk or after it.
    """

    def __init__(
        self,
        hop: int,
        overlap: int,
        window: int,
        counters: Counters,
        tell: Callable[[Event], None],
        *,
        sequence: int = 0,
        position: int = 0,
    ) -> None:
        self.hop = hop
        self.overlap = overlap
        self.window = window
        self.next = sequence
        self.highest = sequence
        self.position = position
        self.last: int | None = None  # the sequence flagged last, once known
        self.ended = False
        self._origin = position
        self._end = 0  # position at which the last chunk ends
        self._counters = counters
        self._tell = tell
        self._chunks: dict[int, tuple[Frames, int]] = {}  # ahead of `next`, at most `window`
        self._gone: list[GoneRange] = []  # ahead of `next`, ascending, disjoint
        self._gap: Gap | None = None  # held back: its stop may still grow
        self._told_gaps: deque[Gap] = deque(maxlen=_TOLD_GAPS_MAX)
        self._tail: deque[tuple[int, Frames]] = deque()  # told frames that later chunks may repeat

    @property
    def told(self) -> int:
        """The position after all that was told: a gap that may still grow is not."""
        return self.position if self._gap is None else self._gap.start

    @property
    def complete(self) -> bool:
        """Nothing is missing among what is known to exist."""
        return self.next >= self.highest

    def add(self, sequence: int, flags: int, frames: Frames) -> bool:
        """Take a chunk; false when it cannot be part of this stream."""
        wanted = self.hop + self.overlap
        count = len(frames)
        if count != wanted and (count > wanted or not flags & (_LAST | _CUT)):
            return False
        if flags & _LAST and (sequence + 1 < self.highest or self.last not in (None, sequence)):
            return False
        if self.last is not None and sequence > self.last:
            return False
        if sequence + 1 >= NUMBER_LIMIT:  # no ACK could say that it came (W-2)
            return False
        self._counters.chunks += 1
        if flags & _LAST and self.last is None:  # a copy of another length changes nothing
            self.last = sequence
            self._end = sequence * self.hop + count
        if sequence >= self.next + self.window:
            # The device's ring cannot hold both ends of this: what is older was overwritten.
            self.gone(self.next, sequence - self.window + 1, "overwritten")
        if sequence < self.next:
            self._again(sequence, frames)
            self._finish()
            return True
        if sequence >= self.highest:
            self.highest = sequence + 1
        known = self._chunks.get(sequence)
        if known is not None:
            self._counters.duplicates += 1
            self._compare(sequence * self.hop, frames, sequence * self.hop, known[0])
            return True
        if sequence == self.next:
            self._deliver(sequence, frames, flags)
            if not self.complete or self.last is not None:
                self._drain()
        else:
            self._chunks[sequence] = (frames, flags)
            self._drain()
        return True

    def wants(self, sequence: int) -> bool:
        """Is this chunk not there yet, and not given up?"""
        return sequence >= self.next and sequence not in self._chunks

    def gone(self, start: int, stop: int, cause: str) -> None:
        """Sequences [start, stop) will never come; those that came already stay."""
        start = max(start, self.next)
        if self.last is not None:
            stop = min(stop, self.last)
        self.highest = max(self.highest, stop)
        for begin, end in self._not_gone(start, stop):
            if len(self._gone) >= _GONE_RANGES_MAX and begin > self.next:
                self._counters.ranges_refused += 1
                continue
            insort(self._gone, (begin, end, cause))
            if begin <= self.next:
                self._drain()  # makes room for the next one
        self._drain()

    def expect(self, stop: int) -> None:
        """All sequences below `stop` exist, whether they were seen or not."""
        self.highest = max(self.highest, stop)
        self._drain()

    def missing(self, newest_first: bool = False) -> Iterator[tuple[int, int]]:
        """Ranges of sequences that exist, did not come, and may still come."""
        known = [(s, s + 1) for s in self._chunks] + [(start, stop) for start, stop, _ in self._gone]
        known.sort()
        known.append((self.highest, self.highest))
        holes = []
        at = self.next
        for start, stop in known:
            if start > at:
                holes.append((at, start))
            at = max(at, stop)
        for start, stop in reversed(holes) if newest_first else holes:
            before = self._chunks.get(start - 1)
            covered = before is not None and len(before[0]) >= 2 * self.hop and start + 1 < self.highest
            if start + covered < stop:
                yield start + covered, stop

    def close(self, cause: str | None = None) -> None:
        """No more will come: tell what is held back, and a gap of unknown length when there is a cause."""
        self._flush_gap()
        if cause is not None and not self.ended:
            self._tell_gap(Gap(self.position, None, cause))
        self.ended = True

    # Settling

    def _drain(self) -> None:
        """Settle whatever follows `next` and is known."""
        while True:
            sequence = self.next
            chunk = self._chunks.pop(sequence, None)
            if chunk is not None:
                self._deliver(sequence, *chunk)
            elif self._gone and self._gone[0][0] <= sequence:
                self._lose(*self._gone[0])
            elif self.highest > sequence + 1 and self.position >= (sequence + 1) * self.hop:
                self._counters.frames_overlap += self._told_in(sequence, (sequence + 1) * self.hop)
                self.next += 1
            else:
                break
        self._finish()

    def _finish(self) -> None:
        if self.last is not None and self.next > self.last and not self.ended:
            self._flush_gap()
            self.ended = True
            self._tell(Ended(self._end))

    def _deliver(self, sequence: int, frames: Frames, flags: int) -> None:
        start = sequence * self.hop
        stop = start + len(frames)
        position = self.position
        self._count_ways(sequence, stop, flags)
        self.next = sequence + 1
        if start < position:
            self._check_tail(start, frames)
            frames = frames[position - start :]
        if len(frames):
            if self._gap is not None:
                self._flush_gap()
            self._counters.frames += len(frames)
            self._tell(Audio(position, frames))
            self.position = stop
            if self.overlap:
                self._keep_tail(position, frames)
        if flags & _CUT and not flags & _LAST:
            self._widen_gap((sequence + 1) * self.hop, "capture")

    def _lose(self, start: int, stop: int, cause: str) -> None:
        """Settle the first range of `_gone`, up to a chunk inside it that came all the same."""
        until = min((s for s in self._chunks if s < stop), default=stop)
        if until < stop:
            self._gone[0] = (until, stop, cause)
        else:
            del self._gone[0]
        if until > self.next:
            self._counters.frames_overlap += self._told_in(self.next, until * self.hop)
            self._widen_gap(until * self.hop, cause)
            self.next = until

    def _count_ways(self, sequence: int, stop: int, flags: int) -> None:
        """Which way the frames came that a chunk names: its first hop, or all of it where none follows."""
        own = stop if flags & _LAST else min(stop, (sequence + 1) * self.hop)
        before = self._told_in(sequence, own)
        new = max(0, own - max(self.position, sequence * self.hop))
        if flags & _RESENT:
            self._counters.frames_overlap += before
            self._counters.frames_resent += new
        else:
            self._counters.frames_first += before + new

    def _told_in(self, sequence: int, stop: int) -> int:
        """How many frames from this sequence's first up to `stop` were told already, by chunks before it."""
        return max(0, min(self.position, stop) - max(sequence * self.hop, self._origin))

    def _not_gone(self, start: int, stop: int) -> list[tuple[int, int]]:
        """The parts of [start, stop) that no range in `_gone` has."""
        parts = []
        for begin, end, _ in self._gone:
            if end <= start:
                continue
            if begin >= stop:
                break
            if begin > start:
                parts.append((start, begin))
            start = end
        if start < stop:
            parts.append((start, stop))
        return parts

    # Gaps

    def _widen_gap(self, stop: int, cause: str) -> None:
        if stop <= self.position:
            return
        start = self.position
        if self._gap is not None:
            if self._gap.cause == cause:
                start = self._gap.start
            else:
                self._flush_gap()
        self._gap = Gap(start, stop, cause, estimated=cause == "capture")
        self.position = stop

    def _flush_gap(self) -> None:
        if self._gap is not None:
            gap, self._gap = self._gap, None
            self._tell_gap(gap)

    def _tell_gap(self, gap: Gap) -> None:
        self._counters.gaps += 1
        self._counters.gap_frames += gap.frames or 0
        self._told_gaps.append(gap)
        self._tell(gap)

    # Copies

    def _again(self, sequence: int, frames: Frames) -> None:
        """A chunk whose sequence is settled: a duplicate, or too late."""
        start = sequence * self.hop
        stop = start + len(frames)
        gaps = [*self._told_gaps, *([self._gap] if self._gap else [])]
        if any(gap.start < stop and gap.stop is not None and start < gap.stop for gap in gaps):
            self._counters.late += 1
        else:
            self._counters.duplicates += 1
        self._check_tail(start, frames)

    def _keep_tail(self, start: int, frames: Frames) -> None:
        """Keep what chunks still to come may repeat: two windows."""
        self._tail.append((start, frames))
        oldest = self.position - 2 * (self.hop + self.overlap)
        while self._tail[0][0] + len(self._tail[0][1]) <= oldest:
            self._tail.popleft()

    def _check_tail(self, start: int, frames: Frames) -> None:
        for told_start, told in self._tail:
            if told_start < start + len(frames) and start < told_start + len(told):
                self._compare(start, frames, told_start, told)

    def _compare(self, start: int, frames: Frames, told_start: int, told: Frames) -> None:
        """Do the two agree where both have frames?"""
        begin = max(start, told_start)
        end = min(start + len(frames), told_start + len(told))
        ours = told[begin - told_start : end - told_start]
        theirs = frames[begin - start : end - start]
        if np.array_equal(ours, theirs):
            return
        differ = np.flatnonzero((ours != theirs).reshape(len(ours), -1).any(axis=1))
        self._counters.disagreements += 1
        self._tell(Disagreement(begin + int(differ[0]), begin + int(differ[-1]) + 1))
