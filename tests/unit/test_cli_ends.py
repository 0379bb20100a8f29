"""How commands end, and what they show on the way: signals, pipes, terminals."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from commandline import COMMAND, Run


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
    assert (b"speech of" in said) == (arguments[0] == "listen")
    assert b"dBFS" not in said
    assert b"\x1b" not in said
