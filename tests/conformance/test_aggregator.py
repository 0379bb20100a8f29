"""The aggregator against its vectors: each batch and its samples, and what is held after each call."""

from __future__ import annotations

import re
from dataclasses import fields
from typing import Any

import pytest
from batching import Player
from subjects import ROOT, vectors

from ossicle.audio.measures import Measures

VECTORS = vectors("aggregator")


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["id"] for vector in VECTORS])
def test_vector(vector: dict[str, Any]) -> None:
    player = Player(vector["options"])
    for op, answer in zip(vector["ops"], vector["answers"], strict=True):
        assert player.do(op) == answer, op


def test_the_defaults_are_those_of_the_contract() -> None:
    """A-3, in its own words."""
    text = (ROOT / "shared_spec" / "AGGREGATOR.md").read_text(encoding="utf-8")
    (clause,) = re.findall(r"^- \*\*A-3\*\* (.*)$", text, re.MULTILINE)
    told = {name: int(value) for name, value in re.findall(r"`(\w+)` (\d+)", clause)}
    assert told == {field.name: field.default for field in fields(Measures) if field.name != "output"}
