# What RING.md has and the app does not need: frames in and out of a ring, whatever the
# window, and the policy `reject`. The app does not import it, and no board gets it.
from ossicle._wire import HOLES_MAX
from ossicle.kernels import K_FRAMES, K_INDEX, copy_in
from ossicle.ring import START, STOP, HOLE_SIZE, Ring, signed


class FrameRing(Ring):
    def configure(self, channels, hop, overlap, capacity=None, start=0, overflow="overwrite"):
        if overflow not in ("overwrite", "reject"):
            raise ValueError("overflow is overwrite or reject")
        super().configure(channels, hop, overlap, capacity, start)
        self._reject = overflow == "reject"
        self.refused = 0  # writes refused whole (reject), and their frames
        self.refused_frames = 0

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

    def free(self):
        return self.capacity - self.available()

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
        offset = signed(position - self.read_position)
        done = 0
        while done < n:
            frames = self._contiguous(offset + done, n - done)
            if frames <= 0:
                break
            self._copy_from(offset + done, frames, out, 2 * done * self.channels)
            done += frames
        behind = signed(self.written - self.read_position) - offset
        if behind > self.filled or (n > 0 and done == 0):
            return -1
        return done

    # Frames from R + offset that are there, before a hole, and do not wrap.
    def _contiguous(self, offset, n):
        written = self.written
        filled = self.filled
        behind = signed(written - self.read_position) - offset
        if behind <= 0 or behind > filled:
            return -1
        index = (self.state[K_INDEX] - behind) % self.capacity
        n = min(n, behind, self.capacity + (self.guard if index < self.capacity else 0) - index)
        for i in range(max(0, self.holes - HOLES_MAX), self.holes):
            at = i % HOLES_MAX * HOLE_SIZE
            if self._from_r(at + STOP) > offset:
                return min(n, self._from_r(at + START) - offset)
        return n

    # Drops what is unread; it stays in history.
    def clear(self):
        self._move(self.available())


def _itemsize(buffer):
    return 1 if isinstance(buffer, (bytes, bytearray)) else 2
