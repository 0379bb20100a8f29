"""Converted as for a microphone, the host hears what the oracle makes of the same slots (W-43, W-44)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from line import hear
from oracle.conversion import convert

from ossicle.emulator import Emulator
from ossicle.proto.request import StreamRequest

CASES: list[tuple[int, float, dict[str, Any]]] = [
    (1, 1.0, {}),
    (2, 1.0, {}),
    (1, 2.5, {}),
    (2, 0.3, {"shift": 12}),
    (1, 16.0, {"shift": 11, "dc_blocker": False}),
    (1, 1.0, {"shift": 16, "dc_blocker": False}),
    (1, 0.0, {}),
    (1, 1.0, {"late": 1}),
    (2, 0.5, {"slot": "right"}),
    (2, 1.0, {"slot": "right", "late": 1, "gain": 700}),
]


@pytest.mark.parametrize(("channels", "gain", "config"), CASES)
def test_as_the_oracle_says(tmp_path: Path, channels: int, gain: float, config: dict[str, Any]) -> None:
    rng = np.random.default_rng(7)
    loud = rng.integers(-32768, 32768, (4000, channels))
    quiet = 1000 + rng.integers(-200, 200, (16_001, channels))  # with an offset to take away
    frames = np.concatenate([quiet, loud]).astype(np.int16)
    soundfile.write(tmp_path / "a.wav", frames, 16000, subtype="PCM_16")
    slots = (frames.astype(np.int64) << 16).reshape(-1).tolist()
    slot = config.get("slot", "left")
    channels = 1 if slot == "right" else channels
    expected = convert(
        slots,
        shift=config.get("shift", 14),
        gain=min((config.get("gain", 256) * round(gain * 256) + 128) >> 8, 4096),
        dc_blocker=config.get("dc_blocker", True),
        channels=channels,
        late=config.get("late", 0),
        slot=slot,
    )
    with Emulator(tmp_path / "a.wav", speed="max", conversion="real", config=config) as emulator:
        heard = hear(emulator, StreamRequest(channels=channels, gain=gain))
    assert heard.gaps == []
    assert np.array_equal(heard.frames.reshape(-1), np.array(expected, np.int16))


def test_recordings_as_the_oracle_says(speech: Path) -> None:
    frames, rate = soundfile.read(speech, dtype="int16", always_2d=True)
    expected = convert((frames.astype(np.int64) << 16).reshape(-1).tolist(), channels=frames.shape[1])
    with Emulator(speech, speed="max", conversion="real") as emulator:
        heard = hear(emulator, StreamRequest(rate=rate, channels=frames.shape[1]))
    assert np.array_equal(heard.frames.reshape(-1), np.array(expected, np.int16))
