# The device's ring (shared_spec/RING.md). One preallocated storage, one writer (the I2S
# callback) and one reader (the loop). Two rules hold everything together:
#
# 1. Each attribute has one writer. What the callback writes, the loop reads once into a
#    local, W before `filled`, and works with that: the callback can come between any two
#    lines. The callback itself is never interrupted by the loop.
# 2. The loop copies first and looks again after. It settles what it was overrun
#    by when it next looks.
#
# Counters are modulo 2**30. Sequences count hops and do not wrap: a place in the capture
# is a sequence and a phase (frames past that hop boundary), for R and W alike.
from array import array

from micropython import const

from ossicle._wire import CAUSE_CAPTURE, CAUSE_OVERWRITTEN, HOLES_MAX
from ossicle.kernels import C_COUNT, C_FROM, C_SIZE, C_TO, K_CAPACITY, K_CHANNELS, K_DC0, K_FRAMES
from ossicle.kernels import K_GUARD, K_INDEX, K_SIZE, copy_in, copy_out, new_state

_MASK = const(0x3FFFFFFF)
_HALF = const(0x20000000)

# A hole in the table: where it starts and where it stops, as sequence and phase.
_START = const(0)
_START_PHASE = const(1)
_STOP = const(2)
_STOP_PHASE = const(3)
_HOLE_SIZE = const(4)


