"""An I2S in trouble: what the peripheral did is counted by itself, what the firmware made of it by the host.

The firmware survives, what is lost is a reported gap, each stretch between is as the microphone gave it, and
how far off its place is never adds up.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from line import Heard, hear

from ossicle.emulator import Emulator
from ossicle.pattern import Pattern
from ossicle.proto.request import StreamRequest
from ossicle.soak.record import Capture, Record

KEY = 4711
DMA_FRAMES = 256


@dataclass
class Run:
    """A stream of a pattern through a board in trouble."""

    heard: Heard
    capture: Capture
    met: dict[str, int]

    def places(self, window: int = 512) -> list[tuple[int, int, int]]:
        """Of each stretch: position, where the pattern has it, frames. It must be there whole."""
        pattern = Pattern(self.capture.frames, key=KEY).part(0, self.capture.frames).reshape(-1)
        found = []
        for start, stretch in self.heard.stretches():
            for at in range(max(0, start - 4 * window), start + 4 * window):
                if np.array_equal(pattern[at : at + len(stretch)], stretch.reshape(-1)):
                    found.append((start, at, len(stretch)))
                    break
            else:
                raise AssertionError(f"{len(stretch)} frames at {start} are not one piece of the source")
        return found

    @property
    def told(self) -> int:
        """Frames that gaps speak of."""
        return sum(gap.frames or 0 for gap in self.heard.gaps)


def play(frames: int, *, hop: int = 512, speed: str = "max", **emulated: Any) -> Run:
    with tempfile.TemporaryFile() as file:
        record = Record(file)
        source = Pattern(frames, key=KEY)
        with Emulator(source, speed=speed, record=file, **emulated) as emulator:
            heard = hear(emulator, StreamRequest(hop=hop))
            assert emulator.stderr == ""
        (capture,) = record.captures()
    return Run(heard, capture, record.met)


def assert_whole(run: Run, *, hop: int, least: int = 0) -> None:
    """Every frame is audio or in a gap, and stands at its place but for one buffer and one hop."""
    after = 0
    for start, at, frames in run.places():
        assert abs(at - start) <= max(hop, DMA_FRAMES) + DMA_FRAMES
        assert at >= after, "no frame comes twice"
        after = at + frames
    assert after == run.capture.frames, "the last frame is there"
    assert run.told >= least
    assert {gap.cause for gap in run.heard.gaps} <= {"capture"}
    assert all(gap.estimated for gap in run.heard.gaps)
    assert run.told + len(run.heard.frames) == run.heard.ended


# ibuf, stalls, gaps, whether a DMA buffer's rest was skipped
CASES: list[tuple[int, list[tuple[int, int]], int, bool]] = [
    (20480, [(20_000, 1_700)], 0, False),  # seven of ten buffers wait: nothing is lost
    (20480, [(20_000, 2_200)], 1, False),  # one place is free: nothing is skipped, which nobody can know
    (20480, [(20_000, 2_400)], 1, True),  # all are taken, and none has overflowed
    (20480, [(20_000, 9_000)], 1, True),
    (8192, [(20_000, 1_000)], 1, True),
]


@pytest.mark.parametrize(("ibuf", "stalls", "gaps", "skipped"), CASES)
def test_a_driver_that_skips_leaves_no_seam(
    ibuf: int, stalls: list[tuple[int, int]], gaps: int, skipped: bool
) -> None:
    run = play(60_000, hop=64, ibuf=ibuf, stalls=stalls, troubles={"i2s_skip": True})
    assert ("i2s_skipped" in run.met) == skipped
    assert len(run.heard.gaps) == gaps
    assert_whole(run, hop=64, least=run.capture.dropped)


@pytest.mark.parametrize(("ibuf", "shortest", "hop"), [(8192, 700, 512), (20480, 2200, 64)])
def test_what_is_skipped_never_adds_up(ibuf: int, shortest: int, hop: int) -> None:
    """Twenty stalls of as many lengths; a DMA buffer then stays read in part, and is skipped in part."""
    stalls = [(9_000 * (i + 1), shortest + 137 * i) for i in range(20)]
    run = play(200_000, hop=hop, ibuf=ibuf, stalls=stalls, troubles={"i2s_skip": True})
    assert run.met["i2s_skipped"] >= 15
    assert len(run.heard.gaps) >= 15
    assert_whole(run, hop=hop)
    start, at, _ = run.places()[-1]
    assert abs(at - start) <= max(hop, DMA_FRAMES) + DMA_FRAMES
    assert run.heard.ended is not None
    assert abs(run.heard.ended - 200_000) <= max(hop, DMA_FRAMES) + DMA_FRAMES


@pytest.mark.realtime
def test_a_request_that_is_dropped_and_returns_its_length() -> None:
    """No buffer is out, and nobody says so: the firmware hands one out again after a second."""
    run = play(32_000, speed="realtime", troubles={"lost_requests": [15]})
    assert run.met == {"request_lost": 1}
    assert len(run.heard.gaps) == 1
    assert_whole(run, hop=512, least=run.capture.dropped)
    assert run.capture.dropped > 8_000


@pytest.mark.realtime
@pytest.mark.parametrize(("ibuf", "gaps"), [(40960, 0), (8192, 2)])
def test_a_scheduler_that_is_full(ibuf: int, gaps: int) -> None:
    """Another driver's callback runs for 30 ms and eight more wait: ours is lost, and found 0.2 s later."""
    run = play(20_000, speed="realtime", ibuf=ibuf, troubles={"storms": [[15, 30], [55, 30]]})
    assert run.met == {"storm": 2, "callback_lost": 2}
    assert len(run.heard.gaps) == gaps
    assert_whole(run, hop=512, least=run.capture.dropped)


def test_a_scheduler_that_is_full_flat_out() -> None:
    run = play(40_000, troubles={"storms": [[10, 5], [11, 5], [60, 5]]})
    assert run.met == {"storm": 3, "callback_lost": 3}
    assert run.places() == [(0, 0, 40_000)]


@pytest.mark.parametrize("lost", [[0], [5, 6]])
def test_callbacks_that_are_lost_flat_out(lost: Sequence[int]) -> None:
    """The source waits, so nothing is: the watchdog finds the buffer filled."""
    run = play(20_000, lost_callbacks=lost)
    assert run.met == {"callback_lost": len(lost)}
    assert run.places() == [(0, 0, 20_000)]
