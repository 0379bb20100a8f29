"""Writing a MicroPython image onto a board, with esptool as published. All that is on the board is lost.

What an image is for stands in its head (esp-idf, esp_image_format.h: byte 0 is 0xE9, bytes 12 and 13 are the
chip); where it goes follows from the chip (esptool, targets/*.py: BOOTLOADER_FLASH_OFFSET).
"""

from __future__ import annotations

import re
import struct
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from .faults import BoardError, ToolMissingError, explain, last_line

CHIPS = {
    0: ("ESP32", 0x1000),
    2: ("ESP32-S2", 0x1000),
    5: ("ESP32-C3", 0),
    9: ("ESP32-S3", 0),
    12: ("ESP32-C2", 0),
    13: ("ESP32-C6", 0),
    16: ("ESP32-H2", 0),
    18: ("ESP32-P4", 0x2000),
    20: ("ESP32-C61", 0),
    23: ("ESP32-C5", 0x2000),
}
"""By the number in an image's head: name as esptool has it, and where in the flash the image begins."""

_HEAD = struct.Struct("<B11xH")
_MAGIC = 0xE9
_LEAST_BYTES = 100_000
_MOST_BYTES = 32 << 20
_BAUD = 460800
_DETECT_S = 60.0
_WRITE_S = 600.0


@dataclass(frozen=True, slots=True)
class Image:
    """A file that holds MicroPython for a chip."""

    path: Path
    chip: str
    offset: int


def image(path: Path) -> Image:
    """What a file is for. Raises BoardError where it is no image, or one for a chip that is not known."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD.size)
        size = path.stat().st_size
    except OSError as error:
        raise BoardError(f"{path}: {error.strerror or error}") from None
    magic, number = _HEAD.unpack(head) if len(head) == _HEAD.size else (0, 0)
    if magic != _MAGIC or not _LEAST_BYTES <= size <= _MOST_BYTES:
        raise BoardError(
            f"{path}: this is no image for an ESP32: take the .bin of https://micropython.org/download/"
        )
    if number not in CHIPS:
        raise BoardError(f"{path}: this image is for a chip that is not known here (number {number})")
    return Image(path, *CHIPS[number])


def chip(port: str) -> str:
    """Which chip is at a port, as esptool finds out. It is reset by that. Raises BoardError."""
    said = _esptool(port, ["chip-id"], _DETECT_S)
    found = re.search(r"(?:Connected to|Chip type:|Chip is) +(ESP32(?:-[A-Z]+[0-9]+)?)", said)
    if not found:
        raise BoardError(f"{port}: esptool does not tell which chip this is: {last_line(said)}", port)
    return found[1]


def suits(found: Image, have: str, port: str) -> None:
    """Raises BoardError where an image is for another chip than `have`."""
    if found.chip != have:
        raise BoardError(
            f"{port}: the board is an {have}, and {found.path.name} is for the {found.chip}", port
        )


def write(found: Image, port: str) -> None:
    """Erase the whole flash and write the image. Raises BoardError."""
    words = ["write-flash", "--erase-all", hex(found.offset), str(found.path)]
    _esptool(port, words, _WRITE_S, "--baud", str(_BAUD))


def _esptool(port: str, words: Sequence[str], timeout: float, *options: str) -> str:
    if find_spec("esptool") is None:
        raise ToolMissingError("esptool")
    command = [sys.executable, "-P", "-m", "esptool", "--port", port, *options, *words]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise BoardError(f"{port}: esptool took longer than {timeout:.0f} s; try again", port) from None
    if done.returncode:
        raise _failed(done.stdout, port)
    return done.stdout


def _failed(said: str, port: str) -> BoardError:
    if re.search(
        r"No serial data received|Wrong boot mode|Failed to connect|Timed out waiting for packet", said
    ):
        return BoardError(
            f"{port}: the chip does not take an image: hold its BOOT button, press and let go RESET, let go "
            "BOOT, and try again",
            port,
        )
    if re.search(r"[Cc]ould not open|Permission denied|doesn't exist|failed to access", said):
        return explain("failed to access", port)
    return BoardError(f"{port}: esptool failed: {last_line(said)}", port)
