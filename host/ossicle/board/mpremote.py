"""Running mpremote, which does all that is done on a board.

It is a process of its own, as published: `python -m mpremote connect PORT run FILE + run FILE ...`. Scripts
are files in a folder that only their owner may read, for arguments are seen by others, and a configuration
holds secrets. The data of files travel inside scripts, not through `mount`: the raw REPL takes a script at
the board's own pace, and a host that vanishes in the middle of one leaves a REPL that the next Ctrl-C
reaches. Where it vanishes in the middle of a mounted file, the board may wait for the rest with Ctrl-C off.
"""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

import serial

from .faults import BoardError, SilentBoardError, ToolMissingError, explain

RESET = ("reset",)
"""The command that starts the board anew."""

_IDLE_S = 20.0  # a script that says nothing for so long hangs
_LINE_MAX_BYTES = 1 << 16
_SAID_MAX_BYTES = 1 << 20
_HOST_GONE_S = 3.5  # the firmware goes back to 115200 baud 3 s after its host's last word
_DEVICE = Path(__file__).parent / "device"

Tell = Callable[[str], object]


def script(name: str) -> str:
    """A script of device/, as it is sent: without its comments."""
    lines = (_DEVICE / f"{name}.py").read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines if line.strip() and not line.lstrip().startswith("#")) + "\n"


def run(
    port: str,
    scripts: Sequence[str],
    then: Sequence[str] = (),
    *,
    heard: Tell = lambda line: None,
    tell: Tell = lambda line: None,
) -> list[str]:
    """Have the board run the scripts, one after the other, and mpremote the command `then` at the end.

    Returns what was said, a line each; `heard` gets each as it comes, `tell` what a person should know. A
    board that does not answer is tried again: it may still be busy with the host that was, and last it is
    reset. Raises BoardError.
    """
    if find_spec("mpremote") is None:
        raise ToolMissingError("mpremote")
    for again in (_wake, _hard_reset):
        try:
            return _run_once(port, scripts, then, heard)
        except SilentBoardError:
            tell("the board does not answer yet; trying again")
            again(port)
    return _run_once(port, scripts, then, heard)


def _run_once(port: str, scripts: Sequence[str], then: Sequence[str], heard: Tell) -> list[str]:
    with tempfile.TemporaryDirectory(prefix="ossicle-") as folder:  # mode 0700
        words = ["connect", port]
        for number, text in enumerate(scripts):
            path = Path(folder) / f"{number:03}.py"
            path.write_text(text, encoding="utf-8")
            words += ["run", str(path), "+"]
        words += then
        with _process(words, folder) as process:
            said = list(_lines(process, port, heard))
            code = process.wait()
    if code:
        raise explain("\n".join(said), port)
    return said


@contextmanager
def _process(words: Sequence[str], folder: str) -> Iterator[subprocess.Popen[bytes]]:
    """mpremote with these words; it is gone when the body is left, however that happens.

    -P: a file mpremote.py or serial.py in the working folder is none of ours. Nor is the user's configuration
    of mpremote, which may give its commands another meaning.
    """
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "mpremote", *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "XDG_CONFIG_HOME": folder, "PYTHONUNBUFFERED": "1"},
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def _lines(process: subprocess.Popen[bytes], port: str, heard: Tell) -> Iterator[str]:
    """What the process says, as it comes. Ends it when it says nothing for long, or too much."""
    lines: queue.Queue[bytes] = queue.Queue(1000)
    stdout = process.stdout
    assert stdout is not None

    def read() -> None:
        with suppress(OSError, ValueError, queue.Full):
            for line in iter(lambda: stdout.readline(_LINE_MAX_BYTES), b""):
                lines.put(line, timeout=_IDLE_S)
        with suppress(queue.Full):
            lines.put(b"", timeout=_IDLE_S)

    threading.Thread(target=read, name="ossicle-mpremote", daemon=True).start()
    left = _SAID_MAX_BYTES
    while True:
        try:
            line = lines.get(timeout=_IDLE_S)
        except queue.Empty:
            raise SilentBoardError(
                f"{port}: the board said nothing for {_IDLE_S:.0f} s; wait two minutes, in which a firmware "
                "that hangs is ended, and try again; or reset it",
                port,
            ) from None
        if not line:
            return
        left -= len(line)
        if left < 0:
            raise BoardError(f"{port}: the board says too much; reset it and try again", port)
        text = line.decode("utf-8", "replace").rstrip("\r\n")
        heard(text)
        yield text


def _wake(port: str) -> None:
    """Wait until the firmware is back at the REPL's speed, and end a `mount` that was cut off.

    That one reads up to thirty bytes before it gives up, deaf to Ctrl-C.
    """
    time.sleep(_HOST_GONE_S)
    with _opened(port) as line:
        if line is not None:
            line.write(b"\r\x03" * 20)
            time.sleep(0.5)


def _hard_reset(port: str) -> None:
    """By RTS, which is wired to the reset of most boards, as esptool has it; no harm where it is not."""
    with _opened(port) as line:
        if line is not None:
            line.dtr = False
            line.rts = True
            time.sleep(0.1)
            line.rts = False
    time.sleep(1.5)


@contextmanager
def _opened(port: str) -> Iterator[serial.SerialBase | None]:
    """The port, or None where it cannot be opened: mpremote will say why, also where it has no such wire."""
    try:
        line = serial.serial_for_url(port, 115200, timeout=0, write_timeout=2)
    except (OSError, ValueError):
        yield None
        return
    with suppress(OSError, ValueError), line:
        yield line
