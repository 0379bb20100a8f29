"""The command line as a user meets it: a process, its two outputs, its exit code."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import signal
import subprocess
import sys
import threading
import time
import tty
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from ossicle.cli.guard import complain, os_error_line
from ossicle.cli.meter import FLOOR_DBFS, Meter, level_dbfs
from ossicle.demo import labels
from ossicle.proto._wire import PROTOCOL_VERSION, Kind
from ossicle.proto.framing import SerialFraming
from ossicle.proto.packets import Packet, encode

COMMAND = [sys.executable, "-m", "ossicle.cli"]
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def ossicle(tmp_path: Path) -> Run:
    """Runs the command in a folder of its own."""

    def run(*arguments: str, timeout: float = 90) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*COMMAND, *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=timeout, check=False
        )

    return run


def rows(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def emulated(path: Path) -> str:
    return f"emulator:{path}?speed=max"


def assert_one_line(done: subprocess.CompletedProcess[str], *words: str, code: int = 1) -> None:
    assert done.returncode == code, done.stdout + done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert all(word in lines[0] for word in words), lines[0]


# Results


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
    done = ossicle("demo", "--speed", "max", "--vad", "webrtc", "--json")
    assert done.returncode == 0, done.stderr
    last = rows(done)[-1]
    assert last["identical"] is True
    assert (last["missed"], last["gaps"], last["missing_frames"]) == (0, 0, 0)
    assert last["worst_edge_ms"] <= 150
    folder = tmp_path / "ossicle-demo"
    assert len(list(folder.glob("segment-*.wav"))) == last["found"] + last["extra"]
    assert (folder / "demo.png").read_bytes().startswith(b"\x89PNG")


def test_devices_is_quiet_where_there_is_nothing_to_tell(ossicle: Run) -> None:
    done = ossicle("devices", "--json", "--timeout", "0.3")
    assert done.returncode == 0, done.stderr
    assert all(row["event"] in ("port", "note") for row in rows(done))


# Ends


def wait_for(condition: Callable[[], bool], timeout_s: float = 30) -> None:
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_recording_is_kept(speech: Path, tmp_path: Path, number: signal.Signals) -> None:
    out = tmp_path / "kept.wav"
    child = subprocess.Popen(
        [*COMMAND, "record", f"emulator:{speech}", "--out", str(out), "--json"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        wait_for(lambda: out.exists() and out.stat().st_size > 20_000)
        child.send_signal(number)
        said, _ = child.communicate(timeout=20)
    finally:
        child.kill()
    kept, _ = soundfile.read(out, dtype="int16")
    played, _ = soundfile.read(speech, dtype="int16")
    assert len(kept) >= 8000
    np.testing.assert_array_equal(kept, played[: len(kept)])
    if number != signal.SIGKILL:
        assert child.returncode == 0
        assert json.loads(said.splitlines()[-1])["interrupted"] is True


def test_emulate_prints_a_url_that_can_be_opened(ossicle: Run, speech: Path, tmp_path: Path) -> None:
    board = subprocess.Popen(
        [*COMMAND, "emulate", str(speech), "--speed", "max"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert board.stdout is not None
        url = board.stdout.readline().strip()
        for copy in ("one.wav", "two.wav"):
            done = ossicle("record", url, "--out", copy)
            assert done.returncode == 0, done.stderr
            heard, _ = soundfile.read(tmp_path / copy, dtype="int16")
            np.testing.assert_array_equal(heard, soundfile.read(speech, dtype="int16")[0])
        board.send_signal(signal.SIGINT)
        _, complaints = board.communicate(timeout=20)
    finally:
        board.kill()
    assert board.returncode == 0
    assert complaints == ""


def test_a_reader_that_goes_away_is_no_failure(speech: Path) -> None:
    several = " ".join([str(speech)] * 3)
    line = f"{' '.join(COMMAND)} vad --vad energy {several} | head -n 1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert len(done.stdout.splitlines()) == 1


# What a person sees


def read_all(descriptor: int) -> str:
    """What was written to the other end of a terminal, until it is closed."""
    said = b""
    with contextlib.suppress(OSError):  # how a terminal says that its other end is closed
        while piece := os.read(descriptor, 65536):
            said += piece
    return said.decode(errors="replace")


@pytest.mark.parametrize("arguments", [["record", "--out", "x.wav"], ["listen", "--vad", "webrtc"]])
def test_a_terminal_shows_the_meter_and_stdout_stays_clean(
    speech: Path, tmp_path: Path, arguments: list[str]
) -> None:
    master, slave = pty.openpty()
    command = [*COMMAND, arguments[0], f"emulator:{speech}", "--seconds", "2", *arguments[1:]]
    env = {**os.environ, "COLUMNS": "100", "TERM": "xterm-256color"}
    with subprocess.Popen(command, cwd=tmp_path, env=env, stdout=subprocess.PIPE, stderr=slave) as child:
        os.close(slave)
        seen = read_all(master)
        said, _ = child.communicate(timeout=60)
    os.close(master)
    assert child.returncode == 0
    assert "dBFS" in seen
    assert "0 gaps" in seen
    assert ("speech" in seen) == (arguments[0] == "listen")
    assert b"dBFS" not in said
    assert b"\x1b" not in said


# Bad input


def test_missing_source(ossicle: Run, tmp_path: Path) -> None:
    assert_one_line(ossicle("record", "emulator:nothing.wav", "--out", "x.wav"), "nothing.wav")
    assert not (tmp_path / "x.wav").exists()
    assert_one_line(ossicle("emulate", "nothing.wav"), "nothing.wav")
    assert_one_line(ossicle("vad", "nothing.wav"), "nothing.wav")


def test_unreadable_source(ossicle: Run, tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("not a sound")
    (tmp_path / "empty.wav").touch()
    for name in ("text.wav", "empty.wav"):
        assert_one_line(ossicle("vad", name), name)
        assert_one_line(ossicle("emulate", name), name)
        assert_one_line(ossicle("record", f"emulator:{name}", "--out", "x.wav"), name)
    assert_one_line(ossicle("vad", "."), "folder")


def test_port_that_does_not_exist(ossicle: Run, tmp_path: Path) -> None:
    assert_one_line(ossicle("record", "/dev/ttyNONE7", "--out", "x.wav"), "/dev/ttyNONE7")
    assert_one_line(ossicle("listen", "/dev/ttyNONE7"), "/dev/ttyNONE7")


def test_port_that_is_silent(ossicle: Run) -> None:
    master, slave = pty.openpty()
    try:
        done = ossicle("record", os.ttyname(slave), "--out", "x.wav", "--timeout", "1")
        assert_one_line(done, os.ttyname(slave))
    finally:
        os.close(master)
        os.close(slave)


def test_port_that_is_busy(ossicle: Run) -> None:
    master, slave = pty.openpty()
    try:
        fcntl.flock(slave, fcntl.LOCK_EX)
        assert_one_line(ossicle("record", os.ttyname(slave), "--out", "x.wav"), os.ttyname(slave), "another program")
    finally:
        os.close(master)
        os.close(slave)


def test_a_device_of_another_version_is_told_with_both_versions(ossicle: Run) -> None:
    master, slave = pty.openpty()
    tty.setraw(slave)
    hello = json.dumps({"ossicle": 77, "device": "from the future"}).encode()
    answer = SerialFraming().wrap(encode(Packet(Kind.HELLO, payload=hello)))

    def device() -> None:
        with contextlib.suppress(OSError):
            while os.read(master, 4096):
                os.write(master, b"\0" + answer)

    threading.Thread(target=device, daemon=True).start()
    try:
        done = ossicle("record", os.ttyname(slave), "--out", "x.wav")
        assert_one_line(done, "version 77", str(PROTOCOL_VERSION))
    finally:
        os.close(slave)
        os.close(master)


def test_unknown_engine_names_the_known(ossicle: Run, speech: Path) -> None:
    for arguments in (["vad", str(speech)], ["listen", emulated(speech)], ["demo"]):
        assert_one_line(ossicle(*arguments, "--vad", "crystal-ball"), "crystal-ball", "webrtc", "energy")


@pytest.mark.parametrize(
    "url", ["gopher://x", "udp://0.0.0.0:4747", "ws://0.0.0.0:4748", "emulator:", "serial://"]
)
def test_url_that_is_not_known(ossicle: Run, url: str) -> None:
    assert_one_line(ossicle("record", url, "--out", "x.wav"), url.partition(":")[0])


def test_output_that_cannot_be_written(ossicle: Run, speech: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert_one_line(ossicle("record", emulated(speech), "--out", "no/such/folder/x.wav"), "x.wav")
    assert_one_line(ossicle("record", emulated(speech), "--out", "x.mp3"), ".mp3", ".wav", ".flac")
    assert_one_line(ossicle("listen", emulated(speech), "--out", "file"), "file")
    assert_one_line(ossicle("demo", "--out", "file/in"), "file")


@pytest.mark.parametrize(
    "arguments",
    [
        ["record", "auto"],
        ["nothing-like-this"],
        ["record", "auto", "--out", "x.wav", "--seconds", "-1"],
        ["record", "auto", "--out", "x.wav", "--mode", "perfect"],
        ["vad"],
        ["vad", "x.wav", "--text", "--json"],
        ["emulate", "x.wav", "--speed", "warp"],
    ],
)
def test_usage(ossicle: Run, arguments: list[str]) -> None:
    done = ossicle(*arguments)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_version_and_help(ossicle: Run) -> None:
    assert ossicle("--version").stdout.startswith("ossicle 0.")
    assert ossicle("record", "--help").returncode == 0


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


def test_complaint_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    complain("first\n  second")
    assert capsys.readouterr().err == "ossicle: first second\n"
    assert os_error_line(FileNotFoundError(2, "No such file", "a.wav")) == "a.wav: No such file"
    assert os_error_line(OSError("odd")) == "odd"
