"""Framing: any packet survives, at any splitting; a stray byte costs one packet."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossicle.proto import _wire as wire
from ossicle.proto.framing import DatagramFraming, SerialFraming, cobs_decode, cobs_encode

BLOCK = bytes(range(1, 255))

# From the paper's tables: data, and its encoding without the closing zero.
KNOWN = [
    (b"", b"\x01"),
    (b"\0", b"\x01\x01"),
    (b"\0\0", b"\x01\x01\x01"),
    (b"\x11\x22\0\x33", b"\x03\x11\x22\x02\x33"),
    (b"\x11\0\0\0", b"\x02\x11\x01\x01\x01"),
    (BLOCK, b"\xff" + BLOCK),
    (b"\0" + BLOCK, b"\x01\xff" + BLOCK),
    (BLOCK + b"\0", b"\xff" + BLOCK + b"\x01\x01"),
    (BLOCK + b"\xff", b"\xff" + BLOCK + b"\x02\xff"),
    (BLOCK + BLOCK, (b"\xff" + BLOCK) * 2),
    (BLOCK + b"\0" + BLOCK, b"\xff" + BLOCK + b"\x01\xff" + BLOCK),
]


def feed(framing, data, cut):
    """The packets in `data`, handed over in pieces of `cut` bytes."""
    return [packet for at in range(0, len(data), cut) for packet in framing.feed(data[at : at + cut])]


@pytest.mark.parametrize(("data", "coded"), KNOWN)
def test_known_encodings(data, coded):
    assert cobs_encode(data) == coded
    assert cobs_decode(coded) == data


def test_a_last_full_block_may_be_followed_by_an_empty_one():
    assert cobs_decode(b"\xff" + BLOCK + b"\x01") == BLOCK


@pytest.mark.parametrize("frame", [b"\x05ab", b"\xff", b"\x02a\x09", b"\x02\0"])
def test_a_block_that_reaches_too_far_is_no_frame(frame):
    assert cobs_decode(frame) is None


@given(st.binary(max_size=1368) | st.lists(st.sampled_from([b"\0", b"\1", BLOCK]), max_size=5).map(b"".join))
def test_what_is_wrapped_comes_out(data):
    wrapped = SerialFraming().wrap(data)
    assert wrapped.count(0) == 1
    assert wrapped.endswith(b"\0")
    assert len(wrapped) <= len(data) + len(data) // 254 + 2
    assert SerialFraming().feed(wrapped) == [data]


@pytest.mark.parametrize("cut", [1, 2, 7, 100, 10**6])
def test_any_splitting_gives_the_same(cut):
    rng = random.Random(3)
    sent = [rng.randbytes(rng.randrange(20, 1368)) for _ in range(40)]
    framing = SerialFraming()
    line = b"".join(framing.lead + framing.wrap(packet) for packet in sent)
    assert feed(framing, line, cut) == sent
    assert framing.dropped == 0


@pytest.mark.parametrize("cut", [1, 5, 10**6])
def test_noise_costs_the_frame_it_falls_in(cut):
    framing = SerialFraming()
    good = framing.wrap(b"\1" * 20)
    line = b"\x09noise\0" + good + b"\x30broken\0" + good
    assert feed(framing, line, cut) == [b"\1" * 20] * 2
    assert framing.dropped == 2


@pytest.mark.parametrize("cut", [1, 5, 500, 10**6])
def test_an_overlong_frame_is_dropped_once_and_never_kept(cut):
    framing = SerialFraming()
    good = framing.wrap(b"fine" * 5)
    longest = framing.wrap(b"\1" * wire.PACKET_MAX_BYTES)
    assert len(longest) <= wire.SERIAL_FRAME_MAX_BYTES
    line = good + b"\x01" * 100_000 + b"\0" + longest + good
    assert feed(framing, line, cut) == [b"fine" * 5, b"\1" * wire.PACKET_MAX_BYTES, b"fine" * 5]
    assert framing.dropped == 1


def test_a_frame_of_one_byte_too_many_is_dropped():
    framing = SerialFraming()
    longest = wire.SERIAL_FRAME_MAX_BYTES
    assert framing.feed(b"\x01" * (longest - 1) + b"\0") == [bytes(longest - 2)]
    assert framing.feed(b"\x01" * longest + b"\0") == []
    assert framing.dropped == 1


def test_reset_forgets_the_unfinished_frame():
    framing = SerialFraming()
    framing.feed(b"\x09half a fra")
    framing.reset()
    assert framing.feed(framing.wrap(b"whole")) == [b"whole"]
    assert framing.dropped == 0


@given(st.binary(max_size=3000), st.integers(1, 700))
def test_random_bytes_raise_nothing(data, cut):
    framing = SerialFraming()
    feed(framing, data, cut)
    framing.feed(b"\0")
    assert framing.feed(framing.wrap(b"after")) == [b"after"]


def test_a_datagram_is_a_packet():
    framing = DatagramFraming()
    assert framing.feed(framing.wrap(b"packet")) == [b"packet"]
    assert framing.feed(b"") == []
    assert framing.feed(bytes(wire.DATAGRAM_MAX_BYTES + 1)) == []
    assert framing.dropped == 2
