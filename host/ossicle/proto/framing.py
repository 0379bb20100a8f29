"""How packets lie on a link.

COBS and 0x00 on a serial line (W-12 to W-15), one packet to a datagram or message elsewhere (W-16).
A framing is fed what came from the link, in pieces of any size, and gives whole packets, unchecked.
"""

from __future__ import annotations

from typing import Protocol

from ._wire import DATAGRAM_MAX_BYTES, SERIAL_FRAME_MAX_BYTES


class Framing(Protocol):
    """What the receiver needs of a link's framing."""

    dropped: int
    """Frames that could not be a packet: not decodable, or too long."""

    joins: bool
    """True where packets may share one write; false where each is a datagram of its own."""

    @property
    def lead(self) -> bytes:
        """What each write begins with (W-14)."""

    def feed(self, data: bytes) -> list[bytes]:
        """Whole packets, in order, that end in `data`."""

    def wrap(self, packet: bytes) -> bytes:
        """A packet as it goes on the link."""

    def reset(self) -> None:
        """Forget an unfinished frame: the link was opened anew or changed its speed."""


def cobs_encode(packet: bytes) -> bytes:
    """COBS without the closing 0x00; blocks of 254 bytes."""
    out = bytearray()
    parts = packet.split(b"\0")
    last = len(parts) - 1
    for index, part in enumerate(parts):
        at = 0
        while len(part) - at >= 254:
            out.append(255)
            out += part[at : at + 254]
            at += 254
        rest = part[at:]
        if rest or not at or index != last:  # a full block that ends the packet is followed by nothing (W-15)
            out.append(len(rest) + 1)
            out += rest
    return bytes(out)


def cobs_decode(frame: bytes) -> bytes | None:
    """The packet in a serial frame without its 0x00, or None when it is not COBS.

    Each code byte but the first stands where a zero was, so decoding is putting zeros there: one step
    for each zero, none for each byte. Only the code after a full block stands for nothing: those are
    taken out at the end.
    """
    size = len(frame)
    if 0 in frame:
        return None
    out = bytearray(frame)
    surplus: list[int] = []
    at = 0
    while at < size:
        code = frame[at]
        out[at] = 0
        at += code
        if code == 255 and at < size:
            surplus.append(at)
    if at != size:
        return None
    for place in reversed(surplus):
        del out[place]
    return bytes(memoryview(out)[1:])


class SerialFraming:
    """COBS frames out of a stream of bytes. A stray byte costs the frame it falls in, never the stream."""

    joins = True
    lead = b"\0"

    def __init__(self, max_frame_bytes: int = SERIAL_FRAME_MAX_BYTES) -> None:
        self.dropped = 0
        self._max_bytes = max_frame_bytes - 1
        self._partial = b""
        self._overlong = False  # the frame being received is too long already: drop up to the next 0x00

    def feed(self, data: bytes) -> list[bytes]:
        """Packets whose 0x00 is in `data`; what follows the last 0x00 is kept, at most one frame of it."""
        frames = data.split(b"\0")
        rest = frames.pop()
        if not frames:
            self._keep(self._partial + rest)
            return []
        first = self._partial + frames[0]
        frames[0] = first
        if self._overlong:
            del frames[0]
            self._overlong = False
        self._partial = b""
        self._keep(rest)
        packets = []
        for frame in frames:
            if not frame:
                continue
            packet = cobs_decode(frame) if len(frame) <= self._max_bytes else None
            if packet is not None:
                packets.append(packet)
            else:
                self.dropped += 1
        return packets

    def _keep(self, rest: bytes) -> None:
        if self._overlong:
            return
        if len(rest) > self._max_bytes:
            self._overlong = True
            self.dropped += 1
            rest = b""
        self._partial = rest

    def wrap(self, packet: bytes) -> bytes:
        """COBS of the packet and its 0x00."""
        return cobs_encode(packet) + b"\0"

    def reset(self) -> None:
        """Forget an unfinished frame."""
        self._partial = b""
        self._overlong = False


class DatagramFraming:
    """A packet to a datagram or message; `feed` takes exactly one of them."""

    joins = False
    lead = b""

    def __init__(self, max_bytes: int = DATAGRAM_MAX_BYTES) -> None:
        self.dropped = 0
        self._max_bytes = max_bytes

    def feed(self, data: bytes) -> list[bytes]:
        """The datagram, unless it is empty or too long."""
        if 0 < len(data) <= self._max_bytes:
            return [bytes(data)]
        self.dropped += 1
        return []

    def wrap(self, packet: bytes) -> bytes:
        """The packet itself."""
        return packet

    def reset(self) -> None:
        """Datagrams leave nothing unfinished."""
