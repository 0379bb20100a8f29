# How many frames the microphone should have captured by now (W-36).
#
# The I2S driver drops audio without a word, so the only witness is the clock. E is an
# absolute count of frames, moved forward by the microseconds that have passed and held to
# the frames that came by a slow filter while everything runs smoothly. So a clock that
# runs fast or slow is learned (phase in about a second, rate in about a minute) and never
# taken for loss, and after a stall E goes on at the learned rate.
#
# A hole is rounded twice: to whole DMA buffers, as they are lost, and to a hop boundary,
# as W-37 wants. What the hop rounding adds or leaves out is kept in `residual` and goes into the
# next hole. Whether the right number of buffers was counted shows when DMA is empty again:
# then E - W is the residual and nothing more, or off by whole buffers, and `residual` takes
# those up. So rounding never adds up, however many holes there are.
#
# Everything is an integer below 2**30: E is modulo 2**30 with a fraction in millionths of
# a frame; phase errors are in 1/256 frame; the rate correction in 1/4096 ppm.
from micropython import const

_MASK = const(0x3FFFFFFF)
_HALF = const(0x20000000)
_MILLION = const(1000000)

_ERROR_MAX = const(4096)  # 16 frames: one late callback moves the filter by no more
_PHASE_GAIN = const(61)  # of 3906 millionths in 1/256 frame: 1/64
_RATE_SHIFT = const(2)
_RATE_MAX = const(2048000)  # 500 ppm
_RATE_FRAMES_MAX = const(0x1FFFFF)  # a longer stall is corrected as far as this
_SETTLED = const(8)  # smooth callbacks that end a stall


class Expectation:
    # All attributes are the I2S callback's; the loop reads them.
    def __init__(self):
        self.start(16000, 256, 512, 0, 0)

    # The first buffer has just come, at `now_us`, and with it W stands at `written`.
    def start(self, rate, buffer_frames, hold_frames, now_us, written):
        self._rate = rate
        self._buffer = buffer_frames
        self._hold = hold_frames
        buffer_us = buffer_frames * 1000 // rate * 1000 + buffer_frames * 1000 % rate * 1000 // rate
        self._buffer_us = buffer_us
        self.now_us = now_us  # when E was last moved
        self.frames = written  # E
        self._part = 0  # E's fraction
        self._correction = 0  # of the rate
        self.residual = 0  # E - W where DMA is empty: what the last holes left out
        self._smooth = 0  # smooth callbacks in a row
        self._check = False  # the last hole's count of buffers is not yet checked
        self._least = 0  # smallest E - W - residual seen while checking

    # A buffer has come at `now_us`, and with it W stands at `written`. The frames that are
    # lost, in whole DMA buffers; 0 nearly always.
    def judge(self, now_us, written):
        passed_us = (now_us - self.now_us) & _MASK
        self._advance(passed_us)
        self.now_us = now_us
        ahead = self._ahead(written)
        if ahead < -(self._buffer >> 1) and not self._check:  # what has come was captured
            self.frames = (self.frames - ahead) & _MASK
            ahead = 0
        buffer_us = self._buffer_us
        if -(buffer_us // 4) <= passed_us - buffer_us <= buffer_us // 4:
            self._follow(ahead)
            return 0
        self._smooth = 0
        if passed_us < buffer_us + buffer_us // 2:  # a stall is half a buffer late, or more
            return 0
        buffers = (ahead - self._hold + (self._buffer >> 3)) // self._buffer  # E may be a bit behind
        return buffers * self._buffer if buffers > 0 else 0

    # `lost` frames became a hole of `hole` frames.
    def holed(self, lost, hole):
        self.residual += lost - hole
        self._check = True
        self._least = _HALF

    # Frames that E is ahead of W, when no hole is open.
    def _ahead(self, written):
        ahead = (self.frames - written - self.residual) & _MASK
        return ahead - _HALF - _HALF if ahead >= _HALF else ahead

    def _advance(self, passed_us):
        rate = self._rate
        seconds = passed_us // _MILLION
        passed_us -= seconds * _MILLION
        thousandths = passed_us // 1000 * rate
        part = thousandths % 1000 * 1000 + passed_us % 1000 * rate + self._part
        frames = seconds * rate + thousandths // 1000
        if frames > _RATE_FRAMES_MAX:
            drift = (_RATE_FRAMES_MAX >> 4) * (self._correction >> 8)
        else:
            drift = (frames >> 4) * (self._correction >> 8)
        part += drift % _MILLION
        self._part = part % _MILLION
        self.frames = (self.frames + frames + part // _MILLION + drift // _MILLION) & _MASK

    # A smooth callback: hold E to W.
    def _follow(self, ahead):
        self._smooth += 1
        if self._check:
            if ahead < self._least:
                self._least = ahead
            if self._smooth < _SETTLED:
                return
            buffers = (self._least + (self._buffer >> 1)) // self._buffer
            self.residual += buffers * self._buffer
            ahead -= buffers * self._buffer
            self._check = False
        if self._smooth < 2:
            return
        error = _ERROR_MAX
        if ahead < 16:
            error = (ahead << 8) + self._part // 3907 if ahead > -16 else -_ERROR_MAX
        correction = self._correction - (error >> _RATE_SHIFT)
        if correction > _RATE_MAX:
            correction = _RATE_MAX
        elif correction < -_RATE_MAX:
            correction = -_RATE_MAX
        self._correction = correction
        part = self._part - error * _PHASE_GAIN
        self._part = part % _MILLION
        self.frames = (self.frames + part // _MILLION) & _MASK

    # When the frame at `position` was captured. Only now_us, frames and residual of one
    # moment belong together: the caller looks whether now_us has changed meanwhile.
    def ticks_us(self, position):
        frames = (self.frames - self.residual - position) & _MASK
        if frames >= _HALF:
            return self.now_us
        rate = self._rate
        thousandths = frames % rate * 1000
        us = thousandths // rate * 1000 + thousandths % rate * 1000 // rate
        return (self.now_us - frames // rate * _MILLION - us) & _MASK
