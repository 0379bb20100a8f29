"""The histogram of latencies: right within a bucket, of fixed size, and two are one."""

from __future__ import annotations

import random
import tracemalloc

import numpy as np
import pytest

from ossicle.latency import Ages, Histogram, Latency
from ossicle.proto.events import Audio, Gap


def filled(values: list[float]) -> Histogram:
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    return histogram


@pytest.mark.parametrize("scale", [0.0002, 0.03, 2.0, 500.0])
def test_percentiles_are_right_within_a_bucket(scale: float) -> None:
    rng = random.Random(1)
    values = sorted(rng.expovariate(1 / scale) for _ in range(5000))
    histogram = filled(values)
    for share in (0.01, 0.5, 0.9, 0.99, 0.999):
        true = values[max(0, -(-int(share * 100_000) * len(values) // 100_000) - 1)]
        found = histogram.percentile(share)
        assert found is not None
        assert true <= found * (1 + 1e-12), "never told too short"
        assert found <= true * (1 + 1 / 64) + 2**-14
    assert histogram.percentile(1.0) == values[-1]


def test_nothing_and_one() -> None:
    assert Histogram().snapshot() == Latency()
    assert Histogram().percentile(0.5) is None
    one = filled([0.0421]).snapshot()
    assert one == Latency(1, 0, *(pytest.approx(42.1),) * 4)
    assert one.told() == {"p50": 42.1, "p99": 42.1, "p999": 42.1, "max": 42.1}
    assert Latency().told() == dict.fromkeys(("p50", "p99", "p999", "max"))


def test_what_is_out_of_range_counts_at_the_ends() -> None:
    histogram = filled([-1.0, 0.0, 1e-9, 1e9])
    assert histogram.count == 4
    assert histogram.percentile(0.75) == 2**-14
    assert histogram.percentile(1.0) == 1e9


def test_two_are_one() -> None:
    rng = random.Random(2)
    values = [rng.uniform(0.001, 3) for _ in range(999)]
    both = filled(values[:400])
    both.untimed = 2
    other = filled(values[400:])
    other.untimed = 3
    both.merge(other)
    assert both.snapshot() == Latency(999, 5, *_figures(filled(values).snapshot()))
    both.merge(Histogram())
    assert both.count == 999


def _figures(latency: Latency) -> tuple[float | None, ...]:
    return latency.p50_ms, latency.p99_ms, latency.p999_ms, latency.max_ms


def test_it_does_not_grow() -> None:
    histogram = filled([0.001 * i for i in range(100)])
    values = [0.00001 * i for i in range(5000)]
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for value in values:
            histogram.add(value)
        grown = tracemalloc.get_traced_memory()[0] - before
        assert grown < len(values)  # what is kept of each takes 8 bytes; other threads allocate, too
    finally:
        tracemalloc.stop()


def test_ages_of_audio_alone() -> None:
    ages = Ages({0: 0.1, 512: None}.get)
    frames = np.zeros(512, np.int16)
    for item in (Audio(0, frames), Audio(512, frames), Gap(0, 5, "capture"), None):
        ages.note(item)
    assert (ages.count, ages.untimed) == (1, 1)
    assert ages.snapshot().max_ms == pytest.approx(100)
