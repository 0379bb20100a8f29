"""Bytes that are nearly right: valid packets of the vectors, hurt in one place or several."""

from __future__ import annotations

import oracle
from hypothesis import strategies as st
from subjects import vectors

PACKETS = {
    side: [bytes.fromhex(vector["packet"]) for vector in vectors("packet", side)]
    for side in ("host", "device")
}


@st.composite
def hurt(draw: st.DrawFn, data: bytes) -> bytes:
    """`data` with bits flipped, bytes lost, doubled or put in, or cut short; not equal to `data`."""
    out = bytearray(data)
    for _ in range(draw(st.integers(1, 3))):
        if not out:
            break
        at = draw(st.integers(0, len(out) - 1))
        how = draw(st.sampled_from(["flip", "lose", "double", "insert", "cut", "swap"]))
        if how == "flip":
            out[at] ^= 1 << draw(st.integers(0, 7))
        elif how == "lose":
            del out[at]
        elif how == "double":
            out[at:at] = out[at : at + draw(st.integers(1, 40))]
        elif how == "insert":
            out[at:at] = draw(st.binary(min_size=1, max_size=8))
        elif how == "cut":
            del out[at:]
        else:
            other = draw(st.integers(0, len(out) - 1))
            out[at], out[other] = out[other], out[at]
    return bytes(out) if bytes(out) != data else bytes(out) + b"\x55"


def nearly(side: str) -> st.SearchStrategy[bytes]:
    """What `side` may hear: a packet as it should be, hurt, hurt with its check set right again, or noise."""
    good = st.sampled_from(PACKETS[side])
    return st.one_of(good, good.flatmap(hurt), good.flatmap(hurt).map(checked), st.binary(max_size=1500))


def checked(data: bytes) -> bytes:
    """`data` with a right CRC-32 in place of its last four bytes."""
    body = data[:-4]
    return body + oracle.crc32(body).to_bytes(4, "little")


def lines(side: str) -> st.SearchStrategy[bytes]:
    """Serial lines: frames right and wrong, empty ones, noise with and without zeros."""
    frame = nearly(side).map(oracle.serial_frame)
    piece = st.one_of(
        frame,
        frame,
        frame.flatmap(hurt),
        st.binary(max_size=40),
        st.binary(min_size=1300, max_size=1700),
        st.just(b"\0" * 5),
    )
    return st.lists(piece, max_size=8).map(b"".join)


def cuts(draw: st.DrawFn, line: bytes) -> list[bytes]:
    """`line` in pieces, as a link might bring it."""
    places = sorted(draw(st.lists(st.integers(0, len(line)), max_size=6)))
    return [line[a:b] for a, b in zip([0, *places], [*places, len(line)], strict=True)]


def judged(line: bytes, side: str) -> tuple[list[bytes], int]:
    """By the oracle: the packets of a line that `side` hears, and how many frames are dropped."""
    frames, dropped = oracle.read_serial(line)
    good = []
    for frame in frames:
        try:
            oracle.decode_packet(frame, side)
        except oracle.Malformed:
            dropped += 1
        else:
            good.append(frame)
    return good, dropped