class Ring:
    # `samples` is a number, or the bytearray that was claimed at boot (two bytes a sample).
    def __init__(self, samples):
        storage = bytearray(2 * samples) if isinstance(samples, int) else samples
        self.storage = storage  # int16, channels interleaved, guard at the end; kernels only
        self.samples = len(storage) // 2
        self.state = new_state()  # of `convert`; the callback's, but gain
        self._copy = array("i", (0 for _ in range(C_SIZE)))  # the loop's arguments of copy_out
        self._holes = array("i", (0 for _ in range(_HOLE_SIZE * HOLES_MAX)))  # callback
        self.configure(1, 1, 0)

    # The writer must be stopped. `capacity` in frames; `start` presets W and R.
    def configure(self, channels, hop, overlap, overflow="overwrite", capacity=None, start=0):
        if channels < 1 or hop < 1 or overlap < 0 or overflow not in ("overwrite", "reject"):
            raise ValueError("channels, hop and overlap must make a window")
        guard = hop + overlap
        if capacity is None:
            capacity = self.samples // channels - guard
            if capacity < guard:
                raise ValueError("ring too small for the window")
        guard = min(guard, capacity)
        if capacity < 1 or (capacity + guard) * channels > self.samples:
            raise ValueError("ring too small for the capacity")
        self.channels, self.hop, self.overlap = channels, hop, overlap
        self.capacity = capacity  # frames
        self.guard = guard  # frames
        self._reject = overflow == "reject"
        state = self.state
        state[K_CHANNELS], state[K_CAPACITY], state[K_GUARD] = channels, capacity, guard
        state[K_INDEX] = start % capacity  # frame index of the next write; callback
        for i in range(K_DC0, K_SIZE):
            state[i] = 0
        # Written by the callback, read by the loop.
        self.written = start & _MASK  # W, modulo 2**30
        self.filled = 0  # frames of history before W, at most the capacity
        self.holes = 0  # ever made; the last eight are in the table
        self._w_sequence = start // hop
        self._w_phase = start % hop
        self.refused = 0  # writes refused whole (reject), and their frames
        self.refused_frames = 0
        # Written and read by the loop.
        self.read_position = start & _MASK  # R, modulo 2**30
        self.sequence = start // hop  # of the chunk that R lies in
        self.phase = start % hop  # frames from that chunk's start to R
        self._hole = 0  # the first hole that does not lie wholly before R
        self.cut = False  # the last window() ended at a hole
        self.gone_cause = 0  # what the last run() found
        self.overflows = 0
        self.overwritten_frames = 0

    # -- the writer's side -------------------------------------------------------------

    # int16 frames in any buffer; the frames taken. Not for the audio path.
    def write(self, frames, n):
        if n < 0 or n * self.channels * 2 > len(memoryview(frames)) * _itemsize(frames):
            raise ValueError("n is not within the frames")
        if self._reject and n > self.free():
            self.refused += 1
            self.refused_frames += n
            return 0
        self.state[K_FRAMES] = n
        copy_in(frames, self.storage, self.state)
        self.written_by_kernel(n)
        return n

    # A kernel has put n frames into the storage and moved the write index.
    def written_by_kernel(self, n):
        phase = self._w_phase + n
        if phase >= self.hop:
            self._w_sequence += phase // self.hop
            phase %= self.hop
        self._w_phase = phase
        filled = self.filled + n
        self.filled = filled if filled < self.capacity else self.capacity
        self.written = (self.written + n) & _MASK

    # n frames were lost before the ring.
    def hole(self, n):
        if n <= 0:
            return
        at = self.holes % HOLES_MAX * _HOLE_SIZE
        holes = self._holes
        if self.holes >= HOLES_MAX:
            self._forget(holes[at + _STOP], holes[at + _STOP_PHASE])
        holes[at + _START] = self._w_sequence
        holes[at + _START_PHASE] = self._w_phase
        holes[at + _STOP] = self._w_sequence + (self._w_phase + n) // self.hop
        holes[at + _STOP_PHASE] = (self._w_phase + n) % self.hop
        self.holes += 1
        state = self.state
        state[K_INDEX] = (state[K_INDEX] + n) % self.capacity
        self.written_by_kernel(n)

    # History starts at the end of the hole that is forgotten.
    def _forget(self, sequence, phase):
        hops = self._w_sequence - sequence
        if hops <= self.capacity // self.hop + 1:
            since = hops * self.hop + self._w_phase - phase
            if since < self.filled:
                self.filled = since

    # Frames from W to the next hop boundary, 0 on one.
    def to_boundary(self):
        return -self._w_phase % self.hop

    # -- the reader's side -------------------------------------------------------------

    # R moves out of what was overwritten and out of holes. Returns W - R, which is
    # negative when R is a boundary that W has not reached.
    def settle(self):
        written = self.written
        filled = self.filled
        behind = _signed(written - self.read_position)
        if behind > filled:
            drop = behind - filled
            drop += -(self.phase + drop) % self.hop
            self.overflows += 1
            self.overwritten_frames = (self.overwritten_frames + drop) & _MASK
            self._move(drop)
            behind -= drop
        if self._hole != self.holes:
            behind -= self._leave_hole()
        return behind

    # Frames from R to the end of the hole that R lies in, having moved there.
    def _leave_hole(self):
        moved = 0
        while self._hole != self.holes:
            at = self._hole % HOLES_MAX * _HOLE_SIZE
            before = self._from_r(at + _START)
            left = self._from_r(at + _STOP)
            if self.holes - self._hole > HOLES_MAX:  # a ninth hole took this one's place
                self._hole = self.holes - HOLES_MAX
                continue
            if before > 0:
                break
            if left > 0:
                self._move(left)
                moved += left
            self._hole += 1
        return moved

    # Frames from R to the place at `at` in the table; as far as it matters.
    def _from_r(self, at):
        return self._frames(self._holes[at] - self.sequence, self._holes[at + 1] - self.phase)

    # hops and frames as frames; beyond anything a ring holds it says only which side.
    def _frames(self, hops, frames):
        limit = _HALF // self.hop - 1
        if hops > limit:
            return _HALF
        if hops < -limit:
            return -_HALF
        return hops * self.hop + frames

    def _move(self, n):
        phase = self.phase + n
        self.sequence += phase // self.hop
        self.phase = phase % self.hop
        self.read_position = (self.read_position + n) & _MASK

    def available(self):
        behind = self.settle()
        return behind if behind > 0 else 0

    def free(self):
        return self.capacity - self.available()

    # The first sequence whose start is still in history.
    def oldest(self):
        written = self.written
        filled = self.filled
        behind = _signed(written - self.read_position)
        return self.sequence - (filled - behind - self.phase) // self.hop

    # The sequence that W lies in: nothing of a later one is there.
    def newest(self):
        behind = _signed(self.written - self.read_position)
        return self.sequence + (behind + self.phase) // self.hop

    # The position of a sequence's first frame, modulo 2**30.
    def position(self, sequence):
        start = self._frames(sequence - self.sequence, -self.phase)
        return (self.read_position + start) & _MASK

    # Frames of that window that are there now: 0 when none is yet, -1 when it is gone.
    # `cut` says that a hole ends it, so that no more will come.
    def window(self, sequence):
        while True:
            holes = self.holes
            frames = self._window(sequence)
            if holes == self.holes:
                return frames

    def _window(self, sequence):
        self.cut = False
        written = self.written
        filled = self.filled
        start = self._frames(sequence - self.sequence, -self.phase)
        behind = _signed(written - self.read_position) - start
        if behind > filled:
            return -1
        if behind <= 0:
            return 0
        frames = self.guard
        if behind < frames:
            frames = behind
        holes = self.holes
        i = max(holes - HOLES_MAX, 0)
        while i < holes:
            at = i % HOLES_MAX * _HOLE_SIZE
            if self._from_r(at + _STOP) > start:
                left = self._from_r(at + _START) - start
                if left <= 0:
                    return -1
                if left <= frames:
                    self.cut = left < self.guard
                    return left
                return frames
            i += 1
        return frames

    # One more than the last of the sequences, from this one on, that share its fate:
    # `gone_cause` says why they are gone, 0 that they are not.
    def run(self, sequence):
        while True:
            holes = self.holes
            stop = self._run(sequence)
            if holes == self.holes:
                return stop

    def _run(self, sequence):
        oldest = self.oldest()
        stop = _MASK
        cause = 0
        if sequence < oldest:
            stop = oldest
            cause = CAUSE_OVERWRITTEN
        holes = self.holes
        table = self._holes
        i = max(holes - HOLES_MAX, 0)
        while i < holes:
            at = i % HOLES_MAX * _HOLE_SIZE
            i += 1
            first = table[at + _START] + (1 if table[at + _START_PHASE] else 0)
            after = table[at + _STOP] + (1 if table[at + _STOP_PHASE] else 0)
            if first <= sequence < after:
                self.gone_cause = CAUSE_CAPTURE
                return after
            if sequence < first < stop and first < after:
                stop = first
        self.gone_cause = cause
        return stop

    # The window into buf at byte `off` (even). Frames, 0 when it is not there yet, -1 when
    # it is gone or was torn while it was copied: then buf holds nothing to believe.
    def copy_window(self, sequence, buf, off):
        frames = self.window(sequence)
        if frames <= 0:
            return frames
        self._copy_from(self._frames(sequence - self.sequence, -self.phase), frames, buf, off)
        cut = self.cut
        if self.window(sequence) < frames:
            return -1
        self.cut = cut
        return frames

    # `offset` in frames from R. The write index and W must be of one moment: W is read on
    # both sides of it, and differs when the callback came between.
    def _copy_from(self, offset, frames, buf, off):
        while True:
            written = self.written
            index = self.state[K_INDEX]
            if written == self.written:
                break
        behind = _signed(written - self.read_position) - offset
        args = self._copy
        args[C_FROM] = (index - behind) % self.capacity * self.channels
        args[C_COUNT] = frames * self.channels
        args[C_TO] = off >> 1
        copy_out(self.storage, buf, args)

    # The next n frames, fewer where a hole comes first; -1 when fewer than n are available
    # (nothing moves), or when the copy was torn.
    def read_into(self, out, n):
        frames = self.peek_into(out, n)
        if frames > 0:
            self._move(frames)
        return frames

    def peek_into(self, out, n):
        if n > self.available():
            return -1
        return self._copy_frames(self.read_position, out, n)

    # Moves R by n, or not at all: -1 when n is above what is available.
    def advance(self, n):
        if n < 0 or n > self.available():
            return -1
        self._move(n)
        return n

    # Moves R past n frames that a window has shown, without a look at W: had R been overrun
    # meanwhile, advance() would leave out what is still there.
    def release(self, n):
        self._move(n)

    def skip(self, n):
        available = self.available()
        if n > available:
            n = available
        self._move(n)
        return n

    # n frames from a position (modulo 2**30), read or not; -1 when they are not all there.
    def history_into(self, out, start, n):
        frames = self._copy_frames(start, out, n)
        return frames if frames == n else -1

    def _copy_frames(self, position, out, n):
        offset = _signed(position - self.read_position)
        done = 0
        while done < n:
            frames = self._contiguous(offset + done, n - done)
            if frames <= 0:
                break
            self._copy_from(offset + done, frames, out, 2 * done * self.channels)
            done += frames
        behind = _signed(self.written - self.read_position) - offset
        if behind > self.filled or (n > 0 and done == 0):
            return -1
        return done

    # Frames from R + offset that are there, before a hole, and do not wrap.
    def _contiguous(self, offset, n):
        written = self.written
        filled = self.filled
        behind = _signed(written - self.read_position) - offset
        if behind <= 0 or behind > filled:
            return -1
        index = (self.state[K_INDEX] - behind) % self.capacity
        n = min(n, behind, self.capacity + (self.guard if index < self.capacity else 0) - index)
        for i in range(max(0, self.holes - HOLES_MAX), self.holes):
            at = i % HOLES_MAX * _HOLE_SIZE
            if self._from_r(at + _STOP) > offset:
                return min(n, self._from_r(at + _START) - offset)
        return n

    # R goes to a sequence, back or forth, but not out of what is there.
    def seek(self, sequence):
        self.settle()
        oldest = self.oldest()
        newest = self.newest()
        sequence = min(max(sequence, oldest), newest)
        self._hole = 0
        self._move(self._frames(sequence - self.sequence, -self.phase))
        self.settle()

    # Drops what is unread; it stays in history.
    def clear(self):
        self._move(self.available())


def _signed(difference):
    difference &= _MASK
    return difference - _HALF - _HALF if difference >= _HALF else difference  # 2**30 would allocate


def _itemsize(buffer):
    return 1 if isinstance(buffer, (bytes, bytearray)) else 2
