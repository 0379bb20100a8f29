"""Times: offset, drift, the true rate, and the wrap of ticks, against clocks that are known."""

from __future__ import annotations

import math

import pytest
from clocks import BEGAN, HOP, Pair, uniform

from ossicle.proto._wire import NUMBER_LIMIT, PongFields
from ossicle.proto.clock import Clock, unwrap

RATE = 16000
DRIFT_PPM = 5.0
WALL_S = 0.002
WRAP_US = NUMBER_LIMIT


def held(pair: Pair, drift_ppm: float = DRIFT_PPM, uncertainty_s: float = 0.008) -> Pair:
    """The bounds after a minute: known well, said honestly, and not said to be worth nothing."""
    last = pair.told[-1]
    assert pair.drift_error_ppm <= drift_ppm, pair.seed
    assert abs(last.error) <= WALL_S, pair.seed
    assert pair.honest >= 0.95, pair.seed
    assert last.uncertainty <= uncertainty_s, pair.seed
    return pair


@pytest.mark.parametrize("seeds", [range(80), pytest.param(range(80, 1000), marks=pytest.mark.soak)])
def test_a_minute_at_eighty_ppm_with_five_milliseconds_of_jitter(seeds: range) -> None:
    for seed in seeds:
        pair = held(Pair(seed).run(60))
        assert pair.clock.true_rate() == pytest.approx(RATE * (1 + 80e-6), rel=DRIFT_PPM * 1e-6)
        assert pair.pings <= 50


def exponential(rng) -> float:
    return float(rng.expovariate(1 / 0.005))


def half_normal(rng) -> float:
    return abs(float(rng.gauss(0, 0.005)))


SCENES = {
    "slower": {"ppm": -80},
    "exponential": {"jitter": exponential},
    "half normal": {"jitter": half_normal},
    "outliers": {"outliers": 0.1},
    "losses": {"loss": 0.1},
    "to the host slow for a while": {"slow": ((10, 30), 0.03, "up")},
    "from the host slow for a while": {"slow": ((20, 45), 0.03, "down")},
    "slow at the end": {"slow": ((40, 61), 0.03, "up")},
    "both ways slow at the end": {"slow": ((40, 61), 0.03, "both")},
    "a wrap of the ticks": {"start_us": WRAP_US - 20_000_000},
    "an outage": {"outage": (20, 40)},
    "44.1 kHz": {"rate": 44100},
    "everything": {"loss": 0.1, "outliers": 0.1, "slow": ((15, 35), 0.03, "up"), "outage": (45, 50)},
}


def check_scene(name: str, count: int) -> None:
    for seed in range(count):
        held(Pair(seed, **SCENES[name]).run(60), uncertainty_s=0.012)


@pytest.mark.parametrize("name", SCENES)
def test_and_it_holds(name: str) -> None:
    check_scene(name, 6)


@pytest.mark.soak
@pytest.mark.parametrize("name", SCENES)
def test_and_it_holds_at_two_hundred_seeds(name: str) -> None:
    check_scene(name, 200)


def test_more_than_half_of_the_minute_slow_in_one_direction() -> None:
    """Then the drift is less sure; the time still is right."""
    for seed in range(6):
        held(Pair(seed, slow=((25, 61), 0.03, "up")).run(60), drift_ppm=15, uncertainty_s=0.02)


def test_a_way_that_is_always_slower_in_one_direction_is_within_the_uncertainty() -> None:
    pair = Pair(3, slow=((0, 61), 0.010, "up")).run(60)
    assert pair.drift_error_ppm <= DRIFT_PPM
    assert 0.003 <= abs(pair.told[-1].error) <= pair.told[-1].uncertainty <= 0.012


def test_a_good_link_is_known_well() -> None:
    for jitter in (uniform(0.001), exponential_short):
        pair = held(Pair(5, base_s=0.0003, jitter=jitter).run(60), drift_ppm=1, uncertainty_s=0.001)
        assert abs(pair.told[-1].error) < 0.0003


def exponential_short(rng) -> float:
    return float(rng.expovariate(1 / 0.0005))


@pytest.mark.parametrize(("ppm", "mic_ppm"), [(0, 0), (40, 120), (-80, 120), (-80, -60)])
def test_the_true_rate_is_in_the_hosts_seconds(ppm: float, mic_ppm: float) -> None:
    pair = Pair(ppm=ppm, mic_ppm=mic_ppm).run(60)
    true = RATE * (1 + mic_ppm * 1e-6) * (1 + ppm * 1e-6)
    assert pair.clock.true_rate() == pytest.approx(true, rel=DRIFT_PPM * 1e-6)


