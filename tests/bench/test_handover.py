"""The benchmark of the hand-over: every block arrives, and what is told of it is what was measured."""

import threading
from contextlib import nullcontext

import numpy as np
import pytest

from ossicle.bench import handover
from ossicle.bench.figures import Effort
from ossicle.bench.handover import Channel, Setting
from ossicle.bench.source import BenchmarkError

SHORT = Setting(0.001, busy=False, burst=5, bursts=3)


def test_the_table():
    said = []
    table = handover.run(Effort(quick=True, say=said.append))
    names = [
        f"{name}, {when}"
        for when in ("32 ms", "3.2 ms", "32 ms, busy", "3.2 ms, busy")
        for name in handover.CHANNELS
    ]
    assert [row.name for row in table.rows] == names
    for row in table.rows:
        assert set(row.values) == {column.key for column in table.columns}
        assert 0 < row.values["p50_us"] <= row.values["p99_us"] <= row.values["max_us"]
        assert row.values["p999_us"] is None, "of so few there is a maximum only"
    assert any("A p99.9 is told from 1000 blocks on" in note for note in table.notes)
    assert [limit.bound for limit in table.limits] == [1.0, 1.0]
    assert len(said) == 4


def test_the_thorough_run_takes_about_a_minute():
    every = handover.settings(Effort())
    blocks_s = sum(each.pause_s * each.burst * each.bursts for each in every)
    assert len(handover.CHANNELS) * blocks_s < 60
    assert any(each.bursts * (each.burst - 1) >= handover.ENOUGH for each in every)


@pytest.mark.parametrize("busy", [False, True])
def test_the_first_of_a_burst_is_not_counted(monkeypatch, busy):
    computed = []
    monkeypatch.setattr(handover, "computing", lambda: nullcontext(computed.append(True)))
    found = handover.measure(Setting(0.001, busy=busy, burst=5, bursts=3))
    lengths = {name: [len(turn) for turn in turns] for name, turns in found.items()}
    assert lengths == {name: [4, 4, 4] for name in handover.CHANNELS}
    assert any(computed) is busy


@pytest.mark.parametrize("name", handover.CHANNELS)
def test_the_writer_may_use_its_memory_again(name):
    channel = handover.CHANNELS[name]()
    block = np.arange(512, dtype=np.int16)
    channel.put(block)
    block += 1
    np.testing.assert_array_equal(channel.get(), np.arange(512))


def test_percentiles():
    taken = [float(number) for number in range(1, 1001)]
    turns = [taken[:400], taken[400:]]
    assert handover._row("x", turns, turns).values == {
        "p50_us": 500.5,
        "p99_us": 990.0,
        "p999_us": 999.0,
        "max_us": 1000.0,
        "ratio": 1.0,
        "samples": 1000,
    }
    assert handover._row("x", [taken[:-1]], [taken]).values["p999_us"] is None


def test_time_counts_from_the_write_to_the_frames(monkeypatch):
    """With a clock that goes on by 1 each time it is looked at: twice a block."""
    ticks = iter(range(0, 10**9, 1000))
    monkeypatch.setattr(handover.time, "perf_counter_ns", lambda: next(ticks))
    there = threading.Semaphore(0)
    channel = Channel(
        lambda block: there.release(), lambda: np.zeros(3) if there.acquire(timeout=9) else None
    )
    for _ in range(4):
        channel.send(np.zeros(3))
        channel.receive([np.zeros(3)])
    assert handover._taken(channel, 2) == [[1.0], [1.0]]
    assert channel.wrong == ""


@pytest.mark.parametrize(
    ("put", "get", "message"),
    [
        (lambda queue, block: queue.append(block + 1), lambda queue: queue.pop(0), "is another than went in"),
        (
            lambda queue, block: queue.append(block[:-1]),
            lambda queue: queue.pop(0),
            "is another than went in",
        ),
        (lambda queue, block: None, lambda queue: queue.pop(0), "came too late"),
    ],
)
def test_a_block_that_is_lost_or_changed_is_told(monkeypatch, put, get, message):
    def new():
        queue = []
        there = threading.Semaphore(0)

        def give(block):
            put(queue, block)
            if queue:
                there.release()

        def have():
            if not there.acquire(timeout=0.1):
                raise TimeoutError("came too late")
            return get(queue)

        return Channel(give, have)

    monkeypatch.setattr(handover, "CHANNELS", {"planted": new})
    with pytest.raises(BenchmarkError, match=f"planted: .*{message}"):
        handover.measure(SHORT)


@pytest.mark.parametrize(("ours", "holds"), [(1.0, True), (1.1, False)])
def test_the_limit_is_the_median_of_the_turns_ratios(ours, holds):
    queue = [[0.2, 1.0, 7.0], [100.0, 100.0], [1.0]]
    views = [[0.1, ours, 9.0], [1.0, 2.0], [99.0]]
    limit = handover._limit(SHORT, {handover.VIEWS: views, handover.QUEUE: queue})
    assert (limit.value, limit.holds) == (ours, holds)


def test_the_busy_thread_computes_and_ends():
    before = set(threading.enumerate())
    with handover.computing():
        (busy,) = set(threading.enumerate()) - before
        assert busy.is_alive()
    assert not busy.is_alive()
