"""Packets: what is encoded is decoded; what may not be believed raises PacketError and nothing else."""

import random
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossicle.errors import PacketError
from ossicle.proto import _wire as wire
from ossicle.proto import packets
from ossicle.proto._wire import DEVICE_KINDS, HOST_KINDS, Kind
from ossicle.proto.packets import Packet, decode, encode

STARTED = wire.StartedFields(1, b"x" * 8, 16000, 512, 0, 0, 0, 1, 256, 33792, 0, 0)
VALID = [
    Packet(Kind.HELLO, payload=b'{"ossicle": 1}'),
    Packet(Kind.STARTED, session=7, payload=STARTED.pack()),
    Packet(Kind.AUDIO, wire.Flag.LAST, 7, 5, 6, 8, b"\x01\x00\x02\x00"),
    Packet(Kind.GONE, session=7, payload=packets.pack_ranges([(0, 1), (2, 9)], wire.Cause.CAPTURE)),
    Packet(Kind.PONG, session=7, payload=wire.PongFields(b"12345678", 5, 6).pack()),
    Packet(
        Kind.STATUS,
        session=7,
        payload=wire.StatusFields(*range(12), rssi=-70, peak=9, rms=5, bands=bytes(range(8))).pack(),
    ),
    Packet(Kind.LOG, session=7, payload=wire.LogFields(1).pack() + "späť".encode()),
    Packet(Kind.REFUSED, payload=wire.RefusedFields(1, wire.Reason.HOP).pack() + b"hop"),
    Packet(Kind.SET_REPLY, payload=wire.SetReplyFields(1, 1, 921600, 0).pack()),
    Packet(Kind.START, payload=wire.StartFields(1, 0, 0, 1, 0, 16000, 512, 0, 256, b"x" * 8, 0).pack()),
    Packet(Kind.REQUEST, session=7, payload=packets.pack_ranges([(0, 1), (3, 9)])),
    Packet(Kind.ACK, session=7, payload=wire.AckFields(1, 2).pack()),
    Packet(Kind.PING, session=7, payload=b"12345678"),
    Packet(Kind.STOP, session=7),
    Packet(Kind.SET, payload=wire.SetFields(1, wire.Key.BAUD, 921600).pack()),
]


def raw(kind=Kind.STOP, flags=0, session=1, sequence=0, ticks=0, number=0, payload=b""):
    """A packet with a right check and whatever else is asked."""
    body = wire.HEADER_STRUCT.pack(kind, flags, session, sequence, ticks, number) + payload
    return body + zlib.crc32(body).to_bytes(4, "little")


@pytest.mark.parametrize("packet", VALID, ids=lambda p: Kind(p.kind).name)
def test_what_is_encoded_is_decoded(packet):
    assert decode(encode(packet)) == packet


def test_every_kind_is_in_this_file():
    assert {p.kind for p in VALID} == set(Kind)


@pytest.mark.parametrize("packet", VALID, ids=lambda p: Kind(p.kind).name)
def test_the_other_side_may_not_send_it(packet):
    allowed = DEVICE_KINDS if packet.kind in DEVICE_KINDS else HOST_KINDS
    assert decode(encode(packet), allowed) == packet
    if packet.kind != Kind.HELLO:
        with pytest.raises(PacketError) as caught:
            decode(encode(packet), HOST_KINDS if allowed is DEVICE_KINDS else DEVICE_KINDS)
        assert caught.value.reason == "side"


@pytest.mark.parametrize("packet", VALID, ids=lambda p: Kind(p.kind).name)
def test_a_payload_of_another_length_is_malformed(packet):
    if packet.kind in (Kind.HELLO, Kind.AUDIO, Kind.LOG, Kind.REFUSED):
        return
    for payload in (packet.payload + b"\0", packet.payload[:-1]):
        if payload != packet.payload:
            with pytest.raises(PacketError):
                decode(raw(packet.kind, payload=payload))