def check_hours(seconds: float) -> None:
    """6 ppm more in the first minutes, as crystals warm up; a wrap of the ticks each 18 minutes."""
    warm = {"astray": lambda s: 6e-6 * 200 * (1 - math.exp(-s / 200)), "start_us": WRAP_US - 600_000_000}
    pair = Pair(2, **warm).run(seconds)
    assert pair.honest == 1.0
    assert pair.drift_error_ppm <= 0.5
    assert max(abs(told.error) for told in pair.told if told.at > 60) <= WALL_S
    assert max(told.uncertainty for told in pair.told if told.at > 300) <= 0.004
    assert pair.clock.breaks == 0


def test_a_wrap_with_crystals_that_warm_up() -> None:
    check_hours(1000)


@pytest.mark.soak
def test_hours_of_it() -> None:
    check_hours(6 * 3600)


def test_an_outage_of_minutes_is_longer_than_the_memory() -> None:
    pair = Pair(2, outage=(60, 460)).run(560)
    assert pair.honest == 1.0
    assert pair.drift_error_ppm <= DRIFT_PPM
    assert abs(pair.told[-1].error) <= WALL_S
    assert max(told.uncertainty for told in pair.told if told.at > 460) <= 0.08


@pytest.mark.parametrize("step_s", [0.05, -0.05, 3.0, -2.0, 400.0])
def test_a_device_clock_that_is_set(step_s: float) -> None:
    """What was known is forgotten, and soon there is something else to know."""
    pair = Pair(2, astray=lambda s: step_s if s > 60 else 0.0)
    pair.run(60)
    clock = pair.clock
    before = clock.breaks
    # From here on only exchanges: a capture across a step has no truth.
    for second in range(60, 100):
        now = BEGAN + second
        echo = clock.ping(now)
        if echo is not None:
            clock.pong(PongFields(echo, pair.ticks(second + 0.001), pair.ticks(second + 0.001)), now + 0.002)
    assert clock.breaks > before
    last = Pair.ticks(pair, 99.0) / 1e6
    near = clock._offset.newest
    assert near is not None
    host, uncertainty = clock._offset.at(unwrap(round(last * 1e6), near)) or (0.0, 0.0)
    assert host == pytest.approx(BEGAN + 99, abs=0.0015)
    assert uncertainty < 0.003


@pytest.mark.parametrize("slept_s", [40.0, 700.0, 3600.0])
def test_a_host_that_slept(slept_s: float) -> None:
    """Its clock stood meanwhile; the device's, and the positions, went on."""
    pair = Pair(4, asleep=(60, 60 + slept_s)).run(60 + slept_s + 20)
    late = [told for told in pair.told if told.at > 60 + slept_s + 2]
    assert pair.clock.breaks >= 1
    assert len(late) >= 15
    assert all(abs(told.error) <= told.uncertainty for told in late)
    assert abs(late[-1].error) <= WALL_S
    # A frame from before that is by the clock of after: so long ago as it is.
    time, _ = pair.clock.time_of(50 * RATE) or (0.0, 0.0)
    assert time == pytest.approx(BEGAN + 50 / (1 + 80e-6) - slept_s, abs=0.01 + slept_s * 50e-6)


def test_ntp_slews_the_hosts_clock() -> None:
    """500 ppm for half a minute, as ntpd does for 15 ms: never far off, and right afterwards."""
    for seed in range(6):
        slewed = Pair(
            seed, base_s=0.0005, jitter=uniform(0.001), astray=lambda s: 500e-6 * min(30.0, max(0.0, s - 90))
        ).run(200)
        assert max(abs(told.error) for told in slewed.told if told.at > 10) <= 0.003
        assert slewed.honest >= 0.95
        assert all(abs(told.error) <= told.uncertainty for told in slewed.told if not 90 < told.at < 140)
        assert abs(slewed.told[-1].error) <= 0.0005


def test_crystals_that_warm_up_on_the_best_of_links() -> None:
    """20 ppm more within minutes, and a tenth of a millisecond each way: the line bends by more than that."""
    warm = Pair(
        1, base_s=0.0001, jitter=uniform(0.0001), astray=lambda s: 20e-6 * 100 * (1 - math.exp(-s / 100))
    ).run(400)
    assert warm.honest == 1.0
    assert max(abs(told.error) for told in warm.told if told.at > 20) <= 0.0003
    assert max(told.uncertainty for told in warm.told if told.at > 20) <= 0.001


