"""Whatever is wrong with a board, it ends streaming or at a reachable REPL, and its log says why.

The firmware's sources lie on the emulated chip as an installation puts a build there: main.py, and two
versions in /firmware.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import serial
from onchip import Remote

import ossicle
from ossicle.board.survey import survey
from ossicle.chip import Chip

FIRMWARE = Path(__file__).resolve().parent.parent.parent / "firmware"
POWER, HARD, WATCHDOG, SOFT = 1, 2, 3, 5
TIMEOUT_S = 60.0


class Board:
    """An emulated board's files."""

    def __init__(self, files: Path) -> None:
        self.files = files
        for version in "ab":
            for package in ("ossicle", "boards"):
                shutil.copytree(
                    FIRMWARE / package,
                    files / "firmware" / version / package,
                    ignore=shutil.ignore_patterns("unix*", "__pycache__"),
                )
            (files / "firmware" / version / "manifest.json").write_text("{}")
        shutil.copy(FIRMWARE / "main.py", files)
        self.slot("a")

    def slot(self, text: str) -> None:
        (self.files / "firmware" / "slot").write_text(text)

    def config(self, **values: object) -> None:
        (self.files / "ossicle.json").write_text(json.dumps(values))

    def spoil(self, path: str, text: str, version: str = "a") -> None:
        """Put a line at the end of a module."""
        with (self.files / "firmware" / version / path).open("a") as file:
            file.write(f"\n{text}\n")

    def read(self, path: str) -> str:
        place = self.files / path
        return place.read_text() if place.exists() else ""

    @property
    def log(self) -> str:
        return self.read("ossicle.log")


@pytest.fixture
def board(files: Path) -> Board:
    return Board(files)


def until(condition: Callable[[], object], chip: Chip) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < deadline, chip.said
        time.sleep(0.01)


def streams(chip: Chip, frames: int = 600) -> dict[str, Any]:
    """It streams; what its HELLO says."""
    with ossicle.open(chip.url, timeout=TIMEOUT_S) as mic:
        assert len(mic.read(frames, timeout=TIMEOUT_S)) == frames
        assert mic.hello is not None
        return {"notes": mic.hello.notes, "reset": mic.hello.reset, "ring": mic.hello.ring_frames}


def ends_at_the_repl(chip: Chip, reason: str) -> None:
    """After three starts, with one line that tells why; and mpremote comes in at once."""
    chip.wait(">>> ", TIMEOUT_S)
    assert chip.boots[1:] == [HARD, HARD], chip.said
    (line,) = [line for line in chip.said.splitlines() if "two starts in a row" in line]
    assert reason in line
    assert Remote(chip)("resume", "exec", "print(6 * 7)") == "42\n"


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("ossicle.json", b'{"device": "%s"}' % (b"x" * 200_000)),
        ("ossicle.json", b'{"gain": %s1%s}' % (b"[" * 4000, b"]" * 4000)),
        ("firmware/slot", b"\xff\xfe\x00"),
        ("firmware/slot", b"a" * 500_000),
        ("ossicle.log", b"nobody wrote this\n" * 30_000),
        ("ossicle.failed", b"9\xff" * 200_000),
    ],
)
def test_a_file_of_any_content_stops_neither_the_board_nor_who_asks_it(
    board: Board, path: str, data: bytes
) -> None:
    board.config(shift=99)  # the log gets a line
    (board.files / path).write_bytes(data)
    with Chip(files=board.files, pace=False) as chip:
        streams(chip)
        there = survey(chip.port)
        assert chip.boots == [POWER, SOFT], chip.said
    assert there.config == (data[:8192] if path == "ossicle.json" else b'{"shift": 99}')
    assert len(there.log.splitlines()[-1]) <= 120


def test_a_host_that_asks_while_it_starts_does_not_end_it(board: Board) -> None:
    """A chip takes a second for what the emulated one does in a tenth, and its REPL hears meanwhile."""
    board.spoil("boards/heap.py", "import time\ntime.sleep(0.7)")
    with Chip(files=board.files, pace=False) as chip:
        for _ in range(2):
            streams(chip)
            chip.reset()
        assert chip.boots == [POWER] * 3, chip.said


def test_no_byte_of_a_host_ends_a_start(board: Board) -> None:
    """It goes on with the stream that was, at any speed and with any bytes, when a board begins anew."""
    board.spoil("boards/heap.py", "import time\ntime.sleep(0.5)")
    with Chip(files=board.files, pace=False) as chip, serial.Serial(chip.port, 115200) as line:
        until(lambda: board.read("ossicle.failed") == "1", chip)
        for _ in range(20):
            line.write(b"\0\x05\x0d\x03\x01\x04\0\0\x03ab\0")
        line.close()
        streams(chip)
        assert chip.boots == [POWER], chip.said


