# How long the firmware's own expectation goes without a false loss: the real capture and ring,
# a simulated I2S and a simulated clock. Prints one line of figures; CPython judges them.
#
# Arguments: rate ppm seconds seed hop. `ppm` is how much faster the microphone
# is than the clock that the firmware reads.
import sys

from ossicle.capture import Capture
from ossicle.ring import Ring

_M30 = 0x3FFFFFFF
_BUFFER = 256
_HELD = 19  # DMA buffers


class Mic:
    buffer_frames = _BUFFER
    hold_frames = _HELD * _BUFFER
    stale_frames = 0
    ended = False

    def start(self, rate, channels, handler):
        self.handler = handler
        return True

    def arm(self, buf):
        buf[-4] = 1  # the sentinel is gone: something was delivered

    def filled(self):
        return _BUFFER

    def stop(self):
        pass


class Clock:
    def __init__(self):
        self.now_us = 0

    def capture_us(self):
        return self.now_us & _M30

    def ms(self):
        return self.now_us // 1000 & _M30


class Config:
    shift = 14
    dc_blocker = True
    slot = "left"
    late = 0
    gain = 256
    warmup_ms = 0


# 31-bit and deterministic: the unix port's random module is not everywhere.
class Random:
    def __init__(self, seed):
        self._state = seed * 2 + 1

    def below(self, limit):
        self._state = (self._state * 69069 + 12345) & 0x3FFFFFFF
        return (self._state >> 8) * limit >> 22


def run(rate, ppm, seconds, seed, hop):
    clock = Clock()
    mic = Mic()
    ring = Ring(33792)
    ring.configure(1, hop, 0)
    capture = Capture(mic, ring, clock, Config())
    capture.open(rate, 1)
    random = Random(seed)
    # Device buffers are full at start + n * period; nanoseconds, which are big integers here.
    period_ns = _BUFFER * 1000000000 * 1000000 // (rate * (1000000 + ppm))
    start_us = _M30 - 5000000  # the clock wraps at once
    clock.now_us = start_us
    capture.begin()
    handled = 0
    now_us = start_us
    worst_us = 0
    stalls = 0
    handler = mic.handler
    until = seconds * 1000000000 // period_ns
    again = 500
    while handled < until:
        full_us = start_us + (handled + 1) * period_ns // 1000
        late_us = 20 + random.below(800)
        if random.below(50) == 0:
            late_us += random.below(9000)
        if full_us > now_us:
            now_us = full_us
        now_us += late_us
        if handled > again:  # a stall that DMA bridges
            again = handled + 300 + random.below(600)
            now_us += random.below(_HELD - 4) * period_ns // 1000
            stalls += 1
        clock.now_us = now_us
        handler(None)
        handled += 1
        if handled % 5000 == 0:
            # The time of the frame that came last, by the firmware and in truth.
            true_us = start_us + handled * period_ns // 1000
            off = (capture.ticks_us(ring.written) - true_us) & _M30
            off = off - _M30 - 1 if off > _M30 // 2 else off
            if abs(off) > abs(worst_us):
                worst_us = off
    holes, lost = ring.holes, capture.lost_frames
    # And a loss that is one is found: half a second in which nothing is read.
    now_us += 500000
    gone = (now_us - start_us) * 1000 // period_ns - handled  # buffers that came meanwhile
    handled += gone - _HELD
    for _ in range(60):
        full_us = start_us + (handled + 1) * period_ns // 1000
        now_us = max(now_us, full_us) + 50
        clock.now_us = now_us
        handler(None)
        handled += 1
    print(rate, ppm, handled, stalls, holes, lost, worst_us, (gone - _HELD) * _BUFFER, capture.lost_frames)


run(*[int(argument) for argument in sys.argv[1:]])
