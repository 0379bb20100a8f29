# The machine code of CCM (RFC 3610): all of it that is not AES. As in kernels.py there are
# no bounds checks, nothing allocates, and every result is below 2**30.
#
# A message lies in `packet`: `a` bytes that are only authenticated, then `n` bytes that are
# encrypted too, then the tag. `state` belongs to one key and holds what the indices below say.
import micropython
from micropython import const

# Bytes of the state.
S_CHAIN = const(0)  # the last ciphertext block of the CBC object: what its next block is XORed with
S_NONCE = const(16)  # 13 bytes
S_MAC = const(32)  # the first 8 bytes of the last MAC
S_SIZE = const(40)

# B0's flags: associated data, a tag of 8 bytes, a length of 2 (RFC 3610, 2.2).
_B0_FLAGS = const(0x59)
_TAG_BYTES = const(8)


# The blocks that CBC-MAC goes over, into `work`; how many bytes they are. The first one is
# XORed with the chain: so the CBC object begins anew, as with an IV of zeros.
@micropython.viper
def mac_blocks(packet: ptr8, work: ptr8, state: ptr8, sizes: ptr32) -> int:
    a = int(sizes[0])
    n = int(sizes[1])
    work[0] = _B0_FLAGS ^ int(state[S_CHAIN])
    i = 0
    while i < 13:
        work[1 + i] = int(state[S_NONCE + i]) ^ int(state[S_CHAIN + 1 + i])
        i += 1
    work[14] = (n >> 8) ^ int(state[S_CHAIN + 14])
    work[15] = (n & 255) ^ int(state[S_CHAIN + 15])
    work[16] = a >> 8
    work[17] = a & 255
    to = 18
    i = 0
    while i < a:
        work[to] = packet[i]
        to += 1
        i += 1
    while to & 15:
        work[to] = 0
        to += 1
    end = a + n
    while i < end:
        work[to] = packet[i]
        to += 1
        i += 1
    while to & 15:
        work[to] = 0
        to += 1
    return to


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


# The counter blocks that ECB makes the key stream of, the tag's first.
@micropython.viper
def counter_blocks(work: ptr8, state: ptr8, blocks: int):
    k = 0
    at = 0
    while k < blocks:
        work[at] = 1
        i = 0
        while i < 13:
            work[at + 1 + i] = state[S_NONCE + i]
            i += 1
        work[at + 14] = k >> 8
        work[at + 15] = k & 255
        at += 16
        k += 1


# The message XOR the key stream.
@micropython.viper
def stream_xor(packet: ptr8, work: ptr8, sizes: ptr32):
    at = int(sizes[0])
    n = int(sizes[1])
    i = 0
    while i < n:
        packet[at + i] = int(packet[at + i]) ^ int(work[16 + i])
        i += 1


# The tag behind the message: the MAC XOR the key stream's first block.
@micropython.viper
def tag_put(packet: ptr8, work: ptr8, state: ptr8, at: int):
    i = 0
    while i < _TAG_BYTES:
        packet[at + i] = int(state[S_MAC + i]) ^ int(work[i])
        i += 1


# The tag out of the packet, where the key stream's first block must not wait for the MAC.
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
