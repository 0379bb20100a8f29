"""The source that no file holds, and what the emulated microphone writes down of itself."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest
from line import hear

from ossicle.emulator import Emulator
from ossicle.pattern import KEYS, Pattern
from ossicle.proto.request import StreamRequest
from ossicle.soak.record import Record

ROOT = Path(__file__).resolve().parent.parent.parent
FIRMWARE = ROOT / "firmware"
SHIMS = FIRMWARE / "boards" / "unix_shims"

FILL = """
from array import array
from boards.pattern import fill
import sys
buf = bytearray(4096)
for start, count, channels, key in %r:
    fill(buf, array("i", (64, start, count, channels, key)))
    sys.stdout.write(bytes(buf[64 : 64 + 4 * count * channels]).hex() + "\\n")
assert bytes(buf[:64]) == bytes(64)
"""


def test_both_sides_make_the_same_pattern(micropython: str) -> None:
    """From any frame on, across every carry, for any key."""
    cases = [(0, 300, 1, 0), (0, 300, 2, 1), ((1 << 15) - 5, 10, 1, 77), ((1 << 29) - 5, 10, 2, KEYS - 1)]
    cases += [((1 << 30) - 300, 256, 1, 123), ((1 << 30) - 20, 20, 2, 4)]
    done = subprocess.run(
        [micropython, "-c", FILL % cases],
        env={**os.environ, "MICROPYPATH": f"{FIRMWARE}:.frozen"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    for (start, count, channels, key), line in zip(cases, done.stdout.split(), strict=True):
        slots = np.frombuffer(bytes.fromhex(line), "<i4")
        expected = Pattern(1, key=key, channels=channels).part(start, count)
        assert np.array_equal(slots.reshape(expected.shape), expected.astype(np.int32) << 16)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("speed", ["max", "realtime"])
def test_what_was_captured_and_when(channels: int, speed: str) -> None:
    pattern = Pattern(16000 + 100, key=9, channels=channels)
    began = time.monotonic()
    with tempfile.TemporaryFile() as file:
        record = Record(file)
        with Emulator(pattern, speed=speed, record=file) as board:
            heard = hear(board, StreamRequest(channels=channels))
            board.ask_heap()
            deadline = time.monotonic() + 10
            while not record.heaps and time.monotonic() < deadline:
                record.poll()
                time.sleep(0.02)
        (found,) = record.captures()
    ended = time.monotonic()
    assert np.array_equal(
        heard.frames.reshape(len(heard.frames), -1), pattern.part(0, 16100).reshape(16100, -1)
    )
    assert (found.frames, found.captured, found.dropped) == (16100, 16100, 0)
    assert list(found.heads) == [*range(0, 16100, 256), 16100]
    assert began < found.times[0] <= found.times[-1] < ended
    assert (np.diff(found.times) >= 0).all()
    if speed == "realtime":
        assert found.times - found.times[0] == pytest.approx(found.heads / 16000, abs=1.0)
        assert found.times[-1] - found.times[0] > 1.0
    at, size = record.heaps[0]
    assert 70_000 < size < 400_000
    assert began < at < ended


COUNTS = """
from boards.unix import Microphone, _config
class I2S:
    ended = False
    dropped_frames = 0
    armed = 0
    def filled(self): return 256
    def readinto(self, buf): self.armed += 1
mic = Microphone(_config)
mic._i2s = I2S()
mic.arm(None)
told = []
for times in (1, 2, 1, 3):  # how often the handler is told of one buffer, before it takes it
    for _ in range(times):
        mic.filled()
    mic.arm(None)
    mic.filled()  # a callback that comes late, and is not believed
    told.append(mic._handled)
print(told, mic._i2s.armed)
"""


def test_a_buffer_that_is_told_twice_counts_once(micropython: str, tmp_path: Path) -> None:
    """Else a source that waits for the host would wait for too little."""
    settings = tmp_path / "settings.json"
    settings.write_text(json.dumps({"config": {"ring_samples": 8192}, "pattern": [1000, 0]}))
    done = subprocess.run(
        [micropython, "-X", "heapsize=1M", "-c", COUNTS],
        env={
            **os.environ,
            "MICROPYPATH": f"{SHIMS}:{ROOT / 'firmware'}:.frozen",
            "OSSICLE_EMULATOR": str(settings),
        },
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.stdout, done.stderr) == ("[256, 512, 768, 1024] 5\n", "")
