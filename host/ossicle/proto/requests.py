"""Which sequences to ask for, and when to ask again (W-25).

Four rules:

- A chunk that is missing is asked for as soon as it is known to exist, or, where the link changes the order
  of packets, when it is later than late ones usually are (`Reordering`).
- A re-send takes its place in the device's queue: oldest first in `lossless`, newest first in `live`. So
  while re-sends keep coming, those behind them in the queue are on their way and are not asked for again.
- What does not come is asked for again and again, as long as the device may have it: a device that has
  overwritten a chunk says so, and `Reassembly` gives up what is beyond its window. While the device is heard
  the pace stays the same, for the ring does not wait; while it is not, each wait is twice the one before.
- START with `resume` asks for everything (W-22).
"""

from __future__ import annotations

from itertools import islice
from typing import NamedTuple

from ._wire import NUMBER_LIMIT, REQUEST_RANGES_MAX
from .counters import Counters
from .packets import Range
from .reassembly import Reassembly
from .roundtrip import RoundTrip
from .sightings import Sightings

_LOOKED_AT_MAX = 512  # missing sequences looked at in one turn; the others come into view as these settle
_TAIL_AFTER_S = 1.0  # without audio for so long, ask for what may have been lost at the end
_TAIL_SEQUENCES = 8
_DOUBLINGS_MAX = 4
_WAIT_MAX_S = 1.0
_REORDER_MAX_S = 0.1  # a ring holds two seconds
_REORDER_LIVE_MAX_S = 0.008  # a re-send must still come in time
_NEXT_S = 0.01  # to the next REQUEST where one does not hold all: a device keeps few ranges
_HEALED_MAX = 256
_NEVER = float("-inf")


class Ask(NamedTuple):
    """A sequence was last asked for at `at`, for the `times`-th time."""

    at: float
    times: int


class Reordering:
    """How long to wait for a chunk that may only be late: learned from those that came late."""

    def __init__(self, most_s: float) -> None:
        self.wait_s = 0.0
        self._most_s = most_s

    def late(self, seconds: float) -> None:
        """A chunk came so long after one behind it."""
        self.wait_s = min(self._most_s, max(1.1 * seconds, 0.9 * self.wait_s))

    def lost(self) -> None:
        """A chunk was lost: no wait would have brought it."""
        self.wait_s = 0.98 * self.wait_s if self.wait_s > 0.001 else 0.0


class Requests:
    """Decides what a REQUEST asks for."""

    def __init__(self, live: bool, counters: Counters, round_trip: RoundTrip) -> None:
        self.due_at = float("inf")
        """When the next poll may ask for something, if nothing comes before."""
        self._live = live
        self._counters = counters
        self._round_trip = round_trip
        self._reordering = Reordering(_REORDER_LIVE_MAX_S if live else _REORDER_MAX_S)
        self._asked: dict[int, Ask] = {}
        self._healed: dict[int, float] = {}  # re-sent sequence -> since when it was missing
        self._measured = _NEVER  # when was asked for what the round trip was last measured by
        self._resent = -1  # the sequence re-sent last, and when
        self._resent_at = _NEVER
        self._resumed_at = _NEVER
        self._tail_at = _NEVER

    # What came

    def resumed(self, now: float) -> None:
        """The device goes on from the first that is missing: everything counts as asked for."""
        self._asked.clear()
        self._healed.clear()
        self._resumed_at = now

    def came(self, sequence: int, resent: bool, since: float | None, now: float) -> None:
        """A chunk that was wanted came; `since` when it was known to exist, None for one that is new."""
        ask = self._asked.pop(sequence, None)
        if not resent:
            if since is not None and self._resumed_at < since:
                self._reordering.late(now - since)
                self._counters.asked_early += ask is not None
            return
        self._reordering.lost()
        if since is not None:
            self._healed[sequence] = since
            if len(self._healed) > _HEALED_MAX:
                del self._healed[next(iter(self._healed))]
        if ask is not None and ask.times == 1 and ask.at > self._measured:
            # Only the first of those asked for together, and none asked for twice (Karn's rule).
            self._measured = ask.at
            self._round_trip.add(now - ask.at)

    def came_again(self, sequence: int, now: float) -> None:
        """A first transmission came that was not wanted: perhaps its re-send was faster."""
        since = self._healed.pop(sequence, None)
        if since is not None:
            self._reordering.late(now - since)
            self._counters.asked_early += 1

    def resent(self, sequence: int, now: float) -> None:
        """A re-sent chunk came, wanted or not: the device's queue has moved."""
        self._resent = sequence
        self._resent_at = now

    # What to ask

    def poll(
        self, stream: Reassembly, sightings: Sightings, now: float, heard: float, last_audio: float
    ) -> list[Range]:
        """The ranges to ask for now: ascending, not touching, at most eight; empty for nothing.

        `heard` is when the device was last heard, `last_audio` when a chunk last came.
        """
        self.due_at = float("inf")
        if stream.complete:
            self._asked.clear()
            return self._tail(stream, now, last_audio)
        if len(self._asked) > 2 * _LOOKED_AT_MAX:
            self._asked = {s: ask for s, ask in self._asked.items() if s >= stream.next}
        held = sightings.before(now - self._reordering.wait_s)  # from here on it may only be late
        due: list[list[int]] = []
        for start, stop in self._in_view(stream):
            for sequence in range(start, stop):
                at = self._due(sequence, sequence >= held, sightings, heard)
                if now < at:
                    self.due_at = min(self.due_at, at)
                elif due and due[-1][1] == sequence:
                    due[-1][1] = sequence + 1
                elif len(due) < REQUEST_RANGES_MAX:
                    due.append([sequence, sequence + 1])
                else:
                    self.due_at = now + _NEXT_S
                    return self._ask(due, now)
        return self._ask(due, now)

    def _ask(self, due: list[list[int]], now: float) -> list[Range]:
        for start, stop in due:
            for sequence in range(start, stop):
                before = self._asked.get(sequence)
                self._counters.asked_again += before is not None
                self._asked[sequence] = Ask(now, before.times + 1 if before is not None else 1)
        self._counters.requests += sum(stop - start for start, stop in due)
        return sorted((start, stop) for start, stop in due)

    def _due(self, sequence: int, late: bool, sightings: Sightings, heard: float) -> float:
        """When to ask for a missing sequence."""
        again = self._round_trip.again_s
        ask = self._asked.get(sequence)
        if ask is None:
            since = sightings.since(sequence) if late else None
            wait = _NEVER if since is None else since + self._reordering.wait_s
            return max(wait, self._resumed_at + again)
        if heard < ask.at:
            return ask.at + min(_WAIT_MAX_S, again * (1 << min(ask.times, _DOUBLINGS_MAX)))
        behind = sequence < self._resent if self._live else sequence > self._resent
        return (max(ask.at, self._resent_at) if behind else ask.at) + again

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

    def _tail(self, stream: Reassembly, now: float, last_audio: float) -> list[Range]:
        """All that was seen is there; what was lost after it shows in nothing, so ask now and then."""
        after = max(_TAIL_AFTER_S, 4 * self._round_trip.smoothed_s)
        if stream.last is not None or now - max(last_audio, self._tail_at, self._resumed_at) < after:
            return []
        self._tail_at = now
        stop = min(stream.highest + _TAIL_SEQUENCES, NUMBER_LIMIT - 1)
        if stream.highest >= stop:
            return []
        self._counters.requests += stop - stream.highest
        return [(stream.highest, stop)]
