"""COBS and serial frames (W-12 to W-15), from the definition in Cheshire and Baker, 1999."""

from __future__ import annotations

from oracle.spec import LIMITS


def cobs_encode(data: bytes) -> bytes:
    """Cut the data, and one zero behind it, into blocks: up to 254 bytes that are no zero, then a zero.

    A block is its code and its bytes: code n + 1 stands for n bytes and a zero; 255 for 254 bytes and
    none. A last block of 254 bytes needs no empty one behind it (W-15).
    """
    out = b""
    rest = data + b"\0"
    while rest:
        run = rest.index(0)
        if run >= 254:
            out += b"\xff" + rest[:254]
            rest = rest[254:]
            if rest == b"\0":
                break
        else:
            out += bytes([run + 1]) + rest[:run]
            rest = rest[run + 1 :]
    return out


def cobs_decode(frame: bytes) -> bytes | None:
    """The data, or None for a frame that holds a zero, is empty, or ends inside a block."""
    if not frame or 0 in frame:
        return None
    out = b""
    at = 0
    while at < len(frame):
        code = frame[at]
        block = frame[at + 1 : at + code]
        if len(block) != code - 1:
            return None
        out += block
        at += code
        if code != 255 and at < len(frame):
            out += b"\0"
    return out


def serial_frame(packet: bytes) -> bytes:
    """What goes on a serial line for one packet."""
    return cobs_encode(packet) + b"\0"


def read_serial(line: bytes) -> tuple[list[bytes], int]:
    """(what was between the zeros and decodes, how many were dropped). Bytes after the last zero wait."""
    frames = []
    dropped = 0
    for piece in line.split(b"\0")[:-1]:
        if not piece:
            continue
        data = cobs_decode(piece) if len(piece) < LIMITS["serial_frame_max_bytes"] else None
        if data is None:
            dropped += 1
        else:
            frames.append(data)
    return frames, dropped
