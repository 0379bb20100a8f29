"""Files in memory that libsndfile would read in part, and say nothing: WAV and Ogg that were cut short."""

from __future__ import annotations

import zlib

from ossicle.audio.errors import MalformedAudioError

UNKNOWN = 0xFFFFFFFF  # the size that is written into a WAV head by who cannot know it
_PAGE = 27  # bytes of the head of an Ogg page, before its table of lengths
_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def check_wav(data: bytes) -> None:
    """Raise `MalformedAudioError` unless all samples that the head tells of are there."""
    at = 12
    frame_bytes = 1
    while at + 8 <= len(data):
        mark, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        there = len(data) - at - 8
        if mark == b"data":
            if size != UNKNOWN and size > there:
                raise MalformedAudioError(f"the wav audio is cut short: {there} of {size} bytes are there")
            if min(size, there) % (frame_bytes or 1):
                raise MalformedAudioError(
                    f"the wav audio has {min(size, there)} bytes, no whole number of frames of {frame_bytes}"
                )
            return
        if mark == b"fmt ":
            frame_bytes = int.from_bytes(data[at + 20 : at + 22], "little")
        at += 8 + size + size % 2
    raise MalformedAudioError("the wav audio has no samples: it is cut short, or no WAV file")


def check_ogg(data: bytes) -> None:
    """Raise `MalformedAudioError` unless the pages follow each other whole (RFC 3533, section 6)."""
    at = 0
    number: dict[bytes, int] = {}
    while at < len(data):
        table = data[at + _PAGE : at + _PAGE + data[at + 26]] if at + _PAGE <= len(data) else b""
        stop = at + _PAGE + len(table) + sum(table)
        if data[at : at + 4] != b"OggS" or not table or stop > len(data) or len(table) < data[at + 26]:
            raise MalformedAudioError(f"the ogg audio is cut short or broken at byte {at} of {len(data)}")
        page = data[at:stop]
        serial, told = page[14:18], int.from_bytes(page[18:22], "little")
        if _crc(page[:22] + bytes(4) + page[26:]) != int.from_bytes(page[22:26], "little"):
            raise MalformedAudioError(f"the ogg audio is broken: the page at byte {at} has another checksum")
        if told != number.get(serial, 0):
            raise MalformedAudioError(f"the ogg audio lacks a page before byte {at}")
        if number and serial not in number:
            raise MalformedAudioError("the ogg audio is of several streams: push them one by one")
        number[serial] = told + 1
        at = stop


def _crc(page: bytes) -> int:
    """CRC-32 with Ogg's polynomial, the same as zlib's but from the highest bit on, begun at 0."""
    mirrored = zlib.crc32(page.translate(_MIRRORED), UNKNOWN) ^ UNKNOWN
    return int(f"{mirrored:032b}"[::-1], 2)
