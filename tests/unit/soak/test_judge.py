"""The judge against planted faults: each must be found, and a faultless stream must not be blamed."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from ossicle.pattern import Pattern
from ossicle.soak.judge import Closed, Judge, Open, Verdict, open_times
from ossicle.soak.record import Capture

RATE = 16000
HOP = 512
RING = 32768
SECONDS = 10
FRAMES = SECONDS * RATE
PATTERN = Pattern(FRAMES, key=5)
ALLOWED_S = 0.5


def capture(drops: tuple[tuple[int, int], ...] = ()) -> Capture:
    """A microphone that began at time 100 and never stopped."""
    heads = np.arange(0, FRAMES + 1, 256, dtype=np.int64)
    return Capture(FRAMES, heads, 100 + heads / RATE, drops)


def when(position: int) -> float:
    return 100 + position / RATE


def always() -> list[Open]:
    return [Open(100.0, 200.0, ALLOWED_S)]


class Stream:
    """A receiver that gives chunk by chunk, with whatever is planted."""

    def __init__(self, **more: object) -> None:
        self.judge = Judge(PATTERN, RING, HOP, **more)  # type: ignore[arg-type]

    def give(self, start: int, stop: int, *, late_s: float = 0.034, shift: int = 0) -> None:
        for at in range(start, stop, HOP):
            count = min(HOP, stop - at)
            self.judge.audio(at, PATTERN.part(at + shift, count), when(at + count) + late_s)

    def verdict(self, opened: list[Open] | None = None, given: Capture | None = None) -> Verdict:
        return self.judge.verdict(given or capture(), always() if opened is None else opened)


def test_a_faultless_stream_is_not_blamed() -> None:
    stream = Stream()
    stream.give(0, FRAMES)
    found = stream.verdict()
    assert (found.captured, found.delivered) == (FRAMES, FRAMES)
    assert (found.wrong, found.lost, found.lost_within_ring, found.gaps) == (0, 0, 0, 0)
    # Of a hop's first frame: the hop, and what it was late.
    assert found.latencies * 1e3 == pytest.approx(np.full(-(-FRAMES // HOP), 66.0), abs=20.1)
    assert np.median(found.latencies) * 1e3 == pytest.approx(66.0, abs=0.2)


@pytest.mark.parametrize("count", [1, 2, 7])
def test_wrong_samples_are_counted(count: int) -> None:
    stream = Stream()
    stream.give(0, HOP)
    frames = PATTERN.part(HOP, HOP).copy()
    frames[:count] ^= 1
    stream.judge.audio(HOP, frames, when(2 * HOP))
    stream.give(2 * HOP, FRAMES)
    assert (stream.verdict().wrong, stream.verdict().delivered) == (count, FRAMES - count)


def test_one_wrong_channel_is_a_wrong_frame() -> None:
    stereo = Pattern(FRAMES, channels=2)
    judge = Judge(stereo, RING, HOP)
    frames = stereo.part(0, HOP).copy()
    frames[3, 1] ^= 256
    judge.audio(0, frames, when(HOP))
    assert judge.wrong == 1


@pytest.mark.parametrize("shift", [-HOP, -1, 1, HOP, RING])
def test_a_shifted_block_is_wrong(shift: int) -> None:
    stream = Stream()
    stream.give(0, 10 * HOP)
    stream.give(10 * HOP, 11 * HOP, shift=shift)
    stream.give(11 * HOP, FRAMES)
    assert 0.99 * HOP < stream.verdict().wrong <= HOP


def test_a_block_that_comes_twice_is_wrong() -> None:
    stream = Stream()
    stream.give(0, 10 * HOP)
    stream.give(9 * HOP, 10 * HOP)
    stream.give(10 * HOP, FRAMES)
    found = stream.verdict()
    assert (found.wrong, found.delivered, found.lost) == (HOP, FRAMES, 0)


def test_audio_of_a_gap_that_was_told_is_wrong() -> None:
    stream = Stream()
    stream.give(0, 10 * HOP)
    stream.judge.gap(10 * HOP, 12 * HOP, "deadline")
    stream.give(11 * HOP, 12 * HOP)
    assert stream.judge.wrong == HOP


def test_what_is_left_out_without_a_word_is_wrong_and_lost() -> None:
    stream = Stream()
    stream.give(0, 10 * HOP)
    stream.give(12 * HOP, FRAMES)
    found = stream.verdict()
    assert (found.wrong, found.lost, found.lost_within_ring, found.gaps) == (2 * HOP, 2 * HOP, 2 * HOP, 0)


def test_a_gap_elsewhere_is_wrong() -> None:
    stream = Stream()
    stream.give(0, 10 * HOP)
    stream.judge.gap(11 * HOP, 12 * HOP, "overwritten")
    assert stream.judge.wrong == HOP


def test_more_than_was_captured_is_wrong() -> None:
    stream = Stream()
    stream.give(0, FRAMES + HOP)
    assert stream.verdict().wrong == HOP


def test_a_loss_on_an_open_link_was_within_the_ring() -> None:
    stream = Stream()
    stream.give(0, 10 * HOP)
    stream.judge.gap(10 * HOP, 11 * HOP, "overwritten")
    stream.give(11 * HOP, FRAMES)
    found = stream.verdict()
    assert (found.wrong, found.lost, found.lost_within_ring, found.gaps) == (0, HOP, HOP, 1)
    assert found.unavoidable == 0


def test_a_stream_that_stops_early_has_lost_what_the_ring_held() -> None:
    stream = Stream()
    stream.give(0, FRAMES - 3 * HOP)
    found = stream.verdict()
    assert (found.lost, found.lost_within_ring, found.wrong) == (3 * HOP, 3 * HOP, 0)


def outage(start_s: float, stop_s: float) -> list[Open]:
    return open_times([Closed(100 + start_s, 100 + stop_s, ALLOWED_S)], 100.0, 200.0, ALLOWED_S)


def boundary(seconds: float) -> int:
    return int(seconds * RATE) // HOP * HOP


def test_an_outage_longer_than_the_ring_loses_what_it_must() -> None:
    """4 s: when it is over the ring holds 2.048 s. A receiver that needs 0.1 s loses so much more."""
    stream = Stream()
    first, last = boundary(2.0), boundary(6.0 - 2.048 + 0.1)
    stream.give(0, first)
    stream.judge.gap(first, last, "overwritten")
    stream.give(last, FRAMES)
    found = stream.verdict(outage(2.0, 6.0))
    assert found.lost == last - first
    assert found.lost_within_ring == 0
    assert found.lost - found.unavoidable == pytest.approx(0.1 * RATE, abs=2 * HOP)


@pytest.mark.parametrize("dawdles_s", [0.7, 1.0, 1.9])
def test_a_receiver_that_dawdles_is_found(dawdles_s: float) -> None:
    """The same outage, and half a second is allowed: what it loses beyond that it should have got."""
    stream = Stream()
    first, last = boundary(2.0), boundary(6.0 - 2.048 + dawdles_s)
    stream.give(0, first)
    stream.judge.gap(first, last, "overwritten")
    stream.give(last, FRAMES)
    within = stream.verdict(outage(2.0, 6.0)).lost_within_ring
    assert within == pytest.approx((dawdles_s - ALLOWED_S) * RATE, abs=2 * HOP)


def test_a_receiver_that_never_asks_again_is_found() -> None:
    """1.5 s fit into the ring, with half a second to spare: all of it should have come."""
    stream = Stream()
    first, last = boundary(2.0), boundary(3.5)
    stream.give(0, first)
    stream.judge.gap(first, last, "deadline")
    stream.give(last, FRAMES)
    found = stream.verdict(outage(2.0, 3.5))
    assert found.lost_within_ring == last - first
    assert found.unavoidable == 0


def test_a_gap_too_long_is_found() -> None:
    """Beyond what the outage cost, and before it."""
    stream = Stream()
    first, last = boundary(1.0), boundary(6.0)
    stream.give(0, first)
    stream.judge.gap(first, last, "overwritten")
    stream.give(last, FRAMES)
    within = stream.verdict(outage(2.0, 6.0)).lost_within_ring
    # The second before: it lay in the ring for longer than was allowed while the link was open, but its end.
    before = (2.0 - 1.0 - ALLOWED_S) * RATE
    behind = (2.048 - ALLOWED_S) * RATE
    assert within == pytest.approx(before + behind, abs=4 * HOP)


def test_a_source_that_waits_has_lost_nothing_for_lack_of_time() -> None:
    opened = outage(2.0, 6.0)
    for waits in (False, True):
        stream = Stream(waits=waits)
        stream.give(0, boundary(2.0))
        stream.judge.gap(boundary(2.0), boundary(2.0) + HOP, "overwritten")
        stream.give(boundary(2.0) + HOP, FRAMES)
        assert stream.verdict(opened).lost_within_ring == (HOP if waits else 0)


def test_audio_that_dma_dropped_moves_the_source() -> None:
    """2560 frames are dropped; the hole is told as 2048, up to a hop boundary."""
    dropped = ((20_000, 22_560),)
    stream = Stream(drops=lambda: dropped)
    stream.judge.audio(0, PATTERN.part(0, 20_000), when(20_000))
    stop = 20_000 + 2_528  # 22_528, on a boundary
    stream.judge.gap(20_000, stop, "capture")
    at = 22_560
    stream.judge.audio(stop, PATTERN.part(at, FRAMES - at), when(FRAMES))
    found = stream.verdict(given=capture(dropped))
    assert (found.wrong, found.lost, found.lost_within_ring) == (0, 0, 0)
    assert (found.captured, found.dropped) == (FRAMES - 2560, 2560)


def test_a_loss_before_the_ring_that_nobody_saw_is_no_excuse() -> None:
    stream = Stream()
    stream.give(0, 40 * HOP)
    stream.judge.gap(40 * HOP, 44 * HOP, "capture")
    stream.give(44 * HOP, FRAMES)
    assert stream.verdict().lost_within_ring == 4 * HOP
    moved = Stream()
    moved.give(0, 40 * HOP)
    moved.judge.gap(40 * HOP, 44 * HOP, "capture")
    moved.give(44 * HOP, 60 * HOP, shift=32)
    assert moved.judge.wrong > 15 * HOP


def test_recovery_is_the_time_to_the_first_audio() -> None:
    stream = Stream()
    stream.give(0, boundary(2.0))
    stream.judge.audio(boundary(2.0), PATTERN.part(boundary(2.0), HOP), 103.75)
    assert stream.verdict(outage(2.0, 3.5)).recoveries == pytest.approx([0.066, 0.25], abs=0.001)


def test_open_times_leave_out_what_was_closed() -> None:
    closed = [Closed(1.0, 2.0, 0.3), Closed(1.5, 2.5, 0.7), Closed(4.0, 5.0, 0.2), Closed(9.0, 12.0, 0.1)]
    found = open_times(closed, 0.0, 10.0, 0.0)
    assert found == [Open(0.0, 1.0, 0.0), Open(2.5, 4.0, 0.7), Open(5.0, 9.0, 0.2)]
    nested = open_times([Closed(1.0, 2.0, 0.7), Closed(1.5, 2.5, 0.3)], 0.0, 10.0, 0.0)
    assert nested == [Open(0.0, 1.0, 0.0), Open(2.5, 10.0, 0.7)], "the larger allowance counts"
    assert open_times([], 0.0, 10.0, 0.4) == [Open(0.0, 10.0, 0.4)]


def test_the_pattern_repeats_nowhere_near() -> None:
    """No shift up to a minute looks like the pattern itself, and every bit is as often 1 as 0."""

    def agree(one: NDArray[np.int16], other: NDArray[np.int16]) -> float:
        return float(np.mean(one == other))

    part = PATTERN.part(0, 20_000)
    for shift in [*range(1, 2050), 4096, RING, 65_536, RATE * 60]:
        assert agree(part, PATTERN.part(shift, 20_000)) < 0.001
    assert agree(part, Pattern(FRAMES, key=6).part(0, 20_000)) < 0.001
    assert agree(part, Pattern(FRAMES, key=5, channels=2).part(0, 20_000)[:, 1]) < 0.001
    bits = np.unpackbits(part.view(np.uint8)).reshape(-1, 16).mean(axis=0)
    assert bits == pytest.approx(np.full(16, 0.5), abs=0.02)
    windows = {part[at : at + 4].tobytes() for at in range(len(part) - 4)}
    assert len(windows) == len(part) - 4
    pieces = [PATTERN.part(at, 700) for at in range(0, 2100, 700)]
    assert all(len(a) == len(b) for a, b in pairwise(pieces))
    np.testing.assert_array_equal(np.concatenate(pieces), part[:2100])
