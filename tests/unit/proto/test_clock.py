"""Times: offset, drift, the true rate, and the wrap of ticks, against clocks that are known."""

from random import Random

import pytest

from ossicle.proto._wire import NUMBER_LIMIT, PongFields
from ossicle.proto.clock import Clock, fit, unwrap

RATE = 16000


def run(
    seconds,
    *,
    ppm=0.0,
    mic_ppm=0.0,
    start_us=0,
    jitter_s=0.0,
    late=0.0,
    inside_us=300,
    seed=1,
    offset_s=1000.0,
):
    """A clock that was told of `seconds` of a stream whose device runs `ppm` fast; positions start at 0."""
    rng = Random(seed)
    clock = Clock(RATE)

    def device_us(host):
        return start_us + (host - offset_s) * 1e6 * (1 + ppm * 1e-6)

    step = 512 / (RATE * (1 + mic_ppm * 1e-6))
    for index in range(int(seconds / step)):
        captured = offset_s + index * step
        now = captured + step + 0.002
        clock.chunk(index * 512, int(device_us(captured)) % NUMBER_LIMIT, 512, now)
        echo = clock.ping(now)
        if echo is not None:
            there, back = (0.001 + rng.random() * jitter_s for _ in range(2))
            if rng.random() < late:
                back += 0.5
            arrived = int(device_us(now + there)) % NUMBER_LIMIT
            sent = (arrived + inside_us) % NUMBER_LIMIT
            assert (
                clock.pong(PongFields(echo, arrived, sent), now + there + inside_us / 1e6 + back) is not None
            )
    return clock


@pytest.mark.parametrize(("ppm", "mic_ppm"), [(0, 0), (40, 120), (-80, 120), (-80, -60)])
def test_the_true_rate_is_in_the_hosts_seconds(ppm, mic_ppm):
    clock = run(120, ppm=ppm, mic_ppm=mic_ppm)
    assert clock.true_rate() == pytest.approx(RATE * (1 + mic_ppm * 1e-6), rel=5e-6)


@pytest.mark.parametrize("start_us", [0, NUMBER_LIMIT - 5_000_000, NUMBER_LIMIT // 2])
def test_times_survive_the_wrap_of_ticks(start_us):
    clock = run(40, ppm=30, start_us=start_us)
    for second in (1, 20, 39):
        time, uncertainty = clock.time_of(second * RATE)
        assert time == pytest.approx(1000 + second, abs=0.003)
        assert abs(time - 1000 - second) <= uncertainty + 0.002


def test_long_round_trips_do_not_spoil_the_offset():
    clock = run(60, jitter_s=0.2)
    time, uncertainty = clock.time_of(30 * RATE)
    assert time == pytest.approx(1030, abs=0.05)
    assert abs(time - 1030) <= uncertainty


def test_what_was_late_in_one_direction_is_not_believed():
    clock = run(60, late=0.3)
    time, uncertainty = clock.time_of(30 * RATE)
    assert time == pytest.approx(1030, abs=0.002)
    assert 0.001 <= uncertainty < 0.01  # half a round trip at least


def test_the_time_inside_the_device_is_no_part_of_the_way():
    clock = run(60, inside_us=200_000)
    assert clock.rtt_s == pytest.approx(0.002, abs=1e-5)
    assert clock.time_of(30 * RATE)[0] == pytest.approx(1030, abs=0.002)


def test_before_the_first_pong_the_arrival_tells():
    clock = Clock(RATE)
    assert clock.time_of(0) is None
    assert clock.true_rate() is None
    clock.chunk(0, 5, 512, 50.0)
    clock.chunk(512, 5 + 32000, 512, 50.030)  # earlier than the first would have it
    time, uncertainty = clock.time_of(0)
    assert time == pytest.approx(50.030 - 0.064)
    assert uncertainty == 0.25


def test_a_pong_that_nobody_asked_for_is_none():
    clock = Clock(RATE)
    echo = clock.ping(1.0)
    assert clock.ping(1.01) is None
    assert clock.pong(PongFields(b"87654321", 0, 0), 1.1) is None
    assert clock.pong(PongFields(echo, 0, 500_000), 1.1) is None  # longer inside than there and back
    assert clock.pong(PongFields(echo, 0, 0), 1.1) is None  # the second copy


def test_pings_on_their_way_are_bounded():
    clock = Clock(RATE)
    first = clock.ping(0.0)
    for second in range(1, 10):
        assert clock.ping(float(second)) is not None
    assert clock.pong(PongFields(first, 0, 0), 10.0) is None


def test_a_wild_slope_is_not_believed():
    clock = Clock(RATE)
    for index in range(40):
        clock.chunk(index * 8192, index * 1000, 512, index * 0.01)  # a virtual clock, flat out
    echo = clock.ping(1.0)
    clock.pong(PongFields(echo, 40_000, 40_000), 1.001)
    assert clock.true_rate() == pytest.approx(RATE, rel=1e-3)


def test_unwrap_takes_the_nearest():
    assert unwrap(5, 0) == 5
    assert unwrap(5, NUMBER_LIMIT) == NUMBER_LIMIT + 5
    assert unwrap(NUMBER_LIMIT - 5, 0) == -5
    assert unwrap(NUMBER_LIMIT - 5, NUMBER_LIMIT) == NUMBER_LIMIT - 5


def test_a_line_through_one_point_is_flat():
    line = fit([(3.0, 4.0)])
    assert line.at(100) == 4
    assert fit([(3.0, 4.0)], 2.0).at(4.0) == 6
    assert fit([(0, 1), (1, 3), (2, 5)]).at(10) == pytest.approx(21)
