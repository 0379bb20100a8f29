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
from ossicle.kernels import C_COUNT, C_FROM, C_SIZE, C_TO, K_CAPACITY, K_CHANNELS, K_DC0, K_GUARD
from ossicle.kernels import K_INDEX, K_SIZE, copy_out, new_state
from ossicle.rare import passing, rare

_MASK = const(0x3FFFFFFF)
_HALF = const(0x20000000)

# A hole in the table: where it starts and where it stops, as sequence and phase.
START = const(0)
START_PHASE = const(1)
STOP = const(2)
STOP_PHASE = const(3)
HOLE_SIZE = const(4)


class Ring:
    # `samples` is a number, or the bytearray that was claimed at boot (two bytes a sample).
    @passing
    def __init__(self, samples):
        storage = bytearray(2 * samples) if isinstance(samples, int) else samples
        self.storage = storage  # int16, channels interleaved, guard at the end; kernels only
        self.samples = len(storage) // 2
        self.state = new_state()  # of `convert`; the callback's, but gain
        self._copy = array("i", (0 for _ in range(C_SIZE)))  # the loop's arguments of copy_out
        self._holes = array("i", (0 for _ in range(HOLE_SIZE * HOLES_MAX)))  # callback
        self.configure(1, 1, 0)

    # The writer must be stopped. `capacity` in frames; `start` presets W and R.
    @rare("start")
    def configure(self, channels, hop, overlap, capacity=None, start=0):
        if channels < 1 or hop < 1 or overlap < 0:
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
        at = self.holes % HOLES_MAX * HOLE_SIZE
        holes = self._holes
        if self.holes >= HOLES_MAX:
            self._forget(holes[at + STOP], holes[at + STOP_PHASE])
        holes[at + START] = self._w_sequence
        holes[at + START_PHASE] = self._w_phase
        holes[at + STOP] = self._w_sequence + (self._w_phase + n) // self.hop
        holes[at + STOP_PHASE] = (self._w_phase + n) % self.hop
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

    # The sequence that begins there.
    def boundary(self):
        return self._w_sequence + 1 if self._w_phase else self._w_sequence

    # -- the reader's side -------------------------------------------------------------

    # R moves out of what was overwritten and out of holes. Returns W - R, which is
    # negative when R is a boundary that W has not reached.
    def settle(self):
        written = self.written
        filled = self.filled
        behind = signed(written - self.read_position)
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
            at = self._hole % HOLES_MAX * HOLE_SIZE
            before = self._from_r(at + START)
            left = self._from_r(at + STOP)
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

    # The first sequence whose start is still in history.
    def oldest(self):
        written = self.written
        filled = self.filled
        behind = signed(written - self.read_position)
        return self.sequence - (filled - behind - self.phase) // self.hop

    # The sequence at which R waits when all before W is read: its window is not whole yet.
    def newest(self):
        behind = signed(self.written - self.read_position)
        whole = (behind + self.phase - self.overlap) // self.hop
        return self.sequence + whole if whole > 0 else self.sequence

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
        behind = signed(written - self.read_position) - start
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
            at = i % HOLES_MAX * HOLE_SIZE
            if self._from_r(at + STOP) > start:
                left = self._from_r(at + START) - start
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
            at = i % HOLES_MAX * HOLE_SIZE
            i += 1
            first = table[at + START] + (1 if table[at + START_PHASE] else 0)
            after = table[at + STOP] + (1 if table[at + STOP_PHASE] else 0)
            if first <= sequence < after:
                self.gone_cause = CAUSE_CAPTURE
                return after
            if sequence < first < stop and first < after:
                stop = first
        self.gone_cause = cause
        return stop

    # The window into buf at byte `off` (even), by way of the coder where there is one. Frames,
    # 0 when it is not there yet, -1 when it is gone or was torn while it was copied:
    # then buf holds nothing to believe.
    def copy_window(self, sequence, buf, off, coder=None):
        frames = self.window(sequence)
        if frames <= 0:
            return frames
        offset = self._frames(sequence - self.sequence, -self.phase)
        if coder is None:
            self._copy_from(offset, frames, buf, off)
        else:
            coder.encode(sequence, self._index(offset), frames, buf, off)
        cut = self.cut
        if self.window(sequence) < frames:
            return -1
        self.cut = cut
        return frames

    # `offset` in frames from R.
    def _copy_from(self, offset, frames, buf, off):
        args = self._copy
        args[C_FROM] = self._index(offset) * self.channels
        args[C_COUNT] = frames * self.channels
        args[C_TO] = off >> 1
        copy_out(self.storage, buf, args)

    # Where that frame lies in the storage. The write index and W must be of one moment: W is
    # read on both sides of it, and differs when the callback came between.
    def _index(self, offset):
        while True:
            written = self.written
            index = self.state[K_INDEX]
            if written == self.written:
                break
        behind = signed(written - self.read_position) - offset
        return (index - behind) % self.capacity

    # Moves R past n frames that a window has shown, without a look at W: had R been overrun
    # meanwhile, advance() would leave out what is still there.
    def release(self, n):
        self._move(n)

    # R goes to a sequence, back or forth, but not out of what is there.
    @rare("start")
    def seek(self, sequence):
        self.settle()
        oldest = self.oldest()
        newest = self.newest()
        sequence = min(max(sequence, oldest), newest)
        self._hole = 0
        self._move(self._frames(sequence - self.sequence, -self.phase))
        self.settle()


def signed(difference):
    difference &= _MASK
    return difference - _HALF - _HALF if difference >= _HALF else difference  # 2**30 would allocate
