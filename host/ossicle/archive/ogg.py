"""The head of an Ogg Opus file: its comment read, and put in (RFC 3533, section 6; RFC 7845, section 5).

    page: "OggS", version, flags, u64 granule position, u32 stream, u32 number, u32 check, u8 segments, sizes

The first page holds OpusHead, the next OpusTags, both alone. Little-endian throughout.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from ossicle.archive.entry import ArchiveError
from ossicle.archive.flac import read_comment, write_comment

MAGIC = b"OggS"
_HEAD, _TAGS = b"OpusHead", b"OpusTags"
_PAGE = struct.Struct("<4sBBqIIIB")
_CHECK_AT = 22
_SEGMENT = 255
_SEGMENTS_MAX = 255
_POLYNOMIAL = 0x04C11DB7


def comment(head: bytes) -> str | None:
    """The text of the comment, None where there is none within the bytes."""
    pages = list(_first_pages(head))
    if len(pages) < 2 or not pages[0][2].startswith(_HEAD) or not pages[1][2].startswith(_TAGS):
        return None
    return read_comment(pages[1][2][len(_TAGS) :])


def with_comment(data: bytes | memoryview, text: str) -> bytes:
    """The same file with this comment, on one page: so those behind keep their numbers."""
    view = memoryview(data)
    pages = list(_first_pages(view))
    if len(pages) < 2 or not pages[0][2].startswith(_HEAD) or not pages[1][2].startswith(_TAGS):
        raise ArchiveError("it is no Ogg Opus file")
    (_, opened, _), (start, stop, _) = pages
    content = _TAGS + write_comment(text)
    whole, rest = divmod(len(content), _SEGMENT)
    if whole >= _SEGMENTS_MAX:
        raise ArchiveError(f"a description of {len(text)} bytes: a page of Ogg has no room for it")
    sizes = bytes([_SEGMENT] * whole + [rest])
    fields = list(_PAGE.unpack_from(view, start))
    fields[6], fields[7] = 0, len(sizes)
    page = bytearray(_PAGE.pack(*fields) + sizes + content)
    struct.pack_into("<I", page, _CHECK_AT, crc(page))
    return b"".join([view[:opened], page, view[stop:]])


def crc(page: bytes | bytearray) -> int:
    """Ogg's check of a page whose own check is 0: CRC-32 by 0x04C11DB7, not reflected, from 0."""
    value = 0
    for byte in page:
        value = (value << 8) & 0xFFFFFFFF ^ _TABLE[value >> 24 ^ byte]
    return value


def _entry(byte: int) -> int:
    value = byte << 24
    for _ in range(8):
        value = (value << 1) ^ (_POLYNOMIAL if value & 0x80000000 else 0)
    return value & 0xFFFFFFFF


_TABLE = [_entry(byte) for byte in range(256)]


def _first_pages(data: bytes | memoryview) -> Iterator[tuple[int, int, bytes]]:
    """Start, stop and content of the first two pages, as far as they are whole."""
    at = 0
    for _ in range(2):
        head = bytes(data[at : at + _PAGE.size])
        if len(head) < _PAGE.size or head[:4] != MAGIC:
            return
        start = at + _PAGE.size + head[-1]
        stop = start + sum(bytes(data[at + _PAGE.size : start]))
        if stop > len(data):
            return
        yield at, stop, bytes(data[start:stop])
        at = stop
