"""codec.json on the device's conversion: the host only receives."""

from __future__ import annotations

from typing import Any

import pytest
from subjects import Agent, vectors

from ossicle.proto import _wire as wire


def settings(vector: dict[str, Any], piece: int) -> dict[str, Any]:
    slots = b"".join(slot.to_bytes(4, "little", signed=True) for slot in vector["slots"])
    return {
        **{name: vector[name] for name in ("shift", "gain", "dc_blocker", "channels")},
        "slots": slots.hex(),
        "piece": piece,
    }


def samples(text: str) -> list[int]:
    data = bytes.fromhex(text)
    return [int.from_bytes(data[i : i + 2], "little", signed=True) for i in range(0, len(data), 2)]


@pytest.mark.parametrize("piece", [1000, 1, 7])
def test_device(agent: Agent, piece: int) -> None:
    """Whole, a frame at a time, and in odd pieces: the DC blocker goes on from one to the next."""
    chosen = [vector for vector in vectors("codec") if "slots" in vector]
    answers = agent.ask("convert", [settings(vector, piece) for vector in chosen])
    for vector, got in zip(chosen, answers, strict=True):
        assert samples(got) == vector["samples"], vector["id"]


def test_vectors_span_the_settings() -> None:
    chosen = [vector for vector in vectors("codec") if "slots" in vector]
    assert {wire.SHIFT_MIN, 14, wire.SHIFT_MAX} <= {vector["shift"] for vector in chosen}
    assert {0, 1, 256, wire.GAIN_MAX} <= {vector["gain"] for vector in chosen}
    assert {-32768, 32767} <= {sample for vector in chosen for sample in vector["samples"]}
