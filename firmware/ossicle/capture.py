# From the I2S callback into the ring: convert, count, and judge what was lost before.
#
# There is one buffer: it is out with the I2S driver, or it is converted, for less than a
# millisecond. DMA holds what comes meanwhile.
# Callbacks come through micropython.schedule and can be lost when its queue is full, so
# the loop watches: a sentinel in the last slot of the buffer that is out tells whether DMA
# has been there. The watch does its work in a scheduled callback too, so that the two
# never come in the middle of each other.
import micropython
from micropython import const

from ossicle._wire import GAIN_MAX
from ossicle.expectation import Expectation
from ossicle.kernels import K_DC_ON, K_FRAMES, K_GAIN, K_INDEX, K_LATE, K_RIGHT, K_SHIFT
from ossicle.kernels import convert, mark, marked
from ossicle.rare import passing, rare

_MASK = const(0x3FFFFFFF)
_LOST_CALLBACK_MS = const(200)  # no callback for so long, on the link's clock: look at the sentinel
_STUCK_MS = const(5000)
_REARM_US = const(1000000)  # and no audio either: hand the buffer out again


class Capture:
    @passing
    def __init__(self, mic, ring, clock, config):
        self.mic = mic
        self._ring = ring
        self._clock = clock
        self.coder = None  # of the stream's codec, None for pcm16; changes while nothing runs
        self._full = mic.buffer_frames
        self._spoilt = getattr(mic, "spoilt_frames", 0)  # of what comes after a hole; counted in `lost`
        self._store = bytearray(4 * self._full)  # for one channel
        self._buffer = self._store  # as much of it as the channels need
        self._handler = self._on_buffer  # bound once: binding allocates
        self._poll = getattr(mic, "poll", None)  # of a source that has no interrupts
        self._watcher = self._on_watch
        self.rate = 0  # frames a second, of the I2S
        self.channels = 0
        self.running = False  # loop; the handler stops re-arming when it is False
        self.ended = False  # callback: the source's last buffer is in the ring
        self.expectation = Expectation()  # callback's
        # Written by the callback, read by the loop.
        self._out = False  # the buffer is out
        self._last = 0  # byte of its last slot
        self._armed_us = 0  # when it was handed out, on both clocks: a source that waits for
        self._armed_ms = 0  # the host stops the first
        self._stale = 0  # frames still to be thrown away
        self._started = False  # the first buffer of the stream has come
        self.blocks = 0  # handled to the last line; modulo 2**30
        self.lost_frames = 0
        self.rearmed = 0  # callbacks that were lost, buffers handed out again
        self.spurious = 0  # callbacks with nothing delivered
        state = ring.state
        state[K_SHIFT] = config.shift
        state[K_DC_ON] = 1 if config.dc_blocker else 0
        state[K_LATE] = config.late
        self.config = config
        self._warm_ms = config.warmup_ms  # thrown away before the next stream: the microphone wakes up
        self.amplify(256)

    # Q8, on top of the configuration's (W-44). One store, between two buffers.
    @rare("start")
    def amplify(self, gain):
        self._ring.state[K_GAIN] = min((self.config.gain * gain + 128) >> 8, GAIN_MAX)

    # Opens the microphone; OSError or MemoryError when it cannot be. Delivers nothing before
    # begin(). Another buffer for another number of channels: then none is out any more.
    # Memory that was taken for two channels is kept: it might not be had again.
    @rare("start")
    def open(self, rate, channels):
        self.stop()
        store = self._store
        buffer = self._buffer
        # The driver's one channel is the left slot.
        right = 1 if channels == 1 and self.config.slot == "right" else 0
        length = 4 * self._full * (channels + right)
        if len(store) < length:
            store = bytearray(length)
        if len(buffer) != length:
            buffer = memoryview(store)[:length]
        if self.mic.start(rate, channels + right, self._handler):
            self._out = False
            self._warm_ms = self.config.warmup_ms
        self._ring.state[K_RIGHT] = right
        self._store = store
        self._buffer = buffer
        self._last = length - 4
        self.rate = rate
        self.channels = channels

    # The ring is configured: a stream starts, with its first frame at the ring's W.
    @rare("start")
    def begin(self):
        self.lost_frames = 0
        self._stale = self.mic.stale_frames + self.rate * self._warm_ms // 1000
        self._warm_ms = 0
        self._started = False
        self.resume()

    # Goes on in the stream that is there, after the microphone was away.
    def resume(self):
        self.ended = False
        self.running = True
        self._armed_us = self._clock.capture_us()
        self._armed_ms = self._clock.ms()
        if not self._out:
            self._arm()

    def stop(self):
        if self.running:
            self.running = False
            self.mic.stop()

    def _arm(self):
        buf = self._buffer
        mark(buf, self._last)
        self._out = True
        self.mic.arm(buf)

    # The I2S handler. Nothing here allocates; the last line counts, so that a handler that
    # died on its way is seen.
    def _on_buffer(self, _):
        now_us = self._clock.capture_us()
        buf = self._buffer
        frames = self.mic.filled()
        if not self._out or (frames == self._full and marked(buf, self._last)):
            self.spurious = (self.spurious + 1) & _MASK
            return
        self._out = False
        ended = self.mic.ended
        if self.running:
            self._armed_us = now_us
            self._armed_ms = self._clock.ms()
            ring = self._ring
            index = ring.state[K_INDEX]
            stale = self._stale > 0
            if stale:
                self._stale -= frames
            else:
                ring.state[K_FRAMES] = frames
                convert(buf, ring.storage, ring.state)
            if not ended:
                self._arm()
            if not stale:
                self._take(index, frames, now_us)
            elif self._started:
                self._judge(now_us)
            self.ended = ended
        self.blocks = (self.blocks + 1) & _MASK

    # The ring has them: count, and judge.
    def _take(self, index, frames, now_us):
        ring = self._ring
        if self.coder is not None:
            self.coder.track(index, frames)
        ring.written_by_kernel(frames)
        if self._started:
            self._judge(now_us)
        else:
            self._started = True
            self.expectation.start(self.rate, self._full, self.mic.hold_frames, now_us, ring.written)

    # W is ahead by what is still to be thrown away.
    def _judge(self, now_us):
        lost = self.expectation.judge(now_us, (self._ring.written - max(self._stale, 0)) & _MASK)
        if lost:
            self._lose(lost)

    # A hole that ends at the hop boundary nearest to where audio goes on, not behind W.
    # Where that is W itself, there would be a loss and no hole to tell of it: then as much
    # audio as a hop is thrown away with it.
    def _lose(self, lost):
        ring = self._ring
        self._stale = max(self._stale, self._spoilt)
        hole = self._to_boundary(lost)
        if hole == 0:
            more = (ring.hop + self._full - 1) // self._full * self._full
            self._stale += more
            lost += more
            hole = self._to_boundary(lost)
        self.expectation.holed(lost, hole)
        ring.hole(hole)
        self.lost_frames = (self.lost_frames + hole) & _MASK

    def _to_boundary(self, lost):
        hop = self._ring.hop
        hole = self._ring.to_boundary()
        rest = lost + self.expectation.residual - hole
        return hole + (rest + (hop >> 1)) // hop * hop if rest > 0 else hole

    # From the loop: is the callback overdue?
    def watch(self):
        if not self.running or self.ended or not self._out:
            return
        if self._poll is not None:
            self._poll()
        if (self._clock.ms() - self._armed_ms) & _MASK > _LOST_CALLBACK_MS:
            try:
                micropython.schedule(self._watcher, None)
            except RuntimeError:  # the queue is full: at the next look
                pass

    def _on_watch(self, _):
        if not self.running or not self._out:
            return
        if (self._clock.ms() - self._armed_ms) & _MASK <= _LOST_CALLBACK_MS:
            return
        # The time first: audio that comes after it was read is seen in the buffer. Handing the
        # buffer out while it is out would cost the next one its place in the driver's queue.
        now_us = self._clock.capture_us()
        buf = self._buffer
        if not marked(buf, self._last):
            self.rearmed = (self.rearmed + 1) & _MASK
            self._on_buffer(None)
        elif (now_us - self._armed_us) & _MASK > _REARM_US:
            self.rearmed = (self.rearmed + 1) & _MASK
            self._armed_us = now_us
            self._stale = max(self._stale, self._full)  # what comes first follows on nothing that was heard
            self.mic.arm(buf)

    # Whether the driver has given nothing for so long that only a restart can help.
    def is_stuck(self):
        if not self.running or self.ended:
            return False
        return (self._clock.ms() - self._armed_ms) & _MASK > _STUCK_MS

    # When the frame at `position` was captured, modulo 2**30 us.
    def ticks_us(self, position):
        expectation = self.expectation
        while True:
            now_us = expectation.now_us
            ticks_us = expectation.ticks_us(position)
            if now_us == expectation.now_us:
                return ticks_us
