"""Streams of the device: every sample of the pattern, and whatever may happen in the middle of one."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from dossier import Dossier
from rig import STARTS_S, Target, killed_in_mid_stream, soft_reset

from ossicle.errors import RefusedError
from ossicle.microphone import Microphone
from ossicle.soak.device import Tally, Wanted, pattern_key, run

FREE_AT_LEAST = 20_000  # of the heap, while it streams
LEAK_MOST = 512  # bytes, which is what a count that has become a larger number may take
RATE = 16000


def hear(mic: Microphone, tally: Tally, seconds: float) -> None:
    """So much more audio of the stream in force."""
    for event in mic.events():
        tally.take(event)
        if tally.position >= seconds * mic.rate:
            return


@pytest.mark.realtime
def test_nothing_is_lost(live: Target, seconds: float, dossier: Dossier) -> None:
    outcome = run(Wanted(live.url, seconds, timeout=STARTS_S))
    dossier.stream = outcome.figures()
    assert outcome.failure == ""
    assert outcome.tally.delivered >= seconds * RATE
    assert (outcome.tally.wrong, outcome.tally.lost, outcome.tally.gaps) == (0, 0, 0), dossier.stream


@pytest.mark.realtime
@pytest.mark.parametrize(("rate", "channels"), [(48000, 1), (16000, 2)])
def test_nothing_is_lost_where_there_is_more(live: Target, rate: int, channels: int) -> None:
    try:
        outcome = run(Wanted(live.url, 1.0, rate, channels, timeout=STARTS_S))
    except RefusedError as error:
        if live.is_chip:
            raise
        pytest.skip(str(error))
    assert (outcome.tally.wrong, outcome.tally.lost, outcome.failure) == (0, 0, "")


@pytest.mark.realtime
def test_capture_statistics(live: Target, dossier: Dossier) -> None:
    """What the device counts is what came, and its meter hears the pattern, which is loud noise."""
    with live.open() as mic:
        begin = time.monotonic()
        mic.read(round(1.5 * mic.rate))
        took_s = time.monotonic() - begin
        link = mic.stats.link
    status = link.device
    assert status is not None
    dossier.facts |= {
        "frames lost before the ring": status.lost_frames,
        "frames lost in the ring": status.overwritten_frames,
        "RSSI": status.rssi or None,
    }
    assert (status.lost_frames, status.overwritten_frames, status.holes, status.rearmed) == (0, 0, 0, 0)
    assert abs(status.captured - link.position) < 2 * mic.rate
    assert 1.5 * 0.8 - 0.3 < took_s < 1.5 * 2, "it is paced by a clock"
    assert status.peak > 30_000
    assert 17_000 < status.rms < 20_500


@pytest.mark.realtime
def test_memory(live: Target, dossier: Dossier) -> None:
    """No stream takes anything away for good, and enough is left. On the chip what stands in for hardware is
    in the heap, too."""
    free = []
    for _ in range(3):
        with live.open() as mic:
            mic.read(round(1.2 * mic.rate))
            status = mic.stats.link.device
        assert status is not None
        free.append(status.free_heap)
    dossier.facts["heap free while it streams"] = min(free)
    assert free[2] >= free[1] - LEAK_MOST
    assert min(free) > FREE_AT_LEAST


def test_a_stream_that_cannot_be_is_refused_and_the_next_one_starts(live: Target) -> None:
    with pytest.raises(RefusedError, match="9000"):
        live.open(rate=9000)
    with live.open() as mic:
        assert mic.read(100).start == 0


def test_stop_ends_at_an_exact_length(live: Target) -> None:
    with live.open() as mic:
        mic.read(8000)
        mic.stop()
        stop = 8000
        for block in mic.blocks(1000):
            assert (block.start, block.gaps) == (stop, ())
            stop = block.stop
        assert mic.stats.link.state == "ended"


@pytest.mark.realtime
def test_a_host_that_pauses_hears_all_of_it(live: Target) -> None:
    """The buffers on the way hold what comes while nobody reads."""
    with live.open() as mic:
        mic.read(1600)
        time.sleep(1.0)
        block = mic.read(mic.rate)
        assert (block.start, len(block), block.gaps) == (1600, mic.rate, ())


@pytest.mark.realtime
def test_mpremote_in_mid_stream(live: Target, console: str, tmp_path: Path) -> None:
    """The recorder is dead and the device does not know it; then it streams again."""
    with killed_in_mid_stream(live, tmp_path, 0.5):
        time.sleep(live.back_at_the_repl_s)
        listing = live.mpremote("fs", "ls", ":/")
    assert "main.py" in listing
    live.restart()
    with live.open() as mic:
        assert mic.read(1600).start == 0


@pytest.mark.realtime
def test_soft_reset_in_mid_stream(live: Target, console: str, tmp_path: Path) -> None:
    with killed_in_mid_stream(live, tmp_path, 0.5):
        time.sleep(live.back_at_the_repl_s)
        soft_reset(live.console or "")
    with live.open() as mic:
        assert mic.read(1600).start == 0


@pytest.mark.realtime
def test_unplugged_in_mid_stream(live: Target) -> None:
    """What came before and after is right, and the host says that the device began anew."""
    if not live.can_unplug:
        pytest.skip("nobody is there who can pull the plug: --ask")
    with live.open() as mic:
        tally = Tally(pattern_key(mic.hello))
        hear(mic, tally, 0.5)
        live.unplug()
        time.sleep(0.5)
        live.plug()
        until = time.monotonic() + STARTS_S
        for event in mic.events():
            tally.take(event)
            assert time.monotonic() < until, "it does not come back"
            if tally.restarts and tally.position > RATE // 2:
                break
    assert tally.wrong == 0
    assert tally.restarts == 1


def test_it_is_the_pattern_and_no_other(live: Target) -> None:
    """The judge of all this can tell a stream that is off by one frame."""
    with live.open() as mic:
        frames = mic.read(RATE // 2).data
        tally = Tally(pattern_key(mic.hello))
        tally.take(mic.started)
    judge = tally.judges[0]
    judge.audio(0, np.roll(frames, 1), 0.0)
    assert judge.wrong > 0.99 * len(frames)
