"""Streams through the chip's own USB, which is the REPL's port too, and throws away what the host leaves."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from line import Heard, Line, drive
from onchip import Remote, with_firmware

import ossicle
from ossicle.chip import Chip
from ossicle.pattern import Pattern
from ossicle.proto.events import Hello
from ossicle.proto.receiver import Receiver
from ossicle.proto.request import StreamRequest
from ossicle.soak.device import pattern_key

KINDS = ["esp32c3", "esp32c6"]
STALLS, STALLS_MAX = 3, 30  # some fall between two packets, and cut none off
STALL_S = 0.3
FRAMES = 5000  # between two stalls: a third of a second
TIMEOUT_S = 60.0


@pytest.fixture
def usb(files: Path) -> Path:
    """A board without a microphone on its own USB."""
    with_firmware(files)
    (files / "ossicle.json").write_text('{"uart": 0, "mic": "pattern"}')
    return files


def heard_with_stalls(chip: Chip, channels: int = 2) -> tuple[Heard, Receiver, int]:
    """Hear a stream to its end, and pause some times, till a packet was cut off; how often that was."""
    heard = Heard(channels)
    core = Receiver(StreamRequest(channels=channels))
    with Line(chip.port) as line:
        for turn in range(1, STALLS_MAX + 2):
            drive(line, core, heard, lambda: heard.position >= turn * FRAMES, timeout_s=TIMEOUT_S)  # noqa: B023
            if turn > STALLS_MAX or (turn > STALLS and spoiled(core)):
                break
            time.sleep(STALL_S)
        core.stop(time.monotonic())
        drive(line, core, heard, lambda: heard.ended is not None, timeout_s=TIMEOUT_S)
    return heard, core, turn - 1


def spoiled(core: Receiver) -> int:
    """Packets that came, and were none."""
    stats = core.stats()
    return stats.frames_undecodable + sum(stats.refused.values())


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_thrown_away_comes_again(usb: Path, kind: str) -> None:
    """Two channels: 64 kB a second, of which the system holds 4 kB for a program that does not read."""
    with Chip(kind, files=usb) as chip:
        heard, core, stalls = heard_with_stalls(chip)
        lost_out, crashes = chip.lost_out, chip.crashes
    (hello,) = heard.only(Hello)
    assert isinstance(hello, Hello)
    assert (hello.usb, hello.max_baud, hello.notes) == ("jtag", 0, ())
    frames = heard.frames
    wanted = Pattern(len(frames), pattern_key(hello), channels=2).part(0, len(frames))
    assert len(frames) == heard.ended >= (stalls + 1) * FRAMES
    assert np.array_equal(frames, wanted)
    assert heard.gaps == []
    stats = core.stats()
    assert lost_out > stalls * 1000
    assert stats.host.resent > stalls
    assert spoiled(core) > 0
    assert core.failed_speeds == set()
    assert crashes == 0


def test_a_host_that_reads_loses_nothing(usb: Path) -> None:
    """And the firmware prints nothing between its packets: each frame can be read."""
    heard = Heard(1)
    core = Receiver(StreamRequest())
    with Chip("esp32c3", files=usb) as chip, Line(chip.port) as line:
        drive(line, core, heard, lambda: heard.position > 0, timeout_s=TIMEOUT_S)
        before, undecodable = chip.lost_out, core.stats().frames_undecodable
        drive(line, core, heard, lambda: heard.position > 2 * FRAMES, timeout_s=TIMEOUT_S)
        lost = chip.lost_out - before
    stats = core.stats()
    troubles = stats.frames_undecodable - undecodable + sum(stats.refused.values()) + stats.host.resent
    assert lost or troubles == 0  # lost: the machine has held this test up
    assert heard.gaps == []


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chip]:
    files = with_firmware(tmp_path_factory.mktemp("usb") / "files")
    (files / "ossicle.json").write_text('{"uart": 0, "mic": "pattern"}')
    with Chip("esp32c6", files=files) as chip:
        yield chip


COMMANDS: dict[str, Callable[[Path], list[str]]] = {
    "exec": lambda _: ["exec", "print(6 * 7)"],
    "cp": lambda folder: ["fs", "cp", str(folder / "answer.py"), ":copy.py", "+", "exec", "import copy"],
    "mount": lambda folder: ["mount", str(folder), "exec", "import answer"],
    "soft-reset": lambda _: ["soft-reset", "eval", "42"],
}


@pytest.mark.parametrize("name", COMMANDS)
def test_mpremote_in_mid_stream(board: Chip, name: str, tmp_path: Path) -> None:
    """The host goes without a word; mpremote interrupts the firmware by W-33."""
    (tmp_path / "answer.py").write_text("print(6 * 7)\n")
    if board.boots[-1] == 5:
        board.reset()
    heard = Heard(1)
    with Line(board.port) as line:
        core = Receiver(StreamRequest())
        drive(line, core, heard, lambda: heard.position >= 2000, timeout_s=TIMEOUT_S)
    assert "42" in Remote(board)(*COMMANDS[name](tmp_path)).split()
    assert board.crashes == 0


def test_ctrl_c_works_at_the_prompt_again(board: Chip) -> None:
    board.reset()
    Remote(board)("exec", "print(1)")
    with Line(board.port) as line:
        line.write(b"\rwhile True: pass\r\r")
        board.wait("while True: pass\r\n... ")
        time.sleep(0.3)
        line.write(b"\x03")
        board.wait("KeyboardInterrupt")


def test_an_image_that_says_all_on_uart0_is_too_slow_for_pcm(usb: Path) -> None:
    """It finds that out by itself, tells it, refuses PCM, and streams ADPCM."""
    with Chip("esp32s3", files=usb, troubles={"uart0_mirror": True}) as chip:
        with (
            pytest.raises(ossicle.RefusedError, match="the link at 115200 baud has 9000"),
            ossicle.open(chip.url, timeout=TIMEOUT_S),
        ):
            pass
        with ossicle.open(chip.url, codec="adpcm", timeout=TIMEOUT_S) as mic:
            assert len(mic.read(24_000, timeout=TIMEOUT_S)) == 24_000  # STATUS comes once a second
            assert mic.hello is not None
            assert (mic.hello.usb, len(mic.hello.notes)) == ("otg", 1)
            assert "UART0 says all that USB says" in mic.hello.notes[0]
            assert mic.stats.link.device is not None
            assert mic.stats.link.device.lost_frames == 0


def test_the_doctor_finds_it(usb: Path) -> None:
    """The doctor itself is held up, as by a computer that has other things to do."""
    with Chip("esp32c3", files=usb) as chip:
        command = [sys.executable, "-m", "ossicle.cli", "doctor", chip.port, "--seconds", "2.5", "--json"]
        doctor = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            deadline = time.monotonic() + TIMEOUT_S
            while chip.bytes_out < 40000:  # it hears a stream
                assert doctor.poll() is None
                assert time.monotonic() < deadline, chip.said
                time.sleep(0.01)
            before = chip.lost_out
            for _ in range(3):
                doctor.send_signal(signal.SIGSTOP)
                time.sleep(2 * STALL_S)
                doctor.send_signal(signal.SIGCONT)
                time.sleep(STALL_S)
            said, errors = doctor.communicate(timeout=TIMEOUT_S)
        finally:
            doctor.kill()
        assert chip.lost_out > before, errors
    found = [row for row in map(json.loads, said.splitlines()) if row["event"] == "finding"]
    (usb_loss,) = [row for row in found if row["finding"] == "usb_loss"]
    assert usb_loss["numbers"]["resent"] > 0
    assert "lost" not in {row["finding"] for row in found}
