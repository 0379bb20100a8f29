"""What is recalled of VAD frames, against all that was ever heard, and that no more is kept than needed."""

from __future__ import annotations

import random

import numpy as np
import pytest

from ossicle.audio.hearing import Hearing
from ossicle.audio.resample import Resampler, mono
from ossicle.audio.tape import LEAST_FRAMES, Tape

CASES = [
    # rate, detector's rate, samples of a VAD frame, channels
    (16000, 16000, 480, 0),
    (16000, 16000, 480, 2),
    (16000, 16000, 333, 1),
    (22050, 16000, 512, 0),
    (8000, 16000, 480, 2),
    (48000, 16000, 512, 0),
]


def noise(frames: int, channels: int) -> np.ndarray:
    """With levels that repeat, so that VAD frames of equal power occur."""
    levels = np.random.default_rng(3).choice([1, 7, 7, 300, 20000], frames // 700 + 1).astype(np.int16)
    one = np.repeat(levels, 700)[:frames]
    return np.stack([one] * channels, axis=1) if channels else one


class Pushed:
    """A capture and its hearing, fed in pieces."""

    def __init__(self, rate: int, to_rate: int, size: int, start: int) -> None:
        self.tape = Tape(start)
        self.hearing = Hearing(self.tape, rate, to_rate, size)

    def push(self, frames: np.ndarray, needed: int) -> None:
        if not self.tape.push(frames):
            self.tape.make_room(frames, needed)
            self.tape.push(frames)
        self.hearing.push(frames, needed)


@pytest.mark.parametrize(("rate", "to_rate", "size", "channels"), CASES)
def test_any_vad_frame_that_is_needed_is_recalled(rate: int, to_rate: int, size: int, channels: int) -> None:
    draw = random.Random(rate + size)
    start = 1001
    frames = noise(20 * rate, channels)
    heard = Resampler(rate, to_rate).push(mono(frames)).astype(np.float64)
    pushed = Pushed(rate, to_rate, size, start)
    hearing = pushed.hearing
    hearing.begin(channels=channels > 0)
    at = done = 0
    needed = start
    while at < len(frames):
        step = draw.randint(1, 6000)
        pushed.push(frames[at : at + step], needed)
        at += step
        while hearing.next + size <= hearing.tape.stop:
            hearing.next += size
            done += 1
        if not done:
            continue
        starts = [start + n * size * rate // to_rate for n in range(done)]
        powers = [float((heard[n * size : (n + 1) * size] ** 2).sum()) / size for n in range(done)]
        old = [n for n in range(done) if starts[n] >= needed]
        for n in draw.sample(old, min(5, len(old))):
            assert hearing.start(done - 1 - n) == starts[n]
            assert hearing.power(done - 1 - n) == powers[n]
        position = draw.randint(needed, starts[-1]) if needed < starts[-1] else starts[-1]
        least = min((powers[n], -starts[n]) for n in range(done) if starts[n] >= position)
        assert hearing.quietest(position) == -least[1]
        needed = max(needed, start + at - draw.randint(0, 4 * rate))
    assert len(hearing.tape.view) <= max(LEAST_FRAMES, 1.5 * (4 * max(rate, to_rate) + 6000 * 2))


def test_a_short_last_vad_frame_counts_for_what_is_there() -> None:
    frames = np.array([100] * 480 + [7, 7, 1], np.int16)
    pushed = Pushed(16000, 16000, 480, 0)
    pushed.hearing.begin(channels=False)
    pushed.push(frames, 0)
    pushed.hearing.next += 480
    assert (pushed.hearing.rest() == frames[480:]).all()
    pushed.hearing.next += 480
    assert pushed.hearing.power(0) == pytest.approx((49 + 49 + 1) / 3)
    assert pushed.hearing.power(1) == 10000
    assert pushed.hearing.quietest(0) == 480


def test_mono_at_the_same_rate_is_not_kept_twice() -> None:
    for rate, channels, same in ((16000, 0, True), (16000, 1, False), (8000, 0, False)):
        pushed = Pushed(rate, 16000, 480, 0)
        pushed.hearing.begin(channels=channels > 0)
        assert (pushed.hearing.tape is pushed.tape) is same
