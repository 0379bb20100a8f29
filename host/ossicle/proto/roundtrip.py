"""How long a device takes to answer (RFC 6298, section 2), from PINGs and from what was asked for."""

from __future__ import annotations

from ._wire import REQUEST_AGAIN_MIN_MS

_ALPHA = 1 / 8  # RFC 6298's weights of a new measurement
_BETA = 1 / 4
_K = 4
_AGAIN_MIN_S = REQUEST_AGAIN_MIN_MS / 1000
_SAMPLE_MAX_S = 10.0


class RoundTrip:
    """Smoothed round trip and its variation, in seconds.

    `spread_max_s` bounds what the variation adds before asking again: a link whose times vary wildly must
    not make the host wait until the device's ring has gone on.
    """

    def __init__(self, spread_max_s: float) -> None:
        self.smoothed_s = 0.0
        """0 before the first measurement."""
        self._variation_s = 0.0
        self._spread_max_s = spread_max_s
        self._measured = False

    def add(self, rtt_s: float) -> None:
        """Take a measurement; one that a clock that jumped has made is cut."""
        rtt_s = min(max(rtt_s, 0.0), _SAMPLE_MAX_S)
        if not self._measured:
            self._measured = True
            self.smoothed_s = rtt_s
            self._variation_s = rtt_s / 2
            return
        self._variation_s += _BETA * (abs(rtt_s - self.smoothed_s) - self._variation_s)
        self.smoothed_s += _ALPHA * (rtt_s - self.smoothed_s)

    @property
    def again_s(self) -> float:
        """After so long what was asked for is asked for again: two round trips at least (W-25)."""
        late = self.smoothed_s + min(_K * self._variation_s, self._spread_max_s)
        return max(_AGAIN_MIN_S, 2 * self.smoothed_s, late)
