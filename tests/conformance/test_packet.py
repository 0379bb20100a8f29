"""packet.json and packet_invalid.json on the host's packets and the device's."""

from __future__ import annotations

import json
from typing import Any

import oracle
import pytest
from subjects import Agent, vectors

from ossicle.errors import PacketError
from ossicle.proto import _wire as wire
from ossicle.proto import hello, packets

HEARD_BY = {"host": wire.DEVICE_KINDS, "device": wire.HOST_KINDS}

# What the hand-written reasons are called on the host. A short or long packet has the wrong length.
REASONS = {
    "length": {"length", "short", "long"},
    "flags": {"flags", "sealed"},
    "json": {"hello"},
}


def whole(vector: dict[str, Any]) -> packets.Packet:
    kind = wire.Kind[vector["kind"].upper()]
    rest = [vector[name] for name in ("flags", "session", "sequence", "ticks_us", "number")]
    return packets.Packet(kind, *rest, bytes.fromhex(vector["payload"]))


def fields_of(packet: packets.Packet) -> dict[str, Any]:
    """A packet's payload as the vectors write it, by the host's own layouts."""
    kind = wire.Kind(packet.kind)
    if kind is wire.Kind.HELLO:
        return {"text": packet.payload.decode()}
    if kind is wire.Kind.AUDIO:
        data = packet.payload
        pairs = range(0, len(data), 2)
        return {"samples": [int.from_bytes(data[i : i + 2], "little", signed=True) for i in pairs]}
    if kind is wire.Kind.STOP:
        return {}
    name = "".join(part.capitalize() for part in kind.name.lower().split("_"))
    layout = getattr(wire, f"{name}Fields")
    found = {
        k: v.hex() if isinstance(v, bytes) else v for k, v in layout.unpack(packet.payload)._asdict().items()
    }
    if kind in (wire.Kind.REQUEST, wire.Kind.GONE):
        found["ranges"] = [list(each) for each in packets.ranges(packet)]
    if kind in (wire.Kind.LOG, wire.Kind.REFUSED):
        found["text"] = packets.text(packet, getattr(wire, f"{kind.name}_STRUCT").size)
    return found


def host_hears(data: bytes) -> None:
    """A HELLO is judged when it is read."""
    decoded = packets.decode(data, wire.DEVICE_KINDS)
    if decoded.kind == wire.Kind.HELLO:
        hello.parse(decoded.payload)


@pytest.mark.parametrize("vector", vectors("packet"), ids=lambda vector: vector["id"])
def test_host(vector: dict[str, Any]) -> None:
    data = bytes.fromhex(vector["packet"])
    assert packets.encode(whole(vector)) == data
    for side in vector["sides"]:
        decoded = packets.decode(data, HEARD_BY[side])
        assert decoded == whole(vector)
        assert fields_of(decoded) == vector["fields"]
    if vector["kind"] == "hello":
        said = json.loads(vector["fields"]["text"])
        parsed = hello.parse(decoded.payload)
        assert parsed.version == said["ossicle"]
        assert parsed.device == said.get("device", "")
        assert parsed.fields == said


@pytest.mark.parametrize("vector", vectors("packet_invalid", "host"), ids=lambda vector: vector["id"])
def test_host_drops(vector: dict[str, Any]) -> None:
    with pytest.raises(PacketError) as caught:
        host_hears(bytes.fromhex(vector["packet"]))
    assert caught.value.reason in REASONS.get(vector["why"], {vector["why"]})


@pytest.mark.parametrize("vector", vectors("packet_invalid", "device"), ids=lambda vector: vector["id"])
def test_host_knows_what_a_device_drops(vector: dict[str, Any]) -> None:
    """The host's decoder judges host packets too: what the tests send to a device goes through it."""
    with pytest.raises(PacketError):
        packets.decode(bytes.fromhex(vector["packet"]), wire.HOST_KINDS)


def test_device_encodes(agent: Agent) -> None:
    sent = [each for each in vectors("packet", "host") if each["kind"] != "audio" or each["session"]]
    kinds = {name: kind["value"] for name, kind in oracle.SPEC["kinds"].items()}
    answers = agent.ask("encode", [{**each, "kind": kinds[each["kind"]]} for each in sent])
    for vector, got in zip(sent, answers, strict=True):
        assert got == vector["packet"], vector["id"]


def test_device_accepts(agent: Agent) -> None:
    heard = vectors("packet", "device")
    for vector, got in zip(heard, agent.ask("decode", heard), strict=True):
        assert got == len(vector["payload"]) // 2, vector["id"]


def test_device_drops_what_is_no_packet(agent: Agent) -> None:
    """What can be told before the kind is looked at; test_session shows the rest."""
    early = [v for v in vectors("packet_invalid", "device") if v["why"] in ("check", "flags")]
    early += [
        v for v in vectors("packet_invalid", "device") if v["id"].endswith(("-2-30-device", "-2-32-device"))
    ]
    early += [v for v in vectors("packet_invalid", "device") if v["id"].startswith(("payload-", "packet-"))]
    assert len(early) > 20
    for vector, got in zip(early, agent.ask("decode", early), strict=True):
        assert got == -1, vector["id"]


@pytest.mark.parametrize("vector", vectors("packet_invalid"), ids=lambda vector: vector["id"])
def test_oracle_agrees_with_the_hand(vector: dict[str, Any]) -> None:
    """The invalid vectors are written by hand; the oracle must find the same fault, and no other."""
    for side in vector["sides"]:
        with pytest.raises(oracle.Malformed) as caught:
            oracle.decode_packet(bytes.fromhex(vector["packet"]), side)
        assert caught.value.why == vector["why"]


@pytest.mark.parametrize("vector", vectors("packet"), ids=lambda vector: vector["id"])
def test_oracle_decodes_what_it_wrote(vector: dict[str, Any]) -> None:
    for side in vector["sides"]:
        decoded = oracle.decode_packet(bytes.fromhex(vector["packet"]), side)
        assert decoded["fields"] == vector["fields"]
