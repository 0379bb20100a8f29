# machine.I2S for the emulated board: an interrupt thread plays the DMA, fed
# from a file of slots.
#
# What it shares with the chip (ports/esp32/machine_i2s.c): N = max(ibuf //
# 2048, 2) DMA buffers of 256 frames, of which one is always being filled; when
# the firmware does not fetch them the oldest is dropped, and nothing says so;
# a readinto returns at once, is worked on by a task behind a queue of depth 1,
# and is dropped without a word when both are occupied; the callback comes
# through micropython.schedule, between any two lines, and is lost when its
# queue is full.
#
# With `i2s_skip` it reads as idf 5.5.2 and later (known of the read in
# i2s_common.c: a queue of N - 1 places with at most one free makes each read go
# to the next buffer; the reads are 240 bytes of 8-byte frames): what is left of
# the DMA buffer that is being read is skipped then, in the middle of a callback's buffer.
#
# Debian's MicroPython has no lock around the interpreter. So the thread and
# the firmware share counters that only one of them writes, and buffers that
# pass from one to the other by such a counter.

import _thread
import errno
import utime
from micropython import const

from emulation import clock, flat_out, settings
from record import BEGUN, CALLBACK_LOST, CAPTURED, DROPPED, I2S_FAILED, I2S_SKIPPED, REQUEST_LOST
from record import Record, Tally
from scheduler import Scheduler
from source import Source

_FRAMES = const(256)  # in a DMA buffer
_MASK = const(0x3FFFFFFF)
_ENDED = const(0x10000)  # in a callback's argument: the source has ended with this buffer
_HELD_UP_US = const(100000)  # the thread catches up when it is late, but by no more than this
_POLL_US = const(300)
_MARGIN = const(1024)  # frames by which the firmware's estimate of a hole may be off, and more
_JOIN_MS = const(2000)
_READ = const(30)  # frames that the driver reads at a time

_failed = Tally(I2S_FAILED)


