"""The wall clock over the monotonic one: followed when it is slewed, counted when it jumps."""

from __future__ import annotations

import time

import pytest

from ossicle.wall import WallClock


class Clocks:
    """A monotonic clock, a wall clock, and reading them takes a while."""

    def __init__(self) -> None:
        self.mono = 500.0
        self.ahead = 1_700_000_000.0
        self.reading_s: list[float] = []

    def monotonic(self) -> float:
        return self.mono

    def wall(self) -> float:
        value = self.mono + self.ahead
        self.mono += self.reading_s.pop(0) if self.reading_s else 0.0
        return value

    def made(self) -> WallClock:
        return WallClock(self.wall, self.monotonic)


def test_a_jump_is_followed_and_counted() -> None:
    clocks = Clocks()
    wall = clocks.made()
    assert wall.offset == 1_700_000_000.0
    clocks.ahead += 3600
    assert wall.offset == 1_700_000_000.0, "read at most once a second"
    clocks.mono += 1
    assert wall.offset == 1_700_003_600.0
    clocks.ahead -= 3600.5
    clocks.mono += 1
    assert wall.offset == 1_699_999_999.5
    assert wall.steps == 2
    assert wall.moved_s == pytest.approx(-0.5)


@pytest.mark.parametrize("each_s", [1.0, 60.0, 86_400.0])
def test_days_of_slewing_are_followed_and_are_no_jump(each_s: float) -> None:
    """A monotonic clock that runs as its crystal does, and a wall clock that NTP holds to the truth."""
    clocks = Clocks()
    wall = clocks.made()
    for _ in range(200):
        clocks.mono += each_s
        clocks.ahead += each_s * 500e-6
        assert wall.offset == pytest.approx(clocks.ahead, abs=1e-6)
    assert wall.steps == 0


def test_the_least_interrupted_reading_counts() -> None:
    clocks = Clocks()
    clocks.reading_s = [0.2, 0.0, 0.3]
    assert clocks.made().offset == 1_700_000_000.0


def test_the_clocks_of_this_machine() -> None:
    assert WallClock().offset == pytest.approx(time.time() - time.monotonic(), abs=0.5)
