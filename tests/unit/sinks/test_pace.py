"""Who waits for the encoder: what is faster than real time, and nobody else."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ossicle.archive.settings import load
from ossicle.sinks import pace
from ossicle.sinks.pace import Pace

RATE = 8000


class Heard:
    """A stream and its archive, with a clock that stands until it is told to go on."""

    def __init__(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **given: Any) -> None:
        self.settings = load(url=f"memory://{tmp_path.name}", state=tmp_path, **given)
        self.now = 1000.0
        self.position = 0
        self.waited = 0
        monkeypatch.setattr(pace, "time", SimpleNamespace(monotonic=lambda: self.now))
        stream: Any = SimpleNamespace(rate=RATE, channels=1)
        self._stream = stream
        self._pace = Pace(self, stream)

    def settle(self, stream: Any, seconds: float) -> bool:
        self.waited += 1
        return True

    def hear(self, seconds: float, took_s: float) -> bool:
        """So much audio comes in such a time. Whether it had to wait."""
        before = self.waited
        self.now += took_s
        self._stream.position = self.position = self.position + round(seconds * RATE)
        self._pace.keep()
        return self.waited > before


def test_real_time_never_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not after minutes either, and not where a ring that was full comes at once after an outage."""
    heard = Heard(tmp_path, monkeypatch)
    assert not any(heard.hear(1, 1.0) for _ in range(300))
    heard.now += 8
    assert not any(heard.hear(1, 0.0) for _ in range(8))
    assert not any(heard.hear(1, 1.0) for _ in range(300))


def test_what_is_faster_waits_once_for_each_object(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heard = Heard(tmp_path, monkeypatch)
    assert sum(heard.hear(1, 0.01) for _ in range(600)) == 9  # after the first frames and a minute, and so on


def test_a_short_memory_waits_sooner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes beside the object that is encoded has to fit."""
    heard = Heard(tmp_path, monkeypatch, object_s=2, keep_s=4)
    assert [heard.hear(1, 0.0) for _ in range(9)] == [False] * 4 + [True, False] * 2 + [True]


def test_where_it_begins_is_no_lead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream that is gone on with has positions of hours ago."""
    heard = Heard(tmp_path, monkeypatch)
    heard.position = 3600 * RATE
    assert not any(heard.hear(1, 1.0) for _ in range(300))