class I2S:
    RX = const(1)
    TX = const(2)
    MONO = const(0)
    STEREO = const(1)

    def __init__(self, id, *, sck, ws, sd, mode, bits, format, rate, ibuf):
        if mode != I2S.RX or bits != 32 or format not in (I2S.MONO, I2S.STEREO):
            raise ValueError("the emulated I2S receives 32-bit slots only")
        if rate != settings["rate"] and not settings["endless"]:
            raise OSError("the emulated source runs at %d Hz" % settings["rate"])
        if _failed.count < settings["i2s_failures"]:
            _failed.strike()
            raise OSError(errno.ENOMEM, "ESP_ERR_NO_MEM")
        # fixed; the thread reads them
        self._frame_bytes = 4 if format == I2S.MONO else 8  # of a frame in the firmware's buffer
        self._source = Source(self._frame_bytes)
        self._total = self._source.total  # frames
        # frames that DMA holds beside the buffer that is being filled
        self._hold = (max(ibuf // 2048, 2) - 1) * _FRAMES
        self._rate = rate
        self._true_rate = settings["true_rate"] or rate
        self._stalls = settings["stalls"]
        self._losses = settings["lost_callbacks"]
        self._refusals = settings["lost_requests"]
        self._skips = settings["i2s_skip"]
        self._late_us = min(_HELD_UP_US, self._hold * 1000 // rate * 500)
        # the thread's own
        self._record = Record()
        self._scheduler = Scheduler()
        self._skipped = Tally(I2S_SKIPPED)
        self._lost = Tally(CALLBACK_LOST)
        self._head = 0  # frames captured
        self._tail = 0  # frames fetched from DMA, or dropped or skipped there
        self._current = None  # the buffer being filled
        self._got = 0  # frames in it
        self._remainder = 0  # of a DMA buffer's time, in 1/rate us
        self._capture_us = 0  # of the last DMA buffer
        self._due_us = 0  # when the next DMA buffer is full, real us
        self._stall = 0  # index of the next stall
        self._stall_stop = -1  # head at which the stall in force ends; -1: none
        self._withheld = [0, 0]  # arguments of callbacks that a stall holds back
        self._withholds = 0
        self._callbacks = 0  # completed buffers
        self._finished = False  # the last frame has been fetched
        self._fire_ref = self._fire
        # written by the thread, read by the firmware
        self._taken = 0  # buffers taken from the queue
        self._done = False  # the thread has ended
        self.dropped_frames = 0  # by DMA, or skipped: the chip cannot tell; tests can ask
        # written by the firmware, read by the thread
        self._slot = [None]  # the queue of depth 1
        self._posted = 0  # buffers put into the queue
        self._on = True
        self._settled = -1  # frames captured, when the host has settled all of them
        self._limit = -1  # frames: flat out no more than these are captured; -1: any number
        # the firmware's own
        self._handler = None
        self._requests = 0
        self._refused = Tally(REQUEST_LOST)
        self._filled = 0
        self.ended = False  # the buffer of the last callback held the source's last frame

    # ---- as on the chip

    def irq(self, handler):
        started = self._handler is not None
        self._handler = handler
        if not started and handler is not None:
            self._capture_us = clock.us()
            self._record.write(BEGUN, self._total, utime.ticks_us(), self._rate)
            clock.mark(self._capture_us, utime.ticks_us())
            if not flat_out:
                clock.limit_us = self._late_us + _FRAMES * 1000000 // self._rate
            self._due_us = utime.ticks_add(utime.ticks_us(), self._period_us(min(_FRAMES, self._total)))
            _thread.start_new_thread(self._interrupts, ())

    def readinto(self, buf):
        if self._handler is None:
            raise OSError("the emulated I2S has no blocking mode")
        number = self._requests
        self._requests = number + 1
        if self._posted == self._taken and number not in self._refusals:
            self._slot[0] = buf
            self._posted = (self._posted + 1) & _MASK
        else:
            self._refused.strike()
        return len(buf)

    def deinit(self):
        if not self._on:
            return
        self._on = False
        start_ms = utime.ticks_ms()
        while self._handler is not None and not self._done:
            if utime.ticks_diff(utime.ticks_ms(), start_ms) > _JOIN_MS:
                raise OSError("the interrupt thread does not end")
            utime.sleep_ms(1)
        clock.limit_us = -1
        clock.stalled = False
        self._source.close()

    # ---- what only an emulator has

    def filled(self):
        # frames in the buffer of the callback that runs
        return self._filled

    def allow(self, frames, settled):
        # Flat out the source waits before it captures more than this in all. A stall has no such limit, but
        # one that does not fit begins only when the host has settled all of the `settled` frames captured: in
        # real time it would have.
        self._limit = frames
        self._settled = settled

    def handed_out(self):
        return self._tail - self.dropped_frames

    def lost_callbacks(self):
        return self._lost.count

    def refused_requests(self):
        return self._refused.count

    def _fire(self, argument):
        if not self._on:
            return
        self._filled = argument & 0xFFFF
        if argument & _ENDED:
            self.ended = True
        self._handler(self)

    # ---- the interrupt thread

    def _interrupts(self):
        while self._on:
            wait_us = self._flat_out() if flat_out else self._real_time()
            if wait_us:
                utime.sleep_us(wait_us)
        self._done = True

    def _real_time(self):
        now_us = utime.ticks_us()
        late_us = utime.ticks_diff(now_us, self._due_us)
        if late_us > self._late_us:
            # The machine held this process up; the microphone is held up with it.
            self._due_us = utime.ticks_add(now_us, -self._late_us)
            late_us = self._late_us
        if late_us >= 0 and self._head < self._total:
            self._capture()
            self._serve()
            return 0
        self._serve()
        if late_us >= 0 or self._head != self._tail:
            return _POLL_US  # the firmware's turn
        return -late_us

    def _flat_out(self):
        self._serve()
        if self._stall_stop >= 0:
            self._capture()
            return 0
        if self._current is None or self._tail != self._head or self._head == self._total:
            return _POLL_US // 4
        wanted = _FRAMES
        if self._stall_next():
            wanted = 0 if self._head == self._settled else self._stalls[self._stall][1] + _MARGIN
        if 0 <= self._limit < self._head + wanted:
            return _POLL_US
        self._capture()
        return 0

    def _stall_next(self):
        return self._stall < len(self._stalls) and self._head >= self._stalls[self._stall][0]

    def _capture(self):
        # One DMA buffer is full. The stall in force ends, or one begins, here.
        frames = min(_FRAMES, self._total - self._head)
        if self._stall_stop < 0 and self._stall_next():
            self._stall_stop = self._head + self._stalls[self._stall][1]
            self._stall += 1
            clock.stalled = True
        self._head += frames
        self._capture_us = (self._capture_us + self._period_us(frames)) & _MASK
        clock.mark(self._capture_us, self._due_us)
        self._record.write(CAPTURED, self._head, utime.ticks_us() if flat_out else self._due_us, self._tail)
        while self._head - self._tail - self._rest() > self._hold:
            if self._rest():  # the next read does that, for the queue is full
                self._skip()
            self._drop(_FRAMES)
        if self._stall_stop >= 0 and (self._head >= self._stall_stop or self._head == self._total):
            self._serve()
            self._stall_stop = -1
            for i in range(self._withholds):
                self._call(self._withheld[i])
            self._withholds = 0
            clock.stalled = False
        if self._head == self._total:
            clock.limit_us = -1
        else:
            frames = min(_FRAMES, self._total - self._head)
            self._due_us = utime.ticks_add(self._due_us, self._period_us(frames))

    def _period_us(self, frames):
        # The time of so many frames; what does not divide is carried over.
        whole = frames * 1000000 + self._remainder
        self._remainder = whole % self._true_rate
        return whole // self._true_rate

    def _serve(self):
        # The task behind the queue: fill buffers as far as DMA has frames.
        while not self._finished:
            if self._current is None:
                if self._posted == self._taken:
                    return
                self._current = self._slot[0]
                self._got = 0
                self._taken = (self._taken + 1) & _MASK
            room = len(self._current) // self._frame_bytes - self._got
            if self._skips:
                room = self._read_skipping(room)
            frames = min(room, self._head - self._tail)
            if frames:
                self._fetch(frames)
            self._finished = self._tail == self._total
            if frames < room and not self._finished:
                return
            self._current = None
            argument = self._got | (_ENDED if self._finished else 0)
            if self._stall_stop >= 0:
                if self._withholds < len(self._withheld):  # the firmware's watchdog may take more
                    self._withheld[self._withholds] = argument
                    self._withholds += 1
            else:
                self._call(argument)

    # Frames from DMA into the buffer. DMA holds positions; what is there lies in the source.
    def _fetch(self, frames):
        self._source.fetch(self._current, self._got, self._tail, frames)
        self._got += frames
        self._tail += frames

    # What is left of the DMA buffer that is being read, where that may be skipped.
    def _rest(self):
        return min(-self._tail % _FRAMES, self._head - self._tail) if self._skips else 0

    # As the driver from idf 5.5.2 on, while the queue has at most one place free; how many
    # of the frames are still wanted. In here the queue only gets emptier.
    def _read_skipping(self, room):
        while room and self._head - self._tail - self._rest() >= self._hold - _FRAMES:
            if self._rest():
                self._skip()
            frames = min(room, _READ - self._got % _READ, self._head - self._tail)
            if not frames:
                break
            self._fetch(frames)
            room -= frames
        return room

    def _skip(self):
        self._skipped.strike()
        self._drop(self._rest())

    def _drop(self, frames):
        self._record.write(DROPPED, self._tail, self._due_us, frames)
        self._tail += frames
        self.dropped_frames += frames

    def _call(self, argument):
        number = self._callbacks
        self._callbacks = number + 1
        self._scheduler.weather(number)
        if number not in self._losses and self._scheduler.post(self._fire_ref, argument):
            return
        self._filled = argument & 0xFFFF
        if argument & _ENDED:
            self.ended = True
        self._lost.strike()
