"""`Archive.follow`: a microphone kept by a thread of its own, for as long as it is there."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from heard import PATIENCE_S, RATE, noise, objects, until
from simaudio import audio
from simdevice import SimDevice
from simthread import behind_pty

import ossicle
from ossicle.archive.entry import GapRow
from ossicle.proto.events import Audio, Event, Gap, Started
from ossicle.sinks import archive as archives
from ossicle.sinks.archive import Archive
from ossicle.sinks.lane import ARRIVAL_UNSURE_S
from ossicle.subscription import Subscription


def test_a_microphone_is_followed_to_its_end(tmp_path: Path, set_up: Callable[..., Archive]) -> None:
    device = SimDevice(Random(1))
    with behind_pty(device) as line, ossicle.open(line.path, timeout=10) as mic, set_up() as archive:
        handle = archive.follow(mic)
        first = mic.started.stream_id
        until(lambda: handle.stream is not None and handle.stream.position > 2 * mic.rate)
        mic.stop()
        assert handle.wait(PATIENCE_S)
        assert handle.error is None
        assert handle.closed
    kept = objects(tmp_path)
    assert kept[0][0].start == 0
    assert kept[-1][0].stop == device.stopped_at
    for entry, frames in kept:
        assert entry.stream == first.hex()
        assert entry.device == "sim-1"
        assert np.array_equal(frames, audio(entry.start, entry.stop))
    assert GapRow not in {type(row) for entry, _ in kept for row in entry.gaps}


class Scripted:
    """A microphone whose events are all there; `started` is the last stream's, as with a slow reader."""

    device = "mic"
    stats = SimpleNamespace(link=SimpleNamespace(true_rate=None))

    def __init__(self, events: list[Event]) -> None:
        self.started = [event for event in events if isinstance(event, Started)][-1]
        self.subscription = Subscription(
            60.0, waits=False, time_of=lambda position: None, leave=lambda subscription: None
        )
        self.subscription.put(events)
        self.subscription.finish(None)

    def subscribe(self, maxsize_s: float, overflow: str) -> Subscription:
        return self.subscription

    def time_of(self, position: int) -> tuple[float, float]:
        return 1.7e9, 0.001


def started(stream: bytes) -> Started:
    return Started(stream, 1, RATE, 1, 512, 0, 1.0, 0, RATE, 0, 0)


def test_a_restart_begins_another_stream_and_times_are_of_the_one_in_force(
    tmp_path: Path, set_up: Callable[..., Archive]
) -> None:
    loud, quiet = noise(0, 2 * RATE), noise(0, RATE) // 4096
    mic = Scripted(
        [
            started(b"\x0a"),
            Audio(0, quiet),
            Audio(RATE, loud),
            Audio(3 * RATE, quiet),
            Gap(4 * RATE, None, "reset"),
            started(b"\x0b"),
            Gap(0, 100, "overwritten", True),
            Audio(100, loud),
        ]
    )
    with set_up(retention_days=0) as archive:
        handle = archive.follow(mic, vad="energy")
        assert handle.wait(PATIENCE_S)
        assert handle.error is None
    first, second = ([one for one in objects(tmp_path) if one[0].stream == name] for name in ("0a", "0b"))
    assert np.array_equal(np.concatenate([frames for _, frames in first])[RATE : 3 * RATE], loud)
    assert np.array_equal(np.concatenate([frames for _, frames in second]), loud)
    assert first[-1][0].gaps == (GapRow(4 * RATE, None, "reset"),)
    assert second[0][0].gaps == (GapRow(0, 100, "overwritten", True),)
    segments = [row for entry, _ in first for row in entry.segments]
    assert len(segments) == 1
    assert abs(segments[0].start - RATE) < RATE / 2
    assert abs(segments[0].stop - 3 * RATE) < RATE / 2
    assert {entry.uncertainty for entry, _ in first} == {ARRIVAL_UNSURE_S}
    assert {entry.time for entry, _ in second} == {1.7e9}


def test_a_microphone_that_is_faster_than_the_encoder_waits(
    tmp_path: Path, set_up: Callable[..., Archive], monkeypatch: pytest.MonkeyPatch
) -> None:
    encode = archives.encoded

    def slow(*given: Any) -> Any:
        time.sleep(0.05)
        return encode(*given)

    monkeypatch.setattr(archives, "encoded", slow)
    heard = noise(0, 12 * RATE)
    pieces = [Audio(at, heard[at : at + 1000]) for at in range(0, len(heard), 1000)]
    with set_up(retention_days=0) as archive:
        assert archive.follow(Scripted([started(b"\x0a"), *pieces])).wait(PATIENCE_S)
    assert archive.stats().counts.lost_frames == 0
    assert np.array_equal(np.concatenate([frames for _, frames in objects(tmp_path)]), heard)
