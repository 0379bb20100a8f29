"""What a user is told when mpremote or esptool fail: one line, with what to do. Both are the real ones where
that takes no board; else a stand-in says what they say."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from commandline import Run

from ossicle.board import faults, image, mpremote, ports, survey
from ossicle.board.faults import BoardError, SilentBoardError, ToolMissingError, explain
from ossicle.board.plan import Build, plan
from ossicle.board.transfer import transfer
from ossicle.discover import Device
from ossicle.errors import UrlError

PORT = "/dev/ttyUSB0"
TOLD = {
    "platform": "esp32", "version": [1, 25, 0], "machine": "ESP32", "mpy": 0, "id": "ab", "free": -1,
    "deflate": False, "i2s": True, "slot": [], "a": {}, "b": {}, "main": "", "ours": False, "loose": [],
    "config": None, "log": None,
}  # fmt: skip
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def line() -> Iterator[str]:
    """A serial port at which nobody answers."""
    master, slave = pty.openpty()
    yield os.ttyname(slave)
    os.close(master)
    os.close(slave)


def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, source: str) -> Path:
    """A program of that name that notes its words, a line each run; returns the note."""
    note = tmp_path / "words"
    head = f"import sys\nopen({str(note)!r}, 'a').write(' '.join(sys.argv[1:]) + '\\n')\n"
    (tmp_path / f"{module}.py").write_text(head + source)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return note


@pytest.mark.parametrize(
    ("said", "kind", "told"),
    [
        ("No module named mpremote", ToolMissingError, r"pip install 'ossicle\[board\]'"),
        ("b''\nmpremote: could not enter raw repl", SilentBoardError, r"--image FILE\.bin .*reset button"),
        (
            "b'rst:0x10 (RTCWDT)\\r\\ninvalid header: 0xffffffff'\nmpremote: could not enter raw repl",
            SilentBoardError,
            r"there is no MicroPython on this board: get the \.bin .*install --image",
        ),
        ("b'ets rst:0x1'\nmpremote: could not enter raw repl", SilentBoardError, "press its reset button"),
        (
            "b'rst:0x1 Brownout detector was triggered'\nmpremote: could not enter raw repl",
            SilentBoardError,
            "supply breaks down .*another USB cable",
        ),
        (
            "serial.serialutil.SerialException: device reports readiness to read but returned no data "
            "(device disconnected or multiple access on port?)",
            SilentBoardError,
            "connection was lost; look at the cable",
        ),
        ('  File "<stdin>", line 3\nOSError: 28', BoardError, "no room on the board"),
        ("OSError: [Errno 28] ENOSPC", BoardError, "no room on the board"),
        ("MemoryError: memory allocation failed", BoardError, "ran out of memory; reset it"),
        ("OSError: /firmware/b/x: reads back otherwise than it was written", BoardError, "old version stays"),
        ("OSError: /main.py: in the way", BoardError, "in the way: a folder .* rm -r :/main.py$"),
        ("Traceback\n  x\nNameError: name 'q'", BoardError, "mpremote failed: NameError: name 'q'$"),
        ("", BoardError, "it said nothing"),
    ],
)
def test_what_mpremote_says_is_told_in_plain_words(said: str, kind: type[BoardError], told: str) -> None:
    error = explain(said, PORT)
    assert type(error) is kind
    assert re.search(told, str(error))
    assert "\n" not in str(error)


class TestPorts:
    def test_one_that_is_not_there(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(faults, "ports", lambda: [Device("/dev/ttyACM7")])
        with pytest.raises(BoardError, match=r"no such port; connected are /dev/ttyACM7"):
            mpremote.run("/dev/none", ["1"])
        monkeypatch.setattr(faults, "ports", list)
        assert "some cables only charge" in faults.inaccessible("/dev/none")

    def test_one_that_another_program_has(self, line: str) -> None:
        with open(line, "rb+", buffering=0) as held:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with pytest.raises(BoardError, match="another program has it open"):
                mpremote.run(line, ["1"])

    def test_one_that_is_not_allowed(self, line: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(os, "access", lambda path, mode: False)
        assert "sudo usermod -aG dialout $USER, then log in anew" in faults.inaccessible(line)

    def test_which_one_is_taken(self, monkeypatch: pytest.MonkeyPatch) -> None:
        found: list[Device] = []
        monkeypatch.setattr(ports, "ports", lambda: found)
        with pytest.raises(BoardError, match="no serial port was found"):
            ports.chosen("auto")
        found.append(Device("/dev/ttyS0"))
        with pytest.raises(BoardError, match="no port looks like a board's; name one of /dev/ttyS0"):
            ports.chosen("auto")
        found.append(Device(PORT, bridge="CP210x"))
        assert ports.chosen("auto") == PORT
        found.append(Device("/dev/ttyUSB1", bridge="CH340"))
        with pytest.raises(BoardError, match="several boards; name one of /dev/ttyUSB0, /dev/ttyUSB1"):
            ports.chosen("auto")

    def test_urls_of_ports(self) -> None:
        assert ports.chosen("serial:///dev/ttyUSB3?baud=921600") == "/dev/ttyUSB3"
        assert ports.chosen("socket://localhost:5000") == "socket://localhost:5000"
        with pytest.raises(UrlError, match="through its serial port"):
            ports.chosen("udp://0.0.0.0:4747")


class TestRunning:
    def test_a_board_that_does_not_answer_is_tried_three_times(
        self, tmp_path: Path, line: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        note = stand_in(
            tmp_path, monkeypatch, "mpremote", "print('mpremote: could not enter raw repl'); sys.exit(1)"
        )
        monkeypatch.setattr(mpremote, "_HOST_GONE_S", 0.0)
        told: list[str] = []
        with pytest.raises(SilentBoardError):
            mpremote.run(line, ["1"], tell=told.append)
        assert len(note.read_text().splitlines()) == 3
        assert len(told) == 2

    def test_a_port_that_goes_between_two_tries_is_told(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stand_in(
            tmp_path, monkeypatch, "mpremote", "print('mpremote: could not enter raw repl'); sys.exit(1)"
        )
        monkeypatch.setattr(mpremote, "_HOST_GONE_S", 0.0)
        with pytest.raises(SilentBoardError, match="no MicroPython answers"):
            mpremote.run("/dev/none", ["1"])

    def test_a_script_that_hangs_is_ended(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        stand_in(tmp_path, monkeypatch, "mpremote", "import time\nprint('x', flush=True)\ntime.sleep(60)")
        monkeypatch.setattr(mpremote, "_IDLE_S", 1.0)
        with pytest.raises(SilentBoardError, match=r"said nothing .* wait two minutes"):
            mpremote._run_once(PORT, ["1"], (), print)

    def test_a_board_that_talks_for_ever_is_ended(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stand_in(tmp_path, monkeypatch, "mpremote", "while True: print('x' * 60000)")
        with pytest.raises(BoardError, match="says too much"):
            mpremote._run_once(PORT, ["1"], (), lambda text: None)

    def test_scripts_are_files_that_others_cannot_read(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        source = (
            "import os\npath = sys.argv[4]\n"
            "print(oct(os.stat(os.path.dirname(path)).st_mode & 0o777), open(path).read())"
        )
        note = stand_in(tmp_path, monkeypatch, "mpremote", source)
        assert mpremote.run(PORT, ["hush hush"], mpremote.RESET) == ["0o700 hush hush"]
        words = note.read_text().split()
        assert words[:3] == ["connect", PORT, "run"]
        assert words[4:] == ["+", "reset"]
        assert "hush" not in note.read_text()

    def test_what_lies_in_the_working_folder_is_not_taken_for_mpremote(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "mpremote.py").write_text("raise SystemExit('the wrong one')")
        monkeypatch.chdir(tmp_path)
        with pytest.raises(BoardError, match="no such port"):
            mpremote.run("/dev/none", ["1"])

    def test_a_missing_tool_is_told(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for module in (mpremote, image):
            monkeypatch.setattr(module, "find_spec", lambda name: None)
        for call in (lambda: mpremote.run(PORT, []), lambda: image.chip(PORT)):
            with pytest.raises(ToolMissingError, match=rf"{re.escape(sys.executable)} -m pip install"):
                call()


def image_file(tmp_path: Path, number: int, magic: int = 0xE9, size: int = 200_000) -> Path:
    path = tmp_path / "micropython.bin"
    path.write_bytes(struct.pack("<B11xH", magic, number).ljust(size, b"\xff"))
    return path


class TestImage:
    def test_an_image_tells_its_chip_and_its_place(self, tmp_path: Path) -> None:
        for number, chip, offset in ((0, "ESP32", 0x1000), (9, "ESP32-S3", 0), (13, "ESP32-C6", 0)):
            found = image.image(image_file(tmp_path, number))
            assert (found.chip, found.offset) == (chip, offset)

    def test_the_table_is_that_of_esptool(self) -> None:
        from esptool.targets import CHIP_DEFS

        theirs = {
            chip.IMAGE_CHIP_ID: (chip.CHIP_NAME, chip.BOOTLOADER_FLASH_OFFSET)
            for chip in CHIP_DEFS.values()
            if hasattr(chip, "IMAGE_CHIP_ID")
        }
        assert {number: theirs[number] for number in image.CHIPS} == image.CHIPS

    @pytest.mark.parametrize(
        ("number", "magic", "size"), [(0, 0x7F, 200_000), (0, 0xE9, 5000), (99, 0xE9, 200_000)]
    )
    def test_other_files_are_refused(self, tmp_path: Path, number: int, magic: int, size: int) -> None:
        with pytest.raises(BoardError, match=r"no image for an ESP32|not known here"):
            image.image(image_file(tmp_path, number, magic, size))
        with pytest.raises(BoardError, match="No such file"):
            image.image(tmp_path / "none.bin")

    def test_the_chip_is_asked_and_another_one_refused(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        note = stand_in(tmp_path, monkeypatch, "esptool", "print('Connected to ESP32-S3 on /dev/ttyUSB0:')")
        assert image.chip(PORT) == "ESP32-S3"
        with pytest.raises(BoardError, match=r"the board is an ESP32-S3, and .* is for the ESP32-C6"):
            image.suits(image.image(image_file(tmp_path, 13)), "ESP32-S3", PORT)
        found = image.image(image_file(tmp_path, 9))
        image.suits(found, "ESP32-S3", PORT)
        image.write(found, PORT)
        first, second = note.read_text().splitlines()
        assert first == f"--port {PORT} chip-id"
        assert second == f"--port {PORT} --baud 460800 write-flash --erase-all 0x0 {found.path}"

    @pytest.mark.parametrize(
        ("said", "told"),
        [
            (
                "A fatal error occurred: Failed to connect to ESP32: No serial data received.",
                "hold its BOOT button",
            ),
            (
                "A fatal error occurred: Could not open /dev/ttyUSB0, the port is busy",
                "no such port|another program",
            ),
            ("A fatal error occurred: MD5 of file does not match", "esptool failed: .*MD5"),
        ],
    )
    def test_what_esptool_says_is_told(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, told: str
    ) -> None:
        stand_in(tmp_path, monkeypatch, "esptool", f"print({said!r}); sys.exit(2)")
        with pytest.raises(BoardError, match=told):
            image.chip(PORT)

    def test_the_real_esptool_on_a_port_that_is_not_there(self) -> None:
        with pytest.raises(BoardError, match="no such port"):
            image.chip("/dev/none")

    def test_nothing_is_erased_unasked(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ossicle: Run
    ) -> None:
        note = stand_in(tmp_path, monkeypatch, "esptool", "print('Connected to ESP32 on x:')")
        done = ossicle("install", PORT, "--image", str(image_file(tmp_path, 0)))
        assert done.returncode == 1
        assert "--yes says that this is meant" in done.stderr
        assert "write-flash" not in note.read_text()


def test_the_page_tells_errors_that_there_are() -> None:
    page = (ROOT / "docs" / "install.md").read_text(encoding="utf-8")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    both = (
        page.partition("## What each error means")[2] + readme.partition("| it says")[2].partition("\n\n")[0]
    )
    rows = re.findall(r"^\| (`[^|]+) \|", both, re.MULTILINE)
    told = [text for row in rows for text in re.findall(r"`([^`]+)`", row) if text != "ossicle"]
    folders = [ROOT / "host" / "ossicle" / name for name in ("board", "board/profiles", "cli")]
    files = [
        *(path for folder in folders for path in folder.glob("*.py")),
        *(ROOT / "host/ossicle" / f"{name}.py" for name in ("errors", "pump")),
    ]
    code = "".join(re.sub(r'"\n +f?"', "", path.read_text(encoding="utf-8")) for path in files)
    assert len(told) > 15
    assert [text for text in told if text not in code] == []


def test_our_address_is_one_or_none() -> None:
    assert re.fullmatch(r"(\d+\.){3}\d+|", ports.our_address())
    assert not ports.our_address().startswith("127.")


def test_who_has_a_port_is_told_while_processes_end(tmp_path: Path) -> None:
    (tmp_path / "11").mkdir()  # it has ended: no fd any more
    (tmp_path / "12" / "fd").mkdir(parents=True)
    (tmp_path / "12" / "fd" / "3").symlink_to("/dev/ttyUSB0")
    (tmp_path / "12" / "comm").write_text("picocom\n")
    assert faults._holder("/dev/ttyUSB0", tmp_path) == "picocom, process 12"
    assert faults._holder("/dev/ttyUSB1", tmp_path) == ""


@pytest.mark.parametrize(
    ("error", "restarted"),
    [(BoardError("no room"), True), (KeyboardInterrupt(), True), (SilentBoardError("gone"), False)],
)
def test_a_board_whose_copy_failed_starts_anew(
    monkeypatch: pytest.MonkeyPatch, error: BaseException, restarted: bool
) -> None:
    resets = []

    def run(port: str, scripts: list[str], then: tuple[str, ...] = (), **more: object) -> list[str]:
        if scripts:
            raise error
        resets.append(then)
        return []

    monkeypatch.setattr(mpremote, "run", run)
    board = survey.parse(["@ossicle " + json.dumps(TOLD)], PORT)
    with pytest.raises(type(error)):
        transfer(board, plan(board, Build("1", {"ossicle/app.mpy": b"app"}, b"# Ossicle\n"), None))
    assert resets == [mpremote.RESET] * restarted
