"""sealed.json and ccm.json on both sides, and both sides against each other's ciphers."""

from __future__ import annotations

import random
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESCCM
from subjects import Agent, vectors

from ossicle.errors import PacketError
from ossicle.proto import _wire as wire
from ossicle.proto.packets import Packet, believed
from ossicle.proto.seal import DEVICE, Keys, cipher, derive, nonce

KEYS = [vector for vector in vectors("sealed") if "keys" in vector]
PACKETS = [vector for vector in vectors("sealed") if "packet" in vector]
RFC = vectors("ccm")


def rows(vector: dict[str, Any]) -> list[str]:
    return [*vector["keys"], vector["proof"]]


@pytest.mark.parametrize("vector", KEYS, ids=lambda vector: vector["id"])
def test_host_derives(vector: dict[str, Any]) -> None:
    first, second = (bytes.fromhex(each) for each in vector["challenges"])
    psk = bytes.fromhex(vector["psk"])
    names = tuple(vector["names"])
    assert [derive(psk, each, (first, second), names).hex() for each in range(3)] == rows(vector)


def test_device_derives(agent: Agent) -> None:
    assert agent.ask("derive", KEYS) == [rows(vector) for vector in KEYS]


@pytest.mark.parametrize("vector", RFC, ids=lambda vector: vector["id"])
def test_host_ccm(vector: dict[str, Any]) -> None:
    key, once, head, payload = (bytes.fromhex(vector[x]) for x in ("key", "nonce", "associated", "payload"))
    assert cipher(key).encrypt(once, payload, head).hex() == vector["sealed"]


def test_device_ccm(agent: Agent) -> None:
    for vector, answer in zip(RFC, agent.ask("ccm", RFC), strict=True):
        assert answer == [vector["sealed"], True, vector["payload"]], vector["id"]


def test_device_ccm_is_the_library_s(agent: Agent) -> None:
    """Every length of the blocks and of their last one, many messages under one key."""
    dice = random.Random(3610)
    key = dice.randbytes(16)
    lengths = [*range(70), *range(1330, 1345), *(dice.randrange(1345) for _ in range(40))]
    messages = [
        {
            "key": key.hex(),
            "nonce": dice.randbytes(13).hex(),
            "associated": dice.randbytes(wire.HEADER_BYTES).hex(),
            "payload": dice.randbytes(length).hex(),
        }
        for length in lengths
    ]
    library = AESCCM(key, tag_length=wire.TAG_BYTES)
    for message, answer in zip(messages, agent.ask("ccm", messages), strict=True):
        once, head, payload = (bytes.fromhex(message[x]) for x in ("nonce", "associated", "payload"))
        assert answer == [library.encrypt(once, payload, head).hex(), True, payload.hex()], len(payload)


def test_device_looks_at_every_bit_of_the_tag_and_every_byte_before(agent: Agent) -> None:
    message = {**RFC[0], "key": "77" * 16}
    size = len(message["associated"] + message["sealed"]) // 2
    answers = agent.ask("ccm", [{**message, "flip": [at]} for at in range(size)])
    assert [opens for _, opens, _ in answers] == [False] * size


def as_packet(vector: dict[str, Any]) -> Packet:
    fields = [vector[name] for name in ("flags", "session", "sequence", "ticks_us", "number")]
    return Packet(wire.Kind[vector["kind"].upper()], *fields, bytes.fromhex(vector["payload"]))


@pytest.mark.parametrize("vector", PACKETS, ids=lambda vector: vector["id"])
def test_host_packets(vector: dict[str, Any]) -> None:
    key = bytes.fromhex(vector["key"])
    data = bytes.fromhex(vector["packet"])
    if vector["direction"] == DEVICE:
        assert Keys(bytes(16), key).open(data) == as_packet(vector)
        for at in (0, 15, 16, len(data) - 1):
            bad = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
            with pytest.raises(PacketError) as caught:
                Keys(bytes(16), key).open(bad)
            assert caught.value.reason == "tag"
        return
    keys = Keys(key, bytes(16))
    keys.number = vector["number"]
    assert keys.seal(as_packet(vector)) == data


def test_device_packets(agent: Agent) -> None:
    head = 2 * wire.HEADER_BYTES
    messages = [
        {
            "key": vector["key"],
            "nonce": nonce(vector["direction"], vector["number"].to_bytes(4, "little")).hex(),
            "associated": vector["packet"][:head],
            "payload": vector["payload"],
        }
        for vector in PACKETS
    ]
    for vector, answer in zip(PACKETS, agent.ask("ccm", messages), strict=True):
        assert answer == [vector["packet"][head:], True, vector["payload"]], vector["id"]


def test_what_opens_is_still_judged() -> None:
    """A device with the key and a fault is refused by the same rules as one without."""
    head = wire.HEADER_STRUCT.pack(wire.Kind.PONG, wire.Flag.SEALED, 1, 0, 0, 0)
    with pytest.raises(PacketError) as caught:
        believed(head, bytes(3), wire.DEVICE_KINDS)
    assert caught.value.reason == "length"
