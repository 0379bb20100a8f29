"""Audio that an archive is given, and what lies in its store then."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from simaudio import audio

from ossicle.archive.coding import decode
from ossicle.archive.entry import Entry

RATE = 8000
PATIENCE_S = 30.0


def objects(tmp_path: Path) -> list[tuple[Entry, np.ndarray]]:
    files = [path for path in (tmp_path / "store").glob("audio/*/*/*/*/*")]
    found = [decode(path.read_bytes()) for path in files]
    return sorted(found, key=lambda one: (one[0].stream, one[0].start))


def noise(start: int, n: int, channels: int = 1) -> np.ndarray:
    return audio(start, start + n, channels).copy()


def until(condition: Callable[[], bool]) -> None:
    """Wait for it."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)
