"""ring.json on both rings."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from rings import DevicePlayer, HostPlayer, expected
from subjects import Agent, vectors


@pytest.mark.parametrize("vector", vectors("ring", "host"), ids=lambda vector: vector["id"])
def test_host(vector: dict[str, Any]) -> None:
    player = HostPlayer(vector["ring"])
    for number, step in enumerate(vector["steps"]):
        got = player.do(step["op"], step["args"])
        assert got == expected(step, vector["ring"]), f"step {number}: {step['op']}{step['args']}"
        player.ring.check()


@pytest.mark.parametrize("vector", vectors("ring", "device"), ids=lambda vector: vector["id"])
def test_device(agent: Agent, vector: dict[str, Any]) -> None:
    player = DevicePlayer(agent, vector["ring"])
    answers = player.do_all([(step["op"], step["args"]) for step in vector["steps"]])
    for number, (step, got) in enumerate(zip(vector["steps"], answers, strict=True)):
        wanted = expected(step, vector["ring"], masked=True)
        assert got == wanted, f"step {number}: {step['op']}{step['args']}"


def test_views_are_read_only_and_copies_where_they_must_be() -> None:
    """R-20, R-21: what a vector of values cannot show."""
    block = HostPlayer(
        {"capacity": 8, "channels": 1, "hop": 2, "overlap": 2, "overflow": "block", "start": 0}
    )
    over = HostPlayer(
        {"capacity": 8, "channels": 1, "hop": 2, "overlap": 2, "overflow": "overwrite", "start": 0}
    )
    for player in (block, over):
        player.do("write", [8])
    view = block.ring.chunk(2, 2)
    assert view.is_view
    assert not view.data.flags.writeable
    assert view.data.flags.c_contiguous
    with pytest.raises(ValueError, match="read-only"):
        view.data[0] = 1
    with pytest.raises(ValueError, match="WRITEABLE"):
        view.data.flags.writeable = True
    assert not block.ring.chunk(3, 2).is_view, "longer than the guard"
    copy = over.ring.chunk(2, 2)
    assert not copy.is_view
    kept = copy.data.copy()
    over.do("write", [8])
    assert np.array_equal(copy.data, kept), "a chunk changed under its holder"


def test_wrong_dtype_or_shape_changes_nothing() -> None:
    """R-5."""
    for channels, bad in (
        (1, np.zeros(3, np.float32)),
        (1, np.zeros(3, np.int32)),
        (1, np.zeros((3, 1), np.int16)),
        (2, np.zeros(4, np.int16)),
        (2, np.zeros((2, 3), np.int16)),
        (1, [1, 2, 3]),
        (1, np.zeros(3, ">i2")),
    ):
        ring = {
            "capacity": 8,
            "channels": channels,
            "hop": 1,
            "overlap": 0,
            "overflow": "overwrite",
            "start": 0,
        }
        player = HostPlayer(ring)
        before = player.state()
        with pytest.raises((TypeError, ValueError)):
            player.ring.write(bad)
        assert player.state() == before
