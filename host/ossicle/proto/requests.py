"""Which sequences to ask for, and when to stop waiting for them (W-25, W-39).

A re-send takes its place in the device's queue: oldest first in `lossless`, newest first in `live`. So while
re-sends keep coming, those behind them in the queue are on their way and are not asked for again.
"""

from __future__ import annotations

from collections import deque
from itertools import islice

from ._wire import NUMBER_LIMIT, REQUEST_AGAIN_MIN_MS, REQUEST_RANGES_MAX
from .packets import Range
from .reassembly import Reassembly

_LOOKED_AT_MAX = 512  # missing sequences looked at in one turn; the others come into view as these settle
_TAIL_AFTER_S = 1.0  # without audio for so long, ask for what may have been lost at the end
_TAIL_SEQUENCES = 8
_MARKS_MAX = 1024
_MARK_EVERY_S = 0.005


class Requests:
    """Decides what a REQUEST asks for."""

    def __init__(self, live: bool) -> None:
        self._live = live
        self._asked: dict[int, float] = {}  # sequence -> when it was last asked for
        self._resent = -1  # the sequence re-sent last, and when
        self._resent_at = float("-inf")
        self._tail_at = float("-inf")

    def resent(self, sequence: int, now: float) -> None:
        """A re-sent chunk came."""
        self._resent = sequence
        self._resent_at = now

    def poll(self, stream: Reassembly, now: float, rtt_s: float, last_audio: float) -> list[Range]:
        """The ranges to ask for now: ascending, not touching, at most eight; empty for nothing."""
        if stream.complete:
            self._asked.clear()
            if now - last_audio < _TAIL_AFTER_S:
                return []
            return self._tail(stream, now, max(_TAIL_AFTER_S, 4 * rtt_s), last_audio)
        again = max(2 * rtt_s, REQUEST_AGAIN_MIN_MS / 1000)
        if len(self._asked) > 2 * _LOOKED_AT_MAX:
            self._asked = {s: at for s, at in self._asked.items() if s >= stream.next}
        due: list[list[int]] = []
        for start, stop in self._in_view(stream):
            for sequence in range(start, stop):
                if now - self._last_sign(sequence) < again:
                    continue
                if due and due[-1][1] == sequence:
                    due[-1][1] = sequence + 1
                elif len(due) < REQUEST_RANGES_MAX:
                    due.append([sequence, sequence + 1])
                else:
                    break
                self._asked[sequence] = now
        return sorted((start, stop) for start, stop in due)

    def _in_view(self, stream: Reassembly) -> list[Range]:
        """The missing ranges to look at, in the order in which the device will re-send them."""
        view = []
        room = _LOOKED_AT_MAX
        for start, stop in islice(stream.missing(newest_first=self._live), _LOOKED_AT_MAX):
            if self._live:
                start = max(start, stop - room)
            else:
                stop = min(stop, start + room)
            view.append((start, stop))
            room -= stop - start
            if room <= 0:
                break
        return view

    def _last_sign(self, sequence: int) -> float:
        """When it was asked for, or when the queue was last seen to move towards it."""
        asked = self._asked.get(sequence)
        if asked is None:
            return float("-inf")
        behind = sequence < self._resent if self._live else sequence > self._resent
        return max(asked, self._resent_at) if behind else asked

    def _tail(self, stream: Reassembly, now: float, after: float, last_audio: float) -> list[Range]:
        """All that was seen is there; what was lost after it shows in nothing, so ask now and then."""
        if stream.last is not None or now - max(last_audio, self._tail_at) < after:
            return []
        self._tail_at = now
        stop = min(stream.highest + _TAIL_SEQUENCES, NUMBER_LIMIT - 1)
        return [(stream.highest, stop)] if stream.highest < stop else []


class Deadline:
    """How long `live` waits: whatever exists must have come `seconds` after something later did.

    A mark (highest, time) says that at `time` everything below `highest` was known to exist.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._marks: deque[tuple[int, float]] = deque()

    def poll(self, stream: Reassembly, now: float) -> int:
        """Sequences below this are no longer waited for."""
        marks = self._marks
        if stream.complete:
            marks.clear()
            return 0
        newest = marks[-1] if marks else None
        if newest is None or (
            stream.highest > newest[0] and now - newest[1] >= _MARK_EVERY_S and len(marks) < _MARKS_MAX
        ):
            marks.append((stream.highest, now))
        limit = 0
        while marks and now - marks[0][1] >= self._seconds:
            limit = marks.popleft()[0]
        return limit
