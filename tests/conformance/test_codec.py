"""codec.json on the device's conversion: the host only receives."""

from __future__ import annotations

from typing import Any

import pytest
from subjects import Agent, vectors

from ossicle.proto import _wire as wire


def settings(vector: dict[str, Any], piece: int, capacity: int, guard: int) -> dict[str, Any]:
    slots = b"".join(slot.to_bytes(4, "little", signed=True) for slot in vector["slots"])
    return {
        **{name: vector[name] for name in ("shift", "gain", "dc_blocker", "channels")},
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
        assert index == len(vector["slots"]) // vector["channels"] % capacity, vector["id"]


def test_vectors_span_the_settings() -> None:
    chosen = [vector for vector in vectors("codec") if "slots" in vector]
    assert {wire.SHIFT_MIN, 14, wire.SHIFT_MAX} <= {vector["shift"] for vector in chosen}
    assert {0, 1, 256, wire.GAIN_MAX} <= {vector["gain"] for vector in chosen}
    assert {-32768, 32767} <= {sample for vector in chosen for sample in vector["samples"]}
