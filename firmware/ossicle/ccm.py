# AES-128-CCM (RFC 3610, M = 8, L = 2) of cryptolib's ECB and CBC, which have neither CCM nor a
# counter mode. Nothing is allocated for a packet.
#
# cryptolib takes whole buffers only, and a slice would allocate: so there is a view for each
# multiple of 64 bytes. What a view has behind the last block costs time and changes nothing:
# the MAC is a block in the middle then. A CBC object cannot be set back to its IV; XORing its
# last ciphertext block into the next first block does the same.
from array import array

from cryptolib import aes
from micropython import const

from ossicle.cipher import (
    S_NONCE,
    S_SIZE,
    WORK_BYTES,
    Z_A,
    Z_AT,
    Z_N,
    Z_SIZE,
    counter_blocks,
    mac_blocks,
    mac_take,
    stream_xor,
    tag_differs,
    tag_open,
    tag_put,
)
from ossicle.rare import rare

_ECB = const(1)
_CBC = const(2)
_STEP = const(64)
_BLOCK = const(16)


# Where the blocks of a packet are made, piece by piece: one for all keys.
# The bytes, its views, and the sizes.
@rare("key")
def workroom():
    work = bytearray(WORK_BYTES)
    whole = memoryview(work)
    views = tuple(whole[:n] for n in range(_STEP, WORK_BYTES + 1, _STEP))
    return work, views, array("i", (0 for _ in range(Z_SIZE)))


class Ccm:
    # `key` has 16 bytes.
    def __init__(self, key, room):
        self._ecb = aes(key, _ECB)
        self._cbc = aes(key, _CBC, bytes(_BLOCK))
        self._room = room
        self._state = bytearray(S_SIZE)

    # Of the next message. A number is the nonce's last four bytes, little-endian, in `packet`.
    def nonce(self, direction, packet, at):
        state = self._state
        state[S_NONCE] = direction
        for i in range(4):
            state[S_NONCE + 9 + i] = packet[at + i]

    # Encrypts the n bytes behind the first a in their place and writes the tag behind them; the
    # length of all.
    def seal(self, packet, a, n):
        self._mac(packet, a, n)
        self.stream(packet, a, n, True)
        return a + n + 8

    # Decrypts them likewise. False when the tag is wrong: then what lies there is nothing, until
    # stream() makes it what it was.
    def open(self, packet, a, n):
        self.stream(packet, a, n, False)
        self._mac(packet, a, n)
        return tag_differs(packet, self._state, a + n) == 0

    def _mac(self, packet, a, n):
        work, views, sizes = self._room
        sizes[Z_A] = a
        sizes[Z_N] = n
        sizes[Z_AT] = 0
        end = 0
        view = None
        while True:
            more = mac_blocks(packet, work, self._state, sizes)
            if more == 0:
                break
            end = more
            view = views[(end - 1) // _STEP]
            self._cbc.encrypt(view, view)
            sizes[Z_AT] += WORK_BYTES
        mac_take(work, self._state, end, len(view))

    # The message and its tag XOR the key stream. `seals`: the tag is made of the MAC.
    def stream(self, packet, a, n, seals):
        work, views, sizes = self._room
        sizes[Z_A] = a
        sizes[Z_N] = n
        at = 0
        while at < n + _BLOCK:
            view = views[min(n + _BLOCK - at - 1, WORK_BYTES - 1) // _STEP]
            counter_blocks(work, self._state, at // _BLOCK, (at + len(view)) // _BLOCK)
            self._ecb.encrypt(view, view)
            if at:
                pass
            elif seals:
                tag_put(packet, work, self._state, a + n)
            else:
                tag_open(packet, work, a + n)
            sizes[Z_AT] = at
            stream_xor(packet, work, sizes)
            at += WORK_BYTES
