# Codec adpcm (W-42): one running coder goes along with the microphone, in the callback, and
# keeps its state at each hop boundary in a table. A chunk is coded from there when it is sent,
# the first time or again: so any chunk decodes alone, and chunks agree where they overlap.
#
# The table has a slot for each boundary that the ring holds, and one more. So what the
# callback writes takes the place of a boundary that is not in the ring any more: a slot that
# was overwritten while the loop read it belongs to a window that is gone, and the ring's look
# after the copy throws that away.
from array import array

from ossicle._wire import ADPCM_HEAD_BYTES
from ossicle.coder import A_BEFORE, A_CAPACITY, A_CHANNELS, A_FIRST, A_FRAMES, A_HOP, A_SIZE
from ossicle.coder import A_SLOT, A_SLOTS, A_STATE, STEPS, adpcm


class Adpcm:
    def __init__(self, ring):
        self._ring = ring
        self._table = bytearray(0)  # callback; the states in force lie behind the slots
        self._slots = 0
        self._track = array("i", (0 for _ in range(A_SIZE)))  # the callback's arguments
        self._encode = array("i", (0 for _ in range(A_SIZE)))  # the loop's

    # A table for streams of that kind, the one in force where it is long enough; MemoryError.
    def claim(self, channels, hop, overlap):
        slots = (self._ring.samples // channels - hop - overlap) // hop + 1
        length = (slots + 1) * channels * ADPCM_HEAD_BYTES
        return self._table if length <= len(self._table) else bytearray(length)

    # A new stream in the ring, which is configured; the writer must be stopped.
    def begin(self, table):
        ring = self._ring
        self._table = table
        self._slots = ring.capacity // ring.hop + 1
        state = self._slots * ring.channels * ADPCM_HEAD_BYTES
        for i in range(state, state + ring.channels * ADPCM_HEAD_BYTES):
            table[i] = 0
        track = self._track
        track[A_STATE], track[A_SLOTS], track[A_HOP] = state, self._slots, ring.hop
        for args in (track, self._encode):
            args[A_CHANNELS], args[A_CAPACITY] = ring.channels, ring.capacity

    # The callback's: n frames lie in the storage from `index` on, which W does not count yet.
    def track(self, index, n):
        ring = self._ring
        args = self._track
        args[A_FIRST] = index
        args[A_FRAMES] = n
        args[A_BEFORE] = ring.to_boundary()
        args[A_SLOT] = ring.boundary() % self._slots
        adpcm(ring.storage, self._table, args, STEPS)

    # The loop's: the payload of n frames, the first of which is that sequence's and lies at
    # `index` in the storage, into buf at byte `off`.
    def encode(self, sequence, index, n, buf, off):
        channels = self._ring.channels
        table = self._table
        at = sequence % self._slots * channels * ADPCM_HEAD_BYTES
        for i in range(channels * ADPCM_HEAD_BYTES):
            buf[off + i] = table[at + i]
        if n * channels & 1:
            buf[off + ADPCM_HEAD_BYTES - 1] = 1  # one nibble of padding
        args = self._encode
        args[A_FIRST] = index
        args[A_FRAMES] = n
        args[A_STATE] = off
        adpcm(self._ring.storage, buf, args, STEPS)

    def payload_bytes(self, frames, channels):
        return ADPCM_HEAD_BYTES * channels + (frames * channels + 1) // 2 if frames else 0
