"""Bad input: one clear line on stderr, exit code 1 (2 for wrong usage), never a traceback."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import threading
import tty
from pathlib import Path
from typing import Any

import pytest
import soundfile
import typer
from commandline import Done, Run, emulated

from ossicle.cli.guard import guarded
from ossicle.cli.options import segmenter
from ossicle.cli.output import Output
from ossicle.proto._wire import PROTOCOL_VERSION, Kind
from ossicle.proto.framing import SerialFraming
from ossicle.proto.packets import Packet, encode


def assert_one_line(done: Done, *words: str, code: int = 1) -> None:
    assert done.returncode == code, done.stdout + done.stderr
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert all(word in lines[0] for word in words), lines[0]


def test_missing_source(ossicle: Run, tmp_path: Path) -> None:
    assert_one_line(ossicle("record", "emulator:nothing.wav", "--out", "x.wav"), "nothing.wav")
    assert not (tmp_path / "x.wav").exists()
    assert_one_line(ossicle("emulate", "nothing.wav"), "nothing.wav")
    assert_one_line(ossicle("vad", "nothing.wav"), "nothing.wav")


def test_unreadable_source(ossicle: Run, tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("not a sound")
    (tmp_path / "empty.wav").touch()
    (tmp_path / "samples.raw").write_bytes(bytes(4000))
    for name in ("text.wav", "empty.wav", "samples.raw"):
        assert_one_line(ossicle("vad", name), name)
    assert_one_line(ossicle("emulate", "text.wav"), "text.wav")
    assert_one_line(ossicle("record", "emulator:samples.raw", "--out", "x.wav"), "samples.raw")
    assert_one_line(ossicle("vad", "."), "folder")


def test_a_rate_too_low_for_the_detector(ossicle: Run, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "low.wav", [0.0] * 9, 1)
    done = ossicle("vad", "low.wav", "--vad", "energy")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith(
        "ossicle: low.wav: energy: a VAD frame of 1 samples at 1 Hz"
    )


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
        assert_one_line(
            ossicle("record", os.ttyname(slave), "--out", "x.wav"), os.ttyname(slave), "another program"
        )
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
    ("given", "words"),
    [
        ({"preset": "comand"}, ["'comand'", "default, command, dictation, recording"]),
        ({"threshold": 2}, ["--threshold is above 0 and at most 1, not 2"]),
        ({"threshold": 0.4, "neg_threshold": 0.5}, ["--neg-threshold", "--threshold", "0.4", "not 0.5"]),
        ({"min_speech_ms": -1}, ["--min-speech-ms goes from 0 to 60000, not to -1"]),
        ({"max_speech_s": float("inf")}, ["--max-speech-s goes from 1 to 600"]),
        ({"pre_roll_ms": float("nan")}, ["--pre-roll-ms"]),
    ],
)
def test_segmenter_options_that_make_no_sense(
    given: dict[str, Any], words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit) as caught:
        segmenter(**{"preset": None, **given})
    (line,) = capsys.readouterr().err.splitlines()
    assert caught.value.exit_code == 2
    assert all(word in line for word in words)


@pytest.mark.parametrize("command", ["vad", "listen"])
def test_they_are_told_before_the_file_or_the_device_is_looked_for(ossicle: Run, command: str) -> None:
    done = ossicle(command, "/no/such/place", "--threshold", "2")
    assert_one_line(done, "--threshold is above 0 and at most 1, not 2", code=2)


@pytest.mark.parametrize(
    "url", ["gopher://x", "wss://0.0.0.0:4748", "udp://0.0.0.0:99999", "emulator:", "serial://"]
)
def test_url_that_is_not_known(ossicle: Run, url: str) -> None:
    assert_one_line(ossicle("record", url, "--out", "x.wav"), url.partition(":")[0])


def test_output_that_cannot_be_written(ossicle: Run, speech: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert_one_line(ossicle("record", emulated(speech), "--out", "no/such/folder/x.wav"), "x.wav")
    assert_one_line(ossicle("record", emulated(speech), "--out", "x.mp3"), ".mp3", ".wav", ".flac")
    assert_one_line(ossicle("listen", emulated(speech), "--out", "file"), "file")
    assert_one_line(ossicle("demo", "--out", "file/in"), "file")


def test_a_full_disk_is_told_with_the_file(ossicle: Run, speech: Path, tmp_path: Path) -> None:
    (tmp_path / "x.wav").symlink_to("/dev/full")
    assert_one_line(ossicle("record", emulated(speech), "--out", "x.wav"), "x.wav: No space left")


def test_a_pipe_is_no_recording(ossicle: Run, speech: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.wav")
    for more in ([], ["--resume"]):
        assert_one_line(ossicle("record", emulated(speech), "--out", "x.wav", *more), "x.wav: Illegal seek")


@pytest.mark.parametrize(
    "arguments",
    [
        ["record", "auto"],
        ["nothing-like-this"],
        ["record", "auto", "--out", "x.wav", "--seconds", "-1"],
        ["record", "auto", "--out", "x.wav", "--seconds", "inf"],
        ["record", "auto", "--out", "x.wav", "--timeout", "inf"],
        ["record", "auto", "--out", "x.wav", "--rate", "0"],
        ["record", "auto", "--out", "x.wav", "--hop", "63"],
        ["record", "auto", "--out", "x.wav", "--overlap", "9999"],
        ["listen", "auto", "--seconds", "inf"],
        ["devices", "--timeout", "inf"],
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


def test_what_a_terminal_would_obey_is_never_said(capsys: pytest.CaptureFixture[str]) -> None:
    hostile = "ESP32 \x1b]0;title\x07 \x9b2J \u202e\nnext"
    Output(False).event("found", hostile)
    Output(False).note(hostile)
    Output(True).event("found", "", machine=hostile)
    Output(True).note("é")
    said = capsys.readouterr()
    assert said.err == "ESP32 ?]0;title? ?2J ?\nnext\n"
    first, second = said.out.removeprefix(said.err).splitlines()
    assert said.out.startswith(said.err)
    assert first.isascii()
    assert first.isprintable()
    assert json.loads(first)["machine"] == hostile
    assert "é" in second


def test_ctrl_c_at_a_question_is_an_interrupt() -> None:
    def asks() -> None:
        raise typer.Abort

    with pytest.raises(typer.Exit) as caught:
        guarded(asks)()
    assert caught.value.exit_code == 130
