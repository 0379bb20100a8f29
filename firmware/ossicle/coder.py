# IMA ADPCM in machine code (W-42), apart from kernels.py so that only a board that was asked
# for it has it in memory. The rules at the head of that file are this one's too.
#
# The coder's state is four bytes a channel, as a payload has them: predictor (i16), index
# (u8), and one that is not looked at.
import micropython
from micropython import const

# Indices into the arguments of `adpcm`.
A_FRAMES = const(0)
A_CHANNELS = const(1)
A_FIRST = const(2)  # frame index of the first in the storage
A_CAPACITY = const(3)  # frames after which the storage begins anew
A_STATE = const(4)  # byte in `dst` at which the states lie, one for each channel
A_HOP = const(5)  # 0: nibbles go behind the states; else states go into a table, see below
A_BEFORE = const(6)  # frames to the first hop boundary
A_SLOT = const(7)  # of that boundary, in the table
A_SLOTS = const(8)
A_SIZE = const(9)

# The 89 steps, u16, little-endian.
STEPS = (
    b"\x07\x00\x08\x00\x09\x00\x0a\x00\x0b\x00\x0c\x00\x0d\x00\x0e\x00\x10\x00\x11\x00\x13\x00"
    b"\x15\x00\x17\x00\x19\x00\x1c\x00\x1f\x00\x22\x00\x25\x00\x29\x00\x2d\x00\x32\x00\x37\x00"
    b"\x3c\x00\x42\x00\x49\x00\x50\x00\x58\x00\x61\x00\x6b\x00\x76\x00\x82\x00\x8f\x00\x9d\x00"
    b"\xad\x00\xbe\x00\xd1\x00\xe6\x00\xfd\x00\x17\x01\x33\x01\x51\x01\x73\x01\x98\x01\xc1\x01"
    b"\xee\x01\x20\x02\x56\x02\x92\x02\xd4\x02\x1c\x03\x6c\x03\xc3\x03\x24\x04\x8e\x04\x02\x05"
    b"\x83\x05\x10\x06\xab\x06\x56\x07\x12\x08\xe0\x08\xc3\x09\xbd\x0a\xd0\x0b\xff\x0c\x4c\x0e"
    b"\xba\x0f\x4c\x11\x07\x13\xee\x14\x06\x17\x54\x19\xdc\x1b\xa5\x1e\xb6\x21\x15\x25\xca\x28"
    b"\xdf\x2c\x5b\x31\x4b\x36\xb9\x3b\xb2\x41\x44\x48\x7e\x4f\x71\x57\x2f\x60\xce\x69\x62\x74"
    b"\xff\x7f"
)


# Codes frames of the storage. Without a hop: their nibbles, low first, channels in turn; the
# states stay what they are at the first frame. With one: no nibbles, but the states before
# each frame that begins a hop go to their slots at the start of `dst`, and the states after
# the last frame take the place of the ones before the first.
@micropython.viper
def adpcm(src: ptr16, dst: ptr8, args: ptr32, steps: ptr16) -> int:
    frames = int(args[A_FRAMES])
    channels = int(args[A_CHANNELS])
    capacity = int(args[A_CAPACITY])
    hop = int(args[A_HOP])
    slots = int(args[A_SLOTS])
    at = int(args[A_STATE])
    out = at + (channels << 2)
    c = 0
    while c < channels:
        predictor = ((int(dst[at]) | int(dst[at + 1]) << 8) ^ 0x8000) - 0x8000
        k = int(dst[at + 2])
        frame = int(args[A_FIRST])
        before = int(args[A_BEFORE])
        slot = int(args[A_SLOT])
        place = c
        left = frames
        while left:
            if hop:
                if before == 0:
                    to = (slot * channels + c) << 2
                    dst[to] = predictor & 255
                    dst[to + 1] = (predictor >> 8) & 255
                    dst[to + 2] = k
                    before = hop
                    slot += 1
                    if slot == slots:
                        slot = 0
                before -= 1
            step = int(steps[k])
            nibble = 0
            change = step >> 3
            rest = ((int(src[frame * channels + c]) ^ 0x8000) - 0x8000) - predictor
            if rest < 0:
                nibble = 8
                rest = 0 - rest
            if rest >= step:
                nibble |= 4
                rest -= step
                change += step
            step >>= 1
            if rest >= step:
                nibble |= 2
                rest -= step
                change += step
            step >>= 1
            if rest >= step:
                nibble |= 1
                change += step
            if nibble & 8:
                predictor -= change
                if predictor < -32768:
                    predictor = -32768
            else:
                predictor += change
                if predictor > 32767:
                    predictor = 32767
            if nibble & 4:
                k += ((nibble & 3) << 1) + 2
                if k > 88:
                    k = 88
            elif k:
                k -= 1
            if hop == 0:
                to = out + (place >> 1)
                if place & 1:
                    dst[to] = int(dst[to]) | nibble << 4
                else:
                    dst[to] = nibble
                place += channels
            frame += 1
            if frame == capacity:
                frame = 0
            left -= 1
        if hop:
            dst[at] = predictor & 255
            dst[at + 1] = (predictor >> 8) & 255
            dst[at + 2] = k
        at += 4
        c += 1
    return frames
