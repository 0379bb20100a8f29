# All machine code of the device, and nothing else: each kernel is one loop over
# samples or bytes, allocates nothing, and returns a number below 2**30.
#
# Viper has no bounds checks: callers own every length. Its int is one machine word,
# and its pointers load without sign. So that a 64-bit build gives the same bits,
# 32-bit values are sign-extended by (v ^ 2**31) - 2**31 and 16-bit ones likewise.
# The scheduler does not run inside a kernel: to the loop, a kernel is one instant.
# At most four arguments: what is more travels in an array("i").
import micropython
from micropython import const

from ossicle._wire import DC_SHIFT

# Indices into the state of `convert` and `copy_in`.
K_FRAMES = const(0)  # frames to take from the source
K_CHANNELS = const(1)
K_SHIFT = const(2)  # right shift of a slot, W-43
K_GAIN = const(3)  # Q8, W-44
K_DC_ON = const(4)  # 1: the DC blocker runs
K_INDEX = const(5)  # frame index of the next write; the kernel moves it
K_CAPACITY = const(6)  # frames
K_GUARD = const(7)  # frames; what goes below this index goes behind the capacity too
K_DC_SHIFT = const(8)
K_LATE = const(9)  # by so many bits the slots come late, 0 or 1, W-43
K_RIGHT = const(10)  # 1: one channel, from the right of two slots a frame
K_DC0 = const(11)  # the DC blocker's memory, one for each channel
K_DC1 = const(12)
K_SIZE = const(13)

# Indices into the arguments of `copy_out` (in samples) and `copy_bytes` (in bytes).
C_FROM = const(0)
C_COUNT = const(1)
C_TO = const(2)
C_SIZE = const(3)

_Y_MAX = const(0x3FFFF)  # 2**18 - 1, W-44
_SENTINEL = const(0x2B6D715A)  # its low byte is one that no 24-bit microphone sends


# Slots of a microphone become int16 in the ring's storage, guard included. One pass a
# channel keeps the DC blocker's memory in a register.
@micropython.viper
def convert(src: ptr32, dst: ptr16, state: ptr32) -> int:
    frames = int(state[K_FRAMES])
    channels = int(state[K_CHANNELS])
    late = int(state[K_LATE])
    right = int(state[K_RIGHT])
    slots = channels + right
    shift = int(state[K_SHIFT]) - late
    gain = int(state[K_GAIN])
    blocker = int(state[K_DC_ON])
    first = int(state[K_INDEX])
    capacity = int(state[K_CAPACITY])
    guard = int(state[K_GUARD])
    dc_shift = int(state[K_DC_SHIFT])
    top = int(1) << (31 - late)  # the sign
    keep = top | (top - 1)
    index = first
    c = 0
    while c < channels:
        dc = (int(state[K_DC0 + c]) ^ (int(1) << 31)) - (int(1) << 31)
        index = first
        at = c + right
        end = at + frames * slots
        while at < end:
            y = ((int(src[at]) & keep ^ top) - top) >> shift
            if blocker:
                dc += ((y << dc_shift) - dc) >> dc_shift
                y -= dc >> dc_shift
            if y > _Y_MAX:
                y = _Y_MAX
            elif y < -_Y_MAX - 1:
                y = -_Y_MAX - 1
            y = (y * gain + 128) >> 8
            if y > 32767:
                y = 32767
            elif y < -32768:
                y = -32768
            dst[index * channels + c] = y
            if index < guard:
                dst[(index + capacity) * channels + c] = y
            index += 1
            if index == capacity:
                index = 0
            at += slots
        state[K_DC0 + c] = dc
        c += 1
    state[K_INDEX] = index
    return frames


# int16 frames into the ring's storage, guard included; the same state as `convert`.
@micropython.viper
def copy_in(src: ptr16, dst: ptr16, state: ptr32) -> int:
    frames = int(state[K_FRAMES])
    channels = int(state[K_CHANNELS])
    index = int(state[K_INDEX])
    capacity = int(state[K_CAPACITY])
    guard = int(state[K_GUARD])
    at = 0
    done = 0
    while done < frames:
        to = index * channels
        mirror = (index + capacity) * channels
        c = 0
        while c < channels:
            v = int(src[at])
            dst[to + c] = v
            if index < guard:
                dst[mirror + c] = v
            at += 1
            c += 1
        index += 1
        if index == capacity:
            index = 0
        done += 1
    state[K_INDEX] = index
    return frames


# Samples out of the storage. A window is contiguous there, thanks to the guard.
@micropython.viper
def copy_out(src: ptr16, dst: ptr16, args: ptr32) -> int:
    at = int(args[C_FROM])
    n = int(args[C_COUNT])
    to = int(args[C_TO])
    i = 0
    while i < n:
        dst[to + i] = src[at + i]
        i += 1
    return n


@micropython.viper
def copy_bytes(src: ptr8, dst: ptr8, args: ptr32) -> int:
    at = int(args[C_FROM])
    n = int(args[C_COUNT])
    to = int(args[C_TO])
    i = 0
    while i < n:
        dst[to + i] = src[at + i]
        i += 1
    return n


# The index of the first 0x00 in [start, stop), or stop.
@micropython.viper
def find_zero(buf: ptr8, start: int, stop: int) -> int:
    i = start
    while i < stop:
        if buf[i] == 0:
            return i
        i += 1
    return stop


