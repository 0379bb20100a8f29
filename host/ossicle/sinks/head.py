"""The head of a WAV file: composed whole, and read back.

All that changes while a file grows lies in the head, and the head goes out in one write. With a text it has
`DESCRIBED_BYTES` bytes, whatever the text is: so the text can change, and the samples stay where they are.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

SAMPLE_BYTES = 2
BARE_BYTES = 80
DESCRIBED_BYTES = 2048
"""Below a page, so that no writer is stopped in the middle of it."""
TEXT_MAX_BYTES = DESCRIBED_BYTES - BARE_BYTES - 21
"""Of a text: libsndfile reads comments of less than 2048 bytes, others not at all."""

_U32_MAX = 0xFFFFFFFF
_PCM = 1
_FORMAT = struct.Struct("<4sIHHIIHH")
_DATA = struct.Struct("<4sI")
_TOP = struct.Struct("<4sI4s4sIQQQI")


@dataclass(frozen=True, slots=True)
class Head:
    """What a head says; `text` is None where it has no room for one, "" where nothing was written there."""

    rate: int
    channels: int
    frames: int
    text: str | None

    @property
    def size(self) -> int:
        """Bytes before the samples."""
        return BARE_BYTES if self.text is None else DESCRIBED_BYTES


def compose(head: Head) -> bytes:
    """RIFF or, beyond 4 GB, RF64 (EBU Tech 3306); a chunk of 28 bytes that only RF64 needs; the format; for a
    text LIST INFO with ICMT, the comment; data. Raises ValueError for a text of more than `TEXT_MAX_BYTES`.
    """
    frame_bytes = SAMPLE_BYTES * head.channels
    data = head.frames * frame_bytes
    riff = head.size - 8 + data + data % 2
    if riff <= _U32_MAX:
        top = _TOP.pack(b"RIFF", riff, b"WAVE", b"JUNK", 28, 0, 0, 0, 0)
        size = data
    else:
        top = _TOP.pack(b"RF64", _U32_MAX, b"WAVE", b"ds64", 28, riff, data, head.frames, 0)
        size = _U32_MAX
    layout = _FORMAT.pack(
        b"fmt ", 16, _PCM, head.channels, head.rate, head.rate * frame_bytes, frame_bytes, 8 * SAMPLE_BYTES
    )
    return top + layout + _comment(head.text) + _DATA.pack(b"data", size)


def _comment(text: str | None) -> bytes:
    if text is None:
        return b""
    encoded = text.encode()
    if len(encoded) > TEXT_MAX_BYTES:
        raise ValueError(f"a description of {len(encoded)} bytes: at most {TEXT_MAX_BYTES} fit")
    room = TEXT_MAX_BYTES + 1
    body = struct.pack("<4s4sI", b"INFO", b"ICMT", room) + encoded.ljust(room, b"\0")
    return struct.pack("<4sI", b"LIST", len(body)) + body


def parse(data: bytes) -> Head | None:
    """The head of a file that `compose` began; None for any other, also other WAV files.

    `data`: the first `DESCRIBED_BYTES` bytes, or all there are.
    """
    if len(data) < BARE_BYTES:
        return None
    kind, _, wave, extra, extra_size, _, data64, _, _ = _TOP.unpack_from(data)
    if (kind, extra) not in ((b"RIFF", b"JUNK"), (b"RF64", b"ds64")) or (wave, extra_size) != (b"WAVE", 28):
        return None
    mark, size, code, channels, rate, _, frame_bytes, bits = _FORMAT.unpack_from(data, _TOP.size)
    if (mark, size, code, bits) != (b"fmt ", 16, _PCM, 8 * SAMPLE_BYTES) or channels < 1:
        return None
    if not 1 <= rate <= _U32_MAX // (SAMPLE_BYTES * channels):  # bytes a second have to fit
        return None
    text = None
    at = _TOP.size + _FORMAT.size
    if data[at : at + 4] == b"LIST" and len(data) >= DESCRIBED_BYTES:
        text = _text(data[at + 20 : DESCRIBED_BYTES - _DATA.size])
        at = DESCRIBED_BYTES - _DATA.size
    mark, length = _DATA.unpack_from(data, at)
    if mark != b"data" or frame_bytes != SAMPLE_BYTES * channels:
        return None
    return Head(rate, channels, (data64 if kind == b"RF64" else length) // frame_bytes, text)


def _text(data: bytes) -> str:
    """What `_comment` put there; what it cannot have put there is no text."""
    try:
        return data[:TEXT_MAX_BYTES].rstrip(b"\0").decode()
    except UnicodeDecodeError:
        return ""
