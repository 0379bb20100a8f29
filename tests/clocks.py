"""Two clocks, a way between them that delays, and a microphone: what `Clock` is told, and the truth."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from ossicle.proto._wire import NUMBER_LIMIT, PongFields
from ossicle.proto.clock import Clock

HOP = 512
BEGAN = 1000.0  # on the host's clock

Jitter = Callable[[Random], float]
Span = tuple[float, float]  # seconds of the run


def uniform(seconds: float) -> Jitter:
    return lambda rng: rng.uniform(0, seconds)


@dataclass
class Told:
    """What the clock said of a position, at a time of the run, and how wrong that was; all in seconds."""

    at: float
    error: float
    uncertainty: float


@dataclass
class Pair:
    """A run. `ppm`: how much faster the device's clock is; `mic_ppm`: the microphone than the device's clock.

    `slow`: a span in which packets in one direction ("up" is to the host), or "both", take longer by so much.
    `outage`: nothing comes. `astray` is added to the device's clock, as a function of the host's seconds.
    `asleep`: the host's clock stands, the device goes on.
    """

    seed: int = 1
    rate: int = 16000
    ppm: float = 80.0
    mic_ppm: float = 0.0
    base_s: float = 0.001
    jitter: Jitter = field(default_factory=lambda: uniform(0.005))
    loss: float = 0.0
    outliers: float = 0.0
    slow: tuple[Span, float, str] | None = None
    outage: Span | None = None
    asleep: Span | None = None
    astray: Callable[[float], float] = lambda seconds: 0.0
    start_us: int | None = None

    def __post_init__(self) -> None:
        self.rng = Random(self.seed)
        self.clock = Clock(self.rate)
        self.told: list[Told] = []
        self.unknown = 0
        self.pings = 0
        self.start_s = (self.rng.randrange(NUMBER_LIMIT) if self.start_us is None else self.start_us) / 1e6
        self._flying: list[tuple[float, int, Any]] = []
        self._count = 0
        self._sequence = 0

    def true_time(self, position: int) -> float:
        """Seconds of the run, as a clock that never sleeps would count them."""
        device = position / self.rate / (1 + self.mic_ppm * 1e-6)
        seconds = device
        for _ in range(4):
            seconds = device - seconds * self.ppm * 1e-6 - self.astray(seconds)
        return seconds

    def ticks(self, seconds: float) -> int:
        device = self.start_s + seconds * (1 + self.ppm * 1e-6) + self.astray(seconds)
        return int(device * 1e6) % NUMBER_LIMIT

    def host(self, seconds: float) -> float:
        """The host's clock."""
        if self.asleep is None or seconds < self.asleep[0]:
            return BEGAN + seconds
        return BEGAN + max(self.asleep[0], seconds - (self.asleep[1] - self.asleep[0]))

    def delay(self, seconds: float, way: str) -> float:
        late = self.base_s + self.jitter(self.rng)
        if self.rng.random() < self.outliers:
            late += 0.2
        if self.slow is not None and self.slow[0][0] <= seconds < self.slow[0][1]:
            late += self.slow[1] if self.slow[2] in (way, "both") else 0.0
        return late

    def deaf(self, seconds: float) -> bool:
        spans = (self.outage, self.asleep)
        return any(span is not None and span[0] <= seconds < span[1] for span in spans)

    def run(self, until_s: float) -> Pair:
        """Go on, chunk by chunk, until so many seconds have passed since the beginning."""
        while (now := self.true_time((self._sequence + 1) * HOP)) < until_s:
            if not self.deaf(now):
                position = self._sequence * HOP
                self._fly(now + self.delay(now, "up"), (position, self.ticks(self.true_time(position))))
                self._deliver(now)
                self._ping(now)
                if self._sequence % (self.rate // HOP) == 0:
                    self._judge(now, position - HOP)
            self._sequence += 1
        return self

    def _fly(self, at: float, what: Any) -> None:
        self._count += 1
        heapq.heappush(self._flying, (at, self._count, what))

    def _deliver(self, now: float) -> None:
        while self._flying and self._flying[0][0] <= now:
            at, _, what = heapq.heappop(self._flying)
            if isinstance(what, PongFields):
                self.clock.pong(what, self.host(at))
            else:
                self.clock.chunk(*what, HOP, self.host(at))

    def _ping(self, now: float) -> None:
        echo = self.clock.ping(self.host(now))
        if echo is None:
            return
        self.pings += 1
        if self.rng.random() < self.loss:
            return
        came = now + self.delay(now, "down")
        answered = came + self.rng.uniform(0.0001, 0.003)
        if self.rng.random() >= self.loss:
            fields = PongFields(echo, self.ticks(came), self.ticks(answered))
            self._fly(answered + self.delay(now, "up"), fields)

    def _judge(self, now: float, position: int) -> None:
        found = self.clock.time_of(max(0, position))
        if found is None:
            self.unknown += 1
        else:
            error = found[0] - self.host(self.true_time(max(0, position)))
            self.told.append(Told(now, error, found[1]))

    # Verdicts

    @property
    def drift_error_ppm(self) -> float:
        drift_ppm = self.clock.drift_ppm
        assert drift_ppm is not None
        return abs(drift_ppm - self.ppm)

    @property
    def honest(self) -> float:
        """The share of what was told whose error lies within its uncertainty."""
        return sum(abs(told.error) <= told.uncertainty for told in self.told) / len(self.told)
