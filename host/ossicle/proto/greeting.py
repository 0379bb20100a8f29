"""At which speed to say HELLO on a serial line (W-34).

A device keeps the speed that was agreed until it has heard nothing for `silence_ms`; then it goes back to
the default. So for that long after the last word the agreed speed is tried three times out of four, and after
it the default. The other one gets the fourth turn, since the two sides need not have fallen silent together.
"""

from __future__ import annotations

from ._wire import HOST_REPEAT_MS, SILENCE_MS

_TURN_S = HOST_REPEAT_MS / 1000  # the answer comes within it, also at 115200
_TURNS = 4
_SILENCE_S = SILENCE_MS / 1000 + 0.25  # a margin, as a device looks at its clock now and then


class Greeting:
    """Takes turns between the speed `agreed` and the `default`; None for a link without a speed."""

    def __init__(self, default: int | None, agreed: int | None) -> None:
        self.default = default
        self.agreed = None if default is None else agreed
        self._turn = -1

    def restart(self) -> None:
        """HELLO begins again, with the speed that is likelier."""
        self._turn = -1

    def speed(self, waited_s: float, silent_s: float, failed: set[int]) -> tuple[int | None, bool]:
        """The speed to have, and whether a turn begins and wants its own HELLO.

        `waited_s` since HELLO began, `silent_s` since the device was heard; `failed` speeds are not tried.
        """
        if self.agreed is None or self.agreed in failed or self.agreed == self.default:
            return self.default, False
        turn = int(waited_s / _TURN_S)
        begins, self._turn = turn != self._turn, turn
        other = turn % _TURNS == _TURNS - 1
        return self.agreed if (silent_s < _SILENCE_S) != other else self.default, begins
