"""Raw Opus packets, as a device or a browser sends them, decoded by libopus in PyAV (the extra `opus`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ossicle.audio.chunk import Frames
from ossicle.audio.errors import DecoderMissingError, MalformedAudioError

RATE = 48_000
"""What Opus is decoded to, whatever went in."""
PACKET_MAX_FRAMES = RATE * 120 // 1000  # RFC 6716, 3.2.5
FRAME_MAX_BYTES = 1275  # RFC 6716, 3.2.1

# Frames of 48 kHz in one Opus frame, by the upper 5 bits of a packet's first byte (RFC 6716, table 2).
_SIZES = (*(480, 960, 1920, 2880) * 3, *(480, 960) * 2, *(120, 240, 480, 960) * 4)


class PacketDecoder:
    """Decodes the packets of one job, one after the other: each leans on those before it."""

    def __init__(self, channels: int) -> None:
        """Raises `DecoderMissingError`, and `MalformedAudioError` for more than two channels."""
        try:
            import av
        except ImportError:
            raise DecoderMissingError from None
        if channels > 2:
            raise MalformedAudioError(f"an Opus packet has one channel or two, and {channels} are taken")
        self._packet = av.Packet
        self._error = av.error.FFmpegError
        self._channels = channels
        self._decoder: Any = av.CodecContext.create("libopus", "r")
        self._decoder.sample_rate = RATE
        self._decoder.layout = "stereo" if channels == 2 else "mono"

    def decode(self, packets: list[bytes]) -> Frames:
        """Their audio at 48 kHz, int16 of shape `(n,)` or `(n, 2)`.

        Raises `MalformedAudioError` for what is no Opus packet; all are looked at before one is decoded.
        """
        told = length(packets)
        pieces = [self._decode(packet, number) for number, packet in enumerate(packets)]
        shape = (self._channels,) if self._channels > 1 else ()
        frames = np.concatenate([np.empty((0, *shape), np.int16), *pieces])
        if len(frames) != told:
            raise MalformedAudioError(f"{len(packets)} Opus packets gave {len(frames)} of {told} frames")
        return frames

    def _decode(self, packet: bytes, number: int) -> Frames:
        try:
            pieces = [frame.to_ndarray() for frame in self._decoder.decode(self._packet(packet))]
        except self._error as error:
            raise MalformedAudioError(f"Opus packet {number} cannot be decoded: {error.strerror}") from None
        interleaved = np.concatenate(pieces, axis=1)[0] if pieces else np.empty(0, np.int16)
        return interleaved.reshape(-1, 2) if self._channels == 2 else interleaved


def checked(packets: Sequence[object]) -> list[bytes]:
    """These packets as bytes. Raises `MalformedAudioError` for one that is something else, or empty."""
    found = []
    for number, packet in enumerate(packets):
        if not isinstance(packet, bytes | bytearray | memoryview):
            kind = type(packet).__name__
            raise MalformedAudioError(
                f"a list is taken as Opus packets, each of bytes, and {number} is of {kind}"
            )
        found.append(bytes(packet))
    return found


def length(packets: list[bytes]) -> int:
    """Frames of 48 kHz in all. Raises `MalformedAudioError` where a packet is none (RFC 6716, 3.4)."""
    total = 0
    for number, packet in enumerate(packets):
        count, fits = _frames(packet) if packet else (0, False)
        frames = count * _SIZES[packet[0] >> 3] if fits else 0
        if not 0 < frames <= PACKET_MAX_FRAMES:
            raise MalformedAudioError(f"Opus packet {number} is no Opus packet: its lengths cannot be")
        total += frames
    return total


def _frames(packet: bytes) -> tuple[int, bool]:
    """How many Opus frames a packet tells of, and whether they fit into it."""
    code, body = packet[0] & 3, packet[1:]
    if code == 0:
        return 1, len(body) <= FRAME_MAX_BYTES
    if code == 1:
        return 2, len(body) % 2 == 0 and len(body) // 2 <= FRAME_MAX_BYTES
    if code == 2:
        size, at = _size(body)
        return 2, 0 <= size <= len(body) - at <= size + FRAME_MAX_BYTES
    return _many(body)


def _many(body: bytes) -> tuple[int, bool]:
    """A packet of code 3: a count of frames, maybe padding, and lengths, unless all are of one."""
    if not body:
        return 0, False
    count, variable, padded, at = body[0] & 63, body[0] & 128, body[0] & 64, 1
    padding = 0
    while padded:
        if at >= len(body):
            return count, False
        padding += min(body[at], 254)
        padded = body[at] == 255
        at += 1
    if not variable:
        left = len(body) - at - padding
        return count, bool(count) and left >= 0 and left % count == 0 and left // count <= FRAME_MAX_BYTES
    told = 0
    for _ in range(count - 1):
        size, step = _size(body[at:])
        if size < 0:
            return count, False
        told += size
        at += step
    left = len(body) - at - padding - told
    return count, 0 <= left <= FRAME_MAX_BYTES


def _size(body: bytes) -> tuple[int, int]:
    """The length of a frame, of one byte or two, and how many bytes told it; -1 where they are missing."""
    if not body or (body[0] >= 252 and len(body) < 2):
        return -1, 0
    return (body[0], 1) if body[0] < 252 else (body[1] * 4 + body[0], 2)