BAD = {
    "short": (b"", "short"),
    "nineteen bytes": (raw()[:19], "short"),
    "too long": (raw(Kind.AUDIO, payload=bytes(1346)), "long"),
    "longer than any packet": (bytes(1369), "long"),
    "unknown kind": (raw(0x0A), "kind"),
    "reserved flag": (raw(flags=0x40), "flags"),
    "sealed without a tag": (raw(flags=0x20), "flags"),
    "unknown codec": (raw(Kind.AUDIO, flags=2), "flags"),
    "sequence": (raw(sequence=2**30), "number"),
    "ticks": (raw(ticks=2**30), "number"),
    "number": (raw(number=2**32 - 1), "number"),
    "number in the payload": (raw(Kind.ACK, payload=(2**30).to_bytes(4, "little") + bytes(4)), "number"),
    "half a sample": (raw(Kind.AUDIO, payload=b"123"), "length"),
    "long log": (raw(Kind.LOG, payload=bytes(205)), "length"),
    "no ranges": (raw(Kind.REQUEST, payload=bytes(4)), "ranges"),
    "nine ranges": (raw(Kind.REQUEST, payload=b"\x09\0\0\0" + bytes(72)), "ranges"),
    "empty range": (raw(Kind.GONE, payload=packets.pack_ranges([(3, 3)], 1)), "ranges"),
    "touching ranges": (raw(Kind.REQUEST, payload=packets.pack_ranges([(0, 3), (3, 4)])), "ranges"),
    "descending ranges": (raw(Kind.REQUEST, payload=packets.pack_ranges([(8, 9), (3, 4)])), "ranges"),
    "a range beyond": (raw(Kind.GONE, payload=packets.pack_ranges([(8, 2**30)], 1)), "number"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_packets_say_why(name):
    data, reason = BAD[name]
    with pytest.raises(PacketError) as caught:
        decode(data)
    assert caught.value.reason == reason
    assert reason in PacketError.REASONS


def test_every_flipped_bit_is_noticed():
    for packet in VALID:
        data = bytearray(encode(packet))
        for bit in range(len(data) * 8):
            data[bit // 8] ^= 1 << bit % 8
            with pytest.raises(PacketError):
                decode(bytes(data))
            data[bit // 8] ^= 1 << bit % 8


@given(st.binary(max_size=1400))
def test_random_bytes_raise_nothing_else(data):
    with pytest.raises(PacketError):
        decode(data)


U32 = st.integers(0, 2**32 - 1)


@given(st.integers(0, 255), st.integers(0, 255), U32, U32, U32, st.binary(max_size=80))
def test_random_fields_under_a_right_check_raise_nothing_else(kind, flags, sequence, ticks, number, payload):
    data = raw(kind, flags, 1, sequence, ticks, number, payload)
    try:
        packet = decode(data)
    except PacketError as error:
        packet = None
        reason = error.reason
    assert encode(packet) == data if packet else reason in PacketError.REASONS


def test_encode_refuses_what_no_receiver_takes():
    for packet in (
        Packet(Kind.AUDIO, payload=bytes(1346)),
        Packet(Kind.STOP, sequence=2**30),
        Packet(Kind.STOP, number=-1),
        Packet(Kind.STOP, session=65536),
        Packet(Kind.STOP, flags=0x80),
        Packet(Kind.STOP, flags=0x20),
        Packet(0x7F),
        Packet(Kind.STOP, payload=b"1"),
    ):
        with pytest.raises(PacketError):
            encode(packet)


def test_text_that_is_no_utf8_shows_and_does_not_raise():
    packet = decode(raw(Kind.LOG, payload=bytes(4) + b"a\xff"))
    assert packets.text(packet, wire.LOG_STRUCT.size) == "a\N{REPLACEMENT CHARACTER}"


def test_the_check_is_zlibs():
    body = random.Random(1).randbytes(700)
    assert zlib.crc32(body + zlib.crc32(body).to_bytes(4, "little")) == 0x2144DF1C
