# The machine code of CCM (RFC 3610): all of it that is not AES. As in kernels.py there are
# no bounds checks, nothing allocates, and every result is below 2**30.
#
# A message lies in `packet`: `a` bytes that are only authenticated, then `n` bytes that are
# encrypted too, then the tag. It is worked through in pieces of WORK_BYTES, so that the board
# need not have room for a second packet. `state` belongs to one key and holds what the indices
# S_ say; `sizes` what the indices Z_ say.
import micropython
from micropython import const

WORK_BYTES = const(128)

# Bytes of the state.
S_CHAIN = const(0)  # the last ciphertext block of the CBC object: what its next block is XORed with
S_NONCE = const(16)  # 13 bytes
S_MAC = const(32)  # the first 8 bytes of the last MAC
S_SIZE = const(40)

Z_A = const(0)
Z_N = const(1)
Z_AT = const(2)  # of the piece, in the blocks of the MAC or in the key stream
Z_SIZE = const(3)

# B0's flags: associated data, a tag of 8 bytes, a length of 2 (RFC 3610, 2.2).
_B0_FLAGS = const(0x59)
_TAG_BYTES = const(8)


# A piece of the blocks that CBC-MAC goes over, into `work`; its length, 0 behind the end. B0 is
# XORed with the chain: so the CBC object begins anew, as with an IV of zeros.
@micropython.viper
def mac_blocks(packet: ptr8, work: ptr8, state: ptr8, sizes: ptr32) -> int:
    a = int(sizes[Z_A])
    n = int(sizes[Z_N])
    p = int(sizes[Z_AT])
    head = 16 + ((2 + a + 15) & -16)
    i = 0
    while i < WORK_BYTES and p < head:
        b = 0
        if p >= 18:
            if p - 18 < a:
                b = int(packet[p - 18])
        elif p >= 16:
            b = (a >> 8) if p == 16 else a & 255
        else:
            if p == 0:
                b = _B0_FLAGS
            elif p < 14:
                b = int(state[S_NONCE - 1 + p])
            else:
                b = (n >> 8) if p == 14 else n & 255
            b = b ^ int(state[S_CHAIN + p])
        work[i] = b
        i += 1
        p += 1
    q = a + p - head
    end = a + n
    while i < WORK_BYTES and q < end:
        work[i] = packet[q]
        i += 1
        q += 1
    while i & 15:
        work[i] = 0
        i += 1
    return i


# After CBC over `done` bytes: the MAC is in the block that ends at `end`, the chain in the last.
@micropython.viper
def mac_take(work: ptr8, state: ptr8, end: int, done: int):
    i = 0
    while i < _TAG_BYTES:
        state[S_MAC + i] = work[end - 16 + i]
        i += 1
    i = 0
    while i < 16:
        state[S_CHAIN + i] = work[done - 16 + i]
        i += 1


# The counter blocks from `first` on that ECB makes the key stream of; the first one is the tag's.
@micropython.viper
def counter_blocks(work: ptr8, state: ptr8, first: int, stop: int):
    at = 0
    while first < stop:
        work[at] = 1
        i = 0
        while i < 13:
            work[at + 1 + i] = state[S_NONCE + i]
            i += 1
        work[at + 14] = first >> 8
        work[at + 15] = first & 255
        at += 16
        first += 1


# The message XOR a piece of the key stream, whose first block is the tag's.
@micropython.viper
def stream_xor(packet: ptr8, work: ptr8, sizes: ptr32):
    q = int(sizes[Z_AT]) - 16
    end = int(sizes[Z_A]) + int(sizes[Z_N])
    i = 0
    if q < 0:
        i = 16
        q = 0
    q += int(sizes[Z_A])
    while i < WORK_BYTES and q < end:
        packet[q] = int(packet[q]) ^ int(work[i])
        i += 1
        q += 1


# The tag behind the message: the MAC XOR the key stream's first block.
@micropython.viper
def tag_put(packet: ptr8, work: ptr8, state: ptr8, at: int):
    i = 0
    while i < _TAG_BYTES:
        packet[at + i] = int(state[S_MAC + i]) ^ int(work[i])
        i += 1


# The tag out of the packet, before the MAC is known.
@micropython.viper
def tag_open(packet: ptr8, work: ptr8, at: int):
    i = 0
    while i < _TAG_BYTES:
        packet[at + i] = int(packet[at + i]) ^ int(work[i])
        i += 1


# 0 when the opened tag is the MAC. All bytes are looked at, whichever differ.
@micropython.viper
def tag_differs(packet: ptr8, state: ptr8, at: int) -> int:
    found = 0
    i = 0
    while i < _TAG_BYTES:
        found = found | (int(packet[at + i]) ^ int(state[S_MAC + i]))
        i += 1
    return found
