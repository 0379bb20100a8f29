"""`ossicle install` on an emulated chip, with mpremote as published: from an empty file system to speech, a
second time, and cut off at any moment."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from commandline import Run, rows

from ossicle import open as opened
from ossicle.board import arrival
from ossicle.board.install import Intent, carry_out, hear
from ossicle.board.plan import Build, digest, plan
from ossicle.board.release import release
from ossicle.board.settings import Settings
from ossicle.board.survey import Board, survey
from ossicle.chip import Chip
from ossicle.errors import SilentError

SECRET = "correct horse battery"
ANSWER_S = 30.0
FIRST_BYTES_MAX = 120_000
AGAIN_BYTES_MAX = 6_000
SECONDS_AT_115200 = 15


def event(told: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(row for row in told if row["event"] == name)


def run(ossicle: Run, *words: str) -> list[dict[str, Any]]:
    done = ossicle(*words, "--json")
    assert done.returncode == 0, (words, done.stdout, done.stderr)
    return rows(done)


class TestThreeCommands:
    """The first is pip's."""

    def test_from_an_empty_board_to_speech(self, speech: Path, files: Path, ossicle: Run) -> None:
        with Chip(files=files, source=speech, pace=False) as chip:
            first = event(run(ossicle, "install", chip.port), "installed")
            carried = chip.bytes_in + chip.bytes_out
            assert first["files"] > 10
            assert first["device"]
            assert carried < FIRST_BYTES_MAX, "over the port, both ways"
            assert carried * 10 / 115200 < SECONDS_AT_115200
            segments = [
                row
                for row in run(ossicle, "listen", chip.port, "--seconds", "3")
                if row["event"] == "segment"
            ]
            assert segments, chip.said
            before = chip.bytes_in
            again = event(run(ossicle, "install", chip.port), "installed")
            assert (again["files"], again["bytes"]) == (0, 0)
            assert chip.bytes_in - before < AGAIN_BYTES_MAX
            assert again["firmware"] == first["firmware"]
            assert not chip.crashes

    def test_configured_while_it_streams(self, speech: Path, files: Path, ossicle: Run) -> None:
        with Chip(files=files, source=speech, pace=False) as chip:
            run(ossicle, "install", chip.port, "--mic", "pattern", "--set", "device=kitchen")
            with contextlib.ExitStack() as stack:
                listener = subprocess.Popen(
                    [sys.executable, "-m", "ossicle.cli", "record", chip.port, "--out", os.devnull + ".wav"],
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
                stack.callback(listener.wait)
                stack.callback(listener.kill)
                time.sleep(1.5)
                listener.kill()
                listener.wait()
                changed = event(run(ossicle, "config", chip.port, "set", "gain=300"), "changed")
            assert changed["keys"] == ["gain"]
            assert changed["device"] == "kitchen"
            told = {row["key"]: row["value"] for row in run(ossicle, "config", chip.port, "get")}
            assert (told["gain"], told["mic"], told["device"]) == (300, "pattern", "kitchen")

    def test_over_wifi(
        self, speech: Path, files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("OSSICLE_KEYS", str(tmp_path / "keys.toml"))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
            free.bind(("0.0.0.0", 0))
            number = free.getsockname()[1]
        words = [
            "--wifi",
            "home",
            "--host",
            "127.0.0.1",
            "--set",
            f"port={number}",
            "--set",
            "device=kitchen",
        ]
        with Chip(files=files, source=speech, pace=False) as chip:
            command = [sys.executable, "-m", "ossicle.cli", "install", chip.port, *words, "--stdin", "--json"]
            done = subprocess.run(
                command, input=SECRET + "\n", capture_output=True, text=True, timeout=90, check=False
            )
            assert done.returncode == 0, (done.stdout, done.stderr, chip.said)
            told = event(rows(done), "installed")
            assert (told["device"], told["url"]) == ("kitchen", f"udp://0.0.0.0:{number}")
            with opened(f"udp://127.0.0.1:{number}?device=kitchen") as mic:
                assert len(mic.read(8000)) == 8000, "sealed with the key that install made"
                with pytest.raises(SilentError):
                    opened(chip.port, timeout=1)
                mic.read(12000)
                assert mic.read(8000).gaps == (), "who asks on its cable does not end it"
            assert SECRET not in done.stdout + done.stderr + chip.said

    def test_a_chip_without_such_pins_needs_its_board(self, files: Path, ossicle: Run) -> None:
        with Chip("esp32s3", files=files, pace=False) as chip:
            done = ossicle("install", chip.port, "--no-wait")
            assert done.returncode == 1
            assert "--board NAME has the pins" in done.stderr
            assert not (files / "main.py").exists()


class Old:
    """A chip with a version on it, and two that look alike but for their name."""

    def __init__(self, chip: Chip, files: Path) -> None:
        self.chip = chip
        self.files = files
        self.builds = [named(release(survey(chip.port)), name) for name in ("aaaaaaaa", "bbbbbbbb")]
        self.running = self.builds[0]
        board = survey(chip.port)
        intent = Intent(board, self.running, Settings(), plan(board, self.running, None))
        carry_out(intent)
        assert hear(intent, ANSWER_S), chip.said[:4000]

    @property
    def other(self) -> Build:
        return next(build for build in self.builds if build.version != self.running.version)


def named(build: Build, name: str) -> Build:
    """The build with another name, of the same length, where HELLO has it."""
    version = build.version.partition("+")[0] + "+" + name
    assert len(version) == len(build.version)
    old, new = build.version.encode(), version.encode()
    files = {path: data.replace(old, new) for path, data in build.files.items()}
    assert sum(files[path] != data for path, data in build.files.items()) == 1
    return replace(build, version=version, files=files)


@pytest.fixture
def old(files: Path) -> Iterator[Old]:
    with Chip(files=files, pace=False) as chip:
        yield Old(chip, files)


# In a process that can be killed: the whole of an install, every file of it.
CHILD = """
import pickle, sys
from ossicle.board.transfer import transfer
board, plan = pickle.load(sys.stdin.buffer)
transfer(board, plan)
"""


def begun(board: Board, build: Build) -> subprocess.Popen[bytes]:
    import pickle

    process = subprocess.Popen(
        [sys.executable, "-c", CHILD],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert process.stdin is not None
    process.stdin.write(pickle.dumps((board, plan(board, build, None, force=True))))
    process.stdin.close()
    return process


def cut_off(old: Old, at: int, how: str) -> None:
    """Begin an install, and end it when so many bytes are on the line: kill it, or take the board's power."""
    board = survey(old.chip.port)
    start = old.chip.bytes_in
    process = begun(board, old.other)
    while process.poll() is None and old.chip.bytes_in - start < at:
        time.sleep(0.001)
    if how == "power":
        old.chip.power_cycle()
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if how == "killed":
        old.chip.power_cycle()


def judge(old: Old) -> None:
    """The board answers, with one of the two versions, and all files of that one are whole."""
    hello = arrival.wait({}, old.chip.port, "", ANSWER_S)  # the port is free when what was killed is gone
    assert hello is not None, old.chip.said
    running = {build.version: build for build in old.builds}[hello.firmware]
    deadline = time.monotonic() + ANSWER_S
    while len(slot := (old.files / "firmware" / "slot").read_text()) != 1:
        assert time.monotonic() < deadline, slot
        time.sleep(0.05)
    for path, data in running.files.items():
        assert digest((old.files / "firmware" / slot / path).read_bytes()) == digest(data), path
    old.running = running


def cut_offs(old: Old, times: int, seed: int) -> None:
    chance = random.Random(seed)
    board = survey(old.chip.port)
    before = old.chip.bytes_in
    process = begun(board, old.other)
    assert process.wait(60) == 0
    whole = old.chip.bytes_in - before
    judge(old)
    assert old.running.version == old.builds[1].version, "one that is not cut off is the one that runs"
    outcomes = set()
    for _ in range(times):
        was = old.running.version
        cut_off(old, chance.randrange(whole), chance.choice(("killed", "power")))
        judge(old)
        outcomes.add(old.running.version == was)
    assert True in outcomes, "one at least was cut off before its last step"


@pytest.mark.timeout(180)
def test_ten_that_are_cut_off_leave_a_board_that_answers(old: Old) -> None:
    cut_offs(old, 10, 1)


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_fifty_that_are_cut_off(old: Old) -> None:
    cut_offs(old, 50, int(os.environ.get("OSSICLE_SEED", "2")))


def test_a_version_that_does_not_start_gives_way_to_the_old_one(old: Old) -> None:
    broken = dict(old.other.files)
    app = next(path for path in broken if path.endswith("boot.mpy"))
    broken[app] = b"no code"
    build = replace(old.other, files=broken)
    board = survey(old.chip.port)
    intent = Intent(board, build, Settings(), plan(board, build, None))
    carry_out(intent)
    hello = hear(intent, ANSWER_S)
    assert hello is not None
    assert hello.firmware == old.running.version
    log = survey(old.chip.port).log
    assert "did not settle" in log


def test_a_build_without_i2s_gets_nothing(speech: Path, files: Path, ossicle: Run) -> None:
    with Chip(files=files, source=speech, pace=False, troubles={"i2s_missing": True}) as chip:
        done = ossicle("install", chip.port)
        assert done.returncode == 1
        assert "the MicroPython on this board has no I2S" in done.stderr
        assert not (files / "firmware").exists()
        assert event(run(ossicle, "install", chip.port, "--mic", "pattern"), "installed")["device"]
