"""One run of MicroPython, from a reset to the next one: its pipes, and what it is told."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
import signal
import struct
import subprocess
import tempfile
import termios
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from ..emulator import above_streams
from ..paths import data_folder
from .frames import Parser, Said

STDIN_BYTES = 260  # of the REPL's ring (micropython ports/esp32/mphalport.c)
READ_BYTES = 4096
SPARE = 192  # KiB of heap for what is the emulation's alone; what is left of it the child takes away


class Child:
    """A process, and the ends of its pipes. Nothing here blocks but the start."""

    def __init__(
        self,
        command: Sequence[str],
        settings: Mapping[str, Any],
        slots: IO[bytes] | None,
        uarts: Sequence[int],
    ) -> None:
        nonce = b"\xff" + secrets.token_bytes(7)
        self._open = contextlib.ExitStack()
        self.parser = Parser(nonce)
        self.key = 255  # the character that interrupts; 255: none
        self.up = False
        firmware = data_folder("firmware")
        shims = firmware / "boards/unix_shims"
        with contextlib.ExitStack() as childs:
            childs.enter_context(above_streams())
            said, self.out = self._pipe(childs)
            heard, self._stdin = self._pipe(childs, inward=True)
            answers, self._answers = self._pipe(childs, inward=True)
            fed, self.watchdog = self._pipe(childs)
            os.set_blocking(fed, False)
            self._uarts: dict[int, int] = {}
            received = {}
            for number in uarts:
                received[number], self._uarts[number] = self._pipe(childs, inward=True)
                os.set_blocking(received[number], False)
            fcntl.fcntl(said, fcntl.F_SETPIPE_SZ, READ_BYTES)
            tie = self._tie()
            text = {
                **settings,
                "nonce": nonce.hex(),
                "answers": answers,
                "watchdog": fed,
                "uarts": received,
                "tie": tie,
                "slots": f"/dev/fd/{slots.fileno()}" if slots else "",
            }
            told = childs.enter_context(tempfile.TemporaryFile())
            told.write(json.dumps(text).encode())
            told.flush()
            given = [answers, fed, told.fileno(), *received.values()]
            if settings.get("record", -1) >= 0:
                given.append(settings["record"])
            self.process = subprocess.Popen(
                [*command, str(shims / "chip/start.py")],
                stdin=heard,
                stdout=said,
                stderr=said,
                cwd="/",
                env={
                    **os.environ,
                    "MICROPYPATH": f"{shims / 'chip'}:{shims}:{firmware}:.frozen",
                    "OSSICLE_EMULATOR": f"/dev/fd/{told.fileno()}",
                },
                pass_fds=[*given, slots.fileno()] if slots else given,
                start_new_session=True,
            )

    def _pipe(self, childs: contextlib.ExitStack, inward: bool = False) -> tuple[int, int]:
        """The child's end and ours; ours does not block."""
        read, write = os.pipe()
        childs_end, ours = (read, write) if inward else (write, read)
        childs.callback(os.close, childs_end)
        self._open.callback(os.close, ours)
        os.set_blocking(ours, False)
        return childs_end, ours

    def _tie(self) -> str:
        """A terminal that the child takes for its session's.

        When our end is closed, whatever closed it, the kernel ends the child, also in the midst of an
        endless loop.
        """
        import pty

        master, slave = pty.openpty()
        self._open.callback(os.close, master)
        name = os.ttyname(slave)
        self._open.callback(os.close, slave)
        return name

    def said(self) -> list[Said] | None:
        """What has come from it, None at its end."""
        try:
            data = os.read(self.out, READ_BYTES)
        except BlockingIOError:
            return []
        return list(self.parser.feed(data)) if data else None

    def fed(self) -> bool:
        """Whether the watchdog was fed since it was last asked for."""
        try:
            return bool(os.read(self.watchdog, READ_BYTES))
        except BlockingIOError:
            return False

    def answer(self, number: int) -> None:
        """To a question of this number."""
        with contextlib.suppress(OSError):
            os.write(self._answers, bytes((number,)))

    def hear(self, number: int, data: bytes, size: int) -> int:
        """Bytes for the REPL (0) or a UART, whose buffer has `size` bytes. Returns how many found room."""
        pipe = self._stdin if number == 0 else self._uarts[number]
        try:
            return os.write(pipe, data[: max(size - _waiting(pipe), 0)])
        except OSError:  # it has ended
            return len(data)

    def interrupt(self) -> None:
        """As Ctrl-C does on the chip. A process that would be ended by it is left alone."""
        if _catches(self.process.pid):
            with contextlib.suppress(OSError):
                self.process.send_signal(signal.SIGINT)

    def end(self) -> int:
        """End it as a reset does, at once. Returns its exit code."""
        if self.process.poll() is None:
            self.process.kill()
        code = self.process.wait()
        self._open.close()
        return code


def _waiting(pipe: int) -> int:
    waiting = fcntl.ioctl(pipe, termios.FIONREAD, b"\0\0\0\0")
    return int(struct.unpack("i", waiting)[0])


def _catches(pid: int) -> bool:
    """Whether the process has a handler for SIGINT."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    mask = next((line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:")), "0")
    return bool(int(mask, 16) & 1 << signal.SIGINT - 1)