# A sentinel in the slot at byte `at`: it is there until DMA has written the slot.
@micropython.viper
def mark(buf: ptr8, at: int):
    buf[at] = _SENTINEL & 255
    buf[at + 1] = (_SENTINEL >> 8) & 255
    buf[at + 2] = (_SENTINEL >> 16) & 255
    buf[at + 3] = (_SENTINEL >> 24) & 255


@micropython.viper
def marked(buf: ptr8, at: int) -> int:
    v = int(buf[at]) | int(buf[at + 1]) << 8 | int(buf[at + 2]) << 16 | int(buf[at + 3]) << 24
    if v == _SENTINEL:
        return 1
    return 0


# The table of CRC-32 (IEEE 802.3) for four bits: 16 words, too large for Python's small
# integers. One for eight bits is half as much work, and a kilobyte.
@micropython.viper
def crc32_table(table: ptr32):
    poly = (int(0xEDB8) << 16) | 0x8320
    mask = (int(0x3FFFFFFF) << 1) | 1
    i = 0
    while i < 16:
        c = i
        k = 0
        while k < 4:
            if c & 1:
                c = ((c >> 1) & mask) ^ poly
            else:
                c = (c >> 1) & mask
            k += 1
        table[i] = c
        i += 1


# Writes the CRC of the first n bytes behind them, little-endian; the new length.
@micropython.viper
def crc32_put(buf: ptr8, n: int, table: ptr32) -> int:
    crc = int(-1)
    i = 0
    while i < n:
        crc = crc ^ int(buf[i])
        crc = int(table[crc & 15]) ^ ((crc >> 4) & 0xFFFFFFF)
        crc = int(table[crc & 15]) ^ ((crc >> 4) & 0xFFFFFFF)
        i += 1
    crc = crc ^ -1
    buf[n] = crc & 255
    buf[n + 1] = (crc >> 8) & 255
    buf[n + 2] = (crc >> 16) & 255
    buf[n + 3] = (crc >> 24) & 255
    return n + 4


# 1 when the four bytes behind the first n are their CRC.
@micropython.viper
def crc32_ok(buf: ptr8, n: int, table: ptr32) -> int:
    crc = int(-1)
    i = 0
    while i < n:
        crc = crc ^ int(buf[i])
        crc = int(table[crc & 15]) ^ ((crc >> 4) & 0xFFFFFFF)
        crc = int(table[crc & 15]) ^ ((crc >> 4) & 0xFFFFFFF)
        i += 1
    crc = crc ^ -1
    i = 0
    while i < 4:
        if int(buf[n + i]) != ((crc >> (i << 3)) & 255):
            return 0
        i += 1
    return 1


# COBS of the first n bytes and the 0x00 behind it, in their place; the length of both, which
# is at most n + n // 254 + 2. A full last block is not followed by an empty one (W-15). The
# bytes go up first, by as many codes as there can be: so no code comes onto what is unread.
@micropython.viper
def cobs_encode(buf: ptr8, n: int) -> int:
    up = n // 254 + 1
    i = n
    while i > 0:
        i -= 1
        buf[i + up] = buf[i]
    code_at = 0
    code = 1
    out = 1
    while i < n:
        b = int(buf[i + up])
        i += 1
        if b:
            buf[out] = b
            out += 1
            code += 1
            if code < 255 or i == n:
                continue
        buf[code_at] = code
        code_at = out
        code = 1
        out += 1
    buf[code_at] = code
    buf[out] = 0
    return out + 1


# Decodes n bytes (without the 0x00) in place; the length, or -1.
@micropython.viper
def cobs_decode(buf: ptr8, n: int) -> int:
    i = 0
    out = 0
    while i < n:
        code = int(buf[i])
        if code == 0 or i + code > n:
            return -1
        i += 1
        end = i + code - 1
        while i < end:
            b = int(buf[i])
            if b == 0:
                return -1
            buf[out] = b
            out += 1
            i += 1
        if code < 255 and i < n:
            buf[out] = 0
            out += 1
    return out


# A client's WebSocket frame (RFC 6455) of n bytes, at most 65,535: out[0] is the caller's, then
# length, mask and the masked bytes; the length of all. `src` may be `out`. The mask is a word
# that moves on from frame to frame and does not come again for 2**32 of them (W-54).
@micropython.viper
def ws_frame(src: ptr8, out: ptr8, n: int, mask: ptr8) -> int:
    word = int(mask[0]) | int(mask[1]) << 8 | int(mask[2]) << 16 | int(mask[3]) << 24
    word = word * 1664525 + 1013904223
    i = 0
    while i < 4:
        mask[i] = (word >> (i << 3)) & 255
        i += 1
    at = 6 if n < 126 else 8
    i = n
    while i > 0:
        i -= 1
        out[at + i] = src[i] ^ mask[i & 3]
    while i < 4:
        out[at - 4 + i] = mask[i]
        i += 1
    if n < 126:
        out[1] = 0x80 | n
    else:
        out[1] = 0x80 | 126
        out[2] = n >> 8
        out[3] = n & 255
    return at + n


# Ready for every caller: one table, made at import, before the heap is ever locked.
CRC_TABLE = bytearray(64)
crc32_table(CRC_TABLE)


def new_state():
    from array import array

    state = array("i", (0 for _ in range(K_SIZE)))
    state[K_DC_SHIFT] = DC_SHIFT
    return state
