# Each kernel against a plain twin, on random input. Prints "ok NAME" for each.
import binascii
import random
import struct
import sys
from array import array

from fakes import cobs, uncobs
from ossicle import kernels
from ossicle.kernels import CRC_TABLE

ROUNDS = 60
S32 = 1 << 31


def samples(n):
    return [random.getrandbits(16) - 32768 for _ in range(n)]


# W-43 and W-44, with integers without end.
class Twin:
    late = 0
    right = 0

    def __init__(self, channels, shift, gain, blocker, capacity, guard, index):
        self.channels, self.shift, self.gain, self.blocker = channels, shift, gain, blocker
        self.capacity, self.guard, self.index = capacity, guard, index
        self.dc = [0] * channels
        self.store = [0] * ((capacity + guard) * channels)

    def put(self, frame):
        for at in (self.index, self.index + self.capacity if self.index < self.guard else self.index):
            self.store[at * self.channels : (at + 1) * self.channels] = frame
        self.index = (self.index + 1) % self.capacity

    def convert(self, slots):
        for i in range(self.right, len(slots), self.channels + self.right):
            frame = []
            for c in range(self.channels):
                x = (((slots[i + c] << self.late) + S32) % (2 * S32) - S32) >> self.shift
                if self.blocker:
                    self.dc[c] += ((x << 10) - self.dc[c]) >> 10
                    x -= self.dc[c] >> 10
                y = max(-(1 << 18), min((1 << 18) - 1, x))
                frame.append(max(-32768, min(32767, (y * self.gain + 128) >> 8)))
            self.put(frame)


def slot():
    kind = random.getrandbits(3)
    if kind == 0:
        return random.choice((-S32, S32 - 1, 0, -1, 1))
    return (random.getrandbits(32) - S32) >> (kind * 2)


def rig(channels):
    capacity = random.randint(1, 80)
    guard = random.randint(0, capacity)
    index = random.randint(0, capacity - 1)
    state = kernels.new_state()
    state[kernels.K_CHANNELS] = channels
    state[kernels.K_CAPACITY] = capacity
    state[kernels.K_GUARD] = guard
    state[kernels.K_INDEX] = index
    return state, capacity, guard, index


def case_convert():
    for turn in range(ROUNDS):
        channels = 1 + turn % 2
        state, capacity, guard, index = rig(channels)
        shift, gain, blocker = (
            random.randint(11, 16),
            random.choice((0, 1, 255, 256, 300, 4096)),
            turn // 2 % 2,
        )
        state[kernels.K_SHIFT], state[kernels.K_GAIN], state[kernels.K_DC_ON] = shift, gain, blocker
        twin = Twin(channels, shift, gain, blocker, capacity, guard, index)
        twin.late = state[kernels.K_LATE] = turn // 4 % 2
        twin.right = state[kernels.K_RIGHT] = turn // 8 % 2 if channels == 1 else 0
        store = array("h", [0] * ((capacity + guard) * channels))
        offset = random.choice((0, S32 - 1, -S32))
        for _ in range(5):
            n = random.randint(0, 100)
            slots = [slot() if random.getrandbits(2) else offset for _ in range(n * (channels + twin.right))]
            state[kernels.K_FRAMES] = n
            assert kernels.convert(struct.pack("<%di" % len(slots), *slots), store, state) == n
            twin.convert(slots)
            assert list(store) == twin.store and state[kernels.K_INDEX] == twin.index, (turn, shift, gain)
            assert [state[kernels.K_DC0 + c] for c in range(channels)] == twin.dc


def case_convert_a_constant_for_long():
    for value in (S32 - 1, -S32, 5 << 11):
        state, capacity, guard, index = rig(1)
        state[kernels.K_SHIFT], state[kernels.K_GAIN], state[kernels.K_DC_ON] = 11, 4096, 1
        twin = Twin(1, 11, 4096, 1, capacity, guard, index)
        store = array("h", [0] * (capacity + guard))
        state[kernels.K_FRAMES] = 500
        for _ in range(24):
            kernels.convert(struct.pack("<500i", *[value] * 500), store, state)
            twin.convert([value] * 500)
            assert list(store) == twin.store
        assert twin.dc[0] == state[kernels.K_DC0]


def case_identity():
    state, capacity, guard, index = rig(1)
    state[kernels.K_SHIFT], state[kernels.K_GAIN], state[kernels.K_FRAMES] = 16, 256, 1
    store = array("h", [0] * (capacity + guard))
    for v in (-32768, -1, 0, 1, 32767, 12345):
        at = state[kernels.K_INDEX]
        kernels.convert(struct.pack("<i", v << 16), store, state)
        assert store[at] == v


