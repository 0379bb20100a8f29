"""The head of a FLAC file: its comment read, and put in (RFC 9639, sections 6 and 8).

    "fLaC", then blocks: u8 last flag and kind, u24 length, content; then the audio

A Vorbis comment has its lengths in little-endian, everything else is big-endian.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from ossicle.archive.entry import ArchiveError

MAGIC = b"fLaC"
VENDOR = b"ossicle"
COMMENT = b"comment="
_STREAMINFO, _VORBIS_COMMENT, _RESERVED = 0, 4, 127
_LAST = 0x80
_BLOCKS_MAX = 64


def comment(head: bytes) -> str | None:
    """The text of the comment, None where there is none within the bytes."""
    for kind, start, stop in _blocks(head):
        if kind == _VORBIS_COMMENT:
            return read_comment(head[start:stop])
    return None


def with_comment(data: bytes | memoryview, text: str) -> bytes:
    """The same file with this comment and no other, behind the stream's own block."""
    view = memoryview(data)
    blocks = list(_blocks(view))
    if not blocks or blocks[0][0] != _STREAMINFO:
        raise ArchiveError("it is no FLAC file")
    kept = [(k, view[start:stop]) for k, start, stop in blocks if k != _VORBIS_COMMENT]
    kept.insert(1, (_VORBIS_COMMENT, memoryview(write_comment(text))))
    parts: list[bytes | memoryview] = [MAGIC]
    for n, (kind, content) in enumerate(kept):
        last = _LAST if n == len(kept) - 1 else 0
        parts += [bytes([kind | last]) + len(content).to_bytes(3, "big"), content]
    return b"".join([*parts, view[blocks[-1][2] :]])


def write_comment(text: str) -> bytes:
    """A Vorbis comment of one field."""
    field = COMMENT + text.encode()
    return struct.pack("<I", len(VENDOR)) + VENDOR + struct.pack("<II", 1, len(field)) + field


def read_comment(data: bytes) -> str | None:
    """The field of a Vorbis comment that `write_comment` made; None where there is none."""
    try:
        (length,) = struct.unpack_from("<I", data)
        count, size = struct.unpack_from("<II", data, 4 + length)
        field = bytes(data[12 + length : 12 + length + size])
        if count != 1 or len(field) != size or not field.startswith(COMMENT):
            return None
        return field.removeprefix(COMMENT).decode()
    except (struct.error, UnicodeDecodeError):
        return None


def _blocks(data: bytes | memoryview) -> Iterator[tuple[int, int, int]]:
    """Kind, start and stop of the content of each block that is whole within the bytes."""
    if bytes(data[:4]) != MAGIC:
        return
    at = 4
    for _ in range(_BLOCKS_MAX):
        head = bytes(data[at : at + 4])
        if len(head) < 4:
            return
        start = at + 4
        at = start + int.from_bytes(head[1:], "big")
        if at > len(data):
            return
        yield head[0] & ~_LAST, start, at
        if head[0] & _LAST:
            return
