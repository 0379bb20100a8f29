"""A board that plays the pattern itself, whatever its I2S would hear."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import ossicle
from ossicle.emulator import Emulator
from ossicle.pattern import Pattern

RATE = 16000


@pytest.mark.realtime
@pytest.mark.parametrize(("channels", "speed"), [(1, "max"), (2, "realtime")])
def test_every_sample_is_known(speech: Path, channels: int, speed: str) -> None:
    """At the rate asked for and by the clock, also where the emulated I2S would run flat out."""
    config = {"mic": "pattern", "shift": 12, "gain": 999, "slot": "right"}
    with (
        Emulator(speech, speed=speed, config=config, ibuf=65536) as board,
        ossicle.open(board.url, rate=RATE, channels=channels) as mic,
    ):
        assert mic.hello.mic == {"kind": "pattern", "slot": "left", "shift": 16, "late": 0}
        block = mic.read(RATE, timeout=20)
    assert (block.start, block.gaps) == (0, ())
    assert np.array_equal(block.data, Pattern(RATE, channels=channels).part(0, RATE))
