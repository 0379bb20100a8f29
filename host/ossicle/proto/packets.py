"""Packets: a header, a payload, a check (W-1 to W-11).

`decode` believes nothing before the check is right, and hands out only packets whose payload has the
layout of its kind; whatever else comes raises `PacketError` and no other exception. What a payload
means is for the receiver.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple
from zlib import crc32

from ossicle.errors import PacketError

from . import _wire as wire
from ._wire import Kind

_PACKET_MIN_BYTES = wire.HEADER_BYTES + wire.CHECK_BYTES
_CHECKED_MAX_BYTES = wire.HEADER_BYTES + wire.PAYLOAD_MAX_BYTES + wire.CHECK_BYTES
_KIND_OF = {kind.value: kind for kind in Kind}
_AUDIO = Kind.AUDIO
# As plain numbers: an operation on an enum's members is a call in Python.
_SEALED = int(wire.Flag.SEALED)
_UNREADABLE = wire.FLAG_RESERVED_MASK | _SEALED
_unpack_header = wire.HEADER_STRUCT.unpack_from

Range = tuple[int, int]


class Packet(NamedTuple):
    """One packet: the fields of the header, and the payload without its check."""

    kind: int
    flags: int = 0
    session: int = 0
    sequence: int = 0
    ticks_us: int = 0
    number: int = 0
    payload: bytes = b""


def encode(packet: Packet) -> bytes:
    """The bytes of a packet, with its CRC-32. Raises PacketError for one that no receiver would accept."""
    if packet.flags & _SEALED:
        raise PacketError("sealed", "a sealed packet needs a key: `seal` makes it")
    body = header(packet) + packet.payload
    return body + crc32(body).to_bytes(4, "little")


def header(packet: Packet) -> bytes:
    """The 16 bytes of its header. Raises PacketError for a packet that no receiver would accept."""
    if len(packet.payload) > wire.PAYLOAD_MAX_BYTES:
        raise PacketError(
            "long", f"a payload of {len(packet.payload)} bytes; at most {wire.PAYLOAD_MAX_BYTES}"
        )
    if max(packet.sequence, packet.ticks_us, packet.number) >= wire.NUMBER_LIMIT or min(packet[3:6]) < 0:
        raise PacketError("number", "sequence, ticks or number outside [0, 2**30)")
    if not 0 <= packet.session <= 0xFFFF:
        raise PacketError("number", f"session {packet.session} is not a u16")
    if not 0 <= packet.flags <= 0xFF or packet.flags & wire.FLAG_RESERVED_MASK:
        raise PacketError("flags", f"flags {packet.flags:#x} are reserved")
    _validate(packet)
    return wire.HEADER_STRUCT.pack(*packet[:6])


def decode(data: bytes, senders: frozenset[Kind] | None = None) -> Packet:
    """The packet in `data`, or PacketError.

    `senders` is the set of kinds that may come from the other side (W-11): `DEVICE_KINDS` on a host,
    `HOST_KINDS` on a device, None to accept both.
    """
    size = len(data)
    if size < _PACKET_MIN_BYTES:
        raise PacketError("short", f"{size} bytes; a packet has at least {_PACKET_MIN_BYTES}")
    if size > wire.PACKET_MAX_BYTES:
        raise PacketError("long", f"{size} bytes; a packet has at most {wire.PACKET_MAX_BYTES}")
    # The CRC-32 of a message with its own CRC-32 behind it is this constant: one pass, no slice.
    if crc32(data) != 0x2144DF1C:
        if data[1] & _SEALED:
            raise PacketError("sealed", "a sealed packet, and no key to open it")
        raise PacketError("check", "the check is wrong")
    if size > _CHECKED_MAX_BYTES:
        raise PacketError("long", f"{size} bytes; a packet with a CRC-32 has at most {_CHECKED_MAX_BYTES}")
    if data[1] & _UNREADABLE:
        raise PacketError("flags", f"flags {data[1]:#x}: reserved, or sealed without a tag")
    return believed(data, data[wire.HEADER_BYTES : size - wire.CHECK_BYTES], senders)


def believed(data: bytes, payload: bytes, senders: frozenset[Kind] | None) -> Packet:
    """The packet whose header `data` begins with, and whose check was right; PacketError as in `decode`."""
    kind, flags, session, sequence, ticks_us, number = _unpack_header(data)
    if flags & wire.FLAG_RESERVED_MASK:
        raise PacketError("flags", f"flags {flags:#x} are reserved")
    if sequence >= wire.NUMBER_LIMIT or ticks_us >= wire.NUMBER_LIMIT or number >= wire.NUMBER_LIMIT:
        raise PacketError("number", "a number in the header is 2**30 or above")
    packet = Packet(kind, flags, session, sequence, ticks_us, number, payload)
    if kind == _AUDIO and (senders is None or _AUDIO in senders):
        _validate_audio(packet)
        return packet
    known = _KIND_OF.get(kind)
    if known is None:
        raise PacketError("kind", f"kind {kind:#x} is not known")
    if senders is not None and known not in senders:
        raise PacketError("side", f"{known.name} comes from the other side only")
    _validate(packet)
    return packet


def _validate_audio(packet: Packet) -> None:
    if packet.flags & wire.FLAG_CODEC_MASK > wire.Codec.ADPCM:
        raise PacketError("flags", f"codec {packet.flags & wire.FLAG_CODEC_MASK} is not known")
    if packet.flags & wire.FLAG_CODEC_MASK == wire.Codec.PCM16 and len(packet.payload) % 2:
        raise PacketError("length", "half a sample")


def _exactly(size: int, unpack: Callable[[bytes], object]) -> Callable[[Packet], None]:
    def check(packet: Packet) -> None:
        if len(packet.payload) != size:
            raise PacketError("length", f"{Kind(packet.kind).name}: {len(packet.payload)} bytes, not {size}")
        try:
            unpack(packet.payload)
        except ValueError as error:
            raise PacketError("number", str(error)) from None

    return check


def _with_text(fixed: int, most: int, unpack: Callable[[bytes], object]) -> Callable[[Packet], None]:
    """A fixed part, then text of at most `most` bytes."""

    def check(packet: Packet) -> None:
        if not fixed <= len(packet.payload) <= fixed + most:
            raise PacketError("length", f"{Kind(packet.kind).name} of {len(packet.payload)} bytes")
        try:
            unpack(packet.payload)
        except ValueError as error:
            raise PacketError("number", str(error)) from None

    return check


def _empty(packet: Packet) -> None:
    if packet.payload:
        raise PacketError("length", f"{Kind(packet.kind).name} with a payload")


def _anything(packet: Packet) -> None:
    """HELLO is JSON: `hello.parse` judges it."""


def _ranged(packet: Packet) -> None:
    ranges(packet)


def _validate(packet: Packet) -> None:
    known = _KIND_OF.get(packet.kind)
    if known is None:
        raise PacketError("kind", f"kind {packet.kind:#x} is not known")
    _VALIDATORS[known](packet)


def ranges(packet: Packet) -> list[Range]:
    """The ranges of a REQUEST or GONE: ascending, none empty, none touching the next (W-25)."""
    payload = packet.payload
    if len(payload) < wire.REQUEST_STRUCT.size:
        raise PacketError("length", f"{len(payload)} bytes hold no ranges")
    count = payload[0]
    if not 1 <= count <= wire.REQUEST_RANGES_MAX:
        raise PacketError("ranges", f"{count} ranges; from 1 to {wire.REQUEST_RANGES_MAX} are legal")
    if len(payload) != wire.REQUEST_STRUCT.size + count * wire.RANGE_STRUCT.size:
        raise PacketError("length", f"{count} ranges do not fill {len(payload)} bytes")
    found: list[Range] = []
    for start, stop in wire.RANGE_STRUCT.iter_unpack(payload[wire.REQUEST_STRUCT.size :]):
        if start >= wire.NUMBER_LIMIT or stop >= wire.NUMBER_LIMIT:
            raise PacketError("number", "a sequence of a range is 2**30 or above")
        if start >= stop or (found and start <= found[-1][1]):
            raise PacketError("ranges", "ranges are empty, descending or touching")
        found.append((start, stop))
    return found


def pack_ranges(asked: list[Range], cause: int = 0) -> bytes:
    """The payload of a REQUEST, or of a GONE when `cause` is given."""
    head = wire.GoneFields(len(asked), cause).pack()
    return head + b"".join(wire.RANGE_STRUCT.pack(start, stop) for start, stop in asked)


def text(packet: Packet, fixed: int) -> str:
    """The text behind the `fixed` bytes of a LOG or REFUSED; bytes that are no UTF-8 show as U+FFFD."""
    return packet.payload[fixed:].decode("utf-8", "replace")


_VALIDATORS: dict[Kind, Callable[[Packet], None]] = {
    Kind.HELLO: _anything,
    Kind.STARTED: _exactly(wire.STARTED_STRUCT.size, wire.StartedFields.unpack),
    Kind.AUDIO: _validate_audio,
    Kind.GONE: _ranged,
    Kind.PONG: _exactly(wire.PONG_STRUCT.size, wire.PongFields.unpack),
    Kind.STATUS: _exactly(wire.STATUS_STRUCT.size, wire.StatusFields.unpack),
    Kind.LOG: _with_text(wire.LOG_STRUCT.size, wire.LOG_MAX_BYTES, wire.LogFields.unpack),
    Kind.REFUSED: _with_text(wire.REFUSED_STRUCT.size, wire.PAYLOAD_MAX_BYTES, wire.RefusedFields.unpack),
    Kind.SET_REPLY: _exactly(wire.SET_REPLY_STRUCT.size, wire.SetReplyFields.unpack),
    Kind.START: _exactly(wire.START_STRUCT.size, wire.StartFields.unpack),
    Kind.REQUEST: _ranged,
    Kind.ACK: _exactly(wire.ACK_STRUCT.size, wire.AckFields.unpack),
    Kind.PING: _exactly(wire.PING_STRUCT.size, wire.PingFields.unpack),
    Kind.STOP: _empty,
    Kind.SET: _exactly(wire.SET_STRUCT.size, wire.SetFields.unpack),
}
