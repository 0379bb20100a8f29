# When a link on a network is dead, and when to try again (W-55): between two attempts an
# eighth of the time that the link has been away, so that a short outage costs little more
# than itself, and a long one does not keep the device busy.
from micropython import const

from ossicle._wire import RECONNECT_MAX_MS, RECONNECT_MIN_MS, SILENCE_MS
from ossicle.rare import passing, rare

_MASK = const(0x3FFFFFFF)
_AWAY_MAX_MS = const(40000)  # an eighth of it is above the longest wait
_ATTEMPT_MIN_MS = const(1000)
_ATTEMPT_MAX_MS = const(8000)


class Away:
    # All times in ms on the link's clock, modulo 2**30.
    @passing
    def __init__(self):
        self._since_ms = -1  # since when it is away; -1: it is well, or there was no attempt yet
        self._opened_ms = 0
        self._well = False
        self._tried_ms = -1  # when the last attempt ended; -1: the next is due at once
        self._wait_ms = 0  # from then to the next

    # It is open. But it is well only when something valid has come: a host that takes
    # connections and closes them is not asked ten times a second.
    def opened(self, now_ms):
        self._opened_ms = now_ms

    def well(self):
        self._well = True
        self._since_ms = self._tried_ms = -1

    # It is not open any more, or an attempt to open it has failed. Where it was well the next
    # attempt is due at once.
    @rare("dial")
    def lost(self, now_ms):
        if self._since_ms < 0:
            self._since_ms = now_ms
        if not self._well:
            self._tried_ms = now_ms
            self._wait_ms = min(max(self.away_ms(now_ms) >> 3, RECONNECT_MIN_MS), RECONNECT_MAX_MS)
        self._well = False

    # What stood in the way of any attempt is over.
    def hurry(self):
        self._tried_ms = -1

    # Of an open link: nothing valid has come for silence_ms.
    def is_dead(self, now_ms, heard_ms):
        silent_ms = (now_ms - heard_ms) & _MASK
        open_ms = (now_ms - self._opened_ms) & _MASK
        if silent_ms < open_ms and not self._well:
            self.well()
        return silent_ms >= SILENCE_MS and open_ms >= SILENCE_MS

    # How long it has been away, at most 40 s.
    def away_ms(self, now_ms):
        if self._since_ms < 0:
            return 0
        away_ms = (now_ms - self._since_ms) & _MASK
        if away_ms > _AWAY_MAX_MS:
            away_ms = _AWAY_MAX_MS
            self._since_ms = (now_ms - away_ms) & _MASK  # the difference must not wrap
        return away_ms

    # Whether the next attempt may begin.
    def due(self, now_ms):
        return self._tried_ms < 0 or (now_ms - self._tried_ms) & _MASK >= self._wait_ms

    # Whether an attempt that began then has had its time: a second, on a slow way more.
    def is_late(self, now_ms, began_ms):
        patience_ms = min(max(self.away_ms(now_ms) >> 1, _ATTEMPT_MIN_MS), _ATTEMPT_MAX_MS)
        return (now_ms - began_ms) & _MASK >= patience_ms
