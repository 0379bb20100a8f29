# Machine code of the emulated peripherals alone: no chip has it.

import micropython

# `n` bytes of `src` to `dst`, from byte `at` on.
@micropython.viper
def copy(dst: ptr8, at: int, src: ptr8, n: int):
    i = 0
    while i < n:
        dst[at + i] = src[i]
        i += 1


# `n` bytes of `src` from byte `off` on, behind the 12 bytes that head a frame.
@micropython.viper
def frame(dst: ptr8, src: ptr8, off: int, n: int):
    i = 0
    while i < n:
        dst[12 + i] = src[off + i]
        i += 1