def test_a_start_that_hangs_anywhere_ends_at_the_repl(board: Board) -> None:
    """Ctrl-C is off while it starts, so the watchdog has to be there first."""
    board.spoil("boards/esp32.py", "while True: pass")
    place = board.files / "firmware/a/ossicle/loader.py"
    place.write_text(place.read_text().replace("_START_MS = const(60000)", "_START_MS = const(500)"))
    with Chip(files=board.files, pace=False) as chip:
        chip.wait(">>> ", TIMEOUT_S)
        assert chip.boots == [POWER, WATCHDOG, WATCHDOG], chip.said
        assert Remote(chip)("resume", "exec", "print(6 * 7)") == "42\n"


def test_mpremote_comes_in_while_it_starts(board: Board) -> None:
    board.spoil("boards/heap.py", "import time\ntime.sleep(1.2)")
    with Chip(files=board.files, pace=False) as chip:
        assert Remote(chip)("exec", "print(6 * 7)") == "42\n"
        assert board.log == ""
        assert board.read("ossicle.failed") == "0"


def test_it_settles_when_a_host_is_heard(board: Board) -> None:
    board.slot("ab")
    with Chip(files=board.files, pace=False) as chip:
        until(lambda: board.read("firmware/slot") == "abx", chip)
        assert streams(chip) == {"notes": (), "reset": "power", "ring": 33792}
        assert board.read("firmware/slot") == "b"
        assert not (board.files / "ossicle.failed").exists()
    assert board.log == ""


def test_a_version_that_does_not_start_gives_way_to_the_old_one(board: Board) -> None:
    board.slot("ab")
    board.spoil("ossicle/app.py", "import nothing_of_this_name", "b")
    with Chip(files=board.files, pace=False) as chip:
        until(lambda: board.read("firmware/slot") == "a", chip)
        streams(chip)
        assert chip.boots[1:] == [HARD]
    assert board.log.splitlines() == [
        "ImportError: no module named 'nothing_of_this_name'",
        "version b did not settle: a runs again",
    ]


def test_a_version_that_hangs_gives_way_too(board: Board) -> None:
    """The watchdog is there before anything that could hang in the drivers."""
    board.slot("ab")
    board.config(watchdog_s=1)
    board.spoil("boards/heap.py", "while True: pass", "b")
    for path in ("a", "b"):  # a minute is long for a test
        place = board.files / "firmware" / path / "boards" / "esp32.py"
        place.write_text(place.read_text().replace("_START_MS = const(60000)", "_START_MS = const(1000)"))
    place = board.files / "firmware/b/boards/esp32.py"
    text = place.read_text()
    assert "from boards.heap import LEAST\n" in text
    place.write_text(text.replace("from boards.heap import LEAST\n", "LEAST = 8000\n"))
    with Chip(files=board.files, pace=False) as chip:
        until(lambda: board.read("firmware/slot") == "a", chip)
        assert streams(chip)["reset"] == "watchdog"
        assert chip.boots[1:] == [WATCHDOG]
    assert "the watchdog has restarted the board" in board.log


@pytest.mark.parametrize(
    ("path", "text", "reason"),
    [
        ("ossicle/app.py", "import nothing_of_this_name", "no module named 'nothing_of_this_name'"),
        ("ossicle/session.py", "this is no Python", "SyntaxError"),
        ("boards/esp32.py", "raise OSError(5)", "OSError: [Errno 5] EIO"),
    ],
)
def test_two_starts_that_fail_stop_the_third(board: Board, path: str, text: str, reason: str) -> None:
    board.spoil(path, text)
    with Chip(files=board.files, pace=False) as chip:
        ends_at_the_repl(chip, reason)
        assert reason in board.log
        chip.reset()  # the user tries again
        until(lambda: len(chip.boots) > 4, chip)


def test_a_file_that_is_missing(board: Board) -> None:
    (board.files / "firmware/a/ossicle/session.py").unlink()
    with Chip(files=board.files, pace=False) as chip:
        ends_at_the_repl(chip, "no module named 'ossicle.session'")


def test_without_its_loader_the_other_version_has_one(board: Board) -> None:
    (board.files / "firmware/a/ossicle/loader.py").unlink()
    with Chip(files=board.files, pace=False) as chip:
        streams(chip)


