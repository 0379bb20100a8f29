# A microphone behind machine.I2S, for the chip and for the emulated board.
#
# The I2S driver reads in the background: `arm(buf)` hands it a buffer and returns, the
# handler comes when the buffer is full. Exactly one buffer is out at a time: a second one
# would be dropped without a word. DMA goes on between, in N buffers of 256 frames, and
# drops the oldest when nobody empties them, also without a word: capture judges that by
# the clock, and needs `hold_frames` for it.
#
# From idf 5.5.2 on the driver also skips the rest of the DMA buffer that it is reading when
# the queue has one place left or none: in the middle of what it gives. So the last two
# places do not count as held, and the next buffer after a stall that reaches them is
# `spoilt`: it is thrown away, and is part of the hole. Builds before lose a buffer too
# many that way, and nothing else: which idf a build has is not asked.
import machine
from micropython import const
from ossicle.rare import passing

DMA_FRAMES = const(256)
_DMA_BUFFER_BYTES = const(2048)  # 256 frames of two 32-bit slots, mono or not
_SKIPPING_LEAST = const(4)  # buffers: with fewer a driver that skips does so all the time


class I2SMicrophone:
    # Of the N DMA buffers N - 1 can wait full while one is being filled (read in the
    # driver's source, not measured), two fewer where it `skips`.
    @passing
    def __init__(self, i2s_id, sck, ws, sd, ibuf, skips=True):
        if skips:
            ibuf = max(ibuf, _SKIPPING_LEAST * _DMA_BUFFER_BYTES)
        self._way = (i2s_id, sck, ws, sd, ibuf)  # which I2S, its pins, and bytes for DMA
        self._i2s = None
        self._rate = 0
        self._channels = 0
        self._handler = None  # of the I2S in being; irq() twice would start a second task
        buffers = max(ibuf // _DMA_BUFFER_BYTES, 2)
        self.buffer_frames = DMA_FRAMES  # frames of each buffer that arm() takes
        self.hold_frames = (buffers - (3 if skips else 1)) * DMA_FRAMES
        self.spoilt_frames = DMA_FRAMES if skips else 0
        # DMA runs from boot on: before a stream it holds old audio, and one buffer is out.
        self.stale_frames = (buffers + 1) * DMA_FRAMES
        self.ended = False  # only a source that is a file ends
        self.ring = None  # where the audio goes; only a source that can wait looks there

    # True when the I2S is a new one, so that no buffer is out any more. OSError when it
    # cannot be: the rate, or no memory for DMA.
    def open(self, rate, channels):
        if self._i2s is not None and rate == self._rate and channels == self._channels:
            return False
        self.close()
        i2s_id, sck, ws, sd, ibuf = self._way
        try:
            self._i2s = machine.I2S(
                i2s_id,
                sck=machine.Pin(sck),
                ws=machine.Pin(ws),
                sd=machine.Pin(sd),
                mode=machine.I2S.RX,
                bits=32,
                format=machine.I2S.MONO if channels == 1 else machine.I2S.STEREO,
                rate=rate,
                ibuf=ibuf,
            )
        except (AttributeError, ValueError) as error:  # there are builds without I2S
            raise OSError(str(error))
        self._rate = rate
        self._channels = channels
        return True

    def start(self, rate, channels, handler):
        fresh = self.open(rate, channels)
        if handler is not self._handler:
            self._i2s.irq(handler)
            self._handler = handler
        return fresh

    # One allocation-free call; the handler comes later, through the scheduler.
    def arm(self, buf):
        self._i2s.readinto(buf)

    # Frames in the buffer that was just completed.
    def filled(self):
        return DMA_FRAMES

    # Frames before `position` are settled with the host: a source that can wait lets W pass
    # it by no more than the ring's capacity (W-28). A microphone cannot wait.
    def acknowledged(self, position):
        pass

    # The I2S stays: its DMA memory may not be had again. The buffer that is out comes back.
    def stop(self):
        pass

    def close(self):
        if self._i2s is not None:
            self._i2s.deinit()
        self._i2s = None
        self._handler = None
