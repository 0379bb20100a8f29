"""One suite for a board and for the emulated board: what must be true of any Ossicle device on a serial port.

The board is the one that OSSICLE_PORT names, with its microphone in a room that is not silent; without
that only the emulated board is tested. A recording cannot be compared here, since nobody knows what a
microphone should have heard: `tests/emulator` does that. Here the stream is held against itself (each frame
that came twice must agree), against the clock, and against what a microphone that works sounds like.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import ossicle
from ossicle.emulator import Emulator
from ossicle.errors import RefusedError

SECONDS = 3


@pytest.fixture(scope="module", params=["emulated", pytest.param("board", marks=pytest.mark.hil)])
def port(request: pytest.FixtureRequest, speech: Path) -> Iterator[str]:
    """The URL of a device that runs."""
    if request.param == "board":
        yield os.environ["OSSICLE_PORT"]
        return
    with Emulator(speech) as emulator:
        yield emulator.url
        assert emulator.failure is None


def test_it_says_what_it_is(port: str) -> None:
    with ossicle.open(port) as mic:
        hello = mic.hello
        assert mic.device
        assert mic.device == hello.device
        assert {8000, 16000, 32000, 48000} <= set(hello.rates) or hello.board == "emulator"
        assert "pcm16" in hello.codecs
        assert mic.notes == [], "the configuration on the board has values that were refused"


@pytest.mark.realtime
def test_every_frame_comes_once_and_in_time(port: str) -> None:
    with ossicle.open(port, hop=320, overlap=320) as mic:
        position = 0
        begin = None
        for block in mic.blocks(1600):
            begin = begin or time.monotonic()
            assert (block.start, block.gaps) == (position, ())
            position = block.stop
            if position >= SECONDS * mic.rate:
                break
        assert begin is not None
        took_s = time.monotonic() - begin
        counted = mic.stats.link
    assert counted.host.disagreements == 0, "frames that came twice differ"
    assert counted.host.malformed == 0
    # A microphone cannot be faster than its clock, nor much slower than it.
    assert SECONDS * 0.8 - 0.2 < took_s < SECONDS * 2


@pytest.mark.realtime
def test_the_microphone_is_neither_dead_nor_stuck(port: str) -> None:
    with ossicle.open(port) as mic:
        frames = np.concatenate([mic.read(mic.rate // 2).data for _ in range(4)]).astype(np.float64)
    assert frames.std() > 2, "all but silent: is SD connected, and L/R at GND?"
    assert abs(frames.mean()) < 0.05 * 32768, "a large DC offset: is the DC blocker off?"
    assert np.mean(np.abs(frames) >= 32767) < 0.01, "it clips"


def test_a_stream_that_cannot_be_is_refused_and_the_next_one_starts(port: str) -> None:
    with pytest.raises(RefusedError, match="9000"):
        ossicle.open(port, rate=9000)
    with ossicle.open(port) as mic:
        assert mic.read(100).start == 0


def test_stop_ends_at_an_exact_length(port: str) -> None:
    with ossicle.open(port) as mic:
        mic.read(8000)
        mic.stop()
        stop = 8000
        for block in mic.blocks(1000):
            assert block.start == stop
            stop = block.stop
        assert mic.stats.link.state == "ended"


@pytest.mark.realtime
def test_a_host_that_pauses_hears_all_of_it(port: str) -> None:
    """The buffers on the way hold what comes while nobody reads."""
    with ossicle.open(port) as mic:
        mic.read(1600)
        time.sleep(2.0)
        block = mic.read(mic.rate)
        assert (block.start, len(block), block.gaps) == (1600, mic.rate, ())