def test_without_any_loader_there_is_the_repl(board: Board) -> None:
    for version in "ab":
        (board.files / "firmware" / version / "ossicle/loader.py").unlink()
    with Chip(files=board.files, pace=False) as chip:
        said = chip.wait(">>> ", TIMEOUT_S)
        assert "ossicle: the firmware is not whole: ImportError(" in said
        assert Remote(chip)("resume", "exec", "print(6 * 7)") == "42\n"


@pytest.mark.parametrize("text", ["{", "[1]", '{"shift": "loud"}', "\xff\x00", '{"sck": 48}'])
def test_a_broken_configuration_streams_and_tells(board: Board, text: str) -> None:
    (board.files / "ossicle.json").write_text(text, encoding="latin-1")
    with Chip(files=board.files, pace=False) as chip:
        if "sck" not in text:
            assert streams(chip)["notes"]
        else:  # no such pin on this chip: START is refused with the reason
            with pytest.raises(ossicle.OssicleError, match="invalid pin"):
                streams(chip)
            assert "I2S" in board.log


def test_i2s_that_finds_no_memory_gets_the_rings(board: Board) -> None:
    with Chip(files=board.files, pace=False, troubles={"i2s_failures": 1}) as chip:
        told = streams(chip)
        assert told["ring"] == 16896
        assert "no room for the whole ring: 16896 samples" in told["notes"]
        assert "no room for the whole ring: 16896 samples" in board.log


def test_wifi_that_does_not_start_is_the_serial_line(board: Board) -> None:
    board.config(link="udp", ssid="kitchen", host="127.0.0.1")
    with Chip(files=board.files, pace=False, troubles={"wifi_failures": 99}) as chip:
        told = streams(chip)
        assert any("Wi-Fi does not start" in note for note in told["notes"]), told
        assert told["ring"] == 8000
        assert "Wi-Fi does not start" in board.log


def test_a_stream_that_hangs_is_restarted(board: Board) -> None:
    board.config(watchdog_s=1)
    board.spoil(
        "ossicle/app.py",
        "def _hang(self, _step=App.step):\n"
        "    while self.ring.written > 4000: pass\n"
        "    return _step(self)\n"
        "App.step = _hang",
    )
    with Chip(files=board.files, pace=False) as chip, ossicle.open(chip.url, timeout=TIMEOUT_S) as mic:
        while chip.boots.count(WATCHDOG) < 2:
            try:
                mic.read(1000, timeout=TIMEOUT_S)
            except TimeoutError as error:
                raise AssertionError(f"{mic.stats.link}: {chip.boots}: {chip.said}") from error
    assert board.log == "the watchdog has restarted the board: the firmware hung\n"


def test_the_repl_is_never_cut_off(board: Board) -> None:
    """Neither after the firmware was interrupted, nor after a soft reset into the raw REPL."""
    board.config(watchdog_s=1)
    with Chip(files=board.files, pace=False) as chip:
        streams(chip)
        remote = Remote(chip)
        assert remote("exec", "import time\ntime.sleep(1.8)\nprint('still here')") == "still here\n"
        assert WATCHDOG not in chip.boots
        assert board.read("ossicle.log") == ""


@pytest.mark.parametrize("kind", ["esp32s3", "esp32c3"])
def test_where_the_repl_is_at_the_usb_mpremote_comes_in(board: Board, kind: str) -> None:
    """The firmware has a UART of its own there; Ctrl-C is the REPL's."""
    board.config(uart_tx=17, uart_rx=18, sck=4, ws=5, sd=6)
    with Chip(kind, files=board.files, pace=False) as chip:
        until(lambda: board.read("ossicle.failed") == "1", chip)
        assert Remote(chip)("exec", "print(6 * 7)") == "42\n"
        assert board.log == ""


def test_an_interrupted_trial_comes_again(board: Board) -> None:
    board.slot("ab")
    with Chip(files=board.files, pace=False) as chip:
        until(lambda: board.read("firmware/slot") == "abx", chip)
        remote = Remote(chip)
        remote("exec", "print(1)")
        assert board.read("firmware/slot") == "ab"
        remote.run("reset")
        until(lambda: board.read("firmware/slot") == "abx", chip)
        streams(chip)
        assert board.read("firmware/slot") == "b"


def test_after_two_failed_starts_power_begins_anew(board: Board) -> None:
    (board.files / "ossicle.failed").write_text("2")
    with Chip(files=board.files, pace=False) as chip:
        streams(chip)
        assert len(chip.boots) == 1
