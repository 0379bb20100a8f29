"""The benchmark of the archive: what it tells was measured on work that was done."""

from __future__ import annotations

import urllib.error
import urllib.request

import numpy as np
import pytest

from ossicle.bench import archive, beside
from ossicle.bench.archive import Compared, throughput
from ossicle.bench.source import RATE, BenchmarkError, speech


def test_what_is_written_is_read_again() -> None:
    frames = speech(2.5)
    written, read = throughput("flac", frames, 1)
    assert (written.name, read.name) == ("write, flac", "read, flac")
    assert 0.3 < (written.row().values["ratio"] or 0) < 0.9
    assert read.row().values["ratio"] is None
    smaller, _ = throughput("opus", frames, 1)
    assert 0.03 < (smaller.row().values["ratio"] or 0) < 0.3


def test_another_recording_is_no_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Compared, "write", lambda self, frames: self.silence(len(frames)))
    with pytest.raises(BenchmarkError, match="not what was written"):
        throughput("flac", speech(1), 1)


def test_what_is_compared() -> None:
    frames = speech(1)
    exact = Compared(frames, exact=True)
    exact.write(frames[:100])
    assert exact.same
    exact.write(frames[99:200])
    assert not exact.same
    lossy = Compared(frames, exact=False)
    lossy.write(frames[::-1])
    assert lossy.same
    lossy.write(frames[:1])
    assert not lossy.same, "it is too long"


def test_listening_beside_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beside, "DEVICES", 1)
    late = beside.measure(1, 0.3, lambda text: None)
    assert list(late) == [beside.NONE, beside.WELL, beside.FAILING, beside.DOWN]
    for turns in late.values():
        (turn,) = turns
        assert len(turn) >= 5
        assert min(turn) >= 0
    rows = [archive._beside(name, turns, late[beside.NONE]) for name, turns in late.items()]
    assert rows[0].values["beside"] == 1.0


def test_the_ratio_is_that_of_turns() -> None:
    ours, others = [[1.0] * 99 + [9.0], [4.0], [3.0]], [[0.5], [1.0], [3.0]]
    assert beside.ratio(ours, others) == 2.0
    assert beside.ratio(ours, others, 1.0) == pytest.approx(4 / 3)


def test_lateness_is_above_the_promptest_of_each_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beside, "DEVICES", 2)
    first, second = [(RATE, 11.0), (2 * RATE, 12.5)], [(RATE, 101.25)]
    late = beside._late({"a": [[first, second]], "b": [[[(3 * RATE, 13.25)], [(2 * RATE, 102.0)]]]})
    assert np.allclose(late["a"], [[0.0, 0.5, 0.25]])
    assert np.allclose(late["b"], [[0.25, 0.0]])


def test_the_store_that_fails_does() -> None:
    def put(port: str) -> int:
        request = urllib.request.Request(f"{port}/bench/x", data=b"x" * 100, method="PUT")
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    with beside.store(0.5, 0.0) as given:
        answers = [put(given["endpoint"]) for _ in range(40)]
    assert {0, 200, 503} == set(answers)
    assert 10 < answers.count(200) < 30
    assert put(given["endpoint"]) == 0, "it is gone"
