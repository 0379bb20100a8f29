"""The microphone that is wired to the board, in a room that is not silent."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from commandline import Run
from dossier import Dossier
from rig import Target


@pytest.fixture
def wired(live: Target, console: str, ossicle: Run, request: pytest.FixtureRequest) -> Iterator[Target]:
    """The target with its microphone in place of the pattern."""
    if not live.is_chip and not request.config.getoption("--microphone", default=False):
        pytest.skip("no microphone is said to be wired: --microphone")
    wanted = ["--set", "mic=i2s", *(("--set", "shift=16") if live.is_chip else ())]  # what it plays is loud
    assert ossicle("install", live.console or "", *wanted).returncode == 0
    yield live
    assert ossicle("install", live.console or "", "--set", "mic=pattern").returncode == 0


@pytest.mark.realtime
def test_the_microphone_is_neither_dead_nor_stuck(wired: Target, dossier: Dossier) -> None:
    with wired.open() as mic:
        frames = np.concatenate([mic.read(mic.rate // 2).data for _ in range(3)]).astype(np.float64)
        status = mic.stats.link.device
    level = 20 * np.log10(max(float(frames.std()), 1e-9) / 32768)
    dossier.facts |= {"microphone, dBFS": round(level, 1), "microphone, DC": round(float(frames.mean()), 1)}
    assert status is not None
    assert (status.lost_frames, status.holes) == (0, 0)
    assert frames.std() > 2, "all but silent: is SD connected, and L/R at GND?"
    assert abs(frames.mean()) < 0.05 * 32768, "a large DC offset: is the DC blocker off?"
    assert np.mean(np.abs(frames) >= 32767) < 0.01, "it clips"
