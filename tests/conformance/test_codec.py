"""codec.json: conversion on the device, where alone it is; ADPCM coded there and decoded on the host."""

from __future__ import annotations

from typing import Any

import pytest
from subjects import Agent, vectors

from ossicle.proto import _wire as wire
from ossicle.proto import adpcm


def settings(vector: dict[str, Any], piece: int, capacity: int, guard: int) -> dict[str, Any]:
    slots = b"".join(slot.to_bytes(4, "little", signed=True) for slot in vector["slots"])
    return {
        **{name: vector[name] for name in ("shift", "gain", "dc_blocker", "channels", "late", "slot")},
        "slots": slots.hex(),
        "piece": piece,
        "capacity": capacity,
        "guard": guard,
    }


def samples(text: str) -> list[int]:
    data = bytes.fromhex(text)
    return [int.from_bytes(data[i : i + 2], "little", signed=True) for i in range(0, len(data), 2)]


def stored(vector: dict[str, Any], capacity: int, guard: int) -> list[int]:
    """The storage of a ring into which all samples went (R-3, R-6), 0 where none did."""
    channels = vector["channels"]
    out = [0] * (capacity + guard) * channels
    for at, value in enumerate(vector["samples"]):
        frame, channel = divmod(at, channels)
        index = frame % capacity
        out[index * channels + channel] = value
        if index < guard:
            out[(index + capacity) * channels + channel] = value
    return out


@pytest.mark.parametrize(
    ("piece", "capacity", "guard"), [(1000, 1000, 0), (1, 600, 10), (7, 600, 600), (7, 13, 5), (13, 13, 13)]
)
def test_device(agent: Agent, piece: int, capacity: int, guard: int) -> None:
    """Whole, a frame at a time, in odd pieces, and round and round a small ring with its guard."""
    chosen = [vector for vector in vectors("codec") if "slots" in vector]
    answers = agent.ask("convert", [settings(vector, piece, capacity, guard) for vector in chosen])
    for vector, (got, index) in zip(chosen, answers, strict=True):
        assert samples(got) == stored(vector, capacity, guard), vector["id"]
        assert index == len(vector["samples"]) // vector["channels"] % capacity, vector["id"]


CHUNKS = [(vector, chunk) for vector in vectors("codec") for chunk in vector.get("chunks", [])]


@pytest.mark.parametrize("piece", [1, 7, 1000])
def test_adpcm_on_the_device(agent: Agent, piece: int) -> None:
    """Bit for bit what the oracle says, however the audio comes to the coder."""
    asked = [
        {**chunk, "channels": vector["channels"], "samples": vector["samples"], "piece": piece}
        for vector, chunk in CHUNKS
    ]
    for (vector, chunk), got in zip(CHUNKS, agent.ask("adpcm", asked), strict=True):
        assert got == chunk["payload"], (vector["id"], chunk["start"])


def test_adpcm_on_the_host() -> None:
    for vector, chunk in CHUNKS:
        frames = adpcm.decode(bytes.fromhex(chunk["payload"]), vector["channels"])
        assert frames is not None
        assert frames.ravel().tolist() == chunk["decoded"], vector["id"]
        assert len(frames) == chunk["stop"] - chunk["start"]
        assert not frames.flags.writeable
        assert adpcm.payload_bytes(len(frames), vector["channels"]) == len(chunk["payload"]) // 2


@pytest.mark.parametrize("vector", vectors("codec_invalid"), ids=lambda vector: vector["id"])
def test_what_is_malformed(vector: dict[str, Any]) -> None:
    assert adpcm.decode(bytes.fromhex(vector["payload"]), vector["channels"]) is None


def test_vectors_span_the_settings() -> None:
    chosen = [vector for vector in vectors("codec") if "slots" in vector]
    assert {wire.SHIFT_MIN, 14, wire.SHIFT_MAX} <= {vector["shift"] for vector in chosen}
    assert {0, 1, 256, wire.GAIN_MAX} <= {vector["gain"] for vector in chosen}
    assert {(late, slot, 1) for late in (0, 1) for slot in ("left", "right")} <= {
        (vector["late"], vector["slot"], vector["channels"]) for vector in chosen
    }
    assert {-32768, 32767} <= {sample for vector in chosen for sample in vector["samples"]}
