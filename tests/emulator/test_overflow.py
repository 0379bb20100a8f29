"""An I2S that overflows: each stretch identical, each hole an estimated gap, the length about right.

DMA drops its oldest buffers without a word; the firmware can only compare what came with its clock. So a
test does not ask where a stretch should be: it looks for it in the recording, and asks how far off it is.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
from line import Heard, hear
from numpy.typing import NDArray

from ossicle.emulator import Emulator
from ossicle.proto.request import StreamRequest

DMA_FRAMES = 256


def noise(path: Path, frames: int, channels: int = 1, rate: int = 16000) -> NDArray[np.int16]:
    data = np.random.default_rng(frames).integers(-32768, 32768, (frames, channels), dtype=np.int16)
    soundfile.write(path, data, rate, subtype="PCM_16")
    return data


def place(stretch: NDArray[np.int16], recording: NDArray[np.int16]) -> int:
    """Where the stretch is in the recording; it must be there whole."""
    first = stretch[: min(len(stretch), 16)]
    starts = np.flatnonzero((recording == first[0]).all(axis=1))
    found = [int(s) for s in starts if np.array_equal(recording[s : s + len(stretch)], stretch)]
    assert len(found) == 1, f"{len(stretch)} frames are at {found}"
    return found[0]


def assert_holes(
    heard: Heard, recording: NDArray[np.int16], hop: int, holes: int, *, window: int = 512
) -> None:
    tolerance = max(hop, DMA_FRAMES)
    after = 0
    for start, stretch in heard.stretches():
        at = place(stretch, recording)
        assert abs(at - start) <= tolerance
        assert at >= after, "no frame comes twice"
        after = at + len(stretch)
    assert after == len(recording), "the last frame is there"
    assert len(list(heard.stretches())) == holes + 1
    gaps = [gap for gap in heard.gaps if gap.cause != "overwritten"]
    assert len(gaps) == holes
    for before, gap in pairwise(heard.gaps):
        # A hole longer than the ring takes the last window before it along, which was not whole.
        assert before.stop is not None
        assert before.stop < gap.start or before.cause == "overwritten"
    for gap in heard.gaps:
        if gap.cause == "overwritten":
            assert not gap.estimated
            assert 0 < (gap.frames or 0) < hop + window
            continue
        assert (gap.cause, gap.estimated) == ("capture", True)
        assert gap.stop is not None
        assert gap.stop % hop == 0, "capture goes on at a hop boundary"
    assert heard.ended is not None
    assert abs(heard.ended - len(recording)) <= tolerance
    told = sum(gap.frames or 0 for gap in heard.gaps) + len(heard.frames)
    assert told == heard.ended


CASES = [
    # ibuf, stalls, holes
    (40960, [(20_000, 16_000)], 1),
    (40960, [(20_000, 5_000)], 0),  # DMA holds 4,864 frames and the one that is being filled
    (4096, [(20_000, 600)], 1),
    (4096, [(20_000, 700), (40_000, 5_000), (60_000, 30_000)], 3),
    (20480, [(5_000 + 9_000 * i, 4_000) for i in range(12)], 12),  # more than the eight that a ring keeps
    (8192, [(20_000, 2_000), (26_000, 2_000), (32_000, 25_000)], 3),
    (40960, [(256, 10_000)], 1),
]


@pytest.mark.parametrize(("hop", "overlap"), [(512, 0), (64, 608), (333, 111)])
@pytest.mark.parametrize(("ibuf", "stalls", "holes"), CASES)
def test_holes_flat_out(
    tmp_path: Path, ibuf: int, stalls: list[tuple[int, int]], holes: int, hop: int, overlap: int
) -> None:
    recording = noise(tmp_path / "a.wav", 130_000)
    with Emulator(tmp_path / "a.wav", speed="max", ibuf=ibuf, stalls=stalls) as emulator:
        heard = hear(emulator, StreamRequest(hop=hop, overlap=overlap))
        assert emulator.stderr == ""
    assert_holes(heard, recording, hop, holes, window=hop + overlap)


@pytest.mark.parametrize(("hop", "overlap"), [(512, 0), (64, 608), (333, 111)])
def test_a_hole_longer_than_the_ring(tmp_path: Path, hop: int, overlap: int) -> None:
    """What the host gives up as out of the ring's reach, and what it is told of, are one stretch."""
    recording = noise(tmp_path / "a.wav", 130_000)
    with Emulator(tmp_path / "a.wav", speed="max", ibuf=8192, stalls=[(32_000, 70_000)]) as emulator:
        heard = hear(emulator, StreamRequest(hop=hop, overlap=overlap))
        assert emulator.stderr == ""
    (_, first), (start, last) = heard.stretches()
    assert np.array_equal(first, recording[: len(first)])
    assert abs(place(last, recording) - start) <= max(hop, DMA_FRAMES)
    assert 32_000 - hop - overlap < len(first) < 33_000
    assert [len(first), *(gap.stop for gap in heard.gaps)] == [*(gap.start for gap in heard.gaps), start]
    assert (heard.gaps[-1].cause, heard.gaps[-1].estimated) == ("capture", True)
    assert heard.ended == start + len(last)


@pytest.mark.parametrize("attempt", range(6))
def test_a_stall_that_outlasts_the_watchdog(tmp_path: Path, attempt: int) -> None:
    """The firmware looks for a lost callback while the stall begins; which line it is at is chance."""
    recording = noise(tmp_path / "a.wav", 3_100_000)
    with Emulator(tmp_path / "a.wav", speed="max", ibuf=8192, stalls=[(32_000, 3_000_000)]) as emulator:
        heard = hear(emulator, StreamRequest(hop=64, overlap=608))
        assert emulator.stderr == ""
    assert_holes(heard, recording, 64, 1, window=672)


def test_holes_stereo(tmp_path: Path) -> None:
    recording = noise(tmp_path / "a.wav", 60_000, 2, 48000)
    with Emulator(
        tmp_path / "a.wav", speed="max", ibuf=8192, stalls=[(9_000, 3_000), (20_000, 9_000)]
    ) as emulator:
        heard = hear(emulator, StreamRequest(rate=48000, channels=2, hop=200, overlap=100))
    assert_holes(heard, recording, 200, 2)


@pytest.mark.realtime
def test_holes_in_real_time(tmp_path: Path) -> None:
    recording = noise(tmp_path / "a.wav", 36_000)
    with Emulator(tmp_path / "a.wav", ibuf=20480, stalls=[(6_000, 9_000), (22_000, 6_000)]) as emulator:
        heard = hear(emulator)
        assert emulator.stderr == ""
    assert_holes(heard, recording, 512, 2)


@pytest.mark.parametrize("lost", [[0], [1], [5, 6], list(range(20, 60, 2))])
def test_callbacks_that_are_lost(tmp_path: Path, lost: list[int]) -> None:
    """The watchdog sees that the buffer was filled. In real time what DMA cannot hold meanwhile is a hole."""
    recording = noise(tmp_path / "a.wav", 20_000)
    with Emulator(tmp_path / "a.wav", lost_callbacks=lost[:3]) as emulator:
        heard = hear(emulator)
        assert emulator.stderr == ""
    assert_holes(heard, recording, 512, len(heard.gaps))
