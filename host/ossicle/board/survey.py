"""What is on a board: its MicroPython, the versions of the firmware it holds, its configuration, its log."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from . import mpremote
from .faults import BoardError

OLDEST = (1, 24)
"""The first MicroPython with machine code for the C3 and C6."""
HASH_DIGITS = 16
"""Of a file's sha256, as the board tells it: enough to see that a file is another one."""

_MARK = "@ossicle "
_ARCHITECTURES = {1: "x86", 2: "x64", 10: "xtensawin", 11: "rv32imc"}  # py/persistentcode.h
_SLOT = re.compile(r"a|b|(?:ab|ba)x?")


@dataclass(frozen=True, slots=True)
class Board:
    """What a board told. Its text tells nothing of the configuration, which holds secrets."""

    port: str
    platform: str
    version: tuple[int, ...]
    machine: str
    mpy: int
    """sys.implementation._mpy: version, sub-version and architecture of what it can load."""
    id: str
    free_bytes: int
    """Of the file system; -1 where it does not tell."""
    deflate: bool
    """It can undo the compression of files on their way."""
    i2s: bool
    """Its MicroPython has machine.I2S."""
    slot: str
    """What /firmware/slot says, "" where nothing usable is there."""
    files: Mapping[str, Mapping[str, str]] = field(repr=False)
    """Of slot "a" and "b": {path: beginning of its hash}."""
    main: str = field(default="", repr=False)
    """The hash of /main.py, "" where there is none."""
    ours: bool = False
    """That /main.py is Ossicle's."""
    loose: tuple[str, ...] = ()
    """Firmware beside main.py, as it was put there by hand."""
    config: bytes | None = field(default=None, repr=False)
    log: str = field(default="", repr=False)

    @property
    def mpy_version(self) -> tuple[int, int]:
        """(version, sub-version) of .mpy files that it takes; the latter is that of machine code."""
        return self.mpy & 0xFF, self.mpy >> 8 & 3

    @property
    def architecture(self) -> str:
        """As mpy-cross names it; "" where it is none that the firmware is compiled for."""
        return _ARCHITECTURES.get(self.mpy >> 10 & 15, "")

    @property
    def in_force(self) -> str:
        """The slot that is known to run: "a", "b", or "" where there is none."""
        return self.slot[:1]

    @property
    def text(self) -> str:
        """One line about it."""
        version = ".".join(str(n) for n in self.version)
        free = f", {self.free_bytes / 1024:.0f} KB free" if self.free_bytes >= 0 else ""
        return f"{self.machine or self.platform}, MicroPython {version}{free}"


def survey(port: str, *, tell: mpremote.Tell = lambda line: None) -> Board:
    """Ask the board; what runs on it ends. Raises BoardError, also where it is no ESP32, or too old."""
    said = mpremote.run(port, [mpremote.script("look") + "look()\n"], tell=tell)
    board = parse(said, port)
    suits(board)
    return board


def parse(said: list[str], port: str) -> Board:
    """The board from what it said, boot messages and all."""
    line = next((line for line in said if line.startswith(_MARK)), None)
    try:
        if line is None:
            raise ValueError
        return _board(json.loads(line[len(_MARK) :]), port)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        raise BoardError(f"{port}: what the board tells of itself cannot be read; try again", port) from None


def _board(told: Mapping[str, Any], port: str) -> Board:
    slot = _bytes(told["slot"]).decode("utf-8", "replace").strip()
    return Board(
        port=port,
        platform=str(told["platform"]),
        version=tuple(int(n) for n in told["version"]),
        machine=str(told["machine"]),
        mpy=int(told["mpy"]),
        id=str(told["id"]),
        free_bytes=int(told["free"]),
        deflate=told["deflate"] is True,
        i2s=told["i2s"] is True,
        slot=slot if _SLOT.fullmatch(slot) else "",
        files={name: {str(k): str(v) for k, v in told[name].items()} for name in ("a", "b")},
        main=str(told["main"]),
        ours=bool(told["ours"]),
        loose=tuple(str(name) for name in told["loose"]),
        config=None if told["config"] is None else _bytes(told["config"]),
        log=_bytes(told["log"]).decode("utf-8", "replace"),
    )


def _bytes(parts: list[str] | None) -> bytes:
    """A file that the board told in pieces."""
    return b"".join(base64.b64decode(part) for part in parts or ())


def suits(board: Board) -> None:
    """Raises BoardError for a board that the firmware does not run on."""
    if board.platform != "esp32":
        raise BoardError(
            f"{board.port}: this is {board.machine or board.platform}; the firmware is for ESP32 boards",
            board.port,
        )
    if board.version[:2] < OLDEST:
        have = ".".join(str(n) for n in board.version)
        raise BoardError(
            f"{board.port}: MicroPython {have} is on the board, and {OLDEST[0]}.{OLDEST[1]} or newer is "
            "needed: --image FILE.bin writes one (README: A board)",
            board.port,
        )
