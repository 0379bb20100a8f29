"""How far ahead a device can be (W-56).

A chunk or a GONE with a sequence far beyond would end the recording in a gap of hours. So what is further
ahead than the ring, the time that passed and some spare allow is not believed.

A device may be further ahead all the same: this host was asleep while its clock stood still, or the source
runs flat out and skipped. So when one packet after the other is not believed, the host is in `doubt`. It asks
by a START that resumes, whose answer only the device can give (its token is random), and then believes once.
"""

from __future__ import annotations

_SPARE_SEQUENCES = 64
_DOUBT_AFTER = 3


class Horizon:
    """The limit of one stream, whose ring holds `ring_sequences` hops of `hop_s` seconds each."""

    def __init__(self, ring_sequences: int, hop_s: float) -> None:
        self._spare = ring_sequences + _SPARE_SEQUENCES
        self._hop_s = hop_s
        self._heard_at: float | None = None  # the last audio, or when the stream began
        self._refused = 0  # one after the other
        self._trusting = False

    def hides(self, stop: int, highest: int, now: float) -> bool:
        """Is it impossible that sequences up to `stop` exist, where `highest` of them were seen?"""
        if stop <= highest:
            return False
        if self._heard_at is None:
            self._heard_at = now
        if self._trusting or stop - highest <= self._spare + 2 * (now - self._heard_at) / self._hop_s:
            return False
        self._refused += 1
        return True

    def believed(self, now: float) -> None:
        """A chunk was taken."""
        self._heard_at = now
        self._refused = 0
        self._trusting = False

    @property
    def doubt(self) -> bool:
        """Too much was not believed: the device should be asked."""
        return self._refused >= _DOUBT_AFTER

    def settle(self, now: float) -> None:
        """The device has answered; if there was doubt, the next chunk is believed."""
        self._trusting = self.doubt
        self._refused = 0
        self._heard_at = now
