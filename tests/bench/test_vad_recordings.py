"""A folder of recordings is read, and what is missing in it is named."""

import numpy as np
import pytest
import soundfile

from ossicle.bench.vad import recordings
from ossicle.bench.vad.corpus import Label
from ossicle.bench.vad.recordings import folder_of, gather, turns

RATE = 8000
RTTM = """\
;; a comment
SPEAKER m 1 1.000 1.500 <NA> <NA> ann <NA> <NA>
SPEAKER m 1 0.500 1.000 <NA> <NA> bob <NA> <NA>

SPEAKER m 1 3.000 9.000 <NA> <NA> ann <NA> <NA>
SPEAKER m 1 7.000 1.000 <NA> <NA> bob <NA> <NA>
"""


def write(path, seconds=4.0, channels=1, value=100):
    frames = np.full((round(seconds * RATE), channels), value, np.int16)
    soundfile.write(path, frames if channels > 1 else frames[:, 0], RATE, subtype="PCM_16")


def test_turns_of_all_speakers_together():
    assert turns(RTTM, RATE, 4 * RATE) == (Label(4000, 20000, "turn"), Label(24000, 32000, "turn"))


@pytest.mark.parametrize(
    "line", ["SPEAKER m 1", "SPEAKER m 1 one 2.0 <NA>", "SPEAKER m 1 0 inf", "SPEAKER m 1 nan 1"]
)
def test_a_line_that_is_none(line):
    with pytest.raises(ValueError, match="line 2"):
        turns(f";;\n{line}", RATE, RATE)


def test_a_turn_that_begins_too_soon():
    assert turns("SPEAKER m 1 -1 2", RATE, 4 * RATE) == (Label(0, RATE, "turn"),)


def test_a_folder(tmp_path):
    write(tmp_path / "noise_fire.wav")
    write(tmp_path / "noise_sea.wav", 1.0, channels=2)
    write(tmp_path / "speech_x.wav")
    for name in ("m", "m[1]"):
        write(tmp_path / f"{name}_4s.wav")
        (tmp_path / f"{name}.rttm").write_text(RTTM)
    found = gather(tmp_path)
    assert [(mix.name, mix.seconds, mix.labels) for mix in found.noises] == [
        ("fire", 4.0, ()),
        ("sea", 1.0, ()),
    ]
    assert all(mix.rate == RATE and mix.frames.shape == (len(mix.frames),) for mix in found.noises)
    assert [(mix.name, len(mix.labels)) for mix in found.meetings] == [("m", 2), ("m[1]", 2)]
    assert found.notes == ()


def test_what_is_missing_or_broken_is_named(tmp_path):
    (tmp_path / "noise_broken.wav").write_bytes(b"RIFF")
    (tmp_path / "alone.rttm").write_text(RTTM)
    write(tmp_path / "bad.wav")
    (tmp_path / "bad.rttm").write_text("SPEAKER x")
    write(tmp_path / "noise_none.wav", 0.0)
    soundfile.write(tmp_path / "noise_low.wav", np.zeros(9, np.int16), 1)
    found = gather(tmp_path)
    assert (found.noises, found.meetings) == ((), ())
    told = "\n".join(found.notes)
    for text in ("noise_broken.wav was left out", "alone.rttm has no recording", "bad.rttm was left out"):
        assert text in told
    assert "noise_none.wav was left out" in told
    assert "noise_low.wav was left out: 1 Hz" in told
    assert "no noise_*.wav" in told
    assert "no meeting" in told


def test_a_long_recording_is_cut(tmp_path, monkeypatch):
    monkeypatch.setattr(recordings, "LONGEST_S", 1.0)
    write(tmp_path / "noise_long.wav", 1.5)
    found = gather(tmp_path)
    assert found.noises[0].seconds == 1.0
    assert "Of noise_long.wav the first 1 s" in found.notes[0]


def test_which_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("OSSICLE_RECORDINGS", str(tmp_path / "told"))
    assert folder_of() == tmp_path / "told"
    assert folder_of(tmp_path) == tmp_path
    assert gather().notes == ("No recordings: told is no folder.",)
    monkeypatch.delenv("OSSICLE_RECORDINGS")
    monkeypatch.setattr(recordings, "__file__", str(tmp_path / "c/host/ossicle/bench/vad/x.py"))
    (tmp_path / "c").mkdir()
    assert folder_of() is None
    assert "names no folder" in gather().notes[0]
    (tmp_path / "shared" / "data").mkdir(parents=True)
    assert folder_of() is None  # not beside a checkout
    (tmp_path / "c" / "pyproject.toml").touch()
    assert folder_of() == tmp_path / "shared" / "data"
