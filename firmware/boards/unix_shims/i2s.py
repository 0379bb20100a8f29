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
# Debian's MicroPython has no lock around the interpreter. So the thread and
# the firmware share counters that only one of them writes, and buffers that
# pass from one to the other by such a counter.

import _thread
import os
import utime
from array import array
from micropython import const, schedule

from emulation import clock, flat_out, settings
from kernels import fill
from record import BEGUN, CAPTURED, DROPPED, Record

_FRAMES = const(256)  # in a DMA buffer
_MASK = const(0x3FFFFFFF)
_ENDED = const(0x10000)  # in a callback's argument: the source has ended with this buffer
_HELD_UP_US = const(100000)  # the thread catches up when it is late, but by no more than this
_POLL_US = const(300)
_MARGIN = const(1024)  # frames by which the firmware's estimate of a hole may be off, and more
_JOIN_MS = const(2000)


class I2S:
    RX = const(1)
    TX = const(2)
    MONO = const(0)
    STEREO = const(1)

    def __init__(self, id, *, sck, ws, sd, mode, bits, format, rate, ibuf):
        if mode != I2S.RX or bits != 32 or format not in (I2S.MONO, I2S.STEREO):
            raise ValueError("the emulated I2S receives 32-bit slots only")
        if rate != settings["rate"]:
            raise OSError("the emulated source runs at %d Hz" % settings["rate"])
        source = settings["channels"]
        # fixed; the thread reads them
        self._slot_bytes = 4 * source  # of a frame in the file
        self._frame_bytes = 4 if format == I2S.MONO else 8  # of a frame in the firmware's buffer
        pattern = settings["pattern"]
        self._total = pattern[0] if pattern else os.stat(settings["slots"])[6] // self._slot_bytes  # frames
        # frames that DMA holds beside the buffer that is being filled
        self._hold = (max(ibuf // 2048, 2) - 1) * _FRAMES
        self._rate = rate
        self._stalls = settings["stalls"]
        self._losses = settings["lost_callbacks"]
        self._late_us = min(_HELD_UP_US, self._hold * 1000 // rate * 500)
        # the thread's own
        self._file = None if pattern else open(settings["slots"], "rb", buffering=0)
        self._fill = array("i", (0, 0, 0, self._frame_bytes // 4, pattern[1] if pattern else 0))
        self._record = Record()
        self._at = 0  # frame at which the file stands
        self._scratch = bytearray(_FRAMES * self._slot_bytes)
        self._head = 0  # frames captured
        self._tail = 0  # frames fetched from DMA, or dropped there
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
        self.lost_callbacks = 0
        self.dropped_frames = 0  # by DMA: the chip cannot tell; tests can ask
        # written by the firmware, read by the thread
        self._slot = [None]  # the queue of depth 1
        self._posted = 0  # buffers put into the queue
        self._on = True
        self._settled = -1  # frames captured, when the host has settled all of them
        self._limit = -1  # frames: flat out no more than these are captured; -1: any number
        # the firmware's own
        self._handler = None
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
        if self._posted == self._taken:
            self._slot[0] = buf
            self._posted = (self._posted + 1) & _MASK
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
        if self._file:
            self._file.close()

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
        while self._head - self._tail > self._hold:
            self._record.write(DROPPED, self._tail, self._due_us, _FRAMES)
            self._tail += _FRAMES
            self.dropped_frames += _FRAMES
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
        self._remainder = whole % self._rate
        return whole // self._rate

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

    def _fetch(self, frames):
        # Frames from DMA into the buffer. DMA holds positions; what is there lies in the file.
        if self._file is None:
            args = self._fill
            args[0] = self._got * self._frame_bytes
            args[1] = self._tail
            args[2] = frames
            fill(self._current, args)
            self._got += frames
            self._tail += frames
            return
        if self._at != self._tail:
            # from where it stands: an absolute place may be beyond a 32-bit seek
            self._file.seek((self._tail - self._at) * self._slot_bytes, 1)
        if self._slot_bytes == self._frame_bytes and not self._got:
            self._file.readinto(self._current, frames * self._slot_bytes)
        else:
            left = frames
            while left:
                part = min(left, _FRAMES)
                self._file.readinto(self._scratch, part * self._slot_bytes)
                self._spread(part)
                left -= part
            self._got -= frames
        self._got += frames
        self._tail += frames
        self._at = self._tail

    def _spread(self, frames):
        # Left slots to MONO; a one-channel file to the left slots of STEREO, where the right ones are silent.
        out = self._current
        put = self._got * self._frame_bytes
        get = 0
        slots = min(self._slot_bytes, self._frame_bytes)
        for _ in range(frames):
            for i in range(self._frame_bytes):
                out[put + i] = self._scratch[get + i] if i < slots else 0
            put += self._frame_bytes
            get += self._slot_bytes
        self._got += frames

    def _call(self, argument):
        number = self._callbacks
        self._callbacks = number + 1
        if number not in self._losses:
            try:
                schedule(self._fire_ref, argument)
                return
            except RuntimeError:
                pass  # the queue is full
        self._filled = argument & 0xFFFF
        if argument & _ENDED:
            self.ended = True
        self.lost_callbacks += 1
