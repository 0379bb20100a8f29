"""The command line as a user meets it: a process, its two outputs, its exit code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from commandline import Run, emulated, rows

from ossicle.audio.segmenter import find_segments
from ossicle.cli.guard import complain, os_error_line
from ossicle.cli.meter import FLOOR_DBFS, Meter, level_dbfs
from ossicle.cli.recorder import Recorder
from ossicle.cli.tape import Tape
from ossicle.demo import labels
from ossicle.ledger import Ledger, Origin
from ossicle.proto.events import Gap
from ossicle.sinks import open_sink


def test_record_gives_back_every_sample(ossicle: Run, labelled: list[Path], tmp_path: Path) -> None:
    for path, suffix in zip(labelled, (".wav", ".flac"), strict=True):
        out = tmp_path / f"copy{suffix}"
        done = ossicle("record", emulated(path), "--out", str(out), "--json")
        assert done.returncode == 0, done.stderr
        played, rate = soundfile.read(path, dtype="int16")
        heard, heard_rate = soundfile.read(out, dtype="int16")
        assert heard_rate == rate
        np.testing.assert_array_equal(heard, played)
        last = rows(done)[-1]
        assert (last["event"], last["frames"], last["gaps"], last["interrupted"]) == (
            "done",
            len(played),
            0,
            False,
        )
        assert done.stderr == ""


def test_record_for_some_seconds(ossicle: Run, speech: Path, tmp_path: Path) -> None:
    out = tmp_path / "short.wav"
    done = ossicle("record", emulated(speech), "--out", str(out), "--seconds", "1.25")
    assert done.returncode == 0, done.stderr
    played, _ = soundfile.read(speech, dtype="int16", frames=20000)
    np.testing.assert_array_equal(soundfile.read(out, dtype="int16")[0], played)
    assert done.stdout == f"{out}: 1.250 s, 20000 frames, 0 gaps\n"


def test_a_gap_is_told_and_becomes_silence(ossicle: Run, speech: Path, tmp_path: Path) -> None:
    done = ossicle("record", f"{emulated(speech)}&stalls=80000+16000", "--out", "x.wav", "--json")
    assert done.returncode == 0, done.stderr
    (gap,) = [row for row in rows(done) if row["event"] == "gap"]
    assert gap["estimated"] is True
    assert gap["cause"] == "capture"
    played, rate = soundfile.read(speech, dtype="int16")
    heard, _ = soundfile.read(tmp_path / "x.wav", dtype="int16")
    start, stop = gap["start_frame"], gap["stop_frame"]
    assert (gap["start"], gap["stop"]) == (start / rate, stop / rate)
    np.testing.assert_array_equal(heard[:start], played[:start])
    assert not heard[start:stop].any()
    after = len(heard) - stop
    np.testing.assert_array_equal(heard[stop:], played[-after:])
    assert abs(len(heard) - len(played)) <= 512
    last = rows(done)[-1]
    assert (last["gaps"], last["missing_frames"]) == (1, stop - start)
    assert last["frames"] + last["missing_frames"] == len(heard)


def test_no_segment_hides_a_gap(ossicle: Run, speech: Path) -> None:
    done = ossicle("listen", f"{emulated(speech)}&stalls=80000+16000", "--vad", "webrtc", "--json")
    assert done.returncode == 0, done.stderr
    (gap,) = [row for row in rows(done) if row["event"] == "gap"]
    segments = [row for row in rows(done) if row["event"] == "segment"]
    assert any(row["stop_frame"] == gap["start_frame"] for row in segments)  # the gap lies in speech
    for row in segments:
        assert row["stop_frame"] <= gap["start_frame"] or row["start_frame"] >= gap["stop_frame"]


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_a_long_gap_is_silent_to_the_last_frame(tmp_path: Path, channels: int, suffix: str) -> None:
    path = tmp_path / f"x{suffix}"
    sink = open_sink(path, 16000, channels)
    recorder = Recorder(Tape(sink, Ledger(Origin("mic", 16000, channels))))
    shape = (100,) if channels == 1 else (100, channels)
    recorder.audio(0, np.ones(shape, np.int16))
    recorder.gap(Gap(100, 50_100, "overwritten"), 50_000)
    recorder.gap(Gap(50_100, None, "reset"), None)
    recorder.audio(50_100, np.ones(shape, np.int16))
    recorder.finish()
    sink.close()
    heard, _ = soundfile.read(path, dtype="int16", always_2d=True)
    assert len(heard) == 50_200
    assert np.flatnonzero(heard[:, -1]).tolist() == [*range(100), *range(50_100, 50_200)]


def test_listen_tells_and_writes_the_segments(ossicle: Run, speech: Path, tmp_path: Path) -> None:
    done = ossicle("listen", emulated(speech), "--vad", "webrtc", "--out", "found", "--json")
    assert done.returncode == 0, done.stderr
    events = rows(done)
    assert [events[0]["event"], events[0]["vad"]] == ["started", "webrtc"]
    segments = [row for row in events if row["event"] == "segment"]
    assert len(segments) == events[-1]["segments"] >= len(labels(speech)) - 1
    played, rate = soundfile.read(speech, dtype="int16")
    for row in segments:
        assert row["start"] == pytest.approx(row["start_frame"] / rate)
        heard, _ = soundfile.read(tmp_path / row["file"], dtype="int16")
        np.testing.assert_array_equal(heard, played[row["start_frame"] : row["stop_frame"]])


def test_vad_finds_what_the_labels_say(ossicle: Run, speech: Path, tmp_path: Path) -> None:
    done = ossicle("vad", str(speech), "--vad", "webrtc", "--labels", "labels.txt")
    assert done.returncode == 0, done.stderr
    found = rows(done)
    assert len(found) == len(labels(speech))
    for row, label in zip(found, labels(speech), strict=True):
        assert set(row) == {"file", "start", "stop", "start_frame", "stop_frame"}
        assert abs(row["start_frame"] - label.start) <= 2400
        assert abs(row["stop_frame"] - label.stop) <= 2400
    track = [line.split("\t") for line in (tmp_path / "labels.txt").read_text().splitlines()]
    assert [(float(a), float(b)) for a, b, _ in track] == [(row["start"], row["stop"]) for row in found]


@pytest.mark.parametrize(
    "options",
    [
        ["--preset", "recording"],
        ["--preset", "dictation", "--min-silence-ms", "1500", "--threshold", ".7", "--neg-threshold", ".2"],
        ["--min-speech-ms", "500", "--max-speech-s", "2", "--speech-pad-ms", "0", "--pre-roll-ms", "300"],
    ],
)
def test_presets_and_options_reach_the_segmenter(ossicle: Run, speech: Path, options: list[str]) -> None:
    """Both commands, as the same names in Python do."""
    frames, rate = soundfile.read(speech, dtype="int16")
    named = dict(zip(options[::2], options[1::2], strict=True))
    values: dict[str, Any] = {
        name[2:].replace("-", "_"): float(n) for name, n in named.items() if n[-1].isdigit()
    }
    values |= {"preset": named["--preset"]} if "--preset" in named else {}
    expected = [(s.start, s.stop) for s in find_segments(frames, rate, "webrtc", **values)]
    assert expected != [(s.start, s.stop) for s in find_segments(frames, rate, "webrtc")]
    for command, place in (("vad", str(speech)), ("listen", emulated(speech))):
        done = ossicle(command, place, "--vad", "webrtc", "--json", *options)
        told = [row for row in rows(done) if row.get("event", "segment") == "segment"]
        assert [(row["start_frame"], row["stop_frame"]) for row in told] == expected


def test_listen_and_vad_find_the_same(ossicle: Run, speech: Path) -> None:
    live = [row for row in rows(ossicle("listen", emulated(speech), "--json")) if row["event"] == "segment"]
    file = rows(ossicle("vad", str(speech)))
    edges = [[(row["start_frame"], row["stop_frame"]) for row in part] for part in (live, file)]
    assert edges[0] == edges[1] != []


def test_vad_of_several_files_goes_on_after_a_bad_one(
    ossicle: Run, labelled: list[Path], tmp_path: Path
) -> None:
    done = ossicle("vad", str(labelled[0]), "nothing.wav", str(labelled[1]), "--labels", "tracks")
    assert done.returncode == 1
    assert "nothing.wav" in done.stderr
    assert {row["file"] for row in rows(done)} == {str(path) for path in labelled}
    assert sorted(path.name for path in (tmp_path / "tracks").iterdir()) == ["speech.txt", "stereo.txt"]


def test_vad_text(ossicle: Run, speech: Path) -> None:
    done = ossicle("vad", str(speech), "--text")
    assert done.stdout.splitlines()[0].startswith(f"{speech}: 1.")


@pytest.mark.parametrize(
    ("rate", "subtype", "words"),
    [(16000, "PCM_24", ["PCM_24"]), (16000, "PCM_U8", ["PCM_U8"]), (44100, "PCM_16", ["44100"])],
)
def test_converted_files_are_told(
    ossicle: Run, speech: Path, tmp_path: Path, rate: int, subtype: str, words: list[str]
) -> None:
    import soxr

    frames, own = soundfile.read(speech, dtype="float64", frames=16000 * 5)
    soundfile.write(tmp_path / "odd.wav", soxr.resample(frames, own, rate), rate, subtype=subtype)
    done = ossicle("vad", "odd.wav", "--vad", "webrtc")
    assert done.returncode == 0
    assert all(word in done.stderr for word in ["odd.wav", *words])
    first = rows(done)[0]
    assert abs(first["start"] - 1.2) < 0.15
    assert first["start_frame"] == round(first["start"] * rate)
    played = ossicle("record", emulated(tmp_path / "odd.wav"), "--out", "copy.wav")
    assert played.returncode == 0, played.stderr
    if subtype != "PCM_U8":  # every 8-bit sample has its exact 16-bit value: nothing to tell
        assert all(word in played.stderr for word in words)


def test_demo_flat_out(ossicle: Run, tmp_path: Path) -> None:
    (tmp_path / "ossicle-demo").mkdir()
    (tmp_path / "ossicle-demo" / "segment-0042-00001.00s.wav").touch()  # of an earlier run
    done = ossicle("demo", "--speed", "max", "--vad", "webrtc", "--json")
    assert done.returncode == 0, done.stderr
    last = rows(done)[-1]
    assert last["identical"] is True
    assert (last["missed"], last["gaps"], last["missing_frames"]) == (0, 0, 0)
    assert last["worst_edge_ms"] <= 150
    folder = tmp_path / "ossicle-demo"
    assert len(list(folder.glob("segment-*.wav"))) == last["found"] + last["extra"]
    assert (folder / "demo.png").read_bytes().startswith(b"\x89PNG")


def test_demo_without_matplotlib_says_how_to_get_it(ossicle: Run, tmp_path: Path) -> None:
    (tmp_path / "matplotlib.py").write_text("raise ImportError")
    done = ossicle("demo", "--speed", "max", "--vad", "energy")
    assert done.returncode == 0, done.stderr
    assert "pip install 'ossicle[plot]'" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "ossicle-demo" / "demo.png").exists()
    assert "every sample is the one that was played" in done.stdout


def test_devices_is_quiet_where_there_is_nothing_to_tell(ossicle: Run) -> None:
    done = ossicle("devices", "--json", "--timeout", "0.3")
    assert done.returncode == 0, done.stderr
    assert all(row["event"] in ("port", "note") for row in rows(done))


# Parts


def test_level() -> None:
    assert level_dbfs(np.zeros(100, np.int16)) == FLOOR_DBFS
    assert level_dbfs(np.zeros((0, 2), np.int16)) == FLOOR_DBFS
    assert level_dbfs(np.full((50, 2), -32768, np.int16)) == pytest.approx(0.0)
    tone = np.rint(16384 * np.sin(np.arange(16000) * 0.1)).astype(np.int16)
    assert level_dbfs(tone) == pytest.approx(-9.03, abs=0.02)


def test_meter_line() -> None:
    meter = Meter(shown=False, total_s=20.0)
    meter.heard(np.full(512, 8000, np.int16), 3.25)
    meter.voice(0.75, True, 1)
    meter.gap(512)
    meter.gap(None)
    meter.counters(resent=3, lost=0)
    text = str(meter.line())
    for part in ("3.2 / 20.0 s", "-12.2 dBFS", "0.75", "1 segment ", "2 gaps (512 frames)", "resent 3"):
        assert part in text
    assert "lost" not in text


def test_the_meter_fits_80_columns() -> None:
    meter = Meter(shown=False, total_s=999.9)
    meter.heard(np.full(512, 1, np.int16), 999.9)
    meter.voice(0.75, True, 99)
    assert len(str(meter.line())) < 80


def test_complaint_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    complain("first\n  second")
    assert capsys.readouterr().err == "ossicle: first second\n"
    assert os_error_line(FileNotFoundError(2, "No such file", "a.wav")) == "a.wav: No such file"
    assert os_error_line(OSError("odd")) == "odd"