def case_copy_in_and_out():
    for turn in range(ROUNDS):
        channels = 1 + turn % 3
        state, capacity, guard, index = rig(channels)
        twin = Twin(channels, 0, 0, 0, capacity, guard, index)
        store = array("h", [0] * ((capacity + guard) * channels))
        for _ in range(5):
            n = random.randint(0, 200)
            data = samples(n * channels)
            state[kernels.K_FRAMES] = n
            assert kernels.copy_in(array("h", data), store, state) == n
            for i in range(n):
                twin.put(data[i * channels : (i + 1) * channels])
            assert list(store) == twin.store and state[kernels.K_INDEX] == twin.index
        at = random.randint(0, len(store) - 1)
        n = random.randint(0, len(store) - at)
        out = array("h", [7] * (n + 9))
        args = array("i", [at, n, 8])
        assert kernels.copy_out(store, out, args) == n
        assert list(out) == [7] * 8 + twin.store[at : at + n] + [7]


def case_bytes():
    for _ in range(ROUNDS):
        data = bytes(random.getrandbits(2) for _ in range(50))
        start = random.randint(0, 50)
        stop = random.randint(start, 50)
        found = data.find(b"\0", start, stop)
        assert kernels.find_zero(data, start, stop) == (stop if found < 0 else found)
        out = bytearray(60)
        assert kernels.copy_bytes(data, out, array("i", [start, stop - start, 3])) == stop - start
        assert out == b"\0\0\0" + data[start:stop] + bytes(57 - stop + start)


def case_sentinel():
    buf = bytearray(16)
    kernels.mark(buf, 8)
    assert kernels.marked(buf, 8) == 1 and buf[:8] == bytes(8) and buf[12:] == bytes(4)
    assert buf[8] != 0  # a 24-bit microphone sends 0 there
    for i in range(8, 12):
        for bit in range(8):
            buf[i] ^= 1 << bit
            assert kernels.marked(buf, 8) == 0
            buf[i] ^= 1 << bit


def case_crc():
    for turn in range(ROUNDS):
        n = turn * 23 % 1361
        data = bytes(random.getrandbits(8) for _ in range(n))
        buf = bytearray(data + b"????")
        assert kernels.crc32_put(buf, n, CRC_TABLE) == n + 4
        assert bytes(buf) == data + struct.pack("<I", binascii.crc32(data))
        assert kernels.crc32_ok(buf, n, CRC_TABLE) == 1
        at = random.randint(0, n + 3)
        buf[at] ^= 1 << random.getrandbits(3) % 8
        assert kernels.crc32_ok(buf, n, CRC_TABLE) == 0


def case_cobs():
    lengths = [1, 2, 253, 254, 255, 256, 507, 508, 509, 510, 1368] + [
        random.randint(1, 1368) for _ in range(ROUNDS)
    ]
    for n in lengths:
        for mask in (0, 1, 255):
            data = bytes(
                random.getrandbits(8) & mask or (1 if random.getrandbits(4) else 0) for _ in range(n)
            )
            out = bytearray(b"\xaa" * (n + n // 254 + 4))
            out[:n] = data
            k = kernels.cobs_encode(out, n)
            assert out[-2:] == b"\xaa\xaa", n  # it stays within what it says it needs
            assert bytes(out[:k]) == cobs(data) + b"\0", n
            assert uncobs(bytes(out[: k - 1])) == data
            assert kernels.cobs_decode(out, k - 1) == n and bytes(out[:n]) == data
    full = bytearray(b"\xff" + b"a" * 254)
    for tail in (b"", b"\x01"):  # either way (W-15)
        buf = bytearray(full + tail)
        assert kernels.cobs_decode(buf, len(buf)) == 254
    for bad in (b"\x05abc", b"\x00", b"\x03a\x00\x01", b"\x02a\xff"):
        assert kernels.cobs_decode(bytearray(bad), len(bad)) == -1, bad


def case_ws_frame():
    mask = bytearray(4)
    word = random.getrandbits(32)
    struct.pack_into("<I", mask, 0, word)
    for n in [0, 1, 3, 125, 126, 127, 1368] + [random.randint(1, 1368) for _ in range(ROUNDS)]:
        data = bytes(random.getrandbits(8) for _ in range(n))
        out = bytearray(b"\xaa" * (n + 10))
        k = kernels.ws_frame(data, out, n, mask)
        word = (word * 1664525 + 1013904223) & (2 * S32 - 1)
        key = struct.pack("<I", word)
        head = bytes([0xAA, 0x80 | n]) if n < 126 else bytes([0xAA, 0xFE, n >> 8, n & 255])
        assert bytes(out[:k]) == head + key + bytes(b ^ key[i & 3] for i, b in enumerate(data)), n
        assert out[k:] == b"\xaa" * (n + 10 - k) and mask == key
        struct.pack_into("<I", mask, 0, (word - 1013904223) * 4276115653 & (2 * S32 - 1))
        place = bytearray(data + b"\xaa" * 10)  # in place, after the same word
        place_k = kernels.ws_frame(place, place, n, mask)
        place[0] = 0xAA
        assert place_k == k and place[:k] == out[:k] and mask == key, n


def main():
    random.seed(int(sys.argv[1]))
    for name in sorted(n for n in globals() if n.startswith("case_")):
        try:
            globals()[name]()
            print("ok", name)
        except Exception as error:
            print("FAILED", name)
            sys.print_exception(error, sys.stdout)


main()
