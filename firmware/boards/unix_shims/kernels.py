# Machine code of the emulated peripherals alone: no chip has it.

import micropython

# `n` bytes of `src` to `dst`, from byte `at` on.
@micropython.viper
def copy(dst: ptr8, at: int, src: ptr8, n: int):
    i = 0
    while i < n:
        dst[at + i] = src[i]
        i += 1


# The pattern of host/ossicle/pattern.py as slots, a sample in the upper half of each:
# `args` has the byte at which it goes into `buf`, the first frame, how many, the channels,
# and the key. Every product stays below 2**30, so a build of any word size gives the same.
@micropython.viper
def fill(buf: ptr32, args: ptr32):
    frames = int(args[2])
    channels = int(args[3])
    key = int(args[4])
    c = 0
    while c < channels:
        at = (int(args[0]) >> 2) + c
        place = int(args[1]) + c * 0x15555555
        left = frames
        while left > 0:
            low = (place & 0x7FFF) ^ key
            high = (place >> 15) & 0x7FFF
            low ^= (high * 25717 + 13849) >> 8 & 0x7FFF
            high ^= (low * 25717 + 27211) >> 8 & 0x7FFF
            low ^= (high * 25717 + 5077) >> 8 & 0x7FFF
            high ^= (low * 25717 + 31337) >> 8 & 0x7FFF
            buf[at] = (((low << 1) ^ high) & 0xFFFF) << 16
            at += channels
            place += 1
            left -= 1
        c += 1
