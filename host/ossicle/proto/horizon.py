"""How far ahead a device can be (W-56).

A chunk or a GONE with a sequence far beyond would end the recording in a gap of hours. So what is further
ahead than the ring, the time that passed and some spare allow is not believed.

A device may be further ahead all the same: this host was asleep and its clock stood still, or the source runs
flat out and skipped. So when one packet after the other is not believed, the host asks for all that lies
between. The device says that it is gone, and a GONE that begins where the host is, is believed.
"""

from __future__ import annotations

from ._wire import NUMBER_LIMIT
from .packets import Range

_SPARE_SEQUENCES = 64
_DOUBT_AFTER = 3


class Horizon:
    """The limit of one stream, whose ring holds `ring_sequences` hops of `hop_s` seconds each."""

    def __init__(self, ring_sequences: int, hop_s: float) -> None:
        self._spare = ring_sequences + _SPARE_SEQUENCES
        self._hop_s = hop_s
        self._heard_at: float | None = None  # the last audio, or when the stream began
        self._refused = 0  # one after the other
        self._far = 0  # where the last of them ends
        self._asked = 0  # up to here
        self._asked_at = float("-inf")

    def hides(self, start: int, stop: int, highest: int, now: float) -> bool:
        """Is it impossible that there are sequences [start, stop), where `highest` of them were seen?"""
        if stop <= highest:
            return False
        if self._heard_at is None:
            self._heard_at = now
        if stop - highest <= self._spare + 2 * (now - self._heard_at) / self._hop_s:
            return False
        if start <= highest and stop <= self._asked:
            return False
        self._refused += 1
        self._far = min(stop, NUMBER_LIMIT - 1)
        return True

    def believed(self, now: float) -> None:
        """A chunk was taken."""
        self._heard_at = now
        self._refused = self._asked = 0

    def question(self, highest: int, now: float, again_s: float) -> list[Range]:
        """What to ask for, when in doubt; not sooner than `again_s` after the last time."""
        if self._refused < _DOUBT_AFTER or now - self._asked_at < again_s or highest >= self._far:
            return []
        self._asked_at = now
        self._asked = self._far
        return [(highest, self._far)]
