"""Packets: header, payload layouts, check (W-1 to W-11, W-24, W-25)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from oracle.spec import KIND_NAMES, KINDS, LAYOUTS, LIMITS, SENDERS, SPEC, sizes, type_bytes

HEADER_BYTES = LIMITS["header_bytes"]
PAYLOAD_MAX = LIMITS["payload_max_bytes"]
NUMBER_LIMIT = LIMITS["number_limit"]
SEALED = SPEC["flags"]["sealed"]
RESERVED_FLAGS = SPEC["flags"]["reserved_mask"]

# What follows the fixed layout of a payload. A kind that is not here is its layout and nothing more.
TEXT_KINDS = ("refused", "log")
RANGE_KINDS = ("request", "gone")


class Malformed(Exception):
    """A packet that is dropped and counted; `why` is one word that the invalid vectors use too."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def crc32(data: bytes) -> int:
    """CRC-32 of IEEE 802.3, a bit at a time: polynomial 0xEDB88320, reflected, inverted in and out."""
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0xEDB88320 if value & 1 else 0)
    return value ^ 0xFFFFFFFF


def put(kind: str, value: Any) -> bytes:
    """One field, little-endian."""
    size = type_bytes(kind)
    if kind.startswith("id"):
        data = bytes.fromhex(value)
        if len(data) != size:
            raise ValueError(f"{kind}: {len(data)} bytes")
        return data
    if kind == "u30" and not 0 <= value < NUMBER_LIMIT:
        raise ValueError(f"u30: {value}")
    return int(value).to_bytes(size, "little", signed=kind == "i32")


def get(kind: str, data: bytes) -> Any:
    """The value of one field; Malformed for a u30 of 2**30 or above."""
    if kind.startswith("id"):
        return data.hex()
    value = int.from_bytes(data, "little", signed=kind == "i32")
    if kind == "u30" and value >= NUMBER_LIMIT:
        raise Malformed("number")
    return value


def pack_layout(name: str, fields: Mapping[str, Any]) -> bytes:
    """Reserved fields are sent as 0 (W-10); any other that is missing is a KeyError."""
    out = b""
    for field, kind in LAYOUTS[name]:
        out += put(kind, 0 if field.startswith("reserved") else fields[field])
    return out


def unpack_layout(name: str, data: bytes) -> dict[str, Any]:
    """Reserved fields are not looked at, so they are not in the result."""
    out = {}
    offset = 0
    for field, kind in LAYOUTS[name]:
        size = type_bytes(kind)
        if field.startswith("reserved"):
            offset += size
            continue
        out[field] = get(kind, data[offset : offset + size])
        offset += size
    return out


def pack_payload(kind: str, fields: Mapping[str, Any]) -> bytes:
    """The payload of `kind`: its layout, then `ranges` (a list of pairs), `text`, `json` or `samples`."""
    if kind == "hello":
        return str(fields["text"]).encode()
    if kind == "audio":
        return b"".join(int(v).to_bytes(2, "little", signed=True) for v in fields["samples"])
    if kind == "stop":
        return b""
    if kind in RANGE_KINDS:
        ranges = fields["ranges"]
        head = pack_layout(kind, {**fields, "ranges": len(ranges)})
        return head + b"".join(pack_layout("range", {"start": a, "stop": b}) for a, b in ranges)
    out = pack_layout(kind, fields)
    return out + str(fields["text"]).encode() if kind in TEXT_KINDS else out


def unpack_payload(kind: str, payload: bytes) -> dict[str, Any]:
    """What `pack_payload` was given. Raises Malformed."""
    if kind == "hello":
        return {"text": hello_text(payload)}
    if kind == "audio":
        if len(payload) % 2:
            raise Malformed("length")
        pairs = range(0, len(payload), 2)
        return {"samples": [int.from_bytes(payload[i : i + 2], "little", signed=True) for i in pairs]}
    if kind == "stop":
        if payload:
            raise Malformed("length")
        return {}
    size = sizes()[kind]
    tail = len(payload) - size
    if tail < 0 or (tail and kind not in TEXT_KINDS + RANGE_KINDS):
        raise Malformed("length")
    fields = unpack_layout(kind, payload[:size])
    if kind in RANGE_KINDS:
        fields["ranges"] = unpack_ranges(fields["ranges"], payload[size:])
    if kind in TEXT_KINDS:
        if kind == "log" and tail > LIMITS["log_max_bytes"]:
            raise Malformed("length")
        fields["text"] = payload[size:].decode(errors="replace")
    return fields


def hello_text(payload: bytes) -> str:
    """HELLO's JSON text; it is an object with the protocol version under the key `ossicle` (W-17)."""
    try:
        found = payload.decode()
        value = json.loads(found)
    except ValueError:
        raise Malformed("json") from None
    if not isinstance(value, dict) or not isinstance(value.get("ossicle"), int):
        raise Malformed("json")
    return found


def unpack_ranges(count: int, data: bytes) -> list[list[int]]:
    """One range at least, none empty, ascending, none touching the next (W-25, W-26)."""
    if len(data) != 8 * count:
        raise Malformed("length")
    if not 0 < count <= LIMITS["request_ranges_max"]:
        raise Malformed("ranges")
    ranges = []
    for i in range(count):
        pair = unpack_layout("range", data[8 * i : 8 * i + 8])
        ranges.append([pair["start"], pair["stop"]])
    previous = -1
    for start, stop in ranges:
        if stop <= start or start <= previous:
            raise Malformed("ranges")
        previous = stop
    return ranges


def encode_packet(packet: Mapping[str, Any]) -> bytes:
    """`packet` has kind (its name), flags, session, sequence, ticks_us, number and payload (bytes)."""
    header = pack_layout("header", {**packet, "kind": KINDS[packet["kind"]]})
    body = header + packet["payload"]
    return body + crc32(body).to_bytes(4, "little")


def decode_packet(data: bytes, side: str) -> dict[str, Any]:
    """What `side` ("host" or "device") hears, without keys; raises Malformed with the first reason found."""
    shortest = HEADER_BYTES + LIMITS["check_bytes"]
    if len(data) < shortest or len(data) > LIMITS["packet_max_bytes"]:
        raise Malformed("length")
    body = data[:-4]
    if int.from_bytes(data[-4:], "little") != crc32(body):
        raise Malformed("check")
    if body[1] & SEALED:
        raise Malformed("flags")
    return decode_opened(body[:HEADER_BYTES], body[HEADER_BYTES:], side)


def decode_opened(header: bytes, payload: bytes, side: str) -> dict[str, Any]:
    """The same for a packet whose check was right, or that has opened."""
    packet = unpack_layout("header", header)
    name = KIND_NAMES.get(packet["kind"])
    if name is None:
        raise Malformed("kind")
    if SENDERS[name] not in ("d" if side == "host" else "h", "b"):
        raise Malformed("side")
    if packet["flags"] & RESERVED_FLAGS:
        raise Malformed("flags")
    if name == "audio" and packet["flags"] & SPEC["flags"]["codec_mask"] not in SPEC["codecs"].values():
        raise Malformed("flags")
    if len(payload) > PAYLOAD_MAX:
        raise Malformed("length")
    coded = name == "audio" and packet["flags"] & SPEC["flags"]["codec_mask"] == SPEC["codecs"]["adpcm"]
    fields = {} if coded else unpack_payload(name, payload)  # oracle.adpcm decodes it
    return {**packet, "kind": name, "payload": payload, "fields": fields}
