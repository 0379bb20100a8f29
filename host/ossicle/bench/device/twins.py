# The kernels as loops in plain Python, each with the arguments and the result of its namesake in
# ossicle/kernels.py: what the device would run without viper.
from ossicle.kernels import C_COUNT, C_FROM, C_TO
from ossicle.kernels import K_CAPACITY, K_CHANNELS, K_DC0, K_DC_ON, K_DC_SHIFT
from ossicle.kernels import K_FRAMES, K_GAIN, K_GUARD, K_INDEX, K_SHIFT

_Y_MAX = 0x3FFFF
_SENTINEL = b"\x5a\x71\x6d\x2b"


def convert(src, dst, state):
    frames = state[K_FRAMES]
    channels = state[K_CHANNELS]
    shift = state[K_SHIFT]
    gain = state[K_GAIN]
    blocker = state[K_DC_ON]
    dc_shift = state[K_DC_SHIFT]
    capacity = state[K_CAPACITY]
    guard = state[K_GUARD]
    index = state[K_INDEX]
    for c in range(channels):
        dc = state[K_DC0 + c]
        index = state[K_INDEX]
        for at in range(c, frames * channels, channels):
            y = src[at] >> shift
            if blocker:
                dc += ((y << dc_shift) - dc) >> dc_shift
                y -= dc >> dc_shift
            y = (max(-_Y_MAX - 1, min(_Y_MAX, y)) * gain + 128) >> 8
            y = max(-32768, min(32767, y))
            dst[index * channels + c] = y
            if index < guard:
                dst[(index + capacity) * channels + c] = y
            index += 1
            if index == capacity:
                index = 0
        state[K_DC0 + c] = dc
    state[K_INDEX] = index
    return frames


def copy_in(src, dst, state):
    frames = state[K_FRAMES]
    channels = state[K_CHANNELS]
    capacity = state[K_CAPACITY]
    guard = state[K_GUARD]
    index = state[K_INDEX]
    for frame in range(frames):
        for c in range(channels):
            v = src[frame * channels + c]
            dst[index * channels + c] = v
            if index < guard:
                dst[(index + capacity) * channels + c] = v
        index += 1
        if index == capacity:
            index = 0
    state[K_INDEX] = index
    return frames


def copy_out(src, dst, args):
    at = args[C_FROM]
    n = args[C_COUNT]
    to = args[C_TO]
    for i in range(n):
        dst[to + i] = src[at + i]
    return n


copy_bytes = copy_out


def find_zero(buf, start, stop):
    for i in range(start, stop):
        if buf[i] == 0:
            return i
    return stop


def mark(buf, at):
    for i in range(4):
        buf[at + i] = _SENTINEL[i]


def marked(buf, at):
    for i in range(4):
        if buf[at + i] != _SENTINEL[i]:
            return 0
    return 1


def crc32_table(table):
    for i in range(16):
        c = i
        for _ in range(4):
            c = (c >> 1) ^ (0xEDB88320 if c & 1 else 0)
        table[i] = c


def _crc32(buf, n, table):
    crc = 0xFFFFFFFF
    for i in range(n):
        crc ^= buf[i]
        crc = table[crc & 15] ^ (crc >> 4)
        crc = table[crc & 15] ^ (crc >> 4)
    return crc ^ 0xFFFFFFFF


def crc32_put(buf, n, table):
    crc = _crc32(buf, n, table)
    for i in range(4):
        buf[n + i] = (crc >> (8 * i)) & 255
    return n + 4


def crc32_ok(buf, n, table):
    crc = _crc32(buf, n, table)
    for i in range(4):
        if buf[n + i] != (crc >> (8 * i)) & 255:
            return 0
    return 1


def cobs_encode(buf, n):
    src = bytes(memoryview(buf)[:n])
    code_at = 0
    code = 1
    out = 1
    for i in range(n):
        b = src[i]
        if b:
            buf[out] = b
            out += 1
            code += 1
            if code < 255 or i + 1 == n:
                continue
        buf[code_at] = code
        code_at = out
        code = 1
        out += 1
    buf[code_at] = code
    buf[out] = 0
    return out + 1


def cobs_decode(buf, n):
    at = 0
    out = 0
    while at < n:
        code = buf[at]
        if code == 0 or at + code > n:
            return -1
        for i in range(at + 1, at + code):
            b = buf[i]
            if b == 0:
                return -1
            buf[out] = b
            out += 1
        at += code
        if code < 255 and at < n:
            buf[out] = 0
            out += 1
    return out


def ws_frame(src, out, n, mask):
    word = mask[0] | mask[1] << 8 | mask[2] << 16 | mask[3] << 24
    word = (word * 1664525 + 1013904223) & 0xFFFFFFFF
    for i in range(4):
        mask[i] = (word >> (8 * i)) & 255
    at = 6 if n < 126 else 8
    for i in range(n - 1, -1, -1):  # src may be out
        out[at + i] = src[i] ^ mask[i & 3]
    out[at - 4 : at] = mask
    if n < 126:
        out[1] = 0x80 | n
    else:
        out[1] = 0x80 | 126
        out[2] = n >> 8
        out[3] = n & 255
    return at + n
