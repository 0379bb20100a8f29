"""A slow, plain oracle of the contract in shared_spec, in the standard library alone.

It is written from RING.md and PROTOCOL.md, shares no line with the host or the firmware, and never
runs outside tests and `tools/vectors.py`. Where oracle, host and firmware differ, the clause decides.
Two rules of this room: nothing here is made fast at the price of being plain (whole files through
`convert` excepted), and nothing here is imported from `ossicle`.
"""

from oracle.conversion import convert
from oracle.device_ring import DeviceRing
from oracle.framing import cobs_decode, cobs_encode, read_serial, serial_frame
from oracle.host_ring import HostRing
from oracle.packet import Malformed, crc32, decode_packet, encode_packet, pack_payload, unpack_payload
from oracle.sealed import derive_key, open_sealed, seal
from oracle.spec import SPEC, sizes
from oracle.stream import chunk_ranges, stream_packets

__all__ = [
    "SPEC",
    "DeviceRing",
    "HostRing",
    "Malformed",
    "chunk_ranges",
    "cobs_decode",
    "cobs_encode",
    "convert",
    "crc32",
    "decode_packet",
    "derive_key",
    "encode_packet",
    "open_sealed",
    "pack_payload",
    "read_serial",
    "seal",
    "serial_frame",
    "sizes",
    "stream_packets",
    "unpack_payload",
]
