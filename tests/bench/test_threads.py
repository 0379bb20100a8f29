"""The benchmark of eight threads: they are eight, at once, and what goes wrong in one is told."""

import threading

import pytest

from ossicle.bench import threads
from ossicle.bench.figures import Effort
from ossicle.bench.source import BenchmarkError


def test_the_table():
    table = threads.run(Effort(quick=True))
    assert [row.name for row in table.rows] == ["1 ring, 1 thread", "8 rings, 1 thread", "8 rings, 8 threads"]
    assert table.value(threads.ONE, "ratio") == 1.0
    for row in table.rows:
        assert set(row.values) == {column.key for column in table.columns}
        assert row.values["frames_s"] > 0
    assert table.value(threads.TOGETHER, "contention") == 0
    assert any("GIL" in note for note in table.notes)
    assert any("cores" in note for note in table.notes)


@pytest.mark.parametrize(("gil", "said"), [(True, "has a GIL"), (False, "has no GIL")])
def test_it_says_what_the_interpreter_makes_of_it(monkeypatch, gil, said):
    monkeypatch.setattr(threads, "has_gil", lambda: gil)
    assert any(said in note for note in threads._notes(1))


def test_all_run_at_once():
    meet = threading.Barrier(threads.RINGS)
    seen = []
    threads.at_once([lambda: seen.append(meet.wait(10))] * threads.RINGS)
    assert sorted(seen) == list(range(threads.RINGS))


def test_what_one_raises_is_raised():
    def fail():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        threads.at_once([lambda: None, fail])


def test_one_that_does_not_end_is_told(monkeypatch):
    monkeypatch.setattr(threads, "THREAD_TIMEOUT_S", 0.2)
    end = threading.Event()
    with pytest.raises(BenchmarkError, match="has not ended"):
        threads.at_once([lambda: end.wait(30)])
    end.set()


def test_a_ring_that_gives_other_windows_is_found(monkeypatch):
    def run(self, blocks, take):
        ring = self.ring
        for block in blocks:
            ring.write(block)
            chunk = ring.chunk(4000, 256)
            if chunk is not None:
                take(chunk.data)
                ring.advance(3999)

    monkeypatch.setattr(threads.Views, "run", run)
    with pytest.raises(BenchmarkError, match="AudioRing, views, ring"):
        threads.run(Effort(quick=True))