def test_a_device_that_runs_by_no_clock_has_no_times() -> None:
    """An emulated one, flat out: its seconds take any time."""
    clock = Clock(RATE)
    for turn in range(200):
        now, device = turn * 0.05, turn * 7_000_000
        clock.chunk(turn * 7 * RATE, device % NUMBER_LIMIT, HOP, now)
        echo = clock.ping(now)
        if echo is not None:
            clock.pong(PongFields(echo, device % NUMBER_LIMIT, device % NUMBER_LIMIT), now + 0.001)
    assert clock.time_of(190 * 7 * RATE) is None
    assert clock.true_rate() is None
    assert clock.drift_ppm is None


def test_a_break_is_followed_by_fast_pings_but_not_each() -> None:
    clock = Clock(RATE)
    pings = 0
    for turn in range(600):  # a minute of a clock that jumps all the time
        echo = clock.ping(turn * 0.1)
        if echo is not None:
            pings += 1
            ticks = turn * 5_000_000 % NUMBER_LIMIT
            clock.pong(PongFields(echo, ticks, ticks), turn * 0.1 + 0.001)
    assert pings <= 70


def test_behind_a_hole_another_line_holds() -> None:
    """The driver lost 4000 frames, and 3700 were told: times are right on both sides."""
    clock = Clock(RATE)
    position = 0
    for chunk in range(1000):
        seconds = chunk * HOP / RATE + (4000 / RATE if chunk >= 500 else 0.0)
        if chunk == 500:
            position += 3700
            clock.hole(position)
        now = BEGAN + seconds + 0.04
        clock.chunk(position, int(seconds * 1e6), HOP, now)
        echo = clock.ping(now)
        if echo is not None:
            ticks = int((seconds + 0.0405) * 1e6)
            clock.pong(PongFields(echo, ticks, ticks), now + 0.001)
        position += HOP
    for at, shift in ((400 * HOP, 0), (700 * HOP + 3700, 300)):
        time, uncertainty = clock.time_of(at) or (0.0, 0.0)
        assert time == pytest.approx(BEGAN + (at + shift) / RATE, abs=0.0002)
        assert uncertainty < 0.002
    assert clock.true_rate() == pytest.approx(RATE, rel=1e-6)


def test_before_the_first_pong_the_arrival_tells() -> None:
    clock = Clock(RATE)
    assert clock.time_of(0) is None
    assert clock.true_rate() is None
    clock.chunk(0, 5, 512, 50.0)
    clock.chunk(512, 5 + 32000, 512, 50.030)  # earlier than the first would have it
    assert clock.time_of(0) == (pytest.approx(50.030 - 0.064), 0.25)


def test_a_pong_that_nobody_asked_for_is_none() -> None:
    clock = Clock(RATE)
    echo = clock.ping(1.0)
    assert echo is not None
    assert clock.ping(1.01) is None
    assert clock.pong(PongFields(b"87654321", 0, 0), 1.1) is None
    assert clock.pong(PongFields(echo, 0, 500_000), 1.1) is None  # longer inside than there and back
    assert clock.pong(PongFields(echo, 0, 0), 1.1) is None  # the second copy


def test_the_time_inside_the_device_is_no_part_of_the_way() -> None:
    clock = Clock(RATE)
    echo = clock.ping(1.0)
    assert echo is not None
    assert clock.pong(PongFields(echo, 100, 200_100), 1.202) == pytest.approx(0.002)
    assert clock.rtt_s == pytest.approx(0.002)


def test_pings_on_their_way_are_bounded() -> None:
    clock = Clock(RATE)
    first = clock.ping(0.0)
    assert first is not None
    for second in range(1, 20):
        assert clock.ping(second * 3.0) is not None
    assert clock.pong(PongFields(first, 0, 0), 60.0) is None


def test_unwrap_takes_the_nearest() -> None:
    wrap_s = NUMBER_LIMIT / 1e6
    assert unwrap(5, 0) == 5e-6
    assert unwrap(5, wrap_s) == wrap_s + 5e-6
    assert unwrap(NUMBER_LIMIT - 5, 0) == pytest.approx(-5e-6)
    assert unwrap(NUMBER_LIMIT - 5, wrap_s) == pytest.approx(wrap_s - 5e-6)
