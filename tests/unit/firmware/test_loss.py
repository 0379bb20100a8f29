"""Loss before the ring (W-36, W-37), against a simulated I2S whose truth is known.

The real capture, ring and expectation run; the microphone, its DMA and the clock are simulated: a true rate
off by some ppm, callbacks late by a jitter, stalls that DMA survives and stalls that it does not.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from onhost import load

device = load()

RATE = 16000
BUFFER = 256
HELD = 19
MASK = (1 << 30) - 1


@dataclass
class Microphone:
    """What capture asks of a microphone, and of its clock."""

    buffer_frames: int = BUFFER
    hold_frames: int = HELD * BUFFER
    stale_frames: int = 0
    ended: bool = False
    now_us: float = 0.0

    def start(self, rate: int, channels: int, handler: Any) -> bool:
        self.handler = handler
        return True

    def arm(self, buf: Any) -> None: ...

    def filled(self) -> int:
        return BUFFER

    def stop(self) -> None: ...

    def capture_us(self) -> int:
        return int(self.now_us) & MASK

    def ms(self) -> int:
        return int(self.now_us / 1000) & MASK


@dataclass
class Board:
    """One stream of a simulated board. `ppm` is how much faster the microphone is than the clock."""

    ppm: float
    hop: int = 512
    jitter_us: Callable[[], float] = lambda: 0.0
    start_us: float = 1e6
    errors: list[int] = field(default_factory=list)  # W less the true position, for each buffer after a loss
    dropped: int = 0  # frames
    drops: int = 0  # stalls that lost something

    def __post_init__(self) -> None:
        self.mic = Microphone(now_us=self.start_us)
        self.ring = device.ring.Ring(33792)
        self.ring.configure(1, self.hop, 0)
        config = SimpleNamespace(shift=14, dc_blocker=True, slot="left", late=0, gain=256, warmup_ms=0)
        self.capture = device.capture.Capture(self.mic, self.ring, self.mic, config)
        self.capture.open(RATE, 1)
        self.capture.begin()
        self.period_us = BUFFER / (RATE * (1 + self.ppm * 1e-6)) * 1e6
        self.queue: deque[int] = deque()  # full DMA buffers, by number
        self.captured = 0  # number of the DMA buffer that is being filled
        self.written = 0  # W without the modulo

    def dma(self, until_us: float) -> None:
        """The buffers that are full by then; the oldest give way."""
        while self.start_us + (self.captured + 1) * self.period_us <= until_us:
            self.queue.append(self.captured)
            self.captured += 1
            if len(self.queue) > HELD:
                self.queue.popleft()
                self.dropped += BUFFER

    def callback(self, stall_us: float = 0.0) -> None:
        """The next buffer comes; the firmware is not served before `stall_us` from now."""
        before = self.dropped
        released_us = self.mic.now_us + stall_us
        if not self.queue:
            self.dma(self.start_us + (self.captured + 1) * self.period_us + 1)
            full_us = self.start_us + self.captured * self.period_us
        else:
            full_us = self.mic.now_us
        number = self.queue.popleft()
        at_us = max(full_us, released_us, self.mic.now_us) + self.jitter_us() + 20
        self.dma(at_us)
        self.mic.now_us = at_us
        w = self.ring.written
        self.mic.handler(None)
        self.written += (self.ring.written - w) & MASK
        self.drops += self.dropped > before
        if self.ring.written != w:  # not thrown away with a hole
            hole = ((self.ring.written - w) & MASK) - BUFFER
            self.errors.append(self.written - hole - BUFFER - number * BUFFER)

    def late_us(self, position: int) -> float:
        """The time that the firmware gives to a position, less the true one."""
        truth_us = self.start_us + position / BUFFER * self.period_us
        return (self.capture.ticks_us(position & MASK) - truth_us + MASK // 2) % (MASK + 1) - MASK // 2

    def run(self, buffers: int) -> None:
        for _ in range(buffers):
            self.callback()


def late(seed: int, usual_us: float = 800, rare_us: float = 9000) -> Callable[[], float]:
    """Callbacks are a bit late, and one in fifty is very late."""
    rng = random.Random(seed)
    return lambda: rng.uniform(0, rare_us if rng.random() < 0.02 else usual_us)


@pytest.mark.parametrize("ppm", [-200, 0, 200])
def test_an_hour_of_drift_is_no_loss(ppm: float) -> None:
    board = Board(ppm, jitter_us=late(int(ppm) + 1000))
    rng = random.Random(3)
    for _ in range(450):  # an hour, with a stall that DMA survives every eight seconds
        board.run(500)
        board.callback(rng.uniform(20_000, 250_000))
        assert abs(board.late_us(board.written - 100)) < 2000  # the expectation keeps to the truth
    assert board.drops == 0
    assert board.ring.holes == 0
    assert board.capture.lost_frames == 0


def stalls(seed: int) -> Iterator[float]:
    rng = random.Random(seed)
    for _ in range(100):
        yield rng.choice((360_000, 400_000, 500_000, 1_000_000, 3_000_000)) * rng.uniform(0.97, 1.2)


@pytest.mark.parametrize("hop", [512, 256, 500, 64, 672])
@pytest.mark.parametrize("ppm", [-200, 35, 200])
def test_a_hundred_holes_never_add_up(ppm: float, hop: int) -> None:
    board = Board(ppm, hop=hop, jitter_us=late(hop, 500, 2000))
    board.run(8000)  # two minutes, in which the true rate is learned
    assert board.ring.holes == 0
    tolerance = hop // 2 + BUFFER  # W-37
    for stall_us in stalls(hop):
        drops, holes = board.drops, board.ring.holes
        board.run(90)
        assert board.ring.holes == holes, "a hole without a loss"
        board.callback(stall_us)
        assert (board.ring.holes > holes) == (board.drops > drops)
        assert board.ring._w_phase == 0 or board.ring.holes == holes
        board.run(30)
        assert abs(board.errors[-1]) <= tolerance, (board.ring.holes, board.errors[-1], board.errors[::90])
    assert board.drops > 80


def test_a_stall_of_minutes_is_known_by_the_learned_rate() -> None:
    """At 200 ppm two minutes are 384 frames: by the nominal rate it would be wrong by more than a buffer."""
    for ppm in (-200, 200):
        board = Board(ppm, hop=64)
        board.run(40_000)
        board.callback(120e6)
        board.run(40)
        assert board.ring.holes == 1
        assert abs(board.errors[-1]) <= 32


def test_the_clock_wraps() -> None:
    board = Board(50, start_us=float(MASK - 3_000_000))
    board.run(400)
    board.callback(700_000)
    board.run(100)
    assert board.ring.holes == 1
    assert abs(board.errors[-1]) <= 512


def test_slow_callbacks_without_a_pause() -> None:
    """DMA can also run over little by little, when each callback is late: that too is a step."""
    board = Board(0)
    board.run(3000)
    for _ in range(60):
        board.callback(36_000)
    board.run(100)
    assert board.drops > 10
    assert board.ring.holes > 0
    assert abs(board.errors[-1]) <= 512


def test_ticks_name_the_time_of_capture() -> None:
    board = Board(100, jitter_us=late(5))
    board.run(20_000)
    for back in (256, 5000, 30_000):
        assert abs(board.late_us(board.written - back)) < 2000
