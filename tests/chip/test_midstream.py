"""mpremote's commands on a board whose real firmware streams over the same port, as they find it.

The host goes without a word, as one that is killed, and mpremote comes at once. The line has no speed here,
so what mpremote says is not garbled; where it has one, the firmware is back at 115200 baud 3 s after its
host's last word, and tests/hil waits for that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from line import Heard, Line, drive
from onchip import Remote, with_firmware

from ossicle.chip import Chip
from ossicle.proto.receiver import Receiver
from ossicle.proto.request import StreamRequest

FRAMES = 2000
HELLO_WAIT_S = 30.0


def stream(chip: Chip) -> Heard:
    """Hear some of it, and go without a word."""
    heard = Heard(1)
    with Line(chip.port) as line:
        drive(
            line, Receiver(StreamRequest()), heard, lambda: heard.position >= FRAMES, timeout_s=HELLO_WAIT_S
        )
    return heard


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory, speech: Path) -> Iterator[Chip]:
    folder = tmp_path_factory.mktemp("board")
    with Chip(files=with_firmware(folder / "files"), source=speech, pace=False) as chip:
        yield chip


COMMANDS: dict[str, Callable[[Path], list[str]]] = {
    "exec": lambda _: ["exec", "print(6 * 7)"],
    "eval": lambda _: ["eval", "6 * 7"],
    "run": lambda folder: ["run", str(folder / "answer.py")],
    "cp": lambda folder: ["fs", "cp", str(folder / "answer.py"), ":copy.py", "+", "exec", "import copy"],
    "ls": lambda _: ["fs", "ls", "+", "eval", "42"],
    "rm": lambda _: [
        "fs",
        "mkdir",
        ":y",
        "+",
        "fs",
        "touch",
        ":y/x",
        "+",
        "fs",
        "rm",
        "-r",
        ":y",
        "+",
        "eval",
        "42",
    ],
    "mount": lambda folder: ["mount", str(folder), "exec", "import answer"],
    "mip": lambda folder: ["mip", "install", str(folder / "package.json"), "+", "exec", "import mipped"],
    "soft-reset": lambda _: ["soft-reset", "eval", "42"],
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_in_mid_stream(board: Chip, name: str, tmp_path: Path) -> None:
    (tmp_path / "answer.py").write_text("print(6 * 7)\n")
    (tmp_path / "package.json").write_text('{"version": "1", "urls": [["mipped.py", "answer.py"]]}')
    if board.pid is None or board.boots[-1] == 5:
        board.reset()
    stream(board)
    assert "42" in Remote(board)(*COMMANDS[name](tmp_path)).split()
    assert board.failure is None
    assert board.crashes == 0


def test_a_reset_in_mid_stream_starts_the_firmware_again(board: Chip) -> None:
    board.reset()
    first = stream(board)
    Remote(board)("reset")
    second = stream(board)
    assert board.boots[-1] == 2
    assert len(first.frames) >= FRAMES <= len(second.frames)
