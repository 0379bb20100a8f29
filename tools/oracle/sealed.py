"""Keys (W-46) and sealed packets (W-45): AES-128 from FIPS 197, CCM from RFC 3610 with M = 8, L = 2."""

from __future__ import annotations

import hashlib
import hmac

from oracle.spec import LIMITS

TAG_BYTES = LIMITS["tag_bytes"]
HEADER_BYTES = LIMITS["header_bytes"]


def derive_key(psk: bytes, direction: int, challenges: tuple[bytes, bytes], names: tuple[str, str]) -> bytes:
    """The 16-byte key of one direction (0 host, 1 device), or the proof (2); the host's come first."""
    message = b"ossicle" + bytes([direction]) + challenges[0] + challenges[1]
    for name in names:
        message += bytes([len(name.encode())]) + name.encode()
    return hmac.new(psk, message, hashlib.sha256).digest()[:16]


def nonce(direction: int, number: int) -> bytes:
    return bytes([direction]) + bytes(8) + number.to_bytes(4, "little")


def seal(key: bytes, direction: int, header: bytes, payload: bytes) -> bytes:
    """Header, encrypted payload and tag. The number is the header's last four bytes."""
    once = nonce(direction, int.from_bytes(header[12:16], "little"))
    tag = xor(cbc_mac(key, once, header, payload), stream_block(key, once, 0))[:TAG_BYTES]
    return header + counter_mode(key, once, payload) + tag


def open_sealed(key: bytes, direction: int, packet: bytes) -> bytes | None:
    """The payload in the clear, or None when the tag is wrong."""
    header, body = packet[:HEADER_BYTES], packet[HEADER_BYTES:-TAG_BYTES]
    once = nonce(direction, int.from_bytes(header[12:16], "little"))
    payload = counter_mode(key, once, body)
    tag = xor(cbc_mac(key, once, header, payload), stream_block(key, once, 0))[:TAG_BYTES]
    return payload if tag == packet[-TAG_BYTES:] else None


def cbc_mac(key: bytes, once: bytes, associated: bytes, payload: bytes) -> bytes:
    flags = 64 * bool(associated) + 8 * ((TAG_BYTES - 2) // 2) + 1
    blocks = bytes([flags]) + once + len(payload).to_bytes(2, "big")
    blocks += padded(len(associated).to_bytes(2, "big") + associated) + padded(payload)
    mac = bytes(16)
    for i in range(0, len(blocks), 16):
        mac = aes(key, xor(mac, blocks[i : i + 16]))
    return mac


def counter_mode(key: bytes, once: bytes, data: bytes) -> bytes:
    out = b""
    for i in range(0, len(data), 16):
        out += xor(data[i : i + 16], stream_block(key, once, i // 16 + 1))
    return out


def stream_block(key: bytes, once: bytes, count: int) -> bytes:
    return aes(key, b"\x01" + once + count.to_bytes(2, "big"))


def padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 16)


def xor(a: bytes, b: bytes) -> bytes:
    return bytes(x ^ y for x, y in zip(a, b, strict=False))


def times(a: int, b: int) -> int:
    """The product in GF(2**8) modulo x^8 + x^4 + x^3 + x + 1."""
    out = 0
    while b:
        out ^= a if b & 1 else 0
        a = a << 1 ^ (0x11B if a & 0x80 else 0)
        b >>= 1
    return out


def s_box(value: int) -> int:
    """The inverse in GF(2**8) (0 for 0), then the affine map of FIPS 197, 5.1.1."""
    inverse = next((x for x in range(256) if times(value, x) == 1), 0)
    out = 0x63
    for turn in range(5):
        out ^= (inverse << turn | inverse >> (8 - turn)) & 255
    return out


SBOX = [s_box(value) for value in range(256)]


def round_keys(key: bytes) -> list[bytes]:
    words = [key[i : i + 4] for i in range(0, 16, 4)]
    factor = 1
    while len(words) < 44:
        word = words[-1]
        if len(words) % 4 == 0:
            word = bytes(SBOX[b] for b in word[1:] + word[:1])
            word = bytes([word[0] ^ factor]) + word[1:]
            factor = times(factor, 2)
        words.append(xor(words[-4], word))
    return [b"".join(words[i : i + 4]) for i in range(0, 44, 4)]


def aes(key: bytes, block: bytes) -> bytes:
    """One block of AES-128, in the words of FIPS 197, 5.1: columns are runs of four bytes."""
    keys = round_keys(key)
    state = xor(block, keys[0])
    for turn in range(1, 11):
        state = bytes(SBOX[b] for b in state)
        state = bytes(state[(i + 4 * (i % 4)) % 16] for i in range(16))
        if turn < 10:
            state = b"".join(mixed(state[i : i + 4]) for i in range(0, 16, 4))
        state = xor(state, keys[turn])
    return state


def mixed(column: bytes) -> bytes:
    rows = ((2, 3, 1, 1), (1, 2, 3, 1), (1, 1, 2, 3), (3, 1, 1, 2))
    out = []
    for row in rows:
        value = 0
        for factor, byte in zip(row, column, strict=True):
            value ^= times(byte, factor)
        out.append(value)
    return bytes(out)
