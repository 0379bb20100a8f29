# micropython.schedule() with the chip's eight places, for what the interrupt thread plays:
# the unix port has four of its own. What does not fit is refused, as there.
#
# One item waits in the real queue for each that is here, as far as it has room, and each
# runs all that are here. The thread alone puts in, the main program alone takes out, so
# each has a counter of its own and nothing is locked.

import utime
from micropython import const, schedule

from emulation import settings
from record import STORM, Tally

_MASK = const(0x3FFFFFFF)
_POLL_US = const(50)
_PATIENCE_MS = const(1000)


class Scheduler:
    def __init__(self):
        self._depth = settings["scheduler_depth"]
        self._calls = [None] * self._depth
        self._arguments = [0] * self._depth
        self._in = 0  # the thread's
        self._out = 0  # the main program's
        self._run_ref = self._run
        self._hold_ref = self._hold
        self._nothing_ref = self._nothing
        self._storms = settings["storms"]
        self._hold_ms = 0  # of the storm in force; the main program puts it to -1 when it has begun
        self._storm = Tally(STORM)

    # From the thread: False where there is no room.
    def post(self, call, argument):
        if (self._in - self._out) & _MASK >= self._depth:
            return False
        at = self._in % self._depth
        self._calls[at] = call
        self._arguments[at] = argument
        self._in = (self._in + 1) & _MASK
        try:
            schedule(self._run_ref, 0)
        except RuntimeError:
            pass  # as many wait there as it has places: each of them runs this one too
        return True

    def _run(self, _):
        while self._out != self._in:
            at = self._out % self._depth
            call = self._calls[at]
            argument = self._arguments[at]
            self._out = (self._out + 1) & _MASK
            call(argument)

    # From the thread, before it posts callback `number`: where a storm is planned, some
    # other driver's callback runs for so long, and more of its kind take every place.
    def weather(self, number):
        for storm in self._storms:
            if storm[0] == number:
                self._hold_ms = storm[1]
                self.post(self._hold_ref, 0)
                start_ms = utime.ticks_ms()
                while self._hold_ms > 0 and utime.ticks_diff(utime.ticks_ms(), start_ms) < _PATIENCE_MS:
                    utime.sleep_us(_POLL_US)
                while self.post(self._nothing_ref, 0):
                    pass
                self._storm.strike()

    def _hold(self, _):
        ms = self._hold_ms
        self._hold_ms = -1
        start_ms = utime.ticks_ms()
        while utime.ticks_diff(utime.ticks_ms(), start_ms) < ms:
            utime.sleep_us(_POLL_US)

    def _nothing(self, _):
        pass
