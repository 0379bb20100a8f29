# A microphone that is no microphone: sample n of a channel is a fixed function of n, the one of
# host/ossicle/pattern.py with key 0. So a host can check every sample that a board sends, with
# nothing wired to it.
#
# It is paced by the clock as DMA would be: buffers of 256 frames become full in time, so many of
# them wait as an I2S of this `ibuf` would hold, and when there are more the oldest is lost. The
# loop hands them on when it comes round.
from array import array

import micropython
from micropython import const

_MASK = const(0x3FFFFFFF)
_HALF = const(0x20000000)
_FRAMES = const(256)  # in a buffer
_DMA_BUFFER_BYTES = const(2048)
_FRAMES_US = const(256000000)  # how long the buffer is, times the rate

# What gives the pattern back bit for bit (W-44).
_PLAIN = {"shift": 16, "dc_blocker": False, "gain": 256, "late": 0, "slot": "left", "warmup_ms": 0}


# Frames of the pattern as slots, a sample in the upper half of each: `args` has the byte at which
# they go into `buf`, the first frame, how many, the channels, and the key. Every product stays
# below 2**30, so a build of any word size gives the same.
@micropython.viper
def fill(buf: ptr32, args: ptr32):
    frames = int(args[2])
    channels = int(args[3])
    key = int(args[4])
    c = 0
    while c < channels:
        at = (int(args[0]) >> 2) + c
        place = int(args[1]) + c * 0x15555555
        left = frames
        while left > 0:
            low = (place & 0x7FFF) ^ key
            high = (place >> 15) & 0x7FFF
            low ^= (high * 25717 + 13849) >> 8 & 0x7FFF
            high ^= (low * 25717 + 27211) >> 8 & 0x7FFF
            low ^= (high * 25717 + 5077) >> 8 & 0x7FFF
            high ^= (low * 25717 + 31337) >> 8 & 0x7FFF
            buf[at] = (((low << 1) ^ high) & 0xFFFF) << 16
            at += channels
            place += 1
            left -= 1
        c += 1


# As I2SMicrophone, and poll() besides. It sets the keys of `config` that shape the sound.
class PatternMicrophone:
    buffer_frames = _FRAMES
    stale_frames = 0
    ended = False

    def __init__(self, clock, config):
        for key in _PLAIN:
            setattr(config, key, _PLAIN[key])
        self._clock = clock
        self._hold = max(config.ibuf // _DMA_BUFFER_BYTES, 2) - 1  # buffers
        self.hold_frames = self._hold * _FRAMES
        self.ring = None
        self._args = array("i", (0, 0, _FRAMES, 1, 0))
        self._buf = None  # the one that is out
        self._waiting = 0  # buffers that are full
        self._begun = False  # the clock of the stream runs
        self._due_us = 0  # when the next one is full
        self._rest = 0  # of a buffer's time, in 1/rate us
        self.dropped_frames = 0  # that were lost while the loop stalled; modulo 2**30

    # Each stream begins at frame 0.
    def start(self, rate, channels, handler):
        self._rate = rate
        self._handler = handler
        self._args[1] = 0
        self._args[3] = channels
        self._buf = None
        self._waiting = 0
        self._begun = False
        self._rest = 0
        return True

    def arm(self, buf):
        self._buf = buf
        if not self._begun:
            self._begun = True
            self._due_us = self._clock.capture_us()
            self._next()

    # What does not divide is carried over.
    def _next(self):
        whole = _FRAMES_US + self._rest
        self._rest = whole % self._rate
        self._due_us = (self._due_us + whole // self._rate) & _MASK

    # From the loop: what is full is handed on. Allocates nothing.
    def poll(self):
        if not self._begun:
            return
        now_us = self._clock.capture_us()
        args = self._args
        while (now_us - self._due_us) & _MASK < _HALF:
            self._next()
            if self._waiting < self._hold:
                self._waiting += 1
            else:
                args[1] = (args[1] + _FRAMES) & _MASK
                self.dropped_frames = (self.dropped_frames + _FRAMES) & _MASK
        while self._waiting and self._buf is not None:
            buf = self._buf
            self._buf = None
            self._waiting -= 1
            fill(buf, args)
            args[1] = (args[1] + _FRAMES) & _MASK
            self._handler(None)

    def filled(self):
        return _FRAMES

    def acknowledged(self, position):
        pass

    def stop(self):
        self._begun = False
        self._buf = None

    def close(self):
        self.stop()
