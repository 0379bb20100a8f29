"""When to send an ACK: the sign of life, and what a source that can wait goes by (W-28)."""

from __future__ import annotations

from ._wire import ACK_INTERVAL_MS

_INTERVAL_S = ACK_INTERVAL_MS / 1000


class Acks:
    """Decides when an ACK is due. `ring_sequences` is how many hops the device's ring holds."""

    def __init__(self, ring_sequences: int) -> None:
        self._quarter = max(1, ring_sequences // 4)
        self._sent_at = float("-inf")
        self._next = 0
        self._highest = 0
        self._urgent = True

    def hurry(self) -> None:
        """Send one at the next opportunity: a stream started, resumed or ended."""
        self._urgent = True

    def due(self, next_wanted: int, highest: int, now: float, ended: bool) -> bool:
        """Is it time? If so, the ACK counts as sent. `ended`: only what was hurried is still worth one."""
        if not self._urgent:
            if ended:
                return False
            moved = max(next_wanted - self._next, highest - self._highest)
            if moved < self._quarter and now - self._sent_at < _INTERVAL_S:
                return False
        self._urgent = False
        self._sent_at = now
        self._next = next_wanted
        self._highest = highest
        return True
