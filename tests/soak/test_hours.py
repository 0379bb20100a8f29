"""Long runs: `python3 tools/dev.py soak`. OSSICLE_SOAK_HOURS sets their length; past 18.7 hours of audio
the device's counters wrap. Flat out an hour of audio takes a minute or two."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

import ossicle

HOURS = float(os.environ.get("OSSICLE_SOAK_HOURS", "1"))
RATE = 16000
PIECE = RATE * 10

pytestmark = [pytest.mark.soak, pytest.mark.timeout(0)]


def piece(number: int) -> np.ndarray:
    """Ten seconds that are like no other ten seconds."""
    return np.random.default_rng(number).integers(-32768, 32768, PIECE, dtype=np.int16)


def long_recording(path: Path, seconds: float) -> int:
    """Write a recording; returns how many pieces it has."""
    pieces = max(1, round(seconds * RATE / PIECE))
    with soundfile.SoundFile(path, "w", RATE, 1, "PCM_16", format="RF64") as file:
        for number in range(pieces):
            file.write(piece(number))
    return pieces


def hear_all(path: Path, pieces: int, speed: str) -> None:
    """Every piece must come back as it is, in its place, and nothing after the last."""
    with ossicle.open(f"emulator:{path}?speed={speed}", rate=RATE) as microphone:
        blocks = microphone.blocks(PIECE)
        for number, block in zip(range(pieces), blocks, strict=False):
            assert block.gaps == ()
            assert block.start == number * PIECE
            np.testing.assert_array_equal(block.data, piece(number), err_msg=f"piece {number}")
        assert block.stop == pieces * PIECE
        assert next(blocks, None) is None
        assert microphone.stats.link.host.gaps == 0


def test_hours_flat_out(tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    pieces = long_recording(path, HOURS * 3600)
    began = time.monotonic()
    hear_all(path, pieces, "max")
    print(f"\n{pieces * PIECE / RATE / 3600:.2f} h in {time.monotonic() - began:.0f} s")


def test_minutes_in_real_time(tmp_path: Path) -> None:
    path = tmp_path / "minutes.wav"
    hear_all(path, long_recording(path, HOURS * 600), "realtime")
