"""Streams that are closed or full, names that are no text, samples that are no numbers, Ctrl-C at once."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from commandline import COMMAND, Run, emulated

from ossicle.cli.files import to_int16
from ossicle.cli.guard import complain


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_closed_stream_harms_no_recording(speech: Path, tmp_path: Path, closed: str) -> None:
    """Its number must not go to the board's line, nor to the recording."""
    line = f"{' '.join(COMMAND)} record '{emulated(speech)}' --out x.wav --json {closed}"
    done = subprocess.run(["sh", "-c", line], cwd=tmp_path, timeout=60, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    heard, _ = soundfile.read(tmp_path / "x.wav", dtype="int16")
    np.testing.assert_array_equal(heard, soundfile.read(speech, dtype="int16")[0])
    assert done.stderr == b""


def test_complaints_do_not_go_to_stdout(tmp_path: Path) -> None:
    line = f"{' '.join(COMMAND)} vad nothing.wav 2>&-"
    done = subprocess.run(["sh", "-c", line], cwd=tmp_path, timeout=60, capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (1, b"")


def test_help_for_nobody() -> None:
    line = f"{' '.join(COMMAND)} --help >/dev/full"
    done = subprocess.run(["sh", "-c", line], timeout=60, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "ossicle: No space left on device\n")


def test_names_that_are_no_text(speech: Path, tmp_path: Path) -> None:
    name = os.fsdecode(b"\xff\xfe.wav")
    shutil.copy(speech, tmp_path / name)
    done = subprocess.run([*COMMAND, "vad", name], cwd=tmp_path, timeout=60, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[0])["file"] == name
    for out in (name, os.fsdecode(b"\xfd.flac")):
        source = emulated(Path(name))
        command = [*COMMAND, "record", source, "--out", out]
        done = subprocess.run(command, cwd=tmp_path, timeout=60, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
        assert (tmp_path / out).is_file()


def test_an_output_that_cannot_carry_the_name(speech: Path, tmp_path: Path) -> None:
    shutil.copy(speech, tmp_path / "\u2713.wav")
    env = {**os.environ, "PYTHONIOENCODING": "ascii"}
    for option, says in (("--json", b'"file": "\\u2713.wav"'), ("--text", b"\\u2713.wav: ")):
        command = [*COMMAND, "vad", option, "\u2713.wav"]
        done = subprocess.run(command, cwd=tmp_path, env=env, timeout=60, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
        assert says in done.stdout


def test_a_complaint_moves_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    complain("port \x1b[31m\ud800\nis gone")
    assert capsys.readouterr().err == "ossicle: port ?[31m? is gone\n"


def test_samples_that_are_no_numbers(ossicle: Run, tmp_path: Path) -> None:
    wild = np.array([0.5, np.nan, np.inf, -np.inf, 1e38, -0.5])
    assert to_int16(wild).tolist() == [16384, 0, 32767, -32768, 32767, -16384]
    soundfile.write(tmp_path / "wild.wav", wild, 16000, subtype="FLOAT")
    done = ossicle("record", "emulator:wild.wav?speed=max", "--out", "x.wav")
    heard, _ = soundfile.read(tmp_path / "x.wav", dtype="int16")
    assert heard.tolist() == [16384, 0, 32767, -32768, 32767, -16384]
    assert done.stderr.splitlines() == ["FLOAT samples are rounded to 16 bits"]


@pytest.mark.parametrize("delay_s", [0.08, 0.15, 0.25, 0.4])
def test_ctrl_c_at_once_says_nothing(speech: Path, tmp_path: Path, delay_s: float) -> None:
    """The interpreter's own start is not ours: a traceback of it would not name the package."""
    command = [*COMMAND, "record", f"emulator:{speech}", "--out", "x.wav"]
    child = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    time.sleep(delay_s)
    for _ in range(3):
        child.send_signal(signal.SIGINT)
        time.sleep(0.01)
    _, complaints = child.communicate(timeout=30)
    assert "numpy" not in complaints
    assert "ossicle/cli/commands.py" not in complaints
