# When a link on a network is dead, and when to try again (W-55): between two attempts an
# eighth of the time that the link has been away, so that a short outage costs little more
# than itself, and a long one does not keep the device busy.
from micropython import const

from ossicle._wire import RECONNECT_MAX_MS, RECONNECT_MIN_MS, SILENCE_MS

_MASK = const(0x3FFFFFFF)
_AWAY_MAX_MS = const(40000)  # an eighth of it is above the longest wait


class Away:
    # All times in ms on the link's clock, modulo 2**30.
    def __init__(self):
        self._since_ms = -1  # since when the link is away; -1: it is well, or was never up
        self._opened_ms = 0
        self._tried_ms = -1  # when the last attempt ended; -1: none yet

    # The link is open. It is well when something valid has come; until then it is still away:
    # a host that takes connections and closes them is not asked ten times a second.
    def opened(self, now_ms):
        self._opened_ms = now_ms

    def well(self):
        self._since_ms = -1

    # It is gone. The first attempt is due at once, unless the link was never well.
    def lost(self, now_ms):
        if self._since_ms < 0:
            self._since_ms = now_ms
            self._tried_ms = -1

    # An attempt has ended.
    def tried(self, now_ms):
        if self._since_ms < 0:
            self._since_ms = now_ms
        self._tried_ms = now_ms

    # Nothing valid for silence_ms, although it is open.
    def is_dead(self, now_ms, heard_ms):
        if (now_ms - heard_ms) & _MASK < SILENCE_MS:
            if (now_ms - heard_ms) & _MASK < (now_ms - self._opened_ms) & _MASK:
                self.well()
            return False
        return (now_ms - self._opened_ms) & _MASK >= SILENCE_MS

    # Whether the next attempt may begin.
    def due(self, now_ms):
        if self._tried_ms < 0:
            return True
        away_ms = (now_ms - self._since_ms) & _MASK
        if away_ms > _AWAY_MAX_MS:
            self._since_ms = (now_ms - _AWAY_MAX_MS) & _MASK
            away_ms = _AWAY_MAX_MS
        wait_ms = min(max(away_ms >> 3, RECONNECT_MIN_MS), RECONNECT_MAX_MS)
        return (now_ms - self._tried_ms) & _MASK >= wait_ms
